//! The password of a document, as a person gives it for one reading. It is kept nowhere.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A password; never shown.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The longest that PDF knows, in bytes (ISO 32000-2, 7.6.4.3.3).
    pub const MOST_BYTES: usize = 127;

    /// The password, if it is not too long to be one.
    pub fn new(text: Zeroizing<String>) -> Option<Self> {
        (text.len() <= Self::MOST_BYTES).then_some(Self(text))
    }

    /// As the decryption needs it.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}
