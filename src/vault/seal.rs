//! Sealing: plaintext becomes age ciphertext, whole or as a stream.
//!
//! [`Sealed`] is the only kind of content, beside the few readable objects of the log, that the object store
//! takes, and only this module makes one. So plaintext cannot reach a store by mistake.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use age::stream::StreamWriter;
use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::Recipient;

/// Ciphertext is handed on in pieces of at least this size, except the last.
const PIECE_BYTES: usize = 1 << 20;

/// An age file as a stream of ciphertext chunks.
///
/// An error item means that the plaintext broke off (a cut connection, a wrong digest): whoever stores the
/// stream must then store nothing.
pub struct Sealed {
    chunks: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
}

impl Sealed {
    /// Seals a stream while it passes, in bounded memory. An error of the stream is passed on as it is.
    pub fn stream<S>(recipients: &[Recipient], plaintext: S) -> io::Result<Self>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let buffer = Buffer::default();
        let writer = writer(recipients, buffer.clone())?;
        let state = Sealing { plaintext: Box::pin(plaintext), writer: Some(writer), buffer };
        let chunks = futures::stream::try_unfold(state, |mut state| async move {
            Ok(state.next_piece().await?.map(|piece| (piece, state)))
        });
        Ok(Self { chunks: Box::pin(chunks) })
    }
}

impl Stream for Sealed {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.as_mut().poll_next(cx)
    }
}

/// A small age file, whole.
#[derive(Clone)]
pub struct SealedBytes(Bytes);

impl SealedBytes {
    /// Seals a few bytes to every one of the recipients.
    pub fn seal(recipients: &[Recipient], plaintext: &[u8]) -> io::Result<Self> {
        let mut writer = writer(recipients, Vec::with_capacity(plaintext.len() + 512))?;
        writer.write_all(plaintext)?;
        Ok(Self(writer.finish()?.into()))
    }

    /// The ciphertext.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl From<SealedBytes> for Sealed {
    fn from(sealed: SealedBytes) -> Self {
        Self { chunks: Box::pin(futures::stream::iter([Ok(sealed.0)])) }
    }
}

fn writer<W: Write>(recipients: &[Recipient], output: W) -> io::Result<StreamWriter<W>> {
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(Recipient::as_age));
    encryptor.map_err(io::Error::other)?.wrap_output(output)
}

struct Sealing {
    plaintext: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    /// `None` once the last piece has been handed on.
    writer: Option<StreamWriter<Buffer>>,
    buffer: Buffer,
}

impl Sealing {
    async fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        while let Some(writer) = &mut self.writer {
            if self.buffer.len() >= PIECE_BYTES {
                break;
            }
            match self.plaintext.next().await {
                Some(chunk) => writer.write_all(&chunk?)?,
                None => self.finish()?,
            }
        }
        let piece = self.buffer.take();
        Ok(if piece.is_empty() { None } else { Some(piece.into()) })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.writer.take().map_or(Ok(()), |writer| writer.finish().map(drop))
    }
}

/// What the writer has written and the stream has not yet handed on.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
