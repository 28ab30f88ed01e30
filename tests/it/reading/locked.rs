//! Documents that are locked: archived as they are, opened with the password that somebody gives, which is kept nowhere.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::pages::encrypted;
use crate::server::{Desk, Server, Setting};

const PASSWORD: &str = "k3ks-im-archiv";

/// The document as soon as it is as wanted.
async fn when(desk: &Desk, id: &str, outcome: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let document = desk.get(&format!("/api/v1/documents/{id}")).await.ok();
        if document["reading"]["outcome"] == outcome && document["progress"]["stage"] == "searchable" {
            return document;
        }
        assert!(Instant::now() < deadline, "it is never {outcome}: {document}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_locked_document_is_read_with_the_password_that_is_given() {
    let server = Server::new(Setting::default());
    let (li, sun) = (server.desk("li").await, server.desk("sun").await);
    let dossier = li.dossier("客户").await;
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", "locked.pdf")];
    let id = li.upload(&query, encrypted(PASSWORD)).await.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(when(&li, &id, "unreadable").await["reading"]["reason"], "encrypted");
    let page = li.request(reqwest::Method::GET, &format!("/documents/{id}?lang=en")).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Password of the file"));

    let again = async |desk: &Desk, password: &str| {
        desk.post("/api/v1/reading", json!({ "documents": [id], "password": password })).await
    };
    assert_eq!(again(&sun, PASSWORD).await.status, 403);
    again(&li, &"x".repeat(128)).await.is(400, "bad_request");
    let of_many = json!({ "state": "failed", "password": PASSWORD });
    li.post("/api/v1/reading", of_many).await.is(400, "bad_request");
    assert_eq!(again(&li, "wrong").await.status, 202);
    tokio::time::sleep(Duration::from_secs(1)).await;
    when(&li, &id, "unreadable").await;
    assert_eq!(again(&li, PASSWORD).await.status, 202);
    when(&li, &id, "read").await;
    assert_eq!(li.find("page 7 of 9", 1).await["hits"][0]["document"], id);

    // Without the password it is locked again; what was read stays.
    li.post("/api/v1/reading", json!({ "documents": [id] })).await;
    server.settle().await;
    assert_eq!(li.get(&format!("/api/v1/documents/{id}")).await.ok()["reading"]["outcome"], "read");
    for file in server.files("lantai-data") {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(memchr::memmem::find(&bytes, PASSWORD.as_bytes()).is_none(), "{}", file.display());
    }
}
