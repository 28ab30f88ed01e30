//! Objects as files in a folder: temporary file, fsync, rename, fsync of the folder.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use tokio::task::spawn_blocking;

use super::{Backend, Chunks, Error, ErrorKind, Hold, Object, Stored, WriteOnce};
use crate::clock::Clock;
use crate::domain::{Fingerprint, RawId};

/// Unfinished objects lie here; what is left of them is removed at the next start.
const INCOMING: &str = ".incoming";
const READ_BYTES: usize = 256 * 1024;

pub(super) struct Local {
    root: PathBuf,
    next: AtomicU64,
}

impl Local {
    pub(super) async fn open(root: PathBuf) -> Result<Self, Error> {
        let incoming = root.join(INCOMING);
        blocking(move || {
            make_folders(&incoming)?;
            for left in fs::read_dir(&incoming)? {
                fs::remove_file(left?.path())?;
            }
            Ok(())
        })
        .await?;
        Ok(Self::open_as_it_is(root))
    }

    /// For reading: makes nothing, and leaves alone what another process has under way.
    pub(super) fn open_as_it_is(root: PathBuf) -> Self {
        Self { root, next: AtomicU64::new(0) }
    }

    async fn write(&self, incoming: &Path, mut content: Chunks) -> Result<(File, Stored), Error> {
        let path = incoming.to_owned();
        let mut file = blocking(move || File::create_new(path)).await?;
        let mut fingerprint = Fingerprint::new();
        while let Some(piece) = content.next().await {
            let piece = piece.map_err(|error| Error::new(ErrorKind::Broken, error))?;
            (file, fingerprint) = blocking(move || {
                fingerprint.update(&piece);
                file.write_all(&piece)?;
                Ok((file, fingerprint))
            })
            .await?;
        }
        let size_bytes = fingerprint.size_bytes();
        Ok((file, Stored { size_bytes, sha256: fingerprint.finish() }))
    }
}

impl Backend for Local {
    fn put(&self, path: String, content: Chunks, _: Option<Hold>) -> BoxFuture<'_, Result<Stored, Error>> {
        async move {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let incoming = self.root.join(INCOMING).join(number.to_string());
            // Dropped before the rename, for whatever reason, the guard removes what there is.
            let guard = RemoveOnDrop(Some(incoming.clone()));
            let (file, stored) = self.write(&incoming, content).await?;
            let target = self.root.join(path);
            blocking(move || {
                file.sync_all()?;
                publish(&incoming, &target)?;
                guard.disarm();
                Ok(())
            })
            .await?;
            Ok(stored)
        }
        .boxed()
    }

    fn get_from(&self, path: String, offset: u64) -> BoxFuture<'_, Result<Object, Error>> {
        let path = self.root.join(path);
        async move {
            let (file, size_bytes) = blocking(move || {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                let size_bytes = file.metadata()?.len();
                Ok((file, size_bytes))
            })
            .await?;
            let stream = futures::stream::try_unfold(file, |mut file| async move {
                let read = spawn_blocking(move || {
                    let mut bytes = vec![0; READ_BYTES];
                    let count = file.read(&mut bytes)?;
                    bytes.truncate(count);
                    Ok::<_, io::Error>((Bytes::from(bytes), file))
                });
                let (bytes, file) = read.await.map_err(io::Error::other)??;
                Ok(if bytes.is_empty() { None } else { Some((bytes, file)) })
            });
            Ok(Object { size_bytes, stream: Box::pin(stream) })
        }
        .boxed()
    }

    fn head(&self, path: String) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        let path = self.root.join(path);
        blocking(move || match fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .boxed()
    }

    fn delete(&self, path: String) -> BoxFuture<'_, Result<(), Error>> {
        let path = self.root.join(path);
        blocking(move || match fs::remove_file(&path) {
            Ok(()) => sync_folder(path.parent()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        })
        .boxed()
    }

    fn probe(&self, _: RawId, _: Clock) -> BoxFuture<'_, Result<WriteOnce, Error>> {
        async { Ok(WriteOnce::of_plain("a folder")) }.boxed()
    }

    fn list(&self, prefix: String) -> BoxFuture<'_, Result<Vec<(String, u64)>, Error>> {
        let root = self.root.clone();
        blocking(move || {
            let mut found = Vec::new();
            let mut open = vec![(root.clone(), String::new())];
            while let Some((folder, path)) = open.pop() {
                for entry in fs::read_dir(folder)? {
                    let entry = entry?;
                    let path = format!("{path}{}", entry.file_name().to_string_lossy());
                    let kind = entry.file_type()?;
                    if kind.is_dir() && path != INCOMING {
                        let below = format!("{path}/");
                        if below.starts_with(&prefix) || prefix.starts_with(&below) {
                            open.push((entry.path(), below));
                        }
                    } else if kind.is_file() && path.starts_with(&prefix) {
                        found.push((path, entry.metadata()?.len()));
                    }
                }
            }
            Ok(found)
        })
        .boxed()
    }
}

/// Moves a finished file to its place, durably.
fn publish(incoming: &Path, target: &Path) -> io::Result<()> {
    let folder = target.parent();
    match fs::rename(incoming, target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            folder.map_or(Ok(()), make_folders)?;
            fs::rename(incoming, target)?;
        }
        other => other?,
    }
    sync_folder(folder)
}

/// Makes a folder and those above it, each durably.
fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), make_folders)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(folder.parent()),
    }
}

fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    match spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(ErrorKind::Unavailable.into()),
    }
}

struct RemoveOnDrop(Option<PathBuf>);

impl RemoveOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}
