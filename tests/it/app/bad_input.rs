//! Wrong, broken and unlucky requests: each is answered with its code, and changes nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::prelude::{BASE64_STANDARD, Engine};
use lantai::domain::Sha256Digest;
use serde_json::{Value, json};

use crate::app::{Answer, Client, DEADLINE, Standing, TestApp, lantai, pdf, program, said, text, until};

const LIMIT_BYTES: usize = 20_000;

/// An adviser with a case on an archive that takes only small documents.
struct Desk {
    app: TestApp,
    li: Client,
    case: Value,
    dossier: String,
}

impl Desk {
    async fn open() -> Self {
        let app = TestApp::start_with(|config| {
            config.limits.document_bytes = LIMIT_BYTES as u64;
            config.journal.patience_seconds = 5;
        })
        .await;
        let li = app.sign_in("li").await;
        let dossier = li.open_dossier("客户").await;
        let case = li.start_case(&dossier, 2).await;
        Self { app, li, case, dossier }
    }

    fn upload(&self) -> reqwest::RequestBuilder {
        self.li.upload_to(&self.dossier, "person_id", &[])
    }

    async fn standing(&self) -> Standing {
        self.app.standing(Some(&text(&self.case["id"]))).await
    }

    /// Sends a request that must be refused with this status and code and change nothing.
    async fn refused(&self, request: reqwest::RequestBuilder, status: u16, code: &str) -> Value {
        let before = self.standing().await;
        let problem = Answer::of(request).await.problem(status, code);
        assert_eq!(self.standing().await, before, "{code}");
        problem
    }
}

fn repr_digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256Digest::of(bytes).as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_are_wrong_are_refused_and_leave_nothing() {
    let desk = Desk::open().await;
    let good = pdf(&["身份证"]);
    let wrong = repr_digest(b"something else");
    desk.refused(desk.upload().header("repr-digest", wrong).body(good.clone()), 400, "wrong_digest").await;
    desk.refused(
        desk.upload().header("repr-digest", "sha-256=:short:").body(good.clone()),
        400,
        "bad_request",
    )
    .await;
    desk.refused(desk.upload(), 422, "empty").await;
    let nowhere = "0".repeat(26);
    let unknown = desk.li.upload_to(&nowhere, "person_id", &[]).body(good.clone());
    desk.refused(unknown, 404, "unknown_dossier").await;
    let unknown = desk.li.upload_to("not an id", "person_id", &[]).body(good.clone());
    desk.refused(unknown, 400, "bad_request").await;
    let unknown = desk.li.upload_to(&desk.dossier, "passport", &[]).body(good.clone());
    desk.refused(unknown, 422, "unknown_kind").await;
    let unknown =
        desk.li.upload_to(&desk.dossier, "person_id", &[("case", nowhere.as_str())]).body(good.clone());
    desk.refused(unknown, 404, "unknown_case").await;
    let other = desk.li.open_dossier("另一客户").await;
    let case = text(&desk.case["id"]);
    let elsewhere = desk.li.upload_to(&other, "person_id", &[("case", case.as_str())]).body(good.clone());
    desk.refused(elsewhere, 422, "case_of_other_dossier").await;
    let nobody = Client { token: String::new(), ..desk.li.clone() };
    desk.refused(
        nobody.upload_to(&desk.dossier, "person_id", &[]).body(good.clone()),
        401,
        "unauthenticated",
    )
    .await;
    let sun = desk.app.sign_in("sun").await;
    desk.refused(sun.upload_to(&desk.dossier, "person_id", &[]).body(good.clone()), 403, "forbidden").await;

    // None of this has hurt: the right one goes in.
    let right = desk.upload().header("repr-digest", repr_digest(&good)).body(good.clone());
    assert_eq!(Answer::of(right).await.created()["sha256"], json!(Sha256Digest::of(&good).to_string()));
    desk.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_however_it_comes() {
    let desk = Desk::open().await;
    let large = vec![7; LIMIT_BYTES + 1];
    desk.refused(desk.upload().body(large.clone()), 413, "too_large").await;
    let pieces: Vec<std::io::Result<Vec<u8>>> = large.chunks(1000).map(|piece| Ok(piece.to_vec())).collect();
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    desk.refused(desk.upload().body(chunked), 413, "too_large").await;
    Answer::of(desk.upload().body(vec![7; LIMIT_BYTES])).await.created();
    let long = json!({ "kind": "customer", "facts": { "name": "x".repeat(2 << 20), "kind": "person" } });
    let request = desk.li.request(reqwest::Method::POST, "/api/v1/dossiers").json(&long);
    desk.refused(request, 413, "too_large").await;
    desk.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_leaves_nothing() {
    let desk = Desk::open().await;
    let before = desk.standing().await;
    let address = desk.app.base.strip_prefix("http://").unwrap().to_owned();
    let head = |length: &str| {
        format!(
            "POST /api/v1/documents?dossier={}&kind=person_id HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n{length}\r\n\r\n",
            desk.dossier, desk.li.token
        )
    };
    for (head, body) in [
        (head("Content-Length: 10000"), vec![7; 5000]),
        (head("Transfer-Encoding: chunked"), [b"1000\r\n".as_slice(), &[7; 0x800]].concat()),
    ] {
        let mut connection = TcpStream::connect(&address).unwrap();
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(&body).unwrap();
        // The half-closed connection cannot bring the rest; whatever the server says, it must be no success.
        connection.shutdown(std::net::Shutdown::Write).unwrap();
        connection.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.is_empty() || answer.contains("\"code\":\"broken\""), "{answer}");
    }
    assert!(until(|| async { uploads_under_way(&desk).await == "lantai_uploads_under_way 0" }).await);
    assert_eq!(desk.standing().await, before);
    desk.app.finish().await;
}

async fn uploads_under_way(desk: &Desk) -> String {
    let metrics = String::from_utf8(desk.li.get("/metrics").await.body).unwrap();
    metrics.lines().find(|line| line.starts_with("lantai_uploads_under_way ")).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_twice_is_one_document() {
    let desk = Desk::open().await;
    let good = pdf(&["身份证"]);
    let case = text(&desk.case["id"]);
    let send = |bytes: &[u8]| {
        let request = desk.li.upload_to(&desk.dossier, "person_id", &[("case", case.as_str())]);
        request.header("idempotency-key", "one").body(bytes.to_vec())
    };
    let first = Answer::of(send(&good)).await.created();
    let before = desk.standing().await;
    assert_eq!(Answer::of(send(&good)).await.ok()["id"], first["id"]);
    assert_eq!(desk.standing().await, before);
    desk.refused(send(&pdf(&["另一份"])), 422, "key_reused").await;
    // Another person's key of the same name is another key.
    let station = desk.app.sign_in("station").await;
    let other = station
        .upload_to(&desk.dossier, "person_id", &[])
        .header("idempotency-key", "one")
        .body(good.clone());
    assert_ne!(Answer::of(other).await.created()["id"], first["id"]);
    // Two at once with a new key: one document, whoever wins.
    let race = || Answer::of(desk.upload().header("idempotency-key", "race").body(good.clone()));
    let (a, b) = tokio::join!(race(), race());
    assert_eq!(a.json()["id"], b.json()["id"]);
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    desk.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_actions_at_once_one_wins() {
    let desk = Desk::open().await;
    let (wang, feng) = (desk.app.sign_in("wang").await, desk.app.sign_in("feng").await);
    for round in 1..=3_u64 {
        let case = desk.li.get(&format!("/api/v1/cases/{}", text(&desk.case["id"]))).await.ok();
        let case = desk.li.act(&case, "submit", json!({})).await.ok();
        let said = || json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1 });
        let (a, b) = tokio::join!(wang.act(&case, "return", said()), feng.act(&case, "return", said()));
        let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
        assert_eq!(won.ok()["state"], "correction");
        // Whoever comes second sees another state, or another version of the same.
        let code = text(&lost.json()["code"]);
        assert!(["wrong_state", "stale_version", "conflict"].contains(&code.as_str()), "{code}");
        lost.problem(409, &code);
        let account = wang.get("/api/v1/penalties").await.ok();
        assert_eq!(account["entries"].as_array().unwrap().len() as u64, round);
        assert_eq!(account["totals"], json!({ "li": (1 << round) - 1 }));
    }
    desk.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_object_store_nothing_is_taken_and_nothing_lost() {
    let desk = Desk::open().await;
    let good = pdf(&["身份证"]);
    let before = desk.standing().await;
    desk.app.faults.set_down(true);
    for _ in 0..3 {
        Answer::of(desk.upload().body(good.clone())).await.problem(503, "store_unavailable");
    }
    let facts = json!({ "kind": "customer", "facts": { "name": "x", "kind": "person" } });
    desk.li.post("/api/v1/dossiers", &facts).await.problem(503, "store_unavailable");
    assert_eq!(desk.li.get("/readyz").await.status, 503);
    assert_eq!(desk.li.get("/healthz").await.status, 200);
    desk.app.faults.set_down(false);
    assert_eq!(desk.standing().await, before);
    assert!(until(|| async { desk.li.get("/readyz").await.status == 200 }).await, "it is ready again");
    Answer::of(desk.upload().body(good)).await.created();
    desk.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_while_the_store_is_away_happens_once_or_not_at_all() {
    let desk = Desk::open().await;
    let wang = desk.app.sign_in("wang").await;
    let case = desk.li.act(&desk.case, "submit", json!({})).await.ok();
    desk.app.settle().await;
    desk.app.faults.set_down(true);
    let said = || json!({ "reason": "missing", "documents": ["person_id"], "contracts": 2 });
    // It is in the log and not yet safe: the answer says so, and must not be a success.
    wang.act(&case, "return", said()).await.problem(503, "not_durable");
    // From now on nothing more is even begun.
    desk.li
        .act(&desk.li.case(&text(&case["id"])).await, "submit", json!({}))
        .await
        .problem(503, "store_unavailable");
    desk.app.faults.set_down(false);
    desk.app.settle().await;
    let again = wang.act(&case, "return", said()).await;
    again.problem(409, "wrong_state");
    assert_eq!(wang.get("/api/v1/penalties").await.ok()["totals"], json!({ "li": 2 }));
    assert_eq!(wang.case(&text(&case["id"])).await["state"], "correction");
    desk.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_takes_nothing() {
    let desk = Desk::open().await;
    let before = desk.standing().await;
    desk.app.faults.set_full(true);
    Answer::of(desk.upload().body(pdf(&["x"]))).await.problem(507, "store_full");
    desk.app.faults.set_full(false);
    assert_eq!(desk.standing().await, before);
    Answer::of(desk.upload().body(pdf(&["x"]))).await.created();
    desk.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_cannot_be_understood_have_a_code_too() {
    let desk = Desk::open().await;
    let post = |path: &str, body: &'static str| {
        desk.li.request(reqwest::Method::POST, path).header("content-type", "application/json").body(body)
    };
    let case = format!("/api/v1/cases/{}/actions/submit", text(&desk.case["id"]));
    desk.refused(post(&case, "{"), 400, "bad_request").await;
    desk.refused(post(&case, "{}"), 400, "bad_request").await;
    desk.refused(post(&case, r#"{"version": 1, "reasons": "missing"}"#), 400, "bad_request").await;
    desk.refused(post("/api/v1/nothing", "{}"), 404, "not_found").await;
    desk.refused(post("/api/v1/search", "{}"), 405, "method_not_allowed").await;
    desk.refused(post("/api/v1/cases/nonsense/actions/submit", r#"{"version": 1}"#), 404, "unknown_case")
        .await;
    let facts = r#"{"kind": "customer", "facts": {"kind": "person"}}"#;
    desk.refused(post("/api/v1/dossiers", facts), 422, "bad_facts").await;
    let workflow = json!({ "workflow": "nothing", "dossier": desk.dossier });
    desk.refused(
        desk.li.request(reqwest::Method::POST, "/api/v1/cases").json(&workflow),
        422,
        "unknown_workflow",
    )
    .await;
    for contracts in [0, 1_000_000] {
        let new = json!({ "workflow": "customer-intake", "dossier": desk.dossier, "contracts": contracts });
        desk.refused(desk.li.request(reqwest::Method::POST, "/api/v1/cases").json(&new), 422, "bad_value")
            .await;
    }
    let get = |path: &str| desk.li.request(reqwest::Method::GET, path);
    desk.refused(get("/api/v1/documents/nonsense"), 404, "unknown_document").await;
    desk.refused(get("/api/v1/penalties?month=soon"), 400, "bad_request").await;
    desk.refused(get("/api/v1/users"), 403, "forbidden").await;
    let cross = post("/api/v1/session", "{}").header("sec-fetch-site", "cross-site");
    desk.refused(cross, 403, "cross_site").await;
    let password = json!({ "user": "li", "password": "not this" });
    let request = || desk.li.request(reqwest::Method::POST, "/api/v1/session").json(&password);
    for _ in 1..desk.app.app.config.limits.wrong_passwords {
        desk.refused(request(), 401, "wrong_password").await;
    }
    // The last one makes the name pause, which is in the log.
    let size = desk.app.app.journal.health().size;
    assert_eq!(Answer::of(request()).await.status, 401);
    assert!(until(|| async { desk.app.app.journal.health().size > size }).await);
    desk.refused(request(), 429, "too_many_attempts").await;
    desk.app.finish().await;
}

#[test]
fn a_pack_with_mistakes_is_told_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let bundled = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows/customer-service");
    let pack = dir.path().join("pack");
    copy_folder(&bundled, &pack);
    let check = |pack: &std::path::Path| {
        lantai(&dir.path().join("none"), &["--json", "pack", "check", pack.to_str().unwrap()])
    };
    assert_eq!(
        check(&bundled).status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&check(&bundled).stdout)
    );
    let intake = std::fs::read_to_string(pack.join("intake.yaml")).unwrap();
    let broken = intake
        .replacen("to: review", "to: nowhere", 1)
        .replacen("        not_by: case.submitted_by     # four eyes\n", "", 1)
        .replacen("when: checklist.complete\n", "when: checklist.compleat\n", 1);
    std::fs::write(pack.join("intake.yaml"), broken).unwrap();
    let output = check(&pack);
    assert_eq!(output.status.code(), Some(1));
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let codes: Vec<&str> = findings.as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    for code in ["E01", "E13", "E14"] {
        assert!(codes.contains(&code), "{code} is not among {codes:?}");
    }
    assert!(
        findings.as_array().unwrap().iter().all(|f| f["line"].as_u64().unwrap() > 0 && f["hint"].is_object())
    );
    std::fs::write(pack.join("intake.yaml"), "{").unwrap();
    assert_eq!(check(&pack).status.code(), Some(1), "what is no YAML is a finding, not a crash");
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_locked_key_opens_only_with_its_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let (data, secret) = (dir.path().join("data"), dir.path().join("passphrase"));
    let run = |words: &str, args: &[&str]| {
        std::fs::write(&secret, words).unwrap();
        program(&data).env("LANTAI_PASSPHRASE_FILE", &secret).args(args).output().unwrap()
    };
    let recovery = dir.path().join("recovery.key");
    said(&run("correct horse\n", &["init", "--recovery-out", recovery.to_str().unwrap()]));
    let key = std::fs::read(data.join("archive.key")).unwrap();
    assert!(!String::from_utf8_lossy(&key).contains("AGE-SECRET-KEY"));
    for output in [run("wrong horse", &["verify"]), lantai(&data, &["verify"])] {
        assert_eq!(output.status.code(), Some(2));
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(complaint.to_lowercase().contains("passphrase"), "{complaint}");
        assert!(!complaint.contains("horse"), "{complaint}");
    }
    assert_eq!(std::fs::read(data.join("archive.key")).unwrap(), key);
    said(&run("correct horse", &["verify"]));
    // Somebody's second thought must not cost an archive.
    assert_eq!(run("correct horse", &["init"]).status.code(), Some(2));
    assert_eq!(std::fs::read(data.join("archive.key")).unwrap(), key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_folder_is_refused() {
    let desk = Desk::open().await;
    let before = desk.standing().await;
    let data = desk.app.dir.path().join("data");
    for args in [["serve", "--listen", "127.0.0.1:0"].as_slice(), &["verify"], &["user", "list"]] {
        let output = lantai(&data, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("another Lantai works on"));
    }
    assert_eq!(desk.standing().await, before);
    desk.app.finish().await;
}
