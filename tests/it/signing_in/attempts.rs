//! Guessing is slow, shuts nobody out for good, and can be seen.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{PASSWORD, admin, cookie, entries, minutes, nobody, sign_in, still};
use crate::app::{Answer, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_pauses_longer_and_longer_and_its_owner_comes_in_meanwhile() {
    let (app, hands) = still(|config| config.limits.wrong_passwords = 3).await;
    app.sign_in("li").await;
    let enter = async |password: &str, cookies: &str| {
        let body = json!({ "user": "li", "password": password });
        let request = nobody(&app).request(Method::POST, "/api/v1/session").header("cookie", cookies);
        Answer::of(request.json(&body)).await
    };
    let signed = enter(PASSWORD, "").await;
    let device = format!("lantai_device={}", cookie(&signed, "lantai_device").unwrap());
    for _ in 0..3 {
        enter("a guess", "").await.problem(401, "wrong_password");
    }
    let refused = enter(PASSWORD, "").await;
    assert_eq!(refused.problem(429, "too_many_attempts")["retry_after_seconds"], json!(61));
    assert_eq!(refused.header("retry-after"), "61");
    assert_eq!(enter(PASSWORD, &device).await.status, 200, "from the owner's browser it goes on");
    for planted in ["lantai_device=n.m", "lantai_device=", &format!("{device}x")] {
        enter(PASSWORD, planted).await.problem(429, "too_many_attempts");
    }
    hands.advance(minutes(1));
    enter("a guess", "").await.problem(401, "wrong_password");
    assert_eq!(
        enter(PASSWORD, "").await.problem(429, "too_many_attempts")["retry_after_seconds"],
        json!(121)
    );
    hands.advance(minutes(2));
    assert_eq!(enter(PASSWORD, "").await.status, 200, "nobody is shut out for good");
    enter("a guess", "").await.problem(401, "wrong_password");
    assert_eq!(enter(PASSWORD, "").await.status, 200, "what was wrong before counts no more");
    assert!(until(|| async { entries(&app, "attempts.paused") == 2 }).await, "the pauses are in the log");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_name_is_answered_like_somebodys_and_written_nowhere() {
    let (app, _) = still(|config| config.limits.wrong_passwords = 3).await;
    app.sign_in("li").await;
    let mut answers = Vec::new();
    for name in ["li", "nobody at all"] {
        for _ in 0..4 {
            let answer = sign_in(&app, name, "a guess", None).await;
            let mut body = answer.json();
            body["request_id"] = json!("");
            answers.push((answer.status, body));
        }
    }
    assert_eq!(answers[..4], answers[4..]);
    assert!(until(|| async { entries(&app, "attempts.paused") == 1 }).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_password_ends_a_pause() {
    let (app, _) = still(|config| config.limits.wrong_passwords = 2).await;
    app.sign_in("li").await;
    let admin = admin(&app).await;
    for _ in 0..2 {
        sign_in(&app, "li", "a guess", None).await.problem(401, "wrong_password");
    }
    sign_in(&app, "li", PASSWORD, None).await.problem(429, "too_many_attempts");
    let once = admin.post("/api/v1/users/li/password", &json!({})).await.created();
    assert_eq!(sign_in(&app, "li", once["password"].as_str().unwrap(), None).await.status, 200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_try_so_often_whatever_the_names() {
    let (app, hands) = still(|config| {
        config.sign_in.address_per_minute = 5;
        config.sign_in.client_header = "x-real-ip".into();
    })
    .await;
    let enter = async |name: &str, address: &str| {
        let body = json!({ "user": name, "password": "a guess" });
        let request = nobody(&app).request(Method::POST, "/api/v1/session").header("x-real-ip", address);
        Answer::of(request.json(&body)).await
    };
    for name in ["a", "b", "c", "d", "e"] {
        enter(name, "192.0.2.1").await.problem(401, "wrong_password");
    }
    let refused = enter("f", "192.0.2.1").await;
    refused.problem(429, "too_many_attempts");
    assert_eq!(refused.header("retry-after"), "13");
    enter("f", "192.0.2.2").await.problem(401, "wrong_password");
    hands.advance(Duration::from_secs(12));
    enter("f", "192.0.2.1").await.problem(401, "wrong_password");
    app.finish().await;
}
