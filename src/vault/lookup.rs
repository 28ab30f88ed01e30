//! Row keys for things that must not be readable, such as a name: HMAC-SHA-256 under a derived key.

use ring::hmac;

use super::DerivedKey;

/// Makes row keys out of names and the like. Without the archive's key they cannot be guessed back.
#[derive(Clone)]
pub struct Lookup(hmac::Key);

impl Lookup {
    /// Look-ups under this key.
    pub fn new(key: &DerivedKey) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))
    }

    /// The 32-byte row key of these parts; `purpose` keeps tables apart.
    pub fn of(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        key
    }
}
