//! `verify`: exit codes, through a server, resumed after a kill, the index, the records, and the sample that never ends.

use std::time::Duration;

use lantai::archive::{Depth, ProblemCode};
use lantai::objects::Key;
use lantai::records::{Batch, Table};
use lantai::search::{Item, Source};
use serde_json::Value;

use crate::app::{Answer, TestApp, pdf, text};
use crate::server::{Server, Setting};

fn json(out: &std::process::Output) -> Value {
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|_| unreachable!("{}", String::from_utf8_lossy(&out.stderr)))
}

#[tokio::test]
async fn exit_codes_on_a_folder_and_through_a_server() {
    let mut server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let query = [("dossier", dossier.as_str()), ("kind", "person_id"), ("filename", "a.txt")];
    let id = text(&li.upload(&query, "居民身份证".into()).await.ok()["id"]);
    li.find("居民身份证", 1).await;
    // The first administrator's token comes from the folder, before the server has it.
    server.stop();
    let out = server.run(&["token", "create", "--name", "admin"]);
    std::fs::write(server.path("admin.token"), &out.stdout).unwrap();
    server.start();
    let token = |name: &str| {
        let through = ["--server", server.base.as_str(), "--token-file", "admin.token"];
        let out = server.run(&[&["token", "create", "--name", name], &through[..]].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        std::fs::write(server.path(&format!("{name}.token")), &out.stdout).unwrap();
    };
    token("audit");
    token("li");
    let through = |name: &str| {
        let file = format!("{name}.token");
        server.run(&[
            "verify",
            "--full",
            "--json",
            "--server",
            server.base.as_str(),
            "--token-file",
            file.as_str(),
        ])
    };

    // Nothing is wrong.
    let clean = through("audit");
    assert_eq!(clean.status.code(), Some(0), "{}", String::from_utf8_lossy(&clean.stdout));
    let report = json(&clean);
    assert_eq!((&report["documents"], &report["depth"]), (&Value::from(1), &Value::from("full")));
    assert_eq!((&report["records_compared"], &report["index_compared"]), (&true.into(), &true.into()));
    assert!(report["bytes"].as_u64().unwrap() > 0 && report["entries"].as_u64().unwrap() > 10);
    // Not everybody may; and the folder is in use.
    assert_eq!(through("li").status.code(), Some(2));
    let in_use = server.run(&["verify"]);
    assert_eq!(in_use.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&in_use.stderr).contains("--server"));

    // Something is.
    let original = format!("documents/{dossier}/{id}/original.age");
    std::fs::remove_file(server.path("lantai-data/objects").join(&original)).unwrap();
    let found = through("audit");
    assert_eq!(found.status.code(), Some(1));
    let problems = serde_json::json!([{ "code": "original_missing", "subject": original }]);
    assert_eq!(json(&found)["problems"], problems);
    server.stop();
    for arguments in [&["verify"][..], &["verify", "--full"]] {
        let found = server.run(arguments);
        assert_eq!(found.status.code(), Some(1));
        let said = String::from_utf8_lossy(&found.stdout).into_owned();
        assert_eq!(said.lines().next(), Some(format!("original_missing  {original}").as_str()));
    }
    // It cannot be done.
    assert_eq!(server.run(&["verify", "--data", "nowhere"]).status.code(), Some(2));
}

#[tokio::test]
async fn a_killed_run_is_gone_on_with() {
    const DOCUMENTS: usize = 200;
    let mut server = Server::new(Setting::default().with("LANTAI_VERIFY_SAVE_SECONDS", "0"));
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let query = [("dossier", dossier.as_str()), ("kind", "person_id")];
    let numbers: Vec<usize> = (0..DOCUMENTS).collect();
    for some in numbers.chunks(25) {
        let uploads = some.iter().map(|n| li.upload(&query, format!("\u{0}{n}").repeat(9_000).into_bytes()));
        for uploaded in futures::future::join_all(uploads).await {
            uploaded.ok();
        }
    }
    server.stop();
    let mut delay = Duration::from_millis(300);
    for _ in 0..40 {
        let mut child = server.spawn(&["verify", "--full"]);
        tokio::time::sleep(delay).await;
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        let out = server.run(&["verify", "--full", "--resume", "--json"]);
        let report = json(&out);
        assert_eq!(
            (out.status.code(), report["documents"].as_u64()),
            (Some(0), Some(DOCUMENTS as u64)),
            "{report}"
        );
        let resumed = report["resumed"].as_u64().unwrap() as usize;
        if (1..DOCUMENTS).contains(&resumed) {
            // A run without `--resume` begins anew.
            let anew = json(&server.run(&["verify", "--full", "--json"]));
            assert_eq!((anew["resumed"].as_u64(), anew["problems"].as_array().unwrap().len()), (Some(0), 0));
            println!("killed after {resumed} of {DOCUMENTS} documents, gone on with from there");
            return;
        }
        // Killed before the first document, or too late.
        delay =
            if ended || resumed == DOCUMENTS { delay * 2 / 3 } else { delay + Duration::from_millis(100) };
    }
    panic!("no run was killed half-way");
}

/// A document that was read and indexed.
async fn document(app: &TestApp) -> (lantai::domain::DossierId, lantai::domain::DocumentId) {
    let li = app.sign_in("li").await;
    let dossier = li.open_dossier("示例客户").await;
    let request = li.upload_to(&dossier, "trust_contract", &[("filename", "a.pdf")]);
    let id = text(&Answer::of(request.body(pdf(&["民事信托合同"]))).await.created()["id"]);
    app.settle().await;
    (dossier.parse().unwrap(), id.parse().unwrap())
}

async fn problems(app: &TestApp) -> Vec<(ProblemCode, String)> {
    let report = app.app.verify(Depth::Full, &|_, _| {}).await.unwrap();
    report.problems.into_iter().map(|problem| (problem.code, problem.subject)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_is_held_against_the_documents() {
    let app = TestApp::start().await;
    let (dossier, id) = document(&app).await;
    assert_eq!(problems(&app).await, []);
    let item = |source| Item {
        source,
        dossier,
        kind: "trust_contract".into(),
        text: "民事信托合同".into(),
        title: String::new(),
        date: None,
        numbers: Vec::new(),
        case: None,
    };
    let page = |document, page| item(Source::Page { document, page });
    let index = &app.app.index;
    index.replace_document(id, &[]).unwrap();
    index.commit().unwrap();
    assert_eq!(problems(&app).await, [(ProblemCode::IndexLacks, format!("document {id}"))]);
    index.replace_document(id, &[page(id, 1), page(id, 2)]).unwrap();
    let stranger = app.app.clock.new_id();
    index.replace_document(stranger, &[page(stranger, 1)]).unwrap();
    index.commit().unwrap();
    let mut expected = [id, stranger].map(|id| (ProblemCode::IndexSurplus, format!("document {id}")));
    expected.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(problems(&app).await, expected);
    index.replace_document(id, &[page(id, 1)]).unwrap();
    index.replace_document(stranger, &[]).unwrap();
    index.remove_dossier(dossier).unwrap();
    index.replace_document(id, &[page(id, 1)]).unwrap();
    index.commit().unwrap();
    assert_eq!(problems(&app).await, [(ProblemCode::IndexLacks, format!("dossier {dossier}"))]);
    app.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_log_does_not_make_is_named() {
    let app = TestApp::start().await;
    document(&app).await;
    let table: Table<String> = Table::new("dossiers.kept");
    let mut batch = Batch::new();
    batch.put(&table, b"nobody", &"x".to_owned()).unwrap();
    app.app.records.commit(batch).unwrap();
    let row = format!("dossiers.kept {}", hex::encode("nobody"));
    assert_eq!(problems(&app).await, [(ProblemCode::RecordDiffers, row)]);
    let mut batch = Batch::new();
    batch.delete(&table, b"nobody");
    app.app.records.commit(batch).unwrap();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_looked_at_again_by_themselves() {
    let app = TestApp::start_with(|config| {
        config.verify.sample_seconds = 0;
        config.verify.again_seconds = 0;
    });
    let app = app.await;
    let (dossier, document) = document(&app).await;
    let li = app.sign_in("li").await;
    assert_eq!(app.app.sample().await.unwrap(), []);
    let metrics = async || String::from_utf8(li.get("/metrics").await.body).unwrap();
    let before = metrics().await;
    assert!(before.contains("lantai_verify_problems_total{code=\"original_missing\"} 0\n"), "{before}");
    let seen = app.app.sampled.seen();
    assert!(seen.documents > 0 && seen.bytes > 0 && seen.last.is_some() && seen.oldest.is_some());
    for name in ["documents_total", "bytes_total", "last_timestamp_seconds", "oldest_unchecked_seconds"] {
        assert!(before.contains(&format!("\nlantai_verify_{name} ")), "{name}: {before}");
    }

    let key = Key::Original { dossier, document };
    app.app.objects.delete(&key).await.unwrap();
    let found = app.app.sample().await.unwrap();
    assert!(found.iter().all(|problem| problem.code == ProblemCode::OriginalMissing), "{found:?}");
    assert!(!found.is_empty());
    let line = format!("lantai_verify_problems_total{{code=\"original_missing\"}} {}\n", found.len());
    assert!(metrics().await.contains(&line));
    assert_eq!(li.get("/readyz").await.status, 200, "new papers can still come in");
    app.abandon().await;
}
