//! With the recovery key, stock tools get an original back.

use std::process::Command;

use crate::server::{Server, Setting, required};

#[tokio::test]
async fn age_and_sha256sum_get_an_original_back() {
    if Command::new("age").arg("--version").output().is_err() {
        assert!(!required("age"), "age is required and not there");
        println!("skipped: there is no age program");
        return;
    }
    let server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
    let document = li.upload(&[("dossier", &dossier), ("kind", "trust_contract")], content).await.ok();
    let id = document["id"].as_str().unwrap();
    let script = format!(
        "set -e; cd lantai-data/objects\n\
         age -d -i ../../recovery.key keys/{dossier}.age > ../../dossier.key\n\
         age -d -i ../../dossier.key documents/{dossier}/{id}/original.age | sha256sum\n\
         ! age -d -i ../../recovery.key documents/{dossier}/{id}/original.age > ../../not 2>/dev/null"
    );
    let out = Command::new("bash").args(["-c", &script]).current_dir(server.folder.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(String::from_utf8_lossy(&out.stdout).split_whitespace().next(), document["sha256"].as_str());
}
