//! Large papers on a store that fails: nothing is left of what was broken off, and memory stays small. And what a real
//! store does when it is full, or when a key loses its rights.

use std::time::{Duration, Instant};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use serde_json::json;

use super::proxy::{Fault, Proxy, Rule};
use super::{Expected, HEAD, MIB, Sender, UNAVAILABLE, check, outage, ready, through};
use crate::garage::Garage;
use crate::server::Server;

/// How many uploads in parts are begun and neither finished nor given up.
async fn unfinished(garage: &Garage, prefix: &str) -> usize {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(Credentials::new(&garage.key, &garage.secret, None, None, "tests"))
        .region(Region::new("garage"))
        .endpoint_url(format!("http://127.0.0.1:{}", garage.port))
        .force_path_style(true)
        .build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let listed = client.list_multipart_uploads().bucket("scans").prefix(prefix).send().await.unwrap();
    listed.uploads().len()
}

async fn none_unfinished(garage: &Garage, prefix: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while unfinished(garage, prefix).await > 0 {
        assert!(Instant::now() < deadline, "unfinished uploads are left");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_papers_that_are_broken_off_leave_nothing() {
    let Some(garage) = Garage::start() else { return };
    let proxy = Proxy::start(garage.port).await;
    let server = Server::new(through(&garage, proxy.port, "large"));
    let mut sender = Sender::new(&server).await;
    let part = |fault, times| Rule { fault, method: "PUT", path: "partNumber", times };
    let complete = |fault, times| Rule { fault, method: "POST", path: "uploadId", times };
    let expected = |name, upload, ready| Expected { name, upload, ready };
    let cases = [
        (part(Fault::ResetIn(MIB), 1), expected("a part reset, once", (201, ""), "ok")),
        (part(Fault::ResetAfter, 1), expected("a part done, answer lost, once", (201, ""), "ok")),
        (part(Fault::ResetIn(MIB), u64::MAX), expected("every part reset", UNAVAILABLE, "ok")),
        (complete(Fault::ResetIn(0), 1), expected("the completion reset, once", (201, ""), "ok")),
        (complete(Fault::ResetAfter, 1), expected("completed, answer lost, once", (201, ""), "ok")),
        (complete(Fault::ResetAfter, u64::MAX), expected("completed, every answer lost", (201, ""), "ok")),
        (
            complete(Fault::Answer(503, "SlowDown", ""), u64::MAX),
            expected("completion refused", UNAVAILABLE, "ok"),
        ),
    ];
    let mut table = vec![HEAD.to_owned()];
    for (rule, expected) in &cases {
        proxy.set(*rule);
        table.push(outage(&mut sender, expected, 17 * MIB, async || proxy.heal()).await);
        none_unfinished(&garage, "large").await;
    }
    println!("{}", table.join("\n"));
    check(server, sender, garage.setting("large")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_left_of_an_upload_is_swept() {
    let Some(garage) = Garage::start() else { return };
    let proxy = Proxy::start(garage.port).await;
    let mut server = Server::new(through(&garage, proxy.port, "killed"));
    let mut sender = Sender::new(&server).await;
    assert_eq!(sender.upload(1_000).await.status, 201);
    proxy.set(Rule { fault: Fault::Silence, method: "PUT", path: "partNumber=2", times: u64::MAX });
    let query = [("dossier", sender.dossier.as_str()), ("kind", "person_id")];
    let request = sender.desk.upload_request(&query, Sender::paper(99, 17 * MIB));
    let uploading = tokio::spawn(request.send());
    let deadline = Instant::now() + Duration::from_secs(20);
    while unfinished(&garage, "killed").await == 0 {
        assert!(Instant::now() < deadline, "the upload does not begin");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.kill();
    assert!(uploading.await.unwrap().is_err());
    assert_eq!(unfinished(&garage, "killed").await, 1);
    proxy.heal();
    server.start();
    assert_eq!(unfinished(&garage, "killed").await, 0);
    check(server, sender, garage.setting("killed")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_small_while_the_store_is_slow() {
    let Some(garage) = Garage::start() else { return };
    let proxy = Proxy::start(garage.port).await;
    let mut server = Server::new(through(&garage, proxy.port, "memory"));
    let sender = Sender::new(&server).await;
    proxy.set(Rule { fault: Fault::Silence, method: "PUT", path: "partNumber", times: u64::MAX });
    let uploads = (0..8).map(|number| {
        let query = [("dossier", sender.dossier.as_str()), ("kind", "person_id")];
        tokio::spawn(sender.desk.upload_request(&query, Sender::paper(number, 40 * MIB)).send())
    });
    for upload in uploads.collect::<Vec<_>>() {
        // The rest of a refused body is not read for ever: the connection may be closed before the answer is seen.
        if let Ok(response) = upload.await.unwrap() {
            assert_eq!(response.status(), 503);
        }
    }
    let peak = server.memory_mib("VmHWM");
    println!("8 uploads of 40 MiB to a store that does not answer: {peak} MiB at the peak");
    assert!(peak < 320, "{peak} MiB at the peak");
    proxy.heal();
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_store_that_is_full_or_takes_rights_away() {
    let Some(garage) = Garage::start() else { return };
    let server = Server::new(through(&garage, garage.port, "rights"));
    let mut sender = Sender::new(&server).await;
    assert_eq!(sender.upload(300_000).await.status, 201);
    let bucket = garage.admin("GET", "GetBucketInfo?globalAlias=scans", &json!(null));
    let (id, bytes) = (bucket["id"].as_str().unwrap(), bucket["bytes"].as_u64().unwrap());
    let mut table = vec![HEAD.to_owned()];

    let quota = |most: Option<u64>| {
        let quotas = json!({ "quotas": { "maxSize": most, "maxObjects": null } });
        garage.admin("POST", &format!("UpdateBucket?id={id}"), &quotas);
    };
    quota(Some(bytes + 100_000));
    let full = Expected { name: "Garage's quota is reached", upload: (507, "store_full"), ready: "ok" };
    table.push(outage(&mut sender, &full, 300_000, async || quota(None)).await);
    quota(Some(1));
    // Garage still lets an object be replaced by one of its size, which is all that the probe does.
    let full = Expected { name: "Garage's quota is passed", upload: (507, "store_full"), ready: "ok" };
    table.push(outage(&mut sender, &full, 300_000, async || quota(None)).await);

    let rights = |verb: &str, read: bool| {
        let permissions = json!({ "read": read, "write": true, "owner": false });
        let body = json!({ "bucketId": id, "accessKeyId": garage.key, "permissions": permissions });
        garage.admin("POST", verb, &body);
    };
    for (name, read) in [("the key may no longer write", false), ("the key may nothing any more", true)] {
        rights("DenyBucketKey", read);
        let denied = Expected { name, upload: UNAVAILABLE, ready: "denied" };
        let heal = async || rights("AllowBucketKey", true);
        table.push(outage(&mut sender, &denied, 300_000, heal).await);
    }
    println!("{}", table.join("\n"));
    check(server, sender, garage.setting("rights")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_archives_bucket_is_not_ready() {
    let Some(garage) = Garage::start() else { return };
    let proxy = Proxy::start(garage.port).await;
    let mut server = Server::new(through(&garage, proxy.port, "manifest"));
    assert_eq!(ready(&server.base).await.code, "ok");
    let gone = Fault::Answer(404, "NoSuchKey", "");
    proxy.set(Rule { fault: gone, method: "GET", path: "lantai.json", times: u64::MAX });
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let told = ready(&server.base).await;
    assert_eq!((told.status, told.code.as_str()), (503, "wrong_bucket"));
    proxy.heal();
    super::recovered(&server.base).await;
    server.stop();
}
