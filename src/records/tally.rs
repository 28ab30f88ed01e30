//! A sum over all rows, kept in a row of its own and changed in the same batch: so that a row which the disk loses,
//! brings back or changes is noticed at the next opening, whatever the store below makes of its damaged files.
//!
//! A row's part is an HMAC of its key and its sealed value; the parts are added. Nobody without the archive's key can
//! find rows whose parts add up to those of others.

use ring::hmac;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::vault::DerivedKey;

/// The row that holds the sum; no table has its name.
pub(super) const TALLY_KEY: &[u8] = b"records.tally\0";

/// How many rows there are, and the sum of their parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    rows: u64,
    sum: [u64; 4],
}

impl Tally {
    pub(super) fn add(&mut self, part: [u64; 4]) {
        self.rows = self.rows.wrapping_add(1);
        for (sum, part) in self.sum.iter_mut().zip(part) {
            *sum = sum.wrapping_add(part);
        }
    }

    pub(super) fn take(&mut self, part: [u64; 4]) {
        self.rows = self.rows.wrapping_sub(1);
        for (sum, part) in self.sum.iter_mut().zip(part) {
            *sum = sum.wrapping_sub(part);
        }
    }
}

/// Makes the parts of rows.
pub(super) struct Parts(hmac::Key);

impl Parts {
    pub(super) fn new(key: &DerivedKey) -> Self {
        let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), TALLY_KEY);
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// The part of one row.
    pub(super) fn of(&self, key: &[u8], sealed: &[u8]) -> Result<[u64; 4], Error> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&(key.len() as u64).to_be_bytes());
        context.update(key);
        context.update(sealed);
        let tag = context.sign();
        let (words, _) = tag.as_ref().as_chunks::<8>();
        let words: &[[u8; 8]; 4] = words.try_into().map_err(|_| Error::Corrupt)?;
        Ok(words.map(u64::from_be_bytes))
    }
}
