//! The dossiers' own keys, as they stand in the bucket: made once, wrapped to the archive and the recovery keys.
//!
//! Layer 3. Opened keys are kept in memory, a bounded number of them, and never on a disk.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::domain::DossierId;
use crate::objects::{self, Body, Key, Objects};
use crate::vault::{self, Identity, Keyring, SealedBytes};

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
}

impl Keys {
    /// Keys in this store, opened with this keyring.
    pub fn new(objects: Objects, keyring: Arc<Keyring>) -> Self {
        Self { objects, keyring, opened: Arc::new(Mutex::new(LruCache::new(CACHED_KEYS))) }
    }

    /// Makes the key of a new dossier; when this returns, the wrapped key is in the object store.
    pub async fn create(&self, dossier: DossierId) -> Result<Identity, Error> {
        let identity = Identity::generate();
        self.put(&Key::DossierKey(dossier), &identity).await?;
        self.remember(dossier, identity.clone());
        Ok(identity)
    }

    /// The key of a dossier, from memory or from the object store.
    pub async fn open(&self, dossier: DossierId) -> Result<Identity, Error> {
        let remembered = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&dossier).cloned();
        if let Some(identity) = remembered {
            return Ok(identity);
        }
        let identity = self.get(&Key::DossierKey(dossier)).await?;
        self.remember(dossier, identity.clone());
        Ok(identity)
    }

    /// Wraps an identity to the archive and the recovery recipients and puts it under `key`.
    pub async fn put(&self, key: &Key, identity: &Identity) -> Result<(), Error> {
        let text = identity.to_file_text();
        let sealed = SealedBytes::seal(&self.keyring.wrapping_recipients(), text.as_bytes());
        let sealed = sealed.map_err(vault::Error::from)?;
        self.objects.put(key, Body::from(sealed)).await?;
        Ok(())
    }

    /// Gets and unwraps the identity under `key`.
    pub async fn get(&self, key: &Key) -> Result<Identity, Error> {
        get_identity(&self.objects, key, self.keyring.archive()).await
    }

    fn remember(&self, dossier: DossierId, identity: Identity) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).put(dossier, identity);
    }
}

/// Gets the identity under `key` and unwraps it with `opener`.
pub async fn get_identity(objects: &Objects, key: &Key, opener: &Identity) -> Result<Identity, Error> {
    let sealed = objects.get_bytes(key, KEY_OBJECT_LIMIT_BYTES).await?;
    let text = vault::open(opener, &sealed)?;
    let text = std::str::from_utf8(&text).map_err(|_| vault::Error::NotAKey)?;
    Ok(Identity::parse(text)?)
}
