//! The key of the search index: random, sealed to the archive's in a small file beside the index, and changed at will.
//!
//! The index is only a copy: one whose key is lost is set aside and made again.

use std::io;
use std::path::Path;
use std::sync::PoisonError;

use zeroize::Zeroizing;

use super::{App, Error, folder};
use crate::clock::Clock;
use crate::search::{IndexKey, IndexPlace};
use crate::vault::{self, Keyring, read_index_key, write_index_key};

/// Where the index and its key lie.
pub(super) fn place(data: &Path) -> IndexPlace {
    IndexPlace::new(&folder::index(data), &folder::index_key(data))
}

/// The key, if the archive opens the file that it is in. What a cut-off rotation has left is finished or undone first.
pub(super) fn read(data: &Path, keyring: &Keyring) -> Option<IndexKey> {
    if let Err(error) = place(data).settle() {
        tracing::warn!(%error, "what a change of the search index's key has left could not be cleared up");
    }
    let read = read_index_key(&folder::index_key(data), keyring).unwrap_or_else(|error| {
        tracing::warn!(%error, "the key of the search index could not be read");
        None
    });
    read.map(|key| IndexKey::from_bytes(*key))
}

/// Makes a key.
pub(super) fn make(data: &Path, keyring: &Keyring, clock: &Clock) -> Result<IndexKey, Error> {
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(clock.random_bytes());
    write_index_key(&folder::index_key(data), keyring, &key)?;
    Ok(IndexKey::from_bytes(*key))
}

impl App {
    /// Gives the search index another key: it is sealed anew while searches go on, and whoever writes to it waits. It needs
    /// the room of a second copy meanwhile.
    pub fn rotate_index(&self) -> Result<(), Error> {
        // The archive's key must not change between sealing the next key to it and giving that its place.
        let _renewing = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let next: Zeroizing<[u8; 32]> = Zeroizing::new(self.clock.random_bytes());
        let keep = |file: &Path| Ok::<_, Error>(write_index_key(file, self.keys.keyring(), &next)?);
        self.index.rotate(&folder::index_key(&self.config.data), IndexKey::from_bytes(*next), keep)?;
        tracing::info!("the search index has another key");
        Ok(())
    }

    /// Seals the index's key to the archive's present one.
    pub(super) async fn seal_index_key(&self) -> Result<(), Error> {
        let app = self.clone();
        let sealing = move || {
            let _renewing = app.renewing.lock().unwrap_or_else(PoisonError::into_inner);
            let (file, keyring) = (folder::index_key(&app.config.data), app.keys.keyring());
            match read_index_key(&file, keyring)? {
                Some(key) => write_index_key(&file, keyring, &key),
                // Lost while this runs: another key or the next start makes up for it.
                None => Ok(()),
            }
        };
        let sealed = tokio::task::spawn_blocking(sealing).await.map_err(io::Error::other);
        Ok(sealed.map_err(vault::Error::from)??)
    }

    /// Gives the index another key after the archive has got one. That is done, whatever comes of this.
    pub(super) async fn rotate_index_too(&self) {
        let app = self.clone();
        let rotated = tokio::task::spawn_blocking(move || app.rotate_index()).await;
        if let Err(error) = rotated.map_err(anyhow::Error::from).and_then(|rotated| Ok(rotated?)) {
            tracing::warn!(%error, "the search index keeps its key for now: `lantai index rotate` gives it another");
        }
    }
}
