//! Rows in sled 0.34: one tree, its atomic batches, and a flush that survives a power cut.
//!
//! `sled::Db::flush` alone is not durable on Linux: it calls `sync_file_range`. So the data file is fsynced
//! after it, before anything is acknowledged (docs/decisions/0003-sled.md).

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::{Backend, Error, Op, Row};

pub(super) struct Sled {
    db: sled::Db,
    data_file: File,
}

impl Sled {
    pub(super) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(io_error)?;
        let config = sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(None);
        let db = guarded(|| config.open().map_err(open_error))?;
        let data_file = File::open(dir.join("db")).map_err(io_error)?;
        Ok(Self { db, data_file })
    }
}

impl Backend for Sled {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        guarded(|| Ok(self.db.get(key).map_err(sled_error)?.map(|value| value.to_vec())))
    }

    fn scan(&self, prefix: &[u8], start: &[u8], limit: usize) -> Result<Vec<Row>, Error> {
        guarded(|| {
            let mut rows = Vec::new();
            for row in self.db.range(start..).take(limit) {
                let (key, value) = row.map_err(sled_error)?;
                if !key.starts_with(prefix) {
                    break;
                }
                rows.push((key.to_vec(), value.to_vec()));
            }
            Ok(rows)
        })
    }

    fn apply(&self, ops: Vec<Op>) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        for (key, value) in ops {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        guarded(|| self.db.apply_batch(batch).map_err(sled_error))
    }

    fn flush(&self) -> Result<(), Error> {
        guarded(|| self.db.flush().map_err(sled_error))?;
        self.data_file.sync_all().map_err(io_error)
    }
}

/// sled panics where it finds what it does not expect: that is damage like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::Corrupt))
}

/// Whatever is wrong with the files is damage; only what the system refuses is not.
fn open_error(error: sled::Error) -> Error {
    match error {
        sled::Error::Io(source)
            if matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
            ) =>
        {
            io_error(source)
        }
        _ => Error::Corrupt,
    }
}

fn sled_error(error: sled::Error) -> Error {
    match error {
        sled::Error::Io(source) => io_error(source),
        sled::Error::Corruption { .. } => Error::Corrupt,
        other => Error::Io(io::Error::other(other)),
    }
}

fn io_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
        _ => Error::Io(error),
    }
}
