//! Documents: one paper each, immutable, with what has been found in it.
//!
//! Layer 4. Rows and facts only; how a document comes in and goes out is [`crate::archive`].

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{CaseId, DocumentId, DossierId, PersonId, Sha256Digest};
use crate::journal::{self, Facts, Projection};
use crate::queue::{self, Job};
use crate::reading::{Outcome, Reason};
use crate::records::{self, Batch, Records, Table};

const DOCUMENTS: Table<Document> = Table::new("documents");
/// Documents by dossier: dossier, log index (8 bytes, big-endian).
const OF_DOSSIER: Table<DocumentId> = Table::new("documents.of");
/// Documents by the sender's idempotency key, under its lookup key.
const SENT: Table<DocumentId> = Table::new("documents.sent");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[
    ("document.received", project_received),
    ("document.read", project_read),
    ("document.viewed", project_viewed),
];

/// One paper that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Its dossier.
    pub dossier: DossierId,
    /// The case that it was handed in for.
    pub case: Option<CaseId>,
    /// Which document kind of the pack it is.
    pub kind: String,
    /// The sender's file name.
    pub filename: Option<String>,
    /// Found from the content.
    pub media_type: String,
    /// Length of the original, in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the original.
    pub sha256: Sha256Digest,
    /// SHA-256 of the sealed object.
    pub sealed_sha256: Sha256Digest,
    /// Length of the sealed object.
    pub sealed_size_bytes: u64,
    /// SHA-256 of its first bytes ([`crate::vault::SEALED_HEAD_BYTES`]): a part of it is read without the whole being hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_head_sha256: Option<Sha256Digest>,
    /// Who sent it.
    pub received_from: PersonId,
    /// When.
    pub received_at: Timestamp,
    /// Its entry in the log. Filled by the projection.
    #[serde(default)]
    pub log_index: u64,
    /// What reading it gave; `None` until then.
    #[serde(default)]
    pub reading: Option<ReadingResult>,
    /// The salt of the commitment in its entry, hexadecimal. Filled by the projection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
}

/// What reading a document gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingResult {
    /// How it went.
    pub outcome: Outcome,
    /// How many pages it has, as far as is known.
    pub pages: u32,
    /// SHA-256 of the sealed text object, if there is one.
    pub text_sha256: Option<Sha256Digest>,
}

impl ReadingResult {
    /// There is no reader for this type: known at once, and no job is needed to find out.
    pub fn unsupported() -> Self {
        let outcome = Outcome::Unreadable { reason: Reason::UnsupportedType };
        Self { outcome, pages: 0, text_sha256: None }
    }
}

/// The fact that a document came in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Received {
    /// The document.
    pub document: Document,
    /// The salt of the commitment in the entry, hexadecimal.
    pub salt: String,
    /// The sender's idempotency key.
    pub idempotency_key: Option<String>,
}

/// The fact that a document was read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Read {
    /// Which.
    pub document: DocumentId,
    /// What it gave.
    pub result: ReadingResult,
}

/// The fact that somebody looked at a document.
#[derive(Debug, Serialize, Deserialize)]
pub struct Viewed {
    /// What of it: `content` or `text`.
    pub part: String,
}

/// The document of this id.
pub fn get(records: &Records, id: DocumentId) -> Result<Option<Document>, records::Error> {
    records.get(&DOCUMENTS, id.as_bytes())
}

/// The documents of a dossier, in the order in which they came.
pub fn of_dossier(records: &Records, dossier: DossierId) -> Result<Vec<Document>, records::Error> {
    let mut documents = Vec::new();
    for row in records.scan(&OF_DOSSIER, dossier.as_bytes()) {
        documents.extend(get(records, row?.1)?);
    }
    Ok(documents)
}

/// How many documents there are.
pub fn count(records: &Records) -> Result<u64, records::Error> {
    records.count(&DOCUMENTS, b"")
}

/// Whether there is a document of this id.
pub fn exists(records: &Records, id: DocumentId) -> Result<bool, records::Error> {
    records.contains(&DOCUMENTS, id.as_bytes())
}

/// All documents.
pub fn all(records: &Records) -> impl Iterator<Item = Result<Document, records::Error>> + '_ {
    records.scan(&DOCUMENTS, b"").map(|row| row.map(|(_, document)| document))
}

/// The documents from this id on, in the order of their ids.
pub fn from(
    records: &Records,
    start: Option<DocumentId>,
) -> impl Iterator<Item = Result<Document, records::Error>> + '_ {
    let start = start.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
    records.scan_from(&DOCUMENTS, b"", &start).map(|row| row.map(|(_, document)| document))
}

/// The document that was sent under this lookup key.
pub fn sent(records: &Records, key: &[u8; 32]) -> Result<Option<Document>, records::Error> {
    records.get(&SENT, key)?.map_or(Ok(None), |id| get(records, id))
}

/// The precondition that nothing was sent under this lookup key.
pub fn expect_not_sent(batch: &mut Batch, key: &[u8; 32]) {
    batch.expect_absent(&SENT, key);
}

/// The lookup key of a sender's idempotency key.
pub fn sent_key(lookup: &crate::vault::Lookup, sender: PersonId, key: &str) -> [u8; 32] {
    lookup.of("sent", &[sender.as_bytes(), key.as_bytes()])
}

fn project_received(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Received { mut document, salt, idempotency_key } = projection.fact()?;
    document.log_index = projection.index;
    document.salt = Some(salt);
    if let Some(key) = idempotency_key {
        let key = sent_key(projection.lookup(), document.received_from, &key);
        projection.put(&SENT, &key, &document.id)?;
    }
    let place = [document.dossier.as_bytes().as_slice(), &projection.index.to_be_bytes()].concat();
    projection.put(&OF_DOSSIER, &place, &document.id)?;
    projection.put(&DOCUMENTS, document.id.as_bytes(), &document)?;
    let job = match document.reading {
        None => read_job(&document),
        Some(_) => Job::IndexDocument { document: document.id },
    };
    let due = projection.entry.at;
    Ok(queue::enqueue(projection.batch(), &job, due)?)
}

fn project_read(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Read { document, result } = projection.fact()?;
    let mut document = projection.get(&DOCUMENTS, document.as_bytes())?.ok_or(journal::Error::Corrupt)?;
    document.reading = Some(result);
    projection.put(&DOCUMENTS, document.id.as_bytes(), &document)?;
    let due = projection.entry.at;
    queue::remove(projection.batch(), &read_job(&document));
    Ok(queue::enqueue(projection.batch(), &Job::IndexDocument { document: document.id }, due)?)
}

fn project_viewed(_: &mut Projection<'_>) -> Result<(), journal::Error> {
    Ok(())
}

/// Takes all rows of a dossier's documents away: the dossier is sealed.
pub fn forget(projection: &mut Projection<'_>, dossier: DossierId) -> Result<(), journal::Error> {
    let places = projection.scan(&OF_DOSSIER, dossier.as_bytes())?;
    if places.is_empty() {
        return Ok(());
    }
    let ids: HashSet<DocumentId> = places.iter().map(|(_, id)| *id).collect();
    for (place, id) in places {
        projection.delete(&OF_DOSSIER, &place);
        projection.delete(&DOCUMENTS, id.as_bytes());
        queue::remove(projection.batch(), &Job::ReadDocument { dossier, document: id });
        queue::remove(projection.batch(), &Job::IndexDocument { document: id });
    }
    for (key, id) in projection.scan(&SENT, b"")? {
        if ids.contains(&id) {
            projection.delete(&SENT, &key);
        }
    }
    Ok(())
}

fn read_job(document: &Document) -> Job {
    Job::ReadDocument { dossier: document.dossier, document: document.id }
}
