//! A table is a name and a row type; its owner declares it as a constant.

use std::marker::PhantomData;

/// Rows of type `V` under keys that begin with the table's name and a zero byte.
pub struct Table<V> {
    name: &'static str,
    row: PhantomData<fn() -> V>,
}

impl<V> Table<V> {
    /// A table of this name: unique in the archive, ASCII, without a zero byte.
    pub const fn new(name: &'static str) -> Self {
        Self { name, row: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn row_key(&self, key: &[u8]) -> Vec<u8> {
        let mut row_key = Vec::with_capacity(self.name.len() + 1 + key.len());
        row_key.extend_from_slice(self.name.as_bytes());
        row_key.push(0);
        row_key.extend_from_slice(key);
        row_key
    }

    pub(super) fn own_key(&self, row_key: &[u8]) -> Vec<u8> {
        row_key[self.name.len() + 1..].to_vec()
    }
}
