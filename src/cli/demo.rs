//! `lantai demo`: a fresh archive with people and papers, all sent through the same doors that a department uses.

pub mod paper;

use std::path::PathBuf;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::client::http_client;
use super::people::password;
use super::serving::{self, Ending, Running};
use super::{Outcome, output};
use crate::app::{App, Recovery};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::Role;

/// The demo's people: a name for each role.
const PEOPLE: &[(&str, &str)] = &[
    ("adviser", "advisor"),
    ("staff", "cs_staff"),
    ("manager", "cs_manager"),
    ("gm", "gm"),
    ("auditor", "auditor"),
    ("station", "station"),
];

pub(super) async fn run(
    mut config: Config,
    data: Option<PathBuf>,
    listen: Option<String>,
) -> anyhow::Result<Outcome> {
    config.data = data.unwrap_or_else(|| PathBuf::from("./lantai-demo"));
    if let Some(listen) = listen {
        config.listen = listen;
    }
    let listen = config.listen.clone();
    let sign_ins = config.data.join("demo-sign-ins.txt");
    let running = if config.data.join("archive.key").exists() {
        Running::start(serving::open(config).await?.app, &listen).await?
    } else {
        let recovery = config.data.join("recovery.key");
        std::fs::create_dir_all(&config.data)?;
        let fresh = App::init(config, Clock::system(), Recovery::NewKeyFile(recovery)).await?;
        let running = Running::start(fresh.opened.app, &listen).await?;
        let people = add_people(&running.app, &fresh.administrator, &fresh.password).await?;
        tell_stories(&running, &people).await?;
        write_owner_only(&sign_ins, &people)?;
        running
    };
    let ending = Ending::new()?;
    output::say(&format!("Lantai's demo is at http://{}", running.address));
    output::say("Sign-ins (name  role  password):");
    output::say(std::fs::read_to_string(&sign_ins).unwrap_or_default().trim_end());
    output::say("Press Ctrl-C to end it.");
    ending.told().await;
    running.stop().await?;
    Ok(Outcome::Clean)
}

struct Person {
    name: String,
    role: String,
    password: Zeroizing<String>,
}

async fn add_people(app: &App, administrator: &str, admin_password: &str) -> anyhow::Result<Vec<Person>> {
    let admin = app.people.by_name(administrator)?.context("there is no administrator")?;
    let mut people = vec![Person {
        name: administrator.to_owned(),
        role: Role::ADMIN.to_owned(),
        password: Zeroizing::new(admin_password.to_owned()),
    }];
    for (name, role) in PEOPLE {
        let (password, _) = password(None)?;
        app.people.add(Some(admin.id), name, vec![Role::new(*role)], Some(&password)).await?;
        people.push(Person { name: (*name).to_owned(), role: (*role).to_owned(), password });
    }
    Ok(people)
}

fn write_owner_only(path: &std::path::Path, people: &[Person]) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    for person in people {
        writeln!(file, "  {:<8} {:<10} {}", person.name, person.role, *person.password)?;
    }
    Ok(file.sync_all()?)
}

/// Somebody who is signed in.
struct Desk {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Desk {
    async fn sign_in(running: &Running, people: &[Person], name: &str) -> anyhow::Result<Self> {
        let person = people.iter().find(|person| person.name == name).context("nobody of this name")?;
        let (http, base) = (http_client()?, format!("http://{}", running.address));
        let body = json!({ "user": person.name, "password": *person.password });
        let signed = http.post(format!("{base}/api/v1/session")).json(&body).send().await?;
        let signed: Value = signed.error_for_status()?.json().await?;
        let token = signed["token"].as_str().context("no token")?.to_owned();
        Ok(Self { http, base, token })
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let response = request.json(&body).send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        anyhow::ensure!(status.is_success(), "{path}: {}", answer["detail"]);
        Ok(answer)
    }

    async fn upload(
        &self,
        case: &Value,
        kind: &str,
        filename: &str,
        bytes: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let query = [
            ("dossier", text("dossier")),
            ("case", text("id")),
            ("kind", kind.into()),
            ("filename", filename.into()),
        ];
        let request = self.http.post(format!("{}/api/v1/documents", self.base)).bearer_auth(&self.token);
        let response = request.query(&query).body(bytes).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }

    async fn act(&self, case: &Value, action: &str, mut said: Value) -> anyhow::Result<Value> {
        let id = case["id"].as_str().unwrap_or_default();
        said["version"] = case["version"].clone();
        self.call(Method::POST, &format!("/api/v1/cases/{id}/actions/{action}"), said).await
    }
}

/// Three customers: one case waits for review, one was returned, one is filed.
async fn tell_stories(running: &Running, people: &[Person]) -> anyhow::Result<()> {
    let adviser = Desk::sign_in(running, people, "adviser").await?;
    let manager = Desk::sign_in(running, people, "manager").await?;
    for (number, (customer, ending)) in
        [("示例客户甲", "review"), ("示例客户乙", "returned"), ("示例客户丙", "filed")]
            .into_iter()
            .enumerate()
    {
        let facts = json!({ "name": customer, "kind": "person", "discloses": true, "phone": format!("1380000000{number}") });
        let dossier = adviser
            .call(Method::POST, "/api/v1/dossiers", json!({ "kind": "customer", "facts": facts }))
            .await?;
        let new = json!({ "workflow": "customer-intake", "dossier": dossier["id"], "contracts": 1 });
        let mut case = adviser.call(Method::POST, "/api/v1/cases", new).await?;
        for (kind, title, lines) in paper::basket(customer, number) {
            if ending == "returned" && kind == "person_id" {
                continue;
            }
            let filename = format!("{title}-{customer}.pdf");
            adviser.upload(&case, kind, &filename, paper::pdf(&lines)?).await?;
        }
        case = adviser.act(&case, "submit", json!({})).await?;
        match ending {
            "returned" => {
                let said = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1, "note": "缺少身份证复印件" });
                manager.act(&case, "return", said).await?;
            }
            "filed" => {
                manager.act(&case, "accept", json!({})).await?;
            }
            _ => {}
        }
    }
    Ok(())
}
