//! Three hundred hostile files through a server: it stays up and small, keeps every byte, and says of each what became of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;

use super::corpus::{Dice, SMALL, broken, made_to_hurt};
use super::samples;
use crate::server::{Server, Setting};

/// Files that are broken by chance.
const BROKEN: usize = 300;

#[tokio::test]
async fn hundreds_of_hostile_files_hurt_no_server() {
    let Some(samples) = samples() else { return };
    let originals: Vec<_> = SMALL.iter().map(|name| std::fs::read(samples.join(name)).unwrap()).collect();
    let mut dice = Dice(19_491_001);
    let mut files: Vec<(String, Vec<u8>)> =
        made_to_hurt().into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    for number in 0..BROKEN {
        let (original, other) = (number % originals.len(), (number * 7 + 1) % originals.len());
        let bytes = broken(&originals[original], &originals[other], &mut dice);
        let name = SMALL[original].rsplit('/').next().unwrap();
        files.push((format!("{number}-{name}"), bytes));
    }
    files.retain(|(_, bytes)| !bytes.is_empty());
    assert!(files.len() >= 300, "{}", files.len());

    let server = Server::new(
        Setting::default()
            .with("LANTAI_LIMITS_READING_SECONDS", "10")
            .with("LANTAI_LIMITS_READING_MEMORY_BYTES", &(512 << 20).to_string()),
    );
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let mut uploaded = Vec::new();
    for (name, bytes) in &files {
        let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", name)];
        let document = li.upload(&query, bytes.clone()).await.ok();
        uploaded.push(document["id"].as_str().unwrap().to_owned());
    }
    let deadline = Instant::now() + Duration::from_secs(600);
    let mut ends = BTreeMap::<String, usize>::new();
    for ((name, bytes), id) in files.iter().zip(&uploaded) {
        let path = format!("/api/v1/documents/{id}");
        let mut document = li.get(&path).await.ok();
        while document["progress"]["stage"] != "searchable" {
            assert!(Instant::now() < deadline, "{name} is still {}", document["progress"]);
            tokio::time::sleep(Duration::from_millis(200)).await;
            document = li.get(&path).await.ok();
        }
        let reading = &document["reading"];
        let outcome = reading["outcome"].as_str().unwrap_or_else(|| panic!("{name}: {document}"));
        let reason = reading["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty() || outcome == "read", "{name}: {reading}");
        *ends.entry(format!("{outcome} {reason}")).or_default() += 1;
        let back = li.request(Method::GET, &format!("{path}/content")).send().await.unwrap();
        assert!(back.bytes().await.unwrap() == *bytes, "{name} came back as something else");
    }
    println!("{} files: {ends:#?}", files.len());
    for (name, why) in
        [("bomb.pdf", "out_of_memory"), ("doubling.pdf", "timed_out"), ("100000.png", "too_large")]
    {
        let at = files.iter().position(|(other, _)| other == name).unwrap();
        let document = li.get(&format!("/api/v1/documents/{}", uploaded[at])).await.ok();
        assert_eq!(document["reading"]["reason"], why, "{name}");
    }
    let peak = server.memory_mib("VmHWM");
    println!("the server's peak was {peak} MiB");
    assert!(peak < 300, "{peak} MiB at the peak");
    // It reads on as if nothing had been.
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", "last.pdf")];
    li.upload(&query, std::fs::read(samples.join("pdf/text_typst_noto.pdf")).unwrap()).await.ok();
    li.find("last", 1).await;
}
