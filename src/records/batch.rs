//! Changes to several tables that take effect together or not at all.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Table, encode};

/// Rows' own keys, and what becomes of each: `None` if it is deleted.
pub type Changes<V> = Vec<(Vec<u8>, Option<V>)>;

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

    /// What the batch makes of the row: `None` if it leaves it alone, `Some(None)` if it deletes it.
    pub fn change<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        key: &[u8],
    ) -> Result<Option<Option<V>>, Error> {
        let Some(change) = self.changes.get(&table.row_key(key)) else { return Ok(None) };
        let value = change.as_deref().map(serde_json::from_slice).transpose();
        value.map(Some).map_err(|_| Error::Corrupt)
    }

    /// What the batch makes of the rows whose key begins with `prefix`; the keys come without the table's own prefix.
    pub fn changes_below<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        prefix: &[u8],
    ) -> Result<Changes<V>, Error> {
        let prefix = table.row_key(prefix);
        let changes = self.changes.range(prefix.clone()..);
        let below = changes.take_while(|(key, _)| key.starts_with(&prefix));
        let read = |(key, change): (&Vec<u8>, &Option<Vec<u8>>)| {
            let value = change.as_deref().map(serde_json::from_slice).transpose();
            Ok((table.own_key(key), value.map_err(|_| Error::Corrupt)?))
        };
        below.map(read).collect()
    }

    /// Adds what a later batch changes and expects; where both change a row, the later one counts.
    pub fn append(&mut self, later: Self) {
        self.changes.extend(later.changes);
        self.expected.extend(later.expected);
    }
}
