//! The search as people and operators meet it: damage while it runs, and making the index again.

use std::path::Path;

use serde_json::{Value, json};

use crate::app::{Client, TestApp, pdf, until};
use crate::server::{Server, Setting};

/// Flips a bit in the middle of every file of the index.
fn damage(index: &Path) {
    for entry in std::fs::read_dir(index).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(middle) = bytes.len().checked_div(2).filter(|_| bytes.len() > 100) {
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

async fn total(desk: &Client, query: &str) -> Option<u64> {
    let found = desk.get(&format!("/api/v1/search?q={query}")).await;
    (found.status == 200).then(|| found.json()["total"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_damaged_while_it_is_used_is_made_again_at_once() {
    let app = TestApp::start().await;
    let li = app.sign_in("li").await;
    let dossier = li.open_dossier("欧阳修远").await;
    let case = li.start_case(&dossier, 1).await;
    for page in ["基金合同 甲", "基金合同 乙", "风险揭示书"] {
        li.upload(&case, "trust_contract", pdf(&[page])).await;
    }
    app.settle().await;
    assert_eq!(total(&li, "基金合同").await, Some(2));

    app.app.index.rest().unwrap();
    damage(&app.app.config.data.join("index"));
    // Each question is answered: by what is there, or with an error; never by something wrong.
    let answers = async || {
        let found = total(&li, "基金合同").await;
        assert!(found.is_none_or(|found| found <= 2), "{found:?}");
        found == Some(2) && total(&li, "风险揭示书").await == Some(1) && total(&li, "oyxy").await == Some(1)
    };
    assert!(until(answers).await, "it is not made again");
    assert!(!app.app.index.is_damaged());
    let aside = std::fs::read_dir(&app.app.config.data).unwrap();
    let aside =
        aside.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().contains("set-aside"));
    assert!(aside.count() <= 1);
    app.finish().await;
}

fn said(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_index_is_made_again_on_demand() {
    let mut server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("欧阳修远").await;
    let case = li.case(&dossier, 1).await;
    li.basket(&dossier, &case, 1).await;
    server.settle().await;
    li.get("/api/v1/index").await.is(403, "forbidden");
    li.post("/api/v1/index/rebuild", json!({})).await.is(403, "forbidden");
    server.stop();

    let before = said(&server.run(&["--json", "index", "stats"]));
    assert!(before["items"].as_u64().unwrap() >= 7 && before["damaged"] == false, "{before}");
    said(&server.run(&["--json", "index", "check"]));
    let rebuilt = said(&server.run(&["--json", "index", "rebuild"]));
    assert_eq!((&rebuilt["items"], &rebuilt["waiting"]), (&before["items"], &json!(0)));
    said(&server.run(&["--json", "index", "check"]));

    // The same through a server, which answers meanwhile.
    let token = server.run(&["token", "create", "--name", "admin"]);
    std::fs::write(server.path("admin.token"), &token.stdout).unwrap();
    server.start();
    let (base, token) = (server.base.clone(), server.path("admin.token"));
    let run = |verb: &str| {
        let through = ["--server", &base, "--token-file", token.to_str().unwrap()];
        said(&server.run(&[&["--json", "index", verb][..], &through].concat()))
    };
    run("rebuild");
    server.settle().await;
    assert_eq!(run("stats")["items"], before["items"]);
    server.desk("li").await.find("oyxy", 1).await;
}
