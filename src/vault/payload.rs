//! An age file as it is written: the header is the age crate's, the payload is sealed by `ring`, twice as fast.
//!
//! The format is age-encryption.org/v1, "Payload": a 16-byte nonce, then STREAM (Hoang, Reyhanitabar, Rogaway and
//! Vizár, 2015) with ChaCha20-Poly1305 in chunks of 64 KiB. Reading is left to the age crate, so that whatever is
//! written here is judged by another implementation (docs/decisions/0006-age-payload.md).

use std::collections::HashSet;
use std::io;
use std::sync::{Mutex, PoisonError};

use age::EncryptError;
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use super::Recipient;

const CHUNK_BYTES: usize = 64 * 1024;
const NONCE_BYTES: usize = 16;
const FILE_KEY_BYTES: usize = 16;

/// An age file that is being written into memory. Plaintext is sealed where it lies.
pub(super) struct Payload {
    key: LessSafeKey,
    chunks: u64,
    bytes: Vec<u8>,
    /// Where the chunk begins that is still plaintext; everything before it is ciphertext.
    sealed: usize,
}

impl Payload {
    /// Header and nonce, with room for `capacity` bytes.
    pub(super) fn begin(recipients: &[Recipient], capacity: usize) -> io::Result<Self> {
        let listener = Listener::default();
        let all = recipients.iter().map(Recipient::as_age).chain([&listener as &dyn age::Recipient]);
        // Without this, an empty list would make a file that nobody can open.
        if recipients.is_empty() {
            return Err(io::Error::other(EncryptError::MissingRecipients));
        }
        let encryptor = age::Encryptor::with_recipients(all).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(capacity);
        drop(encryptor.wrap_output(&mut bytes)?);
        let file_key = listener.heard().ok_or_else(|| io::Error::other("age made no file key"))?;
        let nonce =
            bytes.last_chunk::<NONCE_BYTES>().ok_or_else(|| io::Error::other("age wrote no nonce"))?;
        let key = payload_key(&*file_key, nonce).map_err(unspecified)?;
        Ok(Self { key, chunks: 0, sealed: bytes.len(), bytes })
    }

    /// Takes plaintext. A full chunk is sealed when more follows it: only then it is known not to be the last.
    pub(super) fn write(&mut self, mut plaintext: &[u8]) -> io::Result<()> {
        while !plaintext.is_empty() {
            let open = self.bytes.len() - self.sealed;
            if open == CHUNK_BYTES {
                self.seal_chunk(false)?;
                continue;
            }
            let (now, later) = plaintext.split_at(plaintext.len().min(CHUNK_BYTES - open));
            self.bytes.extend_from_slice(now);
            plaintext = later;
        }
        Ok(())
    }

    /// Seals the last chunk; it is empty only if the whole payload is.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.seal_chunk(true)
    }

    /// What has not been taken; it begins with the header if nothing has.
    pub(super) fn written(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes of ciphertext can be taken.
    pub(super) fn sealed(&self) -> usize {
        self.sealed
    }

    /// Makes room for so many bytes in all.
    pub(super) fn reserve(&mut self, total: usize) {
        self.bytes.reserve_exact(total.saturating_sub(self.bytes.len()));
    }

    /// At most `piece_bytes` of ciphertext. What is over begins the next piece, with room for `next_capacity`.
    pub(super) fn take(&mut self, piece_bytes: usize, next_capacity: usize) -> Vec<u8> {
        let length = self.sealed.min(piece_bytes);
        let over = self.bytes.get(length..).unwrap_or_default();
        let mut next = Vec::with_capacity(if over.is_empty() { 0 } else { next_capacity });
        next.extend_from_slice(over);
        self.sealed -= length;
        let mut piece = std::mem::replace(&mut self.bytes, next);
        zeroize::Zeroize::zeroize(piece.get_mut(length + self.sealed..).unwrap_or_default());
        piece.truncate(length);
        piece
    }

    fn seal_chunk(&mut self, last: bool) -> io::Result<()> {
        let nonce = Nonce::assume_unique_for_key(nonce(self.chunks, last));
        let chunk = self.bytes.get_mut(self.sealed..).unwrap_or_default();
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::empty(), chunk).map_err(unspecified)?;
        self.bytes.extend_from_slice(tag.as_ref());
        self.sealed = self.bytes.len();
        self.chunks += 1;
        Ok(())
    }
}

/// The nonce of a chunk: 11 bytes of counter, big-endian, and whether it is the last.
fn nonce(chunk: u64, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&chunk.to_be_bytes());
    nonce[11] = u8::from(last);
    nonce
}

/// HKDF-SHA-256 of the file key, salted with the nonce, for "payload".
fn payload_key(file_key: &[u8], nonce: &[u8]) -> Result<LessSafeKey, Unspecified> {
    let derived = Salt::new(HKDF_SHA256, nonce).extract(file_key);
    let key: UnboundKey = derived.expand(&[b"payload"], &CHACHA20_POLY1305)?.into();
    Ok(LessSafeKey::new(key))
}

fn unspecified(_: Unspecified) -> io::Error {
    io::Error::other("the payload could not be sealed")
}

/// A recipient that nothing is wrapped to: it hears the file key that the age crate drew.
#[derive(Default)]
struct Listener(Mutex<Option<Zeroizing<[u8; FILE_KEY_BYTES]>>>);

impl Listener {
    fn heard(self) -> Option<Zeroizing<[u8; FILE_KEY_BYTES]>> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl age::Recipient for Listener {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let heard = Zeroizing::new(*file_key.expose_secret());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
        Ok((Vec::new(), HashSet::new()))
    }
}
