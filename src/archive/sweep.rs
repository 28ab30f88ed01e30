//! Sweeping: what uploads left behind that were cut off by a crash, between the object and its entry.

use super::{Archive, Error};
use crate::documents::{self, Document};
use crate::domain::DossierId;
use crate::journal;
use crate::objects::{ErrorKind, Key, Listed, Prefix};
use crate::queue;
use crate::records::Records;
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
                if let Some(key) = orphan(&self.records, &listed)? {
                    match self.objects.delete(key).await {
                        Ok(()) => swept += 1,
                        // It is held for its time, and does no harm: the next start tries again.
                        Err(error) if error.kind() == ErrorKind::Denied => {
                            tracing::info!("an object that nothing points to may not be deleted, and stays");
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Ok(swept)
    }
}

/// The key of an object that belongs to a subject without an entry.
///
/// The log is asked first, not the rows: where a key is missing there are no rows, and the key may come back.
pub(super) fn orphan<'a>(records: &Records, listed: &'a Listed) -> Result<Option<&'a Key>, Error> {
    let known = match &listed.key {
        Some(Key::Original { dossier, document }) => {
            is_spoken_of(records, *dossier, document.as_bytes())?
                && documents::get(records, *document)?.is_none_or(|known| known.dossier == *dossier)
        }
        Some(Key::Text { dossier, document, reading } | Key::Pictures { dossier, document, reading }) => {
            is_spoken_of(records, *dossier, document.as_bytes())?
                && match documents::get(records, *document)? {
                    Some(known) => {
                        known.dossier == *dossier && is_expected(records, &known, *reading, listed)?
                    }
                    None => true,
                }
        }
        Some(Key::DossierKey(dossier)) => is_spoken_of(records, *dossier, dossier.as_bytes())?,
        _ => true,
    };
    Ok(listed.key.as_ref().filter(|_| !known))
}

/// Whether what a reading made belongs to the document: the reading that counts names it, or it may be the next one's,
/// whose entry comes after its objects.
fn is_expected(records: &Records, document: &Document, reading: u32, listed: &Listed) -> Result<bool, Error> {
    let named = document.derived().into_iter().any(|(key, _, _)| Some(key) == listed.key);
    let next = reading == document.next_reading();
    Ok(named || next && queue::waits(records, &documents::read_job(document))?)
}

/// Whether any entry is about this subject of a dossier that is not destroyed.
fn is_spoken_of(records: &Records, dossier: DossierId, subject: &[u8; 16]) -> Result<bool, Error> {
    let destroyed = sealing::stub(records, dossier)?.is_some_and(|stub| stub.destroyed);
    Ok(!destroyed && journal::speaks_of(records, subject)?)
}
