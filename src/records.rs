//! The record store: typed tables over one ordered key-value store, values sealed, changes in atomic batches.
//!
//! Layer 2. It understands nothing of the business: tables are declared by the modules that own them. Records are
//! a projection of the log and may be lost; the log may not. A batch is atomic at once and durable after
//! [`Records::flush`]. Keys hold ids only; values are JSON under AES-256-GCM.

mod batch;
mod faults;
mod medium;
mod memory;
mod sealing;
mod sled;
mod table;
mod tally;

use std::cmp;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::domain::Sha256Digest;
use crate::vault::DerivedKey;

pub use batch::{Batch, Changes};
pub use medium::Medium;
use sealing::Sealing;
pub use table::Table;
use tally::{Parts, TALLY_KEY, Tally};

/// How many rows a scan reads from the back end at a time.
const SCAN_PAGE_ROWS: usize = 256;

/// What an ordered key-value store has to give: reads, one atomic batch, and durability on demand.
trait Backend: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// The rows from `start` on (inclusive) that begin with `prefix`, in key order, at most `limit`.
    fn scan(&self, prefix: &[u8], start: &[u8], limit: usize) -> Result<Vec<Row>, Error>;
    /// All of it or nothing.
    fn apply(&self, ops: Vec<Op>) -> Result<(), Error>;
    /// Returns when everything applied so far survives a power cut.
    fn flush(&self) -> Result<(), Error>;
}

type Row = (Vec<u8>, Vec<u8>);
/// A key and the digest of its value.
type DigestedRow = (Vec<u8>, Option<Sha256Digest>);
/// A key and its new value; `None` deletes.
type Op = (Vec<u8>, Option<Vec<u8>>);

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A precondition of the batch does not hold; nothing was changed.
    #[error("the records changed meanwhile")]
    Conflict,
    /// The store is damaged, or sealed with another key: set it aside and replay the log.
    #[error("the record store is damaged or belongs to another key")]
    Corrupt,
    /// The disk is full: make room and open the store again.
    #[error("the disk of the record store is full")]
    Full,
    /// The store failed.
    #[error("the record store failed")]
    Io(#[source] std::io::Error),
    /// A change failed half-way or damage was met: nothing more is taken until the store is opened again.
    #[error("the record store takes nothing until it is opened again")]
    Closed,
}

/// How a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// As it should be.
    Good,
    /// A change failed, and whether it was made is known only when the store is opened again.
    Failed,
    /// Damage was met: to be opened again, which sets it aside.
    Damaged,
}

/// The record store of one archive. Cloning shares it.
#[derive(Clone)]
pub struct Records(Arc<Inner>);

struct Inner {
    backend: Arc<dyn Backend>,
    sealing: Sealing,
    parts: Parts,
    /// The sum over all rows; held while preconditions are checked and a batch is applied.
    tally: Mutex<Tally>,
    /// A [`Condition`]; it never gets better.
    condition: AtomicU8,
}

impl Records {
    /// Opens or makes the store of this place, and reads all of it: [`Error::Corrupt`] if a row is not as it was
    /// written, or not there, or there again.
    pub fn open(medium: &Medium, key: &DerivedKey, clock: &Clock, cache_bytes: u64) -> Result<Self, Error> {
        let backend = medium.open(cache_bytes)?;
        let inner = Inner {
            backend,
            sealing: Sealing::new(key, clock.clone())?,
            parts: Parts::new(key),
            tally: Mutex::default(),
            condition: AtomicU8::new(0),
        };
        let tally = inner.checked_tally()?;
        *inner.tally() = tally;
        Ok(Self(Arc::new(inner)))
    }

    /// A store in memory.
    pub fn in_memory(key: &DerivedKey, clock: &Clock) -> Result<Self, Error> {
        Self::open(&Medium::memory(), key, clock, 0)
    }

    /// How the store is.
    pub fn condition(&self) -> Condition {
        match self.0.condition.load(Ordering::SeqCst) {
            0 => Condition::Good,
            1 => Condition::Failed,
            _ => Condition::Damaged,
        }
    }

    /// The row, if there is one.
    pub fn get<V: DeserializeOwned>(&self, table: &Table<V>, key: &[u8]) -> Result<Option<V>, Error> {
        let key = table.row_key(key);
        let Some(sealed) = self.0.get(&key)? else { return Ok(None) };
        self.0.note(self.0.sealing.open(&key, &sealed)).map(Some)
    }

    /// Whether there is such a row.
    pub fn contains<V>(&self, table: &Table<V>, key: &[u8]) -> Result<bool, Error> {
        Ok(self.0.get(&table.row_key(key))?.is_some())
    }

    /// The rows whose key begins with `prefix`, in key order; the keys come without the table's own prefix.
    pub fn scan<'a, V: DeserializeOwned>(&'a self, table: &'a Table<V>, prefix: &[u8]) -> Scan<'a, V> {
        Scan::new(self, table, prefix, &[])
    }

    /// The same, beginning at `start` (inclusive), which itself begins with `prefix`.
    pub fn scan_from<'a, V: DeserializeOwned>(
        &'a self,
        table: &'a Table<V>,
        prefix: &[u8],
        start: &[u8],
    ) -> Scan<'a, V> {
        Scan::new(self, table, prefix, start)
    }

    /// How many rows there are whose key begins with `prefix`. No value is opened.
    pub fn count<V>(&self, table: &Table<V>, prefix: &[u8]) -> Result<u64, Error> {
        let prefix = table.row_key(prefix);
        let (mut start, mut count) = (prefix.clone(), 0);
        loop {
            let rows = self.0.backend.scan(&prefix, &start, SCAN_PAGE_ROWS)?;
            count += rows.len() as u64;
            match rows.last() {
                Some((last, _)) if rows.len() == SCAN_PAGE_ROWS => start = [last.as_slice(), &[0]].concat(),
                _ => return Ok(count),
            }
        }
    }

    /// Checks the batch's preconditions and applies it, atomically. Durable after [`Records::flush`].
    ///
    /// After a failure of the store itself nothing is taken any more ([`Error::Closed`]): what was done is not known.
    pub fn commit(&self, batch: Batch) -> Result<(), Error> {
        let inner = &*self.0;
        let mut tally = inner.tally();
        if self.condition() != Condition::Good {
            return Err(Error::Closed);
        }
        for (key, expected) in &batch.expected {
            let current = match inner.get(key)? {
                Some(sealed) => Some(inner.note(inner.sealing.open_bytes(key, &sealed))?),
                None => None,
            };
            if current.as_deref() != expected.as_deref() {
                return Err(Error::Conflict);
            }
        }
        if batch.changes.is_empty() {
            return Ok(());
        }
        let mut after = tally.clone();
        let mut ops = Vec::with_capacity(batch.changes.len() + 1);
        for (key, value) in batch.changes {
            let sealed = value.map(|value| inner.sealing.seal(&key, &value)).transpose()?;
            if let Some(old) = inner.get(&key)? {
                after.take(inner.parts.of(&key, &old)?);
            }
            if let Some(new) = &sealed {
                after.add(inner.parts.of(&key, new)?);
            }
            ops.push((key, sealed));
        }
        ops.push((TALLY_KEY.to_vec(), Some(inner.sealing.seal(TALLY_KEY, &encode(&after)?)?)));
        inner.backend.apply(ops).inspect_err(|_| inner.worsen(Condition::Failed))?;
        *tally = after;
        Ok(())
    }

    /// The rows in which this store and another differ, apart from the tables named. Reads everything, a page at a time.
    pub fn differences(&self, other: &Self, except: &[&str]) -> Result<Vec<RowKey>, Error> {
        let (mut mine, mut theirs) = (self.all_rows(except).peekable(), other.all_rows(except).peekable());
        let mut differing = Vec::new();
        loop {
            let order = match (mine.peek(), theirs.peek()) {
                (None, None) => return Ok(differing),
                (Some(_), None) => cmp::Ordering::Less,
                (None, Some(_)) => cmp::Ordering::Greater,
                (Some(Ok((mine, _))), Some(Ok((theirs, _)))) => mine.cmp(theirs),
                (Some(Err(_)), _) => cmp::Ordering::Less,
                (_, Some(Err(_))) => cmp::Ordering::Greater,
            };
            let (left, right) = match order {
                cmp::Ordering::Less => (mine.next().transpose()?, None),
                cmp::Ordering::Greater => (None, theirs.next().transpose()?),
                cmp::Ordering::Equal => (mine.next().transpose()?, theirs.next().transpose()?),
            };
            let value = |row: &Option<DigestedRow>| row.as_ref().and_then(|row| row.1);
            let same =
                left.is_some() && right.is_some() && value(&left).is_some() && value(&left) == value(&right);
            if !same && let Some((key, _)) = left.or(right) {
                differing.push(RowKey(key));
            }
        }
    }

    /// Whether a row is the same here as in another store.
    pub fn agrees(&self, other: &Self, row: &RowKey) -> Result<bool, Error> {
        let value = |records: &Self| match records.0.backend.get(&row.0)? {
            Some(sealed) => records.0.sealing.open_bytes(&row.0, &sealed).map(Some),
            None => Ok(None),
        };
        match (value(self), value(other)) {
            (Err(Error::Corrupt), _) => Ok(false),
            (mine, theirs) => Ok(mine? == theirs?),
        }
    }

    /// All rows with the digests of their values, in key order; none for a value that does not open.
    fn all_rows(&self, except: &[&str]) -> impl Iterator<Item = Result<DigestedRow, Error>> {
        let (mut start, mut page, mut ended) = (Vec::new(), Vec::new().into_iter(), false);
        std::iter::from_fn(move || {
            loop {
                let next: Option<Row> = page.next();
                if let Some((key, sealed)) = next {
                    let table = key.split(|byte| *byte == 0).next().unwrap_or_default();
                    if key == TALLY_KEY || except.iter().any(|name| name.as_bytes() == table) {
                        continue;
                    }
                    let value = self.0.sealing.open_bytes(&key, &sealed).ok();
                    return Some(Ok((key, value.map(|value| Sha256Digest::of(&value)))));
                }
                if ended {
                    return None;
                }
                match self.0.backend.scan(b"", &start, SCAN_PAGE_ROWS) {
                    Ok(rows) => {
                        ended = rows.len() < SCAN_PAGE_ROWS;
                        if let Some((last, _)) = rows.last() {
                            start.clone_from(last);
                            start.push(0);
                        }
                        page = rows.into_iter();
                    }
                    Err(error) => {
                        ended = true;
                        return Some(Err(error));
                    }
                }
            }
        })
    }

    /// Returns when all that was committed before the call is durable. Blocks.
    pub fn flush(&self) -> Result<(), Error> {
        self.0.backend.flush()
    }
}

impl Inner {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.note(self.backend.get(key))
    }

    fn scan(&self, prefix: &[u8], start: &[u8]) -> Result<Vec<Row>, Error> {
        self.note(self.backend.scan(prefix, start, SCAN_PAGE_ROWS))
    }

    /// Remembers that damage was met.
    fn note<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if matches!(result, Err(Error::Corrupt)) {
            self.worsen(Condition::Damaged);
        }
        result
    }

    fn worsen(&self, condition: Condition) {
        let to = if condition == Condition::Damaged { 2 } else { 1 };
        if self.condition.fetch_max(to, Ordering::SeqCst) < to {
            tracing::error!(?condition, "the local records take nothing until they are opened again");
        }
    }

    /// The sum over the rows that are there, which must be the one that was written with them.
    fn checked_tally(&self) -> Result<Tally, Error> {
        let (mut found, mut written) = (Tally::default(), None);
        let mut start = Vec::new();
        loop {
            let page = self.backend.scan(b"", &start, SCAN_PAGE_ROWS)?;
            let Some((last, _)) = page.last() else { break };
            start.clone_from(last);
            start.push(0);
            for (key, sealed) in page {
                if key == TALLY_KEY {
                    written = Some(self.sealing.open::<Tally>(&key, &sealed)?);
                } else {
                    found.add(self.parts.of(&key, &sealed)?);
                }
            }
        }
        if found == written.unwrap_or_default() { Ok(found) } else { Err(Error::Corrupt) }
    }
}

/// An iterator over rows, read in pages.
pub struct Scan<'a, V> {
    records: &'a Records,
    table: &'a Table<V>,
    prefix: Vec<u8>,
    start: Vec<u8>,
    page: std::vec::IntoIter<Row>,
    exhausted: bool,
}

impl<'a, V: DeserializeOwned> Scan<'a, V> {
    fn new(records: &'a Records, table: &'a Table<V>, prefix: &[u8], start: &[u8]) -> Self {
        let prefix = table.row_key(prefix);
        let start = if start.is_empty() { prefix.clone() } else { table.row_key(start) };
        Self { records, table, prefix, start, page: Vec::new().into_iter(), exhausted: false }
    }

    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        if let Some(row) = self.page.next() {
            return Ok(Some(row));
        }
        if self.exhausted {
            return Ok(None);
        }
        let rows = self.records.0.scan(&self.prefix, &self.start)?;
        self.exhausted = rows.len() < SCAN_PAGE_ROWS;
        if let Some((last, _)) = rows.last() {
            self.start.clone_from(last);
            self.start.push(0);
        }
        self.page = rows.into_iter();
        Ok(self.page.next())
    }
}

impl<V: DeserializeOwned> Iterator for Scan<'_, V> {
    type Item = Result<(Vec<u8>, V), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.next_row().transpose()?;
        Some(row.and_then(|(key, sealed)| {
            let inner = &*self.records.0;
            let value = inner.note(inner.sealing.open(&key, &sealed))?;
            Ok((self.table.own_key(&key), value))
        }))
    }
}

/// Which row. It is written as the table and the rest of the key in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowKey(Vec<u8>);

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, rest) = self.0.split_at(self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len()));
        write!(f, "{} {}", String::from_utf8_lossy(table), hex::encode(rest.get(1..).unwrap_or_default()))
    }
}

fn encode<V: Serialize>(value: &V) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Io(error.into()))
}

#[cfg(test)]
mod tests;
