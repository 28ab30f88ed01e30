//! What leaves the archive: webhooks, at least once and with the same id, or given up and sent again.

use std::collections::BTreeSet;
use std::time::Duration;

use lantai::config::Config;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::sinks::Receiver;
use super::{returned, submitted};
use crate::app::{Answer, Client, TestApp, said, text, until};
use crate::openapi::check;
use crate::server::{Server, Setting};

/// Settings under which the loopback may be called.
fn open(config: &mut Config) {
    config.webhooks.allow_http = true;
    config.webhooks.allow_private = true;
    config.outbox.retry_seconds = "1,1".to_owned().try_into().unwrap();
}

async fn admin(app: &TestApp) -> Client {
    let admin = app.app.people.by_name("admin").unwrap().unwrap().id;
    let token = app.app.people.make_token(admin, admin).await.unwrap();
    Client::new(&app.base, &token.secret)
}

/// What was given up.
async fn dead(admin: &Client) -> Vec<Value> {
    let listed = admin.get("/api/v1/outbox").await;
    check("get", "/api/v1/outbox", &listed);
    listed.ok()["entries"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_gets_it_when_it_is_up_again_signed_and_once() {
    let app = TestApp::start_with(open).await;
    let admin = admin(&app).await;
    let receiver = Receiver::start(&[503, 302]).await;
    let added =
        admin.post("/api/v1/webhooks", &json!({ "url": receiver.url(), "events": ["case.waits"] })).await;
    check("post", "/api/v1/webhooks", &added);
    let secret = text(&added.created()["secret"]);
    let listed = admin.get("/api/v1/webhooks").await;
    check("get", "/api/v1/webhooks", &listed);
    assert!(!listed.ok().to_string().contains("whsec_"), "the secret is shown once");

    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("欧阳修远").await;
    let case = submitted(&li, &dossier).await;
    // Refused, sent on (which is not followed), taken.
    assert!(until(|| async { receiver.calls().len() == 3 }).await, "{:?}", receiver.calls().len());
    app.settle().await;
    let calls = receiver.calls();
    let ids: BTreeSet<&str> = calls.iter().map(|call| call.header("webhook-id")).collect();
    assert_eq!((calls.len(), ids.len()), (3, 1), "the same id at every try");
    for call in &calls {
        assert!(call.is_signed(&secret), "{call:?}");
        assert!(!call.is_signed("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"));
        let now = app.app.clock.now().as_second();
        assert!((now - call.header("webhook-timestamp").parse::<i64>().unwrap()).abs() < 60);
        let message = call.json();
        assert_eq!((&message["type"], &message["data"]["case"]), (&json!("case.waits"), &case["id"]));
        assert_eq!(message["data"]["state"], "review");
        for name in ["欧阳", "li", "wang"] {
            assert!(!message.to_string().contains(&format!("\"{name}")), "{message}");
        }
    }
    // Of others than those kinds nothing is sent; the return makes the case wait, and a penalty beside that.
    returned(&wang, &case).await;
    assert!(until(|| async { receiver.calls().len() == 4 }).await);
    app.settle().await;
    assert_eq!((receiver.calls().len(), dead(&admin).await.len()), (4, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_can_be_sent_again_and_who_is_gone_is_told_nothing_more() {
    let app = TestApp::start_with(open).await;
    let admin = admin(&app).await;
    let receiver = Receiver::start(&[500, 500, 500]).await;
    let hook = admin.post("/api/v1/webhooks", &json!({ "url": receiver.url() })).await.created();
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("欧阳").await;
    submitted(&li, &dossier).await;
    assert!(until(|| async { dead(&admin).await.len() == 1 }).await);
    assert_eq!(receiver.calls().len(), 3, "three tries with two pauses");
    let given_up = dead(&admin).await.remove(0);
    assert_eq!((&given_up["why"], &given_up["status"]), (&json!("status"), &json!(500)));
    assert_eq!((&given_up["to"], &given_up["channel"]), (&hook["id"], &json!("webhook")));
    let metrics = reqwest::get(format!("{}/metrics", app.base)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("lantai_outbox_given_up 1\n"));
    // Only an administrator sees it and can send it again.
    wang.get("/api/v1/outbox").await.problem(403, "forbidden");
    let again = format!("/api/v1/outbox/{}/send", text(&given_up["id"]));
    wang.post(&again, &json!({})).await.problem(403, "forbidden");
    assert_eq!(admin.post(&again, &json!({})).await.status, StatusCode::ACCEPTED);
    assert!(until(|| async { receiver.calls().len() == 4 }).await);
    app.settle().await;
    let ids: BTreeSet<String> =
        receiver.calls().iter().map(|call| call.header("webhook-id").to_owned()).collect();
    assert_eq!((ids.len(), dead(&admin).await.len()), (1, 0));
    admin.post(&again, &json!({})).await.problem(404, "unknown_delivery");

    // 410: it is disabled, and what comes later is not sent there.
    receiver.answer(&[410]);
    submitted(&li, &dossier).await;
    assert!(until(|| async { dead(&admin).await.len() == 1 }).await);
    assert_eq!(dead(&admin).await[0]["why"], "gone");
    let listed = admin.get("/api/v1/webhooks").await.ok();
    assert_eq!((&listed["entries"][0]["gone"], receiver.calls().len()), (&json!(true), 5));
    submitted(&li, &dossier).await;
    app.settle().await;
    assert_eq!(receiver.calls().len(), 5);
    // The page of the administrator says the same.
    let page = String::from_utf8(admin.get("/outbox").await.body).unwrap();
    assert!(page.contains(&receiver.url()) && page.contains("410"), "{page}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_called_that_is_not_public() {
    let app = TestApp::start_with(|config| {
        config.outbox.retry_seconds = String::new().try_into().unwrap();
        config.webhooks.most = 2;
    })
    .await;
    let admin = admin(&app).await;
    let receiver = Receiver::start(&[]).await;
    let port = receiver.address.port();
    for url in [
        receiver.url(),
        "http://hooks.example.com/".to_owned(),
        format!("https://127.0.0.1:{port}/hook"),
        format!("https://2130706433:{port}/hook"),
        format!("https://[::ffff:127.0.0.1]:{port}/hook"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://user:password@hooks.example.com/".to_owned(),
        "https://hooks.example.com/#x".to_owned(),
        "file:///etc/passwd".to_owned(),
        "hooks".to_owned(),
        format!("https://hooks.example.com/{}", "x".repeat(3000)),
    ] {
        admin.post("/api/v1/webhooks", &json!({ "url": url })).await.problem(422, "bad_webhook");
    }
    let unknown = json!({ "url": "https://hooks.example.com/", "events": ["all"] });
    admin.post("/api/v1/webhooks", &unknown).await.problem(422, "unknown_event");
    // A name that leads to this machine is found out when it is called.
    let url = format!("https://localhost:{port}/hook");
    let hook = admin.post("/api/v1/webhooks", &json!({ "url": url })).await.created();
    let li = app.sign_in("li").await;
    app.sign_in("wang").await;
    li.post("/api/v1/webhooks", &json!({ "url": url })).await.problem(403, "forbidden");
    let dossier = li.open_dossier("欧阳").await;
    submitted(&li, &dossier).await;
    assert!(until(|| async { dead(&admin).await.len() == 1 }).await);
    assert_eq!(dead(&admin).await[0]["why"], "forbidden_address");
    assert_eq!(receiver.calls().len(), 0);
    // There are so many and no more; one that is disabled makes room.
    admin.post("/api/v1/webhooks", &json!({ "url": url })).await.created();
    admin.post("/api/v1/webhooks", &json!({ "url": url })).await.problem(422, "too_many_webhooks");
    let gone =
        Answer::of(admin.request(Method::DELETE, &format!("/api/v1/webhooks/{}", text(&hook["id"])))).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    admin.post("/api/v1/webhooks", &json!({ "url": url })).await.created();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_it_was_sent_it_is_sent_with_the_same_id() {
    let receiver = Receiver::start(&[503]).await;
    let setting = Setting::default()
        .with("LANTAI_WEBHOOKS_ALLOW_HTTP", "true")
        .with("LANTAI_WEBHOOKS_ALLOW_PRIVATE", "true")
        .with("LANTAI_OUTBOX_RETRY_SECONDS", "2,2,2");
    let mut server = Server::new(setting);
    server.stop();
    let added = said(&server.run(&["webhook", "add", &receiver.url(), "--event", "case.waits"]));
    let secret = added.split_whitespace().last().unwrap().to_owned();
    assert!(said(&server.run(&["webhook", "list"])).contains(&receiver.url()));
    server.start();
    let (li, _) = (server.desk("li").await, server.desk("wang").await);
    let dossier = li.dossier("欧阳").await;
    let case = li.case(&dossier, 1).await;
    li.act(&case, "submit", json!({})).await.ok();
    // It was committed and answered; the first try failed, and there is no second one.
    assert!(until(|| async { receiver.calls().len() == 1 }).await);
    server.kill();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(receiver.calls().len(), 1);
    server.start();
    assert!(until(|| async { receiver.calls().len() == 2 }).await);
    server.settle().await;
    let calls = receiver.calls();
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    assert!(calls[1].is_signed(&secret));
    // Given up, it is listed and sent again from the command line.
    receiver.answer(&[500, 500, 500, 500]);
    let li = server.desk("li").await;
    let case = li.case(&dossier, 1).await;
    li.act(&case, "submit", json!({})).await.ok();
    assert!(until(|| async { receiver.calls().len() == 6 }).await);
    server.settle().await;
    server.stop();
    assert!(said(&server.run(&["webhook", "given-up"])).contains("status 500"));
    assert!(said(&server.run(&["webhook", "send-again", "--all"])).contains("1 to be sent again"));
    server.start();
    assert!(until(|| async { receiver.calls().len() == 7 }).await);
    server.settle().await;
    server.stop();
    assert!(said(&server.run(&["webhook", "given-up"])).contains("0 given up"));
    let verified = server.run(&["verify", "--full"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}
