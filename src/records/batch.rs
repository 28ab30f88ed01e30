//! Changes to several tables that take effect together or not at all.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Records, Table, encode};

/// A set of row changes with preconditions. Later changes to a row replace earlier ones.
#[derive(Default)]
pub struct Batch {
    pub(super) changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) expected: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Batch {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it would change nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The row gets this value.
    pub fn put<V: Serialize>(&mut self, table: &Table<V>, key: &[u8], value: &V) -> Result<(), Error> {
        self.changes.insert(table.row_key(key), Some(encode(value)?));
        Ok(())
    }

    /// The row goes.
    pub fn delete<V>(&mut self, table: &Table<V>, key: &[u8]) {
        self.changes.insert(table.row_key(key), None);
    }

    /// The batch fails with [`Error::Conflict`] unless there is no such row.
    pub fn expect_absent<V>(&mut self, table: &Table<V>, key: &[u8]) {
        self.expected.insert(table.row_key(key), None);
    }

    /// The batch fails with [`Error::Conflict`] unless the row has exactly this value.
    pub fn expect<V: Serialize>(&mut self, table: &Table<V>, key: &[u8], value: &V) -> Result<(), Error> {
        self.expected.insert(table.row_key(key), Some(encode(value)?));
        Ok(())
    }

    /// The row as it will be after the batch: its own change if it has one, else what the store has.
    pub fn get<V: DeserializeOwned>(
        &self,
        records: &Records,
        table: &Table<V>,
        key: &[u8],
    ) -> Result<Option<V>, Error> {
        match self.changes.get(&table.row_key(key)) {
            Some(Some(value)) => serde_json::from_slice(value).map(Some).map_err(|_| Error::Corrupt),
            Some(None) => Ok(None),
            None => records.get(table, key),
        }
    }
}
