//! The whole journey of a customer's papers, step by step, as clients go it whose requests may fail.
//!
//! A client does what docs/api.md tells it: after an error it looks whether it was done, and if not, sends it again; an
//! upload is sent again under the same `Idempotency-Key`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::body::Body;
use lantai::app::{App, Recovery};
use lantai::queue;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::world::{Reply, World};
use crate::app::{BASKET, text};
use crate::publishing::bundled;

/// How often something is tried: one fault is one failure, and what follows from it another.
const TRIES: usize = 6;
const NOTE: &str = "缺少第二份合同的打款回执";
const LINES: &str = "客户访谈信息表 投资经验三年 风险承受能力稳健";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Step {
    Init,
    People,
    Dossier,
    Case,
    Uploads,
    Submit,
    Jobs,
    Return,
    Publish,
    Migrate,
    Correct,
    Overdue,
    Decide,
    Accept,
    Find,
    Read,
    Reopen,
}

impl Step {
    pub(super) const ALL: [Self; 17] = [
        Self::Init,
        Self::People,
        Self::Dossier,
        Self::Case,
        Self::Uploads,
        Self::Submit,
        Self::Jobs,
        Self::Return,
        Self::Publish,
        Self::Migrate,
        Self::Correct,
        Self::Overdue,
        Self::Decide,
        Self::Accept,
        Self::Find,
        Self::Read,
        Self::Reopen,
    ];
}

/// A paper that was handed in, as its sender knows it.
#[derive(Debug, Clone)]
struct Paper {
    id: String,
    bytes: Vec<u8>,
    in_case: bool,
}

/// What the people of the journey know: all of it was acknowledged.
#[derive(Debug, Clone, Default)]
pub(super) struct Desk {
    password: String,
    tokens: BTreeMap<&'static str, String>,
    dossier: String,
    case: String,
    papers: Vec<Paper>,
    /// What was done to the case.
    done: Vec<&'static str>,
}

/// What is not as it was acknowledged.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    pub(super) lost: Vec<String>,
    pub(super) doubled: Vec<String>,
}

fn failing(contracts: u32) -> Value {
    json!({ "reason": "missing", "documents": ["bank_receipt"], "contracts": contracts, "note": NOTE })
}

/// Content of no type that is read, different for each number.
fn scan(number: usize) -> Vec<u8> {
    (0..300 + number).map(|at| if at == 0 { 0 } else { (at * 31 + number * 7) as u8 | 0x80 }).collect()
}

impl Desk {
    /// Takes a step, however often it has to be tried.
    pub(super) async fn take(&mut self, step: Step, world: &mut World) {
        match step {
            Step::Init => self.init(world).await,
            Step::People => self.people(world).await,
            Step::Dossier => self.open_dossier(world).await,
            Step::Case => self.start_case(world).await,
            Step::Uploads => {
                for (number, kind) in BASKET.iter().enumerate() {
                    let bytes: Vec<u8> = if *kind == "interview_form" { LINES.into() } else { scan(number) };
                    self.upload(world, kind, bytes, true).await;
                }
            }
            Step::Submit => {
                self.upload(world, "risk_statement", scan(20), false).await;
                let loose = self.papers.last_mut().unwrap();
                loose.in_case = true;
                let said = json!({ "documents": [loose.id] });
                self.act(world, "li", "submit", said).await;
            }
            Step::Jobs => jobs(world).await,
            Step::Return => {
                self.claim(world).await;
                self.act(world, "wang", "return", failing(2)).await;
            }
            Step::Publish => self.publish(world).await,
            Step::Migrate => self.migrate(world).await,
            Step::Correct => {
                for (number, kind) in ["trust_contract", "bank_receipt"].into_iter().enumerate() {
                    self.upload(world, kind, scan(30 + number), true).await;
                }
                self.act(world, "li", "submit", json!({})).await;
                self.act(world, "wang", "return", failing(1)).await;
            }
            Step::Overdue => self.overdue(world).await,
            Step::Decide => {
                let said = json!({ "note": "准予补齐", "points": 3 });
                self.act(world, "zhao", "allow_correction", said).await;
            }
            Step::Accept => {
                self.act(world, "li", "submit", json!({})).await;
                self.act(world, "wang", "accept", json!({})).await;
            }
            Step::Find => {
                jobs(world).await;
                for query in ["打款回执", "投资经验三年", "欧阳修远"] {
                    let found = self.get(world, "wang", &search(query)).await;
                    assert!(found["total"].as_u64().unwrap() > 0, "{query}: {found}");
                }
            }
            Step::Read => self.read(world).await,
            Step::Reopen => {}
        }
    }

    async fn init(&mut self, world: &mut World) {
        for attempt in 0..TRIES {
            let recovery = Recovery::NewKeyFile(world.data.path().join(format!("recovery-{attempt}.key")));
            let places = lantai::app::Places {
                objects: world.places.objects.anew(),
                records: world.places.records.clone(),
            };
            match App::init_in(world.config.clone(), world.clock.clone(), recovery, places).await {
                Ok(fresh) => {
                    self.password = fresh.password.to_string();
                    return world.serve(fresh.opened.app);
                }
                Err(error) => {
                    assert!(world.fired(), "the archive cannot be made: {error:?}");
                    world.kill().await;
                }
            }
        }
        panic!("the archive cannot be made");
    }

    async fn people(&mut self, world: &mut World) {
        let sign_in = json!({ "user": "admin", "password": self.password });
        let signed = self.insist(world, "", "/api/v1/session", &sign_in, async |_, _| None).await;
        self.tokens.insert("admin", text(&signed["token"]));
        let li = json!({ "name": "li", "roles": ["advisor"], "password": "a password for tests" });
        let look = async |desk: &Self, world: &World| {
            let people = desk.try_get(world, "admin", "/api/v1/users").await?;
            people["entries"].as_array()?.iter().find(|person| person["name"] == "li").cloned()
        };
        self.insist(world, "admin", "/api/v1/users", &li, look).await;
        for (name, role) in [("li", "advisor"), ("wang", "cs_manager"), ("zhao", "gm")] {
            let token = json!({ "name": name, "roles": [role] });
            let made = self.insist(world, "admin", "/api/v1/tokens", &token, async |_, _| None).await;
            self.tokens.insert(name, text(&made["token"]));
        }
    }

    async fn open_dossier(&mut self, world: &mut World) {
        let facts = json!({ "name": "欧阳修远", "kind": "person", "discloses": true });
        let new = json!({ "kind": "customer", "facts": facts });
        let look = async |desk: &Self, world: &World| {
            let dossiers = desk.try_get(world, "li", "/api/v1/dossiers").await?;
            dossiers["entries"].as_array()?.first().cloned()
        };
        self.dossier = text(&self.insist(world, "li", "/api/v1/dossiers", &new, look).await["id"]);
    }

    async fn start_case(&mut self, world: &mut World) {
        let new = json!({ "workflow": "customer-intake", "dossier": self.dossier, "contracts": 2 });
        let path = format!("/api/v1/dossiers/{}", self.dossier);
        let look = async |desk: &Self, world: &World| {
            let dossier = desk.try_get(world, "li", &path).await?;
            dossier["cases"].as_array()?.first().cloned()
        };
        self.case = text(&self.insist(world, "li", "/api/v1/cases", &new, look).await["id"]);
        self.done.push("start");
    }

    async fn upload(&mut self, world: &mut World, kind: &str, bytes: Vec<u8>, in_case: bool) {
        let key = format!("paper {}", self.papers.len());
        let case = if in_case { format!("&case={}", self.case) } else { String::new() };
        let path =
            format!("/api/v1/documents?dossier={}&kind={kind}&filename={kind}.txt{case}", self.dossier);
        for _ in 0..TRIES {
            let request = self.request("POST", "li", &path).header("idempotency-key", &key);
            match world.send(request, Body::from(bytes.clone())).await {
                Some(reply) if matches!(reply.status, 200 | 201) => {
                    let id = text(&reply.json()["id"]);
                    self.papers.push(Paper { id, bytes, in_case });
                    return;
                }
                reply => refused(reply),
            }
            world.recover().await;
        }
        panic!("the upload does not succeed");
    }

    /// A newer pack, which says how running cases come to its intake.
    async fn publish(&self, world: &mut World) {
        let files = bundled(&[
            ("pack.yaml", "version: 1.1.0", "version: 2.0.0"),
            ("intake.yaml", "version: 1.1.0", "version: 2.0.0"),
            ("intake.yaml", "    1.0.0: {timers", "    1.1.0: {timers"),
        ]);
        let look = async |desk: &Self, world: &World| {
            let listed = desk.try_get(world, "zhao", "/api/v1/packs").await?;
            listed["entries"].as_array()?.iter().find(|pack| pack["version"] == "2.0.0").cloned()
        };
        let published = self.insist(world, "zhao", "/api/v1/packs?note=x", &json!(files), look).await;
        assert_eq!(published["in_force"], true);
    }

    async fn migrate(&mut self, world: &mut World) {
        let wanted = json!({ "workflow": "customer-intake", "from": "1.1.0", "to": "2.0.0" });
        // What was moved before an answer was lost is not moved again.
        self.insist(world, "zhao", "/api/v1/packs/migrate", &wanted, async |_, _| None).await;
        self.done.push("migrate");
    }

    async fn claim(&mut self, world: &mut World) {
        let path = format!("/api/v1/cases/{}/claim", self.case);
        self.insist(world, "wang", &path, &json!({}), async |_, _| None).await;
    }

    /// Acts on the case as it is; after a failure it looks first whether it was done.
    async fn act(&mut self, world: &mut World, who: &'static str, action: &'static str, said: Value) {
        let (path, before) = (format!("/api/v1/cases/{}", self.case), self.done.len());
        for _ in 0..TRIES {
            let case = self.get(world, who, &path).await;
            let history = case["history"].as_array().unwrap();
            if history.len() > before {
                assert_eq!((history.len(), &history[before]["action"]), (before + 1, &json!(action)));
                return self.done.push(action);
            }
            let mut said = said.clone();
            said["version"] = case["version"].clone();
            let request = self.request("POST", who, &format!("{path}/actions/{action}"));
            match world
                .send(request.header("content-type", "application/json"), said.to_string().into())
                .await
            {
                Some(reply) if reply.status == 200 => return self.done.push(action),
                reply => refused(reply),
            }
            world.recover().await;
        }
        panic!("{action} does not succeed");
    }

    /// The deadline of the correction passes, and the clock acts.
    async fn overdue(&mut self, world: &mut World) {
        world.hands.advance(Duration::from_hours(24 * 30));
        let (path, before) = (format!("/api/v1/cases/{}", self.case), self.done.len());
        for _ in 0..TRIES {
            tokio::select! {
                ran = world.app().run_timers() => drop(ran),
                () = world.death() => {}
            }
            if world.fired() {
                world.recover().await;
            }
            let case = self.get(world, "wang", &path).await;
            if case["history"].as_array().unwrap().len() > before {
                assert_eq!(case["state"], "gm_decision");
                return self.done.push("overdue");
            }
        }
        panic!("the deadline does not act");
    }

    async fn read(&mut self, world: &mut World) {
        for paper in self.papers.clone() {
            let path = format!("/api/v1/documents/{}/content", paper.id);
            let mut content = None;
            for _ in 0..TRIES {
                match world.send(self.request("GET", "wang", &path), Body::empty()).await {
                    Some(reply) if reply.status == 200 => {
                        content = Some(reply.body);
                        break;
                    }
                    reply => refused(reply),
                }
                world.recover().await;
            }
            assert!(content.as_ref() == Some(&paper.bytes), "{} is not what was sent", paper.id);
        }
        let read = &self.papers[BASKET.iter().position(|kind| *kind == "interview_form").unwrap()];
        let pages = self.get(world, "wang", &format!("/api/v1/documents/{}/text", read.id)).await;
        assert!(text(&pages["pages"][0]["text"]).contains("投资经验三年"), "{pages}");
        self.get(world, "wang", "/api/v1/penalties").await;
        self.get(world, "wang", "/api/v1/queue").await;
    }

    /// Compares what was acknowledged with what is there.
    pub(super) async fn check(&self, world: &mut World) -> Wrong {
        let mut wrong = Wrong::default();
        let case = self.get(world, "wang", &format!("/api/v1/cases/{}", self.case)).await;
        let actions = list(&case["history"], "action");
        wrong.compare("history", self.done.iter().map(ToString::to_string), actions.into_iter());
        let in_case = self.papers.iter().filter(|paper| paper.in_case).map(|paper| paper.id.clone());
        wrong.compare("basket", in_case, list(&case["documents"], "document").into_iter());
        let dossier = self.get(world, "wang", &format!("/api/v1/dossiers/{}", self.dossier)).await;
        let papers = self.papers.iter().map(|paper| paper.id.clone());
        wrong.compare("documents", papers, list(&dossier["documents"], "id").into_iter());
        wrong.compare("cases", [self.case.clone()].into_iter(), list(&dossier["cases"], "id").into_iter());
        let dossiers = self.get(world, "wang", "/api/v1/dossiers").await;
        wrong.compare(
            "dossiers",
            [self.dossier.clone()].into_iter(),
            list(&dossiers["entries"], "id").into_iter(),
        );
        let packs = list(&self.get(world, "zhao", "/api/v1/packs").await["entries"], "version");
        wrong.compare("packs", ["2.0.0", "1.1.0"].map(str::to_owned).into_iter(), packs.into_iter());
        assert!(text(&case["definition"]).starts_with("customer-intake@2.0.0#"), "{case}");
        let account = self.get(world, "wang", "/api/v1/penalties").await;
        let lines = account["entries"].as_array().unwrap().iter().map(|line| line["points"].to_string());
        wrong.compare("penalties", ["2", "2", "3"].map(str::to_owned).into_iter(), lines);
        let total = account["totals"]["li"].as_i64().unwrap_or_default();
        wrong.compare("points", ["7".to_owned()].into_iter(), [total.to_string()].into_iter());
        let names: BTreeSet<String> =
            world.app().people.list().unwrap().into_iter().map(|person| person.name).collect();
        let known = ["admin", "li", "wang", "zhao"].map(str::to_owned);
        wrong.compare("people", known.into_iter(), names.into_iter());
        assert_eq!(case["state"], "filed");
        wrong
    }

    fn request(&self, method: &str, who: &str, path: &str) -> http::request::Builder {
        let request = http::Request::builder().method(method).uri(path);
        match self.tokens.get(who) {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    pub(super) fn case_path(&self) -> String {
        format!("/api/v1/cases/{}", self.case)
    }

    /// Looks, whatever the answer is.
    pub(super) async fn look(&self, world: &World, path: String) -> Reply {
        world.send(self.request("GET", "wang", &path), Body::empty()).await.unwrap()
    }

    /// Sends something, whatever the answer is.
    pub(super) async fn send(&self, world: &World, path: &str, body: &Value) -> Reply {
        let request = self.request("POST", "li", path).header("content-type", "application/json");
        world.send(request, body.to_string().into()).await.unwrap()
    }

    /// Looks, once.
    async fn try_get(&self, world: &World, who: &str, path: &str) -> Option<Value> {
        let reply = world.send(self.request("GET", who, path), Body::empty()).await?;
        if reply.status == 200 {
            return Some(reply.json());
        }
        refused(Some(reply));
        None
    }

    /// Looks until there is an answer.
    async fn get(&self, world: &mut World, who: &str, path: &str) -> Value {
        for _ in 0..TRIES {
            match self.try_get(world, who, path).await {
                Some(found) => return found,
                None => world.recover().await,
            }
        }
        panic!("{path} cannot be had");
    }

    /// Sends something until it is done: after a failure `look` tells whether it was.
    async fn insist(
        &self,
        world: &mut World,
        who: &str,
        path: &str,
        body: &Value,
        look: impl AsyncFn(&Self, &World) -> Option<Value>,
    ) -> Value {
        for _ in 0..TRIES {
            let request = self.request("POST", who, path).header("content-type", "application/json");
            match world.send(request, body.to_string().into()).await {
                Some(reply) if reply.status < 300 => return reply.json(),
                reply => refused(reply),
            }
            world.recover().await;
            if let Some(found) = look(self, &*world).await {
                return found;
            }
        }
        panic!("{path} does not succeed");
    }
}

impl Wrong {
    fn compare(
        &mut self,
        what: &str,
        wanted: impl Iterator<Item = String>,
        found: impl Iterator<Item = String>,
    ) {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for item in wanted {
            *counts.entry(item).or_default() += 1;
        }
        for item in found {
            *counts.entry(item).or_default() -= 1;
        }
        for (item, count) in counts {
            let list = if count > 0 { &mut self.lost } else { &mut self.doubled };
            list.extend((0..count.unsigned_abs()).map(|_| format!("{what} {item}")));
        }
    }
}

/// A failure that the fault explains: an answer that says to try again, or none.
fn refused(reply: Option<Reply>) {
    if let Some(reply) = reply {
        assert_eq!(reply.status, 503, "{}", String::from_utf8_lossy(&reply.body));
    }
}

fn list(items: &Value, member: &str) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| text(&item[member])).collect()
}

fn search(query: &str) -> String {
    format!("/api/v1/search?q={}", utf8_percent_encode(query, NON_ALPHANUMERIC))
}

/// Runs the jobs until none is left; those that failed come again a little later.
async fn jobs(world: &mut World) {
    for _ in 0..8 * TRIES {
        tokio::select! {
            ran = world.app().run_all_jobs() => drop(ran),
            () = world.death() => {}
        }
        if world.fired() {
            world.recover().await;
        }
        if queue::len(&world.app().records).is_ok_and(|left| left == 0) {
            return;
        }
        // Time passes for the jobs; a little of it must be real, for what the killed process still had in hand.
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.hands.advance(Duration::from_secs(30));
    }
    panic!("the jobs do not come to an end");
}
