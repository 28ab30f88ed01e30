//! The recipients are a fact of the log; `lantai.json` is a copy of it.

use std::path::Path;

use lantai::app::{App, Recovery, restore::restore};
use lantai::clock::Clock;
use lantai::config::Config;
use lantai::manifest::{Manifest, described};
use lantai::objects::{Key, Objects};
use lantai::vault::{Identity, Recipient, read_key_file};
use serde_json::Value;

use crate::app::{lantai, said};

/// An archive in a folder, made and closed.
async fn made(dir: &Path) -> Config {
    let config = Config { data: dir.join("data"), ..Config::default() };
    let recovery = Recovery::NewKeyFile(dir.join("recovery.key"));
    let fresh = App::init(config.clone(), Clock::system(), recovery).await.unwrap();
    fresh.opened.app.journal.publish_waiting().await.unwrap();
    fresh.opened.app.close().unwrap();
    config
}

async fn open(config: &Config) -> Result<App, lantai::app::Error> {
    Ok(App::open(config.clone(), Clock::system(), &|_, _| {}).await?.app)
}

async fn objects(config: &Config) -> Objects {
    Objects::open(&config.objects_url(), &config.s3).await.unwrap()
}

#[tokio::test]
async fn the_first_entry_says_what_the_archive_is() {
    let dir = tempfile::tempdir().unwrap();
    let config = made(dir.path()).await;
    let app = open(&config).await.unwrap();
    assert_eq!(app.journal.entry(0).unwrap().unwrap().kind, "archive.described");
    let copy = Manifest::get(&app.objects).await.unwrap();
    assert_eq!(described(&app.records).unwrap(), copy);
    assert_eq!(app.described().unwrap(), copy.unwrap());
    assert!(!app.manifest_was_changed);
    assert_eq!(app.journal.health().size, 3, "opening an archive again adds nothing");
}

/// Whoever can write to the bucket adds a recovery recipient of their own to the copy.
#[tokio::test]
async fn a_recipient_that_only_the_copy_names_gets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = made(dir.path()).await;
    let objects = objects(&config).await;
    let right = Manifest::get(&objects).await.unwrap().unwrap();
    let thief = Identity::generate();
    let mut changed = right.clone();
    changed.recovery_recipients.push(thief.recipient().to_string());
    changed.put(&objects).await.unwrap();

    let app = open(&config).await.unwrap();
    assert!(app.manifest_was_changed, "it is reported");
    assert_eq!(Manifest::get(&objects).await.unwrap().unwrap(), right, "and put right");
    let dossier = app.clock.new_id();
    app.keys.create(dossier).await.unwrap();
    let sealed = objects.get_bytes(&Key::DossierKey(dossier), 1 << 16).await.unwrap();
    assert!(lantai::vault::open(&thief, &sealed).is_err());
    let recovery = read_key_file(&dir.path().join("recovery.key"), None).unwrap();
    assert!(lantai::vault::open(&recovery.identity, &sealed).is_ok());
    drop(app);

    // The same with no records left: the replay gives the truth back before anything is sealed.
    std::fs::remove_dir_all(config.data.join("records")).unwrap();
    changed.put(&objects).await.unwrap();
    let app = open(&config).await.unwrap();
    assert!(app.manifest_was_changed);
    assert_eq!(app.described().unwrap(), right);
}

#[tokio::test]
async fn a_log_of_another_key_is_not_taken_for_ours() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (config, other) = (made(ours.path()).await, made(theirs.path()).await);
    let key = |dir: &Path| read_key_file(&dir.join("recovery.key"), None).unwrap();
    let log = objects(&other).await;
    let log = Manifest::get(&log).await.unwrap().unwrap().log_verifier_key;
    assert_eq!(key(theirs.path()).log_verifier_key, Some(log));

    // Their log in our bucket, its keys wrapped to us: that needs only our recipients, and they are public.
    let (mine, stolen) = (objects(&config).await, objects(&other).await);
    let manifest = Manifest::get(&mine).await.unwrap().unwrap();
    let mut recipients: Vec<Recipient> = manifest.recovery().unwrap();
    recipients.push(manifest.archive_recipient.parse().unwrap());
    for name in [Key::LogKey, Key::JournalKey] {
        let sealed = stolen.get_bytes(&name, 1 << 16).await.unwrap();
        let opened = lantai::vault::open(&key(theirs.path()).identity, &sealed).unwrap();
        let wrapped = lantai::vault::SealedBytes::seal(&recipients, &opened).unwrap();
        mine.put(&name, wrapped.into()).await.unwrap();
    }
    let mut forged = Manifest::get(&stolen).await.unwrap().unwrap();
    forged.archive_recipient = manifest.archive_recipient;
    forged.recovery_recipients = manifest.recovery_recipients;
    forged.put(&mine).await.unwrap();
    copy(&other.data.join("objects/journal"), &config.data.join("objects/journal"));

    assert!(matches!(open(&config).await, Err(lantai::app::Error::OtherLog)));
    let elsewhere =
        Config { data: ours.path().join("new"), objects: config.objects_url(), ..Config::default() };
    let restored = restore(elsewhere, Clock::system(), &key(ours.path()), &|_, _| {}).await;
    assert!(matches!(restored, Err(lantai::app::Error::OtherLog)));
    assert!(!ours.path().join("new").exists(), "nothing was made");
    let url = config.objects_url();
    let output = lantai(&ours.path().join("new"), &["restore", "--from", &url, "--key", "recovery.key"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not the one of this key"));
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            drop(std::fs::copy(entry.path(), target))
        }
    }
}

#[test]
fn a_recovery_key_names_its_log_shown_or_written() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let shown: Value = serde_json::from_str(&said(&lantai(&data, &["--json", "init"]))).unwrap();
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(data.join("objects/lantai.json")).unwrap()).unwrap();
    let log = format!("# log: {}", manifest["log_verifier_key"].as_str().unwrap());
    let key = shown["recovery_key"].as_str().unwrap();
    assert!(key.lines().any(|line| line == log), "{key}");
    assert!(key.lines().any(|line| line.starts_with("AGE-SECRET-KEY-1")));
    let own = std::fs::read_to_string(data.join("archive.key")).unwrap();
    assert!(own.lines().any(|line| line == log));
}
