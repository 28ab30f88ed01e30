//! Logs made straight through the journal: a long one, and two that part.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lantai::clock::Clock;
use lantai::config;
use lantai::domain::{PersonId, RawId};
use lantai::journal::{self, CaughtUp, Draft, Error, Facts, Found, Journal, Projection, Signer};
use lantai::keys::Keys;
use lantai::objects::{Key, Objects, Prefix};
use lantai::records::{Records, Table};
use lantai::vault::{Identity, Keyring, Lookup};

use super::flips;
use crate::python::{accepted, python_with, verify_log};

const NUMBERS: Table<u64> = Table::new("numbers");
const FACTS: Facts = &[("number.noted", note)];

fn note(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let number: u64 = projection.fact()?;
    projection.put(&NUMBERS, &number.to_be_bytes(), &number)
}

/// What outlives one opening of a log.
struct Site {
    objects: Objects,
    records: Records,
    identity: Identity,
    clock: Clock,
}

impl Site {
    async fn new(url: &str) -> Self {
        let (identity, clock) = (Identity::generate(), Clock::system());
        let objects = Objects::open(url, &config::S3::default()).await.unwrap();
        let records = Records::in_memory(&identity.derive("records"), &clock).unwrap();
        Self { objects, records, identity, clock }
    }

    /// The same bucket with records of its own.
    fn beside(&self) -> Self {
        let records = Records::in_memory(&self.identity.derive("records"), &self.clock).unwrap();
        Self {
            objects: self.objects.clone(),
            records,
            identity: self.identity.clone(),
            clock: self.clock.clone(),
        }
    }

    async fn open(&self) -> Result<(Journal, CaughtUp), Error> {
        let keyring = Arc::new(Keyring::new(self.identity.clone(), self.identity.clone()));
        let parts = journal::Parts {
            objects: self.objects.clone(),
            records: self.records.clone(),
            keys: Keys::new(self.objects.clone(), keyring),
            identity: self.identity.clone(),
            lookup: Lookup::new(&self.identity.derive("lookup")),
            signer: Signer::new("lantai/synthetic", &[7; 32]).unwrap(),
            clock: self.clock.clone(),
            facts: vec![FACTS],
            patience: Duration::from_secs(5),
        };
        Journal::open(parts, &|_, _| {}).await
    }

    async fn bytes(&self, key: &Key) -> Vec<u8> {
        self.objects.get_bytes(key, 1 << 20).await.unwrap().to_vec()
    }

    async fn put(&self, key: &Key, bytes: Vec<u8>) {
        self.objects.put(key, lantai::objects::Body::Public(bytes.into())).await.unwrap();
    }
}

async fn commit(journal: &Journal, numbers: std::ops::Range<u64>) {
    let nobody = PersonId::from(RawId::from_bytes([0; 16]));
    for number in numbers {
        journal.commit(Draft::new("number.noted", nobody, &number).unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_verifier_accepts_70_000_entries() {
    let Some(python) = python_with("cryptography", "python") else { return };
    const ENTRIES: u64 = 70_000;
    /// Not a divisor of the width of a tile, so that tiles fill over several rounds.
    const ROUND: u64 = 97;
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&format!("file://{}", folder.path().display())).await;
    let (journal, _) = site.open().await.unwrap();
    let start = Instant::now();
    for first in (0..ENTRIES).step_by(usize::try_from(ROUND).unwrap()) {
        commit(&journal, first..ENTRIES.min(first + ROUND)).await;
        journal.publish_waiting().await.unwrap();
    }
    println!("{ENTRIES} entries published in {:.1} s", start.elapsed().as_secs_f64());
    let place = folder.path().join("journal");
    // The example of the specification.
    for (path, size) in [
        ("0/000", 8192),
        ("0/272", 8192),
        ("0/273.p/112", 3584),
        ("1/000", 8192),
        ("1/001.p/17", 544),
        ("2/000.p/1", 32),
    ] {
        assert_eq!(std::fs::metadata(place.join("tile").join(path)).unwrap().len(), size, "{path}");
    }
    assert!(!place.join("tile/0/274").exists() && !place.join("tile/1/002").exists());
    partial_tiles_are_gone(&place).await;
    let key = journal.verifier_key();
    let arguments = [place.to_str().unwrap(), "--key", key];
    let start = Instant::now();
    print!("{}", accepted(&verify_log(&python, &arguments)));
    println!("verified in {:.1} s", start.elapsed().as_secs_f64());
    flips::each_is_found(&python, &place, key, 20);
}

/// Full tiles and bundles take the place of the partial ones, which are deleted a moment later.
async fn partial_tiles_are_gone(journal: &Path) {
    let left = || -> usize {
        let all = crate::server::files_below(&journal.join("tile"));
        all.iter().filter(|path| path.to_string_lossy().contains(".p/")).count()
    };
    let newest = ["0/273.p", "entries/273.p", "1/001.p", "2/000.p"];
    let kept = || -> usize {
        let count = |name: &&str| std::fs::read_dir(journal.join("tile").join(name)).unwrap().count();
        newest.iter().map(count).sum()
    };
    assert!(crate::app::until(|| async { left() == kept() }).await, "{} partial tiles are left", left());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stopped_inside_a_bundle_that_filled_meanwhile_catches_up() {
    let site = Site::new("memory:").await;
    let (journal, _) = site.open().await.unwrap();
    commit(&journal, 0..100).await;
    journal.publish_waiting().await.unwrap();
    let old = site.bytes(&Key::Checkpoint).await;
    commit(&journal, 100..600).await;
    journal.publish_waiting().await.unwrap();
    let gone = || async { site.objects.list(Prefix::PartialBundles { index: 0 }).await.unwrap().is_empty() };
    assert!(crate::app::until(gone).await);
    // A reader that still has the old checkpoint finds its partial bundle only in the full one.
    site.put(&Key::Checkpoint, old).await;
    let (behind, caught_up) = site.beside().open().await.unwrap();
    assert_eq!((caught_up.replayed, behind.health().published), (100, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_a_damaged_and_a_missing_checkpoint_are_put_right() {
    let site = Site::new("memory:").await;
    let (journal, _) = site.open().await.unwrap();
    commit(&journal, 0..300).await;
    journal.publish_waiting().await.unwrap();
    let old = site.bytes(&Key::Checkpoint).await;
    commit(&journal, 300..2_000).await;
    journal.publish_waiting().await.unwrap();
    let newest = site.bytes(&Key::Checkpoint).await;
    let mut damaged = newest.clone();
    damaged[20] ^= 1;
    for (checkpoint, found) in
        [(Some(old), Found::RolledBack(300)), (Some(damaged), Found::Damaged), (None, Found::RolledBack(0))]
    {
        match checkpoint {
            Some(bytes) => site.put(&Key::Checkpoint, bytes).await,
            None => site.objects.delete(&Key::Checkpoint).await.unwrap(),
        }
        let (journal, caught_up) = site.open().await.unwrap();
        assert_eq!((caught_up.found, journal.health().found), (Some(found), Some(found)));
        assert_eq!(journal.health().published, 2_000);
        assert_eq!(site.bytes(&Key::Checkpoint).await, newest);
        assert_eq!(site.open().await.unwrap().1.found, None, "once it is put right it is right");
    }
    // It goes on from there.
    let (journal, _) = site.open().await.unwrap();
    commit(&journal, 2_000..2_010).await;
    journal.publish_waiting().await.unwrap();
    assert_eq!(site.beside().open().await.unwrap().1.replayed, 2_010);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_lost_what_was_published_is_refused() {
    let site = Site::new("memory:").await;
    let (journal, _) = site.open().await.unwrap();
    commit(&journal, 0..10).await;
    journal.publish_waiting().await.unwrap();
    let old = site.bytes(&Key::Checkpoint).await;
    commit(&journal, 10..20).await;
    journal.publish_waiting().await.unwrap();
    site.objects.delete(&Key::Payloads { first: 10, count: 10 }).await.unwrap();
    site.put(&Key::Checkpoint, old.clone()).await;
    let refused = site.open().await.map(drop);
    assert!(matches!(refused, Err(Error::RolledBack { bucket: 10, published: 20 })), "{refused:?}");
    assert_eq!(site.bytes(&Key::Checkpoint).await, old, "nothing was changed");
    // Records that are given up go on from what there is.
    assert_eq!(site.beside().open().await.unwrap().1.replayed, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn unpublished_entries_beside_another_history_are_given_up_and_published_ones_are_not() {
    let first = Site::new("memory:").await;
    let (journal, _) = first.open().await.unwrap();
    commit(&journal, 0..300).await;
    journal.publish_waiting().await.unwrap();
    // What is committed here is not published; meanwhile somebody else continues the log.
    commit(&journal, 300..303).await;
    let second = first.beside();
    let (other, _) = second.open().await.unwrap();
    for (until, unpublished) in [(302, 3), (303, 3), (700, 3)] {
        commit(&other, other.health().size..until).await;
        other.publish_waiting().await.unwrap();
        let error = first.open().await.err();
        assert!(matches!(error, Some(Error::Diverged)), "{until} entries beside {unpublished}: {error:?}");
    }
    // The first publishes what it has: two logs that part after entry 300. Nobody may choose between them in silence.
    let theirs = second.bytes(&Key::Checkpoint).await;
    journal.publish_waiting().await.unwrap();
    assert!(matches!(second.open().await.err(), Some(Error::Forked)));
    second.put(&Key::Checkpoint, theirs.clone()).await;
    let error = first.open().await.err();
    assert!(matches!(error, Some(Error::Forked)), "{error:?}");
    assert_eq!(first.bytes(&Key::Checkpoint).await, theirs, "nothing was changed");
}
