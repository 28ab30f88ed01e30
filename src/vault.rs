//! The only module that sees key material: identities, keys derived from them, sealing and opening with age.
//!
//! Layer 1. A [`Keyring`] holds the archive's own identity, the recovery recipients, and the key of the local folder; a
//! dossier has an identity of its own, wrapped to archive and recovery. Nothing here does I/O except the keyring's file, and no type that holds a secret
//! has `Debug`, `Display` or `Serialize`.

mod identity;
mod key_file;
mod keyring;
mod lookup;
mod open;
mod payload;
mod seal;

pub use identity::{DerivedKey, Identity, Recipient};
pub use key_file::{
    KeyFile, open_with_passphrase, read_index_key, read_key_file, read_local_key, replace_file,
    write_index_key, write_local_key,
};
pub use keyring::Keyring;
pub use lookup::Lookup;
pub use open::{Opened, open, open_reader};
pub use seal::{SEALED_HEAD_BYTES, Sealed, SealedBytes};

/// What went wrong with a key or a sealed file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not an age identity or recipient.
    #[error("not an age X25519 key")]
    NotAKey,
    /// The key file is readable by others than its owner; the caller must tell its owner to `chmod 600` it.
    #[error("the key file can be read by others: its permissions must be owner-only (chmod 600)")]
    Exposed,
    /// The key file is locked with a passphrase and none, or a wrong one, was given.
    #[error("the key file is locked: the passphrase is missing or wrong")]
    Locked,
    /// None of the given identities opens the file.
    #[error("this key does not open the sealed file")]
    WrongKey,
    /// The sealed bytes are damaged.
    #[error("the sealed file is damaged")]
    Damaged,
    /// The key file could not be read or written.
    #[error("the key file could not be read or written")]
    Io(#[from] std::io::Error),
}

impl From<age::DecryptError> for Error {
    fn from(error: age::DecryptError) -> Self {
        match error {
            age::DecryptError::NoMatchingKeys => Self::WrongKey,
            age::DecryptError::Io(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
                Self::Io(source)
            }
            _ => Self::Damaged,
        }
    }
}

#[cfg(test)]
mod tests;
