//! The tree of the log, as pure arithmetic: which hashes an append adds, what a tile holds, what a proof says.
//!
//! C2SP tlog-tiles with tiles of height 8 and RFC 6962 hashing, by the `tlog_tiles` crate. Hashes are named by their
//! index in the storage order of that crate (two a leaf, on average). No I/O: the caller gives a function that reads.

use tlog_tiles::{Error as TreeError, Hash, HashReader, Tile, prove_record, stored_hashes, tree_hash};

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

    /// The root of the first `size` entries.
    pub(crate) fn root(&self, size: u64) -> Result<NodeHash, Error> {
        tree_hash(size, self).map(|hash| hash.0).map_err(|_| Error::Corrupt)
    }

    /// The hash tiles to publish when the tree grows from `old` to `new` entries.
    pub(crate) fn new_tiles(&self, old: u64, new: u64) -> Result<Vec<HashTile>, Error> {
        let tiles = Tile::new_tiles(TILE_HEIGHT, old, new);
        tiles.iter().map(|tile| self.tile(tile)).collect()
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

    use tlog_tiles::{Hash, check_record, record_hash};

    use super::{Tree, read_entries, write_entry};

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
    fn bundles_read_back_and_refuse_damage() {
        let mut bundle = Vec::new();
        for entry in ["{}", "", "中文"] {
            write_entry(&mut bundle, entry).unwrap();
        }
        assert_eq!(read_entries(&bundle).unwrap(), ["{}", "", "中文"]);
        assert!(read_entries(&bundle[..bundle.len() - 1]).is_err());
    }
}
