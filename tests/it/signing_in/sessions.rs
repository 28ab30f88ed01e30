//! Sessions: new at each sign-in, over after a time, ended one by one, all others, or with their person.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;

use super::{admin, cookie, delete, ids, is_known, minutes, nobody, sign_in, still};
use crate::app::{Answer, Client, TestApp, text, until, with_form};

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_where_one_is_signed_in_and_ends_it_there() {
    let app = TestApp::start().await;
    let (here, there, elsewhere) =
        (app.sign_in("li").await, app.sign_in("li").await, app.sign_in("li").await);
    let sun = app.sign_in("sun").await;
    let list = here.get("/api/v1/sessions").await.ok();
    assert_eq!((ids(&list, true).len(), ids(&list, false).len()), (1, 2), "{list}");
    let of_there = ids(&there.get("/api/v1/sessions").await.ok(), true).remove(0);
    let of_sun = ids(&sun.get("/api/v1/sessions").await.ok(), true).remove(0);
    delete(&here, &format!("/api/v1/sessions/{of_sun}")).await.problem(404, "unknown_token");
    assert_eq!(delete(&here, &format!("/api/v1/sessions/{of_there}")).await.status, 204);
    assert!(!is_known(&there).await && is_known(&elsewhere).await && is_known(&sun).await);
    assert_eq!(delete(&here, "/api/v1/sessions").await.status, 204);
    assert!(is_known(&here).await && !is_known(&elsewhere).await && is_known(&sun).await);
    assert_eq!(delete(&here, "/api/v1/session").await.status, 204);
    assert!(!is_known(&here).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_over_when_it_is_not_used_and_in_the_end_all_the_same() {
    let (app, hands) = still(|config| {
        config.session.idle_minutes = 30;
        config.session.hours = 2;
    })
    .await;
    let (used, idle) = (app.sign_in("li").await, app.sign_in("li").await);
    hands.advance(minutes(29));
    assert!(is_known(&used).await);
    hands.advance(minutes(2));
    assert!(is_known(&used).await && !is_known(&idle).await);
    hands.advance(minutes(1));
    assert!(!is_known(&idle).await, "that it was tried did not bring it back");
    let list = used.get("/api/v1/sessions").await.ok();
    assert_eq!(list["entries"].as_array().unwrap().len(), 1, "{list}");
    for _ in 0..4 {
        hands.advance(minutes(21));
        assert!(is_known(&used).await);
    }
    hands.advance(minutes(4));
    assert!(!is_known(&used).await, "two hours are over");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_ends_what_the_browser_had_and_takes_nothing_that_was_planted() {
    let app = TestApp::start().await;
    app.sign_in("li").await;
    let enter = async |cookies: &str| {
        let body = json!({ "user": "li", "password": super::PASSWORD });
        let request = nobody(&app).request(reqwest::Method::POST, "/api/v1/session");
        Answer::of(request.header("cookie", cookies).json(&body)).await
    };
    let planted = enter("lantai_session=planted").await;
    assert_eq!(planted.status, 200);
    let first = cookie(&planted, "lantai_session").unwrap();
    assert_ne!(first, "planted");
    assert!(!is_known(&Client::new(&app.base, "planted")).await);
    let attributes = planted.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    for line in attributes {
        for attribute in ["Path=/", "HttpOnly", "SameSite=Lax"] {
            assert!(line.contains(attribute), "{line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
    let second = cookie(&enter(&format!("lantai_session={first}")).await, "lantai_session").unwrap();
    assert_ne!(first, second);
    assert!(
        !is_known(&Client::new(&app.base, &first)).await,
        "a session that somebody else may know is over"
    );
    assert!(is_known(&Client::new(&app.base, &second)).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_tls_cookies_are_for_tls_and_this_host_only() {
    let app = TestApp::start_with(|config| config.sign_in.address = "https://lantai.example".into()).await;
    app.sign_in("li").await;
    let answer = sign_in(&app, "li", super::PASSWORD, None).await;
    for line in answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()) {
        assert!(line.starts_with("__Host-lantai_") && line.ends_with("; Secure"), "{line}");
    }
    let secret = cookie(&answer, "__Host-lantai_session").unwrap();
    let asked = async |cookies: String| {
        let request = nobody(&app).request(reqwest::Method::GET, "/api/v1/session");
        Answer::of(request.header("cookie", cookies)).await.status.as_u16()
    };
    assert_eq!(asked(format!("__Host-lantai_session={secret}")).await, 200);
    assert_eq!(asked(format!("lantai_session={secret}")).await, 401);
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_person_ends_all_that_they_are_known_by_at_once() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    let of = |name: &str, what: &str| format!("/api/v1/users/{name}{what}");
    for change in ["roles", "password", "disable"] {
        let session = app.sign_in("li").await;
        let li = app.app.people.by_name("li").unwrap().unwrap().id;
        let token = Client::new(&app.base, &app.app.people.make_token(li, li).await.unwrap().secret);
        let sun = app.sign_in("sun").await;
        assert!(is_known(&session).await && is_known(&token).await);
        match change {
            "roles" => {
                let roles = json!({ "roles": ["advisor", "cs_staff"] });
                assert_eq!(admin.post(&of("li", "/roles"), &roles).await.status, 204);
                assert_eq!(
                    app.sign_in("li").await.get("/api/v1/session").await.ok()["roles"],
                    roles["roles"]
                );
            }
            "password" => {
                let once = admin.post(&of("li", "/password"), &json!({})).await.created();
                let new = json!({ "password": once["password"], "new": super::PASSWORD });
                let signed = sign_in(&app, "li", &text(&once["password"]), None).await.ok();
                let li = Client::new(&app.base, &text(&signed["token"]));
                li.post("/api/v1/session/password", &new).await.ok();
            }
            _ => assert_eq!(delete(&admin, &of("li", "")).await.status, 204),
        }
        assert!(!is_known(&session).await && !is_known(&token).await, "{change}");
        assert!(is_known(&sun).await, "{change}");
    }
    sign_in(&app, "li", super::PASSWORD, None).await.problem(401, "wrong_password");
    app.finish().await;
}

/// More than fits into the buffers between the two ends of a connection.
const LONG_BYTES: usize = 48 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_under_way_is_broken_off() {
    let app = TestApp::start().await;
    let (li, zhao) = (app.sign_in("li").await, app.sign_in("zhao").await);
    let dossier = li.open_dossier("客户").await;
    let case = li.start_case(&dossier, 1).await;
    let document = li.upload(&case, "trust_contract", vec![0xa5; LONG_BYTES]).await;
    let path = format!("/api/v1/documents/{}/content", text(&document["id"]));
    let whole = zhao.get(&path).await;
    assert_eq!(whole.body.len(), LONG_BYTES);
    let answer = zhao.request(reqwest::Method::GET, &path).send().await.unwrap();
    let mut chunks = answer.bytes_stream();
    let mut received = chunks.next().await.unwrap().unwrap().len();
    app.app.people.disable(lantai::domain::archive_itself(), "zhao").await.unwrap();
    let broken = loop {
        match tokio::time::timeout(Duration::from_secs(20), chunks.next()).await.unwrap() {
            Some(Ok(chunk)) => received += chunk.len(),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(broken && received < LONG_BYTES, "{received} bytes came");
    assert!(!is_known(&zhao).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_ones_account_does_all_of_it_with_plain_forms() {
    let app = TestApp::start().await;
    let other = app.sign_in("li").await;
    let li = app.sign_in("li").await;
    let form = |path: &str, fields: &[(&str, &str)]| {
        Answer::of(with_form(li.request(reqwest::Method::POST, path), fields))
    };
    let page = li.get("/account").await;
    let html = String::from_utf8(page.body).unwrap();
    assert!(html.contains("Where I am signed in") && html.contains("Sign out everywhere else"), "{html}");
    assert_eq!(form("/account/sessions/end", &[]).await.status, 200, "sent on to the page");
    assert!(!is_known(&other).await && is_known(&li).await);
    let made =
        form("/account/tokens", &[("label", "script"), ("until", "2031-01-01"), ("scope", "read")]).await;
    assert_eq!(made.status, 422, "a token of one's own is not for ever");
    let day = lantai::domain::business_date(app.app.clock.now()).to_string();
    let made = form("/account/tokens", &[("label", "script <b>"), ("until", &day), ("scope", "read")]).await;
    assert_eq!(made.status, 200);
    let html = String::from_utf8(made.body).unwrap();
    assert!(html.contains("script &#60;b&#62;") && html.contains("New token"), "{html}");
    let id = text(&li.get("/api/v1/tokens").await.ok()["entries"][0]["id"]);
    form(&format!("/account/tokens/{id}/revoke"), &[]).await;
    assert_eq!(li.get("/api/v1/tokens").await.ok()["entries"], json!([]));
    let wrong = [("password", super::PASSWORD), ("new", "seven red boats"), ("again", "seven red goats")];
    assert_eq!(form("/account/password", &wrong).await.status, 422);
    assert!(is_known(&li).await, "nothing was changed");
    let right = [("password", super::PASSWORD), ("new", "seven red boats"), ("again", "seven red boats")];
    let changed = form("/account/password", &right).await;
    assert_eq!(changed.status, 200);
    let next = Client::new(&app.base, &cookie(&changed, "lantai_session").unwrap());
    assert!(is_known(&next).await && until(|| async { !is_known(&li).await }).await);
    app.finish().await;
}
