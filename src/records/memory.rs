//! Rows in memory, for tests. They outlive the store that has them open, and forget what was not flushed when told to.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Backend, Error, Op, Row};

#[derive(Default)]
pub(super) struct Memory(Mutex<Rows>);

#[derive(Default, Clone)]
struct Rows {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What changed since the last flush, as it was before, in the order of the changes.
    before: Vec<Op>,
}

impl Memory {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another memory with the same rows.
    pub(super) fn copy(&self) -> Self {
        Self(Mutex::new(self.rows().clone()))
    }

    /// What was not flushed is lost, as in a crash.
    pub(super) fn crash(&self) {
        let Rows { rows, before } = &mut *self.rows();
        for (key, value) in before.drain(..).rev() {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
    }

    /// Changes the rows whose key begins with `prefix`; no crash brings them back.
    pub(super) fn spoil(&self, prefix: &[u8]) {
        let Rows { rows, before } = &mut *self.rows();
        before.clear();
        for (_, value) in rows.range_mut(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix)) {
            value.reverse();
        }
    }

    /// Everything is lost.
    pub(super) fn clear(&self) {
        *self.rows() = Rows::default();
    }
}

impl Backend for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.rows().rows.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], start: &[u8], limit: usize) -> Result<Vec<Row>, Error> {
        let rows = self.rows();
        let from_start = rows.rows.range(start.to_vec()..);
        let matching = from_start.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(matching.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn apply(&self, ops: Vec<Op>) -> Result<(), Error> {
        let Rows { rows, before } = &mut *self.rows();
        for (key, value) in ops {
            let old = match value {
                Some(value) => rows.insert(key.clone(), value),
                None => rows.remove(&key),
            };
            before.push((key, old));
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Error> {
        self.rows().before.clear();
        Ok(())
    }
}
