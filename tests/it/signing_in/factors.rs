//! Second factors: codes of an app, good once; recovery codes; who needs one.

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use lantai::clock::Hands;
use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use super::{PASSWORD, admin, cookie, delete, is_known, minutes, nobody, sign_in, still};
use crate::app::{Answer, Client, TestApp, text, with_form};

/// The code that an app with this secret shows.
fn code(app: &TestApp, secret: &str) -> String {
    let generator = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    generator.generate(u64::try_from(app.app.clock.now().as_second()).unwrap()).to_string()
}

/// Takes an app on: its secret, the recovery codes, and the session that goes on.
async fn enrol(app: &TestApp, client: &Client) -> (String, Vec<String>, Client) {
    let begun = client.post("/api/v1/session/app", &json!({ "password": PASSWORD })).await.ok();
    let secret = text(&begun["secret"]);
    let address = text(&begun["address"]);
    assert!(address.starts_with("otpauth://totp/Lantai:") && address.contains(&secret), "{address}");
    let confirm = json!({ "step": begun["step"], "code": code(app, &secret) });
    let done = client.post("/api/v1/session/app/confirm", &confirm).await.ok();
    let codes = done["recovery_codes"].as_array().unwrap().iter().map(text).collect();
    (secret, codes, Client::new(&app.base, &text(&done["token"])))
}

fn next_code(app: &TestApp, hands: &Hands, secret: &str) -> String {
    hands.advance(std::time::Duration::from_secs(30));
    code(app, secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_asked_for_and_each_code_is_good_once() {
    let (app, hands) = still(|_| {}).await;
    let (li, other) = (app.sign_in("li").await, app.sign_in("li").await);
    li.post("/api/v1/session/app", &json!({ "password": "a guess" })).await.problem(401, "wrong_password");
    let begun = li.post("/api/v1/session/app", &json!({ "password": PASSWORD })).await.ok();
    let wrong = json!({ "step": begun["step"], "code": "000000" });
    li.post("/api/v1/session/app/confirm", &wrong).await.problem(401, "wrong_code");
    let sun = app.sign_in("sun").await;
    sun.post("/api/v1/session/app/confirm", &wrong).await.problem(422, "step_over");
    assert_eq!(li.get("/api/v1/session/factors").await.ok()["app"], json!(false));

    let (secret, codes, after) = enrol(&app, &li).await;
    assert_eq!(codes.len(), 10);
    assert!(!is_known(&li).await && !is_known(&other).await && is_known(&after).await);
    let factors = after.get("/api/v1/session/factors").await.ok();
    assert_eq!(factors, json!({ "app": true, "passkeys": 0, "recovery_codes_left": 10, "required": false }));

    sign_in(&app, "li", PASSWORD, None).await.problem(401, "second_factor_needed");
    let used = code(&app, &secret);
    sign_in(&app, "li", PASSWORD, Some(&used)).await.problem(401, "wrong_code");
    let fresh = next_code(&app, &hands, &secret);
    sign_in(&app, "li", "a guess", Some(&fresh)).await.problem(401, "wrong_password");
    let signed = sign_in(&app, "li", PASSWORD, Some(&fresh)).await.ok();
    let session = Client::new(&app.base, &text(&signed["token"]));
    assert_eq!(session.get("/api/v1/session").await.ok()["second_factor"], json!(true));
    sign_in(&app, "li", PASSWORD, Some(&fresh)).await.problem(401, "wrong_code");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_show_one_code_at_once_are_not_both_let_in() {
    let (app, hands) = still(|_| {}).await;
    let (secret, ..) = enrol(&app, &app.sign_in("li").await).await;
    let shown = next_code(&app, &hands, &secret);
    let tries = (0..4).map(|_| sign_in(&app, "li", PASSWORD, Some(&shown)));
    let answers = futures::future::join_all(tries).await;
    let in_there = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(in_there, 1, "{answers:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_codes_are_good_once_and_are_replaced() {
    let (app, _) = still(|_| {}).await;
    let (_, codes, li) = enrol(&app, &app.sign_in("li").await).await;
    let spelt = codes[0].to_uppercase().replace('-', " ");
    assert_eq!(sign_in(&app, "li", PASSWORD, Some(&spelt)).await.status, 200);
    sign_in(&app, "li", PASSWORD, Some(&codes[0])).await.problem(401, "wrong_code");
    assert_eq!(li.get("/api/v1/session/factors").await.ok()["recovery_codes_left"], json!(9));
    let renewed = li.post("/api/v1/session/recovery", &json!({ "password": PASSWORD })).await.ok();
    assert!(!is_known(&li).await);
    sign_in(&app, "li", PASSWORD, Some(&codes[1])).await.problem(401, "wrong_code");
    let fresh = text(&renewed["recovery_codes"][0]);
    assert_eq!(sign_in(&app, "li", PASSWORD, Some(&fresh)).await.status, 200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_at_codes_pauses() {
    let (app, hands) = still(|config| config.limits.wrong_passwords = 3).await;
    let (secret, ..) = enrol(&app, &app.sign_in("li").await).await;
    for _ in 0..3 {
        sign_in(&app, "li", PASSWORD, Some("123456")).await.problem(401, "wrong_code");
    }
    let right = next_code(&app, &hands, &secret);
    sign_in(&app, "li", PASSWORD, Some(&right)).await.problem(429, "too_many_attempts");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_needs_a_second_factor_gets_nothing_done_without_one() {
    let (app, hands) = still(|config| config.sign_in.second_factor = "advisor, gm".into()).await;
    let li = app.sign_in("li").await;
    assert_eq!(li.get("/api/v1/session").await.ok()["needed"], json!("second_factor"));
    for path in ["/api/v1/queue", "/api/v1/dossiers", "/api/v1/tokens"] {
        li.get(path).await.problem(403, "enrolment_needed");
    }
    let (secret, _, li) = enrol(&app, &li).await;
    assert_eq!(li.get("/api/v1/queue").await.status, 200);
    let shown = next_code(&app, &hands, &secret);
    let signed = sign_in(&app, "li", PASSWORD, Some(&shown)).await.ok();
    assert_eq!(Client::new(&app.base, &text(&signed["token"])).get("/api/v1/queue").await.status, 200);
    assert_eq!(app.sign_in("staff").await.get("/api/v1/queue").await.status, 200, "another role needs none");

    // Who has lost the app and all codes is helped by an administrator, and has to take another app on.
    let admin = admin(&app).await;
    li.get("/api/v1/users").await.problem(403, "forbidden");
    assert_eq!(delete(&admin, "/api/v1/users/li/factors").await.status, 204);
    assert!(!is_known(&li).await);
    let signed = sign_in(&app, "li", PASSWORD, None).await.ok();
    let li = Client::new(&app.base, &text(&signed["token"]));
    li.get("/api/v1/queue").await.problem(403, "enrolment_needed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_ask_for_the_code_in_a_second_step() {
    let (app, hands) = still(|_| {}).await;
    let (secret, ..) = enrol(&app, &app.sign_in("li").await).await;
    let post = async |path: &str, fields: &[(&str, &str)]| {
        Answer::of(with_form(nobody(&app).request(Method::POST, path), fields)).await
    };
    let html = |answer: &Answer| String::from_utf8(answer.body.clone()).unwrap();
    let first = post("/sign-in", &[("user", "li"), ("password", PASSWORD), ("next", "/queue")]).await;
    assert_eq!((first.status.as_u16(), cookie(&first, "lantai_session")), (200, None));
    let page = html(&first);
    let step = page.split("name=\"step\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let wrong = post("/sign-in/code", &[("step", &step), ("code", "000000"), ("next", "/queue")]).await;
    assert!(wrong.status == 401 && html(&wrong).contains(&step), "one may try again");
    let unknown = post("/sign-in/code", &[("step", "planted"), ("code", "000000")]).await;
    assert!(unknown.status == 422 && html(&unknown).contains("name=\"password\""), "begin anew");
    let shown = next_code(&app, &hands, &secret);
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let browser = browser.build().unwrap();
    let fields = [("step", step.as_str()), ("code", &shown), ("next", "/queue")];
    let request = with_form(browser.post(format!("{}/sign-in/code", app.base)), &fields);
    let signed = Answer::of(request).await;
    assert_eq!(signed.header("location"), "/queue");
    let li = Client::new(&app.base, &cookie(&signed, "lantai_session").unwrap());
    assert!(is_known(&li).await);
    let again = post("/sign-in/code", &fields).await;
    assert_eq!(again.status, 422, "a step is taken once");

    let late = html(&post("/sign-in", &[("user", "li"), ("password", PASSWORD)]).await);
    let step = late.split("name=\"step\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    hands.advance(minutes(6));
    let shown = code(&app, &secret);
    assert_eq!(post("/sign-in/code", &[("step", &step), ("code", &shown)]).await.status, 422);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_app_shows_a_code_to_scan_and_the_recovery_codes_once() {
    let (app, _) = still(|_| {}).await;
    let li = app.sign_in("li").await;
    let post = async |path: &str, fields: &[(&str, &str)]| {
        let answer = Answer::of(with_form(li.request(Method::POST, path), fields)).await;
        let html = String::from_utf8(answer.body.clone()).unwrap();
        (answer, html)
    };
    let (_, html) = post("/account/app", &[("password", PASSWORD)]).await;
    assert!(html.contains("<svg"), "{html}");
    let secret: String = html.split("<code>").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    let step = html.split("name=\"step\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (wrong, html) = post("/account/app/confirm", &[("step", &step), ("code", "000000")]).await;
    assert!(wrong.status == 401 && html.contains("<svg"), "one may try again");
    let shown = code(&app, &secret);
    let (done, html) = post("/account/app/confirm", &[("step", &step), ("code", &shown)]).await;
    assert!(done.status == 200 && html.matches("<li><code>").count() == 10, "{html}");
    let li = Client::new(&app.base, &cookie(&done, "lantai_session").unwrap());
    let page = String::from_utf8(li.get("/account").await.body).unwrap();
    assert!(!page.contains("<li><code>") && page.contains("10 recovery codes"), "{page}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_secret_lies_nowhere_in_the_clear() {
    let app = TestApp::start().await;
    let (secret, codes, _) = enrol(&app, &app.sign_in("li").await).await;
    let raw = Secret::try_from_base32(&secret).unwrap();
    let needles = [
        secret.clone().into_bytes(),
        raw.as_ref().to_vec(),
        BASE64_STANDARD_NO_PAD.encode(raw.as_ref()).into_bytes(),
        codes[0].clone().into_bytes(),
        codes[0].replace('-', "").into_bytes(),
    ];
    app.settle().await;
    let mut read = 0;
    for file in crate::server::files_below(app.dir.path()) {
        let bytes = std::fs::read(&file).unwrap();
        read += bytes.len();
        for needle in &needles {
            let found = bytes.windows(needle.len()).any(|window| window == needle.as_slice());
            assert!(!found, "{} has it", file.display());
        }
    }
    assert!(read > 10_000, "{read} bytes were looked through");
    let log = Value::from(app.app.journal.entry(app.app.journal.health().size - 1).unwrap().unwrap().kind);
    assert_eq!(log, json!("session.started"));
    app.finish().await;
}
