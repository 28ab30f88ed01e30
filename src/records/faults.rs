//! Records that fail when told to: a wrapper, for tests of what happens then.

use std::sync::Arc;

use super::{Backend, Error, Op, Row};
use crate::faults::{Calls, Down, Fault, Faults};

pub(super) struct Faulty {
    inner: Arc<dyn Backend>,
    faults: Faults,
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn Backend>, faults: Faults) -> Self {
        Self { inner, faults }
    }

    /// Makes a call, unless it is the one that fails.
    fn call<T>(&self, calls: Calls, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let failed = || Error::Io(std::io::Error::other("told to fail"));
        match self.faults.next(calls).map_err(|Down| failed())? {
            None => work(),
            Some(Fault::Before) => Err(failed()),
            Some(Fault::After) => {
                work()?;
                Err(failed())
            }
        }
    }
}

impl Backend for Faulty {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.call(Calls::Reads, || self.inner.get(key))
    }

    fn scan(&self, prefix: &[u8], start: &[u8], limit: usize) -> Result<Vec<Row>, Error> {
        self.call(Calls::Reads, || self.inner.scan(prefix, start, limit))
    }

    fn apply(&self, ops: Vec<Op>) -> Result<(), Error> {
        self.call(Calls::Writes, || self.inner.apply(ops))
    }

    fn flush(&self) -> Result<(), Error> {
        self.call(Calls::Writes, || self.inner.flush())
    }
}
