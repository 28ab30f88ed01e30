//! A new archive key, and recovery recipients that come and go: only key objects change, whatever cuts it off.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::StreamExt;
use lantai::app::{App, Recovery};
use lantai::archive::Depth;
use lantai::clock::Clock;
use lantai::config::Config;
use lantai::domain::{Actor, DossierId, PersonId, RawId, Role, Sha256Digest, archive_itself};
use lantai::faults::{Calls, Fault, Faults};
use lantai::manifest::Because;
use lantai::objects::{Key, Objects, Prefix};
use lantai::vault::{Identity, KeyFile, open, read_key_file};
use serde_json::{Map, Value, json};

use crate::app::{lantai, program, said};
use crate::server::required;

/// Somebody whom the bundled pack permits to open dossiers.
fn staff() -> Actor {
    let id = PersonId::from(RawId::from_bytes([7; 16]));
    Actor::new(id, "staff", vec![Role::new("cs_staff")])
}

/// An archive on a folder with so many dossiers, closed.
async fn with_dossiers(data: &Path, count: usize, passphrase: Option<PathBuf>) -> Config {
    let config = Config { data: data.to_owned(), passphrase_file: passphrase, ..Config::default() };
    let recovery = Recovery::NewKeyFile(data.with_file_name("recovery.key"));
    let app = App::init(config.clone(), Clock::system(), recovery).await.unwrap().opened.app;
    open_dossiers(&app, count).await;
    app.close().unwrap();
    config
}

async fn open_dossiers(app: &App, count: usize) -> Vec<DossierId> {
    let publisher = app.journal.clone();
    let publisher = tokio::spawn(async move { publisher.publish_forever().await });
    let rules = app.packs.current().unwrap();
    let permit = rules
        .policies
        .permit(&staff(), lantai::access::Action::OpenDossier, lantai::access::Subject::Archive)
        .unwrap();
    let facts = |number: usize| -> Map<String, Value> {
        json!({ "name": format!("客户{number}"), "kind": "person" }).as_object().unwrap().clone()
    };
    let opens =
        (0..count).map(|number| {
            let (app, permit) = (app, &permit);
            async move {
                app.dossiers.open(permit, "customer", facts(number), permit.actor().id).await.unwrap().id
            }
        });
    let ids = futures::stream::iter(opens).buffer_unordered(64).collect().await;
    app.journal.publish_waiting().await.unwrap();
    publisher.abort();
    ids
}

/// Every object with the digest of its bytes.
fn digests(objects: &Path) -> BTreeMap<String, Sha256Digest> {
    let files = crate::server::files_below(objects);
    // An object that is being put has another name for a moment.
    let digest = |path: PathBuf| {
        let name = path.strip_prefix(objects).unwrap().display().to_string();
        Some((name, Sha256Digest::of(&std::fs::read(&path).ok()?)))
    };
    files.into_iter().filter_map(digest).collect()
}

/// What differs, by the first part of the path: changed, added.
fn changes(
    before: &BTreeMap<String, Sha256Digest>,
    after: &BTreeMap<String, Sha256Digest>,
) -> BTreeMap<String, (usize, usize)> {
    let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (path, digest) in after {
        let part = path.split('/').next().unwrap().to_owned();
        match before.get(path) {
            Some(old) if old == digest => {}
            Some(_) => found.entry(part).or_default().0 += 1,
            None => found.entry(part).or_default().1 += 1,
        }
    }
    assert!(before.keys().all(|path| after.contains_key(path)), "an object is gone");
    found
}

fn key(data: &Path) -> KeyFile {
    read_key_file(&data.join("archive.key"), None).unwrap()
}

/// How many key objects this identity opens.
fn opened_by(identity: &Identity, objects: &Path) -> usize {
    let keys = crate::server::files_below(&objects.join("keys"));
    keys.iter().filter(|path| open(identity, &std::fs::read(path).unwrap()).is_ok()).count()
}

/// Stock `age` with this identity on this key object: whether it opens. `None` if there is no such program.
fn stock_age(identity: &Path, sealed: &Path) -> Option<bool> {
    let output = Command::new("age").arg("-d").arg("-i").arg(identity).arg(sealed).output();
    if output.is_err() {
        assert!(!required("age"), "age is required and not there");
        println!("skipped: there is no age program");
    }
    output.ok().map(|output| output.status.success())
}

/// Rotates with a process that is killed half-way, finishes, and looks at everything.
async fn rotation(count: usize) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let start = Instant::now();
    with_dossiers(&data, count, None).await;
    println!("{count} dossiers made in {:.1} s", start.elapsed().as_secs_f64());
    let objects = data.join("objects");
    let (before, old) = (digests(&objects), key(&data).identity);
    std::fs::copy(data.join("archive.key"), dir.path().join("old.key")).unwrap();
    assert_eq!(opened_by(&old, &objects), count + 2, "dossiers, journal and log");

    let changed_keys = |objects: &Path| {
        let now = digests(&objects.join("keys"));
        now.iter().filter(|(name, digest)| before.get(&format!("keys/{name}")) != Some(*digest)).count()
    };
    let mut child =
        program(&data).args(["keys", "rotate"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(300);
    while changed_keys(&objects) < count / 2 {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "too late to kill it");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let half = changed_keys(&objects);
    assert!(data.join("archive.key.next").exists() && half < count, "{half} of {count}");
    println!("killed after {half} of {} key objects", count + 3);

    let list: Value = serde_json::from_str(&said(&lantai(&data, &["--json", "keys", "list"]))).unwrap();
    assert_eq!((&list["rewrapping"], &list["dossier_keys"]), (&json!(true), &json!(count)));
    let start = Instant::now();
    let rotated: Value = serde_json::from_str(&said(&lantai(&data, &["--json", "keys", "rotate"]))).unwrap();
    let (wrapped, right) = (&rotated["done"]["wrapped"], &rotated["done"]["right_already"]);
    println!(
        "finished in {:.1} s: {wrapped} wrapped, {right} were right already",
        start.elapsed().as_secs_f64()
    );
    assert_eq!(wrapped.as_u64().unwrap() + right.as_u64().unwrap(), count as u64 + 2);
    assert!(right.as_u64().unwrap() > 0 && rotated["keys"]["rewrapping"] == json!(false));

    let new = key(&data).identity;
    assert!(new.recipient() != old.recipient() && !data.join("archive.key.next").exists());
    let found = changes(&before, &digests(&objects));
    println!("changed, added, by folder: {found:?}");
    assert_eq!(found["keys"], (count + 3, 0), "every key object, and keys/archive.age");
    assert_eq!(found["lantai.json"], (1, 0));
    assert!(
        found.keys().all(|part| ["keys", "lantai.json", "journal"].contains(&part.as_str())),
        "{found:?}"
    );
    assert_eq!((opened_by(&old, &objects), opened_by(&new, &objects)), (0, count + 2));
    let sealed = crate::server::files_below(&objects.join("keys")).into_iter();
    let sealed = sealed.max().unwrap();
    if let Some(opens) = stock_age(&dir.path().join("old.key"), &sealed) {
        assert!(!opens, "age opens a key object with the old key");
        assert_eq!(stock_age(&data.join("archive.key"), &sealed), Some(true));
        assert_eq!(stock_age(&dir.path().join("recovery.key"), &sealed), Some(true));
    }
    said(&lantai(&data, &["verify", "--full"]));
    let aside = std::fs::read_dir(&data)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("set-aside"));
    assert_eq!(aside.count(), 0, "records and index stay as they are");
    // The recovery key gives the new identity, and with it everything.
    let url = format!("file://{}", objects.display());
    let key = dir.path().join("recovery.key");
    said(&lantai(&dir.path().join("new"), &["restore", "--from", &url, "--key", key.to_str().unwrap()]));
    assert!(
        read_key_file(&dir.path().join("new/archive.key"), None).unwrap().identity.recipient()
            == new.recipient()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_half_way_is_finished() {
    rotation(300).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "some minutes: its figures stand in docs/benchmarks-keys.md"]
async fn a_rotation_over_ten_thousand_dossiers() {
    rotation(10_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_archive_key_is_rotated_and_stays_locked() {
    let dir = tempfile::tempdir().unwrap();
    let (data, secret) = (dir.path().join("data"), dir.path().join("passphrase"));
    std::fs::write(&secret, "correct horse battery\n").unwrap();
    with_dossiers(&data, 3, Some(secret.clone())).await;
    let before = std::fs::read(data.join("archive.key")).unwrap();
    let run =
        |args: &[&str]| program(&data).env("LANTAI_PASSPHRASE_FILE", &secret).args(args).output().unwrap();
    assert!(said(&run(&["keys", "rotate"])).contains("5 keys wrapped"));
    let after = std::fs::read(data.join("archive.key")).unwrap();
    assert!(after != before && after.starts_with(b"age-encryption.org/"));
    said(&run(&["verify", "--full"]));
    assert_eq!(lantai(&data, &["keys", "list"]).status.code(), Some(2), "not without the passphrase");
}

#[test]
fn recovery_recipients_come_and_go_and_the_last_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let first = dir.path().join("recovery.key");
    said(&lantai(&data, &["init", "--recovery-out", first.to_str().unwrap()]));
    let (first, second) = (read_key_file(&first, None).unwrap().identity, Identity::generate());
    let objects = data.join("objects");
    let run = |verb: &str, identity: &Identity| {
        lantai(&data, &["keys", "recovery", verb, &identity.recipient().to_string()])
    };
    assert_eq!(run("remove", &first).status.code(), Some(2), "the last one");
    assert_eq!(run("remove", &second).status.code(), Some(2), "an unknown one");
    said(&run("add", &second));
    assert_eq!(run("add", &second).status.code(), Some(2), "a known one");
    assert_eq!((opened_by(&first, &objects), opened_by(&second, &objects)), (3, 3));
    said(&run("remove", &first));
    assert_eq!((opened_by(&first, &objects), opened_by(&second, &objects)), (0, 3));
    let list: Value = serde_json::from_str(&said(&lantai(&data, &["--json", "keys", "list"]))).unwrap();
    assert_eq!(list["recovery_recipients"], json!([second.recipient().to_string()]));
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(objects.join("lantai.json")).unwrap()).unwrap();
    assert_eq!(manifest["recovery_recipients"], list["recovery_recipients"]);
    said(&lantai(&data, &["verify", "--full"]));
}

/// A store in memory that outlives the archives that are opened on it.
struct Bench {
    dir: tempfile::TempDir,
    objects: Objects,
    faults: Faults,
}

impl Bench {
    async fn new() -> Self {
        let config = Config::default();
        let (objects, faults) = Objects::open("memory:", &config.s3).await.unwrap().with_faults();
        Self { dir: tempfile::tempdir().unwrap(), objects, faults }
    }

    fn config(&self) -> Config {
        let mut config = Config { data: self.dir.path().join("data"), ..Config::default() };
        config.journal.patience_seconds = 1;
        config
    }

    async fn open(&self) -> App {
        let objects = self.objects.clone();
        App::open_on(self.config(), Clock::system(), objects, &|_, _| {}).await.unwrap().app
    }

    async fn keys(&self) -> Vec<(Key, Vec<u8>)> {
        let mut keys = Vec::new();
        for listed in self.objects.list(Prefix::Keys).await.unwrap() {
            let key = listed.key.unwrap();
            keys.push((key.clone(), self.objects.get_bytes(&key, 1 << 16).await.unwrap().to_vec()));
        }
        keys
    }
}

/// Every writing call of a rotation and of a change of recipients fails once, not done and done all the same; the archive is
/// left as a crash leaves it, opened again, and the change finished.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_fails_the_change_of_keys_is_finished() {
    let mut points = 0;
    for rotate in [true, false] {
        for fault in [Fault::Before, Fault::After] {
            for nth in 1.. {
                let bench = Bench::new().await;
                let recovery = Identity::generate();
                let fresh = App::init_on(
                    bench.config(),
                    Clock::system(),
                    Recovery::Recipients(vec![recovery.recipient()]),
                    bench.objects.clone(),
                )
                .await
                .unwrap();
                let app = fresh.opened.app;
                let dossiers = open_dossiers(&app, 3).await;
                let old = key(&bench.config().data).identity;
                let other = Identity::generate();
                let publisher = app.journal.clone();
                let publisher = tokio::spawn(async move { publisher.publish_forever().await });
                bench.faults.fail_nth(nth, fault);
                let by = archive_itself();
                let done = match rotate {
                    true => app.rotate_keys(by, &|_, _| {}).await,
                    false => {
                        app.change_recovery(by, &other.recipient(), Because::RecoveryAdded, &|_, _| {}).await
                    }
                };
                let reached = bench.faults.calls(Calls::Writes) >= nth;
                bench.faults.fail_nth(0, fault);
                publisher.abort();
                let _ = publisher.await;
                drop(app);
                if !reached {
                    assert!(done.is_ok());
                    break;
                }
                points += 1;

                let app = bench.open().await;
                let publisher = app.journal.clone();
                let publisher = tokio::spawn(async move { publisher.publish_forever().await });
                let was_unfinished = app.is_rewrapping().unwrap();
                app.finish_rewrapping(by, &|_, _| {}).await.unwrap();
                let changed = match rotate {
                    true => app.described().unwrap().archive_recipient != old.recipient().to_string(),
                    false => app.described().unwrap().recovery_recipients.len() == 2,
                };
                assert!(changed || (!was_unfinished && done.is_err()), "{rotate} {fault:?} {nth}");
                for (name, sealed) in bench.keys().await {
                    assert!(open(&recovery, &sealed).is_ok(), "{name:?}");
                    if rotate && changed {
                        assert!(open(&old, &sealed).is_err(), "{name:?} {fault:?} {nth}");
                    }
                    if !rotate && changed {
                        assert!(open(&other, &sealed).is_ok(), "{name:?} {fault:?} {nth}");
                    }
                }
                for dossier in dossiers {
                    app.keys.get(&Key::DossierKey(dossier)).await.unwrap();
                }
                publisher.abort();
                assert_eq!(app.verify(Depth::Full, &|_, _| {}).await.unwrap().problems, []);
                app.close().unwrap();
                drop(app);
                drop(bench.open().await);
            }
        }
    }
    println!("{points} points of failure");
    assert!(points > 40, "{points}");
}

/// The folder's own key is only a convenience: without it records and index are made again.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_local_key_costs_a_replay() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let config = with_dossiers(&data, 5, None).await;
    for damage in [None, Some(&b"age-encryption.org/v1\nno"[..])] {
        match damage {
            None => std::fs::remove_file(data.join("local.key.age")).unwrap(),
            Some(bytes) => std::fs::write(data.join("local.key.age"), bytes).unwrap(),
        }
        let opened = App::open(config.clone(), Clock::system(), &|_, _| {}).await.unwrap();
        assert!(opened.set_aside.iter().any(|path| path.to_string_lossy().contains("records")));
        assert!(opened.caught_up.replayed > 5);
        assert_eq!(opened.app.dossiers.all().count(), 5);
        opened.app.run_all_jobs().await.unwrap();
        assert_eq!(opened.app.verify(Depth::Full, &|_, _| {}).await.unwrap().problems, []);
        opened.app.close().unwrap();
    }
}
