//! Golden archives: what an earlier version wrote is read for ever.
//!
//! `fixtures/archives/v1` was made by a run of the program and is never made again for the same format; fixtures/README.md
//! says how. A format that changes gets a folder of its own, and this one stays.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use lantai::app::App;
use lantai::app::restore::restore;
use lantai::archive::Depth;
use lantai::cli::Running;
use lantai::clock::Clock;
use lantai::config::Config;
use lantai::domain::Sha256Digest;
use lantai::vault::read_key_file;
use serde_json::{Map, Value, json};

use crate::app::{Client, text};
use crate::python::{accepted, python_with, verify_log};
use crate::server::{Server, Setting, files_below};

fn golden(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/archives").join(format)
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

/// All that a general manager sees, with the digest of every document's content.
async fn look(client: &Client) -> Value {
    let list = |value: &Value, name: &str| value[name].as_array().unwrap().clone();
    let (mut dossiers, mut cases, mut contents) = (Vec::new(), Vec::new(), Map::new());
    for listed in list(&client.get("/api/v1/dossiers").await.ok(), "entries") {
        let dossier = client.get(&format!("/api/v1/dossiers/{}", text(&listed["id"]))).await.ok();
        for document in list(&dossier, "documents") {
            let id = text(&document["id"]);
            let content = client.get(&format!("/api/v1/documents/{id}/content")).await;
            assert_eq!(content.status, 200);
            contents.insert(id.clone(), Sha256Digest::of(&content.body).to_string().into());
            let read = client.get(&format!("/api/v1/documents/{id}/text")).await.ok();
            contents.insert(format!("{id} text"), read["pages"][0]["text"].clone());
        }
        for case in list(&dossier, "cases") {
            cases.push(client.case(&text(&case["id"])).await);
        }
        dossiers.push(dossier);
    }
    let penalties = client.get("/api/v1/penalties").await.ok();
    json!({ "dossiers": dossiers, "cases": cases, "contents": contents, "penalties": penalties })
}

/// What was expected is there; what later versions say beside it is theirs.
#[track_caller]
fn contains(found: &Value, expected: &Value, place: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (name, expected) in expected {
                contains(found.get(name).unwrap_or(&Value::Null), expected, &format!("{place}/{name}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}");
            for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
                contains(found, expected, &format!("{place}/{number}"));
            }
        }
        _ => assert_eq!(found, expected, "{place}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_format_1_is_restored_with_all_that_is_in_it() {
    let golden = golden("v1");
    let expected: Value =
        serde_json::from_slice(&std::fs::read(golden.join("expected.json")).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    copy(&golden.join("bucket"), &folder.path().join("bucket"));
    let key = folder.path().join("recovery.key");
    std::fs::copy(golden.join("recovery.key"), &key).unwrap();
    // A work tree does not keep the permissions that a key has to have.
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let recovery = read_key_file(&key, None).unwrap();
    let mut config = Config { data: folder.path().join("data"), ..Config::default() };
    config.objects = format!("file://{}", folder.path().join("bucket").display());
    config.reading_program = Some(env!("CARGO_BIN_EXE_lantai").into());
    // At the time at which it was made: no deadline has passed since.
    let (clock, _) = Clock::fixed(text(&expected["made_at"]).parse().unwrap());
    let restored = restore(config.clone(), clock.clone(), &recovery, &|_, _| {}).await.unwrap();
    let entries = expected["entries"].as_u64().unwrap();
    let caught_up = &restored.opened.caught_up;
    assert_eq!((caught_up.replayed, caught_up.without_key.len()), (entries, 0));
    // The restore only reads; whoever goes on working opens what it made.
    restored.opened.app.close().unwrap();
    drop(restored);
    let opened = App::open(config, clock, &|_, _| {}).await.unwrap();
    assert_eq!(opened.app.verify(Depth::Full, &|_, _| {}).await.unwrap().problems, []);

    let running = Running::start(opened.app, "127.0.0.1:0").await.unwrap();
    let app = running.app.clone();
    let zhao = app.people.by_name("zhao").unwrap().unwrap();
    let token = app.people.make_token(zhao.id, zhao.id).await.unwrap();
    let client = Client::new(&format!("http://{}", running.address), &token.secret);
    let found = look(&client).await;
    contains(&found, &expected["seen"], "");
    assert!(!client.find("民事信托合同").await.is_empty());
    let (documents, lines) =
        (expected["seen"]["contents"].as_object().unwrap().len() / 2, &found["penalties"]["entries"]);
    println!(
        "{entries} entries, {documents} documents, {} penalties restored",
        lines.as_array().unwrap().len()
    );
    let signed = Client::new(&client.base, "")
        .post("/api/v1/session", &json!({ "user": "li", "password": "advisor-password" }))
        .await;
    assert_eq!(signed.status, 200, "passwords are still right");
    running.stop().await.unwrap();
}

#[test]
fn the_log_of_format_1_is_verified_by_foreign_code() {
    let Some(python) = python_with("cryptography", "python") else { return };
    let bucket = golden("v1").join("bucket");
    let (journal, key) = (bucket.join("journal"), bucket.join("lantai.json"));
    print!(
        "{}",
        accepted(&verify_log(&python, &[journal.to_str().unwrap(), "--key", key.to_str().unwrap()]))
    );
}

/// Makes the golden archive anew: for a format that has not been given out yet.
#[tokio::test]
#[ignore = "writes fixtures/archives/v1: `make golden`"]
async fn make_the_archive_of_format_1() {
    let mut server = Server::new(Setting::default());
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    for (customer, ending) in [("示例客户甲", "filed"), ("示例客户乙", "returned"), ("示例客户丙", "draft")]
    {
        let dossier = li.dossier(customer).await;
        let case = li.case(&dossier, 1).await;
        if ending == "draft" {
            let query = [("dossier", dossier.as_str()), ("kind", "person_id"), ("filename", "证件 100%.txt")];
            li.upload(&query, "居民身份证".into()).await.ok();
            continue;
        }
        for (kind, content) in [
            ("trust_contract", "民事信托合同 合同编号 HT-2026-000123"),
            ("risk_statement", "民事信托之信托风险申明书"),
            ("bank_receipt", "银行打款回执单 金额 1,000,000.00 元"),
            ("person_id", "居民身份证复印件"),
            ("interview_form", "客户访谈信息表"),
            ("contact_sheet", "客户联系方式"),
        ] {
            let query = [("dossier", dossier.as_str()), ("case", &case), ("kind", kind)];
            li.upload(&query, content.into()).await.ok();
        }
        li.act(&case, "submit", json!({})).await.ok();
        let said = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1, "note": "缺少身份证复印件" });
        match ending {
            "filed" => wang.act(&case, "accept", json!({})).await.ok(),
            _ => wang.act(&case, "return", said).await.ok(),
        };
    }
    wang.find("民事信托合同", 2).await;
    wang.find("居民身份证", 3).await;
    let seen = look(&Client::new(&server.base, &server.desk("zhao").await.token)).await;
    server.stop();
    let out = server.run(&["verify", "--full", "--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    let made_at = Clock::system().now().to_string();
    let expected = json!({ "made_at": made_at, "entries": report["entries"], "seen": seen });

    let (target, objects) = (golden("v1"), server.path("lantai-data/objects"));
    let _ = std::fs::remove_dir_all(&target);
    std::fs::create_dir_all(&target).unwrap();
    std::fs::remove_dir_all(objects.join(".incoming")).unwrap();
    keep_the_newest_partial(&objects.join("journal/tile"));
    copy(&objects, &target.join("bucket"));
    std::fs::copy(server.path("recovery.key"), target.join("recovery.key")).unwrap();
    std::fs::write(target.join("expected.json"), serde_json::to_string_pretty(&expected).unwrap() + "\n")
        .unwrap();
    let size: u64 = files_below(&target).iter().map(|path| path.metadata().unwrap().len()).sum();
    println!("{}: {} files, {size} bytes", target.display(), files_below(&target).len());
}

/// Earlier partial tiles are as good as deleted: the newest has all that they have.
fn keep_the_newest_partial(tiles: &Path) {
    let width = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().parse::<u32>().unwrap();
    let mut partial = files_below(tiles);
    partial.retain(|path| path.parent().unwrap().extension().is_some_and(|end| end == "p"));
    for path in &partial {
        let same = partial.iter().filter(|other| other.parent() == path.parent());
        if same.map(width).max() != Some(width(path)) {
            std::fs::remove_file(path).unwrap();
        }
    }
}
