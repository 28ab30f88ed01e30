//! Reading: the original is opened and read in a child process; pages, text and pictures go back into the store, sealed.

use tokio::sync::mpsc;
use tokio_util::io::StreamReader;

use crate::app::App;
use crate::archive::Kept;
use crate::documents::{self, Document, Read, ReadingResult};
use crate::domain::{DocumentId, archive_itself};
use crate::journal::Draft;
use crate::objects::{Body, Key};
use crate::reading::{Outcome, Page, Reading, Reason, stack};
use crate::vault::SealedBytes;

/// Pictures that may wait to be stored.
const SIGNS_WAITING: usize = 2;

impl App {
    /// Reads a document, whatever it is: what cannot be read has a reason, and the original stays as it is.
    ///
    /// What it made lies beside what an earlier reading made, until the entry that names it is published: at no moment does
    /// the log speak of objects that are not there.
    pub(super) async fn read_document(&self, id: DocumentId) -> anyhow::Result<()> {
        let Some(document) = documents::get(&self.records, id)? else { return Ok(()) };
        self.progress.turned(id, 0, 0);
        let read = self.read(&document).await;
        self.progress.ended(id);
        read
    }

    async fn read(&self, document: &Document) -> anyhow::Result<()> {
        let number = document.next_reading();
        let (mut reading, mut kept) = self.read_pages(document, number, true).await?;
        if is_too_much(&reading) {
            // Drawing a page may be what brought it down; its text may be had all the same.
            (reading, kept) = self.read_pages(document, number, false).await?;
        }
        if is_locked(reading.outcome)
            && document.reading.as_ref().is_some_and(|before| !is_locked(before.outcome))
        {
            // It was read with a password that is not here any more, or that was mistyped now: what was read stays.
            self.passwords.forget(document.id);
            return Ok(());
        }
        for page in &mut reading.pages {
            let placed = kept.placed.iter().find(|(number, _)| *number == page.number);
            page.picture = placed.map(|(_, placed)| *placed);
        }
        let identity = self.archive.keys.open(document.dossier).await?;
        let sealed = SealedBytes::seal(&[identity.recipient()], &serde_json::to_vec(&reading)?)?;
        let key = Key::Text { dossier: document.dossier, document: document.id, reading: number };
        let stored = self.objects.put(&key, Body::from(sealed)).await?;
        let result = ReadingResult {
            outcome: reading.outcome,
            pages: reading.page_count,
            text_sha256: Some(stored.sha256),
            number,
            pictures: kept.object,
            marks: marks(&reading),
        };
        self.record_reading(document, result).await
    }

    async fn read_pages(
        &self,
        document: &Document,
        number: u32,
        pictures: bool,
    ) -> anyhow::Result<(Reading, Kept)> {
        let content = StreamReader::new(self.archive.open_original(document, None).await?);
        let (signs, heard) = mpsc::channel(SIGNS_WAITING);
        let (app, id) = (self.clone(), document.id);
        let turned = move |page, of| app.progress.turned(id, page, of);
        let reader = self.reader.clone().opening_with(self.passwords.of(document.id));
        let reading = reader.watch_stream(document.size_bytes, content, pictures, signs);
        let kept = self.archive.keep_pictures(document, number, heard, turned);
        let (reading, kept) = tokio::join!(reading, kept);
        // A store that fails can make the reading late: that is not the document's fault.
        let kept = kept?;
        Ok((reading?, kept))
    }

    async fn record_reading(&self, document: &Document, result: ReadingResult) -> anyhow::Result<()> {
        let (id, dossier) = (document.id, document.dossier);
        let draft = Draft::new("document.read", archive_itself(), &Read { document: id, result })?;
        let index = self.journal.commit(draft.dossier(dossier).document(id)).await?;
        self.archive.texts.forget([id]);
        self.passwords.forget(id);
        let before = document.derived();
        if before.is_empty() {
            return Ok(());
        }
        self.journal.published(index).await?;
        for (key, _, _) in before {
            if self.objects.delete(&key).await.is_err() {
                self.objects.leave_behind();
            }
        }
        Ok(())
    }
}

/// How many pages have a code of ours.
fn marks(reading: &Reading) -> u32 {
    let marked = |page: &&Page| page.codes.iter().any(|code| stack::parse(&code.text).is_some());
    u32::try_from(reading.pages.iter().filter(marked).count()).unwrap_or(u32::MAX)
}

/// Whether a password is lacking.
fn is_locked(outcome: Outcome) -> bool {
    outcome == Outcome::Unreadable { reason: Reason::Encrypted }
}

/// Whether the reading took more than it may, or brought its process down.
fn is_too_much(reading: &Reading) -> bool {
    use Reason::{Crashed, OutOfMemory, TimedOut};
    matches!(reading.outcome, Outcome::Unreadable { reason: TimedOut | Crashed | OutOfMemory })
}
