//! What can go wrong with the index, by what the caller must do.

use std::io;
use std::sync::Arc;

use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError};

/// Why the index could not do it. The index is never the only copy of anything.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The files are damaged, incomplete, of another version or under another key: set the folder aside and rebuild.
    #[error("the search index is damaged or of another version and must be rebuilt")]
    Corrupt,
    /// The disk is full: free space, then index again what was not committed.
    #[error("there is no space left for the search index")]
    Full,
    /// Another process writes to this index: there can be only one.
    #[error("another process writes to the search index")]
    Busy,
    /// Changes since the last commit were lost by an earlier failure: index them again.
    #[error("changes of the search index since its last commit were lost")]
    Lost,
    /// The disk failed: try again later.
    #[error("the search index could not be read or written")]
    Io(#[source] io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Corrupt,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

impl From<Arc<io::Error>> for Error {
    fn from(error: Arc<io::Error>) -> Self {
        // Tantivy's own messages may hold what it read: only the kind goes on.
        error.kind().into()
    }
}

impl From<io::ErrorKind> for Error {
    fn from(kind: io::ErrorKind) -> Self {
        io::Error::from(kind).into()
    }
}

impl From<TantivyError> for Error {
    fn from(error: TantivyError) -> Self {
        match error {
            TantivyError::IoError(error)
            | TantivyError::OpenReadError(OpenReadError::IoError { io_error: error, .. })
            | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: error, .. })
            | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: error, .. })
            | TantivyError::LockFailure(LockError::IoError(error), _) => error.into(),
            TantivyError::LockFailure(LockError::LockBusy, _) => Self::Busy,
            TantivyError::OpenReadError(_)
            | TantivyError::DataCorruption(_)
            | TantivyError::DeserializeError(_)
            | TantivyError::IncompatibleIndex(_) => Self::Corrupt,
            _ => io::ErrorKind::Other.into(),
        }
    }
}
