//! How far the readings are that are under way: for whoever waits for one. In memory only.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::DocumentId;

/// The documents that are being read, with the page that has been come to and how many there are.
#[derive(Debug, Default)]
pub struct Progress(Mutex<HashMap<DocumentId, (u32, u32)>>);

impl Progress {
    /// The page that has been come to, and how many there are; none if the document is not being read.
    pub fn of(&self, document: DocumentId) -> Option<(u32, u32)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&document).copied()
    }

    /// A page was come to; 0 of 0 before the first.
    pub(crate) fn turned(&self, document: DocumentId, page: u32, of: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(document, (page, of));
    }

    /// The reading is over.
    pub(crate) fn ended(&self, document: DocumentId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&document);
    }
}
