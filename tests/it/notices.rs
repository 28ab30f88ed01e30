//! Notices: who is told what, who is not, that it is remembered, and that what is sent out arrives.

mod sending;
mod sinks;
mod stream;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp, lantai, said, text, with_form};
use crate::openapi::check;

/// A case of this dossier, handed in.
pub(crate) async fn submitted(li: &Client, dossier: &str) -> Value {
    let case = li.start_case(dossier, 1).await;
    li.act(&case, "submit", json!({})).await.ok()
}

/// The same case, returned.
pub(crate) async fn returned(wang: &Client, case: &Value) -> Value {
    let said = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1, "note": "少一份" });
    wang.act(case, "return", said).await.ok()
}

async fn inbox(client: &Client) -> Vec<Value> {
    client.get("/api/v1/inbox").await.ok()["entries"].as_array().unwrap().clone()
}

fn kinds(notices: &[Value]) -> Vec<String> {
    notices.iter().map(|notice| text(&notice["kind"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn those_are_told_whom_it_concerns_and_nobody_else() {
    let app = TestApp::start().await;
    let (li, sun) = (app.sign_in("li").await, app.sign_in("sun").await);
    let (wang, feng) = (app.sign_in("wang").await, app.sign_in("feng").await);
    let (zhao, auditor) = (app.sign_in("zhao").await, app.sign_in("auditor").await);
    let dossier = li.open_dossier("欧阳修远").await;
    let case = submitted(&li, &dossier).await;
    for reviewer in [&wang, &feng] {
        let notices = inbox(reviewer).await;
        assert_eq!(kinds(&notices), ["case.waits"]);
        assert_eq!((&notices[0]["case"], &notices[0]["state"]), (&case["id"], &json!("review")));
        assert_eq!(text(&notices[0]["page"]), format!("/cases/{}", text(&case["id"])));
        assert_eq!(notices[0]["dossier_name"], "欧阳修远");
        assert!(!text(&notices[0]["text"]).contains("欧阳"), "{}", notices[0]);
    }
    returned(&wang, &case).await;
    // The newest first: the case waits for its adviser, who was charged.
    let notices = inbox(&li).await;
    assert_eq!(kinds(&notices), ["penalty.booked", "case.waits"]);
    assert_eq!((&notices[0]["points"], &notices[1]["action"]), (&json!(1), &json!("return")));
    assert!(text(&notices[1]["text"]).contains("Return for correction"), "{}", notices[1]);
    for notice in &notices {
        let said = text(&notice["text"]);
        assert!(!said.contains('{') && !said.contains("notice-"), "{said}");
    }
    assert_eq!(inbox(&wang).await.len(), 1, "whoever acts is not told what they did");
    for other in [&sun, &auditor] {
        assert_eq!(inbox(other).await, Vec::<Value>::new());
    }
    // Somebody with both roles hands in: the review is not theirs, whatever their roles.
    let both = app.sign_in("both").await;
    let own = both.open_dossier("诸葛").await;
    submitted(&both, &own).await;
    assert_eq!(inbox(&both).await, Vec::<Value>::new());
    assert_eq!(inbox(&feng).await.len(), 2);
    // What waits for the adviser whose it is waits for nobody else who could do it.
    returned(&feng, &submitted(&li, &dossier).await).await;
    let waits =
        |notice: &&Value| (&notice["kind"], &notice["state"]) == (&json!("case.waits"), &json!("correction"));
    assert_eq!(inbox(&both).await.iter().filter(waits).count(), 0);
    // An appeal tells those who may take the line back, and that they did tells who was charged.
    let lines = li.get("/api/v1/penalties").await.ok();
    let line = text(&lines["entries"][0]["id"]);
    let appealed = li.post(&format!("/api/v1/penalties/{line}/appeal"), &json!({ "note": "已交" })).await;
    assert_eq!(appealed.status, StatusCode::CREATED);
    let told = inbox(&zhao).await;
    assert!(kinds(&told).contains(&"penalty.appealed".to_owned()), "{told:?}");
    let reversed =
        zhao.post(&format!("/api/v1/penalties/{line}/reverse"), &json!({ "reason": "有理" })).await;
    assert_eq!(reversed.status, StatusCode::CREATED, "{}", reversed.json());
    assert_eq!(kinds(&inbox(&li).await)[0], "penalty.reversed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deputy_is_told_of_it_and_of_what_waits_from_then_on() {
    let app = TestApp::start().await;
    let (li, sun, wang) = (app.sign_in("li").await, app.sign_in("sun").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("欧阳").await;
    let today = lantai::domain::business_date(app.app.clock.now());
    let named = json!({ "role": "cs_manager", "to": "sun", "from": today, "until": today, "reason": "休假" });
    let delegation = wang.post("/api/v1/delegations", &named).await.created();
    submitted(&li, &dossier).await;
    assert_eq!(kinds(&inbox(&sun).await), ["case.waits", "role.delegated"]);
    let ended = format!("/api/v1/delegations/{}", text(&delegation["id"]));
    assert_eq!(Answer::of(wang.request(Method::DELETE, &ended)).await.status, StatusCode::NO_CONTENT);
    // What was told of a case that is not theirs to see any more is not there any more.
    assert_eq!(kinds(&inbox(&sun).await), ["delegation.ended", "role.delegated"]);
    assert_eq!(sun.get("/api/v1/inbox").await.ok()["unread"], 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_remembered() {
    let app = TestApp::start().await;
    let (li, wang, sun) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("sun").await);
    let dossier = li.open_dossier("欧阳").await;
    for _ in 0..4 {
        submitted(&li, &dossier).await;
    }
    let listed = wang.get("/api/v1/inbox?limit=3").await;
    check("get", "/api/v1/inbox", &listed);
    let listed = listed.ok();
    assert_eq!((listed["entries"].as_array().unwrap().len(), &listed["unread"]), (3, &json!(4)));
    let cursor = text(&listed["next_cursor"]);
    let rest = wang.get(&format!("/api/v1/inbox?limit=3&cursor={cursor}")).await.ok();
    assert_eq!((rest["entries"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));

    let id = text(&listed["entries"][1]["id"]);
    let read = |client: Client, id: String| async move {
        client.post(&format!("/api/v1/inbox/{id}/read"), &json!({})).await
    };
    assert_eq!(read(wang.clone(), id.clone()).await.status, StatusCode::NO_CONTENT);
    let size = app.app.journal.health().size;
    assert_eq!(read(wang.clone(), id.clone()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.app.journal.health().size, size, "once");
    read(sun.clone(), id.clone()).await.problem(404, "unknown_notice");
    read(wang.clone(), "x".to_owned()).await.problem(404, "unknown_notice");
    let unread = wang.get("/api/v1/inbox?unread=true").await.ok();
    assert_eq!((unread["entries"].as_array().unwrap().len(), &unread["unread"]), (3, &json!(3)));
    // All up to the one that was read: the newest stays.
    let all = wang.post("/api/v1/inbox/read", &json!({ "up_to": id })).await;
    assert_eq!(all.status, StatusCode::NO_CONTENT);
    assert_eq!(wang.get("/api/v1/inbox").await.ok()["unread"], 1);
    assert_eq!(wang.post("/api/v1/inbox/read", &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(wang.get("/api/v1/inbox").await.ok()["unread"], 0);
    // `finish` compares with a replay: a restore knows what was read.
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_need_no_script() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("欧阳<b>修远").await;
    let case = submitted(&li, &dossier).await;
    let page = |client: &Client, path: &str| {
        let request = client.request(Method::GET, path);
        async move { String::from_utf8(Answer::of(request).await.body).unwrap() }
    };
    let shown = page(&wang, "/inbox").await;
    assert!(shown.contains("欧阳&#60;b&#62;修远") && !shown.contains("<b>修远"), "{shown}");
    assert!(shown.contains("data-unread>1<"), "{shown}");
    let id = text(&inbox(&wang).await[0]["id"]);
    let to = format!("/cases/{}", text(&case["id"]));
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let post = |path: String, fields: Vec<(&'static str, String)>| {
        let request = http.post(format!("{}{path}", app.base)).bearer_auth(&wang.token);
        async move {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Answer::of(with_form(request, &fields)).await
        }
    };
    // A page that is not ours is not gone to.
    let away = post(format!("/inbox/{id}/open"), vec![("page", "//elsewhere.example".into())]).await;
    assert_eq!((away.status, away.header("location")), (StatusCode::SEE_OTHER, "/inbox"));
    let opened = post(format!("/inbox/{id}/open"), vec![("page", to.clone())]).await;
    assert_eq!((opened.status, opened.header("location")), (StatusCode::SEE_OTHER, to.as_str()));
    assert!(page(&wang, "/inbox").await.contains("data-unread hidden>0<"));
    let all = post("/inbox/read".into(), vec![("up_to", id)]).await;
    assert_eq!(all.status, StatusCode::SEE_OTHER);
    let made = post("/inbox/calendar".into(), vec![("do", "make".into())]).await;
    let made = String::from_utf8(made.body).unwrap();
    assert!(made.contains("/calendar/") && made.contains(".ics"));
    assert!(page(&wang, "/outbox").await.contains("<h1>"), "a page says that it is not for them");
    assert_eq!(wang.get("/outbox").await.status, StatusCode::FORBIDDEN);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_has_the_deadlines_and_names_nobody() {
    let app =
        TestApp::start_with(|config| config.notices.public_url = "https://archive.example/".into()).await;
    let (li, sun, wang) = (app.sign_in("li").await, app.sign_in("sun").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("欧阳修远").await;
    let case = submitted(&li, &dossier).await;
    check("get", "/api/v1/calendar", &wang.get("/api/v1/calendar").await);
    let made = wang.post("/api/v1/calendar", &json!({})).await;
    check("post", "/api/v1/calendar", &made);
    let url = text(&made.created()["url"]);
    let path = url.strip_prefix("https://archive.example").unwrap().to_owned();
    let nobody = Client::new(&app.base, "");
    let feed = nobody.get(&path).await;
    assert_eq!((feed.status, feed.header("content-type")), (StatusCode::OK, "text/calendar; charset=utf-8"));
    let text_of = |feed: &Answer| String::from_utf8(feed.body.clone()).unwrap();
    let calendar = text_of(&feed);
    let unfolded = calendar.replace("\r\n ", "");
    let lines: Vec<&str> = unfolded.split("\r\n").collect();
    assert_eq!((lines[0], lines[lines.len() - 2]), ("BEGIN:VCALENDAR", "END:VCALENDAR"));
    assert!(calendar.split("\r\n").all(|line| line.len() <= 75), "{calendar}");
    let of = |name: &str| lines.iter().filter(|line| line.starts_with(name)).copied().collect::<Vec<_>>();
    assert_eq!(of("BEGIN:VEVENT").len(), 1);
    let uid = of("UID:");
    assert!(uid.len() == 1 && uid[0].contains(&text(&case["id"])), "{uid:?}");
    let deadline: jiff::Timestamp = text(&case["deadline"]).parse().unwrap();
    let day = lantai::domain::business_date(deadline - jiff::SignedDuration::from_secs(1));
    assert_eq!(of("DTSTART"), [format!("DTSTART;VALUE=DATE:{}", day.strftime("%Y%m%d"))]);
    assert_eq!(of("DTSTAMP").len(), 1);
    assert_eq!(of("URL"), [format!("URL:https://archive.example/cases/{}", text(&case["id"]))]);
    assert!(!calendar.contains("欧阳"), "{calendar}");
    // The same again has the same UID.
    assert!(text_of(&nobody.get(&path).await).contains(uid[0].get(..40).unwrap()));
    // Li follows what they handed in; Sun has nothing to do with it.
    for (client, count) in [(&li, 1), (&sun, 0)] {
        let url = text(&client.post("/api/v1/calendar", &json!({})).await.created()["url"]);
        let path = url.strip_prefix("https://archive.example").unwrap().to_owned();
        assert_eq!(text_of(&nobody.get(&path).await).matches("BEGIN:VEVENT").count(), count);
    }
    // Made anew, the former address opens nothing; taken back, none does; nor that of somebody who is disabled.
    let anew = text(&wang.post("/api/v1/calendar", &json!({})).await.created()["url"]);
    let anew = anew.strip_prefix("https://archive.example").unwrap().to_owned();
    nobody.get(&path).await.problem(404, "not_found");
    assert_eq!(nobody.get(&anew).await.status, StatusCode::OK);
    let taken = Answer::of(wang.request(Method::DELETE, "/api/v1/calendar")).await;
    assert_eq!(taken.status, StatusCode::NO_CONTENT);
    nobody.get(&anew).await.problem(404, "not_found");
    let again = text(&wang.post("/api/v1/calendar", &json!({})).await.created()["url"]);
    let again = again.strip_prefix("https://archive.example").unwrap().to_owned();
    let admin = app.app.people.by_name("admin").unwrap().unwrap().id;
    app.app.people.disable(admin, "wang").await.unwrap();
    nobody.get(&again).await.problem(404, "not_found");
    nobody.get("/calendar/x.ics").await.problem(404, "not_found");
    app.finish().await;
}

/// What a restore makes: the same inboxes, and nothing to be sent once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_archive_has_the_same_inboxes() {
    let mut server = crate::server::Server::new(crate::server::Setting::default());
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    let dossier = li.dossier("欧阳").await;
    for _ in 0..2 {
        let case = li.case(&dossier, 1).await;
        li.act(&case, "submit", json!({})).await.ok();
    }
    let before = wang.get("/api/v1/inbox").await.ok();
    let id = text(&before["entries"][0]["id"]);
    assert_eq!(wang.post(&format!("/api/v1/inbox/{id}/read"), json!({})).await.status, 204);
    let before = wang.get("/api/v1/inbox").await.ok();
    server.settle().await;
    server.stop();
    let from = format!("file://{}", server.path("lantai-data/objects").display());
    let data = server.path("restored");
    said(&lantai(
        &data,
        &["restore", "--from", &from, "--key", &server.path("recovery.key").display().to_string()],
    ));
    let setting = crate::server::Setting::default()
        .with("LANTAI_DATA", &data.display().to_string())
        .with("LANTAI_OBJECTS", &from);
    server.setting = setting;
    server.start();
    let wang = server.desk("wang").await;
    let after = wang.get("/api/v1/inbox").await.ok();
    assert_eq!(after, before);
}
