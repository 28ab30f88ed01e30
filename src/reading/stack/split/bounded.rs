//! A file in memory that grows only so far.

use std::io::{Cursor, Error, ErrorKind, Result, Seek, SeekFrom, Write};

/// Writing beyond the limit fails with [`ErrorKind::FileTooLarge`], before anything is written.
pub(super) struct Bounded {
    file: Cursor<Vec<u8>>,
    most: u64,
}

impl Bounded {
    pub(super) fn new(most: u64) -> Self {
        Self { file: Cursor::new(Vec::new()), most }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.file.into_inner()
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.file.position().saturating_add(bytes.len() as u64) > self.most {
            return Err(Error::from(ErrorKind::FileTooLarge));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.file.seek(to)
    }
}
