//! Whose papers a search may find: the items of a scope in each part of the index, looked up once and kept.
//!
//! Somebody may see some thousands of dossiers, and to look them all up for each search would cost more than the search.
//! Parts of an index never change, but for what is deleted from them, which tantivy leaves out by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use tantivy::index::SegmentId;
use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, Searcher, SegmentReader, TERMINATED, TantivyError, Term};

use crate::domain::DossierId;

const WORD_BITS: u32 = u64::BITS;

/// The items of the scopes that were asked for lately, bounded in bytes.
pub(super) struct Scopes {
    max_bytes: usize,
    kept: Mutex<Kept>,
}

struct Kept {
    bytes: usize,
    by_use: LruCache<Arc<[DossierId]>, Parts>,
}

type Parts = Arc<HashMap<SegmentId, Arc<Items>>>;

/// Some of the items of a part, a bit for each.
#[derive(Debug)]
struct Items {
    bits: Box<[u64]>,
    count: u32,
}

impl Scopes {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, kept: Mutex::new(Kept { bytes: 0, by_use: LruCache::unbounded() }) }
    }

    /// What is in one of these dossiers.
    pub(super) fn within(
        &self,
        searcher: &Searcher,
        field: Field,
        dossiers: &[DossierId],
    ) -> tantivy::Result<Within> {
        let known = self.lock().by_use.get(dossiers).cloned().unwrap_or_default();
        let mut parts = HashMap::new();
        for reader in searcher.segment_readers() {
            let items = match known.get(&reader.segment_id()) {
                Some(items) => Arc::clone(items),
                None => Arc::new(Items::of(reader, field, dossiers)?),
            };
            parts.insert(reader.segment_id(), items);
        }
        let parts = if parts.len() == known.len() && parts.keys().all(|part| known.contains_key(part)) {
            known
        } else {
            self.keep(dossiers, Arc::new(parts))
        };
        Ok(Within(parts))
    }

    /// Gives all memory back.
    pub(super) fn clear(&self) {
        *self.lock() = Kept { bytes: 0, by_use: LruCache::unbounded() };
    }

    fn keep(&self, dossiers: &[DossierId], parts: Parts) -> Parts {
        let mut kept = self.lock();
        kept.bytes += cost(dossiers, &parts);
        if let Some((dossiers, replaced)) = kept.by_use.push(dossiers.into(), Arc::clone(&parts)) {
            kept.bytes -= cost(&dossiers, &replaced);
        }
        while kept.bytes > self.max_bytes {
            let Some((dossiers, oldest)) = kept.by_use.pop_lru() else { break };
            kept.bytes -= cost(&dossiers, &oldest);
        }
        parts
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cost(dossiers: &[DossierId], parts: &Parts) -> usize {
    size_of_val(dossiers) + parts.values().map(|items| size_of_val(&*items.bits)).sum::<usize>()
}

impl Items {
    fn of(reader: &SegmentReader, field: Field, dossiers: &[DossierId]) -> tantivy::Result<Self> {
        let mut bits = vec![0_u64; reader.max_doc().div_ceil(WORD_BITS) as usize].into_boxed_slice();
        let index = reader.inverted_index(field)?;
        for dossier in dossiers {
            let term = Term::from_field_bytes(field, dossier.as_bytes());
            let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic)? else { continue };
            while postings.doc() != TERMINATED {
                let (word, bit) = place(postings.doc());
                bits[word] |= 1 << bit;
                postings.advance();
            }
        }
        let count = bits.iter().map(|word| word.count_ones()).sum();
        Ok(Self { bits, count })
    }

    /// The first of them from this one on.
    fn from(&self, item: DocId) -> DocId {
        let (first, bit) = place(item);
        let Some(rest) = self.bits.get(first..) else { return TERMINATED };
        let mut mask = u64::MAX << bit;
        for (word, bits) in (first..).zip(rest) {
            let bits = bits & mask;
            if bits != 0 {
                let base = u32::try_from(word).map_or(TERMINATED, |word| word * WORD_BITS);
                return base.saturating_add(bits.trailing_zeros());
            }
            mask = u64::MAX;
        }
        TERMINATED
    }
}

/// Its word and its bit in the word.
fn place(item: DocId) -> (usize, u32) {
    ((item / WORD_BITS) as usize, item % WORD_BITS)
}

/// Finds what is in a scope.
#[derive(Debug, Clone)]
pub(super) struct Within(Parts);

impl Query for Within {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Within {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        // A part that the scope was not looked up in would be a mistake here: nothing of it is found.
        let Some(items) = self.0.get(&reader.segment_id()) else {
            return Err(TantivyError::InternalError("a part of the index without its scope".to_owned()));
        };
        let at = items.from(0);
        Ok(Box::new(ConstScorer::new(Walk { items: Arc::clone(items), at }, boost)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let found = self.scorer(reader, 1.0)?.seek(doc) == doc;
        Ok(Explanation::new("within the scope", if found { 1.0 } else { 0.0 }))
    }
}

struct Walk {
    items: Arc<Items>,
    at: DocId,
}

impl DocSet for Walk {
    fn advance(&mut self) -> DocId {
        if self.at != TERMINATED {
            self.at = self.items.from(self.at + 1);
        }
        self.at
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.at = if target == TERMINATED { TERMINATED } else { self.items.from(target) };
        self.at
    }

    fn doc(&self) -> DocId {
        self.at
    }

    fn size_hint(&self) -> u32 {
        self.items.count
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use tantivy::index::SegmentId;
    use tantivy::{DocSet, TERMINATED};

    use super::{Items, Scopes, Walk, cost};
    use crate::domain::{DossierId, RawId};

    #[test]
    fn a_walk_meets_each_item_once() {
        let wanted = [0_u32, 1, 63, 64, 127, 200];
        let mut bits = vec![0_u64; 4].into_boxed_slice();
        for item in wanted {
            bits[item as usize / 64] |= 1 << (item % 64);
        }
        let items = Arc::new(Items { bits, count: 6 });
        let walk = || Walk { items: Arc::clone(&items), at: items.from(0) };
        let mut all = Vec::new();
        let mut walked = walk();
        while walked.doc() != TERMINATED {
            all.push(walked.doc());
            walked.advance();
        }
        assert_eq!(all, wanted);
        assert_eq!(walked.advance(), TERMINATED);
        for target in 0..300 {
            let expected = wanted.into_iter().find(|item| *item >= target).unwrap_or(TERMINATED);
            assert_eq!(walk().seek(target), expected, "{target}");
        }
        assert_eq!(walk().seek(TERMINATED), TERMINATED);
    }
    #[test]
    fn what_is_kept_is_bounded() {
        let dossier = |number: u8| -> DossierId { RawId::from_bytes([number; 16]).into() };
        let items = || Arc::new(Items { bits: vec![1; 10].into_boxed_slice(), count: 10 });
        let parts = || Arc::new(HashMap::from([(SegmentId::generate_random(), items())]));
        let one = cost(&[dossier(0)], &parts());
        let scopes = Scopes::new(3 * one);
        for number in [0, 1, 2, 1, 1, 3, 4] {
            scopes.keep(&[dossier(number)], parts());
            assert!(scopes.lock().bytes <= 3 * one);
        }
        let mut kept: Vec<DossierId> = scopes.lock().by_use.iter().map(|(dossiers, _)| dossiers[0]).collect();
        kept.sort();
        assert_eq!(kept, [dossier(1), dossier(3), dossier(4)]);
        scopes.keep(&[dossier(9); 100], parts());
        let kept = scopes.lock();
        assert_eq!((kept.bytes, kept.by_use.len()), (0, 0), "too large to be kept");
    }
}
