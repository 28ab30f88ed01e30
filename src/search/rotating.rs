//! Another key for the index: its files are sealed anew, one after the other, into a folder beside, while searches go on
//! over those that are there and nothing is written. Then the folders are exchanged.
//!
//! Two names have to change, that of the folder and that of the file with its key, and a process may die between any two
//! steps. So one step decides, and a start sees on which side of it the process died:
//!
//! 1. `index.key.age.next` is written: the next key, sealed as the present one is.
//! 2. `index.next` is filled, until every byte of it is on the disk.
//! 3. `index` becomes `index.old`. This decides: before it all is undone, after it all is finished.
//! 4. `index.next` becomes `index`.
//! 5. `index.key.age.next` becomes `index.key.age`.
//! 6. `index.old` is deleted.
//!
//! [`Place::settle`] finishes or undoes. It goes on with step 4 only if the next key, the next folder and the old one are
//! there and `index` is not; with step 5 only if the next key, the old folder and `index` are there and the next folder is
//! not. Whatever else lies beside belongs to nothing and is deleted, the next key first: without it nothing is finished any
//! more. A rotation begins with that, so that what it leaves is its own. Should all of this be wrong some day, the key does
//! not open the folder, which is damage: the index is only a copy and is made again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chunk_cache::ChunkCache;
use super::directory::SealedDirectory;
use super::sealed_file::IndexKey;
use crate::clock::Clock;

/// Where an index lies and the file that its key is sealed in; both in one folder, with what a rotation puts beside them.
pub struct Place {
    folder: PathBuf,
    key_file: PathBuf,
}

impl Place {
    /// The index in this folder, its key in this file.
    pub fn new(folder: &Path, key_file: &Path) -> Self {
        Self { folder: folder.to_owned(), key_file: key_file.to_owned() }
    }

    /// Finishes or undoes what a rotation that was cut off has left. Nobody may have the index open.
    ///
    /// # Errors
    /// When the disk failed.
    pub fn settle(&self) -> io::Result<()> {
        self.finish()?;
        self.clear()
    }

    /// Finishes what was decided: folder and key have their names then.
    ///
    /// # Errors
    /// When the disk failed.
    pub fn finish(&self) -> io::Result<()> {
        let (next, old, next_key) = (self.next_folder(), self.old_folder(), self.next_key_file());
        if !self.folder.try_exists()? && old.try_exists()? && next.try_exists()? && next_key.try_exists()? {
            self.sync()?;
            fs::rename(&next, &self.folder)?;
            self.sync()?;
        }
        if self.folder.try_exists()? && old.try_exists()? && !next.try_exists()? && next_key.try_exists()? {
            fs::rename(&next_key, &self.key_file)?;
            self.sync()?;
        }
        Ok(())
    }

    /// The file for the next key.
    pub(super) fn next_key_file(&self) -> PathBuf {
        beside(&self.key_file, ".next")
    }

    /// Seals these files of the folder, which stand still, anew into the next one, in bounded memory. All of it is on the
    /// disk when this returns.
    ///
    /// # Errors
    /// `InvalidData` when damage was met.
    pub(super) fn fill(
        &self,
        files: &[PathBuf],
        (key, next): (IndexKey, IndexKey),
        clock: &Clock,
    ) -> io::Result<()> {
        // Everything is read once: nothing is worth keeping.
        let cache = Arc::new(ChunkCache::new(0));
        let from = SealedDirectory::open(&self.folder, key, clock.clone(), Arc::clone(&cache))?;
        let to = SealedDirectory::open(&self.next_folder(), next, clock.clone(), cache)?;
        from.reseal(files, &to)?;
        self.sync()
    }

    /// Decides that the next folder and key are to be those of the index.
    pub(super) fn decide(&self) -> io::Result<()> {
        fs::rename(&self.folder, self.old_folder())
    }

    /// Deletes what lies beside.
    pub(super) fn clear(&self) -> io::Result<()> {
        if was_there(fs::remove_file(self.next_key_file()))? {
            self.sync()?;
        }
        was_there(fs::remove_dir_all(self.next_folder()))?;
        was_there(fs::remove_dir_all(self.old_folder()))?;
        Ok(())
    }

    fn next_folder(&self) -> PathBuf {
        beside(&self.folder, ".next")
    }

    fn old_folder(&self) -> PathBuf {
        beside(&self.folder, ".old")
    }

    /// Makes the names durable.
    fn sync(&self) -> io::Result<()> {
        match self.folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn was_there(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
