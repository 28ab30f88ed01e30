//! A store that fails when told to: a wrapper, for tests of what happens then.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};

use super::{Backend, Chunks, Error, ErrorKind, Hold, Object, Stored, WriteOnce};
use crate::clock::Clock;
use crate::domain::RawId;
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
    async fn call<T>(&self, calls: Calls, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match self.faults.next(calls).map_err(|Down| ErrorKind::Unavailable)? {
            None => work.await,
            Some(Fault::Before) => Err(ErrorKind::Unavailable.into()),
            Some(Fault::After) => {
                work.await?;
                Err(ErrorKind::Unavailable.into())
            }
        }
    }
}

impl Backend for Faulty {
    fn piece_bytes(&self) -> usize {
        self.inner.piece_bytes()
    }

    fn put(&self, path: String, content: Chunks, hold: Option<Hold>) -> BoxFuture<'_, Result<Stored, Error>> {
        async move {
            if self.faults.is_full() {
                return Err(ErrorKind::Full.into());
            }
            self.call(Calls::Writes, self.inner.put(path, content, hold)).await
        }
        .boxed()
    }

    fn get_from(&self, path: String, offset: u64) -> BoxFuture<'_, Result<Object, Error>> {
        self.call(Calls::Reads, self.inner.get_from(path, offset)).boxed()
    }

    fn head(&self, path: String) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        self.call(Calls::Reads, self.inner.head(path)).boxed()
    }

    fn delete(&self, path: String) -> BoxFuture<'_, Result<(), Error>> {
        self.call(Calls::Writes, self.inner.delete(path)).boxed()
    }

    fn probe(&self, id: RawId, clock: Clock) -> BoxFuture<'_, Result<WriteOnce, Error>> {
        self.call(Calls::Reads, self.inner.probe(id, clock)).boxed()
    }

    fn list(&self, prefix: String) -> BoxFuture<'_, Result<Vec<(String, u64)>, Error>> {
        self.call(Calls::Reads, self.inner.list(prefix)).boxed()
    }
}
