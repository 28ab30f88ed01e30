//! Sealing: plaintext becomes age ciphertext, whole or as a stream.
//!
//! [`Sealed`] is the only kind of content, beside the few readable objects of the log, that the object store
//! takes, and only this module makes one. So plaintext cannot reach a store by mistake.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use age::stream::StreamWriter;
use bytes::Bytes;
use futures::Stream;

use super::Recipient;

/// Ciphertext is handed on in pieces of this size unless the store wants another; the last piece is shorter.
const PIECE_BYTES: usize = 1 << 20;

/// How far one write may go over a full piece without the buffer being moved: chunks of age (64 KiB) and of senders.
const SLACK_BYTES: usize = 1 << 19;

/// The room of a fresh buffer: most papers fit, and what is not written to is not resident.
const FIRST_BYTES: usize = 1 << 19;

/// Once a buffer holds so much it gets room for a whole piece, at once and not by doubling.
const LARGE_BYTES: usize = 1 << 20;

/// An age file as a stream of ciphertext pieces.
///
/// An error item means that the plaintext broke off (a cut connection, a wrong digest): whoever stores the
/// stream must then store nothing.
pub struct Sealed(State);

enum State {
    Whole(Option<Bytes>),
    Passing(Sealing),
}

impl Sealed {
    /// Seals a stream while it passes, in bounded memory. An error of the stream is passed on as it is.
    pub fn stream<S>(recipients: &[Recipient], plaintext: S) -> io::Result<Self>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let buffer = Buffer(Arc::new(Mutex::new(Vec::with_capacity(FIRST_BYTES))));
        let writer = Some(writer(recipients, buffer.clone())?);
        let sealing = Sealing { plaintext: Box::pin(plaintext), writer, buffer, piece_bytes: PIECE_BYTES };
        Ok(Self(State::Passing(sealing)))
    }

    /// The same in pieces of exactly this size, except the last; each is filled once and never copied.
    pub fn in_pieces(mut self, piece_bytes: usize) -> Self {
        if let State::Passing(sealing) = &mut self.0 {
            sealing.piece_bytes = piece_bytes;
        }
        self
    }
}

impl Stream for Sealed {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            State::Whole(bytes) => Poll::Ready(bytes.take().map(Ok)),
            State::Passing(sealing) => sealing.poll_piece(cx),
        }
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
        Self(State::Whole(Some(sealed.0)))
    }
}

fn writer<W: Write>(recipients: &[Recipient], output: W) -> io::Result<StreamWriter<W>> {
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(Recipient::as_age));
    encryptor.map_err(io::Error::other)?.wrap_output(output)
}

struct Sealing {
    plaintext: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    /// `None` once all plaintext has been written.
    writer: Option<StreamWriter<Buffer>>,
    buffer: Buffer,
    piece_bytes: usize,
}

impl Sealing {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        while self.buffer.len() < self.piece_bytes
            && let Some(writer) = &mut self.writer
        {
            let written = match futures::ready!(self.plaintext.as_mut().poll_next(cx)) {
                Some(chunk) => chunk.and_then(|chunk| writer.write_all(&chunk)),
                None => self.writer.take().map_or(Ok(()), |writer| writer.finish().map(drop)),
            };
            if let Err(error) = written {
                return Poll::Ready(Some(Err(error)));
            }
            self.buffer.make_room(self.piece_bytes);
        }
        let piece = self.buffer.take(self.piece_bytes);
        Poll::Ready(if piece.is_empty() { None } else { Some(Ok(piece.into())) })
    }
}

/// What the writer has written and the stream has not yet handed on.
#[derive(Clone)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn make_room(&self, piece_bytes: usize) {
        let mut buffer = self.lock();
        if (LARGE_BYTES..piece_bytes).contains(&buffer.len()) {
            let more = piece_bytes + SLACK_BYTES - buffer.len();
            buffer.reserve_exact(more);
        }
    }

    /// At most `piece_bytes`; what is over begins the next piece, which is then expected to be as large.
    fn take(&self, piece_bytes: usize) -> Vec<u8> {
        let mut buffer = self.lock();
        let over = buffer.get(piece_bytes..).unwrap_or_default();
        let mut next = Vec::with_capacity(if over.is_empty() { 0 } else { piece_bytes + SLACK_BYTES });
        next.extend_from_slice(over);
        buffer.truncate(piece_bytes);
        std::mem::replace(&mut *buffer, next)
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
