//! Running cases that are moved to another version.

use serde_json::{Value, json};

use super::{administrator, bundled, failing, publish, second};
use crate::app::{Client, TestApp, pdf, text};
use crate::openapi::check;

const PATH: &str = "/api/v1/packs/migrate";
const KEPT: &str = "{1.1.0: {timers: keep, counters: keep}}";

fn wanted(dry_run: bool) -> Value {
    json!({ "workflow": "customer-intake", "from": "1.1.0", "to": "2.0.0", "dry_run": dry_run })
}

/// A case that was submitted and returned, and one that has ended.
async fn cases(li: &Client, wang: &Client) -> (Value, Value) {
    let dossier = li.open_dossier("客户甲").await;
    let case = li.start_case(&dossier, 1).await;
    li.upload(&case, "trust_contract", pdf(&["民事信托合同"])).await;
    let case = li.act(&case, "submit", json!({})).await.ok();
    let case = wang.act(&case, "return", failing()).await.ok();
    let other = li.start_case(&dossier, 1).await;
    let ended = li.act(&other, "cancel", json!({ "note": "重复" })).await.ok();
    (case, ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_moved_once_by_an_entry_and_goes_on_by_the_new_rules() {
    let app = TestApp::start().await;
    let (li, wang, zhao) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("zhao").await);
    let (case, ended) = cases(&li, &wang).await;
    let id = text(&case["id"]);
    zhao.post(PATH, &wanted(true)).await.problem(422, "unknown_version");
    publish(&zhao, &second(KEPT)).await.created();
    let before = app.standing(Some(&id)).await;
    let planned = zhao.post(PATH, &wanted(true)).await;
    check("post", PATH, &planned);
    let planned = planned.ok();
    let one = &planned["cases"][0];
    assert_eq!((planned["cases"].as_array().unwrap().len(), &planned["moved"]), (1, &json!(0)));
    let place = json!({ "state": "correction", "deadline": case["deadline"], "counters": { "submissions": 1 }, "version": 3 });
    assert_eq!((&one["case"], &one["old"], &one["refused"]), (&json!(id), &place, &json!([])));
    assert_eq!((&one["new"]["version"], &one["new"]["deadline"]), (&json!(4), &case["deadline"]));
    assert_eq!(app.standing(Some(&id)).await, before, "a dry run changes nothing");
    wang.post(PATH, &wanted(false)).await.problem(403, "forbidden");

    let moved = zhao.post(PATH, &wanted(false)).await.ok();
    assert_eq!((&moved["moved"], &moved["cases"][0]["moved"]), (&json!(1), &json!(true)));
    let now = li.case(&id).await;
    assert!(text(&now["definition"]).starts_with("customer-intake@2.0.0#"), "{now}");
    assert_eq!(
        (&now["state"], &now["version"], &now["deadline"]),
        (&json!("correction"), &json!(4), &case["deadline"])
    );
    let last = now["history"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["action"], &last["by_name"], &last["seq"]),
        (&json!("migrate"), &json!("zhao"), &json!(4))
    );
    assert_eq!(last["moved"]["from"], case["definition"]);
    assert_eq!(li.case(&text(&ended["id"])).await["definition"], ended["definition"], "what has ended stays");
    li.act(&case, "submit", json!({})).await.problem(409, "stale_version");

    // Again: there is nothing left to be moved.
    let size = app.app.journal.health().size;
    assert_eq!(zhao.post(PATH, &wanted(false)).await.ok()["cases"], json!([]));
    assert_eq!(app.app.journal.health().size, size);
    let now = li.act(&now, "submit", json!({})).await.ok();
    wang.act(&now, "return", failing()).await.ok();
    assert_eq!(zhao.get("/api/v1/penalties").await.ok()["totals"], json!({ "li": 1 + 20 }));
    for (language, words) in [
        ("en", ["Moved to another version of the workflow", "Version 1.1.0 → 2.0.0"]),
        ("zh", ["迁移到流程的另一版本", "版本 1.1.0 → 2.0.0"]),
    ] {
        let page = zhao.get(&format!("/cases/{id}?lang={language}")).await;
        let page = String::from_utf8_lossy(&page.body).into_owned();
        assert!(words.iter().all(|words| page.contains(words)), "{page}");
    }
    app.finish().await;
}

/// Other states, other kinds, another name for the counter.
fn other(mapping: &str) -> std::collections::BTreeMap<String, String> {
    let mut files = second(mapping);
    for (find, with) in [
        ("  correction:\n", "  repair:\n"),
        ("to: correction", "to: repair"),
        ("扫描批次", "批次"),
        ("zh: 重新提交", "zh: 再次提交"),
    ] {
        let text = files["intake.yaml"].replace(find, with);
        files.insert("intake.yaml".into(), text);
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn states_of_other_names_are_told_in_the_words_of_their_time() {
    let app = TestApp::start().await;
    let (li, wang, zhao) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("zhao").await);
    let (case, _) = cases(&li, &wang).await;
    let id = text(&case["id"]);
    li.post(&format!("/api/v1/cases/{id}/claim"), &json!({})).await.ok();
    publish(&zhao, &other("{1.1.0: {states: {correction: repair}, timers: restart, counters: keep}}"))
        .await
        .created();
    zhao.post(PATH, &wanted(false)).await.ok();
    let now = li.case(&id).await;
    assert_eq!((&now["state"], &now["claimed_by"]), (&json!("repair"), &Value::Null));
    assert!(text(&now["deadline"]) < text(&case["deadline"]), "three working days from now on, not five");
    let now = li.act(&now, "submit", json!({})).await.ok();
    assert_eq!(now["state"], "review");
    let page = zhao.get(&format!("/cases/{id}?lang=zh")).await;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    // Before the migration and after it, each by its own names.
    for words in ["客服经理审核 → 待补齐", "再次提交"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("repair") && !page.contains(">correction<"), "{page}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_one_case_stands_against_moves_none() {
    let app = TestApp::start().await;
    let (li, wang, zhao) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("zhao").await);
    let (case, _) = cases(&li, &wang).await;
    let free = li.start_case(&text(&case["dossier"]), 1).await;
    let mut files = second(KEPT);
    let text_of = files["intake.yaml"].replace("trust_contract", "agreement");
    files.insert("intake.yaml".into(), text_of);
    publish(&administrator(&app).await, &files).await.created();
    let id = text(&case["id"]);
    let before = app.standing(Some(&id)).await;
    let planned = zhao.post(PATH, &wanted(true)).await;
    check("post", PATH, &planned);
    let planned = planned.ok();
    let read: lantai::app::Migration = serde_json::from_value(planned.clone()).unwrap();
    assert_eq!((read.refused(), json!(read)), (1, planned.clone()), "a client reads what the server says");
    let refused: Vec<&Value> =
        planned["cases"].as_array().unwrap().iter().filter(|one| one["new"].is_null()).collect();
    assert_eq!((planned["cases"].as_array().unwrap().len(), refused.len()), (2, 1));
    assert_eq!(
        (&refused[0]["refused"][0]["code"], &refused[0]["refused"][0]["kind"]),
        (&json!("kind"), &json!("trust_contract"))
    );
    let problem = zhao.post(PATH, &wanted(false)).await.problem(409, "migration_refused");
    assert_eq!(problem["cases"].as_array().unwrap().len(), 2);
    assert_eq!(app.standing(Some(&id)).await, before);
    assert_eq!(li.case(&text(&free["id"])).await["definition"], free["definition"]);

    // Papers of a kind that only the older pack has still come into its case, and are still called by their name.
    let paper = li.upload(&case, "trust_contract", pdf(&["民事信托合同 第二份"])).await;
    li.upload_to(&text(&case["dossier"]), "trust_contract", &[]).body("x").send().await.unwrap();
    app.settle().await;
    let page = zhao.get(&format!("/documents/{}?lang=zh", text(&paper["id"]))).await;
    assert!(String::from_utf8_lossy(&page.body).contains("民事信托合同"));
    let page = li.get(&format!("/cases/{id}?lang=zh")).await;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert!(page.contains("value=\"trust_contract\"") && !page.contains("value=\"agreement\""), "{page}");
    let cover = li.get(&format!("/cases/{id}/cover?kind=trust_contract")).await;
    assert_eq!(cover.status, 200);
    assert_eq!(li.get(&format!("/cases/{id}/cover?kind=agreement")).await.status, 422);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_was_published_to_those_who_may() {
    let app = TestApp::start().await;
    let (li, zhao) = (app.sign_in("li").await, app.sign_in("zhao").await);
    let dossier = li.open_dossier("客户甲").await;
    li.start_case(&dossier, 1).await;
    let files = bundled(&[("pack.yaml", "version: 1.1.0", "version: 1.2.0")]);
    zhao.post("/api/v1/packs?note=%3Cb%3Enew%3C/b%3E", &json!(files)).await.created();
    let page = |who: Client, language: &'static str| async move {
        let answer = who.get(&format!("/packs?lang={language}")).await;
        (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
    };
    let (status, english) = page(zhao.clone(), "en").await;
    assert_eq!(status, 200);
    for words in [
        "Customer service 1.2.0",
        "in force",
        "Customer service 1.1.0",
        "&#60;b&#62;new",
        "zhao",
        "Customer document intake 1.1.0: <strong>1</strong>",
    ] {
        assert!(english.contains(words), "{words}: {english}");
    }
    let (_, chinese) = page(administrator(&app).await, "zh").await;
    assert!(chinese.contains("现行") && chinese.contains("客户服务 1.2.0"), "{chinese}");
    assert_eq!(page(li, "zh").await.0, 403);
    app.finish().await;
}
