//! Tokens reach as far as their scope and as long as their end, are listed and are revoked.

use serde_json::{Value, json};

use super::{admin, delete, is_known, minutes, still};
use crate::app::{Answer, BASKET, Client, TestApp, lantai, pdf, said, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_scope_says_and_nothing_else() {
    let app = TestApp::start().await;
    let (admin, li) = (admin(&app).await, app.sign_in("li").await);
    let dossier = li.open_dossier("客户").await;
    let case = li.start_case(&dossier, 1).await;
    let query = [("case", case["id"].as_str().unwrap()), ("filename", "合同.pdf")];
    li.upload(&case, BASKET[0], pdf(&["民事信托合同"])).await;
    let with = async |scope: &[&str]| {
        let made = admin.post("/api/v1/tokens", &json!({ "name": "li", "scope": scope })).await.created();
        Client::new(&app.base, &text(&made["token"]))
    };
    // What each call answers to a token of each scope.
    let try_all = async |token: &Client| {
        let look = token.get(&format!("/api/v1/dossiers/{dossier}")).await.status.as_u16();
        let search = token.get("/api/v1/search?q=x").await.status.as_u16();
        let upload = token.upload_to(&dossier, BASKET[1], &query).body(pdf(&["申明书"]));
        let upload = Answer::of(upload).await.status.as_u16();
        let new = json!({ "kind": "customer", "facts": { "name": "乙", "kind": "person" } });
        let act = token.post("/api/v1/dossiers", &new).await.status.as_u16();
        let save = token.post("/api/v1/searches", &json!({ "name": "x", "q": "y" })).await.status.as_u16();
        (look, search, upload, act, save)
    };
    assert_eq!(try_all(&with(&[]).await).await, (200, 200, 201, 201, 201));
    assert_eq!(try_all(&with(&["read"]).await).await, (200, 403, 403, 403, 403));
    assert_eq!(try_all(&with(&["search"]).await).await, (200, 200, 403, 403, 403));
    assert_eq!(try_all(&with(&["upload"]).await).await.2, 201);
    assert_eq!(try_all(&with(&["upload"]).await).await.3, 403);
    assert_eq!(try_all(&with(&["act"]).await).await.3, 201);
    assert_eq!(try_all(&with(&["act"]).await).await.2, 403);
    let reading = with(&["read"]).await;
    let said = reading.post("/api/v1/dossiers", &json!({})).await;
    said.problem(403, "out_of_scope");
    assert_eq!(reading.get("/api/v1/session").await.ok()["scope"], json!(["read"]));
    admin
        .post("/api/v1/tokens", &json!({ "name": "li", "scope": ["fly"] }))
        .await
        .problem(422, "unknown_scope");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_token_without_the_scope_administers_nothing() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    let made =
        admin.post("/api/v1/tokens", &json!({ "name": "admin", "scope": ["read", "act"] })).await.created();
    let limited = Client::new(&app.base, &text(&made["token"]));
    limited.get("/api/v1/users").await.problem(403, "forbidden");
    limited.get("/api/v1/tokens?all=true").await.problem(403, "forbidden");
    // A token makes none that reaches further than itself.
    limited.post("/api/v1/tokens", &json!({})).await.problem(403, "session_needed");
    limited
        .post("/api/v1/tokens", &json!({ "name": "other", "roles": ["gm"] }))
        .await
        .problem(403, "forbidden");
    limited.post("/api/v1/session/password", &json!({})).await.problem(403, "session_needed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_and_are_listed_and_revoked() {
    let (app, hands) = still(|config| config.session.idle_minutes = 60 * 12).await;
    let (admin, li, sun) = (admin(&app).await, app.sign_in("li").await, app.sign_in("sun").await);
    let end = |hours: i64| {
        let at = app.app.clock.now().checked_add(jiff::SignedDuration::from_hours(hours)).unwrap();
        at.to_string()
    };
    let own = async |of: &Client, body: Value| of.post("/api/v1/tokens", &body).await;
    own(&li, json!({})).await.problem(422, "end_needed");
    own(&li, json!({ "expires_at": end(24 * 366) })).await.problem(422, "end_needed");
    own(&li, json!({ "expires_at": end(-1) })).await.problem(422, "bad_end");
    own(&li, json!({ "name": "sun", "expires_at": end(1) })).await.problem(403, "forbidden");
    let made = own(&li, json!({ "expires_at": end(1), "scope": ["read"], "label": "报表" })).await.created();
    let mine = Client::new(&app.base, &text(&made["token"]));
    let lasting = admin.post("/api/v1/tokens", &json!({ "name": "li" })).await.created();
    let listed = li.get("/api/v1/tokens").await.ok();
    assert_eq!(listed["entries"].as_array().unwrap().len(), 2);
    let labels: Vec<&Value> =
        listed["entries"].as_array().unwrap().iter().map(|token| &token["label"]).collect();
    assert!(labels.contains(&&json!("报表")), "{listed}");
    assert!(!listed.to_string().contains(&text(&made["token"])), "no secret is shown again");
    assert_eq!(sun.get("/api/v1/tokens").await.ok()["entries"], json!([]));
    sun.get("/api/v1/tokens?all=true").await.problem(403, "forbidden");
    let revoke = |id: &Value| format!("/api/v1/tokens/{}", id.as_str().unwrap());
    delete(&sun, &revoke(&made["id"])).await.problem(404, "unknown_token");
    assert!(is_known(&mine).await);
    hands.advance(minutes(60));
    assert!(!is_known(&mine).await, "its hour is over");
    let all = admin.get("/api/v1/tokens?all=true").await.ok();
    let of_li = all["entries"].as_array().unwrap().iter().filter(|token| token["name"] == "li").count();
    assert_eq!(of_li, 1, "{all}");
    assert_eq!(delete(&admin, &revoke(&lasting["id"])).await.status, 204);
    assert!(!is_known(&Client::new(&app.base, &text(&lasting["token"]))).await);
    delete(&admin, &revoke(&lasting["id"])).await.problem(404, "unknown_token");
    app.finish().await;
}

#[test]
fn the_command_line_makes_lists_and_revokes_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let run = |args: &[&str]| said(&lantai(&data, args));
    run(&["init", "--recovery-out", dir.path().join("recovery.key").to_str().unwrap()]);
    let plain = run(&["token", "create", "--name", "station", "--role", "station"]);
    assert_eq!(plain.split_whitespace().last().unwrap().len(), 43, "the last word is the token: {plain}");
    let create =
        ["token", "create", "--name", "station", "--scope", "upload", "--expires", "90d", "--label", "门口"];
    let made = run(&create);
    assert_eq!(made.split_whitespace().last().unwrap().len(), 43);
    let listed: Value = serde_json::from_str(&run(&["--json", "token", "list"])).unwrap();
    let of_desk = listed.as_array().unwrap().iter().find(|token| token["label"] == "门口").unwrap();
    assert_eq!((&of_desk["name"], &of_desk["scope"]), (&json!("station"), &json!(["upload"])));
    assert!(of_desk["expires_at"].is_string());
    run(&["token", "revoke", of_desk["id"].as_str().unwrap()]);
    let listed: Value = serde_json::from_str(&run(&["--json", "token", "list"])).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    for wrong in [
        &["token", "create", "--name", "x", "--role", "station", "--scope", "fly"][..],
        &["token", "revoke", "x"],
    ] {
        assert!(!lantai(&data, wrong).status.success(), "{wrong:?}");
    }
}
