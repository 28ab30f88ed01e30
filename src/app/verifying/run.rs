//! What a run of `verify` that was interrupted has done, so that another can go on: one sealed row, ids only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::archive::{Depth, Problem};
use crate::domain::DocumentId;
use crate::records::{self, Batch, Records, Table};

const RUN: Table<Run> = Table::new("verify.run");

/// Documents are looked at in the order of their ids; this is how far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// How closely was looked.
    pub(super) depth: Depth,
    /// When it was first begun.
    pub(super) begun_at: Timestamp,
    /// Entries in the log at that time: what came later has not been looked at, whatever its id.
    pub(super) entries: u64,
    /// The last document that was looked at.
    pub(super) last: Option<DocumentId>,
    /// How many were.
    pub(super) documents: u64,
    /// Bytes that were read.
    pub(super) bytes: u64,
    /// What was wrong with them.
    pub(super) problems: Vec<Problem>,
}

impl Run {
    pub(super) fn new(depth: Depth, begun_at: Timestamp, entries: u64) -> Self {
        Self { depth, begun_at, entries, last: None, documents: 0, bytes: 0, problems: Vec::new() }
    }

    /// The run that was interrupted, if there is one and it looked as closely.
    pub(super) fn interrupted(records: &Records, depth: Depth) -> Result<Option<Self>, records::Error> {
        Ok(records.get(&RUN, b"")?.filter(|run| run.depth == depth))
    }

    /// Whether a document was looked at.
    pub(super) fn has_done(&self, id: DocumentId, log_index: u64) -> bool {
        self.last.is_some_and(|last| id <= last) && log_index < self.entries
    }

    /// Remembers it; durable when this returns.
    pub(super) async fn save(&self, records: &Records) -> Result<(), records::Error> {
        let mut batch = Batch::new();
        batch.put(&RUN, b"", self)?;
        commit(records, batch).await
    }

    /// It came to its end: nothing is to be gone on with.
    pub(super) async fn forget(records: &Records) -> Result<(), records::Error> {
        let mut batch = Batch::new();
        batch.delete(&RUN, b"");
        commit(records, batch).await
    }
}

async fn commit(records: &Records, batch: Batch) -> Result<(), records::Error> {
    let records = records.clone();
    let committed = tokio::task::spawn_blocking(move || {
        records.commit(batch)?;
        records.flush()
    });
    committed.await.map_err(|error| records::Error::Io(std::io::Error::other(error)))?
}
