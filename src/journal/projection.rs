//! How an entry becomes rows: the same function at the commit and at the replay, so that both agree.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CLOSED, Entry, Error};
use crate::domain::DossierId;
use crate::records::{Batch, Records, Table};
use crate::vault::Lookup;

/// Turns one kind of fact into row changes. It must depend on the entry, the fact and the rows alone.
pub type Project = fn(&mut Projection<'_>) -> Result<(), Error>;

/// The kinds of facts that a module owns, with their projections.
pub type Facts = &'static [(&'static str, Project)];

/// One entry that is being projected.
pub struct Projection<'a> {
    /// Its place in the log, from 0.
    pub index: u64,
    /// Its readable part.
    pub entry: &'a Entry,
    fact: &'a [u8],
    records: &'a Records,
    lookup: &'a Lookup,
    pending: &'a Batch,
    batch: &'a mut Batch,
}

impl<'a> Projection<'a> {
    /// `ground` is what the entry rests on: the rows, and the changes of entries before it that are not rows yet.
    pub(super) fn new(
        index: u64,
        entry: &'a Entry,
        fact: &'a [u8],
        ground: (&'a Records, &'a Batch),
        lookup: &'a Lookup,
        batch: &'a mut Batch,
    ) -> Self {
        let (records, pending) = ground;
        Self { index, entry, fact, records, lookup, pending, batch }
    }

    /// The fact, as its owner wrote it.
    pub fn fact<F: DeserializeOwned>(&self) -> Result<F, Error> {
        serde_json::from_slice(self.fact).map_err(|_| Error::Corrupt)
    }

    /// The row as this projection has left it so far.
    pub fn get<V: DeserializeOwned>(&self, table: &Table<V>, key: &[u8]) -> Result<Option<V>, Error> {
        for batch in [&*self.batch, self.pending] {
            if let Some(changed) = batch.change(table, key)? {
                return Ok(changed);
            }
        }
        Ok(self.records.get(table, key)?)
    }

    /// The rows whose key begins with `prefix`, as they were before this entry; the keys come without the table's name.
    pub fn scan<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        prefix: &[u8],
    ) -> Result<Vec<(Vec<u8>, V)>, Error> {
        let mut rows: BTreeMap<Vec<u8>, V> = self.records.scan(table, prefix).collect::<Result<_, _>>()?;
        for (key, change) in self.pending.changes_below(table, prefix)? {
            match change {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        Ok(rows.into_iter().collect())
    }

    /// From this entry on nothing is sealed to the dossier's key any more: it is sealed away or destroyed.
    pub fn close(&mut self, dossier: DossierId) -> Result<(), Error> {
        let index = self.index;
        self.put(&CLOSED, dossier.as_bytes(), &index)
    }

    /// The row gets this value.
    pub fn put<V: Serialize>(&mut self, table: &Table<V>, key: &[u8], value: &V) -> Result<(), Error> {
        Ok(self.batch.put(table, key, value)?)
    }

    /// The row goes.
    pub fn delete<V>(&mut self, table: &Table<V>, key: &[u8]) {
        self.batch.delete(table, key);
    }

    /// Makes row keys of what must not be readable.
    pub fn lookup(&self) -> &'a Lookup {
        self.lookup
    }

    /// The batch itself, for modules that add rows of their own (the job queue).
    pub fn batch(&mut self) -> &mut Batch {
        self.batch
    }
}
