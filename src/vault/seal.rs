//! Sealing: plaintext becomes age ciphertext, whole or as a stream.
//!
//! [`Sealed`] is the only kind of content, beside the few readable objects of the log, that the object store
//! takes, and only this module makes one. So plaintext cannot reach a store by mistake.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use secrecy::SecretString;

use super::Recipient;
use super::payload::Payload;
use crate::domain::Sha256Digest;

/// Ciphertext is handed on in pieces of this size unless the store wants another; the last piece is shorter.
const PIECE_BYTES: usize = 1 << 20;

/// How far one write may go over a full piece without the buffer being moved: chunks of age (64 KiB) and of senders.
const SLACK_BYTES: usize = 1 << 19;

/// The room of a fresh buffer: most papers fit, and what is not written to is not resident.
const FIRST_BYTES: usize = 1 << 19;

/// Once a buffer holds so much it gets room for a whole piece, at once and not by doubling.
const LARGE_BYTES: usize = 1 << 20;

/// Header and tag of a small file for a few recipients, about.
const HEADER_BYTES: usize = 512;

/// An age file as a stream of ciphertext pieces.
///
/// An error item means that the plaintext broke off (a cut connection, a wrong digest): whoever stores the
/// stream must then store nothing.
pub struct Sealed(State);

/// The beginning of an age file by which it can be told from every other one, in bytes: within the header, whose shares
/// are made anew for each file. The header authenticates the rest of itself, and its key the payload.
pub const SEALED_HEAD_BYTES: usize = 128;

enum State {
    Whole(Option<Bytes>),
    Passing(Box<Sealing>),
}

impl Sealed {
    /// Seals a stream while it passes, in bounded memory. An error of the stream is passed on as it is.
    pub fn stream<S>(recipients: &[Recipient], plaintext: S) -> io::Result<Self>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let payload = Payload::begin(recipients, FIRST_BYTES)?;
        let plaintext = Box::pin(plaintext);
        let sealing = Sealing { plaintext, payload, ended: false, piece_bytes: PIECE_BYTES };
        Ok(Self(State::Passing(Box::new(sealing))))
    }

    /// SHA-256 of the first [`SEALED_HEAD_BYTES`], which are written before any plaintext is there.
    pub fn head_sha256(&self) -> Option<Sha256Digest> {
        let bytes = match &self.0 {
            State::Whole(bytes) => bytes.as_deref(),
            State::Passing(sealing) => Some(sealing.payload.written()),
        };
        bytes?.get(..SEALED_HEAD_BYTES).map(Sha256Digest::of)
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
        let mut payload = Payload::begin(recipients, plaintext.len() + HEADER_BYTES)?;
        payload.write(plaintext)?;
        payload.finish()?;
        Ok(Self(payload.take(usize::MAX, 0).into()))
    }

    /// Seals a few bytes with a passphrase (age scrypt). Slow on purpose.
    pub fn seal_with_passphrase(passphrase: &SecretString, plaintext: &[u8]) -> io::Result<Self> {
        let mut sealed = Vec::with_capacity(plaintext.len() + HEADER_BYTES);
        let mut writer = age::Encryptor::with_user_passphrase(passphrase.clone()).wrap_output(&mut sealed)?;
        writer.write_all(plaintext)?;
        writer.finish()?;
        Ok(Self(sealed.into()))
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

struct Sealing {
    plaintext: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    payload: Payload,
    ended: bool,
    piece_bytes: usize,
}

impl Sealing {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        while self.payload.sealed() < self.piece_bytes && !self.ended {
            let written = match futures::ready!(self.plaintext.as_mut().poll_next(cx)) {
                Some(chunk) => chunk.and_then(|chunk| self.payload.write(&chunk)),
                None => {
                    self.ended = true;
                    self.payload.finish()
                }
            };
            if let Err(error) = written {
                return Poll::Ready(Some(Err(error)));
            }
            if (LARGE_BYTES..self.piece_bytes).contains(&self.payload.sealed()) {
                self.payload.reserve(self.piece_bytes + SLACK_BYTES);
            }
        }
        let piece = self.payload.take(self.piece_bytes, self.piece_bytes + SLACK_BYTES);
        Poll::Ready(if piece.is_empty() { None } else { Some(Ok(piece.into())) })
    }
}
