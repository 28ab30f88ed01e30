//! The object store: a bucket, or a folder that stands in for one. The bucket is the archive.
//!
//! Layer 2. It understands nothing of the business: it takes ciphertext ([`Sealed`]) and the few readable objects of the
//! log under typed keys, and gives them back. A put is all or nothing and durable when it returns. Every path is
//! made in [`key`](Key); retry, faults and metering are wrappers around the back end.

mod faults;
mod key;
mod local;
mod memory;
mod read_only;
mod s3;
mod write_once;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt};

use crate::clock::Clock;
use crate::config::{self, Retention};
use crate::domain::{RawId, Sha256Digest};
use crate::faults::Faults;
use crate::vault::{Sealed, SealedBytes};

pub use key::{Key, Prefix};
pub use write_once::{Finding, Hold, WriteOnce};

/// Stored bytes as they come from the store.
pub type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What a back end has to give. `put` is all or nothing, replaces, and is durable when it returns.
trait Backend: Send + Sync {
    /// The size of the pieces that content should come in, in bytes; the last one is shorter.
    fn piece_bytes(&self) -> usize {
        1 << 20
    }
    /// What is held is neither deleted nor changed for that time; a store that cannot hold is never told to.
    fn put(&self, path: String, content: Chunks, hold: Option<Hold>) -> BoxFuture<'_, Result<Stored, Error>>;
    fn get_from(&self, path: String, offset: u64) -> BoxFuture<'_, Result<Object, Error>>;
    fn head(&self, path: String) -> BoxFuture<'_, Result<Option<u64>, Error>>;
    fn delete(&self, path: String) -> BoxFuture<'_, Result<(), Error>>;
    fn list(&self, prefix: String) -> BoxFuture<'_, Result<Vec<(String, u64)>, Error>>;
    /// Gives up what uploads by a process that is gone have left unfinished; tells how many.
    fn abort_unfinished(&self) -> BoxFuture<'_, Result<usize, Error>> {
        Box::pin(async { Ok(0) })
    }
    /// Another store with the same objects, if that costs nothing.
    fn copy(&self) -> Option<Arc<dyn Backend>> {
        None
    }
    /// Tries out, with canaries of this id, what the store does about objects that are to stay.
    fn probe(&self, id: RawId, clock: Clock) -> BoxFuture<'_, Result<WriteOnce, Error>>;
}

/// What may be stored.
pub enum Body {
    /// Ciphertext: the rule.
    Sealed(Sealed),
    /// A readable object of the log; only for keys that are public.
    Public(Bytes),
    /// Age files in lines: only for the log's payloads.
    Wrapped(Bytes),
}

impl From<SealedBytes> for Body {
    fn from(sealed: SealedBytes) -> Self {
        Self::Sealed(sealed.into())
    }
}

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// How many bytes.
    pub size_bytes: u64,
    /// SHA-256 of these bytes.
    pub sha256: Sha256Digest,
}

/// An object that is being read.
pub struct Object {
    /// Its whole length, wherever the reading begins.
    pub size_bytes: u64,
    /// Its bytes.
    pub stream: Chunks,
}

/// An object that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path.
    pub path: String,
    /// Its key; `None` if the name is none of ours.
    pub key: Option<Key>,
    /// Its length.
    pub size_bytes: u64,
}

/// What the caller has to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no such object.
    NotFound,
    /// The store refuses us: its operator must look at the credentials.
    Denied,
    /// The store does not answer or is overloaded: try again later.
    Unavailable,
    /// The store is full: its operator must make room.
    Full,
    /// The clocks of store and server differ too much: their operators must set them.
    ClockSkew,
    /// There is no such bucket, or it is in another region: the operator must look at the URL.
    WrongBucket,
    /// The store returned something else than was asked for.
    Corrupt,
    /// The incoming content broke off; nothing was stored.
    Broken,
    /// Readable content for a sealed key, or a URL that cannot be used: a mistake of the program or its operator.
    Misused,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub struct Error {
    kind: ErrorKind,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    fn new(kind: ErrorKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// What the caller has to do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ErrorKind::NotFound => "the object is not in the store",
            ErrorKind::Denied => "the object store refuses access",
            ErrorKind::Unavailable => "the object store does not answer",
            ErrorKind::Full => "the object store is full",
            ErrorKind::ClockSkew => "the clocks of the object store and of this machine differ too much",
            ErrorKind::WrongBucket => "there is no such bucket in this object store and region",
            ErrorKind::Corrupt => "the object store returned something else than was asked for",
            ErrorKind::Broken => "the content broke off",
            ErrorKind::Misused => "the object store cannot be used like this",
        })?;
        match &self.source {
            Some(source) if self.kind == ErrorKind::Misused => write!(f, ": {source}"),
            _ => Ok(()),
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                ErrorKind::Full
            }
            _ => ErrorKind::Unavailable,
        };
        Self::new(kind, source)
    }
}

/// The longest time that a small object may take to come, whatever its size: 64 KiB a second beyond that.
const SMALL_OBJECT_TIMEOUT: Duration = Duration::from_secs(60);
const SLOWEST_BYTES_A_SECOND: u64 = 64 << 10;

/// The object store of one archive. Cloning shares it.
#[derive(Clone)]
pub struct Objects {
    backend: Arc<dyn Backend>,
    seen: Arc<Seen>,
    /// What is written once is held, from the time of this clock on.
    retention: Option<(Retention, Clock)>,
}

/// What has been seen of the store.
#[derive(Default)]
struct Seen {
    /// An object may be there that nothing points to.
    left_behind: AtomicBool,
    /// Why the last put failed, if it did.
    put_failed: Mutex<Option<ErrorKind>>,
}

impl Objects {
    fn over(backend: Arc<dyn Backend>) -> Self {
        Self { retention: None, seen: Arc::default(), backend }
    }

    /// Opens `file:///dir`, `s3://bucket/prefix?endpoint=URL&region=NAME` or `memory:`.
    pub async fn open(url: &str, settings: &config::S3) -> Result<Self, Error> {
        let parsed = url::Url::parse(url).map_err(|error| Error::new(ErrorKind::Misused, error))?;
        let backend: Arc<dyn Backend> = match parsed.scheme() {
            "file" => Arc::new(local::Local::open(folder_of(&parsed)?).await?),
            "s3" => Arc::new(s3::S3::open(&parsed, settings)?),
            "memory" => Arc::new(memory::Memory::default()),
            _ => return Err(Error::new(ErrorKind::Misused, "the URL must begin with file:, s3: or memory:")),
        };
        Ok(Self::over(backend))
    }

    /// The same for reading only: nothing is made, changed or cleared away, whoever else works on the store.
    pub async fn open_read_only(url: &str, settings: &config::S3) -> Result<Self, Error> {
        let store = Self::open_beside(url, settings).await?;
        Ok(Self { backend: Arc::new(read_only::ReadOnly(store.backend)), ..store })
    }

    /// The same for a process beside the one that works on the store: what that has under way is left alone.
    pub async fn open_beside(url: &str, settings: &config::S3) -> Result<Self, Error> {
        let parsed = url::Url::parse(url).map_err(|error| Error::new(ErrorKind::Misused, error))?;
        let backend: Arc<dyn Backend> = match parsed.scheme() {
            "file" => Arc::new(local::Local::open_as_it_is(folder_of(&parsed)?)),
            _ => Self::open(url, settings).await?.backend,
        };
        Ok(Self::over(backend))
    }

    /// The same store, failing when told to: for tests of what happens then.
    pub fn with_faults(self) -> (Self, Faults) {
        let faults = Faults::default();
        let backend = Arc::new(faults::Faulty::new(self.backend, faults.clone()));
        (Self { retention: self.retention, ..Self::over(backend) }, faults)
    }

    /// Another store with the same objects; only stores in memory can be copied.
    pub fn copy(&self) -> Result<Self, Error> {
        let backend = self.backend.copy().ok_or(ErrorKind::Misused)?;
        Ok(Self::over(backend))
    }

    /// The same store as a process sees it that has just begun: for tests of restarts.
    pub fn anew(&self) -> Self {
        Self { retention: self.retention.clone(), ..Self::over(Arc::clone(&self.backend)) }
    }

    /// Something was put that nothing came to point to: the next start looks for it.
    pub fn leave_behind(&self) {
        self.seen.left_behind.store(true, Ordering::SeqCst);
    }

    /// Whether something may have been left behind since the store was opened.
    pub fn has_left_behind(&self) -> bool {
        self.seen.left_behind.load(Ordering::SeqCst)
    }

    /// Why the last put failed, if it did.
    pub fn put_failed(&self) -> Option<ErrorKind> {
        *self.seen.put_failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up what uploads by a process that is gone have left unfinished; tells how many.
    pub async fn abort_unfinished(&self) -> Result<usize, Error> {
        self.backend.abort_unfinished().await
    }

    /// Puts an object, replacing one of this key. Durable when it returns; on an error it may have been put or not.
    pub async fn put(&self, key: &Key, body: Body) -> Result<Stored, Error> {
        let content: Chunks = match body {
            Body::Sealed(sealed) if !key.is_public() => {
                Box::pin(sealed.in_pieces(self.backend.piece_bytes()))
            }
            Body::Public(bytes) if key.is_public() => once(bytes),
            Body::Wrapped(bytes) if matches!(key, Key::Payloads { .. }) => once(bytes),
            _ => return Err(Error::new(ErrorKind::Misused, "this key does not take this kind of content")),
        };
        let stored = self.backend.put(key.path(), content, self.hold(key)).await;
        let failed = stored.as_ref().err().map(Error::kind);
        // Content that broke off says nothing about the store, and nothing of it is there.
        if failed != Some(ErrorKind::Broken) {
            *self.seen.put_failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
            if failed.is_some() && matches!(key, Key::Original { .. } | Key::DossierKey(_)) {
                self.leave_behind();
            }
        }
        stored
    }

    /// The same store, which from now on holds what is written once. Only for one whose lock was seen to hold.
    pub fn holding(self, retention: Retention, clock: Clock) -> Self {
        Self { retention: Some((retention, clock)), ..self }
    }

    fn hold(&self, key: &Key) -> Option<Hold> {
        let (retention, clock) = self.retention.as_ref().filter(|_| key.is_written_once())?;
        Hold::of(retention, clock.now())
    }

    /// Tries out what the store really does about objects that are to stay.
    pub async fn probe(&self, clock: &Clock) -> Result<WriteOnce, Error> {
        self.backend.probe(RawId::from_bytes(clock.random_bytes()), clock.clone()).await
    }

    /// The object from its beginning.
    pub async fn get(&self, key: &Key) -> Result<Object, Error> {
        self.get_from(key, 0).await
    }

    /// The object from `offset` on.
    pub async fn get_from(&self, key: &Key, offset: u64) -> Result<Object, Error> {
        self.backend.get_from(key.path(), offset).await
    }

    /// A small object whole; [`ErrorKind::Corrupt`] if it is longer than `limit_bytes`.
    pub async fn get_bytes(&self, key: &Key, limit_bytes: u64) -> Result<Bytes, Error> {
        let mut object = self.get(key).await?;
        if object.size_bytes > limit_bytes {
            return Err(ErrorKind::Corrupt.into());
        }
        let longest = SMALL_OBJECT_TIMEOUT + Duration::from_secs(object.size_bytes / SLOWEST_BYTES_A_SECOND);
        let collecting = async {
            let mut bytes = BytesMut::new();
            while let Some(chunk) = object.stream.next().await {
                bytes.extend_from_slice(&chunk?);
            }
            Ok::<_, Error>(bytes)
        };
        let bytes = tokio::time::timeout(longest, collecting).await.map_err(|_| ErrorKind::Unavailable)??;
        if bytes.len() as u64 == object.size_bytes {
            Ok(bytes.freeze())
        } else {
            Err(ErrorKind::Corrupt.into())
        }
    }

    /// The object's length, if there is one.
    pub async fn head(&self, key: &Key) -> Result<Option<u64>, Error> {
        self.backend.head(key.path()).await
    }

    /// Deletes an object; it need not be there.
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        self.backend.delete(key.path()).await
    }

    /// All objects below a prefix, in the order of their paths.
    pub async fn list(&self, prefix: Prefix) -> Result<Vec<Listed>, Error> {
        let mut found = self.backend.list(prefix.path()).await?;
        found.sort_unstable();
        let listed = |(path, size_bytes): (String, u64)| Listed { key: Key::parse(&path), path, size_bytes };
        Ok(found.into_iter().map(listed).collect())
    }

    /// Whether the store answers and lets itself be read; an object need not be there. It gets one, because the answer
    /// to that says why not.
    pub async fn ping(&self) -> Result<(), Error> {
        match self.get(&Key::Manifest).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn folder_of(url: &url::Url) -> Result<PathBuf, Error> {
    url.to_file_path().map_err(|()| Error::new(ErrorKind::Misused, "not a folder"))
}

fn once(bytes: Bytes) -> Chunks {
    Box::pin(futures::stream::iter([Ok(bytes)]))
}

#[cfg(test)]
mod tests;
