//! Damage of what lies on the local disk: records and index are set aside and made again, Lantai says so, and nothing is
//! lost. It never fails to start because of it (docs/crash.md).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, Setting, files_below};

/// Places and bits that are tried for each kind of damage.
const SEEDS: u64 = 5;
/// A start that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// A small generator: the same damage for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % limit.max(1) as u64) as usize
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    OneBit,
    ManyBits,
    Zeroes,
    Truncated,
    Emptied,
    FileDeleted,
    FolderDeleted,
    FolderEmptied,
    OlderFile,
}

const ALL: [Damage; 9] = [
    Damage::OneBit,
    Damage::ManyBits,
    Damage::Zeroes,
    Damage::Truncated,
    Damage::Emptied,
    Damage::FileDeleted,
    Damage::FolderDeleted,
    Damage::FolderEmptied,
    Damage::OlderFile,
];

/// Does the damage to a folder; `older` is the same folder as it was before.
fn damage(folder: &Path, older: &Path, damage: Damage, dice: &mut Dice) {
    let mut files: Vec<PathBuf> =
        files_below(folder).into_iter().filter(|file| file.metadata().unwrap().len() > 0).collect();
    files.sort();
    let file = files[dice.below(files.len())].clone();
    let mut bytes = std::fs::read(&file).unwrap();
    match damage {
        Damage::OneBit | Damage::ManyBits => {
            for _ in 0..if damage == Damage::OneBit { 1 } else { 40 } {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }
        }
        Damage::Zeroes => {
            let from = dice.below(bytes.len());
            let to = (from + 4096).min(bytes.len());
            bytes[from..to].fill(0);
        }
        Damage::Truncated => bytes.truncate(dice.below(bytes.len())),
        Damage::Emptied => bytes.clear(),
        Damage::FileDeleted => return std::fs::remove_file(file).unwrap(),
        Damage::FolderDeleted => return std::fs::remove_dir_all(folder).unwrap(),
        Damage::FolderEmptied => {
            return files_below(folder).into_iter().for_each(|file| std::fs::remove_file(file).unwrap());
        }
        Damage::OlderFile => {
            let old = older.join(file.strip_prefix(folder).unwrap());
            bytes = std::fs::read(old).unwrap_or_default();
        }
    }
    std::fs::write(file, bytes).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for file in files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}

/// Runs a command; one that does not end is a failure.
fn run(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lantai"));
    command.args(arguments).current_dir(server.folder.path()).env("LANTAI_LOG_FILTER", "info");
    command.envs(server.setting.variables.iter().map(|(name, value)| (name, value)));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < LONGEST || child.kill().is_err(), "{arguments:?} does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// A server that was killed, with a folder that holds its data as they were somewhat before.
async fn killed() -> (Server, PathBuf) {
    let mut server = Server::new(Setting::default());
    let bucket = format!("file://{}", server.path("bucket").display());
    let data = server.path("lantai-data");
    server.stop();
    std::fs::rename(data.join("objects"), server.path("bucket")).unwrap();
    server.setting = server.setting.clone().with("LANTAI_OBJECTS", &bucket);
    server.start();
    let older = server.path("older");
    for round in 0..2 {
        let (li, wang) = (server.desk("li").await, server.desk("wang").await);
        for number in 0..6 {
            let dossier = li.dossier(&format!("客户欧阳{round}{number}")).await;
            let case = li.case(&dossier, 1).await;
            li.basket(&dossier, &case, 1).await;
            li.act(&case, "submit", json!({})).await.ok();
            let said = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1 });
            wang.act(&case, "return", said).await.ok();
        }
        wang.find("trust_contract", 6 * (round + 1)).await;
        // What was committed and not published would be lost with the records, and leave objects that nobody needs.
        server.settle().await;
        if round == 0 {
            server.kill();
            copy_folder(&data, &older);
            server.start();
        }
    }
    server.kill();
    (server, older)
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_records_and_index_are_set_aside_and_made_again() {
    let (mut server, older) = killed().await;
    let (data, good) = (server.path("lantai-data"), server.path("good"));
    copy_folder(&data, &good);
    let mut table: BTreeMap<(&str, Damage), BTreeMap<&str, u32>> = BTreeMap::new();
    for part in ["records", "index"] {
        for kind in ALL {
            if (part, kind) == ("index", Damage::OlderFile) {
                // An older file of the index is whole and authentic: it is made again when it is missed.
                continue;
            }
            let seeds = if matches!(kind, Damage::FolderDeleted | Damage::FolderEmptied) { 1 } else { SEEDS };
            for seed in 0..seeds {
                copy_folder(&good, &data);
                let mut dice = Dice(seed * 1_000 + kind as u64);
                damage(&data.join(part), &older.join(part), kind, &mut dice);
                let out = run(&server, &["user", "list"]);
                let said = String::from_utf8_lossy(&out.stderr);
                assert!(out.status.success(), "{part} {kind:?} {seed}: {said}");
                let checked = run(&server, &["verify"]);
                let found = String::from_utf8_lossy(&checked.stdout);
                let failed = String::from_utf8_lossy(&checked.stderr);
                assert!(checked.status.success(), "{part} {kind:?} {seed}: {said}{found}{failed}");
                let outcome = match () {
                    () if said.contains("set aside") => {
                        let aside = std::fs::read_dir(&data).unwrap().filter(|entry| {
                            let name = entry.as_ref().unwrap().file_name();
                            name.to_string_lossy().starts_with(&format!("{part}.set-aside-"))
                        });
                        assert_eq!(aside.count(), 1, "{part} {kind:?} {seed}: {said}");
                        "set aside, made again"
                    }
                    () if said.contains("replayed from the bucket") => "replayed from where it breaks off",
                    () if said.contains("made again") => "made again",
                    () => "nothing was needed",
                };
                *table.entry((part, kind)).or_default().entry(outcome).or_default() += 1;
            }
        }
    }
    println!("| folder | damage | what Lantai did |\n| --- | --- | --- |");
    for ((part, kind), outcomes) in &table {
        let outcomes: Vec<String> = outcomes.iter().map(|(what, count)| format!("{what}: {count}")).collect();
        println!("| {part} | {kind:?} | {} |", outcomes.join("; "));
    }
    // A start that died while it opened the records does not die of them again.
    copy_folder(&good, &data);
    std::fs::write(data.join("lock"), "opening\n").unwrap();
    let out = run(&server, &["user", "list"]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && said.contains("did not survive opening"), "{said}");
    // And through the door: the server comes up, says what it did, and finds what it found.
    copy_folder(&good, &data);
    for part in ["records", "index"] {
        for file in files_below(&data.join(part)) {
            let mut bytes = std::fs::read(&file).unwrap();
            bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 0x55);
            std::fs::write(file, bytes).unwrap();
        }
    }
    server.start();
    let ready: Value = reqwest::get(format!("{}/readyz", server.base)).await.unwrap().json().await.unwrap();
    assert_eq!((&ready["records"], &ready["index"]), (&json!("ok"), &json!("ok")), "{ready}");
    let metrics = reqwest::get(format!("{}/metrics", server.base)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\nlantai_set_aside 2\n"), "{metrics}");
    let wang = server.desk("wang").await;
    wang.find("trust_contract", 12).await;
    assert_eq!(wang.points("li").await, 12);
    server.stop();
    let out = server.run(&["verify", "--full"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}
