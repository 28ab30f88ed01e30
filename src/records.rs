//! The record store: typed tables over one ordered key-value store, values sealed, changes in atomic batches.
//!
//! Layer 2. It understands nothing of the business: tables are declared by the modules that own them. Records are
//! a projection of the log and may be lost; the log may not. A batch is atomic at once and durable after
//! [`Records::flush`]. Keys hold ids only; values are JSON under AES-256-GCM.

mod batch;
mod memory;
mod sealing;
mod sled;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::domain::Sha256Digest;
use crate::vault::DerivedKey;

pub use batch::Batch;
use sealing::Sealing;
pub use table::Table;

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
    /// The disk is full; nothing was changed.
    #[error("the disk of the record store is full")]
    Full,
    /// The store failed; its state is unknown until it is opened again.
    #[error("the record store failed")]
    Io(#[source] std::io::Error),
}

/// The record store of one archive. Cloning shares it.
#[derive(Clone)]
pub struct Records {
    backend: Arc<dyn Backend>,
    sealing: Arc<Sealing>,
    /// Held while preconditions are checked and the batch is applied.
    writing: Arc<Mutex<()>>,
}

impl Records {
    /// Opens or makes a store in a folder (sled).
    pub fn open(dir: &Path, key: &DerivedKey, clock: &Clock, cache_bytes: u64) -> Result<Self, Error> {
        Self::over(Arc::new(sled::Sled::open(dir, cache_bytes)?), key, clock)
    }

    /// A store in memory, for tests.
    pub fn in_memory(key: &DerivedKey, clock: &Clock) -> Result<Self, Error> {
        Self::over(Arc::new(memory::Memory::default()), key, clock)
    }

    fn over(backend: Arc<dyn Backend>, key: &DerivedKey, clock: &Clock) -> Result<Self, Error> {
        let sealing = Arc::new(Sealing::new(key, clock.clone())?);
        Ok(Self { backend, sealing, writing: Arc::default() })
    }

    /// The row, if there is one.
    pub fn get<V: DeserializeOwned>(&self, table: &Table<V>, key: &[u8]) -> Result<Option<V>, Error> {
        let key = table.row_key(key);
        let Some(sealed) = self.backend.get(&key)? else { return Ok(None) };
        self.sealing.open(&key, &sealed).map(Some)
    }

    /// Whether there is such a row.
    pub fn contains<V>(&self, table: &Table<V>, key: &[u8]) -> Result<bool, Error> {
        Ok(self.backend.get(&table.row_key(key))?.is_some())
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

    /// Checks the batch's preconditions and applies it, atomically. Durable after [`Records::flush`].
    pub fn commit(&self, batch: Batch) -> Result<(), Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, expected) in &batch.expected {
            let current = match self.backend.get(key)? {
                Some(sealed) => Some(self.sealing.open_bytes(key, &sealed)?),
                None => None,
            };
            if current.as_deref() != expected.as_deref() {
                return Err(Error::Conflict);
            }
        }
        let mut ops = Vec::with_capacity(batch.changes.len());
        for (key, value) in batch.changes {
            let sealed = value.map(|value| self.sealing.seal(&key, &value)).transpose()?;
            ops.push((key, sealed));
        }
        self.backend.apply(ops)
    }

    /// The keys of the rows in which this store and another differ, apart from the tables named. Reads everything.
    pub fn differences(&self, other: &Self, except: &[&str]) -> Result<Vec<String>, Error> {
        let (mine, theirs) = (self.all_rows(except)?, other.all_rows(except)?);
        let keys: BTreeSet<&Vec<u8>> = mine.keys().chain(theirs.keys()).collect();
        let differing = keys.into_iter().filter(|key| mine.get(*key) != theirs.get(*key));
        Ok(differing.map(|key| row_name(key)).collect())
    }

    fn all_rows(&self, except: &[&str]) -> Result<BTreeMap<Vec<u8>, Sha256Digest>, Error> {
        let mut rows = BTreeMap::new();
        let mut start = Vec::new();
        loop {
            let page = self.backend.scan(b"", &start, SCAN_PAGE_ROWS)?;
            let Some((last, _)) = page.last() else { return Ok(rows) };
            start.clone_from(last);
            start.push(0);
            for (key, sealed) in page {
                let table = key.split(|byte| *byte == 0).next().unwrap_or_default();
                if !except.iter().any(|name| name.as_bytes() == table) {
                    let value = Sha256Digest::of(&self.sealing.open_bytes(&key, &sealed)?);
                    rows.insert(key, value);
                }
            }
        }
    }

    /// Returns when all that was committed before the call is durable. Blocks.
    pub fn flush(&self) -> Result<(), Error> {
        self.backend.flush()
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
        let rows = self.records.backend.scan(&self.prefix, &self.start, SCAN_PAGE_ROWS)?;
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
            let value = self.records.sealing.open(&key, &sealed)?;
            Ok((self.table.own_key(&key), value))
        }))
    }
}

/// A row's key as people can tell it: the table, and the rest in hexadecimal.
fn row_name(key: &[u8]) -> String {
    let (table, rest) = key.split_at(key.iter().position(|byte| *byte == 0).unwrap_or(key.len()));
    format!("{} {}", String::from_utf8_lossy(table), hex::encode(rest.get(1..).unwrap_or_default()))
}

fn encode<V: Serialize>(value: &V) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Io(error.into()))
}

#[cfg(test)]
mod tests;
