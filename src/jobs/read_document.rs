//! Reading: the original is opened and read in a child process; pages and text go back into the store, sealed.

use tokio_util::io::StreamReader;

use crate::app::App;
use crate::documents::{self, Read, ReadingResult};
use crate::domain::{DocumentId, archive_itself};
use crate::journal::Draft;
use crate::objects::{Body, Key};
use crate::vault::SealedBytes;

impl App {
    /// Reads a document, whatever it is: what cannot be read has a reason, and the original stays as it is.
    pub(super) async fn read_document(&self, id: DocumentId) -> anyhow::Result<()> {
        let Some(document) = documents::get(&self.records, id)? else { return Ok(()) };
        if document.reading.is_some() {
            return Ok(());
        }
        let content = self.archive.open_original(&document, None).await?;
        let reading = self.reader.read_stream(document.size_bytes, StreamReader::new(content)).await?;
        let identity = self.archive.keys.open(document.dossier).await?;
        let sealed = SealedBytes::seal(&[identity.recipient()], &serde_json::to_vec(&reading)?)?;
        let key = Key::Text { dossier: document.dossier, document: id };
        let stored = self.objects.put(&key, Body::from(sealed)).await?;
        let (outcome, pages) = (reading.outcome, reading.page_count);
        let result = ReadingResult { outcome, pages, text_sha256: Some(stored.sha256) };
        let draft = Draft::new("document.read", archive_itself(), &Read { document: id, result })?;
        self.journal.commit(draft.dossier(document.dossier).document(id)).await?;
        Ok(())
    }
}
