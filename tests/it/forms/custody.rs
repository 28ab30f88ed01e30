//! Who holds the papers, and what is refused of it.

use serde_json::{Value, json};

use crate::app::{TestApp, text};

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_the_papers_is_noted_and_listed_in_order() {
    let app = TestApp::start().await;
    let (li, sun) = (app.sign_in("li").await, app.sign_in("sun").await);
    let dossier = li.open_dossier("欧阳修远").await;
    let case = li.start_case(&dossier, 1).await;
    let id = text(&case["id"]);
    let path = format!("/api/v1/cases/{id}/custody");
    let first = json!({ "holder": "李顾问", "channel": "in_person", "at": "2026-01-05T02:00:00Z" });
    let noted = li.post(&path, &first).await.created();
    assert_eq!((&noted["at"], &noted["by_name"]), (&json!("2026-01-05T02:00:00Z"), &json!("li")));
    let second = json!({ "holder": "王经理", "channel": "courier", "carrier": "顺丰", "place": "7号箱", "note": "原件" });
    li.post(&path, &second).await.created();
    let held = li.case(&id).await["custody"].clone();
    let holders: Vec<&Value> = held.as_array().unwrap().iter().map(|held| &held["holder"]).collect();
    assert_eq!(holders, ["李顾问", "王经理"]);
    assert_eq!((&held[1]["carrier"], &held[1]["place"]), (&json!("顺丰"), &json!("7号箱")));

    let before = app.standing(Some(&id)).await;
    let long = "长".repeat(201);
    for (held, code) in [
        (json!({ "holder": " ", "channel": "courier" }), "bad_value"),
        (json!({ "holder": long, "channel": "courier" }), "bad_value"),
        (json!({ "holder": "x", "channel": "courier", "carrier": long }), "bad_value"),
        (json!({ "holder": "x", "channel": "courier", "place": long }), "bad_value"),
        (json!({ "holder": "x", "channel": "courier", "note": "长".repeat(1001) }), "bad_value"),
        (json!({ "holder": "x", "channel": "courier", "at": "2999-01-01T00:00:00Z" }), "bad_value"),
    ] {
        li.post(&path, &held).await.problem(422, code);
    }
    for held in [json!({ "holder": "x", "channel": "pigeon" }), json!({ "channel": "scan" }), json!({})] {
        assert!(li.post(&path, &held).await.status.is_client_error());
    }
    sun.post(&path, &first).await.problem(403, "forbidden");
    let late = json!({ "handover": { "channel": "courier", "received_at": "2999-01-01T00:00:00Z" } });
    li.act(&case, "submit", late).await.problem(422, "bad_value");
    let handover = json!({ "handover": { "channel": "courier" }, "note": "x" });
    li.act(&case, "cancel", handover).await.problem(422, "bad_value");
    assert_eq!(app.standing(Some(&id)).await, before);
    app.finish().await;
}
