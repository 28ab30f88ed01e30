//! Sweeping: what uploads left behind that were cut off by a crash, between the object and its entry.

use super::{Archive, Error};
use crate::domain::DossierId;
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

    /// Whether a dossier was destroyed: then nothing of it may be left.
    fn is_destroyed(&self, dossier: DossierId) -> Result<bool, Error> {
        Ok(sealing::stub(&self.records, dossier)?.is_some_and(|stub| stub.destroyed))
    }

    /// The key of an object that belongs to a subject without an entry.
    pub(super) fn orphan<'a>(&self, listed: &'a Listed) -> Result<Option<&'a Key>, Error> {
        let known = match &listed.key {
            // The log is asked, not the rows: where a key is missing there are no rows, and the key may come back.
            Some(Key::Original { dossier, document } | Key::Text { dossier, document }) => {
                self.journal.speaks_of(document.as_bytes())? && !self.is_destroyed(*dossier)?
            }
            Some(Key::DossierKey(dossier)) => {
                self.journal.speaks_of(dossier.as_bytes())? && !self.is_destroyed(*dossier)?
            }
            _ => true,
        };
        Ok(listed.key.as_ref().filter(|_| !known))
    }
}
