//! kill -9 in the middle of uploads and actions: nothing acknowledged is lost, nothing is doubled.

mod torn;
mod walk;

use std::collections::BTreeMap;
use std::time::Duration;

use lantai::domain::Sha256Digest;
use serde_json::{Value, json};

use crate::server::{Desk, Server, Setting};

const ROUNDS: u64 = 20;
const CLIENTS: u64 = 8;

/// What one client was told is done.
#[derive(Default)]
struct Acknowledged {
    /// Documents with the digest of what was sent.
    documents: Vec<(String, String)>,
    /// Returns that were acknowledged, by case.
    returned: Vec<String>,
    /// Cases that were started, acknowledged or not known.
    cases: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_and_double_nothing() {
    let mut server = Server::new(Setting::default());
    let (mut documents, mut returned) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (li, wang) = (server.desk("li").await, server.desk("wang").await);
        let dossier = li.dossier(&format!("客户{round}")).await;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                tokio::spawn(client(li.clone(), wang.clone(), dossier.clone(), round * CLIENTS + number))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(150 + 37 * (round % 7))).await;
        server.kill();
        for client in clients {
            let acknowledged = client.await.unwrap();
            documents.extend(acknowledged.documents);
            returned.extend(acknowledged.returned);
        }
        server.start();
    }
    assert!(documents.len() > 50, "{} documents were acknowledged", documents.len());
    assert!(returned.len() > 10, "{} returns were acknowledged", returned.len());
    check_documents(&server, &documents).await;
    check_penalties(&server, &returned).await;
    server.stop();
    let out = server.run(&["verify", "--full"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    println!(
        "{} documents and {} returns acknowledged over {ROUNDS} kills, none lost or doubled",
        documents.len(),
        returned.len()
    );
}

/// Uploads, submits and returns until the connection breaks.
async fn client(li: Desk, wang: Desk, dossier: String, number: u64) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let _ = work(&li, &wang, &dossier, number, &mut acknowledged).await;
    acknowledged
}

async fn work(li: &Desk, wang: &Desk, dossier: &str, number: u64, done: &mut Acknowledged) -> Option<()> {
    let try_post = async |desk: &Desk, path: &str, body: Value| {
        desk.try_send(desk.request(reqwest::Method::POST, path).json(&body)).await
    };
    for step in 0.. {
        let new = json!({ "workflow": "customer-intake", "dossier": dossier, "contracts": 1 });
        let case = try_post(li, "/api/v1/cases", new).await?.ok()["id"].as_str()?.to_owned();
        done.cases.push(case.clone());
        let bytes: Vec<u8> =
            format!("document {number} {step} ").repeat(2_000 + 700 * (number as usize % 9)).into_bytes();
        let digest = Sha256Digest::of(&bytes).to_string();
        let query = [("dossier", dossier), ("case", &case), ("kind", "trust_contract")];
        let document = li.try_send(li.upload_request(&query, bytes)).await?.ok();
        done.documents.push((document["id"].as_str()?.to_owned(), digest));
        let submitted =
            try_post(li, &format!("/api/v1/cases/{case}/actions/submit"), json!({ "version": 1 }))
                .await?
                .ok();
        let said = json!({ "version": submitted["version"], "reason": "missing", "documents": ["person_id"], "contracts": 1 });
        try_post(wang, &format!("/api/v1/cases/{case}/actions/return"), said).await?.ok();
        done.returned.push(case);
    }
    Some(())
}

async fn check_documents(server: &Server, documents: &[(String, String)]) {
    let wang = server.desk("wang").await;
    for (number, (id, digest)) in documents.iter().enumerate() {
        let document = wang.get(&format!("/api/v1/documents/{id}")).await.ok();
        assert_eq!(document["sha256"], digest.as_str());
        if number % 5 == 0 {
            let content = wang.request(reqwest::Method::GET, &format!("/api/v1/documents/{id}/content"));
            let bytes = content.send().await.unwrap().bytes().await.unwrap();
            assert_eq!(Sha256Digest::of(&bytes).to_string(), *digest);
        }
    }
}

/// Every acknowledged return has its point, and no case has two.
async fn check_penalties(server: &Server, returned: &[String]) {
    let wang = server.desk("wang").await;
    let ledger = wang.get("/api/v1/penalties").await.ok();
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for line in ledger["entries"].as_array().unwrap() {
        *lines.entry(line["case"].as_str().unwrap()).or_default() += 1;
    }
    for case in returned {
        assert_eq!(lines.get(case.as_str()), Some(&1), "{case}");
        let seen = wang.get(&format!("/api/v1/cases/{case}")).await.ok();
        assert_eq!((seen["state"].as_str(), seen["attempt"].as_u64()), (Some("correction"), Some(1)));
    }
    assert!(lines.values().all(|count| *count == 1), "no case has two lines");
    assert_eq!(
        ledger["totals"]["li"].as_u64(),
        Some(lines.len() as u64),
        "the counter is the sum of the lines"
    );
}

/// Whoever has read where the server listens may stop it: the signal is heard from then on.
#[test]
fn a_server_that_has_just_started_stops_gracefully() {
    // Several at once: what is seldom late on an idle machine is often late on a busy one.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut server = Server::new(Setting::default());
                for _ in 0..10 {
                    server.stop();
                    server.start();
                }
            });
        }
    });
}
