//! Where things lie in the data folder.

use std::path::{Path, PathBuf};

use super::Error;

pub(super) fn key_file(data: &Path) -> PathBuf {
    data.join("archive.key")
}

/// The archive's next identity, while the archive's key is rotated.
pub(super) fn next_key_file(data: &Path) -> PathBuf {
    data.join("archive.key.next")
}

pub(super) fn local_key(data: &Path) -> PathBuf {
    data.join("local.key.age")
}

/// The key of an archive that is still being made.
pub(super) fn unfinished_key_file(data: &Path) -> PathBuf {
    data.join("archive.key.unfinished")
}

pub(super) fn records(data: &Path) -> PathBuf {
    data.join("records")
}

pub(super) fn index(data: &Path) -> PathBuf {
    data.join("index")
}

/// The index's key, sealed to the archive's.
pub(super) fn index_key(data: &Path) -> PathBuf {
    data.join("index.key.age")
}

/// Is there while the index is new and it is not yet noted, durably, what belongs into it.
fn index_mark(data: &Path) -> PathBuf {
    data.join("index.unfilled")
}

/// Notes, before an index takes the place of another, that everything has to be indexed again.
pub(super) fn mark_index_unfilled(data: &Path) -> Result<(), Error> {
    let mark = index_mark(data);
    std::fs::File::create(&mark).map_err(|source| io_error(&mark, source))?;
    sync(data)
}

/// Whether that was noted, and everything was not called for since.
pub(super) fn is_index_unfilled(data: &Path) -> bool {
    index_mark(data).exists()
}

/// Everything was called for, durably.
pub(super) fn unmark_index(data: &Path) -> Result<(), Error> {
    let mark = index_mark(data);
    match std::fs::remove_file(&mark) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error(&mark, error)),
        _ => Ok(()),
    }
}

/// Whether nothing is in this folder but empty files, or there is none.
pub(super) fn is_empty(dir: &Path) -> bool {
    let is_full = |entry: std::fs::DirEntry| entry.metadata().is_ok_and(|found| found.len() > 0);
    !std::fs::read_dir(dir).is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(is_full)))
}

pub(super) fn make(data: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(data).map_err(|source| io_error(data, source))
}

/// Makes durable which files are in the folder.
pub(super) fn sync(data: &Path) -> Result<(), Error> {
    std::fs::File::open(data).and_then(|dir| dir.sync_all()).map_err(|source| io_error(data, source))
}

pub(super) fn io_error(path: &Path, source: std::io::Error) -> Error {
    Error::Io { path: path.to_owned(), source }
}
