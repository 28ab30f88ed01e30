//! A store that fails when told to: a wrapper, for tests of what happens then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::future::{BoxFuture, FutureExt};

use super::{Backend, Chunks, Error, ErrorKind, Object, Stored};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not done.
    Before,
    /// It is done, and an error is returned all the same.
    After,
}

/// The handle that tells a store to fail. Cloning shares it.
#[derive(Clone, Default)]
pub struct Faults(Arc<State>);

#[derive(Default)]
struct State {
    down: AtomicBool,
    full: AtomicBool,
    calls: AtomicU64,
    /// The call that fails, counted from 1; 0 is none.
    nth: AtomicU64,
    after: AtomicBool,
}

impl Faults {
    /// Whether no call at all succeeds.
    pub fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// Whether every put fails for want of room.
    pub fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::SeqCst);
    }

    /// From now on counted, the `nth` writing call (put or delete) fails.
    pub fn fail_nth(&self, nth: u64, fault: Fault) {
        self.0.after.store(fault == Fault::After, Ordering::SeqCst);
        self.0.calls.store(0, Ordering::SeqCst);
        self.0.nth.store(nth, Ordering::SeqCst);
    }

    /// Writing calls since the last `fail_nth`.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    fn next_write(&self) -> Option<Fault> {
        let call = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let hit = call == self.0.nth.load(Ordering::SeqCst);
        let after = self.0.after.load(Ordering::SeqCst);
        hit.then_some(if after { Fault::After } else { Fault::Before })
    }

    fn check_up(&self) -> Result<(), Error> {
        if self.0.down.load(Ordering::SeqCst) { Err(ErrorKind::Unavailable.into()) } else { Ok(()) }
    }
}

pub(super) struct Faulty {
    inner: Arc<dyn Backend>,
    faults: Faults,
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn Backend>, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

impl Backend for Faulty {
    fn piece_bytes(&self) -> usize {
        self.inner.piece_bytes()
    }

    fn put(&self, path: String, content: Chunks) -> BoxFuture<'_, Result<Stored, Error>> {
        async move {
            self.faults.check_up()?;
            if self.faults.0.full.load(Ordering::SeqCst) {
                return Err(ErrorKind::Full.into());
            }
            match self.faults.next_write() {
                Some(Fault::Before) => Err(ErrorKind::Unavailable.into()),
                Some(Fault::After) => {
                    self.inner.put(path, content).await?;
                    Err(ErrorKind::Unavailable.into())
                }
                None => self.inner.put(path, content).await,
            }
        }
        .boxed()
    }

    fn get_from(&self, path: String, offset: u64) -> BoxFuture<'_, Result<Object, Error>> {
        async move {
            self.faults.check_up()?;
            self.inner.get_from(path, offset).await
        }
        .boxed()
    }

    fn head(&self, path: String) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        async move {
            self.faults.check_up()?;
            self.inner.head(path).await
        }
        .boxed()
    }

    fn delete(&self, path: String) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            self.faults.check_up()?;
            match self.faults.next_write() {
                Some(Fault::Before) => Err(ErrorKind::Unavailable.into()),
                Some(Fault::After) => {
                    self.inner.delete(path).await?;
                    Err(ErrorKind::Unavailable.into())
                }
                None => self.inner.delete(path).await,
            }
        }
        .boxed()
    }

    fn list(&self, prefix: String) -> BoxFuture<'_, Result<Vec<(String, u64)>, Error>> {
        async move {
            self.faults.check_up()?;
            self.inner.list(prefix).await
        }
        .boxed()
    }
}
