//! A bucket whose log is not what the data folder published: what the program says and does.

use std::path::Path;
use std::process::Command;

use crate::server::{Server, Setting};

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

async fn upload(server: &mut Server, dossier: &str, content: &str) {
    server.start();
    let li = server.desk("li").await;
    li.upload(&[("dossier", dossier), ("kind", "person_id")], content.into()).await.ok();
    server.stop();
}

#[tokio::test]
async fn a_bucket_that_is_not_what_was_published_is_put_right_or_refused() {
    let mut server = Server::new(Setting::default());
    let dossier = server.desk("li").await.dossier("客户").await;
    server.stop();
    let (data, objects) = (server.path("lantai-data"), server.path("lantai-data/objects"));
    let checkpoint = objects.join("journal/checkpoint");
    let before = std::fs::read(&checkpoint).unwrap();
    copy(&data, &server.path("before"));
    upload(&mut server, &dossier, "one").await;
    copy(&data, &server.path("one"));
    let newest = std::fs::read(&checkpoint).unwrap();

    // The checkpoint alone is older, or damaged: put right, and named once.
    let mut damaged = newest.clone();
    damaged[30] ^= 4;
    for (bytes, code) in [(before, "log_rolled_back"), (damaged, "checkpoint_damaged")] {
        std::fs::write(&checkpoint, bytes).unwrap();
        let out = server.run(&["verify"]);
        let said = String::from_utf8(out.stdout).unwrap();
        assert_eq!((out.status.code(), said.lines().count()), (Some(1), 2), "{said}");
        assert_eq!(said.lines().next(), Some(format!("{code}  journal/checkpoint").as_str()));
        server.start();
        server.stop();
        assert!(server.run(&["verify", "--full"]).status.success());
    }

    // The whole bucket is an older one: refused, and left as it is.
    copy(&server.path("before/objects"), &objects);
    let older = std::fs::read(&checkpoint).unwrap();
    let found = server.run(&["verify"]);
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    assert_eq!(found.status.code(), Some(1), "{said}");
    for code in ["log_rolled_back", "original_missing", "payloads_missing", "tile_missing", "bundle_missing"]
    {
        assert!(said.contains(code), "{code}: {said}");
    }
    let refused = server.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("older state") && said.contains("docs/operations.md"), "{said}");
    assert_eq!(std::fs::read(&checkpoint).unwrap(), older);

    // Another history: refused too.
    copy(&server.path("before"), &data);
    upload(&mut server, &dossier, "two").await;
    copy(&server.path("one/records"), &data.join("records"));
    let theirs = std::fs::read(&checkpoint).unwrap();
    let found = server.run(&["verify"]);
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    assert_eq!(found.status.code(), Some(1), "{said}");
    assert!(
        said.contains("log_diverged  journal/checkpoint") || said.contains("log_ahead  journal/checkpoint"),
        "{said}"
    );
    let refused = server.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("not the one that was published from here"), "{said}");
    assert_eq!(std::fs::read(&checkpoint).unwrap(), theirs);

    // Whoever gives the records up follows the bucket.
    std::fs::rename(data.join("records"), server.path("evidence")).unwrap();
    assert!(server.run(&["verify", "--full"]).status.success());
}
