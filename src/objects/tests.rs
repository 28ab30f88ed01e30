use std::io;

use bytes::Bytes;
use futures::StreamExt;

use super::{Body, ErrorKind, Key, Objects, Prefix};
use crate::config;
use crate::domain::{DocumentId, DossierId, Fingerprint, RawId, Sha256Digest};
use crate::faults::Fault;
use crate::vault::{Identity, Sealed, SealedBytes, open};

/// The one suite that every back end passes (the S3 one in `tests/it/stores.rs` goes through the same calls).
async fn suite(objects: &Objects) {
    let identity = Identity::generate();
    for size in [0_usize, 1, 65_536, 5 << 20, (5 << 20) + 1, 12 << 20] {
        round_trip(objects, &identity, size).await;
    }
    replaces_and_deletes(objects).await;
    a_broken_stream_leaves_nothing(objects).await;
    lists(objects).await;
    keys_and_bodies_must_fit(objects).await;
}

fn original(number: u8) -> Key {
    let dossier = DossierId::from(RawId::from_bytes([1; 16]));
    Key::Original { dossier, document: DocumentId::from(RawId::from_bytes([number; 16])) }
}

async fn round_trip(objects: &Objects, identity: &Identity, size: usize) {
    let plaintext: Vec<u8> = (0..size).map(|i| (i % 253) as u8).collect();
    let pieces: Vec<_> = plaintext.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let sealed = Sealed::stream(&[identity.recipient()], futures::stream::iter(pieces)).unwrap();
    let stored = objects.put(&original(1), Body::Sealed(sealed)).await.unwrap();
    let bytes = objects.get_bytes(&original(1), 1 << 30).await.unwrap();
    assert_eq!((bytes.len() as u64, Sha256Digest::of(&bytes)), (stored.size_bytes, stored.sha256));
    assert_eq!(*open(identity, &bytes).unwrap(), plaintext, "{size} bytes");
    assert_eq!(objects.head(&original(1)).await.unwrap(), Some(stored.size_bytes));
    let mut rest = objects.get_from(&original(1), 100).await.unwrap();
    assert_eq!(rest.size_bytes, stored.size_bytes);
    let mut fingerprint = Fingerprint::new();
    while let Some(chunk) = rest.stream.next().await {
        fingerprint.update(&chunk.unwrap());
    }
    assert_eq!(fingerprint.finish(), Sha256Digest::of(&bytes[100..]));
}

async fn replaces_and_deletes(objects: &Objects) {
    for text in ["one", "two"] {
        objects.put(&Key::Checkpoint, Body::Public(Bytes::from_static(text.as_bytes()))).await.unwrap();
    }
    assert_eq!(objects.get_bytes(&Key::Checkpoint, 10).await.unwrap(), "two");
    assert_eq!(objects.get_bytes(&Key::Checkpoint, 2).await.unwrap_err().kind(), ErrorKind::Corrupt);
    objects.delete(&Key::Checkpoint).await.unwrap();
    objects.delete(&Key::Checkpoint).await.unwrap();
    assert_eq!(objects.head(&Key::Checkpoint).await.unwrap(), None);
    assert_eq!(
        objects.get(&Key::Checkpoint).await.err().map(|error| error.kind()),
        Some(ErrorKind::NotFound)
    );
}

async fn a_broken_stream_leaves_nothing(objects: &Objects) {
    for before in [0_usize, 3, 90] {
        let piece = Bytes::from(vec![7; 100_000]);
        let whole = std::iter::repeat_n(piece, before).map(Ok);
        let broken = whole.chain([Err(io::Error::other("cut"))]);
        let recipient = Identity::generate().recipient();
        let sealed = Sealed::stream(&[recipient], futures::stream::iter(broken)).unwrap();
        let error = objects.put(&original(2), Body::Sealed(sealed)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Broken, "after {before} pieces");
        assert_eq!(objects.head(&original(2)).await.unwrap(), None);
    }
}

async fn lists(objects: &Objects) {
    for first in 0..5 {
        let body = Body::Wrapped(Bytes::from_static(b"x"));
        objects.put(&Key::Payloads { first, count: 1 }, body).await.unwrap();
    }
    let listed = objects.list(Prefix::Payloads).await.unwrap();
    let firsts: Vec<_> = listed.iter().map(|listed| listed.key.clone()).collect();
    let expected: Vec<_> = (0..5).map(|first| Some(Key::Payloads { first, count: 1 })).collect();
    assert_eq!(firsts, expected);
    assert!(objects.list(Prefix::All).await.unwrap().len() >= 6);
}

async fn keys_and_bodies_must_fit(objects: &Objects) {
    let public = Body::Public(Bytes::from_static(b"readable"));
    assert_eq!(objects.put(&original(3), public).await.unwrap_err().kind(), ErrorKind::Misused);
    let sealed = Body::from(SealedBytes::seal(&[Identity::generate().recipient()], b"x").unwrap());
    assert_eq!(objects.put(&Key::Manifest, sealed).await.unwrap_err().kind(), ErrorKind::Misused);
}

#[tokio::test]
async fn memory_passes() {
    suite(&Objects::open("memory:", &config::S3::default()).await.unwrap()).await;
}

#[tokio::test]
async fn a_folder_passes_and_has_no_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/deep/er", folder.path().display());
    let objects = Objects::open(&url, &config::S3::default()).await.unwrap();
    suite(&objects).await;
    let incoming = folder.path().join("deep/er/.incoming");
    assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);
    std::fs::write(incoming.join("7"), "left by a crash").unwrap();
    Objects::open(&url, &config::S3::default()).await.unwrap();
    assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);
}

#[tokio::test]
async fn faults_fail_before_or_after() {
    let (objects, faults) = Objects::open("memory:", &config::S3::default()).await.unwrap().with_faults();
    let put = async || objects.put(&Key::Checkpoint, Body::Public(Bytes::from_static(b"x"))).await;
    faults.fail_nth(1, Fault::Before);
    assert_eq!(put().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(objects.head(&Key::Checkpoint).await.unwrap(), None);
    faults.fail_nth(1, Fault::After);
    assert_eq!(put().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(objects.head(&Key::Checkpoint).await.unwrap(), Some(1));
    faults.set_full(true);
    assert_eq!(put().await.unwrap_err().kind(), ErrorKind::Full);
    faults.set_down(true);
    assert_eq!(objects.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn an_s3_store_that_is_not_there_is_unavailable() {
    let settings: config::S3 = serde_json::from_str(
        r#"{"access_key": "k", "secret_key": "s", "attempts": 2, "timeout_seconds": 2}"#,
    )
    .unwrap();
    let objects = Objects::open("s3://bucket?endpoint=http://127.0.0.1:9&region=x", &settings).await.unwrap();
    assert_eq!(objects.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(Objects::open("s3://bucket", &config::S3::default()).await.is_err(), "no credentials");
    assert!(Objects::open("ftp://bucket", &settings).await.is_err());
}

#[tokio::test]
async fn a_store_that_is_only_read_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/objects", folder.path().display());
    let reader = Objects::open_read_only(&url, &config::S3::default()).await.unwrap();
    assert_eq!(reader.head(&Key::Checkpoint).await.unwrap(), None);
    assert!(!folder.path().join("objects").exists(), "nothing is made");
    let writer = Objects::open(&url, &config::S3::default()).await.unwrap();
    let body = || Body::Public(Bytes::from_static(b"x"));
    writer.put(&Key::Checkpoint, body()).await.unwrap();
    let under_way = folder.path().join("objects/.incoming/7");
    std::fs::write(&under_way, "of the writer").unwrap();
    let reader = Objects::open_read_only(&url, &config::S3::default()).await.unwrap();
    assert_eq!(reader.get_bytes(&Key::Checkpoint, 9).await.unwrap(), "x");
    assert_eq!(reader.put(&Key::Manifest, body()).await.unwrap_err().kind(), ErrorKind::Misused);
    assert_eq!(reader.delete(&Key::Checkpoint).await.unwrap_err().kind(), ErrorKind::Misused);
    assert!(under_way.exists(), "what the writer has under way is left alone");
    assert_eq!(writer.list(Prefix::All).await.unwrap().len(), 1);
}
