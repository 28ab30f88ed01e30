//! What workflows order is carried out: once, whatever is cut off, and again the same from the log alone.

use std::time::Duration;

use lantai::cases;
use lantai::clock::Clock;
use lantai::domain::{CaseId, DossierId, archive_itself};
use lantai::dossiers::grants_of;
use lantai::sealing;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::app::{Client, TestApp, pdf, text};

async fn start(client: &Client, workflow: &str, dossier: &str) -> Value {
    client.post("/api/v1/cases", &json!({ "workflow": workflow, "dossier": dossier })).await.created()
}

async fn kinds(app: &TestApp) -> Vec<String> {
    let size = app.app.journal.health().size;
    (0..size).map(|index| app.app.journal.entry(index).unwrap().unwrap().kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_may_look_for_as_long_as_was_granted_and_every_look_is_in_the_log() {
    let (clock, hands) = Clock::fixed("2026-03-02T03:00:00Z".parse().unwrap());
    let app = TestApp::start_at(clock).await;
    let (li, sun, zhao) = (app.sign_in("li").await, app.sign_in("sun").await, app.sign_in("zhao").await);
    let station = app.sign_in("station").await;
    let dossier = li.open_dossier("欧阳修远").await;
    let case = li.start_case(&dossier, 1).await;
    let document = text(&li.upload(&case, "trust_contract", pdf(&["独角兽条款"])).await["id"]);
    let (of_dossier, of_document) =
        (format!("/api/v1/dossiers/{dossier}"), format!("/api/v1/documents/{document}"));
    sun.get(&of_dossier).await.problem(403, "forbidden");

    // Whoever may ask starts a question about a dossier that they cannot see, and no other case.
    let new = |workflow: &str| json!({ "workflow": workflow, "dossier": dossier });
    sun.post("/api/v1/cases", &new("customer-intake")).await.problem(403, "forbidden");
    station.post("/api/v1/cases", &new("archive-access")).await.problem(403, "forbidden");
    let asking = start(&sun, "archive-access", &dossier).await;
    let said = json!({ "note": "复核合同", "days": 3 });
    let before = app.standing(Some(&text(&asking["id"]))).await;
    sun.act(&asking, "ask", json!({ "note": "复核合同" })).await.problem(422, "missing_input");
    sun.act(&asking, "ask", json!({ "note": "复核合同", "days": 4000 })).await.problem(422, "bad_value");
    assert_eq!(app.standing(Some(&text(&asking["id"]))).await, before);
    let asking = sun.act(&asking, "ask", said).await.ok();
    assert_eq!(asking["state"], "asked");
    sun.get(&format!("/api/v1/cases/{}", text(&case["id"]))).await.problem(403, "forbidden");
    sun.get(&of_dossier).await.problem(403, "forbidden");

    let permitted = zhao.act(&asking, "permit", json!({})).await.ok();
    assert_eq!(
        (&permitted["state"], &permitted["deadline"]),
        (&json!("permitted"), &json!("2026-03-05T16:00:00Z"))
    );
    let id: DossierId = dossier.parse().unwrap();
    let [grant] = grants_of(&app.app.records, id).unwrap().try_into().unwrap();
    assert_eq!((grant.person_name.as_str(), grant.purpose.as_str()), ("sun", "复核合同"));
    assert!(grant.watermark && grant.until.to_string() == "2026-03-05T16:00:00Z", "{grant:?}");

    // What was granted is to look: at the facts, at the text, in the list and in a search. The file bears no mark.
    let looks = |kinds: Vec<String>| kinds.iter().filter(|kind| *kind == "document.viewed").count();
    app.settle().await;
    let looked = looks(kinds(&app).await);
    sun.get(&of_dossier).await.ok();
    sun.get(&format!("{of_document}/text")).await.ok();
    assert_eq!(looks(kinds(&app).await), looked + 1, "the look is an entry");
    assert!(!sun.find("独角兽").await.is_empty());
    let page = async |client: &Client| {
        String::from_utf8(client.get(&format!("/documents/{document}")).await.body).unwrap()
    };
    let (theirs, own) = (page(&sun).await, page(&li).await);
    assert!(theirs.contains("class=\"watermark\"") && theirs.contains("sun · 2026-03-0"), "{theirs}");
    assert!(!own.contains("class=\"watermark\""), "who keeps the dossier sees no mark");
    assert_eq!(sun.get("/api/v1/dossiers").await.ok()["entries"][0]["id"], json!(dossier));
    sun.get(&format!("{of_document}/content")).await.problem(403, "forbidden");
    sun.post("/api/v1/cases", &new("customer-intake")).await.problem(403, "forbidden");

    // It ends by itself, also before the clock has said so in the case; then the case ends, too.
    hands.advance(Duration::from_secs(4 * 24 * 3600));
    for name in ["li", "sun", "zhao"] {
        // Sessions are over by now.
        drop(app.sign_in(name).await);
    }
    let sun = app.sign_in("sun").await;
    sun.get(&of_dossier).await.problem(403, "forbidden");
    assert_eq!(sun.get("/api/v1/dossiers").await.ok()["entries"], json!([]));
    app.app.run_timers().await.unwrap();
    let over = sun.get(&format!("/api/v1/cases/{}", text(&asking["id"]))).await.ok();
    assert_eq!(over["state"], "ended");

    // And earlier, when somebody says so.
    let asking = start(&sun, "archive-access", &dossier).await;
    let asking = sun.act(&asking, "ask", json!({ "note": "再看一次", "days": 30 })).await.ok();
    let zhao = app.sign_in("zhao").await;
    zhao.act(&asking, "shorten", json!({ "days": 10 })).await.ok();
    sun.get(&of_dossier).await.ok();
    let asking = sun.get(&format!("/api/v1/cases/{}", text(&asking["id"]))).await.ok();
    sun.act(&asking, "end", json!({})).await.ok();
    sun.get(&of_dossier).await.problem(403, "forbidden");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_set_and_cases_started_and_keepers_changed_by_the_entry_that_orders_it() {
    let app = TestApp::start().await;
    let (li, sun, wang, zhao) = (
        app.sign_in("li").await,
        app.sign_in("sun").await,
        app.sign_in("wang").await,
        app.sign_in("zhao").await,
    );
    let staff = app.sign_in("staff").await;
    let dossier = li.open_dossier("不愿透露者").await;
    let of_dossier = format!("/api/v1/dossiers/{dossier}");

    let special = start(&wang, "special-customer", &dossier).await;
    wang.upload(&special, "proxy_record", pdf(&["介绍人"])).await;
    let special = wang.get(&format!("/api/v1/cases/{}", text(&special["id"]))).await.ok();
    // A note that is too long to be the fact is refused, and leaves the dossier as it is.
    let before = app.standing(Some(&text(&special["id"]))).await;
    let long = "介".repeat(501);
    wang.act(&special, "report", json!({ "note": long })).await.problem(422, "bad_value");
    assert_eq!(app.standing(Some(&text(&special["id"]))).await, before);
    let special = wang.act(&special, "report", json!({ "note": "介绍人周先生" })).await.ok();
    zhao.act(&special, "approve", json!({})).await.ok();
    let facts = li.get(&of_dossier).await.ok()["facts"].clone();
    assert_eq!(
        (&facts["introducer"], &facts["discloses"], &facts["special_approved"]),
        (&json!("介绍人周先生"), &json!(false), &json!(true)),
        "{facts}"
    );

    // The meeting that took place starts the intake; whose checklist follows the facts that were set.
    let meeting = start(&li, "appointment", &dossier).await;
    let meeting = li.act(&meeting, "book", json!({ "note": "周三", "days": 2 })).await.ok();
    li.act(&meeting, "met", json!({})).await.ok();
    let shown = li.get(&of_dossier).await.ok();
    let of_intake = |shown: &Value| -> Vec<String> {
        let all = shown["cases"].as_array().unwrap().iter();
        all.filter(|case| case["workflow"] == "customer-intake").map(|case| text(&case["id"])).collect()
    };
    let [intake] = of_intake(&shown).try_into().unwrap();
    let intake = li.get(&format!("/api/v1/cases/{intake}")).await.ok();
    assert_eq!((&intake["state"], &intake["adviser"]), (&json!("draft"), &json!("li")));
    let wanted: Vec<&str> = intake["checklist"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["kind"].as_str().unwrap())
        .collect();
    assert!(wanted.contains(&"proxy_record") && !wanted.contains(&"interview_form"), "{wanted:?}");
    // Twice is refused, and starts nothing.
    li.act(&meeting, "met", json!({})).await.problem(409, "wrong_state");
    assert_eq!(of_intake(&li.get(&of_dossier).await.ok()).len(), 1);

    let moving = start(&wang, "reassignment", &dossier).await;
    let moved = |name: &str| json!({ "person": name, "note": "李离职" });
    wang.act(&moving, "assign", moved("nobody")).await.problem(404, "unknown_person");
    let moving = wang.act(&moving, "assign", moved("sun")).await.ok();
    assert_eq!(moving["state"], "telling");
    li.get(&of_dossier).await.problem(403, "forbidden");
    assert_eq!(sun.get(&of_dossier).await.ok()["adviser"], "sun");
    assert_eq!(li.get("/api/v1/dossiers").await.ok()["entries"], json!([]));
    let moving = staff.act(&moving, "told", json!({ "note": "电话" })).await.ok();
    sun.act(&moving, "contacted", json!({ "note": "已见面" })).await.ok();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_seals_seals_once_also_if_it_is_cut_off() {
    let app = TestApp::start().await;
    let (li, staff, wang) = (app.sign_in("li").await, app.sign_in("staff").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("已退出客户").await;
    let case = li.start_case(&dossier, 1).await;
    li.upload(&case, "trust_contract", pdf(&["EXITMARK"])).await;
    app.settle().await;
    let sealing = start(&staff, "sealing", &dossier).await;
    let sealing = staff.act(&sealing, "propose", json!({ "note": "已全部赎回" })).await.ok();
    staff.act(&sealing, "confirm", json!({ "note": "确认" })).await.problem(403, "role");
    // Without a general manager's key nothing can be sealed: the order waits, and is not lost.
    wang.act(&sealing, "confirm", json!({ "note": "客户退出" })).await.ok();
    let (id, of_case): (DossierId, CaseId) =
        (dossier.parse().unwrap(), text(&sealing["id"]).parse().unwrap());
    assert!(app.app.seal_as_ordered(id, of_case).await.is_err());
    assert!(sealing::stub(&app.app.records, id).unwrap().is_none());
    let passphrase = SecretString::from("the general manager's".to_owned());
    app.app.set_manager(archive_itself(), passphrase, None).await.unwrap();
    app.app.seal_as_ordered(id, of_case).await.unwrap();
    // As after a crash: the job is run again.
    app.app.seal_as_ordered(id, of_case).await.unwrap();
    app.settle().await;
    let stub = sealing::stub(&app.app.records, id).unwrap().unwrap();
    assert_eq!((stub.by_name.as_str(), stub.reason.as_str()), ("wang", "客户退出"));
    assert_eq!(kinds(&app).await.iter().filter(|kind| *kind == "dossier.sealed").count(), 1);
    assert!(cases::of_dossier(&app.app.records, id).unwrap().is_empty());
    wang.get(&format!("/api/v1/dossiers/{dossier}")).await.problem(423, "dossier_sealed");
    app.finish().await;
}
