//! The folder of an index as tantivy sees it: every file goes in and out sealed.
//!
//! Small files that are replaced as a whole (tantivy's `meta.json`) are sealed too, written beside, synced and
//! renamed. Locks are empty files held by the operating system, so that a killed process leaves none behind.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, TerminatingWrite, WatchCallback, WatchHandle, WritePtr,
};

use super::chunk_cache::ChunkCache;
use super::sealed_file::{self, IndexKey, SealedFile, SealedWriter, damaged};
use crate::clock::Clock;

const UNFINISHED: &str = ".new";
/// Tantivy's list of the files that it may delete.
pub(super) const LIST_OF_FILES: &str = ".managed.json";
/// Tantivy's list of the segments.
pub(super) const LIST_OF_SEGMENTS: &str = "meta.json";

/// A folder of sealed files. Cloning gives a handle on the same folder.
#[derive(Clone)]
pub(super) struct SealedDirectory(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    key: IndexKey,
    clock: Clock,
    cache: Arc<ChunkCache>,
    /// Files that somebody has open: a reload finds their cached pieces again.
    opened: Mutex<HashMap<PathBuf, Weak<SealedFile>>>,
}

impl SealedDirectory {
    /// Opens the folder, making it when it is not there, and clears what an interrupted replacement left.
    pub(super) fn open(
        folder: &Path,
        key: IndexKey,
        clock: Clock,
        cache: Arc<ChunkCache>,
    ) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension() == Some(OsStr::new(&UNFINISHED[1..])) {
                fs::remove_file(path)?;
            }
        }
        let opened = Mutex::default();
        Ok(Self(Arc::new(Inner { folder: folder.to_owned(), key, clock, cache, opened })))
    }

    /// Whether the folder has any file with content.
    pub(super) fn has_content(&self) -> io::Result<bool> {
        for entry in fs::read_dir(&self.0.folder)? {
            if entry?.metadata()?.len() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads and authenticates every byte of these files; one that is not there is damage.
    pub(super) fn check(&self, files: impl Iterator<Item = PathBuf>) -> io::Result<()> {
        for path in files {
            match File::open(self.full(&path)) {
                Ok(file) => {
                    SealedFile::open(&self.0.key, name_of(&path)?, file, self.0.cache.clone())?.check()?
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Seals these files anew in another folder, under its key; one that is not there is damage. Durable when it returns.
    pub(super) fn reseal(&self, files: &[PathBuf], into: &Self) -> io::Result<()> {
        for path in files {
            let file = match File::open(self.full(path)) {
                // Without this list nothing is lost but what may be deleted.
                Err(error) if error.kind() == io::ErrorKind::NotFound && is_list_of_files(path) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged()),
                file => file?,
            };
            let sealed = SealedFile::open(&self.0.key, name_of(path)?, file, self.0.cache.clone())?;
            let mut writer = into.create_sealed(path)?;
            sealed.copy(&mut writer)?;
            writer.terminate()?;
        }
        into.sync()
    }

    /// Copies these files into another folder as tantivy wrote them.
    #[cfg(feature = "unsealed-peer")]
    pub(super) fn unseal(&self, files: &[PathBuf], into: &Path) -> io::Result<()> {
        for path in files {
            let file = File::open(self.full(path))?;
            let sealed = SealedFile::open(&self.0.key, name_of(path)?, file, self.0.cache.clone())?;
            sealed.copy(&mut File::create_new(into.join(path))?)?;
        }
        Ok(())
    }

    fn full(&self, path: &Path) -> PathBuf {
        self.0.folder.join(path)
    }

    fn open_sealed(&self, path: &Path) -> io::Result<Arc<SealedFile>> {
        let mut opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = opened.get(path).and_then(Weak::upgrade) {
            return Ok(file);
        }
        let file = File::open(self.full(path))?;
        let file = Arc::new(SealedFile::open(&self.0.key, name_of(path)?, file, self.0.cache.clone())?);
        opened.retain(|_, file| file.strong_count() > 0);
        opened.insert(path.to_owned(), Arc::downgrade(&file));
        Ok(file)
    }

    fn create_sealed(&self, path: &Path) -> io::Result<SealedWriter> {
        let file = OpenOptions::new().write(true).create_new(true).open(self.full(path))?;
        SealedWriter::new(&self.0.key, self.0.clock.random_bytes(), name_of(path)?, file)
    }

    fn replace(&self, path: &Path, plain: &[u8]) -> io::Result<()> {
        let sealed = sealed_file::seal(&self.0.key, self.0.clock.random_bytes(), name_of(path)?, plain)?;
        let target = self.full(path);
        let mut beside = target.clone().into_os_string();
        beside.push(UNFINISHED);
        let mut file = File::create(&beside)?;
        file.write_all(&sealed)?;
        file.sync_all()?;
        fs::rename(&beside, &target)?;
        // Losing the newest list of files costs a forgotten file; losing the newest `meta.json` costs a commit.
        if is_list_of_files(path) { Ok(()) } else { self.sync() }
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0.folder)?.sync_all()
    }

    fn lock(&self, lock: &Lock) -> Result<File, LockError> {
        let open =
            OpenOptions::new().write(true).create(true).truncate(false).open(self.full(&lock.filepath));
        let file = open.map_err(LockError::wrap_io_error)?;
        if lock.is_blocking {
            file.lock().map_err(LockError::wrap_io_error)?;
            return Ok(file);
        }
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(LockError::LockBusy),
            Err(TryLockError::Error(error)) => Err(LockError::wrap_io_error(error)),
        }
    }
}

fn is_list_of_files(path: &Path) -> bool {
    path == Path::new(LIST_OF_FILES)
}

/// The name under which a file is sealed.
fn name_of(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(damaged)
}

fn read_error(error: io::Error, path: &Path) -> OpenReadError {
    match error.kind() {
        io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
        _ => OpenReadError::wrap_io_error(error, path.to_owned()),
    }
}

impl Directory for SealedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(self.open_sealed(path).map_err(|error| read_error(error, path))?)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        fs::remove_file(self.full(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => DeleteError::FileDoesNotExist(path.to_owned()),
            _ => DeleteError::IoError { io_error: Arc::new(error), filepath: path.to_owned() },
        })?;
        self.0.opened.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        Ok(())
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.full(path).try_exists().map_err(|error| read_error(error, path))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let writer = self.create_sealed(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OpenWriteError::FileAlreadyExists(path.to_owned()),
            _ => OpenWriteError::wrap_io_error(error, path.to_owned()),
        })?;
        Ok(BufWriter::new(Box::new(writer)))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let open = || sealed_file::open(&self.0.key, name_of(path)?, &fs::read(self.full(path))?);
        open().map_err(|error| read_error(error, path))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.replace(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.sync()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.lock(lock).map(|file| DirectoryLock::from(Box::new(file)))
    }

    /// Nobody watches: the reader is reloaded by whoever commits.
    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

impl fmt::Debug for SealedDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedDirectory").finish_non_exhaustive()
    }
}
