//! Wrapping again: when the archive's key or a recipient changes, the key objects are sealed anew, and nothing else.
//!
//! Every step can be done twice. Between the steps the former identity opens what is not wrapped again yet.

use futures::StreamExt;
use zeroize::Zeroizing;

use super::{Error, Keys};
use crate::domain::{DossierId, Sha256Digest};
use crate::objects::{Key, Prefix};
use crate::vault::{self, Identity, Recipient, SealedBytes};

/// How many key objects are wrapped at once.
const AT_ONCE: usize = 16;

/// What wrapping again did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rewrapped {
    /// Key objects that were sealed anew.
    pub wrapped: u64,
    /// Key objects that were right already.
    pub right_already: u64,
    /// Key objects of sealed dossiers, which the archive's key does not open.
    pub sealed: u64,
    /// The paths of key objects that could not be opened and were left as they are.
    pub unreadable: Vec<String>,
}

enum Done {
    Wrapped,
    Right,
    Unreadable(String),
}

impl Keys {
    /// From now on keys are wrapped to `next` as the archive's identity. Returns when no key is on its way that is not.
    pub async fn replace_archive(&self, next: Identity) {
        let _all = self.wrapping.write().await;
        self.keyring.replace_archive(next);
    }

    /// From now on keys are wrapped to these recovery recipients. Returns when no key is on its way that is not.
    pub async fn replace_recovery(&self, recovery: Vec<Recipient>) {
        let _all = self.wrapping.write().await;
        self.keyring.set_recovery(recovery);
    }

    /// Seals the archive's identity, and the former one while it is needed, to the recovery recipients. Tells the digest of
    /// the object, by which it is known: the archive itself cannot open it.
    pub async fn put_archive_key(&self) -> Result<Sha256Digest, Error> {
        let (recovery, text) = (self.keyring.recovery_recipients(), self.keyring.archive_text());
        self.put_noted(&Key::ArchiveKey, &recovery, text.as_bytes()).await
    }

    /// Seals the seed of the log's signing key to the archive and the recovery recipients.
    pub async fn put_log_key(&self, seed: &[u8; 32]) -> Result<(), Error> {
        let text = Zeroizing::new(hex::encode(seed));
        self.put_wrapped(&Key::LogKey, &self.keyring.wrapping_recipients(), text.as_bytes()).await
    }

    /// Wraps every key object again, except those of the dossiers that `is_sealed` names. `skip_right` leaves alone what the
    /// archive's identity opens already. `progress` is told how many of how many are done.
    pub async fn rewrap_all(
        &self,
        is_sealed: &(dyn Fn(DossierId) -> bool + Sync),
        skip_right: bool,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Rewrapped, Error> {
        let mut result = Rewrapped::default();
        let mut keys = Vec::new();
        for listed in self.objects.list(Prefix::Keys).await? {
            match listed.key {
                Some(Key::DossierKey(dossier)) if is_sealed(dossier) => result.sealed += 1,
                Some(key @ (Key::DossierKey(_) | Key::JournalKey | Key::LogKey)) => keys.push(key),
                _ => {}
            }
        }
        let total = keys.len() as u64;
        let wraps = keys.into_iter().map(|key| self.rewrap(key, skip_right));
        let mut wraps = futures::stream::iter(wraps).buffer_unordered(AT_ONCE);
        let mut count = 0;
        while let Some(done) = wraps.next().await {
            match done? {
                Done::Wrapped => result.wrapped += 1,
                Done::Right => result.right_already += 1,
                Done::Unreadable(path) => result.unreadable.push(path),
            }
            count += 1;
            progress(count, total);
        }
        Ok(result)
    }

    async fn rewrap(&self, key: Key, skip_right: bool) -> Result<Done, Error> {
        let _one = self.wrapping.read().await;
        let sealed = self.get_wrapped(&key).await?;
        if skip_right && self.keyring.opens_now(&sealed) {
            return Ok(Done::Right);
        }
        let text = match self.keyring.open(&sealed) {
            Ok(text) => text,
            Err(vault::Error::WrongKey | vault::Error::Damaged) => return Ok(Done::Unreadable(key.path())),
            Err(error) => return Err(error.into()),
        };
        self.put_wrapped(&key, &self.keyring.wrapping_recipients(), &text).await?;
        Ok(Done::Wrapped)
    }

    /// How many keys of dossiers there are.
    pub async fn count(&self) -> Result<u64, Error> {
        let listed = self.objects.list(Prefix::Keys).await?;
        Ok(listed.iter().filter(|listed| matches!(listed.key, Some(Key::DossierKey(_)))).count() as u64)
    }

    /// The general manager's identity, sealed with a passphrase.
    pub async fn put_manager(&self, sealed: SealedBytes) -> Result<Sha256Digest, Error> {
        Ok(self.objects.put(&Key::ManagerKey, sealed.into()).await?.sha256)
    }
}
