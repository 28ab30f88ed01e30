//! Saved searches: each person's own, bounded, the same after a replay; at the API and on the page.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp, pdf, text, with_form};

const PATH: &str = "/api/v1/searches";

async fn names(desk: &Client) -> Vec<String> {
    let listed = desk.get(PATH).await.ok();
    listed["entries"].as_array().unwrap().iter().map(|saved| text(&saved["name"])).collect()
}

async fn forget(desk: &Client, id: &Value) -> Answer {
    Answer::of(desk.request(Method::DELETE, &format!("{PATH}/{}", text(id)))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_person_has_their_own_and_a_name_is_there_once() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("欧阳修远").await;
    let search = json!({ "name": " 今年的合同 ", "q": "\"基金合同\" -草稿", "kind": "trust_contract", "dossier": dossier, "from": "2026-01-01", "to": "2026-12-31", "sort": "newest" });
    let saved = li.post(PATH, &search).await.created();
    assert_eq!(saved["name"], "今年的合同");
    for member in ["q", "kind", "dossier", "from", "to", "sort"] {
        assert_eq!(saved[member], search[member], "{member}");
    }
    li.post(PATH, &json!({ "name": "B", "q": "回单" })).await.created();
    assert_eq!(names(&li).await, ["B", "今年的合同"]);
    assert_eq!(li.get(PATH).await.ok()["entries"][1], saved);

    // Another person sees, replaces and removes nothing of it.
    wang.post(PATH, &json!({ "name": "今年的合同", "q": "其他" })).await.created();
    forget(&wang, &saved["id"]).await.problem(404, "unknown_search");
    assert_eq!(li.get(PATH).await.ok()["entries"][1], saved);

    // The same name gets the new search, and stays the same thing.
    let again = li.post(PATH, &json!({ "name": "今年的合同", "q": "合同" })).await.created();
    assert_eq!((&again["id"], &again["q"], &again["kind"]), (&saved["id"], &json!("合同"), &Value::Null));
    assert_eq!(names(&li).await.len(), 2);

    assert_eq!(forget(&li, &saved["id"]).await.status, 204);
    forget(&li, &saved["id"]).await.problem(404, "unknown_search");
    forget(&li, &json!("none")).await.problem(404, "unknown_search");
    assert_eq!((names(&li).await, names(&wang).await), (vec!["B".to_owned()], vec!["今年的合同".to_owned()]));
    let kinds = (0..app.app.journal.health().size).map(|at| app.app.journal.entry(at).unwrap().unwrap().kind);
    let kinds: Vec<String> = kinds.filter(|kind| kind.starts_with("search.")).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "search.saved").count(), 4);
    assert_eq!(kinds.iter().filter(|kind| *kind == "search.forgotten").count(), 1);
    let auditor = app.sign_in("auditor").await;
    auditor.get(PATH).await.problem(403, "forbidden");
    auditor.post(PATH, &json!({ "name": "a", "q": "b" })).await.problem(403, "forbidden");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_is_bounded() {
    let app = TestApp::start_with(|config| {
        config.limits.saved_searches = 3;
        config.limits.saved_name_chars = 5;
        config.limits.query_chars = 20;
    })
    .await;
    let li = app.sign_in("li").await;
    let save = async |name: &str, q: &str| li.post(PATH, &json!({ "name": name, "q": q })).await;
    for name in ["", "  ", "六个字的名称", "a\nb"] {
        let problem = save(name, "合同").await.problem(422, "bad_search_name");
        assert!(text(&problem["detail"]).contains("1 to 5"), "{problem}");
    }
    save("a", "  ").await.problem(422, "empty_search");
    save("a", &"长".repeat(21)).await.problem(422, "long_search");
    let long = json!({ "name": "a", "q": "x".repeat(15), "kind": "y".repeat(15) });
    li.post(PATH, &long).await.problem(422, "long_search");
    li.post(PATH, &json!({ "name": "a", "q": "b", "sort": "size" })).await.problem(400, "bad_request");
    li.post(PATH, &json!({ "name": "a", "q": "b", "person": "x" })).await.problem(400, "bad_request");
    assert_eq!(names(&li).await, [""; 0]);

    // However many come at once, there is room for three; a name that is there needs no room.
    let (http, base, token) = (li.http.clone(), li.base.clone(), li.token.clone());
    let one = |number: usize| {
        let (http, url, token) = (http.clone(), format!("{base}{PATH}"), token.clone());
        let body = json!({ "name": format!("n{number}"), "q": "合同" });
        async move { http.post(url).bearer_auth(token).json(&body).send().await.unwrap().status().as_u16() }
    };
    let statuses = futures::future::join_all((0..8).map(one)).await;
    let saved = statuses.iter().filter(|status| **status == 201).count();
    assert!(statuses.iter().all(|status| [201, 422].contains(status)), "{statuses:?}");
    let there = names(&li).await;
    assert_eq!((saved, there.len()), (3, 3), "{statuses:?}");
    let problem = save("one", "合同").await.problem(422, "too_many_searches");
    assert!(text(&problem["detail"]).contains('3'), "{problem}");
    save(&there[0], "别的").await.created();
    let first = li.get(PATH).await.ok()["entries"][0]["id"].clone();
    assert_eq!(forget(&li, &first).await.status, 204);
    save("one", "合同").await.created();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_saves_once() {
    let app = TestApp::start().await;
    let (li, sun) = (app.sign_in("li").await, app.sign_in("sun").await);
    let post = async |desk: &Client, q: &str| {
        let body = json!({ "name": "合同", "q": q });
        Answer::of(desk.request(Method::POST, PATH).header("idempotency-key", "k1").json(&body)).await
    };
    let saved = post(&li, "基金合同").await.created();
    let size = app.app.journal.health().size;
    assert_eq!(post(&li, "基金合同").await.ok(), saved);
    assert_eq!(app.app.journal.health().size, size, "nothing is written again");
    post(&li, "信托合同").await.problem(422, "key_reused");
    post(&sun, "信托合同").await.created();
    // A request that comes again after its search was removed brings nothing back.
    assert_eq!(forget(&li, &saved["id"]).await.status, 204);
    assert_eq!(post(&li, "基金合同").await.ok(), saved);
    assert_eq!(names(&li).await, [""; 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_page_a_search_is_saved_found_and_removed() {
    let app = TestApp::start_with(|config| config.limits.saved_name_chars = 8).await;
    let (li, sun) = (app.sign_in("li").await, app.sign_in("sun").await);
    let dossier = li.open_dossier("欧阳修远").await;
    let case = li.start_case(&dossier, 1).await;
    li.upload(&case, "trust_contract", pdf(&["基金合同"])).await;
    app.settle().await;
    let page = async |desk: &Client, path: &str| {
        let page = desk.get(path).await;
        (page.status.as_u16(), String::from_utf8(page.body).unwrap())
    };
    let plain = Client {
        http: reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap(),
        ..li.clone()
    };
    let send = async |path: &str, fields: &[(&str, &str)]| {
        let answer = Answer::of(with_form(plain.request(Method::POST, path), fields)).await;
        (
            answer.status.as_u16(),
            answer.header("location").to_owned(),
            String::from_utf8(answer.body).unwrap(),
        )
    };
    let (_, before) = page(&li, "/search?lang=en").await;
    assert!(!before.contains("/search/saved") && !before.contains("Saved searches"), "nothing to save yet");
    let (_, asked) = page(&li, "/search?q=%E5%90%88%E5%90%8C&kind=trust_contract&sort=newest&lang=en").await;
    for said in ["action=\"/search/saved\"", "value=\"合同\"", "name=\"sort\" value=\"newest\""] {
        assert!(asked.contains(said), "{said}: {asked}");
    }
    assert!(!asked.contains("/search/export"), "an adviser takes no lists out");

    let search = [
        ("q", "合同"),
        ("kind", "trust_contract"),
        ("from", ""),
        ("to", ""),
        ("dossier", ""),
        ("sort", "newest"),
    ];
    let with_name = |name: &'static str| [&search[..], &[("name", name)]].concat();
    let (status, _, refused) = send("/search/saved", &with_name("<b>九个字符以上的名称")).await;
    assert!(status == 422 && refused.contains("1 to 8") && refused.contains("open>"), "{refused}");
    assert!(refused.contains("&#60;b&#62;九个字符以上的名称"), "what was typed stays: {refused}");
    let (status, to, _) = send("/search/saved", &with_name("<i>合同")).await;
    let query = "q=%E5%90%88%E5%90%8C&kind=trust_contract&sort=newest";
    assert_eq!((status, to), (303, format!("/search?{query}&done=saved")));
    let (_, after) = page(&li, &format!("/search?{query}&done=saved&lang=en")).await;
    for said in ["The search is saved.", "&#60;i&#62;合同</a>", "aria-current=\"true\""] {
        assert!(after.contains(said), "{said}: {after}");
    }
    assert!(after.contains(&format!("href=\"/search?{}\"", query.replace('&', "&#38;"))), "{after}");
    assert!(!page(&sun, "/search").await.1.contains("合同"));

    let id = text(&li.get(PATH).await.ok()["entries"][0]["id"]);
    let remove = format!("/search/saved/{id}/remove?{query}");
    let other_site = plain.request(Method::POST, &remove).header("sec-fetch-site", "cross-site");
    Answer::of(with_form(other_site, &search)).await.problem(403, "cross_site");
    assert_eq!(names(&li).await.len(), 1);
    for _ in 0..2 {
        let (status, to, _) = send(&remove, &[]).await;
        assert_eq!((status, to), (303, format!("/search?{query}&done=forgotten")));
    }
    assert_eq!(names(&li).await, [""; 0]);
    assert_eq!(page(&plain, &remove).await.0, 303, "a form's address leads back to its page");
    app.finish().await;
}
