//! Keys of sealed dossiers: taken away from the archive's own key, opened with the general manager's, destroyed.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::{Error, Keys, parse};
use crate::domain::DossierId;
use crate::objects::{ErrorKind, Key};
use crate::vault::{self, Identity, Recipient};

impl Keys {
    /// Forgets an opened key, for good.
    pub fn forget(&self, dossier: DossierId) {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.insert(dossier);
        self.cache().pop(&dossier);
    }

    /// Wraps a dossier's key to these recipients alone, so that the archive's own key no longer opens it. It may be called
    /// again: what the archive does not open any more is left as it is.
    pub async fn seal_away(&self, dossier: DossierId, to: &[Recipient]) -> Result<(), Error> {
        let _all = self.wrapping.write().await;
        let key = Key::DossierKey(dossier);
        match self.keyring.open(&self.get_wrapped(&key).await?) {
            Ok(text) => self.put_wrapped(&key, to, &text).await?,
            Err(vault::Error::WrongKey) => {}
            Err(error) => return Err(error.into()),
        }
        self.forget(dossier);
        Ok(())
    }

    /// The key of a sealed dossier, opened with the general manager's.
    pub async fn open_sealed(&self, dossier: DossierId, opener: &Identity) -> Result<Identity, Error> {
        let sealed = self.get_wrapped(&Key::DossierKey(dossier)).await?;
        parse(&vault::open(opener, &sealed)?)
    }

    /// Whether the archive's own key opens this dossier's; `None` if there is none.
    pub async fn archive_opens(&self, dossier: DossierId) -> Result<Option<bool>, Error> {
        match self.get_wrapped(&Key::DossierKey(dossier)).await {
            Ok(sealed) => Ok(Some(self.keyring.open(&sealed).is_ok())),
            Err(Error::Objects(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes a dossier's key: what is sealed to it is gone. It need not be there.
    pub async fn destroy(&self, dossier: DossierId) -> Result<(), Error> {
        let _all = self.wrapping.write().await;
        self.objects.delete(&Key::DossierKey(dossier)).await?;
        self.forget(dossier);
        Ok(())
    }

    /// Keys of which this one is open, whatever the archive's own key opens.
    pub fn holding(&self, dossier: DossierId, key: Identity) -> Self {
        let mut opened = LruCache::new(NonZeroUsize::MIN);
        opened.put(dossier, key);
        Self { opened: Arc::new(Mutex::new(opened)), away: Arc::default(), ..self.clone() }
    }
}
