//! Which parts of the index become one.
//!
//! A search looks into each part, and what comes close to a name is looked for in each anew: an index should be one large part
//! and a few that are much smaller. Fewer parts cost more merging.

use tantivy::index::SegmentMeta;
use tantivy::indexer::{MergeCandidate, MergePolicy};

/// Parts of at most so many items are cheap to look into: they wait until there are [`SMALL_PARTS`].
const SMALL_ITEMS: u64 = 10_000;
/// So many small parts become one.
const SMALL_PARTS: usize = 4;
/// A part is merged with all that are smaller once they hold more than one item for so many of its own.
const ITEMS_FOR_ONE: u64 = 2;
/// A part of which more than one in so many items is deleted is written anew.
const ITEMS_FOR_ONE_DELETED: u64 = 3;

/// Each part holds more than twice what all smaller ones hold together, but for small ones; so an index of a million items has seven
/// parts at most, and four mostly, and each item is written seven times while it grows to that size.
#[derive(Debug, Clone)]
pub(super) struct Merges {
    /// Parts with more items are left as they are.
    pub(super) items_max: usize,
}

impl MergePolicy for Merges {
    fn compute_merge_candidates(&self, parts: &[SegmentMeta]) -> Vec<MergeCandidate> {
        let mut parts: Vec<_> =
            parts.iter().filter(|part| part.num_docs() as usize <= self.items_max).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.num_docs()));
        let items: Vec<_> = parts.iter().map(|part| u64::from(part.num_docs())).collect();
        let joined = joined(&items);
        let joining = (joined < parts.len())
            .then(|| MergeCandidate(parts[joined..].iter().map(|part| part.id()).collect()));
        let holed = parts[..joined].iter().filter(|part| is_holed(part));
        joining.into_iter().chain(holed.map(|part| MergeCandidate(vec![part.id()]))).collect()
    }
}

/// From which on the parts become one, of these sizes in items, largest first; their number if none do.
fn joined(items: &[u64]) -> usize {
    let mut smaller: u64 = items.iter().sum();
    for (at, own) in items.iter().enumerate() {
        smaller -= own;
        let left = items.len() - at;
        let due = match *own {
            0..=SMALL_ITEMS => return if left >= SMALL_PARTS { at } else { items.len() },
            own => left > 1 && smaller * ITEMS_FOR_ONE >= own,
        };
        if due {
            return at;
        }
    }
    items.len()
}

fn is_holed(part: &SegmentMeta) -> bool {
    u64::from(part.num_deleted_docs()) * ITEMS_FOR_ONE_DELETED > u64::from(part.max_doc())
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn parts_of_about_a_size_become_one_with_all_that_are_smaller() {
        assert_eq!(joined(&[]), 0);
        assert_eq!(joined(&[500_000]), 1);
        assert_eq!(joined(&[500_000, 240_000, 1000]), 3);
        assert_eq!(joined(&[500_000, 240_000, 10_000]), 0);
        assert_eq!(joined(&[500_000, 40_000, 20_000]), 1);
        assert_eq!(joined(&[500_000, 40_000, 9000, 9000, 9000]), 1);
        assert_eq!(joined(&[900, 800, 700]), 3);
        assert_eq!(joined(&[500_000, 900, 800, 1]), 4);
        assert_eq!(joined(&[500_000, 900, 800, 1, 1]), 1);
    }

    /// While an index grows, commit by commit.
    #[test]
    fn an_index_of_a_million_items_has_few_parts_and_each_was_written_a_few_times() {
        let (mut parts, mut written, mut most) = (Vec::<u64>::new(), 0, 0);
        for _ in 0..1000 {
            parts.push(1000);
            loop {
                parts.sort_unstable_by_key(|items| std::cmp::Reverse(*items));
                let at = joined(&parts);
                if at == parts.len() {
                    break;
                }
                let one = parts.drain(at..).sum();
                written += one;
                parts.push(one);
            }
            most = most.max(parts.len());
        }
        assert_eq!(parts.iter().sum::<u64>(), 1_000_000);
        assert!(most <= 7, "{most} parts at once");
        assert!(written <= 8_000_000, "{written} items written again");
    }
}
