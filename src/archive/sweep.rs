//! Sweeping: what uploads left behind that were cut off by a crash, between the object and its entry.

use super::{Archive, Error};
use crate::documents;
use crate::domain::{DocumentId, DossierId};
use crate::objects::{Key, Listed, Prefix};
use crate::sealing;

impl Archive {
    /// Deletes originals, texts and keys that no entry speaks of; tells how many.
    ///
    /// Only for the moment between opening an archive that was not closed and opening its doors: then the log is
    /// caught up and no upload is under way, so that whatever has no entry was never acknowledged.
    pub(crate) async fn sweep(&self) -> Result<usize, Error> {
        let mut swept = 0;
        for prefix in [Prefix::Documents, Prefix::Keys] {
            for listed in self.objects.list(prefix).await? {
                if let Some(key) = self.orphan(&listed)? {
                    self.objects.delete(key).await?;
                    swept += 1;
                }
            }
        }
        Ok(swept)
    }

    /// Whether a dossier is sealed and not destroyed: then what it has is known, without rows of its own.
    fn is_sealed(&self, dossier: DossierId) -> Result<bool, Error> {
        Ok(sealing::stub(&self.records, dossier)?.is_some_and(|stub| !stub.destroyed))
    }

    fn is_sealed_paper(&self, document: DocumentId) -> Result<bool, Error> {
        match sealing::dossier_of(&self.records, document.as_bytes())? {
            Some(dossier) => self.is_sealed(dossier),
            None => Ok(false),
        }
    }

    /// The key of an object that belongs to a subject without an entry.
    pub(super) fn orphan<'a>(&self, listed: &'a Listed) -> Result<Option<&'a Key>, Error> {
        let known = match &listed.key {
            Some(Key::Original { document, .. } | Key::Text { document, .. }) => {
                documents::get(&self.records, *document)?.is_some() || self.is_sealed_paper(*document)?
            }
            Some(Key::DossierKey(dossier)) => {
                crate::dossiers::exists(&self.records, *dossier)? || self.is_sealed(*dossier)?
            }
            _ => true,
        };
        Ok(listed.key.as_ref().filter(|_| !known))
    }
}
