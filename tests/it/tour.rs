//! The tour in docs/api.md, run word for word.

use std::process::Command;

use crate::server::{Server, Setting};

#[tokio::test]
async fn the_tour_runs_word_for_word() {
    let server = Server::new(Setting::default());
    let doc = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md")).unwrap();
    let tour = doc.split("## The tour").nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks: Vec<&str> =
        tour.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 7, "the tour has all its steps");
    let script = format!("set -euo pipefail\n{}", blocks.concat());
    let out = Command::new("bash")
        .args(["-c", &script])
        .current_dir(server.folder.path())
        .env("LANTAI", &server.base)
        .output()
        .unwrap();
    let (said, complained) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}\n{complained}");
    let states: Vec<&str> = said.lines().filter(|line| !line.starts_with('{') && line.len() != 26).collect();
    assert_eq!(states, ["review", "correction", "review", "filed"]);
    let mut answers = said.lines().filter(|line| line.starts_with('{'));
    let search: serde_json::Value = serde_json::from_str(answers.next().unwrap()).unwrap();
    assert_eq!(search["total"], 1, "{search}");
    assert!(search["hits"][0]["snippet"].as_str().unwrap().contains("<mark>"), "{search}");
    let penalties: serde_json::Value = serde_json::from_str(answers.next().unwrap()).unwrap();
    assert_eq!(penalties["totals"]["li"], 2, "{penalties}");
    assert_eq!(penalties["entries"].as_array().unwrap().len(), 1);
}
