//! Reading again: what could not be read, what waits for OCR, what OCR was not sure of.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

use super::{App, Error};
use crate::documents::{self, Document};
use crate::domain::DocumentId;
use crate::queue;
use crate::reading::{Outcome, Password, Reason, Waiting};
use crate::records::Batch;

/// Jobs of one batch.
const BATCH: usize = 512;

/// Which documents, by how their reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that could not be read although there is a reader for their type.
    Failed,
    /// Those with pages that wait: for OCR, or because they went beyond the limits.
    Waiting,
    /// Those of which OCR was less sure than so many percent.
    Unsure(u8),
    /// All that were read or tried.
    All,
}

impl Which {
    /// Whether the document is one of them. One that was not tried yet is none of any.
    pub fn has(self, document: &Document) -> bool {
        let Some(outcome) = document.reading.as_ref().map(|reading| reading.outcome) else { return false };
        match (self, outcome) {
            (_, Outcome::Unreadable { reason: Reason::UnsupportedType }) => false,
            (Self::All, _)
            | (Self::Failed, Outcome::Unreadable { .. })
            | (Self::Waiting, Outcome::NotReadYet { .. }) => true,
            (Self::Unsure(percent), Outcome::Recognised { least_percent }) => least_percent < percent,
            _ => false,
        }
    }
}

/// Passwords that wait for so many readings; of more, the oldest are forgotten.
const PASSWORDS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Passwords of documents that are to be read. In memory only: after a restart they are to be given again.
#[derive(Debug)]
pub struct Passwords(Mutex<LruCache<DocumentId, Password>>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(PASSWORDS)))
    }
}

impl Passwords {
    /// What a document is to be opened with.
    pub(crate) fn of(&self, document: DocumentId) -> Option<Password> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&document).cloned()
    }

    fn put(&self, document: DocumentId, password: Password) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(document, password);
    }

    /// It was read.
    pub(crate) fn forget(&self, document: DocumentId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop(&document);
    }
}

impl App {
    /// Calls for a locked document to be read again, with this password. It is used for one reading and kept nowhere.
    pub fn reread_with(&self, document: DocumentId, password: Password) -> Result<(), Error> {
        self.passwords.put(document, password);
        self.reread(&[document])
    }

    /// Calls for documents to be read again; until then the readings that there are stay.
    pub fn reread(&self, wanted: &[DocumentId]) -> Result<(), Error> {
        let now = self.clock.now();
        for some in wanted.chunks(BATCH) {
            let mut batch = Batch::new();
            for id in some {
                if let Some(document) = documents::get(&self.records, *id)? {
                    queue::enqueue(&mut batch, &documents::read_job(&document), now)?;
                }
            }
            self.records.commit(batch)?;
        }
        self.call_workers();
        Ok(())
    }

    /// The documents of which [`Which::has`] is true.
    pub fn read_as(&self, which: Which) -> Result<Vec<DocumentId>, Error> {
        let mut wanted = Vec::new();
        for document in documents::all(&self.records) {
            let document = document?;
            if which.has(&document) {
                wanted.push(document.id);
            }
        }
        Ok(wanted)
    }

    /// Calls for what waits for OCR, if there is OCR by now; tells how many documents that are.
    pub(crate) fn reread_waiting_for_ocr(&self) -> Result<usize, Error> {
        if !self.reader.has_ocr() {
            return Ok(0);
        }
        let needs_ocr = Outcome::NotReadYet { reason: Waiting::NeedsOcr };
        let mut wanted = Vec::new();
        for document in documents::all(&self.records) {
            let document = document?;
            if document.reading.as_ref().is_some_and(|reading| reading.outcome == needs_ocr) {
                wanted.push(document.id);
            }
        }
        self.reread(&wanted)?;
        Ok(wanted.len())
    }

    /// Wakes those who do the work of the queue.
    pub fn call_workers(&self) {
        self.work.notify_one();
        self.to_read.notify_one();
    }
}
