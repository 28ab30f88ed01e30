//! Values are sealed with AES-256-GCM, bound to their key, so that rows can be neither read nor swapped.
//!
//! Nonces are random: with 96 bits the chance of a repetition stays below 2^-32 for 2^32 writes (NIST SP 800-38D,
//! section 8.3); rotating the archive key derives a new one.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::de::DeserializeOwned;

use super::Error;
use crate::clock::Clock;
use crate::vault::DerivedKey;

pub(super) struct Sealing {
    key: LessSafeKey,
    clock: Clock,
}

impl Sealing {
    pub(super) fn new(key: &DerivedKey, clock: Clock) -> Result<Self, Error> {
        let key = UnboundKey::new(&AES_256_GCM, key.as_bytes()).map_err(|_| Error::Corrupt)?;
        Ok(Self { key: LessSafeKey::new(key), clock })
    }

    pub(super) fn seal(&self, row_key: &[u8], value: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE_LEN] = self.clock.random_bytes();
        let mut sealed = Vec::with_capacity(NONCE_LEN + value.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        let mut text = value.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(row_key), &mut text)
            .map_err(|_| Error::Corrupt)?;
        sealed.append(&mut text);
        Ok(sealed)
    }

    pub(super) fn open_bytes(&self, row_key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Error::Corrupt)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Corrupt)?;
        let mut text = text.to_vec();
        let plain =
            self.key.open_in_place(nonce, Aad::from(row_key), &mut text).map_err(|_| Error::Corrupt)?;
        let len = plain.len();
        text.truncate(len);
        Ok(text)
    }

    pub(super) fn open<V: DeserializeOwned>(&self, row_key: &[u8], sealed: &[u8]) -> Result<V, Error> {
        serde_json::from_slice(&self.open_bytes(row_key, sealed)?).map_err(|_| Error::Corrupt)
    }
}
