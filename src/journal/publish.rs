//! Publishing: all entries that wait go into the object store together, the signed checkpoint last.
//!
//! A group commit: while one round is under way the next entries gather, so one slow store serves many clients.
//! There is one publisher an archive. A round that fails is tried again with the same bytes until it succeeds.

use std::ops::Range;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use futures::StreamExt;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::tiles::{TILE_WIDTH, bundle_width, write_entry};
use super::{ENTRIES, Error, Head, Journal, PAYLOADS, PUBLISHED, PublishedHead};
use crate::domain::Sha256Digest;
use crate::objects::{self, Body, Key, Objects, Prefix};
use crate::records::{self, Batch};

/// The most entries of one round.
pub(super) const ROUND_ENTRIES: u64 = 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How many partial tiles are deleted at once.
const DELETES_AT_ONCE: usize = 8;
/// A flush that takes longer does not come back.
const LONGEST_FLUSH: Duration = Duration::from_secs(60);

/// One line of a payload object.
#[derive(Serialize, Deserialize)]
pub(super) struct PayloadLine {
    pub(super) index: u64,
    /// The age file, base64.
    pub(super) age: String,
}

impl Journal {
    /// Publishes what waits, for ever. Run it as one task for the archive.
    pub async fn publish_forever(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.publish_waiting().await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    self.0.failing.send_replace(false);
                    self.0.wake.notified().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "publishing the log failed; trying again");
                    self.0.failing.send_replace(true);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Publishes what waits at this moment.
    pub async fn publish_waiting(&self) -> Result<(), Error> {
        let _publishing = self.0.publishing.lock().await;
        loop {
            let published = *self.0.published.borrow();
            let size = self.size().min(published + ROUND_ENTRIES);
            if size == published {
                return Ok(());
            }
            self.flush().await?;
            let payloads = self.payloads(published, size)?;
            let head = self.publish_round(published, size, Some(payloads)).await?;
            self.0.published.send_replace(size);
            if let Err(error) = self.note_published(head, published..size) {
                tracing::warn!(%error, "what was published could not be noted here; the next start does it");
            }
        }
    }

    /// Puts the published head once more: to find out whether the object store takes anything.
    pub async fn republish_head(&self) -> Result<(), Error> {
        let _publishing = self.0.publishing.lock().await;
        let size = *self.0.published.borrow();
        if size == 0 {
            return Ok(());
        }
        self.put_head(size).await.map(drop)
    }

    async fn put_head(&self, size: u64) -> Result<Head, Error> {
        let head = Head { size, root: self.tree().root(size)? };
        let checkpoint = self.0.signer.sign(head)?;
        self.0.objects.put(&Key::Checkpoint, Body::Public(checkpoint.into())).await?;
        Ok(head)
    }

    /// Makes durable what was committed. A store that does not come back from it has failed.
    pub(super) async fn flush(&self) -> Result<(), Error> {
        let records = self.0.records.clone();
        let flushing = tokio::task::spawn_blocking(move || records.flush());
        let flushed = tokio::time::timeout(LONGEST_FLUSH, flushing).await;
        let flushed = flushed.map_err(|_| records::Error::Io(std::io::ErrorKind::TimedOut.into()))?;
        Ok(flushed.map_err(|_| Error::Corrupt)??)
    }

    /// Puts what a log of `new` entries has and one of `old` has not; the checkpoint last.
    pub(super) async fn publish_round(
        &self,
        old: u64,
        new: u64,
        payloads: Option<(Key, Body)>,
    ) -> Result<Head, Error> {
        let mut puts: Vec<(Key, Body)> = payloads.into_iter().collect();
        let mut replaced: Vec<Prefix> =
            (old / TILE_WIDTH..new / TILE_WIDTH).map(|index| Prefix::PartialBundles { index }).collect();
        for bundle in old / TILE_WIDTH..=(new - 1) / TILE_WIDTH {
            puts.push(self.entry_bundle(bundle, new)?);
        }
        for tile in self.tree().new_tiles(old, new)? {
            let (level, index) = (tile.level, tile.number);
            if u64::from(tile.width) == TILE_WIDTH {
                replaced.push(Prefix::PartialTiles { level, index });
            }
            let key = Key::Tile { level, index, width: tile.width };
            puts.push((key, Body::Public(tile.bytes.into())));
        }
        let objects = &self.0.objects;
        try_join_all(puts.into_iter().map(|(key, body)| async move { objects.put(&key, body).await }))
            .await?;
        let head = self.put_head(new).await?;
        if !replaced.is_empty() {
            // Nobody waits for it, and what stays because of an error costs only space.
            tokio::spawn(remove_partials(objects.clone(), replaced));
        }
        Ok(head)
    }

    fn payloads(&self, old: u64, new: u64) -> Result<(Key, Body), Error> {
        let mut lines = Vec::new();
        for index in old..new {
            let age = self.0.records.get(&PAYLOADS, &index.to_be_bytes())?.ok_or(Error::Corrupt)?;
            serde_json::to_writer(&mut lines, &PayloadLine { index, age }).map_err(|_| Error::Corrupt)?;
            lines.push(b'\n');
        }
        let count = u32::try_from(new - old).map_err(|_| Error::TooLarge)?;
        Ok((Key::Payloads { first: old, count }, Body::Wrapped(lines.into())))
    }

    fn entry_bundle(&self, bundle: u64, size: u64) -> Result<(Key, Body), Error> {
        let width = bundle_width(bundle, size);
        let first = bundle * TILE_WIDTH;
        let mut bytes = Vec::new();
        for index in first..first + u64::from(width) {
            let entry = self.0.records.get(&ENTRIES, &index.to_be_bytes())?.ok_or(Error::Corrupt)?;
            write_entry(&mut bytes, &entry)?;
        }
        Ok((Key::EntryBundle { index: bundle, width }, Body::Public(bytes.into())))
    }

    /// Notes that the log is published up to this head. Published payloads need not be kept here: forget these.
    ///
    /// Losing this note is no harm: what is known to be published is then less than what is.
    pub(super) fn note_published(&self, head: Head, forget: Range<u64>) -> Result<(), Error> {
        let mut batch = Batch::new();
        for index in forget {
            batch.delete(&PAYLOADS, &index.to_be_bytes());
        }
        let row = PublishedHead { size: head.size, root: Sha256Digest::from_bytes(head.root) };
        batch.put(&PUBLISHED, b"", &row)?;
        Ok(self.0.records.commit(batch)?)
    }
}

/// Deletes partial tiles and bundles once the full ones are there, as C2SP tlog-tiles permits: without this a log that
/// grows entry by entry would keep each bundle in 255 earlier states.
async fn remove_partials(objects: Objects, replaced: Vec<Prefix>) {
    for prefix in replaced {
        if let Err(error) = remove_below(&objects, prefix).await {
            tracing::debug!(%error, "partial tiles stay");
        }
    }
}

async fn remove_below(objects: &Objects, prefix: Prefix) -> Result<(), objects::Error> {
    let keys: Vec<Key> = objects.list(prefix).await?.into_iter().filter_map(|listed| listed.key).collect();
    let deletes = keys.into_iter().map(|key| {
        let objects = objects.clone();
        async move { objects.delete(&key).await }
    });
    let mut deletes = futures::stream::iter(deletes).buffer_unordered(DELETES_AT_ONCE);
    while let Some(deleted) = deletes.next().await {
        deleted?;
    }
    Ok(())
}

/// The lines of a payload object: index and sealed payload. A line that is damaged is left out.
pub(super) fn read_payloads(object: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let parse = |line: &[u8]| {
        let line: PayloadLine = serde_json::from_slice(line).ok()?;
        Some((line.index, BASE64_STANDARD.decode(line.age).ok()?))
    };
    object.split(|byte| *byte == b'\n').filter_map(parse).collect()
}
