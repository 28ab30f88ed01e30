//! Write once: what a store really does about objects that are to stay is found out by trying, and used where it works.

use std::process::Output;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::garage::Garage;
use crate::moto::Moto;
use crate::server::{Server, Setting};

/// Runs `lantai probe` with these settings, in a folder where there is nothing.
fn probe(setting: &Setting) -> (Value, i32) {
    let out = probe_as(setting, &["probe", "--json"]);
    let told = serde_json::from_slice(&out.stdout);
    assert!(told.is_ok(), "{}", String::from_utf8_lossy(&out.stderr));
    (told.unwrap(), out.status.code().unwrap())
}

fn probe_as(setting: &Setting, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lantai"));
    command.args(arguments).current_dir(folder.path()).env("LANTAI_LOG_FILTER", "warn");
    command.envs(setting.variables.iter().map(|(name, value)| (name, value)));
    command.output().unwrap()
}

/// What works, in the order of the table.
fn works(told: &Value) -> [bool; 5] {
    ["overwrite", "delete", "versioning", "conditional_put", "object_lock"]
        .map(|name| told[name]["works"].as_bool().unwrap())
}

fn wanting(setting: Setting, mode: &str) -> Setting {
    setting.with("LANTAI_RETENTION_DAYS", "30").with("LANTAI_RETENTION_MODE", mode)
}

#[tokio::test]
async fn motos_lock_is_told_from_a_bucket_without() {
    let Some(moto) = Moto::start().await else { return };
    moto.bucket("locked", true).await;
    moto.bucket("plain", false).await;
    let (told, code) = probe(&moto.setting("locked"));
    assert_eq!((works(&told), code), ([true; 5], 0), "{told:#}");
    assert_eq!((&told["retention"], &told["left_behind"]), (&json!({ "state": "off" }), &json!(0)));
    assert_eq!(moto.versions("locked", "archive/probe/").await, [], "it cleaned up");
    println!("{}", String::from_utf8_lossy(&probe_as(&moto.setting("locked"), &["probe"]).stdout));

    let (told, code) = probe(&wanting(moto.setting("plain"), "compliance"));
    assert_eq!((works(&told), code), ([false, false, false, true, false], 1), "{told:#}");
    assert_eq!(told["retention"]["state"], "not_available");
    println!("{}", String::from_utf8_lossy(&probe_as(&moto.setting("plain"), &["probe"]).stdout));
}

#[tokio::test]
async fn garage_has_no_lock_and_that_is_said() {
    let Some(garage) = Garage::start() else { return };
    let wanted = wanting(garage.setting("probe"), "compliance");
    let (told, code) = probe(&wanted);
    assert_eq!((works(&told), code), ([false; 5], 1), "{told:#}");
    assert_eq!((&told["retention"]["state"], &told["left_behind"]), (&json!("not_available"), &json!(0)));
    println!("{}", String::from_utf8_lossy(&probe_as(&wanted, &["probe"]).stdout));

    // An archive works all the same, and says that nothing is held.
    let server = Server::new(wanted);
    let li = server.desk("li").await;
    let dossier = li.dossier("欧阳修远").await;
    li.upload(&[("dossier", &dossier), ("kind", "person_id")], b"paper".to_vec()).await.ok();
    let ready: Value = reqwest::get(format!("{}/readyz", server.base)).await.unwrap().json().await.unwrap();
    assert_eq!((&ready["status"], &ready["retention"]["state"]), (&json!("ok"), &json!("not_available")));
    let metrics = reqwest::get(format!("{}/metrics", server.base)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("lantai_retention_in_force 0\n"));
}

#[tokio::test]
async fn a_folder_is_said_to_be_one() {
    let (told, code) = probe(&Setting::default());
    assert_eq!((works(&told), code), ([false; 5], 0), "{told:#}");
    assert_eq!(told["object_lock"]["seen"], "a folder has none");
    assert_eq!(
        probe_as(&Setting::default().with("LANTAI_OBJECTS", "s3://nowhere"), &["probe"]).status.code(),
        Some(2)
    );
    let forever = wanting(Setting::default(), "governance").with("LANTAI_RETENTION_DAYS", "36501");
    let out = probe_as(&forever, &["init"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("at most 36500 days"));
    for mode in ["forever", ""] {
        let out = probe_as(&wanting(Setting::default(), mode), &["probe"]);
        assert_eq!(out.status.code(), Some(2), "{mode:?} is no mode");
    }
}

/// What is written once is held by the store; what changes by design is not.
async fn what_is_written_once_stays(moto: &Moto, bucket: &str, mode: &str) {
    moto.bucket(bucket, true).await;
    let mut server = Server::new(wanting(moto.setting(bucket), mode));
    let li = server.desk("li").await;
    let dossier = li.dossier("欧阳修远").await;
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract")];
    let small = li.upload(&query, "獬豸条款".into()).await.ok();
    let other = li.upload(&query, vec![7; 3_000_000]).await.ok();
    li.find("獬豸条款", 1).await;
    let ready: Value = reqwest::get(format!("{}/readyz", server.base)).await.unwrap().json().await.unwrap();
    assert_eq!(ready["retention"], json!({ "state": "in_force", "days": 30, "mode": mode }));
    server.stop();

    let mut held = 0;
    for (key, version) in moto.versions(bucket, "archive/").await {
        let path = key.strip_prefix("archive/").unwrap();
        let stays = path.ends_with("/original.age") || path.starts_with("journal/sealed/");
        if stays || path.ends_with("/text.age") {
            let (status, said) = moto.delete(bucket, &key, &version).await;
            assert_eq!(status == StatusCode::FORBIDDEN, stays, "{path}: {status} {said}");
            held += usize::from(stays);
        } else {
            let lock = moto.call(Method::HEAD, &format!("{bucket}/{key}?versionId={version}"), &[]).await;
            assert_eq!(lock.0, StatusCode::OK, "{path}");
        }
    }
    assert!(held > 2, "originals and payloads are held");
    // A compliance lock is lifted by nobody, a governance lock by whoever has the right to.
    let originals = moto.versions(bucket, &format!("archive/documents/{dossier}/")).await;
    let (key, version) =
        originals.iter().find(|(key, _)| key.contains(small["id"].as_str().unwrap())).unwrap();
    let lifting = [("x-amz-bypass-governance-retention", "true")];
    let lifted = moto.call(Method::DELETE, &format!("{bucket}/{key}?versionId={version}"), &lifting).await;
    assert_eq!(lifted.0 == StatusCode::FORBIDDEN, mode == "compliance", "{}", lifted.1);
    // Deleted as anybody would delete it, the original is hidden: `verify` says so, and the version is still there.
    let key =
        originals.iter().find(|(key, _)| key.contains(other["id"].as_str().unwrap())).unwrap().0.clone();
    moto.call(Method::DELETE, &format!("{bucket}/{key}"), &[]).await;
    let out = server.run(&["verify"]);
    assert!(String::from_utf8_lossy(&out.stdout).contains("original_missing"));
    assert!(moto.versions(bucket, &key).await.iter().any(|(found, _)| *found == key));
}

#[tokio::test]
async fn nobody_deletes_what_is_held_in_compliance() {
    let Some(moto) = Moto::start().await else { return };
    what_is_written_once_stays(&moto, "compliance", "compliance").await;
}

#[tokio::test]
async fn only_who_may_deletes_what_is_held_in_governance() {
    let Some(moto) = Moto::start().await else { return };
    what_is_written_once_stays(&moto, "governance", "governance").await;
}

/// What a cut-off upload left is locked, too: the next start passes it by, and every start after it.
#[tokio::test]
async fn an_orphan_that_is_held_does_not_stop_a_start() {
    let Some(moto) = Moto::start().await else { return };
    moto.bucket("orphans", true).await;
    let mut server = Server::new(wanting(moto.setting("orphans"), "compliance"));
    let li = server.desk("li").await;
    let dossier = li.dossier("欧阳修远").await;
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract")];
    let known = li.upload(&query, "獬豸条款".into()).await.ok();
    server.kill();
    let path = format!("orphans/archive/documents/{dossier}");
    let stored = format!("{path}/{}/original.age", known["id"].as_str().unwrap());
    let orphan = format!("{path}/{}/original.age", "7".repeat(26));
    let until = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string();
    let headers = [
        ("x-amz-sdk-checksum-algorithm", "SHA256"),
        ("x-amz-copy-source", stored.as_str()),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        ("x-amz-object-lock-retain-until-date", &until),
    ];
    let (status, said) = moto.call(Method::PUT, &orphan, &headers).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    for _ in 0..2 {
        server.start();
        assert_eq!(server.desk("li").await.find("獬豸条款", 1).await["total"], 1);
        server.kill();
    }
    server.start();
    server.stop();
    let out = server.run(&["verify"]);
    assert!(out.status.success(), "hidden is gone: {}", String::from_utf8_lossy(&out.stdout));
    let key = orphan.strip_prefix("orphans/").unwrap();
    assert_eq!(moto.versions("orphans", key).await.len(), 1, "the version stays for its time");
}
