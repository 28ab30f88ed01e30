//! A running archive for tests: served on a free port, with people of every role, on a store that fails when told to.
//!
//! Whoever starts one has to [`finish`](TestApp::finish) it: then everything is verified, and the records must be
//! what a fresh replay of the log makes.

mod bad_input;
mod journeys;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use lantai::app::{App, Recovery};
use lantai::archive::Depth;
use lantai::cli::Running;
use lantai::cli::demo::paper;
use lantai::clock::Clock;
use lantai::config::Config;
use lantai::domain::Role;
use lantai::faults::Faults;
use lantai::objects::{Objects, Prefix};
use lantai::queue;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a test waits for what must happen, on a machine that may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Where there is no font: what a workflow orders to be filled in comes into the archive when it comes, and only tests that ask for
/// forms want that.
pub(crate) const NO_FONT: &str = "/nowhere/font";

const PASSWORD: &str = "a password for tests";

/// Names and roles of the people that a test can [sign in](TestApp::sign_in).
const PEOPLE: &[(&str, &[&str])] = &[
    ("li", &["advisor"]),
    ("sun", &["advisor"]),
    ("staff", &["cs_staff"]),
    ("wang", &["cs_manager"]),
    ("feng", &["cs_manager"]),
    ("zhao", &["gm"]),
    ("auditor", &["auditor"]),
    ("station", &["station"]),
    ("both", &["advisor", "cs_manager"]),
];

/// A running archive.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) faults: Faults,
    pub(crate) base: String,
    pub(crate) dir: TempDir,
    /// Sees everything, and leaves no trace in the log by it.
    watcher: Client,
    running: Option<Running>,
}

impl TestApp {
    /// An archive whose objects are in memory.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), "memory:", change).await
    }

    /// The same at a time of the test's own.
    pub(crate) async fn start_at(clock: Clock) -> Self {
        Self::start_with_clock(tempfile::tempdir().unwrap(), "memory:", clock, |_| {}).await
    }

    async fn start_in(dir: TempDir, objects_url: &str, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_with_clock(dir, objects_url, Clock::system(), change).await
    }

    /// The same with all of it chosen.
    pub(crate) async fn start_with_clock(
        dir: TempDir,
        objects_url: &str,
        clock: Clock,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config =
            Config { data: dir.path().join("data"), objects: objects_url.to_owned(), ..Config::default() };
        config.reading_program = Some(PathBuf::from(env!("CARGO_BIN_EXE_lantai")));
        config.reading_font = Some(NO_FONT.into());
        // Tests move the time; those of idle sessions say so.
        config.session.idle_minutes = config.session.hours * 60;
        change(&mut config);
        let (objects, faults) = Objects::open(objects_url, &config.s3).await.unwrap().with_faults();
        let recovery = Recovery::NewKeyFile(dir.path().join("recovery.key"));
        let fresh = App::init_on(config, clock, recovery, objects).await.unwrap();
        let running = Running::start(fresh.opened.app, "127.0.0.1:0").await.unwrap();
        let (app, base) = (running.app.clone(), format!("http://{}", running.address));
        let watcher = app.people.add(None, "watcher", vec![Role::new("gm")], None).await.unwrap();
        let token = app.people.make_token(watcher.id, watcher.id).await.unwrap().secret.to_string();
        let watcher = Client::new(&base, &token);
        Self { app, faults, base, dir, watcher, running: Some(running) }
    }

    /// One of [`PEOPLE`], added when first asked for, signed in through the door.
    pub(crate) async fn sign_in(&self, name: &str) -> Client {
        if self.app.people.by_name(name).unwrap().is_none() {
            let (_, roles) = PEOPLE.iter().find(|(known, _)| *known == name).unwrap();
            let roles = roles.iter().map(|role| Role::new(*role)).collect();
            self.app.people.add(None, name, roles, Some(PASSWORD)).await.unwrap();
        }
        let sign_in = json!({ "user": name, "password": PASSWORD });
        let signed = Client::new(&self.base, "").post("/api/v1/session", &sign_in).await.ok();
        Client::new(&self.base, &text(&signed["token"]))
    }

    /// Returns when no job waits and all entries are published.
    pub(crate) async fn settle(&self) {
        let done = || {
            let health = self.app.journal.health();
            queue::len(&self.app.records).unwrap() == 0 && health.size == health.published
        };
        assert!(until(|| async { done() }).await, "jobs or publishing do not come to an end");
    }

    /// What a refused request must not change: the log's length, every object, the case, the ledger.
    pub(crate) async fn standing(&self, case: Option<&str>) -> Standing {
        self.settle().await;
        let case = match case {
            Some(id) => self.watcher.case(id).await,
            None => Value::Null,
        };
        let ledger = self.watcher.get("/api/v1/penalties").await.ok();
        let listed = self.app.objects.list(Prefix::All).await.unwrap();
        let documents = listed.into_iter().map(|object| (object.path, object.size_bytes));
        let documents = documents.filter(|(path, _)| path.starts_with("documents/")).collect();
        Standing { log_size: self.app.journal.health().size, documents, case, ledger }
    }

    /// Stops, without a look at what was damaged on purpose.
    pub(crate) async fn abandon(mut self) {
        self.running.take().unwrap().stop().await.unwrap();
    }

    /// Stops, and verifies every byte and the records against a replay of the log.
    pub(crate) async fn finish(mut self) {
        self.faults.set_down(false);
        self.faults.set_full(false);
        self.settle().await;
        self.running.take().unwrap().stop().await.unwrap();
        let report = self.app.verify(Depth::Full, &|_, _| {}).await.unwrap();
        assert_eq!(report.problems, [], "the archive is not what its log says");
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.running.is_none(), "finish() was not called: nothing was verified");
        }
    }
}

/// What must stay as it is when something is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    log_size: u64,
    documents: Vec<(String, u64)>,
    pub(crate) case: Value,
    pub(crate) ledger: Value,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Client {
    /// Whoever has this token; nobody, if it is empty.
    pub(crate) fn new(base: &str, token: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: base.to_owned(), token: token.to_owned() }
    }

    /// A request with the caller's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request =
            self.http.request(method, format!("{}{path}", self.base)).header("accept-language", "en");
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// An upload, to be sent as it is or with more headers.
    pub(crate) fn upload_to(&self, dossier: &str, kind: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let request = self.request(Method::POST, "/api/v1/documents");
        request.query(&[("dossier", dossier), ("kind", kind)]).query(query)
    }

    /// An upload that succeeds.
    pub(crate) async fn upload(&self, case: &Value, kind: &str, bytes: Vec<u8>) -> Value {
        let (dossier, id) = (text(&case["dossier"]), text(&case["id"]));
        let query = [("case", id.as_str()), ("filename", "paper.pdf")];
        Answer::of(self.upload_to(&dossier, kind, &query).body(bytes)).await.created()
    }

    pub(crate) async fn open_dossier(&self, customer: &str) -> String {
        let facts = json!({ "name": customer, "kind": "person", "discloses": true });
        text(
            &self.post("/api/v1/dossiers", &json!({ "kind": "customer", "facts": facts })).await.created()["id"],
        )
    }

    pub(crate) async fn start_case(&self, dossier: &str, contracts: u32) -> Value {
        let new = json!({ "workflow": "customer-intake", "dossier": dossier, "contracts": contracts });
        self.post("/api/v1/cases", &new).await.created()
    }

    pub(crate) async fn case(&self, id: &str) -> Value {
        let mut case = self.get(&format!("/api/v1/cases/{id}")).await.ok();
        // What the caller may do is the caller's, not the case's.
        case["actions"] = Value::Null;
        case
    }

    /// Acts on a case as it was seen.
    pub(crate) async fn act(&self, case: &Value, action: &str, mut said: Value) -> Answer {
        if said["version"].is_null() {
            said["version"] = case["version"].clone();
        }
        self.post(&format!("/api/v1/cases/{}/actions/{action}", text(&case["id"])), &said).await
    }

    /// The pages and notes that a search finds, waiting until there is one.
    pub(crate) async fn find(&self, query: &str) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let found =
                Answer::of(self.request(Method::GET, "/api/v1/search").query(&[("q", query)])).await.ok();
            let hits = found["hits"].as_array().unwrap().clone();
            if !hits.is_empty() || start.elapsed() > DEADLINE {
                return hits;
            }
            pause().await;
        }
    }
}

/// The request with a form's fields in its body, as a browser sends them.
pub(crate) fn with_form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// What it says before its body, for an answer that has no end.
    pub(crate) async fn head_of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self { status: response.status(), headers: response.headers().clone(), body: Vec::new() }
    }

    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        self.expect(200)
    }

    #[track_caller]
    pub(crate) fn created(&self) -> Value {
        self.expect(201)
    }

    #[track_caller]
    fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Asserts that this is a problem of this status and code, in the form of RFC 9457.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{body}");
        assert_eq!(body["type"], json!(format!("urn:lantai:problem:{code}")));
        assert_eq!(body["request_id"], json!(self.header("x-request-id")));
        assert!(!text(&body["detail"]).contains("problem-"), "the problem has no words: {body}");
        assert_eq!(self.headers.contains_key("retry-after"), matches!(status, 429 | 503));
        body
    }
}

/// The documents that the checklist of a person asks for.
pub(crate) const BASKET: &[&str] =
    &["trust_contract", "risk_statement", "person_id", "bank_receipt", "interview_form", "contact_sheet"];

/// A PDF with these lines.
pub(crate) fn pdf(lines: &[&str]) -> Vec<u8> {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    paper::pdf(&lines).unwrap()
}

/// A JSON string's text.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Asks again and again until the answer is yes; false if it never was.
pub(crate) async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) -> bool {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if holds().await {
            return true;
        }
        pause().await;
    }
    holds().await
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(25)).await;
}

/// Runs the program to its end on a data folder.
pub(crate) fn lantai(data: &Path, args: &[&str]) -> Output {
    program(data).args(args).output().unwrap()
}

/// The program, with no settings but the data folder.
pub(crate) fn program(data: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lantai"));
    command.env_clear().env("LANTAI_DATA", data).current_dir(data.parent().unwrap());
    command
}

/// Standard output, of a command that succeeded.
#[track_caller]
pub(crate) fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {out}{err}", output.status);
    out.into_owned()
}
