//! Sealed dossiers: nobody finds or reads them, the server's key does not open theirs, and what they cost stays.

mod crashes;
mod destroying;
mod expiry;

use lantai::archive::Depth;
use lantai::domain::archive_itself;
use lantai::objects::{Key, Objects};
use lantai::vault::{Identity, open, open_with_passphrase, read_key_file};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp, pdf, text};

const PASSPHRASE: &str = "总经理的口令 correct horse";

/// An archive with a general manager's key and two customers: one with a returned case, one to be left alone.
struct Scene {
    app: TestApp,
    li: Client,
    wang: Client,
    zhao: Client,
    dossier: String,
    case: String,
    document: String,
    content: Vec<u8>,
    other: String,
}

impl Scene {
    async fn set() -> Self {
        Self::set_in(TestApp::start().await).await
    }

    async fn set_in(app: TestApp) -> Self {
        let passphrase = SecretString::from(PASSPHRASE.to_owned());
        app.app.set_manager(archive_itself(), passphrase, None).await.unwrap();
        let (li, wang, zhao) =
            (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("zhao").await);
        let dossier = li.open_dossier("欧阳封存").await;
        let case = li.start_case(&dossier, 2).await;
        let content = pdf(&["绝密信托合同", "SEALEDMARK"]);
        let document = text(&li.upload(&case, "trust_contract", content.clone()).await["id"]);
        let case = li.act(&case, "submit", json!({})).await.ok();
        let said = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 2, "note": "欧阳缺身份证" });
        wang.act(&case, "return", said.clone()).await.ok();
        let other = li.open_dossier("司马留存").await;
        let kept = li.start_case(&other, 1).await;
        let kept = li.act(&kept, "submit", json!({})).await.ok();
        wang.act(&kept, "return", json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1 }))
            .await
            .ok();
        app.settle().await;
        assert!(!wang.find("SEALEDMARK").await.is_empty());
        let case = text(&case["id"]);
        Self { app, li, wang, zhao, dossier, case, document, content, other }
    }

    fn of(&self, what: &str) -> String {
        format!("/api/v1/dossiers/{}/{what}", self.dossier)
    }

    async fn seal(&self) -> Value {
        self.wang.post(&self.of("seal"), &json!({ "reason": "客户退出" })).await.ok()
    }

    async fn open(&self) -> Value {
        let said = json!({ "passphrase": PASSPHRASE, "minutes": 5 });
        self.zhao.post(&self.of("unseal"), &said).await.ok()
    }

    async fn key_object(&self) -> Vec<u8> {
        key_object(&self.app.app.objects, &self.dossier).await
    }

    async fn key_object_of(&self, dossier: &str) -> Vec<u8> {
        key_object(&self.app.app.objects, dossier).await
    }

    async fn hits(&self, query: &str) -> Value {
        let request = self.wang.request(reqwest::Method::GET, "/api/v1/search").query(&[("q", query)]);
        Answer::of(request).await.ok()
    }

    async fn verified(&self) {
        self.app.settle().await;
        let report = self.app.app.verify(Depth::Full, &|_, _| {}).await.unwrap();
        assert_eq!(report.problems, []);
    }

    /// Everybody is refused with the reason, whatever they ask for.
    async fn all_refused(&self) {
        for client in [&self.li, &self.wang, &self.zhao] {
            for path in [
                format!("/api/v1/dossiers/{}", self.dossier),
                format!("/api/v1/documents/{}", self.document),
                format!("/api/v1/documents/{}/content", self.document),
                format!("/api/v1/documents/{}/text", self.document),
                format!("/api/v1/documents/{}/proof", self.document),
                format!("/api/v1/cases/{}", self.case),
            ] {
                let problem = client.get(&path).await.problem(423, "dossier_sealed");
                assert_eq!(problem["reason"], "客户退出");
                assert!(text(&problem["detail"]).contains("客户退出"));
            }
        }
        self.changes_refused().await;
        for query in ["SEALEDMARK", "欧阳封存", "欧阳缺身份证", "绝密信托合同"] {
            let found = self.hits(query).await;
            assert_eq!((&found["total"], &found["hits"]), (&json!(0), &json!([])), "{query}");
        }
        let listed = self.wang.get("/api/v1/dossiers").await.ok();
        assert_eq!(listed["entries"].as_array().unwrap().len(), 1);
        let waiting = self.li.get("/api/v1/queue").await.ok();
        let waiting = waiting["entries"].as_array().unwrap();
        assert!(waiting.iter().all(|entry| entry["dossier"] != json!(self.dossier)));
        // Of what the archive does not have, it says the same to everybody.
        self.app.sign_in("sun").await.get(&self.of("certificate")).await.problem(403, "forbidden");
        let path = format!("/api/v1/dossiers/{}", self.dossier);
        self.app.sign_in("sun").await.get(&path).await.problem(403, "forbidden");
    }

    async fn changes_refused(&self) {
        let upload = self.li.upload_to(&self.dossier, "person_id", &[]).body(pdf(&["x"]));
        Answer::of(upload).await.problem(423, "dossier_sealed");
        let new = json!({ "workflow": "customer-intake", "dossier": self.dossier, "contracts": 1 });
        self.li.post("/api/v1/cases", &new).await.problem(423, "dossier_sealed");
        let act = format!("/api/v1/cases/{}/actions/submit", self.case);
        self.li.post(&act, &json!({ "version": 3 })).await.problem(423, "dossier_sealed");
        let claim = format!("/api/v1/cases/{}/claim", self.case);
        self.li.post(&claim, &json!({})).await.problem(423, "dossier_sealed");
        self.wang.post(&self.of("seal"), &json!({ "reason": "again" })).await.problem(423, "dossier_sealed");
    }

    async fn can_be_read(&self, client: &Client) {
        let dossier = client.get(&format!("/api/v1/dossiers/{}", self.dossier)).await.ok();
        assert_eq!((&dossier["facts"]["name"], &dossier["sealed"]), (&json!("欧阳封存"), &json!(true)));
        assert_eq!((dossier["documents"][0]["id"]).as_str(), Some(self.document.as_str()));
        let path = format!("/api/v1/documents/{}", self.document);
        assert_eq!(client.get(&path).await.ok()["kind"], "trust_contract");
        assert_eq!(client.get(&format!("{path}/content")).await.body, self.content);
        let read = client.get(&format!("{path}/text")).await.ok().to_string();
        assert!(read.contains("SEALEDMARK"), "{read}");
        let case = client.get(&format!("/api/v1/cases/{}", self.case)).await.ok();
        assert_eq!((&case["state"], &case["actions"]), (&json!("correction"), &json!([])));
        assert!(case["history"].to_string().contains("欧阳缺身份证"));
    }

    fn kinds(&self) -> Vec<String> {
        let size = self.app.app.journal.health().size;
        (0..size).map(|index| self.app.app.journal.entry(index).unwrap().unwrap().kind).collect()
    }
}

async fn key_object(objects: &Objects, dossier: &str) -> Vec<u8> {
    let key = Key::DossierKey(dossier.parse().unwrap());
    objects.get_bytes(&key, 1 << 16).await.unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_dossier_is_found_and_read_by_nobody_until_it_is_opened() {
    let scene = Scene::set().await;
    let ledger = scene.wang.get("/api/v1/penalties").await.ok();
    scene.verified().await;
    scene.li.post(&scene.of("seal"), &json!({ "reason": "x" })).await.problem(403, "forbidden");
    scene.wang.post(&scene.of("seal"), &json!({ "reason": " " })).await.problem(422, "reason_needed");
    scene
        .zhao
        .post(&scene.of("unseal"), &json!({ "passphrase": PASSPHRASE }))
        .await
        .problem(409, "not_sealed");

    let stub = scene.seal().await;
    assert_eq!(
        (&stub["reason"], &stub["documents"], &stub["cases"]),
        (&json!("客户退出"), &json!(1), &json!(1))
    );
    scene.all_refused().await;
    scene.verified().await;
    let after = scene.wang.get("/api/v1/penalties").await.ok();
    assert_eq!(after["totals"], ledger["totals"], "what it cost stays");
    assert_eq!(after["entries"].as_array().unwrap().len(), ledger["entries"].as_array().unwrap().len());
    assert!(!after.to_string().contains("欧阳") && ledger.to_string().contains("欧阳"), "the note went");

    let said = json!({ "passphrase": "a wrong passphrase" });
    scene.zhao.post(&scene.of("unseal"), &said).await.problem(403, "wrong_passphrase");
    let said = json!({ "passphrase": PASSPHRASE });
    scene.wang.post(&scene.of("unseal"), &said).await.problem(403, "forbidden");
    assert!(scene.open().await["open_until"].is_string());
    scene.can_be_read(&scene.zhao).await;
    let path = format!("/api/v1/dossiers/{}", scene.dossier);
    scene.wang.get(&path).await.problem(423, "dossier_sealed");
    scene.changes_refused().await;
    assert_eq!(scene.hits("SEALEDMARK").await["total"], 0, "it is open, but not found");
    scene.verified().await;

    let close = scene.zhao.request(reqwest::Method::POST, &scene.of("close"));
    assert_eq!(Answer::of(close).await.status, 204);
    scene.all_refused().await;
    scene.verified().await;
    let kinds = scene.kinds();
    let count = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
    assert_eq!((count("dossier.sealed"), count("dossier.unsealed"), count("dossier.closed")), (1, 1, 1));
    assert_eq!(count("sealed.viewed"), 5, "the dossier, the document, its content, its text, the case");
    let listed = scene.zhao.get("/api/v1/sealed").await.ok();
    assert_eq!(listed["entries"][0]["dossier"], json!(scene.dossier));
    assert_eq!(scene.li.get("/api/v1/sealed").await.ok()["entries"], json!([]));
    scene.li.get(&format!("/api/v1/dossiers/{}", scene.other)).await.ok();
    scene.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_managers_and_the_recovery_keys_open_a_sealed_key() {
    let scene = Scene::set().await;
    let data = scene.app.dir.path().join("data");
    let archive = read_key_file(&data.join("archive.key"), None).unwrap().identity;
    assert!(open(&archive, &scene.key_object().await).is_ok());
    scene.seal().await;
    let sealed = scene.key_object().await;
    assert!(open(&archive, &sealed).is_err());
    let recovery = read_key_file(&scene.app.dir.path().join("recovery.key"), None).unwrap().identity;
    assert!(open(&recovery, &sealed).is_ok());
    let manager = scene.app.app.objects.get_bytes(&Key::ManagerKey, 1 << 16).await.unwrap();
    let passphrase = SecretString::from(PASSPHRASE.to_owned());
    let manager = open_with_passphrase(&manager, &passphrase).unwrap();
    let manager = Identity::parse(std::str::from_utf8(&manager).unwrap()).unwrap();
    assert!(open(&manager, &sealed).is_ok());

    // The same with the stock program.
    let path = |name: &str| scene.app.dir.path().join(name);
    std::fs::write(path("sealed.age"), &sealed).unwrap();
    std::fs::write(path("manager.key"), manager.to_file_text().as_bytes()).unwrap();
    for (key, opens) in [("data/archive.key", false), ("manager.key", true), ("recovery.key", true)] {
        let output = std::process::Command::new("age")
            .arg("-d")
            .arg("-i")
            .arg(path(key))
            .arg(path("sealed.age"))
            .output();
        match output {
            Ok(output) => {
                println!("age -d -i {key} keys/<dossier>.age: {}", output.status);
                assert_eq!(output.status.success(), opens, "{key}");
            }
            Err(_) => assert!(!crate::server::required("age"), "age is required and not there"),
        }
    }

    // A rotation leaves it alone, and the manager still opens it.
    let rotated = scene.app.app.rotate_keys(archive_itself(), &|_, _| {}).await.unwrap();
    assert_eq!((rotated.sealed, rotated.unreadable.len()), (1, 0));
    assert_eq!(scene.key_object().await, sealed);
    scene.open().await;
    scene.can_be_read(&scene.zhao).await;
    scene.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sealed_without_a_managers_key_and_its_passphrase_can_be_changed() {
    let app = TestApp::start_with(|config| config.limits.wrong_passwords = 3).await;
    let (li, zhao) = (app.sign_in("li").await, app.sign_in("zhao").await);
    let dossier = li.open_dossier("客户").await;
    let seal = format!("/api/v1/dossiers/{dossier}/seal");
    zhao.post(&seal, &json!({ "reason": "x" })).await.problem(409, "no_manager_key");
    let secret = |text: &str| SecretString::from(text.to_owned());
    let by = archive_itself();
    assert!(app.app.set_manager(by, secret("short"), None).await.is_err());
    let first = app.app.set_manager(by, secret("the first passphrase"), None).await.unwrap();
    zhao.post(&seal, &json!({ "reason": "x" })).await.ok();
    assert!(app.app.set_manager(by, secret("the second passphrase"), None).await.is_err(), "it is in use");
    let wrong = Some(secret("not the first passphrase"));
    assert!(app.app.set_manager(by, secret("the second passphrase"), wrong).await.is_err());
    let former = Some(secret("the first passphrase"));
    let second = app.app.set_manager(by, secret("the second passphrase"), former).await.unwrap();
    assert!(first == second);
    let unseal = format!("/api/v1/dossiers/{dossier}/unseal");
    zhao.post(&unseal, &json!({ "passphrase": "the first passphrase" }))
        .await
        .problem(403, "wrong_passphrase");
    zhao.post(&unseal, &json!({ "passphrase": "the second passphrase" })).await.ok();
    for _ in 0..app.app.config.limits.wrong_passwords {
        zhao.post(&unseal, &json!({ "passphrase": "a guess at it" })).await;
    }
    zhao.post(&unseal, &json!({ "passphrase": "the second passphrase" }))
        .await
        .problem(429, "too_many_attempts");
    app.finish().await;
}
