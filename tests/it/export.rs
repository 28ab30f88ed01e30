//! `lantai export`: what it makes is a bag for programs that are not ours, and what is in it is what was archived.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lantai::clock::Clock;
use lantai::domain::Sha256Digest;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, lantai, pdf, said, text};
use crate::log::{entries, size_of};
use crate::python::{python_with, run_python};
use crate::server::{Server, Setting, files_below};

/// Names that a scanner or a malicious sender might give.
fn odd_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "民事信托合同 第一份.pdf",
        "100%.pdf",
        "%0A%2e.txt",
        "a\nb\r\nc.txt",
        "same.txt",
        "same.txt",
        "SAME.TXT",
        " leading and trailing ",
        "-rf",
        "back\\slash.txt",
        "right\u{202e}txt.exe",
        "tab\there.txt",
        ".hidden",
        "名字*?<>|:\".tif",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("长".repeat(80) + ".pdf");
    names.push("x".repeat(250));
    names
}

fn metadata(bag: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(bag.join("data/metadata.json")).unwrap()).unwrap()
}

/// `sha256sum -c` or `sha512sum -c` over everything that the manifest lists.
fn check_sums(bag: &Path, algorithm: &str) -> Output {
    let arguments = ["-c", "--strict", "--quiet", &format!("manifest-{algorithm}.txt")].map(str::to_owned);
    Command::new(format!("{algorithm}sum")).args(arguments).current_dir(bag).output().unwrap()
}

/// The three judges of a bag: the Library of Congress's program, coreutils, and the verifier of proofs.
struct Judges {
    python: PathBuf,
    key: String,
}

impl Judges {
    fn verdicts(&self, bag: &Path) -> Vec<(&'static str, Output)> {
        let folder = bag.to_str().unwrap();
        let bagit = Command::new(&self.python).args(["-m", "bagit", "--validate", folder]).output().unwrap();
        let proofs = run_python(&self.python, "tests/verify_bag.py", &[folder, "--key", &self.key]);
        vec![
            ("bagit", bagit),
            ("sha256sum", check_sums(bag, "sha256")),
            ("sha512sum", check_sums(bag, "sha512")),
            ("proofs", proofs),
        ]
    }

    #[track_caller]
    fn accept(&self, bag: &Path) {
        for (judge, out) in self.verdicts(bag) {
            assert!(out.status.success(), "{judge}: {}", String::from_utf8_lossy(&out.stderr));
        }
    }

    /// Those that refuse.
    fn refusing(&self, bag: &Path) -> Vec<&'static str> {
        let refusing = self.verdicts(bag).into_iter().filter(|(_, out)| !out.status.success());
        refusing.map(|(judge, _)| judge).collect()
    }
}

#[tokio::test]
async fn a_bag_is_valid_for_foreign_programs_whatever_the_files_are_called() {
    let Some(python) = python_with("bagit, cryptography", "bagit") else { return };
    let mut server = Server::new(Setting::default());
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    let dossier = li.dossier("欧阳修远").await;
    let case = li.case(&dossier, 1).await;
    li.basket(&dossier, &case, 1).await;
    li.act(&case, "submit", json!({})).await.ok();
    let failing =
        json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1, "note": "缺身份证" });
    wang.act(&case, "return", failing).await.ok();
    let through_door = json!({ "dossier": dossier, "kind": "person_id", "filename": "../../../etc/passwd" });
    let query: Vec<(&str, &str)> = through_door
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    li.upload(&query, b"through the door".to_vec()).await.ok();
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    li.upload(&[("dossier", &dossier), ("kind", "trust_contract")], large).await.ok();
    server.stop();
    let folder = server.path("odd");
    std::fs::create_dir(&folder).unwrap();
    for (number, name) in odd_names().iter().enumerate() {
        let place = folder.join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join(name), format!("{number} {name:?}")).unwrap();
        let file = place.join(name).display().to_string();
        let out =
            server.run(&["put", "--dossier", &dossier, "--kind", "person_id", "--as", "li", "--", &file]);
        assert!(out.status.success(), "{name:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
    let judges = Judges { python, key: server.path("lantai-data/objects/lantai.json").display().to_string() };

    let out = server.run(&["export", &dossier, "--to", "bag"]);
    print!("{}", said(&out));
    assert!(said(&out).contains("not encrypted"));
    let bag = server.path("bag");
    judges.accept(&bag);
    let about = metadata(&bag);
    check_documents(&server, &bag, &about);
    assert_eq!(
        (&about["dossier"]["facts"]["name"], &about["dossier"]["adviser"]),
        (&json!("欧阳修远"), &json!("li"))
    );
    let case = &about["cases"][0];
    assert_eq!((&case["state"], &case["history"][1]["action"]), (&json!("correction"), &json!("submit")));
    assert_eq!(case["history"][2]["input"]["note"], "缺身份证");
    assert_eq!((&about["penalties"][0]["points"], &about["exported_by"]), (&json!(1), &json!("operator")));
    let info = std::fs::read_to_string(bag.join("bag-info.txt")).unwrap();
    assert!(
        info.contains(&format!("External-Identifier: {dossier}\n")) && info.contains("Payload-Oxum: "),
        "{info}"
    );
    for path in files_below(&bag).iter().chain([&bag, &bag.join("data")]) {
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }

    refusals(&mut server, &dossier);
    damage(&judges, &bag, &about);
    through_a_server(&mut server, &judges, &dossier, &about).await;
    everything_is_in_the_log(&mut server, about["documents"].as_array().unwrap().len());
}

/// Every document is there, under a name of its own in the one folder, with the content that was handed in.
fn check_documents(server: &Server, bag: &Path, about: &Value) {
    let documents = about["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 6 + 2 + odd_names().len());
    let mut names: Vec<String> =
        documents.iter().map(|document| text(&document["path"]).to_lowercase()).collect();
    for document in documents {
        let path = text(&document["path"]);
        assert!(path.starts_with("documents/") && path.matches('/').count() == 1, "{path:?}");
        assert!(!path.contains(['\n', '\r', '%', '\\', '\u{202e}']) && path.len() < 256, "{path:?}");
        let bytes = std::fs::read(bag.join("data").join(&path)).unwrap();
        assert_eq!(Sha256Digest::of(&bytes).to_string(), text(&document["sha256"]), "{path}");
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), documents.len(), "no two names are the same, whatever the case");
    for (number, name) in odd_names().iter().enumerate() {
        let found = documents.iter().find(|document| {
            std::fs::read_to_string(bag.join("data").join(text(&document["path"])))
                .is_ok_and(|content| content.starts_with(&format!("{number} \"")))
        });
        assert_eq!(found.unwrap()["filename"], name.as_str(), "the name that it had is in the metadata");
    }
    let outside: Vec<PathBuf> =
        files_below(server.folder.path()).into_iter().filter(|path| path.ends_with("passwd")).collect();
    assert!(outside.is_empty(), "{outside:?}");
}

/// What is refused makes no folder.
fn refusals(server: &mut Server, dossier: &str) {
    std::fs::create_dir(server.path("taken")).unwrap();
    let other = "0000000000000000000000000a";
    for (arguments, why) in [
        (vec!["export", dossier, "--to", "bag"], "is there already"),
        (vec!["export", dossier, "--to", "taken"], "is there already"),
        (vec!["export", dossier, "--to", "new", "--as", "li"], "no policy permits"),
        (vec!["export", dossier, "--to", "new", "--as", "chen"], "no policy permits"),
        (vec!["export", dossier, "--to", "new", "--as", "nobody"], "nobody named"),
        (vec!["export", other, "--to", "new"], "no such dossier"),
        (vec!["export", "x", "--to", "new"], "not an id"),
        (vec!["export", dossier, "--to", "new", "--as-of", "2001-02-03"], "not opened yet"),
        (vec!["export", dossier, "--to", "new", "--as-of", "yesterday"], "--as-of"),
        (vec!["export", dossier, "--to", "none/new"], "none"),
    ] {
        let out = server.run(&arguments);
        let complaint = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && complaint.contains(why), "{arguments:?}: {complaint}");
    }
    assert!(server.run(&["export", dossier, "--to", "by-wang", "--as", "wang"]).status.success());
    assert_eq!(metadata(&server.path("by-wang"))["exported_by"], "wang");
    let left: Vec<String> = std::fs::read_dir(server.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("unfinished") || name == "new")
        .collect();
    assert_eq!(left, [""; 0]);
}

/// A changed byte is refused by each judge whose business it is.
fn damage(judges: &Judges, bag: &Path, about: &Value) {
    let document = &about["documents"][0];
    let (id, path) = (text(&document["id"]), text(&document["path"]));
    for (file, at, expected) in [
        (format!("data/{path}"), 3, vec!["bagit", "sha256sum", "sha512sum", "proofs"]),
        (format!("data/proofs/{id}.tlog-proof"), 60, vec!["bagit", "sha256sum", "sha512sum", "proofs"]),
        (format!("data/proofs/{id}.entry.json"), 50, vec!["bagit", "sha256sum", "sha512sum", "proofs"]),
        ("data/proofs/checkpoint".into(), 40, vec!["bagit", "sha256sum", "sha512sum"]),
        ("bag-info.txt".into(), 20, vec!["bagit"]),
    ] {
        let file = bag.join(file);
        let intact = std::fs::read(&file).unwrap();
        let mut bytes = intact.clone();
        bytes[at] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(judges.refusing(bag), expected, "{}", file.display());
        std::fs::write(&file, intact).unwrap();
    }
    judges.accept(bag);
}

/// The same through a server, for whoever may; and for nobody else.
async fn through_a_server(server: &mut Server, judges: &Judges, dossier: &str, about: &Value) {
    server.start();
    let base = server.base.clone();
    for (name, code) in [("li", 2), ("chen", 2), ("zhao", 0)] {
        let desk = server.desk(name).await;
        std::fs::write(server.path("token"), &desk.token).unwrap();
        let to = format!("from-{name}");
        let out = server.run(&[
            "export",
            dossier,
            "--to",
            &to,
            "--server",
            &base,
            "--token-file",
            "token",
            "--json",
        ]);
        assert_eq!(out.status.code(), Some(code), "{name}: {}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(server.path(&to).exists(), code == 0);
        if code != 0 {
            desk.get(&format!("/api/v1/dossiers/{dossier}/export")).await.is(403, "forbidden");
            let document = text(&about["documents"][0]["id"]);
            desk.get(&format!("/api/v1/dossiers/{dossier}/export/{document}")).await.is(403, "forbidden");
        }
    }
    let zhao = server.desk("zhao").await;
    let other = server.desk("li").await.dossier("另一客户").await;
    let document = text(&about["documents"][0]["id"]);
    zhao.get(&format!("/api/v1/dossiers/{other}/export/{document}")).await.is(404, "unknown_document");
    zhao.get(&format!("/api/v1/dossiers/{dossier}/export?as_of=soon")).await.is(400, "bad_request");
    zhao.get(&format!("/api/v1/dossiers/{dossier}/export?as_of=2001-02-03")).await.is(422, "not_opened_yet");
    server.stop();
    judges.accept(&server.path("from-zhao"));
    let mut theirs = metadata(&server.path("from-zhao"));
    assert_eq!(theirs["exported_by"], "zhao");
    let mut ours = about.clone();
    for about in [&mut theirs, &mut ours] {
        about["exported_by"].take();
        about["exported_at"].take();
    }
    assert_eq!(theirs, ours);
}

/// Who took what out: three exports, each with an entry for every document.
fn everything_is_in_the_log(server: &mut Server, documents: usize) {
    let journal = server.path("lantai-data/objects/journal");
    let size = size_of(&std::fs::read_to_string(journal.join("checkpoint")).unwrap());
    let entries = entries(&journal, size);
    let count =
        |kind: &str| entries.iter().filter(|entry| String::from_utf8_lossy(entry).contains(kind)).count();
    assert_eq!(count("\"kind\":\"dossier.exported\""), 3);
    assert_eq!(count("\"kind\":\"document.exported\""), 3 * documents);
    assert!(server.run(&["verify", "--full"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dossier_is_exported_as_it_was_at_the_end_of_a_day() {
    let (clock, hands) = Clock::fixed("2026-03-02T02:00:00Z".parse().unwrap());
    let app = TestApp::start_at(clock).await;
    let at = |time: &str| hands.set(time.parse().unwrap());
    let dossier = {
        let li = app.sign_in("li").await;
        let dossier = li.open_dossier("客户甲").await;
        let case = li.start_case(&dossier, 1).await;
        li.upload(&case, "trust_contract", pdf(&["民事信托合同"])).await;
        // The last moment of the day in Shanghai, and the first one of the next.
        at("2026-03-02T15:59:59Z");
        let li = app.sign_in("li").await;
        li.upload(&case, "risk_statement", pdf(&["风险申明书"])).await;
        at("2026-03-02T16:00:00Z");
        let loose =
            Answer::of(li.upload_to(&dossier, "person_id", &[]).body(pdf(&["居民身份证"]))).await.created();
        // It is put into the basket a day after it came.
        at("2026-03-04T02:00:00Z");
        let li = app.sign_in("li").await;
        let case = li.act(&case, "submit", json!({ "documents": [loose["id"]] })).await.ok();
        at("2026-03-05T02:00:00Z");
        let wang = app.sign_in("wang").await;
        let failing = json!({ "reason": "missing", "documents": ["bank_receipt"], "contracts": 1 });
        wang.act(&case, "return", failing).await.ok();
        dossier
    };
    app.settle().await;
    let zhao = app.sign_in("zhao").await;
    let export = |query: &'static str| {
        let (zhao, path) = (zhao.clone(), format!("/api/v1/dossiers/{dossier}/export{query}"));
        async move { zhao.get(&path).await }
    };
    export("?as_of=2026-03-01").await.problem(422, "not_opened_yet");
    for (date, documents, basket, state, happened, points) in [
        ("?as_of=2026-03-02", 2, 2, "draft", 1, vec![]),
        ("?as_of=2026-03-03", 3, 2, "draft", 1, vec![]),
        ("?as_of=2026-03-04", 3, 3, "review", 2, vec![]),
        ("?as_of=2026-03-05", 3, 3, "correction", 3, vec![1]),
    ] {
        let then = export(date).await.ok()["metadata"].clone();
        let (case, length) = (&then["cases"][0], |value: &Value| value.as_array().unwrap().len());
        assert_eq!(length(&then["documents"]), documents, "{date}");
        assert_eq!((length(&case["documents"]), length(&case["history"])), (basket, happened), "{date}");
        assert_eq!(case["state"], state, "{date}");
        let charged: Vec<i64> = then["penalties"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["points"].as_i64().unwrap())
            .collect();
        assert_eq!(charged, points, "{date}");
        assert_eq!(then["as_of"], date.strip_prefix("?as_of=").unwrap());
    }
    let (mut now, mut then) = (export("").await.ok(), export("?as_of=2026-03-05").await.ok());
    for export in [&mut now, &mut then] {
        export["metadata"]["as_of"].take();
        export["checkpoint"].take();
        export["proofs"].take();
    }
    assert_eq!(now, then, "replaying the whole of it gives what there is");

    let token = app.dir.path().join("token");
    std::fs::write(&token, &zhao.token).unwrap();
    let data = app.dir.path().join("client");
    let bag = app.dir.path().join("bag");
    let (bag_name, token) = (bag.display().to_string(), token.display().to_string());
    let arguments = [
        "export",
        &dossier,
        "--to",
        &bag_name,
        "--as-of",
        "2026-03-02",
        "--server",
        &app.base,
        "--token-file",
        &token,
    ];
    let program = data.clone();
    let arguments = arguments.map(str::to_owned);
    let out = tokio::task::spawn_blocking(move || {
        lantai(&program, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    said(&out.await.unwrap());
    let files = files_below(&bag.join("data/documents"));
    assert_eq!((files.len(), metadata(&bag)["as_of"].as_str()), (2, Some("2026-03-02")));
    let info = std::fs::read_to_string(bag.join("bag-info.txt")).unwrap();
    assert!(info.contains("at the end of 2026-03-02 (Asia/Shanghai)"), "{info}");
    if let Some(python) = python_with("bagit, cryptography", "bagit") {
        let judges = Judges { python, key: app.app.journal.verifier_key().to_owned() };
        judges.accept(&bag);
    }
    app.finish().await;
}

/// A document that cannot be given back leaves no bag.
#[tokio::test]
async fn a_damaged_original_is_not_exported() {
    let mut server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    li.upload(&[("dossier", &dossier), ("kind", "person_id")], vec![7; 400_000]).await.ok();
    server.stop();
    let original =
        server.files("lantai-data/objects/documents").into_iter().find(|path| path.ends_with("original.age"));
    let original = original.unwrap();
    let mut bytes = std::fs::read(&original).unwrap();
    let at = bytes.len() - 1_000;
    bytes[at] ^= 1;
    std::fs::write(&original, bytes).unwrap();
    let out = server.run(&["export", &dossier, "--to", "bag"]);
    assert_eq!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
    let names: Vec<_> =
        std::fs::read_dir(server.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("bag")), "{names:?}");
}
