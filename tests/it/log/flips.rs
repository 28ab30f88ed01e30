//! Bits are flipped in the published log, one after the other, and each must be found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::python::{accepted, verify_log};
use crate::server::files_below;

/// A fixed sequence of numbers (xorshift), the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// Flips `count` bits, over checkpoint, tiles and bundles in turn, and asks the verifier each time.
pub(super) fn each_is_found(python: &Path, journal: &Path, key: &str, count: usize) {
    let place = journal.display().to_string();
    let ask = || verify_log(python, &[&place, "--key", key]);
    accepted(&ask());
    let (bundles, tiles): (Vec<PathBuf>, Vec<PathBuf>) = files_below(&journal.join("tile"))
        .into_iter()
        .partition(|path| path.starts_with(journal.join("tile/entries")));
    let mut kinds = [("checkpoint", vec![journal.join("checkpoint")]), ("tile", tiles), ("bundle", bundles)];
    for (_, files) in &mut kinds {
        files.sort();
    }
    let mut numbers = Numbers(0x6c61_6e74_6169);
    let (mut found, mut by_kind) = (0, BTreeMap::<&str, usize>::new());
    for flip in 0..count {
        let (kind, files) = &kinds[flip % kinds.len()];
        let file = &files[numbers.below(files.len())];
        let intact = std::fs::read(file).unwrap();
        let mut bytes = intact.clone();
        let (at, bit) = (numbers.below(bytes.len()), numbers.below(8));
        bytes[at] ^= 1 << bit;
        std::fs::write(file, &bytes).unwrap();
        let out = ask();
        std::fs::write(file, &intact).unwrap();
        assert_eq!(out.status.code(), Some(1), "bit {bit} of byte {at} of {} was not found", file.display());
        assert!(String::from_utf8_lossy(&out.stderr).starts_with("wrong: "), "{out:?}");
        found += 1;
        *by_kind.entry(kind).or_default() += 1;
    }
    accepted(&ask());
    println!("{found} of {count} flipped bits were found: {by_kind:?}");
}
