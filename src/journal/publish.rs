//! Publishing: all entries that wait go into the object store together, the signed checkpoint last.
//!
//! A group commit: while one round is under way the next entries gather, so one slow store serves many clients.
//! There is one publisher an archive. A round that fails is tried again with the same bytes until it succeeds.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::tiles::{TILE_WIDTH, bundle_width, write_entry};
use super::{ENTRIES, Error, Head, Journal, PAYLOADS};
use crate::objects::{Body, Key};
use crate::records::Batch;

/// The most entries of one round.
const ROUND_ENTRIES: u64 = 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

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
        loop {
            let published = *self.0.published.borrow();
            let size = self.size().min(published + ROUND_ENTRIES);
            if size == published {
                return Ok(());
            }
            self.flush().await?;
            self.publish_round(published, size).await?;
            self.0.published.send_replace(size);
            self.forget_payloads(published, size)?;
        }
    }

    pub(super) async fn flush(&self) -> Result<(), Error> {
        let records = self.0.records.clone();
        let flushed = tokio::task::spawn_blocking(move || records.flush()).await;
        Ok(flushed.map_err(|_| Error::Corrupt)??)
    }

    async fn publish_round(&self, old: u64, new: u64) -> Result<(), Error> {
        let mut puts = vec![self.payloads(old, new)?];
        for bundle in old / TILE_WIDTH..=(new - 1) / TILE_WIDTH {
            puts.push(self.entry_bundle(bundle, new)?);
        }
        for tile in self.tree().new_tiles(old, new)? {
            let key = Key::Tile { level: tile.level, index: tile.number, width: tile.width };
            puts.push((key, Body::Public(tile.bytes.into())));
        }
        let objects = &self.0.objects;
        try_join_all(puts.into_iter().map(|(key, body)| async move { objects.put(&key, body).await }))
            .await?;
        let head = Head { size: new, root: self.tree().root(new)? };
        let checkpoint = self.0.signer.sign(head)?;
        objects.put(&Key::Checkpoint, Body::Public(checkpoint.into())).await?;
        Ok(())
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

    /// Published payloads need not be kept here; losing this deletion costs only space.
    fn forget_payloads(&self, old: u64, new: u64) -> Result<(), Error> {
        let mut batch = Batch::new();
        for index in old..new {
            batch.delete(&PAYLOADS, &index.to_be_bytes());
        }
        Ok(self.0.records.commit(batch)?)
    }
}

/// The lines of a payload object.
pub(super) fn read_payloads(object: &Bytes) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let parse = |line: &[u8]| {
        let line: PayloadLine = serde_json::from_slice(line).map_err(|_| Error::Corrupt)?;
        Ok((line.index, BASE64_STANDARD.decode(line.age).map_err(|_| Error::Corrupt)?))
    };
    object.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parse).collect()
}
