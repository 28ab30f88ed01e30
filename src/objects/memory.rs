//! Objects in memory, for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};

use super::{Backend, Chunks, Error, ErrorKind, Hold, Object, Stored, WriteOnce, once};
use crate::clock::Clock;
use crate::domain::{RawId, Sha256Digest};

#[derive(Default)]
pub(super) struct Memory(Mutex<BTreeMap<String, Bytes>>);

impl Memory {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Memory {
    fn put(
        &self,
        path: String,
        mut content: Chunks,
        _: Option<Hold>,
    ) -> BoxFuture<'_, Result<Stored, Error>> {
        async move {
            let mut bytes = BytesMut::new();
            while let Some(chunk) = content.next().await {
                bytes.extend_from_slice(&chunk.map_err(|error| Error::new(ErrorKind::Broken, error))?);
            }
            let stored = Stored { size_bytes: bytes.len() as u64, sha256: Sha256Digest::of(&bytes) };
            self.objects().insert(path, bytes.freeze());
            Ok(stored)
        }
        .boxed()
    }

    fn get_from(&self, path: String, offset: u64) -> BoxFuture<'_, Result<Object, Error>> {
        async move {
            let bytes = self.objects().get(&path).cloned().ok_or(ErrorKind::NotFound)?;
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            Ok(Object { size_bytes: bytes.len() as u64, stream: once(bytes.slice(from..)) })
        }
        .boxed()
    }

    fn head(&self, path: String) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        async move { Ok(self.objects().get(&path).map(|bytes| bytes.len() as u64)) }.boxed()
    }

    fn delete(&self, path: String) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            self.objects().remove(&path);
            Ok(())
        }
        .boxed()
    }

    fn copy(&self) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self(Mutex::new(self.objects().clone()))))
    }

    fn probe(&self, _: RawId, _: Clock) -> BoxFuture<'_, Result<WriteOnce, Error>> {
        async { Ok(WriteOnce::of_plain("a store in memory")) }.boxed()
    }

    fn list(&self, prefix: String) -> BoxFuture<'_, Result<Vec<(String, u64)>, Error>> {
        async move {
            let objects = self.objects();
            let found = objects.iter().filter(|(path, _)| path.starts_with(&prefix));
            Ok(found.map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect())
        }
        .boxed()
    }
}
