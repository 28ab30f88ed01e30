//! An archive with everything that can be damaged, made once and copied for each case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::future::join_all;
use lantai::app::{App, Recovery};
use lantai::cli::Running;
use lantai::clock::Clock;
use lantai::config::Config;
use lantai::domain::Role;
use lantai::queue;
use tempfile::TempDir;

use crate::app::{Answer, Client, text, until};

/// A document and what must come back of it.
pub(super) struct Paper {
    pub(super) dossier: String,
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
    pub(super) word: String,
}

/// The archive, at rest.
pub(super) struct Sample {
    folder: TempDir,
    /// Another archive, whose objects are foreign here.
    pub(super) other: TempDir,
    pub(super) papers: Vec<Paper>,
    /// Entries in the log.
    pub(super) entries: u64,
    /// Of somebody who may see everything.
    pub(super) token: String,
    /// Objects as they were before, by path.
    pub(super) older: BTreeMap<String, Vec<u8>>,
}

/// A copy of the archive.
pub(super) struct Copy(TempDir);

fn config(folder: &Path) -> Config {
    let mut config = Config {
        data: folder.join("data"),
        objects: format!("file://{}", folder.join("bucket").display()),
        ..Config::default()
    };
    config.reading_program = Some(PathBuf::from(env!("CARGO_BIN_EXE_lantai")));
    config.verify.sample_seconds = 0;
    config
}

async fn init(folder: &Path) -> Running {
    let recovery = Recovery::NewKeyFile(folder.join("recovery.key"));
    let fresh = App::init(config(folder), Clock::system(), recovery).await.unwrap();
    Running::start(fresh.opened.app, "127.0.0.1:0").await.unwrap()
}

async fn person(running: &Running, name: &str, roles: &[&str]) -> (Client, String) {
    let roles = roles.iter().map(|role| Role::new(*role)).collect();
    let people = &running.app.people;
    let person = people.add(None, name, roles, None).await.unwrap();
    let token = people.make_token(person.id, person.id).await.unwrap().secret.to_string();
    (Client::new(&format!("http://{}", running.address), &token), token)
}

impl Sample {
    /// Two dossiers with three papers, and a log of more than one full tile.
    pub(super) async fn make() -> Self {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        init(other.path()).await.stop().await.unwrap();
        let running = init(folder.path()).await;
        let (li, _) = person(&running, "li", &["advisor"]).await;
        let (_, token) = person(&running, "zhao", &["gm"]).await;
        let zhao = running.app.people.by_name("zhao").unwrap().unwrap().id;
        join_all((0..250).map(|_| running.app.people.make_token(zhao, zhao))).await;
        let mut papers = Vec::new();
        for (number, customer) in ["甲", "甲", "乙"].into_iter().enumerate() {
            let dossier = match papers.first() {
                Some(Paper { dossier, .. }) if customer == "甲" => dossier.clone(),
                _ => li.open_dossier(customer).await,
            };
            papers.push(paper(&li, dossier, number).await);
        }
        let app = &running.app;
        let settled = || async {
            let health = app.journal.health();
            queue::len(&app.records).unwrap() == 0 && health.size == health.published
        };
        assert!(until(settled).await, "jobs or publishing do not come to an end");
        let older = older(&running, folder.path()).await;
        let entries = running.app.journal.health().size;
        running.stop().await.unwrap();
        Self { folder, other, papers, entries, token, older }
    }

    /// A fresh copy.
    pub(super) fn copy(&self) -> Copy {
        let copy = Copy(tempfile::tempdir().unwrap());
        copy_folder(self.folder.path(), copy.0.path());
        copy
    }
}

/// Lets the archive go on a little, and keeps the objects that are replaced by that.
async fn older(running: &Running, folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let before = files(&folder.join("bucket"));
    let li = running.app.people.by_name("li").unwrap().unwrap().id;
    // Two rounds, so that two earlier partial tiles lie beside the newest.
    for _ in 0..2 {
        running.app.people.make_token(li, li).await.unwrap();
    }
    let after = files(&folder.join("bucket"));
    before.into_iter().filter(|(path, bytes)| after.get(path).is_some_and(|now| now != bytes)).collect()
}

/// A paper of more than one sealed chunk, each of another length.
async fn paper(li: &Client, dossier: String, number: usize) -> Paper {
    let word = format!("麒麟{number}号");
    let bytes = format!("{word} 民事信托合同\n").repeat(4_000 + 100 * number).into_bytes();
    let request = li.upload_to(&dossier, "trust_contract", &[("filename", "a.txt")]);
    let id = text(&Answer::of(request.body(bytes.clone())).await.created()["id"]);
    Paper { dossier, id, bytes, word }
}

impl Copy {
    pub(super) fn config(&self) -> Config {
        config(self.0.path())
    }

    /// Where an object lies.
    pub(super) fn object(&self, path: &str) -> PathBuf {
        self.0.path().join("bucket").join(path)
    }

    /// All objects, by path.
    pub(super) fn bucket_files(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.0.path().join("bucket"))
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let paths = crate::server::files_below(folder);
    let name = |path: &Path| path.strip_prefix(folder).unwrap().display().to_string();
    // What is on its way is no object yet, and may be gone by now.
    let paths = paths.into_iter().filter(|path| !name(path).starts_with(".incoming"));
    paths.filter_map(|path| Some((name(&path), std::fs::read(&path).ok()?))).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
