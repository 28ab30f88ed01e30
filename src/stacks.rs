//! Stacks: scans of several papers at once, and what became of their parts.
//!
//! Layer 4. Rows and facts only: how a stack is split is a job. The stack itself stays archived as it came; each part that
//! found its way is a document of its own.

use serde::{Deserialize, Serialize};

use crate::domain::{CaseId, DocumentId};
use crate::journal::{self, Facts, Projection};
use crate::records::{self, Records, Table};

/// What became of stacks.
const STACKS: Table<Split> = Table::new("stacks");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("stack.split", project_split)];

/// What became of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The document that is the stack.
    pub document: DocumentId,
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// The pages that are in no part: cover sheets, separators and their blank backs.
    pub left_out: Vec<u32>,
}

/// Some pages that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The pages, counted from 1.
    pub pages: Vec<u32>,
    /// Those of them that are blank.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blank: Vec<u32>,
    /// The case that its cover sheet names.
    pub case: Option<CaseId>,
    /// The kind of document that its cover sheet names.
    pub kind: Option<String>,
    /// The number of the form that it is, as its code says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// The document that it became.
    pub document: Option<DocumentId>,
    /// Why it became none, and waits for a person.
    pub waits: Option<Waits>,
}

/// Why a part waits for a person. The serialised names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// No cover sheet says where it belongs.
    NoCover,
    /// There are no pages after its cover sheet.
    NoPages,
    /// Its cover sheets contradict each other.
    Unsure,
    /// There is no such case.
    UnknownCase,
    /// Whoever sent the stack may not add documents to that case.
    NotPermitted,
    /// The case takes no such document, or none any more.
    NotTaken,
    /// The file cannot be taken apart: it is encrypted or damaged.
    CannotSplit,
}

/// What became of this stack; none if the document is not one, or not split yet.
pub fn get(records: &Records, id: DocumentId) -> Result<Option<Split>, records::Error> {
    records.get(&STACKS, id.as_bytes())
}

/// Whether the stack was split.
pub(crate) fn is_split(projection: &Projection<'_>, id: DocumentId) -> Result<bool, journal::Error> {
    Ok(projection.get(&STACKS, id.as_bytes())?.is_some())
}

/// Takes the rows of these documents away.
pub(crate) fn forget(projection: &mut Projection<'_>, ids: impl IntoIterator<Item = DocumentId>) {
    for id in ids {
        projection.delete(&STACKS, id.as_bytes());
    }
}

fn project_split(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let split: Split = projection.fact()?;
    projection.put(&STACKS, split.document.as_bytes(), &split)
}
