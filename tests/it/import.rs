//! Handing documents in without a server: by the same path, and with the same rules.

use lantai::domain::Sha256Digest;

use crate::server::{Server, Setting};

#[tokio::test]
async fn files_go_straight_into_the_data_folder() {
    let mut server = Server::new(Setting::default());
    let dossier = server.desk("li").await.dossier("客户").await;
    let names: Vec<String> = (0..20).map(|number| format!("paper-{number:02}.txt")).collect();
    for name in &names {
        std::fs::write(server.path(name), format!("獬豸条款 {name}")).unwrap();
    }
    let put = |server: &Server, by: &str, kind: &str, files: &[&str]| {
        let fixed = ["put", "--dossier", dossier.as_str(), "--kind", kind, "--as", by];
        server.run(&[&fixed, files].concat())
    };
    assert_eq!(
        put(&server, "li", "person_id", &["paper-00.txt"]).status.code(),
        Some(2),
        "a server is running"
    );
    server.stop();
    for (by, kind) in [("nobody", "person_id"), ("sun", "person_id"), ("li", "no_such_kind")] {
        assert_eq!(put(&server, by, kind, &["paper-00.txt"]).status.code(), Some(2), "{by} {kind}");
    }
    std::fs::write(server.path("empty.txt"), "").unwrap();
    let mut files: Vec<&str> = names.iter().map(String::as_str).collect();
    files.extend(["empty.txt", "missing.txt"]);
    let out = put(&server, "li", "person_id", &files);
    assert_eq!(out.status.code(), Some(1), "two of the files could not be taken");
    let said = String::from_utf8(out.stdout).unwrap();
    assert_eq!(said.lines().count(), names.len());
    for name in &names {
        let digest = Sha256Digest::of(format!("獬豸条款 {name}").as_bytes()).to_string();
        assert!(said.lines().any(|line| line.contains(&digest) && line.ends_with(name.as_str())), "{name}");
    }
    assert!(server.run(&["verify", "--full"]).status.success());
    server.start();
    let li = server.desk("li").await;
    assert_eq!(li.find("獬豸条款", 20).await["total"], 20);
    assert_eq!(
        li.get(&format!("/api/v1/dossiers/{dossier}")).await.ok()["documents"].as_array().unwrap().len(),
        20
    );
}
