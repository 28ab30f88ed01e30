//! The bucket is the archive: what the local disk loses comes back from it.

use std::path::Path;

use serde_json::{Value, json};

use crate::garage::Garage;
use crate::server::{Desk, Server, Setting};

/// What must be the same before and after.
#[derive(Debug, PartialEq)]
struct Seen {
    search: Vec<Value>,
    cases: Vec<Value>,
    penalties: Value,
    dossiers: Value,
}

async fn make_history(server: &Server) -> Vec<String> {
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    let mut cases = Vec::new();
    for (number, ending) in ["draft", "returned", "filed", "escalated"].into_iter().enumerate() {
        let dossier = li.dossier(&format!("客户欧阳{number}")).await;
        let case = li.case(&dossier, 1).await;
        li.basket(&dossier, &case, 1).await;
        let failing = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1, "note": format!("缺身份证{number}") });
        if ending != "draft" {
            li.act(&case, "submit", json!({})).await.ok();
        }
        match ending {
            "returned" => drop(wang.act(&case, "return", failing).await.ok()),
            "filed" => drop(wang.act(&case, "accept", json!({})).await.ok()),
            "escalated" => {
                for _ in 0..3 {
                    wang.act(&case, "return", failing.clone()).await.ok();
                    li.act(&case, "submit", json!({})).await.ok();
                }
                wang.act(&case, "escalate", failing).await.ok();
            }
            _ => {}
        }
        cases.push(case);
    }
    wang.find("trust_contract", 4).await;
    wang.find("缺身份证3", 4).await;
    cases
}

async fn look(server: &Server, cases: &[String]) -> Seen {
    let wang = server.desk("wang").await;
    let mut search = Vec::new();
    for (query, wanted) in [("trust_contract", 4), ("\"欧阳\"", 4), ("缺身份证3", 4), ("第 0 份", 24)]
    {
        wang.find(query, wanted).await;
        search.push(hits(&wang, query).await);
    }
    let mut seen = Vec::new();
    for case in cases {
        seen.push(wang.get(&format!("/api/v1/cases/{case}")).await.ok());
    }
    let penalties = wang.get("/api/v1/penalties").await.ok();
    let dossiers = wang.get("/api/v1/dossiers").await.ok();
    Seen { search, cases: seen, penalties, dossiers }
}

/// The hits without their scores, in a fixed order: scores depend on how the index happens to be cut into segments.
async fn hits(desk: &Desk, query: &str) -> Value {
    let found = desk
        .send(desk.request(reqwest::Method::GET, "/api/v1/search?limit=200").query(&[("q", query)]))
        .await
        .ok();
    let mut hits: Vec<Value> = found["hits"].as_array().unwrap().clone();
    for hit in &mut hits {
        hit["score"].take();
    }
    hits.sort_by_key(ToString::to_string);
    json!({ "total": found["total"], "hits": hits })
}

async fn everything_comes_back(mut server: Server, url: &str) {
    let cases = make_history(&server).await;
    let before = look(&server, &cases).await;
    assert_eq!(before.penalties["totals"]["li"], 1 + 1 + 2 + 4);
    server.stop();

    // Records and index deleted: the next start makes them again.
    for folder in ["records", "index"] {
        std::fs::remove_dir_all(server.path("lantai-data").join(folder)).unwrap();
    }
    server.start();
    assert_eq!(look(&server, &cases).await, before);

    // Records damaged: set aside, and made again. (With a round of the log cut off as well, its first objects would stay
    // in the bucket, and `verify` would rightly call them surplus.)
    server.stop();
    let data_file = server.path("lantai-data/records/db");
    let mut bytes = std::fs::read(&data_file).unwrap();
    for at in (0..bytes.len()).step_by(97) {
        bytes[at] ^= 0x55;
    }
    std::fs::write(&data_file, bytes).unwrap();
    server.start();
    assert_eq!(look(&server, &cases).await, before);
    server.stop();

    // The whole folder lost: restored from bucket and recovery key.
    let gone = server.path("lantai-data");
    keep_objects(&gone, &server.path("bucket"));
    std::fs::remove_dir_all(&gone).unwrap();
    let out = server.run(&["restore", "--from", url, "--key", "recovery.key", "--data", "lantai-data"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    server.setting = server.setting.clone().with("LANTAI_OBJECTS", url);
    server.start();
    assert_eq!(look(&server, &cases).await, before);
    server.stop();
    let out = server.run(&["verify", "--full"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

/// The folder that stands in for a bucket outlives the data folder.
fn keep_objects(data: &Path, bucket: &Path) {
    if data.join("objects").is_dir() {
        std::fs::rename(data.join("objects"), bucket).unwrap();
    }
}

#[tokio::test]
async fn a_folder_brings_everything_back() {
    let server = Server::new(Setting::default());
    let url = format!("file://{}", server.path("bucket").display());
    everything_comes_back(server, &url).await;
}

#[tokio::test]
async fn garage_brings_everything_back() {
    let Some(garage) = Garage::start() else { return };
    let server = Server::new(garage.setting("restore"));
    everything_comes_back(server, &garage.url("restore")).await;
}

#[tokio::test]
async fn the_whole_journey_on_garage() {
    let Some(garage) = Garage::start() else { return };
    let mut server = Server::new(garage.setting("journey"));
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    let dossier = li.dossier("欧阳修远").await;
    let case = li.case(&dossier, 2).await;
    li.basket(&dossier, &case, 2).await;
    let large: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let document = li
        .upload(&[("dossier", &dossier), ("case", &case), ("kind", "trust_contract")], large.clone())
        .await
        .ok();
    let content = format!("/api/v1/documents/{}/content", document["id"].as_str().unwrap());
    assert_eq!(
        li.request(reqwest::Method::GET, &content).send().await.unwrap().bytes().await.unwrap(),
        large
    );
    let range = li
        .request(reqwest::Method::GET, &content)
        .header("range", "bytes=12345678-12345777")
        .send()
        .await
        .unwrap();
    assert_eq!(range.bytes().await.unwrap(), large[12_345_678..12_345_778]);
    li.act(&case, "submit", json!({})).await.ok();
    let said = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 2 });
    wang.act(&case, "return", said).await.ok();
    li.act(&case, "submit", json!({})).await.ok();
    assert_eq!(wang.act(&case, "accept", json!({})).await.ok()["state"], "filed");
    assert_eq!(wang.points("li").await, 2);
    wang.find("person_id", 1).await;
    server.stop();
    let out = server.run(&["verify", "--full"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

#[tokio::test]
async fn a_store_that_goes_away_and_comes_back_loses_nothing() {
    let Some(mut garage) = Garage::start() else { return };
    let server = Server::new(
        garage.setting("outage").with("LANTAI_S3_ATTEMPTS", "1").with("LANTAI_JOURNAL_PATIENCE_SECONDS", "5"),
    );
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let query = [("dossier", dossier.as_str()), ("kind", "person_id")];
    let first = li.upload(&query, b"before".to_vec()).await.ok();
    garage.pause();
    let refused = li.upload(&query, b"during".to_vec()).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    let ready = reqwest::get(format!("{}/readyz", server.base)).await.unwrap();
    assert_eq!(ready.status(), 503);
    garage.resume();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while li.upload(&query, b"after".to_vec()).await.status != 201 {
        assert!(std::time::Instant::now() < deadline, "uploads go on when the store is back");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    let seen = li.get(&format!("/api/v1/dossiers/{dossier}")).await.ok();
    let digests: Vec<_> =
        seen["documents"].as_array().unwrap().iter().map(|document| document["id"].clone()).collect();
    assert!(digests.contains(&first["id"]));
    assert_eq!(digests.len(), 2, "what was refused is not there");
}
