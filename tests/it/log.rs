//! The published log, as outsiders see it: by the standard, and checked by a verifier that shares no code with ours.

mod flips;
mod standing;
mod synthetic;

use std::path::Path;

use reqwest::Method;
use serde_json::json;

use crate::app::{Answer, Client, TestApp, pdf, text};
use crate::python::{accepted, python_with, verify_log};
use crate::server::{Desk, Server, Setting};

/// Twenty customers whose cases end in all ways.
async fn whole_journey(server: &Server) -> (String, String) {
    let (li, wang, zhao) = (server.desk("li").await, server.desk("wang").await, server.desk("zhao").await);
    let failing =
        json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1, "note": "缺身份证" });
    let (mut last, mut old) = (String::new(), String::new());
    for number in 0..22 {
        let dossier = li.dossier(&format!("客户{number}")).await;
        let case = li.case(&dossier, 1).await;
        li.basket(&dossier, &case, 1).await;
        li.act(&case, "submit", json!({})).await.ok();
        match number % 4 {
            0 => drop(wang.act(&case, "accept", json!({})).await.ok()),
            1 => drop(wang.act(&case, "return", failing.clone()).await.ok()),
            2 => {
                for _ in 0..3 {
                    wang.act(&case, "return", failing.clone()).await.ok();
                    li.act(&case, "submit", json!({})).await.ok();
                }
                wang.act(&case, "escalate", failing.clone()).await.ok();
                zhao.act(&case, "cancel", json!({ "note": "屡次不全", "points": 10 })).await.ok();
            }
            _ => drop(wang.post(&format!("/api/v1/cases/{case}/claim"), json!(null)).await.ok()),
        }
        let document = wang.get(&format!("/api/v1/dossiers/{dossier}")).await.ok()["documents"][0].clone();
        last = text(&document["id"]);
        wang.get(&format!("/api/v1/documents/{last}/text")).await;
        if number == 9 {
            old = body(&wang, "/log/checkpoint").await;
        }
    }
    wang.find("trust_contract", 20).await;
    server.settle().await;
    (last, old)
}

async fn body(desk: &Desk, path: &str) -> String {
    let response = desk.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.text().await.unwrap()
}

/// The size that a checkpoint states.
pub(crate) fn size_of(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).unwrap().parse().unwrap()
}

/// The entries of the bundles in a folder, up to a size.
pub(crate) fn entries(journal: &Path, size: u64) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    for bundle in 0..size.div_ceil(256) {
        let width = (size - bundle * 256).min(256);
        let name = if width < 256 { format!("{bundle:03}.p/{width}") } else { format!("{bundle:03}") };
        let bytes = std::fs::read(journal.join("tile/entries").join(name)).unwrap();
        let mut rest = bytes.as_slice();
        while let Some((length, tail)) = rest.split_first_chunk::<2>() {
            let (entry, tail) = tail.split_at(u16::from_be_bytes(*length).into());
            entries.push(entry.to_vec());
            rest = tail;
        }
    }
    entries
}

#[tokio::test]
async fn an_independent_verifier_accepts_the_log_of_a_whole_journey_and_finds_every_flipped_bit() {
    let Some(python) = python_with("cryptography", "python") else { return };
    let mut server = Server::new(Setting::default());
    let (document, old) = whole_journey(&server).await;
    let (li, audit) = (server.desk("li").await, server.desk("audit").await);
    let kept = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = kept.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let old_file = write("old.checkpoint", &old);
    let proof = body(&li, &format!("/api/v1/documents/{document}/proof")).await;
    let proof_file = write("document.tlog-proof", &proof);
    let consistency = body(&li, &format!("/log/consistency?from={}", size_of(&old))).await;
    let consistency_file = write("consistency", &consistency);
    let token_file = write("audit.token", &audit.token);
    let bucket = server.path("lantai-data/objects");
    let (journal, key) = (bucket.join("journal"), bucket.join("lantai.json").display().to_string());

    let url = format!("{}/log", server.base);
    let said = accepted(&verify_log(&python, &[&url, "--key", &key, "--token-file", &token_file]));
    println!("through the server: {said}");
    assert!(
        !verify_log(&python, &[&url, "--key", &key]).status.success(),
        "entries are not for everybody: without a token there are only hashes"
    );
    server.stop();

    let place = journal.display().to_string();
    let size = size_of(&std::fs::read_to_string(journal.join("checkpoint")).unwrap());
    assert!(size > 512, "{size} entries");
    let index: usize = proof.lines().nth(1).unwrap().strip_prefix("index ").unwrap().parse().unwrap();
    let all = entries(&journal, size);
    let entry = String::from_utf8(all[index].clone()).unwrap();
    assert!(entry.contains("\"kind\":\"document.received\"") && entry.contains(&document));
    let entry_file = write("entry.json", &entry);
    let other_file = write("other.json", &String::from_utf8(all[index - 1].clone()).unwrap());
    let more = ["--old", &old_file, "--consistency", &consistency_file, "--proof", &proof_file, "--entry"];
    let arguments = [&[&place, "--key", &key], more.as_slice()].concat();
    let said = accepted(&verify_log(&python, &[arguments.as_slice(), &[&entry_file]].concat()));
    print!("{said}");
    assert_eq!(said.lines().count(), 4, "{said}");
    assert!(!verify_log(&python, &[arguments.as_slice(), &[&other_file]].concat()).status.success());
    check_what_stands_open(&all);

    flips::each_is_found(&python, &journal, &key, 100);
    let other_key =
        format!("lantai/other+{}", std::fs::read_to_string(&key).unwrap().split('+').nth(1).unwrap());
    assert!(!verify_log(&python, &[&place, "--key", &other_key]).status.success(), "not anybody's key");
    let out = server.run(&["verify", "--full"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

/// Entries hold ids, times and digests, and nothing that anybody wrote.
fn check_what_stands_open(entries: &[Vec<u8>]) {
    for entry in entries {
        let value: serde_json::Value = serde_json::from_slice(entry).unwrap();
        for (name, value) in value.as_object().unwrap() {
            let fits = match name.as_str() {
                "v" => *value == 1,
                "kind" => value.as_str().unwrap().chars().all(|c| c.is_ascii_lowercase() || c == '.'),
                "at" => value.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
                "actor" | "dossier" | "document" | "case" => value.as_str().unwrap().len() == 26,
                "payload" => value.as_str().unwrap().len() == 64,
                "payload_key" => *value == "journal",
                "object" => value["path"].as_str().unwrap().len() < 100 && value["sha256"].is_string(),
                _ => false,
            };
            assert!(fits, "{name}: {value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_served_as_the_standard_says() {
    let app = TestApp::start().await;
    let (li, auditor, nobody) =
        (app.sign_in("li").await, app.sign_in("auditor").await, Client::new(&app.base, ""));
    let dossier = li.open_dossier("客户甲").await;
    Answer::of(li.upload_to(&dossier, "person_id", &[]).body(pdf(&["居民身份证"]))).await.created();
    app.settle().await;
    let checkpoint = nobody.get("/log/checkpoint").await;
    assert_eq!(checkpoint.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(checkpoint.header("cache-control"), "no-cache");
    let size = size_of(std::str::from_utf8(&checkpoint.body).unwrap());
    let tile = nobody.get(&format!("/log/tile/0/000.p/{size}")).await;
    assert_eq!((tile.status.as_u16(), tile.body.len() as u64), (200, size * 32));
    assert_eq!(tile.header("content-type"), "application/octet-stream");
    assert_eq!(tile.header("cache-control"), "public, max-age=31536000, immutable");
    let bundle = format!("/log/tile/entries/000.p/{size}");
    nobody.get(&bundle).await.problem(401, "unauthenticated");
    li.get(&bundle).await.problem(403, "forbidden");
    let entries = auditor.get(&bundle).await;
    assert_eq!((entries.status.as_u16(), entries.header("content-type")), (200, "application/octet-stream"));
    assert_eq!(entries.header("cache-control"), "private, max-age=31536000, immutable");
    for path in [
        "0/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/05",
        "00/000.p/1",
        "0/0.p/1",
        "0/x000/000",
        "9/000.p/1",
        "0/001",
        "entries",
        "x",
        "0/000.p/1/2",
    ] {
        assert_eq!(nobody.get(&format!("/log/tile/{path}")).await.status, 404, "{path}");
    }
    for (query, code) in [
        (format!("from={}", size + 1), "bad_sizes"),
        (format!("from=1&to={}", size + 1), "bad_sizes"),
        ("from=3&to=2".to_owned(), "bad_sizes"),
    ] {
        nobody.get(&format!("/log/consistency?{query}")).await.problem(422, code);
    }
    nobody.get("/log/consistency").await.problem(400, "bad_request");
    nobody.get("/log/consistency?from=-1").await.problem(400, "bad_request");
    let current = String::from_utf8(checkpoint.body.clone()).unwrap();
    let proof = |from: u64| {
        let nobody = nobody.clone();
        async move { String::from_utf8(nobody.get(&format!("/log/consistency?from={from}")).await.body).unwrap() }
    };
    assert_eq!(proof(0).await, format!("old 0\n\n{current}"));
    assert_eq!(proof(size).await, format!("old {size}\n\n{current}"));
    assert!(proof(1).await.lines().count() > 6);
    let between = nobody.get("/log/consistency?from=2&to=4").await;
    let between = String::from_utf8(between.body).unwrap();
    assert_eq!((between.lines().count(), between.lines().next()), (3, Some("old 2")), "{between}");
    app.finish().await;
}
