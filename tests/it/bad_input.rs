//! Bad input: a clear error, nothing changed, nothing lost.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::prelude::{BASE64_STANDARD, Engine};
use lantai::domain::Sha256Digest;
use serde_json::{Value, json};

use crate::server::{Answer, Desk, Server, Setting};

fn repr_digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256Digest::of(bytes).as_bytes()))
}

async fn documents(desk: &Desk, dossier: &str) -> usize {
    desk.get(&format!("/api/v1/dossiers/{dossier}")).await.ok()["documents"].as_array().unwrap().len()
}

#[tokio::test]
async fn uploads_that_are_wrong_leave_nothing_behind() {
    let server = Server::new(Setting::default().with("LANTAI_LIMITS_DOCUMENT_BYTES", "100000"));
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let query = [("dossier", dossier.as_str()), ("kind", "person_id")];
    let objects = server.files("lantai-data/objects/documents").len();

    let wrong = li.upload_request(&query, b"content".to_vec()).header("repr-digest", repr_digest(b"other"));
    li.send(wrong).await.is(400, "wrong_digest");
    let nonsense = li.upload_request(&query, b"content".to_vec()).header("repr-digest", "sha-256=nonsense");
    li.send(nonsense).await.is(400, "bad_request");
    li.upload(&query, Vec::new()).await.is(422, "empty");
    li.upload(&query, vec![7; 100_001]).await.is(413, "too_large");
    let pieces = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![7_u8; 10_000])));
    let chunked = li.upload_request(&query, Vec::new()).body(reqwest::Body::wrap_stream(pieces));
    li.send(chunked).await.is(413, "too_large");
    li.upload(&[("dossier", &dossier), ("kind", "no_such_kind")], b"x".to_vec())
        .await
        .is(422, "unknown_kind");
    let unknown = "00000000000000000000000000";
    li.upload(&[("dossier", unknown), ("kind", "person_id")], b"x".to_vec()).await.is(404, "unknown_dossier");
    li.upload(&[("dossier", "../../x"), ("kind", "person_id")], b"x".to_vec()).await.is(400, "bad_request");
    li.upload(&[("dossier", &dossier), ("kind", "person_id"), ("case", unknown)], b"x".to_vec())
        .await
        .is(404, "unknown_case");
    cut_half_way(&server.base, &li.token, &dossier);

    assert_eq!(documents(&li, &dossier).await, 0);
    assert_eq!(server.files("lantai-data/objects/documents").len(), objects);
    assert_eq!(server.files("lantai-data/objects/.incoming").len(), 0);
    let right = li.upload_request(&query, b"content".to_vec()).header("repr-digest", repr_digest(b"content"));
    assert_eq!(li.send(right).await.ok()["sha256"], Sha256Digest::of(b"content").to_string());
}

/// Says 50,000 bytes, sends 10,000, and goes away.
fn cut_half_way(base: &str, token: &str, dossier: &str) {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /api/v1/documents?dossier={dossier}&kind=person_id HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Length: 50000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&[7; 10_000]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "half a body is no document");
}

#[tokio::test]
async fn the_same_upload_twice_is_one_document() {
    let server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let send = async |bytes: &[u8], key: &str| {
        let request = li.upload_request(&[("dossier", &dossier), ("kind", "person_id")], bytes.to_vec());
        li.send(request.header("idempotency-key", key)).await
    };
    let first = send(b"content", "key-1").await;
    assert_eq!(first.status, 201);
    let again = send(b"content", "key-1").await;
    assert_eq!((again.status, &again.body["id"]), (200, &first.body["id"]));
    send(b"other", "key-1").await.is(422, "key_reused");
    let (a, b) = tokio::join!(send(b"racing", "key-2"), send(b"racing", "key-2"));
    assert_eq!(a.ok()["id"], b.ok()["id"]);
    assert_eq!(documents(&li, &dossier).await, 2);
    assert_eq!(
        server.files("lantai-data/objects/documents").iter().filter(|p| p.ends_with("original.age")).count(),
        2
    );
}

#[tokio::test]
async fn of_two_who_act_at_once_one_wins() {
    let server = Server::new(Setting::default());
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    let dossier = li.dossier("客户").await;
    for _ in 0..5 {
        let before = wang.points("li").await;
        let case = li.case(&dossier, 1).await;
        let submitted = li.act(&case, "submit", json!({})).await.ok();
        let said = json!({ "version": submitted["version"], "reason": "missing", "documents": ["person_id"], "contracts": 1 });
        let racing = (0..4).map(|_| wang.act(&case, "return", said.clone()));
        let answers: Vec<Answer> = futures::future::join_all(racing).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        let lost = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((won, lost), (1, 3), "{answers:?}");
        assert_eq!(wang.points("li").await, before + 1, "the penalty is booked once");
    }
}

#[tokio::test]
async fn requests_that_cannot_be_understood_get_a_problem_in_the_callers_language() {
    let server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let post = |body: &'static str| {
        li.request(reqwest::Method::POST, "/api/v1/dossiers")
            .header("content-type", "application/json")
            .body(body)
    };
    li.send(post("{")).await.is(400, "bad_request");
    li.send(post("[]")).await.is(400, "bad_request");
    li.send(post(r#"{"kind": "customer", "facts": {}}"#)).await.is(422, "bad_facts");
    li.send(post(r#"{"kind": "starship", "facts": {"name": "x"}}"#)).await.is(422, "bad_facts");
    let large = format!("{{\"kind\": \"{}\"}}", "x".repeat(2 << 20));
    let large = li
        .request(reqwest::Method::POST, "/api/v1/dossiers")
        .header("content-type", "application/json")
        .body(large);
    li.send(large).await.is(413, "too_large");
    li.get("/api/v1/nothing").await.is(404, "not_found");
    let english = li.request(reqwest::Method::GET, "/api/v1/documents/x").header("accept-language", "en-GB");
    assert_eq!(li.send(english).await.is(404, "unknown_document")["detail"], "There is no such document.");
    let chinese = li.request(reqwest::Method::GET, "/api/v1/documents/x").header("accept-language", "zh-CN");
    assert_eq!(li.send(chinese).await.is(404, "unknown_document")["detail"], "没有这份资料。");
    let stranger = Desk { token: "x".into(), ..li.clone() };
    stranger.get("/api/v1/queue").await.is(401, "unauthenticated");
    let cross = li
        .request(reqwest::Method::POST, "/api/v1/dossiers")
        .header("sec-fetch-site", "cross-site")
        .json(&json!({}));
    li.send(cross).await.is(403, "cross_site");
}

#[tokio::test]
async fn wrong_passwords_are_slowed_down() {
    let server = Server::new(Setting::default().with("LANTAI_LIMITS_WRONG_PASSWORDS", "3"));
    let li = server.desk("li").await;
    let sign_in = async |password: &str| {
        li.post("/api/v1/session", json!({ "user": "li", "password": password })).await
    };
    for _ in 0..3 {
        sign_in("wrong").await.is(401, "wrong_password");
    }
    sign_in("advisor-password").await.is(429, "too_many_attempts");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let server = Server::new(Setting::default());
    let out = server.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("--server"), "{out:?}");
    let out = server.run(&["init"]);
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn a_locked_key_needs_its_passphrase() {
    let setting = Setting::default().with("LANTAI_PASSPHRASE_FILE", "passphrase");
    let folder = tempfile::tempdir().unwrap();
    let run = |passphrase: &str, arguments: &[&str]| {
        std::fs::write(folder.path().join("passphrase"), passphrase).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lantai"));
        command.args(arguments).current_dir(folder.path()).envs(setting.variables.clone());
        command.output().unwrap()
    };
    assert!(run("correct horse", &["init", "--recovery-out", "recovery.key"]).status.success());
    let wrong = run("wrong", &["verify"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("passphrase"), "{wrong:?}");
    assert!(run("correct horse", &["verify"]).status.success());
    let exposed = folder.path().join("lantai-data/archive.key");
    std::fs::set_permissions(&exposed, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(run("correct horse", &["verify"]).status.code(), Some(2));
}

#[test]
fn a_pack_with_mistakes_is_listed_with_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let bundled = concat!(env!("CARGO_MANIFEST_DIR"), "/workflows/customer-service");
    let copied =
        std::process::Command::new("cp").args(["-r", bundled, "pack"]).current_dir(folder.path()).status();
    assert!(copied.unwrap().success());
    let check = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lantai"));
        let out =
            command.args(["pack", "check", "pack", "--json"]).current_dir(folder.path()).output().unwrap();
        (out.status.code(), serde_json::from_slice::<Value>(&out.stdout).unwrap())
    };
    assert_eq!(check(), (Some(0), json!([])));
    let path = folder.path().join("pack/intake.yaml");
    let text = std::fs::read_to_string(&path).unwrap().replacen("to: review", "to: nowhere", 1);
    let line = text.lines().position(|line| line.contains("nowhere")).unwrap() + 1;
    std::fs::write(&path, text).unwrap();
    let (code, findings) = check();
    assert_eq!(code, Some(1));
    let found = findings.as_array().unwrap().iter().find(|finding| finding["code"] == "E01").unwrap();
    assert_eq!((found["file"].as_str(), found["line"].as_u64()), (Some("intake.yaml"), Some(line as u64)));
}
