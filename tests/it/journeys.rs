//! Whole journeys through the public doors.

use serde_json::{Value, json};

use crate::server::{Desk, Server, Setting};

/// The case, the ledger and the log, once nothing is being read any more: what a refused action must leave as it is.
async fn everything(server: &Server, manager: &Desk, case: &str) -> (Value, Value, Value) {
    server.settle().await;
    let mut seen = manager.get(&format!("/api/v1/cases/{case}")).await.ok();
    seen["claimed_by"].take();
    let ledger = manager.get("/api/v1/penalties").await.ok();
    let ready = reqwest::get(format!("{}/readyz", server.base)).await.unwrap().json::<Value>().await.unwrap();
    (seen, ledger, ready["log_size"].clone())
}

fn failing(contracts: u32) -> Value {
    json!({ "reason": "missing", "documents": ["person_id"], "contracts": contracts, "note": "缺少身份证" })
}

#[tokio::test]
async fn four_failing_attempts_cost_two_two_and_four_and_then_the_general_manager_decides() {
    let server = Server::new(Setting::default());
    let (li, wang, zhao) = (server.desk("li").await, server.desk("wang").await, server.desk("zhao").await);
    let dossier = li.dossier("欧阳修远").await;
    let case = li.case(&dossier, 2).await;
    li.basket(&dossier, &case, 2).await;
    for (attempt, (contracts, points)) in [(2, 2), (1, 4), (1, 8)].into_iter().enumerate() {
        let submitted = li.act(&case, "submit", json!({})).await.ok();
        assert_eq!(
            (submitted["state"].as_str(), submitted["attempt"].as_u64()),
            (Some("review"), Some(attempt as u64 + 1))
        );
        let returned = wang.act(&case, "return", failing(contracts)).await.ok();
        assert_eq!(returned["state"], "correction");
        assert_eq!(wang.points("li").await, points);
    }
    li.act(&case, "submit", json!({})).await.ok();
    let before = everything(&server, &wang, &case).await;
    let refused = wang.act(&case, "return", failing(1)).await.is(409, "guard");
    assert_eq!(refused["values"]["case.attempt"], 4, "{refused}");
    assert_eq!(everything(&server, &wang, &case).await, before);
    let escalated = wang.act(&case, "escalate", failing(1)).await.ok();
    assert_eq!(escalated["state"], "gm_decision");
    assert_eq!(wang.points("li").await, 8, "the fourth is the general manager's to decide");
    let queue = zhao.get("/api/v1/queue").await.ok();
    assert_eq!(queue["entries"][0]["case"], case.as_str());
    zhao.act(&case, "cancel", json!({ "note": "屡次不全", "points": 10 })).await.ok();
    assert_eq!(wang.points("li").await, 18);
    let ledger = wang.get("/api/v1/penalties").await.ok();
    let lines: Vec<_> =
        ledger["entries"].as_array().unwrap().iter().map(|line| line["points"].as_i64().unwrap()).collect();
    assert_eq!(lines, [2, 2, 4, 10]);
}

#[tokio::test]
async fn whoever_may_not_act_changes_nothing() {
    let server = Server::new(Setting::default());
    let both =
        std::fs::write(server.path("both.password"), "advisor-password").map(|()| "both.password").unwrap();
    let mut server = server;
    server.stop();
    let out = server.run(&[
        "user",
        "add",
        "both",
        "--role",
        "advisor",
        "--role",
        "cs_manager",
        "--password-file",
        both,
    ]);
    assert!(out.status.success());
    server.start();
    let (wang, sun) = (server.desk("wang").await, server.desk("sun").await);
    let both = {
        let signed =
            sun.post("/api/v1/session", json!({ "user": "both", "password": "advisor-password" })).await.ok();
        Desk { token: signed["token"].as_str().unwrap().to_owned(), ..sun.clone() }
    };
    let dossier = both.dossier("客户").await;
    let case = both.case(&dossier, 1).await;
    both.basket(&dossier, &case, 1).await;
    wang.act(&case, "submit", json!({})).await.is(403, "role");
    let draft = everything(&server, &wang, &case).await;
    sun.act(&case, "submit", json!({ "version": 1 })).await.is(403, "forbidden");
    assert_eq!(everything(&server, &wang, &case).await, draft);
    both.act(&case, "submit", json!({})).await.ok();
    let before = everything(&server, &wang, &case).await;
    both.act(&case, "accept", json!({})).await.is(403, "four_eyes");
    both.act(&case, "return", failing(1)).await.is(403, "four_eyes");
    let stale = wang.act(&case, "accept", json!({ "version": 1 })).await.is(409, "stale_version");
    assert_eq!(stale["version"], before.0["version"]);
    wang.act(&case, "submit", json!({})).await.is(409, "wrong_state");
    wang.act(&case, "return", json!({ "reason": "missing" })).await.is(422, "missing_input");
    wang.act(&case, "return", failing(7)).await.is(422, "bad_value");
    wang.act(&case, "return", json!({ "reason": "whim", "documents": ["person_id"], "contracts": 1 }))
        .await
        .is(422, "unknown_reason");
    assert_eq!(everything(&server, &wang, &case).await, before);
    wang.act(&case, "accept", json!({})).await.ok();
    let out = {
        server.stop();
        server.run(&["verify", "--full"])
    };
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

#[tokio::test]
async fn an_adviser_sees_nothing_of_another_advisers_customer() {
    let server = Server::new(Setting::default());
    let (li, sun, wang) = (server.desk("li").await, server.desk("sun").await, server.desk("wang").await);
    let dossier = li.dossier("秘密客户").await;
    let case = li.case(&dossier, 1).await;
    let document = li
        .upload(&[("dossier", &dossier), ("case", &case), ("kind", "trust_contract")], "独角兽条款".into())
        .await
        .ok();
    let id = document["id"].as_str().unwrap();
    wang.find("独角兽", 1).await;
    li.find("独角兽", 1).await;
    for query in ["独角兽", "秘密客户", ""] {
        let found = sun.search(query).await;
        assert_eq!(
            (found["total"].as_u64(), found["hits"].as_array().map(Vec::len)),
            (Some(0), Some(0)),
            "{found}"
        );
    }
    for path in [
        format!("/api/v1/dossiers/{dossier}"),
        format!("/api/v1/cases/{case}"),
        format!("/api/v1/documents/{id}"),
        format!("/api/v1/documents/{id}/content"),
        format!("/api/v1/documents/{id}/text"),
        format!("/api/v1/documents/{id}/proof"),
    ] {
        sun.get(&path).await.is(403, "forbidden");
    }
    assert_eq!(sun.get("/api/v1/dossiers").await.ok()["entries"], json!([]));
    assert_eq!(sun.get("/api/v1/penalties").await.ok()["entries"], json!([]));
    sun.get("/api/v1/penalties?adviser=li").await.is(403, "forbidden");
    sun.get("/api/v1/users").await.is(403, "forbidden");
}

#[tokio::test]
async fn a_claim_keeps_a_second_reviewer_away_until_it_is_given_back() {
    let server = Server::new(Setting::default());
    let (li, wang, zhao) = (server.desk("li").await, server.desk("wang").await, server.desk("zhao").await);
    let dossier = li.dossier("客户").await;
    let case = li.case(&dossier, 1).await;
    li.act(&case, "submit", json!({})).await.ok();
    let claim = format!("/api/v1/cases/{case}/claim");
    assert_eq!(wang.post(&claim, json!(null)).await.ok()["claimed_by"], "wang");
    let refused = zhao.post(&claim, json!(null)).await.is(409, "claimed");
    assert_eq!(refused["claimed_by"], "wang");
    assert_eq!(wang.get("/api/v1/queue").await.ok()["entries"][0]["claimed_by"], "wang");
    let given = wang.request(reqwest::Method::DELETE, &claim);
    assert_eq!(wang.send(given).await.status, 204);
    assert_eq!(zhao.post(&claim, json!(null)).await.ok()["claimed_by"], "zhao");
    assert_eq!(wang.post(&format!("{claim}?take_over=true"), json!(null)).await.ok()["claimed_by"], "wang");
}
