//! Documents: one paper each, immutable, with what has been found in it.
//!
//! Layer 4. Rows and facts only; how a document comes in and goes out is [`crate::archive`].

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{CaseId, DocumentId, DossierId, PersonId, Sha256Digest};
use crate::journal::{self, Facts, Projection};
use crate::objects::Key;
use crate::queue::{self, Job};
use crate::reading::{Outcome, Reason};
use crate::records::{self, Batch, Records, Table};
use crate::stacks;

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
    /// The stack that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<PartOf>,
    /// The salt of the commitment in its entry, hexadecimal. Filled by the projection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
}

/// Some pages of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartOf {
    /// The stack.
    pub document: DocumentId,
    /// The pages, counted from 1.
    pub pages: Vec<u32>,
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
    /// Which reading of the document this is, from 1: part of the names of the objects that it made.
    #[serde(default = "first_reading", skip_serializing_if = "is_first_reading")]
    pub number: u32,
    /// The object with what the pages look like, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<SealedObject>,
    /// How many pages have a code of ours: a cover sheet's, or a separator's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub marks: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A sealed object that belongs to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedObject {
    /// SHA-256 of it.
    pub sha256: Sha256Digest,
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 of its first bytes, as with the original.
    pub head_sha256: Option<Sha256Digest>,
}

fn first_reading() -> u32 {
    1
}

fn is_first_reading(number: &u32) -> bool {
    *number == 1
}

impl Document {
    /// The number of the reading that comes next.
    pub fn next_reading(&self) -> u32 {
        self.reading.as_ref().map_or(1, |reading| reading.number.saturating_add(1))
    }

    /// The objects that reading it made, as [`ReadingResult::objects`].
    pub fn derived(&self) -> Vec<(Key, Sha256Digest, Option<u64>)> {
        self.reading.as_ref().map(|reading| reading.objects(self.dossier, self.id)).unwrap_or_default()
    }
}

impl ReadingResult {
    /// There is no reader for this type: known at once, and no job is needed to find out.
    pub fn unsupported() -> Self {
        let outcome = Outcome::Unreadable { reason: Reason::UnsupportedType };
        Self { outcome, pages: 0, text_sha256: None, number: 1, pictures: None, marks: 0 }
    }

    /// The objects that the reading of this document made, with their digests and, if it is known, their lengths.
    pub fn objects(&self, dossier: DossierId, document: DocumentId) -> Vec<(Key, Sha256Digest, Option<u64>)> {
        let reading = self.number;
        let text = self.text_sha256.map(|sha256| (Key::Text { dossier, document, reading }, sha256, None));
        let pictures = self.pictures.map(|object| {
            (Key::Pictures { dossier, document, reading }, object.sha256, Some(object.size_bytes))
        });
        text.into_iter().chain(pictures).collect()
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
    let marked = document.reading.as_ref().is_some_and(|reading| reading.marks > 0);
    // What was handed in for a case is what it is, whatever is printed on it.
    if marked && document.case.is_none() && !stacks::is_split(projection, document.id)? {
        queue::enqueue(projection.batch(), &Job::SplitStack { document: document.id }, due)?;
    }
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
        queue::remove(projection.batch(), &Job::SplitStack { document: id });
    }
    stacks::forget(projection, ids.iter().copied());
    for (key, id) in projection.scan(&SENT, b"")? {
        if ids.contains(&id) {
            projection.delete(&SENT, &key);
        }
    }
    Ok(())
}

/// The job that reads a document.
pub fn read_job(document: &Document) -> Job {
    Job::ReadDocument { dossier: document.dossier, document: document.id }
}
