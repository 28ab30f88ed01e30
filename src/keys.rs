//! The keys that stand in the bucket: made once, wrapped to the archive and the recovery keys, and wrapped again when
//! these change.
//!
//! Layer 3. Opened keys are kept in memory, a bounded number of them, and never on a disk.

mod rewrap;
mod sealed;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use tokio::sync::RwLock;
use zeroize::Zeroizing;

use crate::domain::DossierId;
use crate::objects::{self, Body, Key, Objects};
use crate::vault::{self, Identity, Keyring, Recipient, SealedBytes};

pub use rewrap::Rewrapped;

/// How many opened keys are kept.
const CACHED_KEYS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// A key object is a few hundred bytes; more is not one.
const KEY_OBJECT_LIMIT_BYTES: u64 = 64 * 1024;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object store failed or has no such key.
    #[error("the key could not be read from or written to the object store")]
    Objects(#[from] objects::Error),
    /// The key object is there but this archive's key does not open it.
    #[error("the key object could not be opened")]
    Vault(#[from] vault::Error),
}

/// Makes and opens the keys of dossiers. Cloning shares the cache.
#[derive(Clone)]
pub struct Keys {
    objects: Objects,
    keyring: Arc<Keyring>,
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
        Self { objects, keyring, opened, away: Arc::default(), wrapping: Arc::default() }
    }

    /// The keyring that they are opened with.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
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
        let identity = self.get(&Key::DossierKey(dossier)).await?;
        self.remember(dossier, &identity);
        Ok(identity)
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
        let sealed = SealedBytes::seal(to, plaintext).map_err(vault::Error::from)?;
        self.objects.put(key, Body::from(sealed)).await?;
        Ok(())
    }

    fn cache(&self) -> MutexGuard<'_, LruCache<DossierId, Identity>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
