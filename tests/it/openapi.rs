//! `schemas/openapi.json` is what the server really answers.

use std::collections::{BTreeMap, BTreeSet};

use lantai::http::api::{OPENAPI, PATHS};
use serde_json::{Value, json};

use crate::app::{Answer, BASKET, TestApp, pdf, text};
use crate::publishing::bundled;

fn description() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

#[test]
fn the_description_has_exactly_the_routes() {
    let routes: BTreeMap<String, BTreeSet<&str>> = PATHS
        .iter()
        .map(|(path, methods)| (path.replace("{*", "{"), methods.iter().copied().collect()))
        .collect();
    let description = description();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = description["paths"].as_object().unwrap();
    let described: BTreeMap<String, BTreeSet<&str>> = paths
        .iter()
        .map(|(path, calls)| {
            (
                path.clone(),
                calls
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(String::as_str)
                    .filter(|key| *key != "parameters")
                    .collect(),
            )
        })
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let description = description();
    let mut found = BTreeSet::new();
    references(&description, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        assert!(description.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

/// Validates an answer against what the description says of this call and status.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    let description = description();
    let responses = &description["paths"][path][method]["responses"];
    let status = answer.status.as_u16().to_string();
    let response = responses.get(&status).unwrap_or(&responses["default"]);
    let media_type = answer.header("content-type").split(';').next().unwrap().to_owned();
    let schema = &response["content"][&media_type]["schema"];
    assert!(!schema.is_null(), "{method} {path}: nothing is said of {status} in {media_type}");
    let whole = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "components": description["components"], "allOf": [schema] });
    let validator = jsonschema::validator_for(&whole).unwrap();
    let body = answer.json();
    let errors: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{method} {path} {status}: {errors:#?}\n{body:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_answers_are_as_described() {
    let app = TestApp::start().await;
    let (li, wang, auditor) =
        (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("auditor").await);
    let sign_in = json!({ "user": "li", "password": "wrong password" });
    check("post", "/api/v1/session", &li.post("/api/v1/session", &sign_in).await);
    check("get", "/api/v1/session", &li.get("/api/v1/session").await);
    for path in ["/healthz", "/readyz", "/api/openapi.json"] {
        check("get", path, &li.get(path).await);
    }
    let facts = json!({ "kind": "customer", "facts": { "name": "示例客户", "kind": "person" } });
    let opened = li.post("/api/v1/dossiers", &facts).await;
    check("post", "/api/v1/dossiers", &opened);
    let dossier = text(&opened.json()["id"]);
    let started = li
        .post("/api/v1/cases", &json!({ "workflow": "customer-intake", "dossier": dossier, "contracts": 2 }))
        .await;
    check("post", "/api/v1/cases", &started);
    let case = started.json();
    let query = [("case", case["id"].as_str().unwrap()), ("filename", "合同.pdf")];
    let uploaded = Answer::of(li.upload_to(&dossier, BASKET[0], &query).body(pdf(&["民事信托合同"]))).await;
    check("post", "/api/v1/documents", &uploaded);
    let refused = Answer::of(li.upload_to(&dossier, "passport", &query).body("x")).await;
    check("post", "/api/v1/documents", &refused);
    assert!(!li.find("民事信托").await.is_empty());

    let document = text(&uploaded.json()["id"]);
    for (path, asked) in [
        ("/api/v1/documents/{id}", format!("/api/v1/documents/{document}")),
        ("/api/v1/documents/{id}/text", format!("/api/v1/documents/{document}/text")),
        ("/api/v1/documents/{id}/fields", format!("/api/v1/documents/{document}/fields")),
        ("/api/v1/documents/{id}", "/api/v1/documents/none".to_owned()),
        ("/api/v1/dossiers/{id}", format!("/api/v1/dossiers/{dossier}")),
        ("/api/v1/dossiers", "/api/v1/dossiers?limit=1".to_owned()),
        ("/api/v1/search", "/api/v1/search?q=%E6%B0%91%E4%BA%8B%E4%BF%A1%E6%89%98".to_owned()),
        ("/api/v1/search", "/api/v1/search?q=%E6%B0%91%E4%BA%8B&facets=true&sort=newest".to_owned()),
        ("/api/v1/search/suggest", "/api/v1/search/suggest?q=shi".to_owned()),
        ("/api/v1/pack", "/api/v1/pack".to_owned()),
    ] {
        check("get", path, &li.get(&asked).await);
    }
    let searches = "/api/v1/searches";
    let saved = json!({ "name": "合同", "q": "民事信托", "from": "2026-01-01" });
    let saved = li.post(searches, &saved).await;
    assert_eq!(saved.status, 201);
    check("post", searches, &saved);
    check("post", searches, &li.post(searches, &json!({ "name": "", "q": "x" })).await);
    check("get", searches, &li.get(searches).await);
    let one = format!("{searches}/{}", text(&saved.json()["id"]));
    let remove = async || Answer::of(li.request(reqwest::Method::DELETE, &one)).await;
    assert_eq!(remove().await.status, 204);
    check("delete", "/api/v1/searches/{id}", &remove().await);
    let export = "/api/v1/search/export";
    check("get", export, &li.get(&format!("{export}?format=csv&reason=x&q=x")).await);
    check("get", export, &wang.get(&format!("{export}?format=csv&q=x")).await);
    let case = li.act(&case, "submit", json!({})).await;
    let action = "/api/v1/cases/{id}/actions/{action}";
    check("post", action, &case);
    check("get", "/api/v1/queue", &wang.get("/api/v1/queue").await);
    let case = case.json();
    let id = text(&case["id"]);
    check(
        "post",
        "/api/v1/cases/{id}/claim",
        &wang.post(&format!("/api/v1/cases/{id}/claim"), &json!({})).await,
    );
    let said = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 2 });
    check("post", action, &wang.act(&case, "return", said.clone()).await);
    check("post", action, &wang.act(&case, "return", said).await);
    check("get", "/api/v1/cases/{id}", &li.get(&format!("/api/v1/cases/{id}")).await);
    check("get", "/api/v1/penalties", &auditor.get("/api/v1/penalties").await);
    let zhao = app.sign_in("zhao").await;
    let line = format!(
        "/api/v1/penalties/{}",
        text(&zhao.get("/api/v1/penalties").await.json()["entries"][0]["id"])
    );
    let (appeal, reverse) = ("/api/v1/penalties/{id}/appeal", "/api/v1/penalties/{id}/reverse");
    for note in ["有误", "又"] {
        check("post", appeal, &li.post(&format!("{line}/appeal"), &json!({ "note": note })).await);
        check("post", reverse, &zhao.post(&format!("{line}/reverse"), &json!({ "reason": note })).await);
    }
    check("get", "/api/v1/penalties", &li.get("/api/v1/penalties").await);
    check("get", "/api/v1/queue/summary", &zhao.get("/api/v1/queue/summary").await);
    check("get", "/api/v1/queue/summary", &li.get("/api/v1/queue/summary").await);
    let delegations = "/api/v1/delegations";
    let deputy =
        json!({ "role": "gm", "to": "wang", "from": "2026-01-01", "until": "2026-12-31", "reason": "出差" });
    check("post", delegations, &zhao.post(delegations, &deputy).await);
    check("post", delegations, &li.post(delegations, &deputy).await);
    check("get", delegations, &zhao.get(delegations).await);
    check("get", "/api/v1/totals", &auditor.get("/api/v1/totals").await);
    check("get", "/api/v1/totals", &li.get("/api/v1/totals").await);
    check("get", "/api/v1/users", &li.get("/api/v1/users").await);
    check("get", "/api/v1/health", &auditor.get("/api/v1/health").await);
    check("get", "/api/v1/jobs", &auditor.get("/api/v1/jobs?state=failing").await);
    check("get", "/api/v1/log", &auditor.get("/api/v1/log?kind=case.&person=li&limit=3").await);
    check("get", "/api/v1/log/{index}", &auditor.get("/api/v1/log/0").await);
    check("get", "/api/v1/log", &li.get("/api/v1/log").await);
    let (by, passphrase) = (lantai::domain::archive_itself(), "the general manager's");
    app.app.set_manager(by, passphrase.to_owned().into(), None).await.unwrap();
    let zhao = app.sign_in("zhao").await;
    let of = |what: &str| format!("/api/v1/dossiers/{dossier}/{what}");
    let why = json!({ "reason": "客户退出" });
    check("post", "/api/v1/dossiers/{id}/seal", &wang.post(&of("seal"), &why).await);
    check("get", "/api/v1/dossiers/{id}", &wang.get(&format!("/api/v1/dossiers/{dossier}")).await);
    check("get", "/api/v1/sealed", &zhao.get("/api/v1/sealed").await);
    let said = json!({ "passphrase": passphrase, "minutes": 1 });
    check("post", "/api/v1/dossiers/{id}/unseal", &zhao.post(&of("unseal"), &said).await);
    check("get", "/api/v1/dossiers/{id}", &zhao.get(&format!("/api/v1/dossiers/{dossier}")).await);
    check("post", "/api/v1/dossiers/{id}/destruction", &wang.post(&of("destruction"), &why).await);
    check("get", "/api/v1/sealed", &zhao.get("/api/v1/sealed").await);
    let confirm = "/api/v1/dossiers/{id}/destruction/confirm";
    check("post", confirm, &wang.post(&of("destruction/confirm"), &json!({})).await);
    check("post", confirm, &zhao.post(&of("destruction/confirm"), &json!({})).await);
    check("get", "/api/v1/dossiers/{id}/certificate", &zhao.get(&of("certificate")).await);
    let admin = app.app.people.by_name("admin").unwrap().unwrap().id;
    let token = app.app.people.make_token(admin, admin).await.unwrap();
    let admin = crate::app::Client::new(&app.base, &token.secret);
    check("get", "/api/v1/keys", &admin.get("/api/v1/keys").await);
    let roles = "/api/v1/users/{name}/roles";
    let advisor = json!({ "roles": ["advisor"] });
    check("post", roles, &admin.post("/api/v1/users/nobody/roles", &advisor).await);
    check("post", "/api/v1/jobs/retry", &admin.post("/api/v1/jobs/retry", &json!({})).await);
    check("post", "/api/v1/keys/rotate", &admin.post("/api/v1/keys/rotate", &json!({})).await);
    check("post", "/api/v1/keys/rotate", &li.post("/api/v1/keys/rotate", &json!({})).await);
    let (packs, files) = ("/api/v1/packs", json!(bundled(&[])));
    check("get", packs, &admin.get(packs).await);
    check("post", packs, &admin.post(packs, &files).await);
    check("post", packs, &admin.post(packs, &json!({})).await);
    let hash = text(&admin.get(packs).await.ok()["entries"][0]["hash"]);
    check("get", "/api/v1/packs/{hash}", &admin.get(&format!("{packs}/{hash}")).await);
    app.finish().await;
}
