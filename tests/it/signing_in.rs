//! Signing in and what one is known by afterwards: sessions, tokens, second factors, and against guessing.

mod attempts;
mod factors;
mod headers;
mod passkeys;
mod passwords;
mod provider;
mod sessions;
mod tokens;

use std::time::Duration;

use lantai::clock::{Clock, Hands};
use lantai::config::Config;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp, text};

/// What the people of [`TestApp`] sign in with.
const PASSWORD: &str = "a password for tests";

/// An archive at a time that stands still until it is moved.
async fn still(change: impl FnOnce(&mut Config)) -> (TestApp, Hands) {
    let (clock, hands) = Clock::stopped("2026-03-02T01:00:00Z".parse().unwrap());
    let app = TestApp::start_with_clock(tempfile::tempdir().unwrap(), "memory:", clock, change).await;
    (app, hands)
}

/// The administrator, known by a token.
async fn admin(app: &TestApp) -> Client {
    let id = app.app.people.by_name("admin").unwrap().unwrap().id;
    let token = app.app.people.make_token(id, id).await.unwrap();
    Client::new(&app.base, &token.secret)
}

/// Somebody without a token.
fn nobody(app: &TestApp) -> Client {
    Client::new(&app.base, "")
}

/// Signs in through the API, with a code or without.
async fn sign_in(app: &TestApp, name: &str, password: &str, code: Option<&str>) -> Answer {
    let mut body = json!({ "user": name, "password": password });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    nobody(app).post("/api/v1/session", &body).await
}

fn delete(client: &Client, path: &str) -> impl Future<Output = Answer> {
    Answer::of(client.request(Method::DELETE, path))
}

/// Whether the client is still known.
async fn is_known(client: &Client) -> bool {
    let answer = client.get("/api/v1/session").await;
    let status = answer.status.as_u16();
    assert!([200, 401].contains(&status), "{status}");
    status == 200
}

/// The value of a cookie that the answer sets.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let lines = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.next().map(|value| value.split(';').next().unwrap().to_owned())
}

/// How many entries of this kind the log has.
fn entries(app: &TestApp, kind: &str) -> usize {
    let size = app.app.journal.health().size;
    let kinds = (0..size).map(|index| app.app.journal.entry(index).unwrap().unwrap().kind);
    kinds.filter(|found| found == kind).count()
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// The only other entries of a list.
fn ids(list: &Value, current: bool) -> Vec<String> {
    let entries = list["entries"].as_array().unwrap().iter();
    entries.filter(|entry| entry["current"] == json!(current)).map(|entry| text(&entry["id"])).collect()
}
