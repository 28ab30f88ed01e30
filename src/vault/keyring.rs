//! The archive's own identity, the recipients that every dossier key is wrapped to, and the key of the local folder.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use zeroize::Zeroizing;

use super::{DerivedKey, Error, Identity, Recipient, open};

/// The keys that a running archive holds. They change when the archive key is rotated or a recipient comes or goes.
pub struct Keyring {
    held: RwLock<Held>,
    local: Identity,
}

struct Held {
    archive: Identity,
    /// The identity that is being replaced: it opens what is not wrapped again yet.
    former: Option<Identity>,
    recovery: Vec<Recipient>,
}

impl Keyring {
    /// The identity of an archive, without recovery recipients yet, and the key of its local folder.
    pub fn new(archive: Identity, local: Identity) -> Self {
        let held = Held { archive, former: None, recovery: Vec::new() };
        Self { held: RwLock::new(held), local }
    }

    /// The archive's recipient.
    pub fn archive_recipient(&self) -> Recipient {
        self.held().archive.recipient()
    }

    /// Whom a dossier's key is wrapped to: the archive first, then the recovery recipients.
    pub fn wrapping_recipients(&self) -> Vec<Recipient> {
        let held = self.held();
        std::iter::once(held.archive.recipient()).chain(held.recovery.iter().cloned()).collect()
    }

    /// The recovery recipients alone.
    pub fn recovery_recipients(&self) -> Vec<Recipient> {
        self.held().recovery.clone()
    }

    /// From now on these are the recovery recipients: those that the log names.
    pub fn set_recovery(&self, recovery: Vec<Recipient>) {
        self.change().recovery = recovery;
    }

    /// From now on `next` is the archive's identity; the former one opens what is not wrapped again yet.
    pub fn replace_archive(&self, next: Identity) {
        let mut held = self.change();
        let former = std::mem::replace(&mut held.archive, next);
        held.former = Some(former);
    }

    /// Nothing needs the former identity any more.
    pub fn forget_former(&self) {
        self.change().former = None;
    }

    /// The identities to keep in the bucket for the recovery keys: the archive's, and the former one if it is needed.
    pub fn archive_text(&self) -> Zeroizing<String> {
        let held = self.held();
        let former = held.former.as_ref().map(Identity::to_file_text).unwrap_or_default();
        Zeroizing::new(format!("{}{}", *held.archive.to_file_text(), *former))
    }

    /// Opens what is sealed to the archive.
    pub fn open(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let held = self.held();
        match (open(&held.archive, ciphertext), &held.former) {
            (Err(Error::WrongKey), Some(former)) => open(former, ciphertext),
            (opened, _) => opened,
        }
    }

    /// Whether the archive's identity opens this, and not only the former one.
    pub fn opens_now(&self, ciphertext: &[u8]) -> bool {
        open(&self.held().archive, ciphertext).is_ok()
    }

    /// The key of the local folder.
    pub fn local(&self) -> &Identity {
        &self.local
    }

    /// The key that seals the values of the record store.
    pub fn records_key(&self) -> DerivedKey {
        self.local.derive("records")
    }

    /// The key under which names and tokens are looked up (HMAC), so that row keys say nothing.
    pub fn lookup_key(&self) -> DerivedKey {
        self.local.derive("lookup")
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}
