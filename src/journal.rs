//! The one log. Every change of state, and every view of a document, is an entry; an entry makes rows.
//!
//! Layer 3. [`Journal::commit`] is the only way to change business state: it seals the fact, appends the entry to
//! the tree and projects it into rows, all in one atomic batch. Entries become durable when the publisher has
//! put them into the object store under a signed checkpoint; only then may a client be answered
//! ([`Journal::published`]). At the start, what one side lacks is taken from the other.

mod agree;
mod check;
mod checkpoint;
mod entry;
mod projection;
mod proof;
mod publish;
mod rehearse;
mod reopen;
mod replay;
mod tiles;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::domain::{DossierId, Sha256Digest};
use crate::keys::{self, Keys};
use crate::objects::{self, Objects};
use crate::records::{self, Batch, Records, Table};
use crate::vault::{Identity, Lookup, Recipient, SealedBytes};

pub use agree::Found;
pub use check::{Flaw, LogCheck, LogFlaw, LogFound, entry_at, local_size};
pub use checkpoint::{Head, Signer, verify_checkpoint};
pub use entry::{Draft, Entry, ObjectRef, PayloadKey};
pub use projection::{Facts, Project, Projection};
pub use proof::Proved;
pub use rehearse::Rehearsal;
pub use replay::{Bucket, CaughtUp, Gap, OnGap, Progress};
use tiles::{NodeHash, Tree};

/// The entries' canonical JSON, by index (8 bytes, big-endian).
const ENTRIES: Table<String> = Table::new("log.entries");
/// The sealed payloads (base64) that are not published yet, by index.
const PAYLOADS: Table<String> = Table::new("log.payloads");
/// The tree's hashes, by storage index.
const HASHES: Table<Sha256Digest> = Table::new("log.hashes");
/// The dossiers and documents that the log speaks of, by id: the first entry that does. Made from the readable part of
/// the entries, so that it is whole even where a key is gone.
const SUBJECTS: Table<u64> = Table::new("log.subjects");
/// One row: how many entries there are.
const SIZE: Table<LogSize> = Table::new("log.size");

/// One row: the last head that was published from here, as far as is known. What the bucket has may be ahead of it.
const PUBLISHED: Table<PublishedHead> = Table::new("log.published");
/// Dossiers whose key is sealed away or destroyed, with the entry that says so.
const CLOSED: Table<u64> = Table::new("log.closed");

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct LogSize {
    entries: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct PublishedHead {
    size: u64,
    root: Sha256Digest,
}

/// What went wrong with the log, by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the decision rested on has changed: read again and decide again. Nothing was committed.
    #[error("what this rests on has changed meanwhile")]
    Conflict,
    /// The dossier is sealed or destroyed: nothing can be written about it any more. Nothing was committed.
    #[error("the dossier is sealed")]
    Closed,
    /// The object store takes nothing now: try again later. Nothing was committed.
    #[error("the archive takes nothing at the moment")]
    Unavailable,
    /// Committed here and not yet in the object store; it will be published when the store is back.
    #[error("recorded, but not yet durable in the object store")]
    NotDurable,
    /// The local records do not belong to the log in the bucket, which has all that was published from here: set them
    /// aside and replay.
    #[error("the local records do not continue the log in the bucket")]
    Diverged,
    /// The log in the bucket is another one than was published from here. Its owner has to say which one is right.
    #[error(
        "the log in the bucket is not the one that was published from here: another Lantai writes to it, or it was replaced; nothing was changed (docs/operations.md says what to do)"
    )]
    Forked,
    /// The log in the bucket is an older one, and what was published since is gone. Its owner has to say what is to
    /// be done.
    #[error(
        "the log in the bucket has {bucket} entries, but {published} were published from here: the bucket was put back to an older state; nothing was changed (docs/operations.md says what to do)"
    )]
    RolledBack {
        /// Entries under the bucket's checkpoint.
        bucket: u64,
        /// Entries that were published from here.
        published: u64,
    },
    /// The log in the bucket, or the local copy, is damaged.
    #[error("the log is damaged")]
    Corrupt,
    /// The entry is longer than the log's form allows.
    #[error("the entry is too large")]
    TooLarge,
    /// The record store failed.
    #[error(transparent)]
    Records(records::Error),
    /// A key could not be had.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The object store failed.
    #[error(transparent)]
    Objects(#[from] objects::Error),
}

impl Error {
    /// Whether it is certain that nothing was committed. If not, the next start finds out.
    pub fn is_certain(&self) -> bool {
        use records::Error::{Corrupt, Full, Io};
        !matches!(self, Self::NotDurable | Self::Records(Corrupt | Full | Io(_)))
    }
}

impl From<records::Error> for Error {
    fn from(error: records::Error) -> Self {
        match error {
            records::Error::Conflict => Self::Conflict,
            other => Self::Records(other),
        }
    }
}

/// How the publishing goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Entries in the log.
    pub size: u64,
    /// Entries under the published checkpoint.
    pub published: u64,
    /// Whether the last try to publish failed.
    pub failing: bool,
    /// What was wrong with the bucket's checkpoint when the log was opened, and was put right.
    pub found: Option<Found>,
}

/// What the journal needs.
pub struct Parts {
    /// Where the log is published.
    pub objects: Objects,
    /// Where it is projected.
    pub records: Records,
    /// The dossiers' keys.
    pub keys: Keys,
    /// The identity that payloads without a dossier are sealed to.
    pub identity: Identity,
    /// Makes row keys of what must not be readable.
    pub lookup: Lookup,
    /// Signs the checkpoints.
    pub signer: Signer,
    /// The time.
    pub clock: Clock,
    /// The projections of all modules.
    pub facts: Vec<Facts>,
    /// How long a client waits for the object store before it is told that its change is not durable yet.
    pub patience: Duration,
}

/// The log of one archive. Cloning shares it.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    objects: Objects,
    records: Records,
    keys: Keys,
    identity: Identity,
    lookup: Lookup,
    signer: Signer,
    clock: Clock,
    facts: HashMap<&'static str, Project>,
    patience: Duration,
    /// The number of entries; held while one is appended.
    size: Mutex<u64>,
    published: watch::Sender<u64>,
    /// Held while something is published: an older head must never come after a newer one.
    publishing: tokio::sync::Mutex<()>,
    failing: watch::Sender<bool>,
    found: OnceLock<Found>,
    wake: Notify,
}

impl Journal {
    fn new(parts: Parts) -> Result<Self, Error> {
        let size = parts.records.get(&SIZE, b"")?.unwrap_or_default().entries;
        Ok(Self(Arc::new(Inner {
            objects: parts.objects,
            records: parts.records,
            keys: parts.keys,
            identity: parts.identity,
            lookup: parts.lookup,
            signer: parts.signer,
            clock: parts.clock,
            facts: parts.facts.into_iter().flatten().copied().collect(),
            patience: parts.patience,
            size: Mutex::new(size),
            published: watch::Sender::new(0),
            publishing: tokio::sync::Mutex::default(),
            failing: watch::Sender::new(false),
            found: OnceLock::new(),
            wake: Notify::new(),
        })))
    }

    /// Commits a change: entry and rows in one atomic batch. It is durable once [`Journal::published`] says so.
    pub async fn commit(&self, draft: Draft) -> Result<u64, Error> {
        if *self.0.failing.borrow() {
            return Err(Error::Unavailable);
        }
        let fact = serde_json::to_vec(&draft.fact).map_err(|_| Error::Corrupt)?;
        let under = draft.dossier.filter(|_| draft.payload_key.is_none());
        if let Some(dossier) = under {
            self.check_not_closed(dossier)?;
        }
        let recipient = self.payload_identity(under).await?.recipient();
        let sealed = SealedBytes::seal(&[recipient], &fact).map_err(|_| Error::Corrupt)?;
        let index = self.append(draft, &fact, sealed.as_bytes())?;
        self.0.wake.notify_one();
        Ok(index)
    }

    /// Commits a change and waits until it is durable in the object store.
    pub async fn commit_durably(&self, draft: Draft) -> Result<u64, Error> {
        let index = self.commit(draft).await?;
        self.published(index).await?;
        Ok(index)
    }

    /// Returns once entry `index` is in the object store under a signed checkpoint.
    pub async fn published(&self, index: u64) -> Result<(), Error> {
        let mut published = self.0.published.subscribe();
        let waiting = published.wait_for(|published| *published > index);
        match tokio::time::timeout(self.0.patience, waiting).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Error::NotDurable),
        }
    }

    /// How many entries are durable in the object store, now and whenever that changes.
    pub fn watch_published(&self) -> watch::Receiver<u64> {
        self.0.published.subscribe()
    }

    /// How the publishing goes.
    pub fn health(&self) -> Health {
        Health {
            size: self.size(),
            published: *self.0.published.borrow(),
            failing: *self.0.failing.borrow(),
            found: self.0.found.get().copied(),
        }
    }

    /// Whether any entry is about this dossier or document.
    pub fn speaks_of(&self, id: &[u8; 16]) -> Result<bool, Error> {
        speaks_of(&self.0.records, id)
    }

    /// The entry at `index`, if the log is that long.
    pub fn entry(&self, index: u64) -> Result<Option<Entry>, Error> {
        let text = self.0.records.get(&ENTRIES, &index.to_be_bytes())?;
        text.map(|text| Entry::parse(&text)).transpose()
    }

    /// The root hash over all entries.
    pub fn root(&self) -> Result<[u8; 32], Error> {
        self.root_at(self.size())
    }

    /// The root hash over the first `size` entries.
    pub fn root_at(&self, size: u64) -> Result<[u8; 32], Error> {
        self.tree().root(size)
    }

    /// Whom payloads without a dossier are sealed to.
    pub fn payload_recipient(&self) -> Recipient {
        self.0.identity.recipient()
    }

    /// The verifier key that outsiders check the log with.
    pub fn verifier_key(&self) -> &str {
        self.0.signer.verifier_key()
    }

    fn size(&self) -> u64 {
        *self.0.size.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, draft: Draft, fact: &[u8], sealed: &[u8]) -> Result<u64, Error> {
        let mut size = self.0.size.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = draft.entry(self.0.clock.now(), Sha256Digest::of(sealed));
        if let Some(dossier) = entry.sealed_under() {
            self.check_not_closed(dossier)?;
        }
        if let Some(still) = &draft.still
            && !still(&self.0.records)?
        {
            return Err(Error::Conflict);
        }
        let text = entry.to_canonical()?;
        let mut batch = draft.expected;
        batch.put(&PAYLOADS, &size.to_be_bytes(), &BASE64_STANDARD.encode(sealed))?;
        self.project(*size, (&entry, &text), Some(fact), &Batch::new(), &mut batch)?;
        self.0.records.commit(batch)?;
        *size += 1;
        Ok(*size - 1)
    }

    /// The entry that closed a dossier: from there on nothing is sealed to the dossier's key.
    pub fn closed(&self, dossier: DossierId) -> Result<Option<u64>, Error> {
        Ok(self.0.records.get(&CLOSED, dossier.as_bytes())?)
    }

    fn check_not_closed(&self, dossier: DossierId) -> Result<(), Error> {
        if self.0.records.contains(&CLOSED, dossier.as_bytes())? { Err(Error::Closed) } else { Ok(()) }
    }

    /// Adds entry number `index` (with its canonical text), its hashes and its rows to the batch. It rests on the rows and on what is `pending`:
    /// the changes of entries before it. Without a fact (its key is gone) there are no rows.
    fn project(
        &self,
        index: u64,
        (entry, text): (&Entry, &String),
        fact: Option<&[u8]>,
        pending: &Batch,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        put_hashes(self.tree_with(pending).append(index, text.as_bytes())?, batch)?;
        batch.put(&ENTRIES, &index.to_be_bytes(), text)?;
        batch.put(&SIZE, b"", &LogSize { entries: index + 1 })?;
        let (dossier, document) =
            (entry.dossier.map(|id| *id.as_bytes()), entry.document.map(|id| *id.as_bytes()));
        for id in [dossier, document].into_iter().flatten() {
            if !self.speaks_of(&id)? && pending.change(&SUBJECTS, &id)?.is_none() {
                batch.put(&SUBJECTS, &id, &index)?;
            }
        }
        if let Some(fact) = fact {
            let project = self.0.facts.get(entry.kind.as_str()).ok_or(Error::Corrupt)?;
            let ground = (&self.0.records, pending);
            project(&mut Projection::new(index, entry, fact, ground, &self.0.lookup, batch))?;
        }
        Ok(())
    }

    fn tree(&self) -> Tree<impl Fn(u64) -> Option<NodeHash> + '_> {
        stored_tree(&self.0.records)
    }

    /// The tree with hashes that are not rows yet.
    fn tree_with<'a>(&'a self, pending: &'a Batch) -> Tree<impl Fn(u64) -> Option<NodeHash> + 'a> {
        let rows = self.tree();
        Tree(move |at: u64| match pending.change(&HASHES, &at.to_be_bytes()).ok()? {
            Some(changed) => changed.map(|hash| *hash.as_bytes()),
            None => rows.0(at),
        })
    }

    async fn payload_identity(&self, dossier: Option<DossierId>) -> Result<Identity, Error> {
        match dossier {
            Some(dossier) => Ok(self.0.keys.open(dossier).await?),
            None => Ok(self.0.identity.clone()),
        }
    }
}

/// Whether any entry of the log in these records is about this dossier or document.
pub fn speaks_of(records: &Records, id: &[u8; 16]) -> Result<bool, Error> {
    Ok(records.contains(&SUBJECTS, id)?)
}

/// The tree whose hashes are in these records.
fn stored_tree(records: &Records) -> Tree<impl Fn(u64) -> Option<NodeHash> + '_> {
    let read = |at: u64| records.get(&HASHES, &at.to_be_bytes()).ok().flatten();
    Tree(move |at| read(at).map(|hash: Sha256Digest| *hash.as_bytes()))
}

fn put_hashes(hashes: Vec<(u64, NodeHash)>, batch: &mut Batch) -> Result<(), Error> {
    for (at, hash) in hashes {
        batch.put(&HASHES, &at.to_be_bytes(), &Sha256Digest::from_bytes(hash))?;
    }
    Ok(())
}
