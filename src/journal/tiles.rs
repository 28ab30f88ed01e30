//! The tree of the log, as pure arithmetic: which hashes an append adds, what a tile holds, what a proof says.
//!
//! C2SP tlog-tiles with tiles of height 8 and RFC 6962 hashing, by the `tlog_tiles` crate. Hashes are named by their
//! index in the storage order of that crate (two a leaf, on average). No I/O: the caller gives a function that reads.

use tlog_tiles::{
    Error as TreeError, Hash, HashReader, Tile, node_hash, prove_record, prove_tree, record_hash,
    stored_hashes, stored_hashes_for_record_hash, tree_hash,
};

use super::Error;

/// Entries in a full tile or bundle: 2^8.
pub(crate) const TILE_WIDTH: u64 = 256;
const TILE_HEIGHT: u8 = 8;

/// A hash of the tree.
pub(crate) type NodeHash = [u8; 32];

/// The tree as far as its hashes can be read.
pub(crate) struct Tree<F>(pub(crate) F);

impl<F: Fn(u64) -> Option<NodeHash>> HashReader for Tree<F> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TreeError> {
        let read = |index: &u64| (self.0)(*index).map(Hash).ok_or(TreeError::IndexesNotInTree);
        indexes.iter().map(read).collect()
    }
}

impl<F: Fn(u64) -> Option<NodeHash>> Tree<F> {
    /// The hashes to store when entry `index` is appended, with their indexes.
    pub(crate) fn append(&self, index: u64, entry: &[u8]) -> Result<Vec<(u64, NodeHash)>, Error> {
        let first = tlog_tiles::stored_hash_index(0, index);
        let hashes = stored_hashes(index, entry, self).map_err(|_| Error::Corrupt)?;
        Ok((first..).zip(hashes.into_iter().map(|hash| hash.0)).collect())
    }

    /// The same for an entry of which only the leaf's hash is left.
    pub(crate) fn append_leaf(&self, index: u64, leaf: NodeHash) -> Result<Vec<(u64, NodeHash)>, Error> {
        let first = tlog_tiles::stored_hash_index(0, index);
        let hashes = stored_hashes_for_record_hash(index, Hash(leaf), self).map_err(|_| Error::Corrupt)?;
        Ok((first..).zip(hashes.into_iter().map(|hash| hash.0)).collect())
    }

    /// The root of the first `size` entries.
    pub(crate) fn root(&self, size: u64) -> Result<NodeHash, Error> {
        tree_hash(size, self).map(|hash| hash.0).map_err(|_| Error::Corrupt)
    }

    /// The hash tiles to publish when the tree grows from `old` to `new` entries.
    pub(crate) fn new_tiles(&self, old: u64, new: u64) -> Result<Vec<HashTile>, Error> {
        let tiles = Tile::new_tiles(TILE_HEIGHT, old, new);
        tiles.iter().map(|tile| self.tile(tile)).collect()
    }

    /// The bytes of one tile, which the tree must have.
    pub(crate) fn tile_at(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, Error> {
        Ok(self.tile(&Tile::new(TILE_HEIGHT, level, index, width.into(), false))?.bytes)
    }

    fn tile(&self, tile: &Tile) -> Result<HashTile, Error> {
        let bytes = tile.read_data(self).map_err(|_| Error::Corrupt)?;
        let width = u16::try_from(tile.width()).map_err(|_| Error::Corrupt)?;
        Ok(HashTile { level: tile.level(), number: tile.level_index(), width, bytes })
    }

    /// The inclusion proof (RFC 6962, section 2.1.1) of entry `index` in a tree of `size` entries.
    pub(crate) fn inclusion_proof(&self, size: u64, index: u64) -> Result<Vec<NodeHash>, Error> {
        let proof = prove_record(size, index, self).map_err(|_| Error::Corrupt)?;
        Ok(proof.iter().map(|hash| hash.0).collect())
    }

    /// The consistency proof (RFC 6962, section 2.1.2) that the first `from` entries are those of the first `to`. It
    /// is empty if nothing is to be proved: `from` is 0 or `to`.
    pub(crate) fn consistency_proof(&self, from: u64, to: u64) -> Result<Vec<NodeHash>, Error> {
        if from == 0 {
            return Ok(Vec::new());
        }
        let proof = prove_tree(to, from, self).map_err(|_| Error::Corrupt)?;
        Ok(proof.iter().map(|hash| hash.0).collect())
    }
}

/// The right edge of a tree that grows entry by entry: enough for its root, a few hashes of memory.
#[derive(Default)]
pub(crate) struct Edge {
    size: u64,
    /// Roots of whole subtrees, the largest first.
    subtrees: Vec<Hash>,
}

impl Edge {
    /// Another entry.
    pub(crate) fn push(&mut self, entry: &[u8]) {
        let mut hash = record_hash(entry);
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(left, hash);
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The root of all entries so far; `None` without any.
    pub(crate) fn root(&self) -> Option<NodeHash> {
        let mut subtrees = self.subtrees.iter().rev().copied();
        let smallest = subtrees.next()?;
        Some(subtrees.fold(smallest, |right, left| node_hash(left, right)).0)
    }
}

/// The leaf of an entry.
pub(crate) fn leaf_hash(entry: &str) -> NodeHash {
    record_hash(entry.as_bytes()).0
}

/// One hash tile.
pub(crate) struct HashTile {
    /// Its level, from 0.
    pub(crate) level: u8,
    /// Its number within the level.
    pub(crate) number: u64,
    /// How many hashes it holds, 1 to 256.
    pub(crate) width: u16,
    /// The hashes, 32 bytes each.
    pub(crate) bytes: Vec<u8>,
}

/// The full and partial tiles that a tree of `size` entries has above its leaves' level: level, number, width.
pub(crate) fn upper_tiles(size: u64) -> Vec<(u8, u64, u16)> {
    let tiles = Tile::new_tiles(TILE_HEIGHT, 0, size);
    let upper = tiles.iter().filter(|tile| tile.level() > 0);
    upper.filter_map(|tile| Some((tile.level(), tile.level_index(), tile.width().try_into().ok()?))).collect()
}

/// An entry bundle of a tree of `size` entries: number `bundle`, and how many entries it holds.
pub(crate) fn bundle_width(bundle: u64, size: u64) -> u16 {
    u16::try_from((size - bundle * TILE_WIDTH).min(TILE_WIDTH)).unwrap_or(0)
}

/// Writes an entry into a bundle: its length in 16 bits, big-endian, then its bytes.
pub(crate) fn write_entry(bundle: &mut Vec<u8>, entry: &str) -> Result<(), Error> {
    let length = u16::try_from(entry.len()).map_err(|_| Error::TooLarge)?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry.as_bytes());
    Ok(())
}

/// The entries of a bundle.
pub(crate) fn read_entries(bundle: &[u8]) -> Result<Vec<String>, Error> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, tail) = tail.split_at_checked(length).ok_or(Error::Corrupt)?;
        entries.push(String::from_utf8(entry.to_vec()).map_err(|_| Error::Corrupt)?);
        rest = tail;
    }
    if rest.is_empty() { Ok(entries) } else { Err(Error::Corrupt) }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashMap;

    use tlog_tiles::{Hash, Tile, check_record, check_tree, record_hash};

    use super::{Edge, TILE_HEIGHT, Tree, bundle_width, read_entries, write_entry};
    use crate::objects::Key;

    #[test]
    fn every_entry_of_a_tree_can_be_proved() {
        let hashes = RefCell::new(HashMap::new());
        let tree = Tree(|index| hashes.borrow().get(&index).copied());
        let entry = |i: u64| format!("entry {i}");
        for i in 0..300 {
            let new = tree.append(i, entry(i).as_bytes()).unwrap();
            hashes.borrow_mut().extend(new);
        }
        let root = tree.root(300).unwrap();
        for i in 0..300 {
            let proof: Vec<_> = tree.inclusion_proof(300, i).unwrap().into_iter().map(Hash).collect();
            let leaf = record_hash(entry(i).as_bytes());
            assert!(check_record(&proof, 300, Hash(root), i, leaf).is_ok(), "entry {i}");
            assert!(check_record(&proof, 300, Hash(root), i, record_hash(b"other")).is_err());
        }
        let widths: Vec<_> =
            tree.new_tiles(250, 300).unwrap().iter().map(|t| (t.level, t.number, t.width)).collect();
        assert_eq!(widths, [(0, 0, 256), (0, 1, 44), (1, 0, 1)]);
    }

    #[test]
    fn every_earlier_tree_is_the_beginning_of_every_later_one() {
        let hashes = RefCell::new(HashMap::new());
        let tree = Tree(|index| hashes.borrow().get(&index).copied());
        let (mut edge, mut roots) = (Edge::default(), vec![tree.root(0).unwrap()]);
        for i in 0..70_u64 {
            let new = tree.append(i, &i.to_be_bytes()).unwrap();
            hashes.borrow_mut().extend(new);
            edge.push(&i.to_be_bytes());
            roots.push(tree.root(i + 1).unwrap());
            assert_eq!(edge.root(), roots.last().copied());
        }
        for to in 1..=70 {
            assert_eq!(tree.consistency_proof(0, to).unwrap(), [[0; 32]; 0]);
            for from in 1..=to {
                let proof: Vec<_> = tree.consistency_proof(from, to).unwrap().into_iter().map(Hash).collect();
                let (old, new) = (Hash(roots[from as usize]), Hash(roots[to as usize]));
                assert!(check_tree(&proof, to, new, from, old).is_ok(), "{from} {to}");
                assert!(check_tree(&proof, to, new, from, Hash([1; 32])).is_err(), "{from} {to}");
            }
        }
        assert!(tree.consistency_proof(3, 2).is_err() && tree.consistency_proof(1, 71).is_err());
    }

    /// The example of the specification: a log of 70,000 entries, and one of 256.
    #[test]
    fn the_tiles_of_70_000_entries_are_those_of_the_standard() {
        let paths = |size: u64| -> Vec<String> {
            let tiles = Tile::new_tiles(TILE_HEIGHT, 0, size);
            let width = |tile: &Tile| u16::try_from(tile.width()).unwrap();
            let key =
                |tile| Key::Tile { level: Tile::level(tile), index: tile.level_index(), width: width(tile) };
            tiles.iter().map(|tile| key(tile).path()).collect()
        };
        let mut expected: Vec<String> = (0..273).map(|n| format!("journal/tile/0/{n:03}")).collect();
        expected.push("journal/tile/0/273.p/112".into());
        expected.push("journal/tile/1/000".into());
        expected.push("journal/tile/1/001.p/17".into());
        expected.push("journal/tile/2/000.p/1".into());
        assert_eq!(paths(70_000), expected);
        assert_eq!(paths(256), ["journal/tile/0/000", "journal/tile/1/000.p/1"]);
        assert_eq!((bundle_width(272, 70_000), bundle_width(273, 70_000)), (256, 112));
    }

    #[test]
    fn bundles_read_back_and_refuse_damage() {
        let mut bundle = Vec::new();
        for entry in ["{}", "", "中文"] {
            write_entry(&mut bundle, entry).unwrap();
        }
        assert_eq!(read_entries(&bundle).unwrap(), ["{}", "", "中文"]);
        assert!(read_entries(&bundle[..bundle.len() - 1]).is_err());
    }
}
