//! Opening: age ciphertext becomes plaintext, whole or through a seeking reader.

use std::io::{self, Read, Seek, SeekFrom};

use age::stream::StreamReader;
use zeroize::Zeroizing;

use super::{Error, Identity};

/// Opens a small age file whole.
pub fn open(identity: &Identity, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut reader = open_reader(identity, ciphertext)?;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(ciphertext.len()));
    reader.read_to_end(&mut plaintext).map_err(damaged)?;
    Ok(plaintext)
}

/// Reads the header of an age file and gives a reader of its plaintext.
///
/// A damaged chunk is an error of kind `InvalidData` when it is reached; earlier chunks are authentic. The
/// reader seeks if `R` does: a range costs the chunks (64 KiB) that it touches.
pub fn open_reader<R: Read>(identity: &Identity, ciphertext: R) -> Result<Opened<R>, Error> {
    let decryptor = age::Decryptor::new(ciphertext)?;
    let reader = decryptor.decrypt(std::iter::once(identity.as_age()))?;
    Ok(Opened(reader))
}

fn damaged(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => Error::Damaged,
        _ => Error::Io(error),
    }
}

/// The plaintext of an age file.
pub struct Opened<R>(StreamReader<R>);

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read + Seek> Seek for Opened<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}
