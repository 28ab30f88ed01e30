//! The keys that stand in the bucket: made once, wrapped to the archive and the recovery keys, and wrapped again when
//! these change.
//!
//! Layer 3. Opened keys are kept in memory, a bounded number of them, and never on a disk. Which key a dossier has (its
//! public half) stands in the log: a key object that holds another one is refused, so that nothing is ever sealed to it.

mod rewrap;
mod sealed;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use tokio::sync::RwLock;
use zeroize::Zeroizing;

use crate::domain::{DossierId, Sha256Digest};
use crate::objects::{self, Body, Key, Objects};
use crate::records::{self, Batch, Records, Table};
use crate::vault::{self, Identity, Keyring, Recipient, SealedBytes};

pub use rewrap::Rewrapped;

/// The public half of each dossier's key, as the log says.
const RECIPIENTS: Table<String> = Table::new("keys.recipients");

/// How many opened keys are kept.
const CACHED_KEYS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// A key object is a few hundred bytes; more is not one.
pub(crate) const KEY_OBJECT_LIMIT_BYTES: u64 = 64 * 1024;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object store failed or has no such key.
    #[error("the key could not be read from or written to the object store")]
    Objects(#[from] objects::Error),
    /// The key object is there but this archive's key does not open it.
    #[error("the key object could not be opened")]
    Vault(#[from] vault::Error),
    /// The key object opens, and what it holds is not the key that the log speaks of.
    #[error("the key object holds another key than the log says")]
    Foreign,
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
}

/// Makes and opens the keys of dossiers. Cloning shares the cache.
#[derive(Clone)]
pub struct Keys {
    objects: Objects,
    keyring: Arc<Keyring>,
    /// What the log says of keys; none before there are records.
    records: Arc<Mutex<Option<Records>>>,
    opened: Arc<Mutex<LruCache<DossierId, Identity>>>,
    /// Dossiers that were sealed while this runs: whoever was reading such a key must not remember it.
    away: Arc<Mutex<HashSet<DossierId>>>,
    /// Held for reading while one object is wrapped; for writing while it changes whom objects are wrapped to.
    wrapping: Arc<RwLock<()>>,
}

impl Keys {
    /// Keys in this store, opened with this keyring.
    pub fn new(objects: Objects, keyring: Arc<Keyring>) -> Self {
        let opened = Arc::new(Mutex::new(LruCache::new(CACHED_KEYS)));
        Self {
            objects,
            keyring,
            records: Arc::default(),
            opened,
            away: Arc::default(),
            wrapping: Arc::default(),
        }
    }

    /// The keyring that they are opened with.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The same, to be kept.
    pub fn shared_keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring)
    }

    /// From now on a key must be the one that these records speak of.
    pub fn hold_against(&self, records: &Records) {
        *self.records.lock().unwrap_or_else(PoisonError::into_inner) = Some(records.clone());
    }

    /// Makes the key of a new dossier; when this returns, the wrapped key is in the object store.
    pub async fn create(&self, dossier: DossierId) -> Result<Identity, Error> {
        let identity = Identity::generate();
        self.put(&Key::DossierKey(dossier), &identity).await?;
        self.remember(dossier, &identity);
        Ok(identity)
    }

    /// A key was made that nothing came to need: the next start looks for it.
    pub fn leave_behind(&self) {
        self.objects.leave_behind();
    }

    /// The key of a dossier, from memory or from the object store.
    pub async fn open(&self, dossier: DossierId) -> Result<Identity, Error> {
        let remembered = self.cache().get(&dossier).cloned();
        if let Some(identity) = remembered {
            return Ok(identity);
        }
        let identity = self.reopen(dossier).await?;
        self.remember(dossier, &identity);
        Ok(identity)
    }

    /// The key of a dossier as it stands in the object store now.
    pub async fn reopen(&self, dossier: DossierId) -> Result<Identity, Error> {
        let identity = self.get(&Key::DossierKey(dossier)).await?;
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let expected = records.map_or(Ok(None), |records| recipient(&records, dossier))?;
        match expected {
            Some(expected) if expected != identity.recipient().to_string() => Err(Error::Foreign),
            _ => Ok(identity),
        }
    }

    /// Wraps an identity to the archive and the recovery recipients and puts it under `key`.
    pub async fn put(&self, key: &Key, identity: &Identity) -> Result<(), Error> {
        let _one = self.wrapping.read().await;
        let recipients = self.keyring.wrapping_recipients();
        self.put_wrapped(key, &recipients, identity.to_file_text().as_bytes()).await
    }

    /// Gets and unwraps the identity under `key`.
    pub async fn get(&self, key: &Key) -> Result<Identity, Error> {
        let text = self.keyring.open(&self.get_wrapped(key).await?)?;
        parse(&text)
    }

    fn remember(&self, dossier: DossierId, identity: &Identity) {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        if !away.contains(&dossier) {
            self.cache().put(dossier, identity.clone());
        }
    }

    async fn get_wrapped(&self, key: &Key) -> Result<Bytes, Error> {
        Ok(self.objects.get_bytes(key, KEY_OBJECT_LIMIT_BYTES).await?)
    }

    async fn put_wrapped(&self, key: &Key, to: &[Recipient], plaintext: &[u8]) -> Result<(), Error> {
        self.put_noted(key, to, plaintext).await.map(drop)
    }

    /// The same; tells the digest of the object.
    async fn put_noted(&self, key: &Key, to: &[Recipient], plaintext: &[u8]) -> Result<Sha256Digest, Error> {
        let sealed = SealedBytes::seal(to, plaintext).map_err(vault::Error::from)?;
        Ok(self.objects.put(key, Body::from(sealed)).await?.sha256)
    }

    fn cache(&self) -> MutexGuard<'_, LruCache<DossierId, Identity>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes the public half of a dossier's key: for the projection of the fact that says it.
pub fn note_recipient(batch: &mut Batch, dossier: DossierId, recipient: &str) -> Result<(), records::Error> {
    batch.put(&RECIPIENTS, dossier.as_bytes(), &recipient.to_owned())
}

/// Forgets it, with everything else of the dossier.
pub fn forget_recipient(batch: &mut Batch, dossier: DossierId) {
    batch.delete(&RECIPIENTS, dossier.as_bytes());
}

/// The public half of a dossier's key, if the log says it.
pub fn recipient(records: &Records, dossier: DossierId) -> Result<Option<String>, records::Error> {
    records.get(&RECIPIENTS, dossier.as_bytes())
}

/// Gets the identities under `key` and unwraps them with `opener`.
pub async fn get_identities(objects: &Objects, key: &Key, opener: &Identity) -> Result<Vec<Identity>, Error> {
    let sealed = objects.get_bytes(key, KEY_OBJECT_LIMIT_BYTES).await?;
    let text = vault::open(opener, &sealed)?;
    let identities = Identity::parse_all(std::str::from_utf8(&text).map_err(|_| vault::Error::NotAKey)?)?;
    if identities.is_empty() { Err(vault::Error::NotAKey.into()) } else { Ok(identities) }
}

fn parse(text: &Zeroizing<Vec<u8>>) -> Result<Identity, Error> {
    Ok(Identity::parse(std::str::from_utf8(text).map_err(|_| vault::Error::NotAKey)?)?)
}
