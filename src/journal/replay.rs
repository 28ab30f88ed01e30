//! Replay: what the bucket's log says and the local records lack is projected again, entry by entry.
//!
//! With empty records this is the restore. Nothing is believed unchecked: the checkpoint's signature, the root
//! over all entries, and each payload against its entry's digest.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::checkpoint::{Head, verify_checkpoint};
use super::publish::read_payloads;
use super::tiles::{Edge, NodeHash, TILE_WIDTH, bundle_width, read_entries};
use super::{Entry, Error, Found, Journal, Parts};
use crate::domain::{DossierId, Sha256Digest};
use crate::objects::{self, ErrorKind, Key, Objects, Prefix};
use crate::records::Batch;
use crate::vault;

/// The largest log object: 256 entries of 64 KiB, or a round's payloads.
pub(super) const LOG_OBJECT_LIMIT_BYTES: u64 = 256 << 20;
/// How many entries a full bundle has.
const FULL: u16 = 256;
/// Records are flushed after this many replayed entries.
const FLUSH_ENTRIES: u64 = 4096;

/// Is told how many of how many entries have been replayed.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What opening the journal found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// Entries taken over from the bucket.
    pub replayed: u64,
    /// Of these, entries whose payload could not be opened, by index: they are in the log but make no rows.
    pub without_key: Vec<u64>,
    /// The dossiers that these are about: their keys are sealed away, destroyed or lost.
    pub gone: BTreeSet<DossierId>,
    /// Entries that are here and not yet in the bucket.
    pub unpublished: u64,
    /// What was wrong with the bucket's checkpoint and was put right.
    pub found: Option<Found>,
}

impl Journal {
    /// Opens the log and makes both sides agree: what the bucket has and the records lack is replayed; what the
    /// records have and the bucket lacks waits for the publisher.
    ///
    /// Fails with [`Error::Diverged`] if the records are not a beginning or a continuation of the bucket's log, which
    /// has all that was published from here; with [`Error::Forked`] or [`Error::RolledBack`] if it has not.
    pub async fn open(parts: Parts, progress: Progress<'_>) -> Result<(Self, CaughtUp), Error> {
        let journal = Self::new(parts)?;
        let bucket = Bucket::new(&journal.0.objects, journal.verifier_key());
        let (head, found) = journal.agreed_head(&bucket).await?;
        let local = journal.size();
        let unpublished = local.saturating_sub(head.size);
        let mut caught_up = CaughtUp { unpublished, found, ..CaughtUp::default() };
        let continues = local >= head.size || journal.is_beginning(&bucket, head).await?;
        if local < head.size && continues {
            journal.replay(&bucket, head, &mut caught_up, progress).await?;
        }
        if !continues || journal.tree().root(head.size).ok() != Some(head.root) {
            return Err(journal.divergence(&bucket, head).await?);
        }
        let known = journal.known_published()?.map_or(0, |known| known.size);
        journal.note_published(head, known..local.min(head.size))?;
        journal.0.published.send_replace(head.size);
        journal.0.wake.notify_one();
        Ok((journal, caught_up))
    }

    async fn replay(
        &self,
        bucket: &Bucket<'_>,
        head: Head,
        caught_up: &mut CaughtUp,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let start = self.size();
        let mut payloads = bucket.payloads(start).await?;
        for bundle in start / TILE_WIDTH..head.size.div_ceil(TILE_WIDTH) {
            let texts = bucket.entries(bundle, head.size).await?;
            for (index, text) in (bundle * TILE_WIDTH..).zip(&texts).skip_while(|(index, _)| *index < start) {
                self.replay_entry(index, text, &mut payloads, caught_up).await?;
                progress(index + 1, head.size);
                if index % FLUSH_ENTRIES == FLUSH_ENTRIES - 1 {
                    self.flush().await?;
                }
            }
        }
        self.flush().await
    }

    async fn replay_entry(
        &self,
        index: u64,
        text: &str,
        payloads: &mut Payloads<'_>,
        caught_up: &mut CaughtUp,
    ) -> Result<(), Error> {
        let sealed = payloads.get(index, Entry::parse(text)?.payload).await?;
        self.replay_sealed(index, text, &sealed, caught_up).await
    }

    /// Projects an entry whose payload is at hand.
    pub(super) async fn replay_sealed(
        &self,
        index: u64,
        text: &str,
        sealed: &[u8],
        caught_up: &mut CaughtUp,
    ) -> Result<(), Error> {
        let entry = Entry::parse(text)?;
        if entry.to_canonical()? != text {
            return Err(Error::Corrupt);
        }
        let fact = match self.fact(&entry, sealed, &caught_up.gone).await {
            Ok(fact) => Some(fact),
            Err(Gone::Key(dossier)) => {
                caught_up.without_key.push(index);
                caught_up.gone.insert(dossier);
                None
            }
            Err(Gone::Error(error)) => return Err(error),
        };
        self.apply(index, &entry, fact.as_ref().map(|fact| fact.as_slice()), Batch::new())?;
        *self.0.size.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = index + 1;
        caught_up.replayed += 1;
        Ok(())
    }
}

/// Why there is no fact.
enum Gone {
    /// The dossier's key is sealed away or destroyed.
    Key(DossierId),
    Error(Error),
}

impl Journal {
    /// Opens a payload. Only the key of a dossier can be gone: what is sealed to the journal's own key must open.
    async fn fact(
        &self,
        entry: &Entry,
        sealed: &[u8],
        gone: &BTreeSet<DossierId>,
    ) -> Result<Zeroizing<Vec<u8>>, Gone> {
        let Some(dossier) = entry.sealed_under() else {
            return vault::open(&self.0.identity, sealed).map_err(|_| Gone::Error(Error::Corrupt));
        };
        if gone.contains(&dossier) {
            return Err(Gone::Key(dossier));
        }
        match self.payload_identity(Some(dossier)).await {
            Ok(identity) => vault::open(&identity, sealed).map_err(|_| Gone::Key(dossier)),
            Err(Error::Keys(error)) if key_is_gone(&error) => Err(Gone::Key(dossier)),
            Err(error) => Err(Gone::Error(error)),
        }
    }
}

fn key_is_gone(error: &crate::keys::Error) -> bool {
    match error {
        crate::keys::Error::Objects(error) => error.kind() == ErrorKind::NotFound,
        crate::keys::Error::Vault(error) => matches!(error, vault::Error::WrongKey),
        crate::keys::Error::Foreign | crate::keys::Error::Records(_) => false,
    }
}

/// The log as it lies in the object store.
pub struct Bucket<'a> {
    objects: &'a Objects,
    verifier_key: &'a str,
}

impl<'a> Bucket<'a> {
    /// The log of this store, checked with this key.
    pub fn new(objects: &'a Objects, verifier_key: &'a str) -> Self {
        Self { objects, verifier_key }
    }

    /// The published head; `None` if nothing was ever published.
    pub async fn head(&self) -> Result<Option<Head>, Error> {
        match self.objects.get_bytes(&Key::Checkpoint, LOG_OBJECT_LIMIT_BYTES).await {
            Ok(bytes) => verify_checkpoint(&bytes, self.verifier_key).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The entries of one bundle in a log of `size` entries.
    pub async fn entries(&self, bundle: u64, size: u64) -> Result<Vec<String>, Error> {
        let width = bundle_width(bundle, size);
        match self.bundle(bundle, width).await {
            // The log has grown meanwhile: a partial bundle goes when the full one is there.
            Err(Error::Objects(error)) if error.kind() == ErrorKind::NotFound && width < FULL => {
                let mut entries = self.bundle(bundle, FULL).await?;
                entries.truncate(width.into());
                Ok(entries)
            }
            other => other,
        }
    }

    async fn bundle(&self, index: u64, width: u16) -> Result<Vec<String>, Error> {
        let key = Key::EntryBundle { index, width };
        let entries = read_entries(&self.objects.get_bytes(&key, LOG_OBJECT_LIMIT_BYTES).await?)?;
        if entries.len() == usize::from(width) { Ok(entries) } else { Err(Error::Corrupt) }
    }

    /// The root of the first `size` entries, computed from the entries of a log of `whole`; `None` without any.
    pub(super) async fn root(&self, size: u64, whole: u64) -> Result<Option<NodeHash>, Error> {
        let mut edge = Edge::default();
        for bundle in 0..size.min(whole).div_ceil(TILE_WIDTH) {
            let wanted = usize::from(bundle_width(bundle, size));
            for entry in self.entries(bundle, whole).await?.iter().take(wanted) {
                edge.push(entry.as_bytes());
            }
        }
        Ok(edge.root())
    }

    /// The sealed payloads from entry `start` on.
    pub async fn payloads(&self, start: u64) -> Result<Payloads<'a>, Error> {
        let mut objects = Vec::new();
        for listed in self.objects.list(Prefix::Payloads).await? {
            if let Some(Key::Payloads { first, count }) = listed.key
                && first + u64::from(count) > start
            {
                objects.push((first, count));
            }
        }
        objects.sort_unstable();
        Ok(Payloads { store: self.objects, objects: objects.into(), read: BTreeMap::new() })
    }
}

/// Reads payload objects as their entries come up, and forgets them behind.
pub struct Payloads<'a> {
    store: &'a Objects,
    /// Not yet read: first entry and count, in order.
    objects: std::collections::VecDeque<(u64, u32)>,
    /// Read and still needed. A round that was begun twice may have left an entry's payload in two objects.
    read: BTreeMap<u64, Vec<Vec<u8>>>,
}

impl Payloads<'_> {
    /// The payload of entry `index`, which has this digest.
    pub async fn get(&mut self, index: u64, digest: Sha256Digest) -> Result<Vec<u8>, Error> {
        self.read = self.read.split_off(&index);
        while let Some((first, count)) = self.objects.front().copied()
            && first <= index
        {
            self.objects.pop_front();
            let object = self.store.get_bytes(&Key::Payloads { first, count }, LOG_OBJECT_LIMIT_BYTES).await;
            for (at, sealed) in read_payloads(&object?)? {
                self.read.entry(at).or_default().push(sealed);
            }
        }
        let candidates = self.read.remove(&index).unwrap_or_default();
        let wanted = candidates.into_iter().find(|sealed| Sha256Digest::of(sealed) == digest);
        wanted.ok_or_else(|| objects::Error::from(ErrorKind::NotFound).into())
    }
}
