//! Replay: what the bucket's log says and the local records lack is projected again, entry by entry.
//!
//! With empty records this is the restore. Nothing is believed unchecked: the checkpoint's signature, the root
//! over all entries, and each payload against its entry's digest. Reading, opening and projecting overlap: while
//! the rows of one bundle of entries are written, the next ones are fetched and opened. Memory holds a few bundles,
//! whatever the log's length.

mod bucket;
mod opening;

use std::collections::BTreeSet;
use std::sync::PoisonError;

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

pub use bucket::Bucket;
pub(super) use bucket::Payloads;
use bucket::Reading;
use opening::{Chunk, Leaf};

pub(super) use bucket::LOG_OBJECT_LIMIT_BYTES;

use super::checkpoint::Head;
use super::{Error, Found, Journal, LogSize, Parts, SIZE, put_hashes};
use crate::domain::DossierId;
use crate::objects::ErrorKind;
use crate::records::{Batch, Table};

/// Records are flushed after this many replayed entries.
const FLUSH_ENTRIES: u64 = 1024;

/// Is told how many of how many entries have been replayed.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What to do when the bucket lacks a part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnGap {
    /// Fail.
    Fail,
    /// Leave out what cannot be had, note it, and go on: for bringing back what is left of an archive.
    Skip,
}

/// Why an entry of the log made no rows here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// There is no key that opens its payload.
    WithoutKey,
    /// Its payload is not in the bucket.
    WithoutPayload,
    /// It is not in the bucket itself: only its hash is in the log.
    Lost,
    /// What it rests on is missing.
    Unfounded,
}

/// Entries that made no rows, by index. Kept beside the rows, so that a replay that was interrupted forgets none.
const GAPS: Table<Gap> = Table::new("log.gaps");

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
    /// Hash tiles that are not in the bucket, by path; looked for only when gaps are skipped.
    pub missing_tiles: Vec<String>,
    /// Neither the entries from this one on nor their hashes are in the bucket: the replay ended here.
    pub ended_at: Option<u64>,
}

impl Journal {
    /// Opens the log and makes both sides agree: what the bucket has and the records lack is replayed; what the
    /// records have and the bucket lacks waits for the publisher.
    ///
    /// Fails with [`Error::Diverged`] if the records are not a beginning or a continuation of the bucket's log, which
    /// has all that was published from here; with [`Error::Forked`] or [`Error::RolledBack`] if it has not.
    pub async fn open(parts: Parts, progress: Progress<'_>) -> Result<(Self, CaughtUp), Error> {
        Self::open_with(parts, OnGap::Fail, progress).await
    }

    /// The same, with the choice of leaving out what the bucket lacks.
    pub async fn open_with(
        parts: Parts,
        on_gap: OnGap,
        progress: Progress<'_>,
    ) -> Result<(Self, CaughtUp), Error> {
        let journal = Self::new(parts)?;
        let bucket = Bucket::new(&journal.0.objects, journal.verifier_key());
        let (head, found) = journal.agreed_head(&bucket).await?;
        let local = journal.size();
        let unpublished = local.saturating_sub(head.size);
        let mut caught_up = CaughtUp { unpublished, found, ..CaughtUp::default() };
        let continues = local >= head.size || journal.continues(&bucket, head, on_gap).await?;
        if local < head.size && continues {
            journal.replay(&bucket, head, on_gap, &mut caught_up, progress).await?;
        }
        if caught_up.ended_at.is_some() {
            // No checkpoint says what so short a log hashes to, and nothing can be published after it.
            return Ok((journal, caught_up));
        }
        if !continues || journal.tree().root(head.size).ok() != Some(head.root) {
            return Err(match on_gap {
                OnGap::Fail => journal.divergence(&bucket, head).await?,
                OnGap::Skip => Error::Diverged,
            });
        }
        let known = journal.known_published()?.map_or(0, |known| known.size);
        journal.note_published(head, known..local.min(head.size))?;
        journal.0.published.send_replace(head.size);
        journal.0.wake.notify_one();
        Ok((journal, caught_up))
    }

    /// Whether the bucket's log goes on where the records end, as far as it can be told before the replay.
    async fn continues(&self, bucket: &Bucket<'_>, head: Head, on_gap: OnGap) -> Result<bool, Error> {
        match self.is_beginning(bucket, head).await {
            Err(Error::Objects(error)) if on_gap == OnGap::Skip && error.kind() == ErrorKind::NotFound => {
                Ok(true)
            }
            Err(Error::Corrupt) if on_gap == OnGap::Skip => Ok(true),
            other => other,
        }
    }

    async fn replay(
        &self,
        bucket: &Bucket<'_>,
        head: Head,
        on_gap: OnGap,
        caught_up: &mut CaughtUp,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let reading = Reading::begin(bucket, self.size(), head.size, on_gap).await?;
        let opened = reading.chunks().map_ok(|chunk| self.open_in_background(chunk, on_gap));
        let mut opened = std::pin::pin!(opened.try_buffered(opening::AT_ONCE));
        let mut unflushed = 0;
        while let Some(chunk) = opened.try_next().await? {
            let count = chunk.leaves.len() as u64;
            self.project_chunk(chunk, on_gap, caught_up).await?;
            progress(self.size(), head.size);
            unflushed += count;
            if unflushed >= FLUSH_ENTRIES {
                self.flush().await?;
                unflushed = 0;
            }
        }
        if on_gap == OnGap::Skip {
            caught_up.missing_tiles.extend(bucket.missing_upper_tiles(head.size).await?);
        }
        self.flush().await
    }

    /// The entries that made no rows, by index, with the reason.
    pub fn gaps(&self) -> impl Iterator<Item = Result<(u64, Gap), Error>> + '_ {
        self.0.records.scan(&GAPS, b"").map(|row| {
            let (key, gap) = row?;
            let index = <[u8; 8]>::try_from(key.as_slice()).map_err(|_| Error::Corrupt)?;
            Ok((u64::from_be_bytes(index), gap))
        })
    }

    /// Projects one entry whose payload is at hand.
    pub(super) async fn replay_sealed(
        &self,
        index: u64,
        text: &str,
        sealed: &[u8],
        caught_up: &mut CaughtUp,
    ) -> Result<(), Error> {
        let leaf = self.open_entry(text, sealed, &caught_up.gone).await?;
        caught_up.replayed += 1;
        let chunk = Chunk { first: index, leaves: vec![leaf], missing_tiles: Vec::new(), ended_at: None };
        for (index, dossier) in self.project_leaves(chunk, OnGap::Fail)? {
            caught_up.without_key.push(index);
            caught_up.gone.extend(dossier);
        }
        Ok(())
    }

    /// Turns a bundle of entries into rows, in one batch.
    async fn project_chunk(
        &self,
        chunk: Chunk,
        on_gap: OnGap,
        caught_up: &mut CaughtUp,
    ) -> Result<(), Error> {
        caught_up.replayed += chunk.leaves.len() as u64;
        caught_up.missing_tiles.extend(chunk.missing_tiles.clone());
        caught_up.ended_at = chunk.ended_at;
        let journal = self.clone();
        let projecting = tokio::task::spawn_blocking(move || journal.project_leaves(chunk, on_gap));
        for (index, dossier) in projecting.await.map_err(|_| Error::Corrupt)?? {
            caught_up.without_key.push(index);
            caught_up.gone.extend(dossier);
        }
        Ok(())
    }

    /// Returns the entries that had no key, with the dossiers whose key that would be.
    fn project_leaves(&self, chunk: Chunk, on_gap: OnGap) -> Result<Vec<(u64, Option<DossierId>)>, Error> {
        let size = chunk.first + chunk.leaves.len() as u64;
        let mut pending = Batch::new();
        let mut without_key = Vec::new();
        for (index, leaf) in (chunk.first..).zip(chunk.leaves) {
            let dossier = leaf.sealed_under();
            let (batch, gap) = self.project_leaf(index, leaf, on_gap, &pending)?;
            pending.append(batch);
            if let Some(gap) = gap {
                pending.put(&GAPS, &index.to_be_bytes(), &gap)?;
            }
            if gap == Some(Gap::WithoutKey) {
                without_key.push((index, dossier));
            }
        }
        self.0.records.commit(pending)?;
        *self.0.size.lock().unwrap_or_else(PoisonError::into_inner) = size;
        Ok(without_key)
    }

    fn project_leaf(
        &self,
        index: u64,
        leaf: Leaf,
        on_gap: OnGap,
        pending: &Batch,
    ) -> Result<(Batch, Option<Gap>), Error> {
        let mut batch = Batch::new();
        let (entry, text, fact, gap) = match leaf {
            Leaf::Opened { entry, text, fact } => (entry, text, Some(fact), None),
            Leaf::Closed { entry, text, gap } => (entry, text, None, Some(gap)),
            Leaf::Lost(hash) => {
                put_hashes(self.tree_with(pending).append_leaf(index, hash)?, &mut batch)?;
                batch.put(&SIZE, b"", &LogSize { entries: index + 1 })?;
                return Ok((batch, Some(Gap::Lost)));
            }
        };
        let fact = fact.as_ref().map(|fact| fact.as_slice());
        match self.project(index, (&entry, &text), fact, pending, &mut batch) {
            Err(Error::Corrupt) if on_gap == OnGap::Skip && fact.is_some() => {
                batch = Batch::new();
                self.project(index, (&entry, &text), None, pending, &mut batch)?;
                Ok((batch, Some(Gap::Unfounded)))
            }
            other => other.map(|()| (batch, gap)),
        }
    }
}
