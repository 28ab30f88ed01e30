//! The queue: what is most urgent first, its parts, how much waits where, and deputies.

use std::time::Duration;

use lantai::clock::Clock;
use lantai::domain::business_date;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp, text, until};

const DAY: Duration = Duration::from_secs(86_400);

fn failing() -> Value {
    json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1 })
}

async fn submitted(adviser: &Client, customer: &str) -> Value {
    let dossier = adviser.open_dossier(customer).await;
    let case = adviser.start_case(&dossier, 1).await;
    adviser.act(&case, "submit", json!({})).await.ok()
}

async fn customers(client: &Client, query: &str) -> Vec<String> {
    let queue = client.get(&format!("/api/v1/queue{query}")).await.ok();
    queue["entries"].as_array().unwrap().iter().map(|entry| text(&entry["dossier_name"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_comes_first_then_what_is_due_then_what_waits_longest() {
    // Monday 2 March 2026 in Shanghai.
    let (clock, hands) = Clock::stopped("2026-03-02T03:00:00Z".parse().unwrap());
    let app = TestApp::start_at(clock).await;
    let (li, both) = (app.sign_in("li").await, app.sign_in("both").await);
    for (adviser, customer) in [(&both, "甲"), (&li, "乙")] {
        let dossier = adviser.open_dossier(customer).await;
        adviser.start_case(&dossier, 1).await;
        hands.advance(Duration::from_secs(60));
    }
    let longest = submitted(&li, "丙").await;
    hands.advance(Duration::from_secs(60));
    submitted(&li, "丁").await;
    hands.advance(7 * DAY);
    let (wang, both) = (app.sign_in("wang").await, app.sign_in("both").await);
    let fresh = submitted(&app.sign_in("li").await, "戊").await;
    hands.advance(Duration::from_secs(60));
    submitted(&app.sign_in("li").await, "己").await;

    // The server's own scanner has reminded of it; the page says so in words.
    let page = format!("/cases/{}?lang=en", text(&longest["id"]));
    let said = "Reminder: was due 2026-03-04 24:00";
    let reminded =
        until(|| async { String::from_utf8_lossy(&wang.get(&page).await.body).contains(said) }).await;
    assert!(reminded, "nobody was reminded");

    assert_eq!(customers(&wang, "").await, ["丙", "丁", "戊", "己"]);
    // What has no deadline comes at the end.
    assert_eq!(customers(&both, "").await, ["丙", "丁", "戊", "己", "甲", "乙"]);
    assert_eq!(customers(&both, "?role=advisor").await, ["甲", "乙"]);
    assert_eq!(customers(&wang, "?overdue=true").await, ["丙", "丁"]);
    assert_eq!(customers(&both, "?state=draft&overdue=true").await, Vec::<String>::new());
    wang.post(&format!("/api/v1/cases/{}/claim", text(&fresh["id"])), &json!({})).await.ok();
    assert_eq!(customers(&wang, "?show=mine").await, ["戊"]);
    assert_eq!(customers(&wang, "?show=free&state=review").await, ["丙", "丁", "己"]);

    let summary = wang.get("/api/v1/queue/summary").await.ok();
    let states = summary["states"].as_array().unwrap();
    let review = states.iter().find(|state| state["state"] == "review").unwrap();
    // Five working days, 3 to 6 and 9 March, for two; today for the others.
    assert_eq!((&review["count"], &review["overdue"]), (&json!(4), &json!(2)));
    assert_eq!(review["ages"], json!({ "0-1": 2, "2-5": 2, "6-10": 0, "over-10": 0 }));
    assert_eq!(review["oldest"], "2026-03-02T03:02:00Z");
    assert_eq!(states.iter().map(|state| state["count"].as_u64().unwrap()).sum::<u64>(), 6);
    app.sign_in("li").await.get("/api/v1/queue/summary").await.problem(403, "forbidden");
    hands.advance(10 * DAY);
    let summary = app.sign_in("zhao").await.get("/api/v1/queue/summary").await.ok();
    let review =
        summary["states"].as_array().unwrap().iter().find(|state| state["state"] == "review").unwrap();
    assert_eq!(review["ages"], json!({ "0-1": 0, "2-5": 0, "6-10": 2, "over-10": 2 }));
    app.finish().await;
}

/// A case that waits for the general manager: its adviser was returned to three times and once more.
async fn escalated(adviser: &Client, wang: &Client, customer: &str) -> Value {
    let mut case = submitted(adviser, customer).await;
    for _ in 0..3 {
        wang.act(&case, "return", failing()).await.ok();
        let seen = wang.case(&text(&case["id"])).await;
        case = adviser.act(&seen, "submit", json!({})).await.ok();
    }
    wang.act(&case, "escalate", failing()).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deputy_has_the_role_on_the_named_days_and_four_eyes_hold() {
    // Half past eleven at night in Shanghai on 2 March.
    let (clock, hands) = Clock::stopped("2026-03-02T15:30:00Z".parse().unwrap());
    let app = TestApp::start_at(clock.clone()).await;
    let (li, sun, wang) = (app.sign_in("li").await, app.sign_in("sun").await, app.sign_in("wang").await);
    let zhao = app.sign_in("zhao").await;
    let (of_li, of_sun) = (escalated(&li, &wang, "甲").await, escalated(&sun, &wang, "乙").await);
    let decided = json!({ "note": "再给一次机会", "points": 3 });
    let deputy = |role: &str, to: &str, from: &str, until: &str| json!({ "role": role, "to": to, "from": from, "until": until, "reason": "出差" });
    let new = deputy("gm", "sun", "2026-03-03", "2026-03-04");
    let path = "/api/v1/delegations";
    let before = app.standing(None).await;
    wang.post(path, &new).await.problem(403, "not_held");
    zhao.post(path, &deputy("admin", "sun", "2026-03-03", "2026-03-04")).await.problem(403, "not_held");
    for nobody in ["zhao", "watcher", "nobody"] {
        zhao.post(path, &deputy("gm", nobody, "2026-03-03", "2026-03-04")).await.problem(422, "no_deputy");
    }
    for (from, until) in
        [("2026-03-04", "2026-03-03"), ("2026-02-01", "2026-03-01"), ("2026-03-03", "2027-03-04")]
    {
        zhao.post(path, &deputy("gm", "sun", from, until)).await.problem(422, "bad_days");
    }
    let mut mute = new.clone();
    mute["reason"] = json!(" ");
    zhao.post(path, &mute).await.problem(422, "reason_needed");
    assert_eq!(app.standing(None).await, before);

    let named = zhao.post(path, &new).await.created();
    assert_eq!(
        (&named["of"], &named["to"], &named["in_force"]),
        (&json!("zhao"), &json!("sun"), &json!(false))
    );
    // The day has not begun in Shanghai.
    sun.act(&of_li, "allow_correction", decided.clone()).await.problem(403, "forbidden");
    hands.advance(Duration::from_secs(1800));
    assert_eq!(business_date(clock.now()).to_string(), "2026-03-03");
    assert_eq!(customers(&sun, "?role=gm").await, ["甲"], "not what they handed in themselves");
    // A deputy names no deputy.
    sun.post(path, &deputy("gm", "wang", "2026-03-03", "2026-03-03")).await.problem(403, "not_held");
    let before = app.standing(Some(&text(&of_sun["id"]))).await;
    sun.act(&of_sun, "allow_correction", decided.clone()).await.problem(403, "four_eyes");
    assert_eq!(app.standing(Some(&text(&of_sun["id"]))).await, before);
    let seen = sun.get(&format!("/api/v1/cases/{}", text(&of_sun["id"]))).await.ok();
    assert_eq!(seen["actions"], json!([]));
    let case = sun.act(&of_li, "allow_correction", decided.clone()).await.ok();
    let last = case["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["by_name"], &last["acting_for"]["name"]), (&json!("sun"), &json!("zhao")));
    assert_eq!(last["acting_for"]["role"], "gm");
    let page = sun.get(&format!("/cases/{}?lang=en", text(&of_li["id"]))).await;
    assert!(String::from_utf8_lossy(&page.body).contains("sun for zhao"));
    // A line of one's own is not taken back by a deputy either.
    let ledger = sun.get("/api/v1/penalties?adviser=sun").await.ok();
    let own = text(&ledger["entries"][0]["id"]);
    let why = json!({ "reason": "误扣" });
    sun.post(&format!("/api/v1/penalties/{own}/reverse"), &why).await.problem(403, "four_eyes");

    // The last day ends at midnight in Shanghai.
    hands.set("2026-03-04T15:59:59Z".parse().unwrap());
    let sun = app.sign_in("sun").await;
    assert_eq!(sun.get("/api/v1/session").await.ok()["roles"], json!(["advisor", "gm"]));
    hands.advance(Duration::from_secs(1));
    assert_eq!(sun.get("/api/v1/session").await.ok()["roles"], json!(["advisor"]));
    sun.get("/api/v1/queue/summary").await.problem(403, "forbidden");

    // Ended early, by who named the deputy; and nothing is left of it when the holder is gone.
    let (zhao, wang) = (app.sign_in("zhao").await, app.sign_in("wang").await);
    let again = zhao.post(path, &deputy("gm", "wang", "2026-03-05", "2026-03-31")).await.created();
    assert_eq!(wang.get("/api/v1/session").await.ok()["roles"], json!(["cs_manager", "gm"]));
    let end = format!("{path}/{}", text(&again["id"]));
    let stranger = app.sign_in("li").await;
    Answer::of(stranger.request(Method::DELETE, &end)).await.problem(403, "forbidden");
    assert_eq!(stranger.get(path).await.ok()["entries"], json!([]));
    assert_eq!(Answer::of(zhao.request(Method::DELETE, &end)).await.status, 204);
    Answer::of(zhao.request(Method::DELETE, &end)).await.problem(404, "unknown_delegation");
    assert_eq!(wang.get("/api/v1/session").await.ok()["roles"], json!(["cs_manager"]));
    zhao.post(path, &deputy("gm", "feng", "2026-03-05", "2026-03-31")).await.problem(422, "no_deputy");
    let feng = app.sign_in("feng").await;
    zhao.post(path, &deputy("gm", "feng", "2026-03-05", "2026-03-31")).await.created();
    assert_eq!(feng.get("/api/v1/session").await.ok()["roles"], json!(["cs_manager", "gm"]));
    app.app.people.disable(app.app.people.by_name("watcher").unwrap().unwrap().id, "zhao").await.unwrap();
    assert_eq!(feng.get("/api/v1/session").await.ok()["roles"], json!(["cs_manager"]));
    app.finish().await;
}
