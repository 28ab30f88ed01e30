//! Real scans and PDFs: archived, and given back byte for byte.

use std::path::PathBuf;

use lantai::domain::Sha256Digest;

use crate::server::{Server, Setting, required};

pub(crate) fn samples() -> Option<PathBuf> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("LANTAI_SAMPLES").map(PathBuf::from);
    let beside = [manifest.join("../shared/samples"), manifest.join("../../shared/samples")];
    let found = named.into_iter().chain(beside).find(|path| path.is_dir());
    assert!(found.is_some() || !required("samples"), "the samples are required and not there");
    found
}

#[tokio::test]
async fn every_sample_comes_back_byte_for_byte() {
    let Some(samples) = samples() else {
        println!("skipped: there are no samples");
        return;
    };
    let server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let mut count = 0;
    for folder in ["scans", "pdf"] {
        for entry in std::fs::read_dir(samples.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", name)];
            let answer = li.upload(&query, bytes.clone()).await;
            assert_eq!(answer.status, 201, "{name}");
            let document = answer.ok();
            assert_eq!(document["sha256"], Sha256Digest::of(&bytes).to_string(), "{name}");
            assert_eq!(document["size_bytes"], bytes.len(), "{name}");
            let content = format!("/api/v1/documents/{}/content", document["id"].as_str().unwrap());
            let back = li.request(reqwest::Method::GET, &content).send().await.unwrap();
            assert_eq!(back.bytes().await.unwrap(), bytes, "{name}");
            let range = li
                .request(reqwest::Method::GET, &content)
                .header("range", "bytes=10-29")
                .send()
                .await
                .unwrap();
            assert_eq!(range.status(), 206);
            assert_eq!(range.bytes().await.unwrap(), bytes[10..30], "{name}");
            count += 1;
        }
    }
    assert!(count >= 25, "{count} samples");
    let found = li.find("sequencer", 1).await;
    assert!(found["hits"][0]["snippet"].as_str().unwrap().to_lowercase().contains("<mark>"), "{found}");
}
