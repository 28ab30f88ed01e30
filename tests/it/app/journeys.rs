//! Cases from the first upload to their end, and everything on the way that is refused and must change nothing.

use serde_json::{Value, json};

use crate::app::{Answer, BASKET, Client, TestApp, pdf, text};

/// What a return needs, with so many failing contracts.
fn failing(contracts: u32) -> Value {
    json!({ "reason": "missing", "documents": ["person_id"], "contracts": contracts, "note": "缺少身份证复印件" })
}

/// A case of two contracts with one paper in its basket.
async fn started(adviser: &Client) -> Value {
    let dossier = adviser.open_dossier("客户甲").await;
    let case = adviser.start_case(&dossier, 2).await;
    adviser.upload(&case, "trust_contract", pdf(&["民事信托合同"])).await;
    case
}

/// Points of an adviser, and the ledger's lines.
async fn ledger(client: &Client) -> (Value, Vec<i64>) {
    let account = client.get("/api/v1/penalties").await.ok();
    let points = account["entries"].as_array().unwrap().iter().map(|line| line["points"].as_i64().unwrap());
    (account["totals"].clone(), points.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn four_failures_cost_two_and_two_and_four_points_and_then_the_general_manager_decides() {
    let app = TestApp::start().await;
    let (li, wang, zhao) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("zhao").await);
    let mut case = started(&li).await;
    for (attempt, (contracts, points)) in [(2, 2), (1, 2), (1, 4)].into_iter().enumerate() {
        case = li.act(&case, "submit", json!({})).await.ok();
        assert_eq!((&case["state"], &case["attempt"]), (&json!("review"), &json!(attempt + 1)));
        case = wang.act(&case, "return", failing(contracts)).await.ok();
        assert_eq!(case["state"], "correction");
        assert!(case["deadline"].is_string());
        assert_eq!(ledger(&wang).await.1.last(), Some(&points));
    }
    case = li.act(&case, "submit", json!({})).await.ok();
    wang.act(&case, "return", failing(1)).await.problem(409, "guard");
    case = wang.act(&case, "escalate", failing(1)).await.ok();
    assert_eq!((&case["state"], &case["attempt"]), (&json!("gm_decision"), &json!(4)));
    assert_eq!(
        ledger(&wang).await,
        (json!({ "li": 8 }), vec![2, 2, 4]),
        "the fourth costs nothing by itself"
    );

    wang.act(&case, "allow_correction", json!({ "note": "x", "points": 1 })).await.problem(403, "role");
    zhao.act(&case, "allow_correction", json!({ "note": "x" })).await.problem(422, "missing_input");
    let decided = json!({ "note": "再给一次机会", "points": 10 });
    case = zhao.act(&case, "allow_correction", decided).await.ok();
    assert_eq!(case["state"], "correction");
    assert_eq!(ledger(&zhao).await, (json!({ "li": 18 }), vec![2, 2, 4, 10]));
    assert_eq!(ledger(&li).await.0, json!({ "li": 18 }), "advisers see their own lines");
    assert_eq!(ledger(&app.sign_in("sun").await).await.0, json!({}), "and nobody else's");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_basket_is_filed_and_an_incomplete_one_is_not() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("客户乙").await;
    let case = li.start_case(&dossier, 1).await;
    let (last, first) = BASKET.split_last().unwrap();
    for kind in first {
        li.upload(&case, kind, pdf(&[kind])).await;
    }
    let case = li.act(&case, "submit", json!({})).await.ok();
    assert_eq!(case["checklist"]["complete"], false);
    let problem = wang.act(&case, "accept", json!({})).await.problem(409, "guard");
    assert_eq!(problem["values"]["checklist.complete"], false);
    let case = wang.act(&case, "return", failing(1)).await.ok();
    li.upload(&case, last, pdf(&[last])).await;
    let case = li.act(&case, "submit", json!({})).await.ok();
    assert_eq!(case["checklist"]["complete"], true);
    assert_eq!(app.sign_in("feng").await.get("/api/v1/queue").await.ok()["entries"][0]["case"], case["id"]);
    let case = wang.act(&case, "accept", json!({})).await.ok();
    assert_eq!(case["state"], "filed");
    wang.act(&case, "return", failing(1)).await.problem(409, "wrong_state");
    let actions: Vec<&Value> =
        case["history"].as_array().unwrap().iter().map(|item| &item["action"]).collect();
    assert_eq!(actions, ["start", "submit", "return", "submit", "accept"]);
    let shown = li.get(&format!("/api/v1/dossiers/{dossier}")).await.ok();
    assert_eq!((shown["documents"].as_array().unwrap().len(), &shown["missing"]), (BASKET.len(), &json!([])));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_changes_nothing() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let (sun, both) = (app.sign_in("sun").await, app.sign_in("both").await);
    let (staff, station) = (app.sign_in("staff").await, app.sign_in("station").await);
    let mut case = started(&li).await;
    let id = text(&case["id"]);
    case = li.act(&case, "submit", json!({})).await.ok();
    case = wang.act(&case, "return", failing(2)).await.ok();
    let stale = case.clone();
    case = li.act(&case, "submit", json!({})).await.ok();
    let before = app.standing(Some(&id)).await;

    li.act(&case, "accept", json!({})).await.problem(403, "role");
    staff.act(&case, "return", failing(1)).await.problem(403, "role");
    sun.act(&case, "submit", json!({})).await.problem(403, "forbidden");
    station.act(&case, "submit", json!({})).await.problem(403, "forbidden");
    wang.act(&stale, "return", failing(1)).await.problem(409, "stale_version");
    wang.act(&case, "accept", json!({})).await.problem(409, "guard");
    wang.act(&case, "escalate", failing(1)).await.problem(409, "guard");
    wang.act(&case, "submit", json!({})).await.problem(409, "wrong_state");
    wang.act(&case, "fly", json!({})).await.problem(409, "wrong_state");
    wang.act(&case, "return", failing(3)).await.problem(422, "bad_value");
    wang.act(&case, "return", json!({ "reason": "missing" })).await.problem(422, "missing_input");
    let lost = json!({ "reason": "lost", "documents": ["person_id"], "contracts": 1 });
    wang.act(&case, "return", lost).await.problem(422, "unknown_reason");
    let unknown = json!({ "reason": "missing", "documents": ["passport"], "contracts": 1 });
    wang.act(&case, "return", unknown).await.problem(422, "bad_value");
    assert_eq!(app.standing(Some(&id)).await, before);

    // Four eyes: the submitter has the reviewer's role as well.
    let dossier = both.open_dossier("客户丙").await;
    let mine = both.start_case(&dossier, 1).await;
    let mine = both.act(&mine, "submit", json!({})).await.ok();
    let own = text(&mine["id"]);
    let before = app.standing(Some(&own)).await;
    both.act(&mine, "accept", json!({})).await.problem(403, "four_eyes");
    both.act(&mine, "return", failing(1)).await.problem(403, "four_eyes");
    assert_eq!(app.standing(Some(&own)).await, before);
    wang.act(&mine, "return", failing(1)).await.ok();
    assert_eq!(ledger(&wang).await.0, json!({ "li": 2, "both": 1 }));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paper_that_comes_with_an_action_is_taken_only_with_it() {
    let app = TestApp::start().await;
    let (li, wang, staff) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("staff").await);
    let case = started(&li).await;
    let id = text(&case["id"]);
    let stale = li.act(&case, "submit", json!({})).await.ok();
    let case = wang.act(&stale, "return", failing(1)).await.ok();
    let paper = li.upload_to(&text(&case["dossier"]), "person_id", &[]).body(pdf(&["居民身份证"]));
    let paper = Answer::of(paper).await.created();
    let with = |more: &str| json!({ "documents": [paper["id"], more] });
    let before = app.standing(Some(&id)).await;
    li.act(&stale, "submit", with("person_id")).await.problem(409, "stale_version");
    li.act(&case, "submit", with("passport")).await.problem(422, "bad_value");
    staff.act(&case, "submit", with("person_id")).await.problem(403, "role");
    wang.act(&case, "cancel", with("person_id")).await.problem(422, "missing_input");
    assert_eq!(app.standing(Some(&id)).await, before);
    let other = li.open_dossier("另一客户").await;
    let foreign =
        Answer::of(li.upload_to(&other, "person_id", &[]).body(pdf(&["居民身份证"]))).await.created();
    let both = json!({ "documents": [paper["id"], foreign["id"]] });
    let with_other = app.standing(Some(&id)).await;
    li.act(&case, "submit", both).await.problem(422, "case_of_other_dossier");
    assert_eq!(app.standing(Some(&id)).await, with_other);
    let case = li.act(&case, "submit", json!({ "documents": [paper["id"]] })).await.ok();
    assert_eq!((&case["state"], case["documents"].as_array().unwrap().len()), (&json!("review"), 2));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_keeps_others_from_claiming() {
    let app = TestApp::start().await;
    let (li, wang, feng) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("feng").await);
    let case = li.act(&started(&li).await, "submit", json!({})).await.ok();
    let path = format!("/api/v1/cases/{}/claim", text(&case["id"]));
    assert_eq!(wang.post(&path, &json!({})).await.ok()["claimed_by"], "wang");
    feng.post(&path, &json!({})).await.problem(409, "claimed");
    assert_eq!(feng.get("/api/v1/queue").await.ok()["entries"][0]["claimed_by"], "wang");
    assert_eq!(feng.post(&format!("{path}?take_over=true"), &json!({})).await.ok()["claimed_by"], "feng");
    app.finish().await;
}
