//! The archive's own identity and the recipients that every dossier key is wrapped to.

use std::sync::{PoisonError, RwLock};

use super::{DerivedKey, Identity, Recipient};

/// The keys that a running archive holds.
pub struct Keyring {
    archive: Identity,
    recovery: RwLock<Vec<Recipient>>,
}

impl Keyring {
    /// An archive's identity and its recovery recipients.
    pub fn new(archive: Identity, recovery: Vec<Recipient>) -> Self {
        Self { archive, recovery: RwLock::new(recovery) }
    }

    /// The archive's identity.
    pub fn archive(&self) -> &Identity {
        &self.archive
    }

    /// Whom a dossier's key is wrapped to: the archive first, then the recovery recipients.
    pub fn wrapping_recipients(&self) -> Vec<Recipient> {
        std::iter::once(self.archive.recipient()).chain(self.recovery_recipients()).collect()
    }

    /// The recovery recipients alone.
    pub fn recovery_recipients(&self) -> Vec<Recipient> {
        self.recovery.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on these are the recovery recipients: those that the log names.
    pub fn set_recovery(&self, recovery: Vec<Recipient>) {
        *self.recovery.write().unwrap_or_else(PoisonError::into_inner) = recovery;
    }

    /// The key that seals the values of the record store.
    pub fn records_key(&self) -> DerivedKey {
        self.archive.derive("records")
    }

    /// The key that seals the files of the search index.
    pub fn index_key(&self) -> DerivedKey {
        self.archive.derive("index")
    }

    /// The key under which names and tokens are looked up (HMAC), so that row keys say nothing.
    pub fn lookup_key(&self) -> DerivedKey {
        self.archive.derive("lookup")
    }
}
