//! The object store's calls against a real Garage.

use bytes::Bytes;
use futures::StreamExt;
use lantai::config;
use lantai::domain::{DocumentId, DossierId, RawId, Sha256Digest};
use lantai::objects::{Body, ErrorKind, Key, Objects, Prefix};
use lantai::vault::{Identity, Sealed, open};
use serde_json::json;

use crate::garage::Garage;

const MIB: usize = 1 << 20;

fn settings(garage: &Garage, secret: &str) -> config::S3 {
    let settings = json!({
        "access_key": garage.key, "secret_key": secret, "part_bytes": 5 * MIB, "attempts": 2, "timeout_seconds": 20,
    });
    serde_json::from_value(settings).unwrap()
}

fn original(number: u8) -> Key {
    let dossier = DossierId::from(RawId::from_bytes([1; 16]));
    Key::Original { dossier, document: DocumentId::from(RawId::from_bytes([number; 16])) }
}

fn sealed(identity: &Identity, plaintext: &[u8]) -> Sealed {
    let pieces: Vec<_> = plaintext.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Sealed::stream(&[identity.recipient()], futures::stream::iter(pieces)).unwrap()
}

#[tokio::test]
async fn garage_keeps_what_it_is_given() {
    let Some(garage) = Garage::start() else { return };
    let objects = Objects::open(&garage.url("suite"), &settings(&garage, &garage.secret)).await.unwrap();
    let identity = Identity::generate();
    for size in [0, 1, 65_536, 5 * MIB - 200, 5 * MIB, 5 * MIB + 1, 20 * MIB] {
        let plaintext: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        let stored = objects.put(&original(1), Body::Sealed(sealed(&identity, &plaintext))).await.unwrap();
        let bytes = objects.get_bytes(&original(1), 1 << 30).await.unwrap();
        assert_eq!(
            (bytes.len() as u64, Sha256Digest::of(&bytes)),
            (stored.size_bytes, stored.sha256),
            "{size}"
        );
        assert_eq!(*open(&identity, &bytes).unwrap(), plaintext, "{size}");
        assert_eq!(objects.head(&original(1)).await.unwrap(), Some(stored.size_bytes));
        let rest = objects.get_from(&original(1), 100).await.unwrap();
        assert_eq!(rest.size_bytes, stored.size_bytes);
        let rest: Vec<_> = rest.stream.map(Result::unwrap).collect().await;
        assert_eq!(rest.concat(), bytes[100..], "{size}");
    }
    for before in [0, 3, 130] {
        let whole = std::iter::repeat_n(Bytes::from(vec![7; 100_000]), before).map(Ok);
        let broken = whole.chain([Err(std::io::Error::other("cut"))]);
        let broken = Sealed::stream(&[identity.recipient()], futures::stream::iter(broken)).unwrap();
        let error = objects.put(&original(2), Body::Sealed(broken)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Broken);
        assert_eq!(objects.head(&original(2)).await.unwrap(), None, "after {before} pieces");
    }
    objects.delete(&original(1)).await.unwrap();
    objects.delete(&original(1)).await.unwrap();
    assert_eq!(objects.get(&original(1)).await.err().map(|error| error.kind()), Some(ErrorKind::NotFound));
    let puts = (0..1_100).map(|first| {
        let objects = &objects;
        async move {
            objects.put(&Key::Payloads { first, count: 1 }, Body::Wrapped(Bytes::from_static(b"x"))).await
        }
    });
    futures::stream::iter(puts).buffer_unordered(16).map(Result::unwrap).collect::<Vec<_>>().await;
    let listed = objects.list(Prefix::Payloads).await.unwrap();
    let firsts: Vec<_> = listed.into_iter().map(|listed| listed.key).collect();
    assert_eq!(firsts, (0..1_100).map(|first| Some(Key::Payloads { first, count: 1 })).collect::<Vec<_>>());
}

#[tokio::test]
async fn garage_refuses_strangers_and_is_missed_when_it_is_gone() {
    let Some(garage) = Garage::start() else { return };
    let stranger = Objects::open(&garage.url("x"), &settings(&garage, &"0".repeat(64))).await.unwrap();
    assert_eq!(stranger.ping().await.unwrap_err().kind(), ErrorKind::Denied);
    let objects = Objects::open(&garage.url("x"), &settings(&garage, &garage.secret)).await.unwrap();
    objects.ping().await.unwrap();
    drop(garage);
    let put = objects.put(&Key::Checkpoint, Body::Public(Bytes::from_static(b"x"))).await;
    assert_eq!(put.unwrap_err().kind(), ErrorKind::Unavailable);
}
