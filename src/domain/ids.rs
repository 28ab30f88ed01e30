//! Random 128-bit ids, one type per subject, written as 26 characters of lower-case Crockford base32.
//!
//! An id says nothing about what it names. Only `clock` makes new ones.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 26;

/// The text is not an id: wrong length or a character outside Crockford's alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 26 characters of lower-case Crockford base32 are expected")]
pub struct IdError;

/// 128 bits without a subject; the typed ids wrap it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawId([u8; 16]);

impl RawId {
    /// An id of these 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, as used in record keys.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = u128::from_be_bytes(self.0);
        for i in (0..TEXT_LEN).rev() {
            let digit = (value >> (5 * i)) & 31;
            write!(f, "{}", char::from(ALPHABET[digit as usize]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RawId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = text.as_bytes();
        // 26 characters hold 130 bits: the first one carries only three.
        if bytes.len() != TEXT_LEN || !(b'0'..=b'7').contains(&bytes[0]) {
            return Err(IdError);
        }
        let mut value: u128 = 0;
        for byte in bytes {
            let digit = ALPHABET.iter().position(|a| a == byte).ok_or(IdError)?;
            value = (value << 5) | digit as u128;
        }
        Ok(Self(value.to_be_bytes()))
    }
}

macro_rules! typed_id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(RawId);

        impl $name {
            /// Length of an id in a record key, in bytes.
            pub const LEN: usize = 16;

            /// The 16 bytes, as used in record keys.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl From<RawId> for $name {
            fn from(id: RawId) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

typed_id! {
    /// Everything about one customer.
    DossierId,
    /// One paper that was handed in.
    DocumentId,
    /// One running workflow.
    CaseId,
    /// A person or a token's bearer: whoever acts.
    PersonId,
    /// One bearer token or session.
    TokenId,
    /// Work to be done later.
    JobId,
    /// A search that somebody has saved.
    SearchId,
    /// Somebody named as a deputy for certain days.
    DelegationId,
    /// Something that is to be sent out of the archive.
    DeliveryId,
    /// Somewhere that wants to be told what happens.
    WebhookId,
    /// One request at a door; it stands in the answer and in the logs.
    RequestId,
}

#[cfg(test)]
mod tests {
    use super::{DossierId, RawId};

    #[test]
    fn text_and_bytes_agree() {
        for bytes in [[0; 16], [255; 16], [7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]] {
            let id = DossierId::from(RawId::from_bytes(bytes));
            let text = id.to_string();
            assert_eq!(text.len(), 26);
            assert_eq!(text.parse::<DossierId>(), Ok(id));
        }
    }

    #[test]
    fn foreign_text_is_refused() {
        for text in [
            "",
            "0",
            "zzzzzzzzzzzzzzzzzzzzzzzzzz",
            "0000000000000000000000000I",
            "../../../../../../../etc/x",
        ] {
            assert!(text.parse::<RawId>().is_err(), "{text}");
        }
    }
}
