//! Passwords: which are taken, how they are changed, and one-time ones.

use serde_json::json;

use super::{PASSWORD, admin, is_known, minutes, nobody, sign_in, still};
use crate::app::{Answer, Client, TestApp, lantai, said, text, with_form};

#[tokio::test(flavor = "multi_thread")]
async fn short_and_common_passwords_are_refused_wherever_one_is_set() {
    let app = TestApp::start_with(|config| config.sign_in.password_chars = 12).await;
    let (admin, li) = (admin(&app).await, app.sign_in("li").await);
    let add = async |password: &str| {
        admin
            .post("/api/v1/users", &json!({ "name": "new", "roles": ["advisor"], "password": password }))
            .await
    };
    let change = async |new: &str| {
        li.post("/api/v1/session/password", &json!({ "password": PASSWORD, "new": new })).await
    };
    let short = add("eleven char").await.problem(422, "weak_password");
    assert!(text(&short["detail"]).contains("12"), "{short}");
    add("password2026").await.problem(422, "common_password");
    change("eleven char").await.problem(422, "weak_password");
    change("Password2026!").await.problem(422, "common_password");
    change(PASSWORD).await.problem(422, "same_password");
    li.post("/api/v1/session/password", &json!({ "password": "a guess", "new": "seven red boats" }))
        .await
        .problem(401, "wrong_password");
    assert!(is_known(&li).await);
    let changed = change("seven red boats").await.ok();
    let after = Client::new(&app.base, &text(&changed["token"]));
    assert!(is_known(&after).await && !is_known(&li).await);
    sign_in(&app, "li", PASSWORD, None).await.problem(401, "wrong_password");
    assert_eq!(sign_in(&app, "li", "seven red boats", None).await.status, 200);
    add("seven red boats").await.created();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_password_is_for_choosing_another_and_not_for_ever() {
    let (app, hands) = still(|config| {
        config.sign_in.one_time_hours = 1;
        config.session.idle_minutes = 600;
    })
    .await;
    let (admin, li) = (admin(&app).await, app.sign_in("li").await);
    li.post("/api/v1/users/li/password", &json!({})).await.problem(403, "forbidden");
    admin.post("/api/v1/users/nobody/password", &json!({})).await.problem(404, "unknown_person");
    let reset =
        async || text(&admin.post("/api/v1/users/li/password", &json!({})).await.created()["password"]);
    let late = reset().await;
    hands.advance(minutes(60));
    sign_in(&app, "li", &late, None).await.problem(401, "wrong_password");
    let once = reset().await;
    assert_eq!(admin.get("/api/v1/users").await.ok()["entries"][1]["one_time_password"], json!(true));
    let signed = sign_in(&app, "li", &once, None).await.ok();
    let li = Client::new(&app.base, &text(&signed["token"]));
    assert_eq!(li.get("/api/v1/session").await.ok()["needed"], json!("password"));
    for path in ["/api/v1/queue", "/api/v1/sessions", "/api/v1/tokens", "/api/v1/search?q=x"] {
        li.get(path).await.problem(403, "password_change_needed");
    }
    let page = li.get("/queue").await;
    let html = String::from_utf8(page.body).unwrap();
    assert!(
        html.contains("/account/password") && !html.contains("/account/tokens"),
        "sent to the account: {html}"
    );
    let new = json!({ "password": once, "new": "seven red boats" });
    let signed = li.post("/api/v1/session/password", &new).await.ok();
    let li = Client::new(&app.base, &text(&signed["token"]));
    assert_eq!(li.get("/api/v1/queue").await.status, 200);
    assert_eq!(li.get("/api/v1/session").await.ok()["needed"], json!(null));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_somebody_who_has_to_choose_a_password_lets_them() {
    let app = TestApp::start().await;
    app.sign_in("li").await;
    let by = lantai::domain::archive_itself();
    let (once, _) = app.app.people.reset_password(by, "li").await.unwrap();
    let typed = [("user", "li"), ("password", once.as_str()), ("next", "/queue")];
    let request = nobody(&app).request(reqwest::Method::POST, "/sign-in");
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let browser = browser.build().unwrap();
    let (_, built) = with_form(request, &typed).build_split();
    let signed = browser.execute(built.unwrap()).await.unwrap();
    assert_eq!(signed.headers()["location"], "/queue");
    let set = signed.headers()["set-cookie"].to_str().unwrap();
    let secret = set.split(['=', ';']).nth(1).unwrap().to_owned();
    let li = Client::new(&app.base, &secret);
    let new = [("password", once.as_str()), ("new", "seven red boats"), ("again", "seven red boats")];
    let changed = Answer::of(with_form(li.request(reqwest::Method::POST, "/account/password"), &new)).await;
    assert_eq!(changed.status, 200);
    assert_eq!(sign_in(&app, "li", "seven red boats", None).await.status, 200);
    app.finish().await;
}

#[test]
fn the_command_line_resets_passwords_and_roles() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let run = |args: &[&str]| said(&lantai(&data, args));
    run(&["init", "--recovery-out", dir.path().join("recovery.key").to_str().unwrap()]);
    run(&["user", "add", "li", "--role", "advisor"]);
    let once = run(&["user", "reset", "li", "--second-factor"]);
    assert_eq!(once.split_whitespace().last().unwrap().len(), 16, "{once}");
    run(&["user", "roles", "li", "--role", "cs_staff", "--role", "advisor"]);
    assert!(run(&["user", "list"]).contains("li  cs_staff,advisor"));
    assert!(!lantai(&data, &["user", "roles", "li", "--role", "nonsense"]).status.success());
    assert!(!lantai(&data, &["user", "reset", "nobody"]).status.success());
    let weak = dir.path().join("weak");
    std::fs::write(&weak, "password123\n").unwrap();
    let weak = weak.to_str().unwrap();
    let refused = lantai(&data, &["user", "add", "sun", "--role", "advisor", "--password-file", weak]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("too easy to guess"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_helps_people_and_makes_tokens_on_a_page() {
    let app = TestApp::start().await;
    let (admin, li) = (admin(&app).await, app.sign_in("li").await);
    let by = lantai::domain::archive_itself();
    let roles = vec![lantai::domain::Role::new("advisor")];
    app.app.people.add(Some(by), "张 三?", roles, None).await.unwrap();
    assert_eq!(li.get("/admin/access").await.status, 403);
    let post = async |client: &Client, path: &str, fields: &[(&str, &str)]| {
        let answer = Answer::of(with_form(client.request(reqwest::Method::POST, path), fields)).await;
        let html = String::from_utf8(answer.body.clone()).unwrap();
        (answer.status.as_u16(), html)
    };
    let shown = |html: &str| html.split("<p><code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    for path in ["/admin/access/li/reset", "/admin/access/li/factors", "/admin/access/tokens"] {
        assert_eq!(post(&li, path, &[("name", "y"), ("role", "gm")]).await.0, 403, "{path}");
    }
    let page = String::from_utf8(admin.get("/admin/access").await.body).unwrap();
    let path = page.split("/admin/access/%").nth(1).unwrap().split('"').next().unwrap();
    let (status, html) = post(&admin, &format!("/admin/access/%{path}"), &[]).await;
    assert_eq!(status, 200, "{html}");
    let signed = sign_in(&app, "张 三?", &shown(&html), None).await.ok();
    let new = Client::new(&app.base, &text(&signed["token"]));
    assert_eq!(new.get("/api/v1/session").await.ok()["needed"], json!("password"));
    let token = [("name", "desk"), ("role", "station"), ("scope", "upload"), ("label", "门口")];
    let (_, html) = post(&admin, "/admin/access/tokens", &token).await;
    let desk = Client::new(&app.base, &shown(&html));
    assert_eq!(desk.get("/api/v1/session").await.ok()["scope"], json!(["upload"]));
    let id = app.app.people.by_name("desk").unwrap().unwrap().id;
    let (bearer, _) = app.app.people.bearers_of(id, lantai::people::Kind::Token).unwrap().remove(0);
    assert_eq!(post(&admin, &format!("/admin/access/tokens/{}/revoke", bearer.id), &[]).await.0, 200);
    assert!(!is_known(&desk).await);
    app.finish().await;
}
