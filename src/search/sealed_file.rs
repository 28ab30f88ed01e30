//! The bytes of one sealed index file, and their two ends: a writer that streams in and a reader at random places.
//!
//! Layout: a 4-byte mark, a 32-byte salt, then chunks of 4 KiB plaintext, each with its 16-byte AES-256-GCM tag; the
//! last chunk may be shorter. The key is HKDF-SHA-256 over (index key, salt, file name), the nonce an 11-byte
//! big-endian chunk counter and a last-chunk flag, as in age's STREAM: chunks cannot be altered, swapped, cut off or
//! moved to another name without an error. An older whole file under its own name is not noticed here.
//! Nothing here puts plaintext anywhere but into memory.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey};
use ring::hkdf;
use tantivy::HasLen;
use tantivy::directory::{AntiCallToken, FileHandle, OwnedBytes, TerminatingWrite};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::chunk_cache::{ChunkCache, ChunkRange};

const MARK: &[u8; 4] = b"LTS1";
const PURPOSE: &[u8] = b"lantai search index file v1";
/// Length of the random salt in each file, in bytes.
pub(super) const SALT_LEN: usize = 32;
const HEADER_LEN: usize = MARK.len() + SALT_LEN;
/// Plaintext bytes of a full chunk.
pub(super) const CHUNK_LEN: usize = 4096;
const TAG_LEN: usize = MAX_TAG_LEN;
const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;
const WRITE_BUFFER_LEN: usize = 16 * SEALED_CHUNK_LEN;
/// So many chunks are checked at once.
const CHECKED_CHUNKS: usize = 64;

/// The secret from which every file key of one index is derived. Wiped from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct IndexKey([u8; 32]);

impl IndexKey {
    /// A key of these bytes, which must be secret and uniformly random.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn file_key(&self, salt: &[u8; SALT_LEN], name: &str) -> io::Result<LessSafeKey> {
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&self.0);
        let info = [PURPOSE, &[0], name.as_bytes()];
        let okm =
            secret.expand(&info, &AES_256_GCM).map_err(|_| io::Error::other("key derivation failed"))?;
        Ok(LessSafeKey::new(UnboundKey::from(okm)))
    }
}

/// Seals a whole small file.
pub(super) fn seal(key: &IndexKey, salt: [u8; SALT_LEN], name: &str, plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut sealed = Vec::with_capacity(HEADER_LEN + plain.len() + TAG_LEN * (plain.len() / CHUNK_LEN + 1));
    let mut writer = ChunkWriter::new(key, salt, name, &mut sealed)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(sealed)
}

/// Opens a whole small file.
///
/// # Errors
/// `InvalidData` when any byte is not as it was sealed under this key and name.
pub(super) fn open(key: &IndexKey, name: &str, sealed: &[u8]) -> io::Result<Vec<u8>> {
    let (header, body) = sealed.split_at_checked(HEADER_LEN).ok_or_else(damaged)?;
    let key = key.file_key(&salt_of(header)?, name)?;
    let shape = Shape::of_body(body.len() as u64)?;
    let mut plain = Vec::with_capacity(shape.plain_len);
    for (index, chunk) in body.chunks(SEALED_CHUNK_LEN).enumerate() {
        let mut chunk = chunk.to_vec();
        plain.extend_from_slice(open_chunk(&key, &mut chunk, index, index + 1 == shape.chunks)?);
    }
    Ok(plain)
}

/// The error for a file that is not as it was sealed.
pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a sealed index file is damaged")
}

fn salt_of(header: &[u8]) -> io::Result<[u8; SALT_LEN]> {
    let (mark, salt) = header.split_at_checked(MARK.len()).ok_or_else(damaged)?;
    if mark != MARK {
        return Err(damaged());
    }
    salt.try_into().map_err(|_| damaged())
}

fn nonce(index: usize, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[3..11].copy_from_slice(&(index as u64).to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

fn open_chunk<'a>(
    key: &LessSafeKey,
    chunk: &'a mut [u8],
    index: usize,
    last: bool,
) -> io::Result<&'a mut [u8]> {
    key.open_in_place(nonce(index, last), Aad::empty(), chunk).map_err(|_| damaged())
}

/// How many chunks and plaintext bytes a sealed body of a given length has.
#[derive(Debug, Clone, Copy)]
struct Shape {
    chunks: usize,
    plain_len: usize,
}

impl Shape {
    fn of_body(body_len: u64) -> io::Result<Self> {
        let body_len = usize::try_from(body_len).map_err(|_| damaged())?;
        let chunks = body_len.div_ceil(SEALED_CHUNK_LEN);
        let last_len =
            body_len.checked_sub(chunks.saturating_sub(1) * SEALED_CHUNK_LEN).ok_or_else(damaged)?;
        // Only an empty file may have an empty last chunk.
        let smallest = if chunks > 1 { TAG_LEN + 1 } else { TAG_LEN };
        if last_len < smallest {
            return Err(damaged());
        }
        Ok(Self { chunks, plain_len: body_len - chunks * TAG_LEN })
    }
}

/// Seals what is written to it, chunk by chunk; the last chunk is known only at the end.
struct ChunkWriter<W: Write> {
    key: LessSafeKey,
    out: W,
    plain: Vec<u8>,
    index: usize,
}

impl<W: Write> ChunkWriter<W> {
    fn new(key: &IndexKey, salt: [u8; SALT_LEN], name: &str, mut out: W) -> io::Result<Self> {
        let key = key.file_key(&salt, name)?;
        out.write_all(MARK)?;
        out.write_all(&salt)?;
        Ok(Self { key, out, plain: Vec::with_capacity(SEALED_CHUNK_LEN), index: 0 })
    }

    fn seal_chunk(&mut self, last: bool) -> io::Result<()> {
        self.key
            .seal_in_place_append_tag(nonce(self.index, last), Aad::empty(), &mut self.plain)
            .map_err(|_| io::Error::other("sealing failed"))?;
        self.out.write_all(&self.plain)?;
        self.plain.clear();
        self.index += 1;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.seal_chunk(true)?;
        self.out.flush()
    }
}

impl<W: Write> Write for ChunkWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.plain.len() == CHUNK_LEN && !bytes.is_empty() {
            self.seal_chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK_LEN - self.plain.len());
        self.plain.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Leaves the unfinished chunk in memory: only the end of the file may be a short chunk.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a new sealed file; `terminate` seals the last chunk and syncs the file to the disk.
pub(super) struct SealedWriter(ChunkWriter<io::BufWriter<File>>);

impl SealedWriter {
    pub(super) fn new(key: &IndexKey, salt: [u8; SALT_LEN], name: &str, file: File) -> io::Result<Self> {
        ChunkWriter::new(key, salt, name, io::BufWriter::with_capacity(WRITE_BUFFER_LEN, file)).map(Self)
    }
}

impl Write for SealedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for SealedWriter {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.finish()?;
        self.0.out.get_ref().sync_all()
    }
}

/// A sealed file that is read at random places through the cache.
pub(super) struct SealedFile {
    id: u64,
    file: File,
    key: LessSafeKey,
    shape: Shape,
    cache: Arc<ChunkCache>,
}

impl SealedFile {
    /// Opens the file and checks its last chunk, so that a shortened file is noticed at once.
    ///
    /// # Errors
    /// `InvalidData` when header, length or last chunk are not as sealed.
    pub(super) fn open(key: &IndexKey, name: &str, file: File, cache: Arc<ChunkCache>) -> io::Result<Self> {
        let mut header = [0; HEADER_LEN];
        let file_len = file.metadata()?.len();
        let body_len = file_len.checked_sub(HEADER_LEN as u64).ok_or_else(damaged)?;
        file.read_exact_at(&mut header, 0)?;
        let key = key.file_key(&salt_of(&header)?, name)?;
        let sealed = Self { id: cache.new_file_id(), file, key, shape: Shape::of_body(body_len)?, cache };
        let last = sealed.shape.chunks - 1;
        sealed.chunks(last..last + 1)?;
        Ok(sealed)
    }

    /// Reads and authenticates every chunk.
    pub(super) fn check(&self) -> io::Result<()> {
        for first in (0..self.shape.chunks).step_by(CHECKED_CHUNKS) {
            self.read_chunks(first..(first + CHECKED_CHUNKS).min(self.shape.chunks))?;
        }
        Ok(())
    }

    /// Writes the plaintext to `out`, some chunks at a time, each of them authenticated.
    pub(super) fn copy(&self, out: &mut impl Write) -> io::Result<()> {
        for first in (0..self.shape.chunks).step_by(CHECKED_CHUNKS) {
            let some = first..(first + CHECKED_CHUNKS).min(self.shape.chunks);
            out.write_all(&self.read_chunks(some)?)?;
        }
        Ok(())
    }

    /// The plaintext of these chunks, from the cache or the disk.
    fn chunks(&self, chunks: Range<usize>) -> io::Result<OwnedBytes> {
        let range = ChunkRange { file: self.id, start: chunks.start, end: chunks.end };
        if let Some(plain) = self.cache.get(range) {
            return Ok(plain);
        }
        let plain = OwnedBytes::new(self.read_chunks(chunks)?);
        self.cache.put(range, plain.clone());
        Ok(plain)
    }

    fn read_chunks(&self, chunks: Range<usize>) -> io::Result<Vec<u8>> {
        let start = chunks.start * SEALED_CHUNK_LEN;
        let end = (chunks.end * SEALED_CHUNK_LEN).min(self.shape.plain_len + self.shape.chunks * TAG_LEN);
        let mut bytes = vec![0; end.checked_sub(start).ok_or_else(damaged)?];
        self.file.read_exact_at(&mut bytes, (HEADER_LEN + start) as u64)?;
        let (mut from, mut to) = (0, 0);
        for index in chunks {
            let sealed_end = (from + SEALED_CHUNK_LEN).min(bytes.len());
            let last = index + 1 == self.shape.chunks;
            let plain_len = open_chunk(&self.key, &mut bytes[from..sealed_end], index, last)?.len();
            bytes.copy_within(from..from + plain_len, to);
            (from, to) = (sealed_end, to + plain_len);
        }
        bytes.truncate(to);
        bytes.shrink_to_fit();
        Ok(bytes)
    }
}

impl FileHandle for SealedFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end > self.shape.plain_len {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "a range beyond the end of an index file",
            ));
        }
        if range.is_empty() {
            return Ok(OwnedBytes::empty());
        }
        let first = range.start / CHUNK_LEN;
        let plain = self.chunks(first..range.end.div_ceil(CHUNK_LEN))?;
        let skip = first * CHUNK_LEN;
        Ok(plain.slice(range.start - skip..range.end - skip))
    }
}

impl HasLen for SealedFile {
    fn len(&self) -> usize {
        self.shape.plain_len
    }
}

impl fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedFile").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tantivy::directory::FileHandle;

    use super::super::chunk_cache::ChunkCache;
    use super::{CHUNK_LEN, IndexKey, SealedFile, open, seal};

    fn plain(len: usize) -> Vec<u8> {
        (0..len).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect()
    }

    #[test]
    fn every_length_comes_back_at_every_place() {
        let key = IndexKey::from_bytes([7; 32]);
        let dir = tempfile::tempdir().unwrap();
        for len in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 3 * CHUNK_LEN, 3 * CHUNK_LEN + 17] {
            let plain = plain(len);
            let sealed = seal(&key, [1; 32], "a.idx", &plain).unwrap();
            assert_eq!(open(&key, "a.idx", &sealed).unwrap(), plain, "{len}");

            let path = dir.path().join(len.to_string());
            std::fs::write(&path, &sealed).unwrap();
            let file = std::fs::File::open(&path).unwrap();
            let file = SealedFile::open(&key, "a.idx", file, Arc::new(ChunkCache::new(1 << 20))).unwrap();
            for start in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, 2 * CHUNK_LEN + 5] {
                for end in [start, start + 1, start + CHUNK_LEN, len] {
                    let read = file.read_bytes(start..end);
                    match plain.get(start..end) {
                        Some(expected) => assert_eq!(read.unwrap().as_slice(), expected, "{start}..{end}"),
                        None => assert!(read.is_err(), "{start}..{end} of {len}"),
                    }
                }
            }
        }
    }

    #[test]
    fn no_byte_may_be_altered_moved_or_cut() {
        let key = IndexKey::from_bytes([7; 32]);
        let sealed = seal(&key, [1; 32], "a.idx", &plain(2 * CHUNK_LEN + 9)).unwrap();
        for at in (0..sealed.len()).step_by(97).chain([0, 3, 4, 35, 36, sealed.len() - 1]) {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(open(&key, "a.idx", &altered).is_err(), "byte {at}");
        }
        for len in [0, 4, 36, 52, 36 + CHUNK_LEN + 16, 36 + 2 * (CHUNK_LEN + 16), sealed.len() - 1] {
            assert!(open(&key, "a.idx", &sealed[..len]).is_err(), "cut to {len}");
        }
        assert!(open(&key, "b.idx", &sealed).is_err());
        assert!(open(&IndexKey::from_bytes([8; 32]), "a.idx", &sealed).is_err());
    }

    #[test]
    fn a_file_cut_at_a_chunk_is_refused_when_opened() {
        let key = IndexKey::from_bytes([7; 32]);
        let sealed = seal(&key, [1; 32], "a.idx", &plain(2 * CHUNK_LEN + 9)).unwrap();
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), &sealed[..36 + CHUNK_LEN + 16]).unwrap();
        let file = path.reopen().unwrap();
        assert!(SealedFile::open(&key, "a.idx", file, Arc::new(ChunkCache::new(1 << 20))).is_err());
    }
}
