//! A store that is only read: a wrapper, for whoever looks at an archive that somebody else writes to.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, ready};

use super::{Backend, Chunks, Error, ErrorKind, Hold, Object, Stored, WriteOnce};
use crate::clock::Clock;
use crate::domain::RawId;

pub(super) struct ReadOnly(pub(super) Arc<dyn Backend>);

fn refused<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, Error>> {
    ready(Err(Error::new(ErrorKind::Misused, "it was opened to be read only"))).boxed()
}

impl Backend for ReadOnly {
    fn put(&self, _: String, _: Chunks, _: Option<Hold>) -> BoxFuture<'_, Result<Stored, Error>> {
        refused()
    }

    fn get_from(&self, path: String, offset: u64) -> BoxFuture<'_, Result<Object, Error>> {
        self.0.get_from(path, offset)
    }

    fn head(&self, path: String) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        self.0.head(path)
    }

    fn delete(&self, _: String) -> BoxFuture<'_, Result<(), Error>> {
        refused()
    }

    fn list(&self, prefix: String) -> BoxFuture<'_, Result<Vec<(String, u64)>, Error>> {
        self.0.list(prefix)
    }

    fn probe(&self, _: RawId, _: Clock) -> BoxFuture<'_, Result<WriteOnce, Error>> {
        refused()
    }
}
