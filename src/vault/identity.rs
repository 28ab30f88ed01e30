//! Identities (secret) and recipients (public), and the symmetric keys derived from an identity.

use std::fmt;
use std::str::FromStr;

use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use secrecy::{ExposeSecret, SecretString};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::Error;

/// Before the log's verifier key, in an identity file.
pub(super) const LOG_COMMENT: &str = "# log: ";

/// An age X25519 identity: whoever has it opens what is sealed to its [`Recipient`].
#[derive(Clone)]
pub struct Identity(age::x25519::Identity);

impl Identity {
    /// A new identity, from the operating system's randomness.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// The identity in an age identity file: the first line that is neither empty nor a comment.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        let identity = line.and_then(|line| line.parse().ok());
        identity.map(Self).ok_or(Error::NotAKey)
    }

    /// All identities in an age identity file.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, Error> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| line.parse().map(Self).map_err(|_| Error::NotAKey)).collect()
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// A plain age identity file, good for `age -d -i FILE`.
    pub fn to_file_text(&self) -> Zeroizing<String> {
        let secret = self.0.to_string();
        Zeroizing::new(format!("# public key: {}\n{}\n", self.recipient(), secret.expose_secret()))
    }

    /// The same, with the verifier key of the log that it belongs to as a comment.
    pub fn to_file_text_with_log(&self, log_verifier_key: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{LOG_COMMENT}{log_verifier_key}\n{}", *self.to_file_text()))
    }

    /// A symmetric key for the purpose that `label` names (HKDF-SHA-256, RFC 5869).
    pub fn derive(&self, label: &str) -> DerivedKey {
        let secret: SecretString = self.0.to_string();
        let key = Salt::new(HKDF_SHA256, b"lantai/1").extract(secret.expose_secret().as_bytes());
        let mut bytes = [0; 32];
        let info = [label.as_bytes()];
        // Neither call can fail for 32 bytes of output; a zero key must still never be used.
        let filled = key.expand(&info, Len32).and_then(|okm| okm.fill(&mut bytes));
        debug_assert!(filled.is_ok());
        DerivedKey(bytes)
    }

    pub(super) fn as_age(&self) -> &dyn age::Identity {
        &self.0
    }
}

struct Len32;

impl KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

/// A 256-bit symmetric key derived from an identity.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DerivedKey([u8; 32]);

impl DerivedKey {
    /// The 32 bytes; they must not be copied to where they outlive this value.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// An age X25519 recipient (`age1...`): public.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(age::x25519::Recipient);

impl Recipient {
    pub(super) fn as_age(&self) -> &dyn age::Recipient {
        &self.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|_| Error::NotAKey)
    }
}
