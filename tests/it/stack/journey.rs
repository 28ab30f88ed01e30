//! A stack through a server: three cover sheets and nine pages become three documents in the right cases.

use std::time::{Duration, Instant};

use lantai::reading::stack::Mark;
use lopdf::Document;
use reqwest::Method;
use serde_json::Value;

use super::build::stack_pdf;
use super::{files, ready};
use crate::server::{Desk, Server, Setting};

fn jpegs() -> Vec<Vec<u8>> {
    files("pages", "jpg").iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn cover(case: &str, kind: &str) -> String {
    format!("lantai:1:cover:{case}:{kind}").parse::<Mark>().unwrap().to_string()
}

/// What became of the stack, as soon as that is known.
async fn split(desk: &Desk, stack: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        let found = desk.get(&format!("/api/v1/documents/{stack}/parts")).await;
        if found.status == 200 {
            return found.ok();
        }
        assert!(Instant::now() < deadline, "it is not split");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn content(desk: &Desk, document: &Value) -> Vec<u8> {
    let path = format!("/api/v1/documents/{}/content", document.as_str().unwrap());
    desk.request(Method::GET, &path).send().await.unwrap().bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn three_covers_and_nine_pages_become_three_documents_in_the_right_cases() {
    if !ready() {
        return;
    }
    let server = Server::new(Setting::default());
    let (li, chen, station) = (server.desk("li").await, server.desk("chen").await, server.desk("desk").await);
    let (first, second) = (li.dossier("欧阳修远").await, li.dossier("司马云长").await);
    let (one, two) = (li.case(&first, 1).await, li.case(&second, 1).await);
    let inbox = chen
        .post("/api/v1/dossiers", serde_json::json!({ "kind": "inbox", "facts": { "name": "前台扫描仪" } }));
    let inbox = inbox.await.ok()["id"].as_str().unwrap().to_owned();
    let jpegs = jpegs();
    let bytes = stack_pdf(&[
        (&cover(&one, "trust_contract"), &jpegs[..3]),
        (&cover(&two, "person_id"), &jpegs[3..7]),
        (&cover(&one, "bank_receipt"), &jpegs[7..]),
    ]);
    let query = [("dossier", inbox.as_str()), ("kind", "scan_stack"), ("filename", "批次一.pdf")];
    let stack = station.upload(&query, bytes.clone()).await.ok()["id"].as_str().unwrap().to_owned();
    let split = split(&chen, &stack).await;
    let parts = split["parts"].as_array().unwrap();
    let expected = [
        (&one, &first, "trust_contract", 3),
        (&two, &second, "person_id", 4),
        (&one, &first, "bank_receipt", 2),
    ];
    assert_eq!(parts.len(), 3, "{split}");
    let mut scans = jpegs.iter();
    for (part, (case, dossier, kind, pages)) in parts.iter().zip(expected) {
        assert_eq!(part["waits"], Value::Null, "{split}");
        let path = format!("/api/v1/documents/{}", part["document"].as_str().unwrap());
        let document = li.get(&path).await.ok();
        assert_eq!(
            (&document["case"], &document["dossier"]),
            (&Value::from(case.as_str()), &Value::from(dossier.as_str()))
        );
        assert_eq!(
            (&document["kind"], &document["part_of"]["document"]),
            (&Value::from(kind), &Value::from(stack.as_str()))
        );
        let found = li.get(&format!("/api/v1/cases/{case}")).await.ok();
        let items = found["checklist"]["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["kind"] == kind).unwrap();
        assert_eq!(item["documents"][0], part["document"], "{item}");
        let pdf = Document::load_mem(&content(&li, &part["document"]).await).unwrap();
        assert_eq!(pdf.get_pages().len(), pages);
        for id in pdf.page_iter() {
            let images = pdf.get_page_images(id).unwrap();
            assert!(images[0].content == scans.next().unwrap(), "the scanner's own bytes");
        }
    }
    assert_eq!(split["left_out"], serde_json::json!([1, 5, 10]));
    assert!(content(&chen, &Value::from(stack.as_str())).await == bytes, "the stack stays as it came");
    let refused = li.get(&format!("/api/v1/documents/{stack}/parts")).await;
    assert_eq!(refused.status, 403, "an adviser does not see what else was in the stack");
}

#[tokio::test]
async fn what_may_not_go_somewhere_waits_with_the_reason() {
    if !ready() {
        return;
    }
    let server = Server::new(Setting::default());
    let (li, sun, chen) = (server.desk("li").await, server.desk("sun").await, server.desk("chen").await);
    let (own, foreign) = (sun.dossier("客户甲").await, li.dossier("客户乙").await);
    let case = li.case(&foreign, 1).await;
    let nowhere = "0".repeat(26);
    let jpegs = jpegs();
    let page = &jpegs[..1];
    let bytes = stack_pdf(&[
        (&cover(&case, "trust_contract"), page),
        (&cover(&nowhere, "trust_contract"), page),
        ("lantai:1:separator", page),
        (&cover(&case, "bank_receipt"), &[]),
    ]);
    let query = [("dossier", own.as_str()), ("kind", "scan_stack"), ("filename", "批次二.pdf")];
    let stack = sun.upload(&query, bytes.clone()).await.ok()["id"].as_str().unwrap().to_owned();
    let split = split(&chen, &stack).await;
    let waits: Vec<_> = split["parts"].as_array().unwrap().iter().map(|part| &part["waits"]).collect();
    assert_eq!(waits, ["not_permitted", "unknown_case", "no_cover", "no_pages"], "{split}");
    // Somebody who may sends the first part on by hand.
    let wanted = serde_json::json!({ "pages": [2], "case": case, "kind": "trust_contract" });
    let path = format!("/api/v1/documents/{stack}/parts");
    assert_eq!(sun.post(&path, wanted.clone()).await.status, 403);
    let routed = chen.post(&path, wanted.clone()).await.ok();
    assert_eq!(routed["parts"][0]["waits"], Value::Null, "{routed}");
    let part = format!("/api/v1/documents/{}", routed["parts"][0]["document"].as_str().unwrap());
    assert_eq!(chen.get(&part).await.ok()["case"], Value::from(case.as_str()));
    let again = chen.post(&path, wanted).await.ok();
    assert_eq!(again, routed, "twice is once");
}
