//! Checking the log as it lies in the bucket against the log as it is known here, object by object.
//!
//! Entries and hashes never change, so every tile and bundle, whatever its width, must be exactly what the local log makes
//! of it, and every payload must have the digest that its entry says. Nothing is written.

use std::collections::{HashMap, HashSet};

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use super::checkpoint::{Head, verify_checkpoint};
use super::publish::{PayloadLine, read_payloads};
use super::replay::LOG_OBJECT_LIMIT_BYTES;
use super::tiles::{TILE_WIDTH, bundle_width, write_entry};
use super::{ENTRIES, Entry, Error, PUBLISHED, SIZE, stored_tree};
use crate::domain::Sha256Digest;
use crate::objects::{ErrorKind, Key, Objects};
use crate::records::Records;

/// How many objects are read at once.
const AT_ONCE: usize = 8;

/// What is wrong with an object of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It is needed and not there.
    Missing,
    /// It is needed and not what it must be.
    Damaged,
    /// It is a checkpoint older than one that was published.
    Behind,
    /// It is a checkpoint of a log that is longer than the one known here.
    Ahead,
    /// It is a checkpoint of another log under the same key.
    Diverged,
    /// Nothing needs it, and it is not what an object of its name would have to be.
    Surplus,
}

/// One flaw and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFlaw {
    /// The object.
    pub key: Key,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What checking the log found.
#[derive(Debug, Clone, Default)]
pub struct LogFound {
    /// Entries known here.
    pub entries: u64,
    /// Of these, entries that were never under a checkpoint.
    pub unpublished: u64,
    /// All that is wrong.
    pub flaws: Vec<LogFlaw>,
}

/// The log that is to be checked, and what is known of it here.
#[derive(Clone, Copy)]
pub struct LogCheck<'a> {
    /// The store.
    pub objects: &'a Objects,
    /// The local log.
    pub records: &'a Records,
    /// Whose signature the checkpoint must have.
    pub verifier_key: &'a str,
    /// Whether objects that nothing needs are read too, or only measured.
    pub full: bool,
}

impl LogCheck<'_> {
    /// Checks everything; `listed` are the objects that are in the store, with their lengths.
    pub async fn run(
        &self,
        listed: &HashMap<Key, u64>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<LogFound, Error> {
        let known = self.records.get(&PUBLISHED, b"")?.map_or(0, |head| head.size);
        let (flaw, published) = self.checkpoint(known).await?;
        let size = self.records.get(&SIZE, b"")?.unwrap_or_default().entries;
        let mut flaws: Vec<LogFlaw> =
            flaw.into_iter().map(|flaw| LogFlaw { key: Key::Checkpoint, flaw }).collect();
        let needed = needed(published);
        for key in &needed {
            // What was published after the listing is not in it.
            if !listed.contains_key(key) && self.objects.head(key).await?.is_none() {
                flaws.push(LogFlaw { key: key.clone(), flaw: Flaw::Missing });
            }
        }
        let needed: HashSet<Key> = needed.into_iter().collect();
        let readable =
            listed.iter().filter(|(key, _)| matches!(key, Key::Tile { .. } | Key::EntryBundle { .. }));
        let readable: Vec<(Key, u64)> = readable.map(|(key, length)| (key.clone(), *length)).collect();
        let total = readable.len() as u64;
        let needed = &needed;
        let checks = readable.into_iter().map(|(key, length)| self.readable(key, length, size, needed));
        let mut checks = futures::stream::iter(checks).buffer_unordered(AT_ONCE);
        let mut done = 0;
        while let Some(flaw) = checks.try_next().await? {
            flaws.extend(flaw);
            done += 1;
            progress(done, total);
        }
        drop(checks);
        flaws.extend(self.payloads(listed, published, size).await?);
        flaws.sort_by_key(|flaw| flaw.key.path());
        Ok(LogFound { entries: size, unpublished: size.saturating_sub(published), flaws })
    }

    /// What is wrong with the checkpoint, and how many entries are or were under one.
    async fn checkpoint(&self, known: u64) -> Result<(Option<Flaw>, u64), Error> {
        let bytes = match self.objects.get_bytes(&Key::Checkpoint, LOG_OBJECT_LIMIT_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(((known > 0).then_some(Flaw::Missing), known));
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => return Ok((Some(Flaw::Damaged), known)),
            Err(error) => return Err(error.into()),
        };
        let Ok(Head { size, root }) = verify_checkpoint(&bytes, self.verifier_key) else {
            return Ok((Some(Flaw::Damaged), known));
        };
        if size > self.records.get(&SIZE, b"")?.unwrap_or_default().entries {
            return Ok((Some(Flaw::Ahead), known));
        }
        let ours = stored_tree(self.records).root(size)? == root;
        Ok(match ours {
            false => (Some(Flaw::Diverged), known),
            true if size < known => (Some(Flaw::Behind), known),
            true => (None, size),
        })
    }

    /// A tile or a bundle.
    async fn readable(
        &self,
        key: Key,
        length: u64,
        size: u64,
        needed: &HashSet<Key>,
    ) -> Result<Option<LogFlaw>, Error> {
        let expected = match key {
            Key::Tile { level, index, width } => self.tile(level, index, width, size)?,
            Key::EntryBundle { index, width } => self.bundle(index, width, size)?,
            _ => return Ok(None),
        };
        let is_needed = needed.contains(&key);
        let intact = match expected {
            None => false,
            Some(expected) if expected.len() as u64 != length => false,
            Some(_) if !is_needed && !self.full => true,
            Some(expected) => self.read(&key).await?.is_some_and(|bytes| bytes == expected),
        };
        let flaw = if is_needed { Flaw::Damaged } else { Flaw::Surplus };
        Ok((!intact).then_some(LogFlaw { key, flaw }))
    }

    /// The tile of this name; `None` if a log of `size` entries never had one.
    fn tile(&self, level: u8, index: u64, width: u16, size: u64) -> Result<Option<Bytes>, Error> {
        let hashes = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
        let end = index.checked_mul(TILE_WIDTH).and_then(|first| first.checked_add(width.into()));
        if end.is_none_or(|end| end > hashes) {
            return Ok(None);
        }
        Ok(Some(stored_tree(self.records).tile_at(level, index, width)?.into()))
    }

    /// The bundle of this name; `None` if a log of `size` entries never had one.
    fn bundle(&self, index: u64, width: u16, size: u64) -> Result<Option<Bytes>, Error> {
        let first = index.checked_mul(TILE_WIDTH).filter(|first| *first < size);
        let Some(first) = first.filter(|_| width <= bundle_width(index, size)) else { return Ok(None) };
        let mut bytes = Vec::new();
        for at in first..first + u64::from(width) {
            let entry = self.records.get(&ENTRIES, &at.to_be_bytes())?.ok_or(Error::Corrupt)?;
            write_entry(&mut bytes, &entry)?;
        }
        Ok(Some(bytes.into()))
    }

    /// The object's bytes; `None` if it is gone or longer than it can be.
    async fn read(&self, key: &Key) -> Result<Option<Bytes>, Error> {
        match self.objects.get_bytes(key, LOG_OBJECT_LIMIT_BYTES).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Every payload below `published` must be there; an object that is damaged may have its payloads elsewhere too.
    async fn payloads(
        &self,
        listed: &HashMap<Key, u64>,
        published: u64,
        size: u64,
    ) -> Result<Vec<LogFlaw>, Error> {
        let names = listed.keys().filter_map(|key| match *key {
            Key::Payloads { first, count } => Some((first, count)),
            _ => None,
        });
        let names: Vec<(u64, u32)> = names.collect();
        let checks = names.into_iter().map(|(first, count)| async move {
            Ok::<_, Error>((first, count, self.payload_object(first, count, size).await?))
        });
        let mut checked: Vec<_> =
            futures::stream::iter(checks).buffer_unordered(AT_ONCE).try_collect().await?;
        checked.sort_unstable();
        let intact: Vec<_> = checked.iter().filter(|(_, _, intact)| *intact).map(span).collect();
        let mut flaws = Vec::new();
        for (first, count, _) in checked.iter().filter(|(_, _, intact)| !*intact) {
            let (start, end) = (*first, first.saturating_add((*count).into()).min(published));
            let elsewhere = gaps(&intact, start, end).is_empty();
            let flaw = if elsewhere { Flaw::Surplus } else { Flaw::Damaged };
            flaws.push(LogFlaw { key: Key::Payloads { first: *first, count: *count }, flaw });
        }
        let all: Vec<_> = checked.iter().map(span).collect();
        for (first, end) in gaps(&all, 0, published) {
            let count = u32::try_from(end - first).unwrap_or(u32::MAX);
            flaws.push(LogFlaw { key: Key::Payloads { first, count }, flaw: Flaw::Missing });
        }
        Ok(flaws)
    }

    /// Whether a payload object is, byte for byte, what was published under its name.
    async fn payload_object(&self, first: u64, count: u32, size: u64) -> Result<bool, Error> {
        if first.checked_add(count.into()).is_none_or(|end| end > size) {
            return Ok(false);
        }
        let Some(bytes) = self.read(&Key::Payloads { first, count }).await? else { return Ok(false) };
        let lines = read_payloads(&bytes);
        if lines.len() as u64 != u64::from(count) {
            return Ok(false);
        }
        let mut again = Vec::with_capacity(bytes.len());
        for (expected, (index, sealed)) in (first..).zip(lines) {
            let text = self.records.get(&ENTRIES, &index.to_be_bytes())?;
            let entry = text.map(|text| Entry::parse(&text)).transpose()?;
            let says = entry.is_some_and(|entry| entry.payload == Sha256Digest::of(&sealed));
            if index != expected || !says {
                return Ok(false);
            }
            let line = PayloadLine { index, age: BASE64_STANDARD.encode(sealed) };
            serde_json::to_writer(&mut again, &line).map_err(|_| Error::Corrupt)?;
            again.push(b'\n');
        }
        Ok(bytes == again)
    }
}

fn span((first, count, _): &(u64, u32, bool)) -> (u64, u64) {
    (*first, first.saturating_add((*count).into()))
}

/// The parts of `start..end` that none of the spans covers; these are sorted.
fn gaps(spans: &[(u64, u64)], start: u64, end: u64) -> Vec<(u64, u64)> {
    let (mut gaps, mut at) = (Vec::new(), start);
    for (first, after) in spans.iter().filter(|(_, after)| *after > start) {
        if *first >= end {
            break;
        }
        if *first > at {
            gaps.push((at, *first));
        }
        at = at.max(*after);
    }
    if at < end {
        gaps.push((at, end));
    }
    gaps
}

/// The tiles and bundles that a checkpoint of `size` entries rests on.
fn needed(size: u64) -> Vec<Key> {
    let widths = |count: u64| {
        let rest = u16::try_from(count % TILE_WIDTH).unwrap_or(0);
        let full = (0..count / TILE_WIDTH).map(|index| (index, 256));
        full.chain((rest > 0).then_some((count / TILE_WIDTH, rest)))
    };
    let mut keys: Vec<Key> = widths(size).map(|(index, width)| Key::EntryBundle { index, width }).collect();
    let (mut level, mut count) = (0, size);
    while count > 0 {
        keys.extend(widths(count).map(|(index, width)| Key::Tile { level, index, width }));
        (level, count) = (level + 1, count / TILE_WIDTH);
    }
    keys
}

/// The entry at `index` of the local log.
pub fn entry_at(records: &Records, index: u64) -> Result<Option<Entry>, Error> {
    records.get(&ENTRIES, &index.to_be_bytes())?.map(|text| Entry::parse(&text)).transpose()
}

/// How many entries the local log has.
pub fn local_size(records: &Records) -> Result<u64, Error> {
    Ok(records.get(&SIZE, b"")?.unwrap_or_default().entries)
}

#[cfg(test)]
mod tests {
    use super::{gaps, needed};
    use crate::objects::Key;

    #[test]
    fn what_no_span_covers_is_found() {
        let check = |spans: &[(u64, u64)], expected: &[(u64, u64)]| {
            assert_eq!(gaps(spans, 2, 10), expected, "{spans:?}");
        };
        check(&[], &[(2, 10)]);
        check(&[(0, 10)], &[]);
        check(&[(0, 3), (3, 6), (5, 12)], &[]);
        check(&[(0, 1), (4, 5), (9, 20)], &[(2, 4), (5, 9)]);
        check(&[(0, 20), (4, 5)], &[]);
        check(&[(10, 20)], &[(2, 10)]);
    }

    /// The example of the C2SP tlog-tiles specification: a log of 70,000 entries.
    #[test]
    fn what_a_checkpoint_rests_on_is_as_the_standard_says() {
        let keys = needed(70_000);
        let tiles = |wanted: u8| {
            keys.iter().filter(move |key| matches!(key, Key::Tile { level, .. } if *level == wanted)).count()
        };
        assert_eq!((tiles(0), tiles(1), tiles(2)), (274, 2, 1));
        for key in [
            Key::Tile { level: 0, index: 273, width: 112 },
            Key::Tile { level: 1, index: 1, width: 17 },
            Key::Tile { level: 2, index: 0, width: 1 },
            Key::EntryBundle { index: 273, width: 112 },
            Key::EntryBundle { index: 272, width: 256 },
        ] {
            assert!(keys.contains(&key), "{key:?}");
        }
        assert_eq!(keys.len(), 274 * 2 + 2 + 1);
    }
}
