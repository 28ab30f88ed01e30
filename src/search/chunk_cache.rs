//! Decrypted pieces of index files, bounded in bytes, least recently used out first.
//!
//! A piece is a run of whole chunks, as it was asked for: posting lists come back as one piece without copying.
//! The pieces are plaintext and live in memory only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use lru::LruCache;
use tantivy::directory::OwnedBytes;

/// Bookkeeping of one cached piece, roughly, in bytes.
const OVERHEAD_BYTES: usize = 160;
/// A piece larger than this part of the cache would push out everything else.
const LARGEST_PART: usize = 8;

/// The cache of one index.
pub(super) struct ChunkCache {
    max_bytes: usize,
    next_file: AtomicU64,
    pieces: Mutex<Pieces>,
}

struct Pieces {
    bytes: usize,
    by_use: LruCache<ChunkRange, OwnedBytes>,
}

/// A run of chunks of one opened file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ChunkRange {
    pub(super) file: u64,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl ChunkCache {
    pub(super) fn new(max_bytes: usize) -> Self {
        let pieces = Pieces { bytes: 0, by_use: LruCache::unbounded() };
        Self { max_bytes, next_file: AtomicU64::new(0), pieces: Mutex::new(pieces) }
    }

    /// A number for a newly opened file; never used twice, so that a replaced file cannot be served from old pieces.
    pub(super) fn new_file_id(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn get(&self, range: ChunkRange) -> Option<OwnedBytes> {
        self.lock().by_use.get(&range).cloned()
    }

    pub(super) fn put(&self, range: ChunkRange, plain: OwnedBytes) {
        if plain.len() > self.max_bytes / LARGEST_PART {
            return;
        }
        let mut pieces = self.lock();
        pieces.bytes += cost(&plain);
        if let Some((_, replaced)) = pieces.by_use.push(range, plain) {
            pieces.bytes -= cost(&replaced);
        }
        while pieces.bytes > self.max_bytes {
            let Some((_, oldest)) = pieces.by_use.pop_lru() else { break };
            pieces.bytes -= cost(&oldest);
        }
    }

    /// Gives all memory back.
    pub(super) fn clear(&self) {
        *self.lock() = Pieces { bytes: 0, by_use: LruCache::unbounded() };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cost(plain: &[u8]) -> usize {
    plain.len() + OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use tantivy::directory::OwnedBytes;

    use super::{ChunkCache, ChunkRange};

    #[test]
    fn the_bound_holds_and_the_oldest_go_first() {
        let cache = ChunkCache::new(100_000);
        let range = |start| ChunkRange { file: 1, start, end: start + 1 };
        for start in 0..100 {
            cache.put(range(start), OwnedBytes::new(vec![0; 4096]));
            cache.get(range(0));
            assert!(cache.lock().bytes <= 100_000);
        }
        assert!(cache.get(range(0)).is_some(), "used all the time");
        assert!(cache.get(range(1)).is_none(), "oldest");
        assert!(cache.get(range(99)).is_some(), "newest");

        cache.put(range(99), OwnedBytes::new(vec![0; 50]));
        cache.put(range(200), OwnedBytes::new(vec![0; 50_000]));
        assert!(cache.get(range(200)).is_none(), "too large a part of the cache");
        cache.clear();
        assert_eq!(cache.lock().bytes, 0);
        assert!(cache.get(range(0)).is_none());
    }
}
