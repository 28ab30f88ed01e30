//! What happens when the object store fails, in every way that one can: a proxy in front of a real Garage (docs/crash.md).
//!
//! Whatever happens to the store: uploads succeed or fail clearly within a bounded time, `/readyz` says what is wrong
//! at once, nothing is acknowledged that is not stored, and all is well again by itself when the store is.

mod large;
pub(crate) mod proxy;

use std::time::{Duration, Instant};

use lantai::domain::Sha256Digest;
use serde_json::Value;

use crate::garage::Garage;
use crate::server::{Desk, Server, Setting};
use proxy::{Fault, Proxy, Rule};

/// The longest that a client waits for an answer: what the settings below add up to, and a busy machine.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);
/// The longest that `/readyz` may take.
const LONGEST_READY: Duration = Duration::from_secs(5);
/// The longest until all is well again.
const LONGEST_RECOVERY: Duration = Duration::from_secs(30);

const MIB: usize = 1 << 20;

fn through(garage: &Garage, port: u16, prefix: &str) -> Setting {
    garage
        .setting(prefix)
        .with(
            "LANTAI_OBJECTS",
            &format!("s3://scans/{prefix}?endpoint=http://127.0.0.1:{port}&region=garage"),
        )
        .with("LANTAI_S3_ATTEMPTS", "3")
        .with("LANTAI_S3_TIMEOUT_SECONDS", "3")
        .with("LANTAI_S3_PATIENCE_SECONDS", "8")
        .with("LANTAI_JOURNAL_PATIENCE_SECONDS", "10")
}

/// What a client sends and what it was told.
struct Sender {
    desk: Desk,
    dossier: String,
    sent: usize,
    /// Documents that were acknowledged, with the digest of what was sent.
    acknowledged: Vec<(String, String)>,
}

/// One answer, and how long it took.
#[derive(Debug)]
struct Told {
    status: u16,
    code: String,
    took: Duration,
}

impl Sender {
    async fn new(server: &Server) -> Self {
        let desk = server.desk("li").await;
        let dossier = desk.dossier("客户").await;
        Self { desk, dossier, sent: 0, acknowledged: Vec::new() }
    }

    /// The content of paper number `number`: of no type that is read.
    fn paper(number: usize, size: usize) -> Vec<u8> {
        (0..size).map(|at| if at == 0 { 0 } else { (at / 3 * 31 + number * 7) as u8 | 0x80 }).collect()
    }

    /// Uploads the paper that is on the desk, under its key: again, if it was not acknowledged.
    async fn upload(&mut self, size: usize) -> Told {
        let bytes = Self::paper(self.sent, size);
        let digest = Sha256Digest::of(&bytes).to_string();
        let query = [("dossier", self.dossier.as_str()), ("kind", "person_id")];
        let request =
            self.desk.upload_request(&query, bytes).header("idempotency-key", self.sent.to_string());
        let begun = Instant::now();
        let response = request.send().await.unwrap();
        let (status, retry) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
        let body: Value = response.json().await.unwrap();
        let took = begun.elapsed();
        if matches!(status, 200 | 201) {
            self.sent += 1;
            self.acknowledged.push((body["id"].as_str().unwrap().to_owned(), digest));
        }
        assert_eq!(status == 503, retry, "{body}");
        Told { status, code: body["code"].as_str().unwrap_or_default().to_owned(), took }
    }

    /// Reads everything that was acknowledged.
    async fn read_back(&self) {
        for (id, digest) in &self.acknowledged {
            let content = self.desk.request(reqwest::Method::GET, &format!("/api/v1/documents/{id}/content"));
            let bytes = content.send().await.unwrap().bytes().await.unwrap();
            assert_eq!(Sha256Digest::of(&bytes).to_string(), *digest);
        }
    }
}

async fn ready(base: &str) -> Told {
    let begun = Instant::now();
    let response = reqwest::get(format!("{base}/readyz")).await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    for problem in body["problems"].as_array().unwrap() {
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.is_empty() && !detail.starts_with("trouble-"), "the problem has no words: {body}");
    }
    Told { status, code: body["object_store"].as_str().unwrap().to_owned(), took: begun.elapsed() }
}

/// Returns how long it took until all was well again.
async fn recovered(base: &str) -> Duration {
    let begun = Instant::now();
    while ready(base).await.status != 200 {
        assert!(begun.elapsed() < LONGEST_RECOVERY, "it does not recover");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    begun.elapsed()
}

/// What is expected of one way of failing: the upload's status, and what `/readyz` says of the store.
struct Expected {
    name: &'static str,
    upload: (u16, &'static str),
    ready: &'static str,
}

/// Uploads while the store fails, looks at `/readyz`, heals the store, and uploads the same paper again.
async fn outage(sender: &mut Sender, expected: &Expected, size: usize, heal: impl AsyncFn()) -> String {
    let told = sender.upload(size).await;
    assert_eq!((told.status, told.code.as_str()), expected.upload, "{}", expected.name);
    assert!(told.took < LONGEST_ANSWER, "{}: {:?}", expected.name, told.took);
    // A good answer of the store is believed for a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let said = ready(&sender.desk.base).await;
    assert_eq!(said.code, expected.ready, "{}", expected.name);
    assert_eq!(said.status == 200, expected.ready == "ok", "{}", expected.name);
    assert!(said.took < LONGEST_READY, "{}: {:?}", expected.name, said.took);
    heal().await;
    let recovery = recovered(&sender.desk.base).await;
    if told.status >= 300 {
        let again = sender.upload(size).await;
        assert!(matches!(again.status, 200 | 201), "{}: {again:?}", expected.name);
    }
    format!(
        "| {} | {} {} | {:.1} s | {} | {:.1} s | {:.1} s |",
        expected.name,
        told.status,
        told.code,
        told.took.as_secs_f64(),
        said.code,
        said.took.as_secs_f64(),
        recovery.as_secs_f64(),
    )
}

/// Starts again without the proxy, reads back all that was acknowledged, and verifies every byte.
async fn check(mut server: Server, mut sender: Sender, setting: Setting) {
    server.stop();
    server.setting = setting;
    server.start();
    sender.desk = server.desk("li").await;
    sender.read_back().await;
    let dossier = sender.desk.get(&format!("/api/v1/dossiers/{}", sender.dossier)).await.ok();
    assert_eq!(dossier["documents"].as_array().unwrap().len(), sender.acknowledged.len(), "none is doubled");
    // What failed puts may have left is swept at a start that follows no orderly stop.
    server.kill();
    server.start();
    server.stop();
    let out = server.run(&["verify", "--full"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

const HEAD: &str = "| the store | upload | after | readyz | after | well again after |\n| --- | --- | --- | --- | --- | --- |";

async fn rows(prefix: &str, size: usize, cases: &[(Rule, Expected)]) {
    let Some(garage) = Garage::start() else { return };
    let proxy = Proxy::start(garage.port).await;
    let server = Server::new(through(&garage, proxy.port, prefix));
    let mut sender = Sender::new(&server).await;
    assert_eq!(sender.upload(size).await.status, 201);
    let mut table = vec![HEAD.to_owned()];
    for (rule, expected) in cases {
        let before = proxy.broken();
        proxy.set(*rule);
        table.push(outage(&mut sender, expected, size, async || proxy.heal()).await);
        assert!(proxy.broken() > before, "{}: nothing was broken", expected.name);
    }
    println!("{}", table.join("\n"));
    check(server, sender, garage.setting(prefix)).await;
}

const UNAVAILABLE: (u16, &str) = (503, "store_unavailable");

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses() {
    let answer = |status, code, message| Rule::always(Fault::Answer(status, code, message));
    let expected = |name, upload, ready| Expected { name, upload, ready };
    rows(
        "refuses",
        300_000,
        &[
            (
                Rule { times: 2, ..answer(503, "SlowDown", "slow down") },
                expected("503 twice, then good", (201, ""), "ok"),
            ),
            (answer(503, "SlowDown", "slow down"), expected("503 for ever", UNAVAILABLE, "unavailable")),
            (answer(500, "InternalError", ""), expected("500 for ever", UNAVAILABLE, "unavailable")),
            (answer(400, "ExpiredToken", ""), expected("400 ExpiredToken", UNAVAILABLE, "denied")),
            (
                answer(403, "InvalidAccessKeyId", ""),
                expected("403 InvalidAccessKeyId", UNAVAILABLE, "denied"),
            ),
            (
                answer(403, "RequestTimeTooSkewed", ""),
                expected("403 RequestTimeTooSkewed", UNAVAILABLE, "clock_skew"),
            ),
            (answer(404, "NoSuchBucket", ""), expected("404 NoSuchBucket", UNAVAILABLE, "wrong_bucket")),
            (
                answer(400, "AuthorizationHeaderMalformed", ""),
                expected("400, another region", UNAVAILABLE, "wrong_bucket"),
            ),
            (
                Rule { method: "PUT", ..answer(507, "InsufficientStorage", "") },
                expected("507 to puts", (507, "store_full"), "full"),
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_breaks_off() {
    let expected = |name, upload, ready| Expected { name, upload, ready };
    rows(
        "breaks",
        300_000,
        &[
            (Rule::puts(Fault::ResetIn(100_000), 1), expected("reset in a request, once", (201, ""), "ok")),
            (
                Rule::always(Fault::ResetIn(100_000)),
                expected("reset in every request", UNAVAILABLE, "unavailable"),
            ),
            (Rule::puts(Fault::ResetAfter, 1), expected("put done, answer lost, once", (201, ""), "ok")),
            (
                Rule::puts(Fault::ResetAfter, u64::MAX),
                expected("every put done, answer lost", UNAVAILABLE, "unavailable"),
            ),
            (Rule::puts(Fault::HalfAnswer, 1), expected("half an answer to a put, once", (201, ""), "ok")),
            (Rule::always(Fault::HalfAnswer), expected("half of every answer", UNAVAILABLE, "unavailable")),
            (Rule::always(Fault::Refused), expected("connections reset at once", UNAVAILABLE, "unavailable")),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_slow() {
    let expected = |name, upload, ready| Expected { name, upload, ready };
    rows(
        "slow",
        300_000,
        &[
            (Rule::puts(Fault::Silence, 1), expected("no answer, once", (201, ""), "ok")),
            (Rule::always(Fault::Silence), expected("never an answer", UNAVAILABLE, "unavailable")),
            (
                Rule::always(Fault::SlowAnswer(20)),
                expected("answers of 20 bytes a second", UNAVAILABLE, "unavailable"),
            ),
            (Rule::always(Fault::Stall(40)), expected("answers that stall", UNAVAILABLE, "unavailable")),
        ],
    )
    .await;
}
