//! Reading again: what could not be read, what waits for OCR, what OCR was not sure of.

use super::{App, Error};
use crate::documents::{self, Document};
use crate::domain::DocumentId;
use crate::queue;
use crate::reading::{Outcome, Reason, Waiting};
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

impl App {
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
