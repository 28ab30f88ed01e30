//! A real server process in a folder of its own, and people who talk to it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The people of a test, by role; the password is the role's name and `-password`.
pub(crate) const PEOPLE: &[(&str, &str)] = &[
    ("li", "advisor"),
    ("sun", "advisor"),
    ("chen", "cs_staff"),
    ("wang", "cs_manager"),
    ("zhao", "gm"),
    ("audit", "auditor"),
    ("desk", "station"),
];

/// Settings of one server.
#[derive(Default, Clone)]
pub(crate) struct Setting {
    pub(crate) variables: Vec<(String, String)>,
}

impl Setting {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }
}

pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) setting: Setting,
    child: Option<Child>,
    pub(crate) base: String,
}

impl Server {
    /// A new archive with its people, served.
    pub(crate) fn new(setting: Setting) -> Self {
        Self::of_pack(setting, None, PEOPLE.iter().copied())
    }

    /// A new archive on the pack in this folder, with these people and their roles, served.
    pub(crate) fn of_pack<'a>(
        setting: Setting,
        pack: Option<&Path>,
        people: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { folder, setting, child: None, base: String::new() };
        let pack = pack.map(|pack| pack.display().to_string());
        let on_pack = pack.iter().flat_map(|pack| ["--pack", pack]);
        let arguments: Vec<&str> =
            ["init", "--recovery-out", "recovery.key"].into_iter().chain(on_pack).collect();
        let out = server.run(&arguments);
        assert!(out.status.success(), "init: {}", String::from_utf8_lossy(&out.stderr));
        for (name, role) in people {
            let file = format!("{name}.password");
            std::fs::write(server.path(&file), format!("{role}-password\n")).unwrap();
            let out = server.run(&["user", "add", name, "--role", role, "--password-file", &file]);
            assert!(out.status.success(), "user add: {}", String::from_utf8_lossy(&out.stderr));
        }
        server.start();
        server
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command of the program in the server's folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts a command, to be killed.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lantai"));
        command.args(arguments).current_dir(self.folder.path()).env("LANTAI_LOG_FILTER", "warn");
        // Tests that want OCR ask for it: it takes time.
        command.env("LANTAI_OCR_MODELS", "");
        command.env("LANTAI_READING_FONT", crate::app::NO_FONT);
        command.envs(self.setting.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn start(&mut self) {
        self.start_logging(Stdio::inherit());
    }

    /// Starts it with its log going there.
    pub(crate) fn start_logging(&mut self, log: Stdio) {
        assert!(self.child.is_none());
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("the server says where it listens");
        self.base = address.to_owned();
        self.child = Some(child);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops it as a service manager would.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert!(child.wait().unwrap().success());
    }

    /// Returns when there is nothing left to be done.
    pub(crate) async fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(600);
        loop {
            let metrics = reqwest::get(format!("{}/metrics", self.base)).await.unwrap().text().await.unwrap();
            let idle = ["lantai_jobs_waiting 0\n", "lantai_log_unpublished_entries 0\n"];
            if idle.iter().all(|line| metrics.contains(line)) {
                return;
            }
            assert!(Instant::now() < deadline, "{metrics}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn desk(&self, name: &str) -> Desk {
        Desk::sign_in(&self.base, name).await
    }

    /// A figure of `/proc/PID/status`, in MiB.
    pub(crate) fn memory_mib(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(figure)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// The objects of the folder that stands in for a bucket, with their lengths and times. Empty without one.
    pub(crate) fn bucket_state(&self) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
        let mut objects = self.files("lantai-data/objects");
        objects.sort();
        let state = |path: PathBuf| {
            let metadata = path.metadata().unwrap();
            (path, metadata.len(), metadata.modified().unwrap())
        };
        objects.into_iter().map(state).collect()
    }

    /// The files below a folder.
    pub(crate) fn files(&self, below: &str) -> Vec<PathBuf> {
        files_below(&self.path(below))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files
}

/// An answer: status and body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.body
    }

    /// It is this problem.
    #[track_caller]
    pub(crate) fn is(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert!(
            self.body["request_id"].is_string()
                && self.body["detail"].as_str().is_some_and(|d| !d.is_empty())
        );
        self.body
    }
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Desk {
    pub(crate) async fn sign_in(base: &str, name: &str) -> Self {
        let role = PEOPLE.iter().find(|(person, _)| *person == name).unwrap().1;
        Self::sign_in_as(base, name, role).await
    }

    /// Somebody who was added with this role.
    pub(crate) async fn sign_in_as(base: &str, name: &str, role: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::new();
        let desk = Self { http, base: base.to_owned(), token: String::new() };
        let body = json!({ "user": name, "password": format!("{role}-password") });
        let signed = desk.post("/api/v1/session", body).await.ok();
        Self { token: signed["token"].as_str().unwrap().to_owned(), ..desk }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Sends a request; `None` if the connection broke.
    pub(crate) async fn try_send(&self, request: RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.ok()?;
        Some(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("the server answers")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn dossier(&self, name: &str) -> String {
        let facts = json!({ "name": name, "kind": "person", "discloses": true });
        let dossier = self.post("/api/v1/dossiers", json!({ "kind": "customer", "facts": facts })).await.ok();
        dossier["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn case(&self, dossier: &str, contracts: u32) -> String {
        let new = json!({ "workflow": "customer-intake", "dossier": dossier, "contracts": contracts });
        self.post("/api/v1/cases", new).await.ok()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn upload_request(&self, query: &[(&str, &str)], bytes: Vec<u8>) -> RequestBuilder {
        self.request(Method::POST, "/api/v1/documents").query(query).body(bytes)
    }

    pub(crate) async fn upload(&self, query: &[(&str, &str)], bytes: Vec<u8>) -> Answer {
        self.send(self.upload_request(query, bytes)).await
    }

    /// Uploads one paper of each kind that a disclosing person's checklist wants, `contracts` of those per contract.
    pub(crate) async fn basket(&self, dossier: &str, case: &str, contracts: u32) {
        for kind in [
            "trust_contract",
            "risk_statement",
            "bank_receipt",
            "person_id",
            "interview_form",
            "contact_sheet",
        ] {
            let per_contract = ["trust_contract", "risk_statement", "bank_receipt"].contains(&kind);
            for number in 0..if per_contract { contracts } else { 1 } {
                let text = format!("{kind} 第 {number} 份");
                self.upload(&[("dossier", dossier), ("case", case), ("kind", kind)], text.into_bytes())
                    .await
                    .ok();
            }
        }
    }

    pub(crate) async fn act(&self, case: &str, action: &str, mut said: Value) -> Answer {
        if said["version"].is_null() {
            said["version"] = self.get(&format!("/api/v1/cases/{case}")).await.ok()["version"].clone();
        }
        self.post(&format!("/api/v1/cases/{case}/actions/{action}"), said).await
    }

    pub(crate) async fn search(&self, query: &str) -> Value {
        self.send(self.request(Method::GET, "/api/v1/search").query(&[("q", query)])).await.ok()
    }

    /// Searches until there are at least `wanted` hits.
    pub(crate) async fn find(&self, query: &str, wanted: u64) -> Value {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let found = self.search(query).await;
            if found["total"].as_u64().unwrap() >= wanted && found["approximate"] == false {
                return found;
            }
            assert!(Instant::now() < deadline, "{query:?} is not found: {found}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn points(&self, adviser: &str) -> i64 {
        self.get("/api/v1/penalties").await.ok()["totals"][adviser].as_i64().unwrap_or_default()
    }
}

/// Whether a real component is required (`LANTAI_REQUIRE`); if it is and cannot be had, the test must fail.
pub(crate) fn required(component: &str) -> bool {
    let all = std::env::var("LANTAI_REQUIRE").unwrap_or_default();
    all.split(',').any(|name| name.trim() == component)
}
