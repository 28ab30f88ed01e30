//! The reviewer's desk: what is found on a case, by whom, what of it stays, and what the desk shows without a script.

use std::time::Duration;

use lantai::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, BASKET, Client, TestApp, pdf, text, with_form};

/// The paper that tests mark.
const MARKED: &str = "person_id";

/// A case under review, with a paper for each item of the list.
struct Waiting {
    case: Value,
    id: String,
    papers: Vec<String>,
}

impl Waiting {
    async fn of(adviser: &Client, customer: &str) -> Self {
        let dossier = adviser.open_dossier(customer).await;
        let case = adviser.start_case(&dossier, 1).await;
        let mut papers = Vec::new();
        for kind in BASKET {
            let text_of = format!("{kind} {customer}");
            // One of them has a page that can be looked at; the others are read at once.
            let paper = if *kind == MARKED { pdf(&[&text_of]) } else { text_of.into_bytes() };
            papers.push(text(&adviser.upload(&case, kind, paper).await["id"]));
        }
        let case = adviser.act(&case, "submit", json!({})).await.ok();
        Self { id: text(&case["id"]), case, papers }
    }

    fn version(&self) -> u64 {
        self.case["version"].as_u64().unwrap()
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/cases/{}/{rest}", self.id)
    }

    async fn claim(&self, by: &Client) {
        by.post(&self.path("claim"), &json!({})).await.ok();
    }

    async fn judge(&self, by: &Client, item: &str, verdict: Value, reason: Value) -> Answer {
        let said = json!({ "version": self.version(), "verdict": verdict, "reason": reason });
        put(by, &self.path(&format!("review/items/{item}")), &said).await
    }

    async fn mark(&self, by: &Client, more: Value) -> Answer {
        let mut said = json!({ "version": self.version(), "document": self.papers[2], "reason": "unsigned" });
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        by.post(&self.path("review/marks"), &said).await
    }

    async fn review(&self, by: &Client) -> Value {
        by.get(&self.path("review")).await.ok()
    }
}

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    Answer::of(client.request(Method::PUT, path).json(body)).await
}

async fn form(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    Answer::of(with_form(client.request(Method::POST, path), fields)).await
}

fn body(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!(answer.status.as_u16(), 204, "{}", body(answer));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whoever_the_case_waits_for_and_has_claimed_it_notes_what_they_find() {
    let app = TestApp::start().await;
    let (li, wang, feng) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("feng").await);
    let waiting = Waiting::of(&li, "甲").await;
    let pass = json!("pass");
    li.get(&waiting.path("review")).await.problem(403, "role");
    app.sign_in("staff").await.get(&waiting.path("review")).await.problem(403, "role");
    app.sign_in("auditor").await.get(&waiting.path("review")).await.problem(403, "forbidden");
    app.sign_in("sun").await.get(&waiting.path("review")).await.problem(403, "forbidden");
    let before = app.standing(Some(&waiting.id)).await;
    waiting.judge(&wang, "person_id", pass.clone(), Value::Null).await.problem(409, "not_claimed");
    waiting.judge(&li, "person_id", pass.clone(), Value::Null).await.problem(403, "role");
    assert_eq!(app.standing(Some(&waiting.id)).await, before);
    waiting.claim(&wang).await;
    done(&waiting.judge(&wang, "person_id", pass.clone(), Value::Null).await);
    waiting.judge(&feng, "person_id", pass.clone(), Value::Null).await.problem(409, "claimed");
    assert_eq!(waiting.review(&feng).await["items"]["person_id"]["by_name"], "wang");

    // Somebody may hand in and review, but not the same case.
    let both = app.sign_in("both").await;
    let own = Waiting::of(&both, "乙").await;
    both.get(&own.path("review")).await.problem(403, "four_eyes");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_taken_over_only_by_a_manager_and_the_log_says_from_whom() {
    let app = TestApp::start().await;
    let (li, wang, feng) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("feng").await);
    let waiting = Waiting::of(&li, "甲").await;
    waiting.claim(&wang).await;
    li.post(&waiting.path("claim?take_over=true"), &json!({})).await.problem(403, "forbidden");
    app.settle().await;
    let before = app.app.journal.health().size;
    feng.post(&waiting.path("claim?take_over=true"), &json!({})).await.ok();
    let entry = app.app.journal.entry(before).unwrap().unwrap();
    assert_eq!(entry.kind, "case.claimed");
    let held = lantai::cases::claim(&app.app.records, waiting.id.parse().unwrap(), app.app.clock.now());
    let held = held.unwrap().unwrap();
    assert_eq!((held.name.as_str(), held.taken_from.unwrap().name.as_str()), ("feng", "wang"));
    let page = wang.get(&format!("/review/{}?lang=en", waiting.id)).await;
    assert!(body(&page).contains("feng has taken this case over from you."), "{}", body(&page));
    waiting.judge(&wang, "person_id", json!("pass"), Value::Null).await.problem(409, "claimed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_renewed_by_work_and_void_without() {
    let (clock, hands) = Clock::stopped("2026-03-02T03:00:00Z".parse().unwrap());
    let app = TestApp::start_at(clock).await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let waiting = Waiting::of(&li, "甲").await;
    waiting.claim(&wang).await;
    let until = || {
        let id = waiting.id.parse().unwrap();
        lantai::cases::claim(&app.app.records, id, app.app.clock.now()).unwrap().map(|claim| claim.until)
    };
    let first = until().unwrap();
    hands.advance(Duration::from_secs(5 * 60));
    done(&waiting.judge(&wang, "person_id", json!("pass"), Value::Null).await);
    assert_eq!(until(), Some(first), "not every look is an entry");
    hands.advance(Duration::from_secs(5 * 60));
    done(&waiting.judge(&wang, "bank_receipt", json!("pass"), Value::Null).await);
    assert_eq!(until().unwrap().to_string(), "2026-03-02T03:25:00Z");
    hands.advance(Duration::from_secs(16 * 60));
    waiting.judge(&wang, "contact_sheet", json!("pass"), Value::Null).await.problem(409, "not_claimed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_noted_has_to_be_something_of_the_case() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let waiting = Waiting::of(&li, "甲").await;
    let other = Waiting::of(&li, "乙").await;
    app.settle().await;
    waiting.claim(&wang).await;
    let before = app.standing(Some(&waiting.id)).await;
    waiting.judge(&wang, "passport", json!("pass"), Value::Null).await.problem(422, "bad_value");
    waiting.judge(&wang, "person_id", json!("fail"), Value::Null).await.problem(422, "missing_input");
    waiting.judge(&wang, "person_id", json!("fail"), json!("ugly")).await.problem(422, "unknown_reason");
    waiting.judge(&wang, "person_id", json!("perhaps"), Value::Null).await.problem(400, "bad_request");
    let region = |x: f64, width: f64| json!({ "page": 1, "region": { "x": x, "y": 0.1, "width": width, "height": 0.1 } });
    for (wrong, code) in [
        (json!({ "document": other.papers[0] }), "bad_value"),
        (json!({ "page": 2 }), "bad_value"),
        (json!({ "page": 0 }), "bad_value"),
        (json!({ "reason": "ugly" }), "unknown_reason"),
        (region(0.9, 0.2), "bad_value"),
        (region(0.5, 0.0), "bad_value"),
        (region(-0.1, 0.5), "bad_value"),
        (json!({ "region": { "x": 0.1, "y": 0.1, "width": 0.1, "height": 0.1 } }), "bad_value"),
        (json!({ "note": "长".repeat(1001) }), "long_words"),
    ] {
        let refused = waiting.mark(&wang, wrong).await;
        refused.problem(422, code);
    }
    let page = waiting.path(&format!("review/pages/{}/1", waiting.papers[0]));
    put(&wang, &page, &json!({ "version": waiting.version(), "turn": 45 })).await.problem(422, "bad_value");
    let old = json!({ "version": waiting.version() - 1, "verdict": "pass" });
    put(&wang, &waiting.path("review/items/person_id"), &old).await.problem(409, "stale_version");
    assert_eq!(app.standing(Some(&waiting.id)).await, before);
    assert_eq!(waiting.review(&wang).await["items"], json!({}));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_stays_for_what_is_unchanged_and_is_told_to_the_adviser_afterwards() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let mut waiting = Waiting::of(&li, "甲").await;
    app.settle().await;
    waiting.claim(&wang).await;
    for item in BASKET {
        done(&waiting.judge(&wang, item, json!("pass"), Value::Null).await);
    }
    let region = json!({ "x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4 });
    let marked =
        waiting.mark(&wang, json!({ "page": 1, "region": region, "note": "看不清签名" })).await.created();
    let whole = waiting.mark(&wang, json!({})).await.created();
    // With a mark on its paper an item fails without a word.
    done(&waiting.judge(&wang, "person_id", json!("fail"), Value::Null).await);
    for paper in &waiting.papers {
        let page = waiting.path(&format!("review/pages/{paper}/1"));
        let said = json!({ "version": waiting.version(), "viewed": true, "turn": 90 });
        done(&put(&wang, &page, &said).await);
    }
    let drop = waiting.path(&format!("review/marks/{}?version={}", whole["id"], waiting.version()));
    done(&Answer::of(wang.request(Method::DELETE, &drop)).await);
    let review = waiting.review(&wang).await;
    assert_eq!(review["marks"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&review["marks"][0]["id"], &review["marks"][0]["region"]["width"]),
        (&marked["id"], &json!(0.3))
    );
    assert_eq!(review["viewed"].as_object().unwrap().len(), BASKET.len());
    crate::openapi::check("get", "/api/v1/cases/{id}/review", &wang.get(&waiting.path("review")).await);

    // The adviser sees nothing of it while it is under way.
    let case_page = format!("/cases/{}", waiting.id);
    assert!(!body(&li.get(&case_page).await).contains("看不清签名"));
    let said = json!({ "reason": "unsigned", "documents": [waiting.papers[2]], "contracts": 1 });
    waiting.case = wang.act(&waiting.case, "return", said).await.ok();
    assert!(body(&li.get(&case_page).await).contains("看不清签名"));
    let document = body(&li.get(&format!("/documents/{}", waiting.papers[2])).await);
    assert!(document.contains("看不清签名") && document.contains("class=\"told\""), "{document}");
    assert!(document.contains("rotate(90)"), "the page stays turned: {document}");

    // A new paper takes the place of one; the same bytes as of another are handed in once more.
    li.upload(&waiting.case, "person_id", pdf(&["身份证 新"])).await;
    let seen = li.case(&waiting.id).await;
    waiting.case = li.act(&seen, "submit", json!({})).await.ok();
    app.settle().await;
    waiting.claim(&wang).await;
    let drop = waiting.path(&format!("review/marks/{}?version={}", marked["id"], waiting.version()));
    Answer::of(wang.request(Method::DELETE, &drop)).await.problem(404, "unknown_mark");
    let desk = body(&wang.get(&format!("/review/{}?lang=en", waiting.id)).await);
    let count = |what: &str| desk.matches(what).count();
    assert!(desk.contains("Open 1 · Fail 0 · Pages not viewed 1/6"), "{desk}");
    assert!(count("Replaced") > 0 && count("Unchanged") >= 5 && desk.contains("compare=1"), "{desk}");
    let at = desk.find("compare=1").unwrap();
    let from = desk[..at].rfind("/review/").unwrap();
    let side_by_side = desk[from..at + "compare=1".len()].replace("&amp;", "&").replace("&#38;", "&");
    let both = body(&wang.get(&side_by_side).await);
    assert!(both.contains("Last attempt") && both.contains("看不清签名"), "{both}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_works_as_plain_forms() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let waiting = Waiting::of(&li, "甲").await;
    app.settle().await;
    let version = waiting.version().to_string();
    let desk = format!("/review/{}", waiting.id);
    let path = |rest: &str| format!("{desk}/{rest}");
    // Whom the case does not wait for is shown its page.
    assert!(body(&li.get(&desk).await).contains("id=\"documents\""));
    let looked = body(&wang.get(&format!("{desk}?lang=en")).await);
    assert!(looked.contains("You are only looking") && !looked.contains("name=\"verdict\""), "{looked}");
    let queue = body(&wang.get("/queue?lang=en").await);
    assert!(queue.contains("/review/next") && queue.contains(&desk), "{queue}");

    let begun = form(&wang, "/review/next", &[]).await;
    let page = body(&begun);
    assert!(page.contains("name=\"verdict\"") && page.contains("Open 6"), "{page}");
    let judge = |item: &'static str, verdict: &'static str, reason: &'static str| {
        let (path, version) = (path("items"), version.clone());
        let wang = wang.clone();
        async move {
            let fields =
                [("version", version.as_str()), ("item", item), ("verdict", verdict), ("reason", reason)];
            form(&wang, &path, &fields).await
        }
    };
    let early = form(&wang, &path("decide/accept"), &[("version", &version)]).await;
    assert_eq!(early.status.as_u16(), 409);
    assert!(body(&early).contains("Items of the checklist that are open or fail: 6"), "{}", body(&early));
    let asked = judge("person_id", "fail", "").await;
    assert_eq!(asked.status.as_u16(), 422);
    assert!(body(&asked).contains("id=\"why-person_id\""), "{}", body(&asked));
    assert_eq!(judge("person_id", "fail", "illegible").await.status.as_u16(), 200);
    let paper = waiting.papers[2].as_str();
    let mark = [
        ("version", version.as_str()),
        ("document", paper),
        ("page", "1"),
        ("scope", "region"),
        ("left", "10"),
        ("top", "20.5"),
        ("width", "30"),
        ("height", "5"),
        ("reason", "illegible"),
        ("note", "号码看不清"),
    ];
    let lacking = form(&wang, &path("marks"), &[&mark[..4], &mark[8..]].concat()).await;
    assert_eq!(lacking.status.as_u16(), 422);
    assert!(body(&lacking).contains("号码看不清</textarea>"), "what was typed stays: {}", body(&lacking));
    let marked = body(&form(&wang, &path("marks"), &mark).await);
    assert!(marked.contains("class=\"mark-box\"") || marked.contains("号码看不清"), "{marked}");
    let stale = form(&wang, &path("marks"), &[&[("version", "1")][..], &mark[1..]].concat()).await;
    assert_eq!(stale.status.as_u16(), 409);
    let said = body(&stale);
    assert!(
        said.contains("has changed meanwhile")
            && said.contains("号码看不清</textarea>")
            && said.contains("Submit"),
        "{said}"
    );

    // The form of the return is filled in with what was found.
    let found = body(&wang.get(&desk).await);
    assert!(found.contains(&format!("value=\"{paper}\" checked")), "{found}");
    assert!(
        found.contains("value=\"illegible\" selected") && found.contains("号码看不清</textarea>"),
        "{found}"
    );
    let typed = [
        ("version", version.as_str()),
        ("reason", "illegible"),
        ("documents", paper),
        ("contracts", "1"),
        ("note", "请重新扫描"),
    ];
    let preview = body(&form(&wang, &path("preview/return"), &typed).await);
    assert!(preview.contains("请重新扫描") && preview.contains("data-undo=\"10\""), "{preview}");
    assert!(preview.contains("1 points for li") && preview.contains("号码看不清"), "{preview}");
    assert_eq!(wang.case(&waiting.id).await["state"], "review", "a preview sends nothing");
    let back = body(&form(&wang, &path("back/return"), &typed).await);
    assert!(back.contains("请重新扫描</textarea>") && back.contains("Taken back"), "{back}");
    let sent = form(&wang, &path("decide/return"), &typed).await;
    assert!(body(&sent).contains("甲: Return for correction. Done."), "{}", body(&sent));
    assert_eq!(wang.case(&waiting.id).await["state"], "correction");
    // Somebody who comes too late loses nothing that they typed.
    let late = form(&wang, &path("decide/return"), &typed).await;
    assert_eq!(late.status.as_u16(), 409);
    assert!(body(&late).contains("<blockquote>请重新扫描</blockquote>"), "{}", body(&late));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_decision_comes_the_next_case() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let first = Waiting::of(&li, "甲").await;
    let second = Waiting::of(&li, "乙").await;
    form(&wang, "/review/next", &[]).await;
    for item in BASKET {
        done(&first.judge(&wang, item, json!("pass"), Value::Null).await);
    }
    let version = first.version().to_string();
    let next = form(&wang, &format!("/review/{}/decide/accept", first.id), &[("version", &version)]).await;
    let page = body(&next);
    assert!(page.contains("甲: Accept and file. Done.") && page.contains(&second.id), "{page}");
    assert_eq!(wang.get("/api/v1/queue?show=mine").await.ok()["entries"][0]["dossier_name"], "乙");
    assert_eq!(wang.case(&first.id).await["state"], "filed");
    let version = second.version().to_string();
    for item in BASKET {
        done(&second.judge(&wang, item, json!("pass"), Value::Null).await);
    }
    let last = form(&wang, &format!("/review/{}/decide/accept", second.id), &[("version", &version)]).await;
    assert!(body(&last).contains("乙: Accept and file. Done."), "{}", body(&last));
    app.finish().await;
}
