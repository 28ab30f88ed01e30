//! Restoring as a drill: beside a running server, interrupted, compared, and from what is left of a damaged bucket.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use lantai::vault::{Identity, read_key_file};
use serde_json::{Value, json};

use crate::app::pdf;
use crate::garage::Garage;
use crate::server::{Server, Setting, files_below};

/// The report of a restore that went through, with its exit code.
#[track_caller]
fn report(out: &Output) -> (Value, i32) {
    let told = serde_json::from_slice(&out.stdout);
    assert!(told.is_ok(), "no report: {}", String::from_utf8_lossy(&out.stderr));
    (told.unwrap(), out.status.code().unwrap())
}

/// It could not be done, for this reason.
#[track_caller]
fn refused(out: &Output, reason: &str) {
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(2) && said.contains(reason), "{:?} {said}", out.status);
}

/// Hands in text files and PDFs without a server, and returns when they are all durable.
fn put(server: &Server, dossier: &str, from: usize, to: usize) {
    let folder = server.path("papers");
    std::fs::create_dir_all(&folder).unwrap();
    let names: Vec<String> = (from..to).map(|number| format!("papers/{number:05}")).collect();
    for (number, name) in (from..to).zip(&names) {
        let bytes = match number % 8 {
            0 => pdf(&[&format!("民事信托合同 编号 {number:05}")]),
            _ => format!("银行打款回执单 编号 {number:05}").into_bytes(),
        };
        std::fs::write(server.path(name), bytes).unwrap();
    }
    let fixed = ["put", "--as", "li", "--dossier", dossier, "--kind", "trust_contract", "--at-once", "16"];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let out = server.run(&[&fixed, names.as_slice()].concat());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Writes a token of an auditor's for `--token-file`.
fn auditors_token(server: &Server) {
    let out = server.run(&["token", "create", "--name", "drill", "--role", "auditor"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    std::fs::write(server.path("token"), out.stdout).unwrap();
}

/// A served archive of `documents` papers in two dossiers, with a case that was returned once, at rest.
async fn archive(setting: Setting, documents: usize) -> Server {
    let mut server = Server::new(setting);
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    let (first, second) = (li.dossier("欧阳修远").await, li.dossier("司马相如").await);
    let case = li.case(&first, 1).await;
    li.basket(&first, &case, 1).await;
    li.act(&case, "submit", json!({})).await.ok();
    let said = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1, "note": "缺身份证" });
    wang.act(&case, "return", said).await.ok();
    server.stop();
    put(&server, &first, 0, documents / 2);
    put(&server, &second, documents / 2, documents - 6);
    auditors_token(&server);
    server.start();
    server.settle().await;
    server
}

/// A drill beside the running server, whose bucket is at `url`.
async fn the_drill_finds_no_difference(mut server: Server, url: &str, documents: u64) {
    let before = server.bucket_state();
    let base = server.base.clone();
    let fixed = ["restore", "--from", url, "--key", "recovery.key", "--token-file", "token", "--json"];
    let restore = |server: &Server, more: &[&str]| report(&server.run(&[fixed.as_slice(), more].concat()));
    let (told, code) = restore(&server, &["--data", "copy", "--compare", &base]);
    assert_eq!((code, &told["differences"]), (0, &json!([])), "{told:#}");
    assert_eq!(told["totals"]["documents"], documents);
    assert_eq!(told["totals"]["cases"], json!({ "customer-intake": { "correction": 1 } }));
    assert_eq!(told["totals"]["penalty_points"].as_object().unwrap().values().next(), Some(&json!(1)));
    assert_eq!((&told["replayed"], &told["gaps"]), (&told["totals"]["entries"], &json!({})));
    assert!(told["documents_per_second"].as_f64().unwrap() > 1.0);
    assert!(told["to_index"].as_u64().unwrap() >= documents, "search is said to be still to come");
    println!("{documents} documents: {} a second", told["documents_per_second"]);

    // Nothing is left to be replayed; the index is made when that is wanted.
    let (told, code) = restore(&server, &["--data", "copy", "--server", &base, "--index"]);
    assert_eq!(
        (code, &told["replayed"], &told["to_index"], &told["to_read"]),
        (0, &json!(0), &json!(0), &json!(0))
    );

    // What happens meanwhile is told.
    std::fs::copy(server.path("copy/archive.key"), server.path("key.before")).unwrap();
    let noted = serde_json::to_string(&told["totals"]).unwrap();
    std::fs::write(
        server.path("totals.json"),
        noted.replace(&format!("\"documents\":{documents}"), "\"documents\":1"),
    )
    .unwrap();
    let (told, code) = restore(&server, &["--data", "copy", "--compare", "totals.json"]);
    assert_eq!(code, 1);
    assert_eq!(told["differences"], json!([{ "figure": "documents", "here": documents, "there": 1 }]));
    assert_eq!(server.bucket_state(), before, "a drill only reads");

    // The server goes, and the copy is worked on in its place.
    server.stop();
    std::fs::remove_dir_all(server.path("lantai-data/records")).unwrap();
    std::fs::rename(server.path("copy"), server.path("lantai-copy")).unwrap();
    server.setting = server.setting.clone().with("LANTAI_OBJECTS", url).with("LANTAI_DATA", "lantai-copy");
    server.start();
    let wang = server.desk("wang").await;
    assert_eq!(
        wang.search("编号 00003").await["total"],
        1,
        "found at once: the index was made by the restore"
    );
    assert_eq!(wang.search("民事信托合同").await["total"], documents / 8);
    let dossiers = wang.get("/api/v1/dossiers").await.ok();
    li_can_go_on(&server, dossiers["entries"][0]["id"].as_str().unwrap()).await;
    server.stop();
    let out = server.run(&["verify"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

async fn li_can_go_on(server: &Server, dossier: &str) {
    let li = server.desk("li").await;
    li.upload(&[("dossier", dossier), ("kind", "person_id")], b"after the restore".to_vec()).await.ok();
    server.settle().await;
}

#[tokio::test]
async fn a_drill_beside_a_server_with_a_folder() {
    let server = archive(Setting::default(), 320).await;
    let url = format!("file://{}", server.path("lantai-data/objects").display());
    the_drill_finds_no_difference(server, &url, 320).await;
}

#[tokio::test]
async fn a_drill_beside_a_server_with_garage() {
    let Some(garage) = Garage::start() else { return };
    let server = archive(garage.setting("drill"), 320).await;
    the_drill_finds_no_difference(server, &garage.url("drill"), 320).await;
}

#[tokio::test]
async fn a_server_that_goes_on_is_caught_up_with_and_strangers_learn_nothing() {
    let server = archive(Setting::default(), 20).await;
    let url = format!("file://{}", server.path("lantai-data/objects").display());
    let base = server.base.clone();
    let restore = [
        "restore",
        "--from",
        &url,
        "--key",
        "recovery.key",
        "--data",
        "copy",
        "--json",
        "--token-file",
        "token",
    ];
    let (told, _) = report(&server.run(&restore));
    let li = server.desk("li").await;
    let dossier = li.dossier("诸葛孔明").await;
    li.upload(&[("dossier", &dossier), ("kind", "person_id")], b"new".to_vec()).await.ok();
    server.settle().await;
    let (later, code) = report(&server.run(&[&restore[..], &["--compare", &base]].concat()));
    assert_eq!((code, &later["differences"]), (0, &json!([])), "{later:#}");
    let new = later["totals"]["entries"].as_u64().unwrap() - told["totals"]["entries"].as_u64().unwrap();
    assert_eq!((later["replayed"].as_u64(), &later["totals"]["dossiers"]), (Some(new), &json!(3)));
    li.get("/api/v1/totals").await.is(403, "forbidden");
    for name in ["audit", "zhao"] {
        let totals = server.desk(name).await.get("/api/v1/totals").await.ok();
        assert_eq!(totals["documents"], 21);
    }
    std::fs::write(server.path("token"), "not a token").unwrap();
    refused(&server.run(&[&restore[..], &["--compare", &base]].concat()), "401");
}

/// An archive that is not served, of which every test takes a copy of the bucket to damage.
struct Left {
    server: Server,
    bucket: PathBuf,
}

impl Left {
    async fn of(documents: usize) -> Self {
        let mut server = archive(Setting::default(), documents).await;
        server.stop();
        let bucket = server.path("lantai-data/objects");
        Self { server, bucket }
    }

    /// A copy of the bucket.
    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.server.path(name);
        let done = Command::new("cp").arg("-a").args([&self.bucket, &copy]).status().unwrap();
        assert!(done.success());
        copy
    }

    fn restore(&self, bucket: &Path, data: &str) -> Output {
        let url = format!("file://{}", bucket.display());
        self.server.run(&["restore", "--from", &url, "--key", "recovery.key", "--data", data, "--json"])
    }

    /// Restores from a copy of the bucket without these objects.
    fn without(&self, name: &str, objects: &[&str]) -> (Value, i32) {
        let bucket = self.copy(name);
        for object in objects {
            std::fs::remove_file(bucket.join(object)).unwrap();
        }
        report(&self.restore(&bucket, &format!("{name}-data")))
    }
}

#[tokio::test]
async fn what_is_left_of_an_archive_comes_back() {
    let left = Left::of(900).await;
    let (whole, code) = left.without("whole", &[]);
    assert_eq!(code, 0, "{whole:#}");
    let entries = whole["totals"]["entries"].as_u64().unwrap();
    let documents = whole["totals"]["documents"].as_u64().unwrap();

    // Payloads: their entries make no rows, nor do those that rest on them; all others do.
    let payloads = files_below(&left.bucket.join("journal/sealed"));
    let name = |path: &PathBuf| path.strip_prefix(&left.bucket).unwrap().display().to_string();
    let largest = payloads.iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let (told, code) = left.without("payloads", &[&name(largest)]);
    let lost = told["gaps"]["without_payload"]["count"].as_u64().unwrap();
    let file = largest.file_stem().unwrap().to_str().unwrap().to_owned();
    assert_eq!((code, lost), (1, file.split_once('-').unwrap().1.parse().unwrap()), "{told:#}");
    assert_eq!(
        (&told["totals"]["entries"], &told["totals"]["root"]),
        (&whole["totals"]["entries"], &whole["totals"]["root"])
    );
    let found = told["totals"]["documents"].as_u64().unwrap();
    assert!(found < documents && found >= documents - lost, "{found} of {documents}");

    // A bundle of entries: their hashes are in the tile, so the log after them comes back.
    let (told, code) = left.without("bundle", &["journal/tile/entries/001"]);
    assert_eq!(
        (code, &told["gaps"]["lost"]),
        (1, &json!({ "count": 256, "entries": ["256-511"] })),
        "{told:#}"
    );
    assert_eq!(told["totals"]["root"], whole["totals"]["root"]);
    assert!(told["totals"]["documents"].as_u64().unwrap() > documents - 300);

    // The newest bundle: an older one, published before it was full, has most of it.
    let newest = format!("journal/tile/entries/{:03}.p/{}", entries / 256, entries % 256);
    let older = files_below(&left.bucket.join(format!("journal/tile/entries/{:03}.p", entries / 256)));
    let width = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    let second = older.iter().map(width).filter(|width| *width < entries % 256).max().unwrap_or_default();
    let (told, code) = left.without("newest", &[&newest]);
    assert_eq!((code, told["gaps"]["lost"]["count"].as_u64()), (1, Some(entries % 256 - second)), "{told:#}");

    // A bundle and its tile: there the log ends.
    let (told, code) = left.without("end", &["journal/tile/entries/001", "journal/tile/0/001"]);
    let partial = files_below(&left.bucket.join("journal/tile/entries/001.p"));
    let kept = partial.iter().map(width).max().unwrap_or_default();
    assert_eq!((code, told["ended_at"].as_u64()), (1, Some(256 + kept)), "{told:#}");
    assert_eq!(told["totals"]["entries"], 256 + kept);

    // Hash tiles alone cost nothing; a key costs what was sealed with it; originals are counted.
    let (told, code) =
        left.without("tiles", &["journal/tile/0/000", &format!("journal/tile/1/000.p/{}", entries / 256)]);
    let tiles = json!(["journal/tile/0/000", format!("journal/tile/1/000.p/{}", entries / 256)]);
    assert_eq!((code, &told["tiles_missing"], &told["totals"]), (1, &tiles, &whole["totals"]));
    let dossier = files_below(&left.bucket.join("documents")).remove(0);
    let dossier =
        dossier.strip_prefix(left.bucket.join("documents")).unwrap().iter().next().unwrap().to_owned();
    let key = format!("keys/{}.age", dossier.to_str().unwrap());
    let (told, _) = left.without("key", &[&key]);
    assert!(told["gaps"]["without_key"]["count"].as_u64().unwrap() > 100, "{told:#}");
    assert_eq!(told["totals"]["dossiers"], 1);
    let original =
        files_below(&left.bucket.join("documents")).into_iter().find(|path| path.ends_with("original.age"));
    let (told, code) = left.without("original", &[&name(&original.unwrap())]);
    assert_eq!((code, &told["originals_missing"]), (1, &json!(1)));

    // Without these there is no archive.
    for object in ["keys/archive.age", "keys/journal.age", "keys/log.age", "journal/checkpoint"] {
        let bucket = left.copy("essential");
        std::fs::remove_file(bucket.join(object)).unwrap();
        refused(&left.restore(&bucket, "essential-data"), object);
        std::fs::remove_dir_all(bucket).unwrap();
    }
}

#[tokio::test]
async fn a_restore_that_was_killed_goes_on() {
    let left = Left::of(1_000).await;
    let bucket = left.copy("slow");
    // A pipe that nobody writes into: whoever reads the bundle waits, and the restore is half-way.
    let waiting = bucket.join("journal/tile/entries/006");
    std::fs::rename(&waiting, left.server.path("bundle")).unwrap();
    assert!(Command::new("mkfifo").arg(&waiting).status().unwrap().success());
    let url = format!("file://{}", bucket.display());
    let restore = ["restore", "--from", &url, "--key", "recovery.key", "--data", "copy", "--json"];
    let mut child = left.server.command(&restore).stdout(Stdio::null()).spawn().unwrap();
    // Whatever of it is durable: the entries before the pipe take far less time.
    std::thread::sleep(Duration::from_secs(6));
    assert!(child.try_wait().unwrap().is_none(), "it waits for the bundle");
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(&waiting).unwrap();
    std::fs::rename(left.server.path("bundle"), &waiting).unwrap();
    let (told, code) = report(&left.server.run(&restore));
    let (replayed, entries) =
        (told["replayed"].as_u64().unwrap(), told["totals"]["entries"].as_u64().unwrap());
    assert_eq!(
        (code, &told["totals"]["documents"], &told["gaps"]),
        (0, &json!(1_000), &json!({})),
        "{told:#}"
    );
    assert!(replayed + 1_024 <= entries, "{replayed} of {entries} entries were replayed again");
    let (whole, _) = report(&left.restore(&left.bucket, "whole"));
    assert_eq!(told["totals"], whole["totals"]);
    println!("killed half-way: {replayed} of {entries} entries were left to be replayed");
}

#[tokio::test]
async fn what_cannot_be_restored_is_said() {
    let left = Left::of(20).await;
    let server = &left.server;
    let from = |bucket: &Path, key: &str, data: &str| {
        let url = format!("file://{}", bucket.display());
        server.run(&["restore", "--from", &url, "--key", key, "--data", data])
    };
    let stranger = server.path("stranger.key");
    Identity::generate().write_file(&stranger, None, "").unwrap();
    refused(&from(&left.bucket, "stranger.key", "copy"), "not a recovery key");
    refused(&from(&left.bucket, "missing.key", "copy"), "missing.key");
    std::fs::write(server.path("text.key"), "no key").unwrap();
    refused(&from(&left.bucket, "text.key", "copy"), "can be read by others");
    assert!(!server.path("copy").exists(), "nothing was made");

    let empty = server.path("empty");
    refused(&from(&empty, "recovery.key", "copy"), "it is empty");
    assert!(!empty.exists(), "a mistyped folder is not made");
    std::fs::create_dir(&empty).unwrap();
    refused(&from(&empty, "recovery.key", "copy"), "it is empty");
    std::fs::write(empty.join("letter.txt"), "no archive").unwrap();
    refused(&from(&empty, "recovery.key", "copy"), "no lantai.json");
    std::fs::write(empty.join("lantai.json"), "{}").unwrap();
    refused(&from(&empty, "recovery.key", "copy"), "not that of an archive");

    // The folder of another archive, and one that a server has open.
    let other = Server::new(Setting::default());
    let data = other.path("lantai-data").display().to_string();
    refused(&from(&left.bucket, "recovery.key", &data), "another archive");
    let own = format!("file://{}", other.path("lantai-data/objects").display());
    refused(&other.run(&["restore", "--from", &own, "--key", "recovery.key"]), "another Lantai works on");

    // A recovery key behind a passphrase.
    let recovery = read_key_file(&server.path("recovery.key"), None).unwrap().identity;
    let manifest = std::fs::read(left.bucket.join("lantai.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let log = manifest["log_verifier_key"].as_str().unwrap().to_owned();
    let passphrase = "correct horse battery staple".to_owned().into();
    recovery.write_file(&server.path("locked.key"), Some(&passphrase), &log).unwrap();
    std::fs::write(server.path("wrong"), "wrong\n").unwrap();
    std::fs::write(server.path("right"), "correct horse battery staple\n").unwrap();
    let url = format!("file://{}", left.bucket.display());
    let locked = |more: &[&str]| {
        server.run(&[&["restore", "--from", &url, "--key", "locked.key", "--data", "copy"], more].concat())
    };
    refused(&locked(&["--key-passphrase-file", "wrong"]), "passphrase is missing or wrong");
    let out = locked(&["--key-passphrase-file", "right"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(said.contains("documents               20\n") && said.contains("not searchable yet"), "{said}");
}
