//! The rows of sealed dossiers and how facts become them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cases;
use crate::documents::{self, Document, ReadingResult};
use crate::domain::{CaseId, DocumentId, DossierId, PersonId, Sha256Digest};
use crate::dossiers;
use crate::journal::{self, Facts, Projection};
use crate::objects::Key;
use crate::penalties::Penalty;
use crate::queue::{self, Job};
use crate::records::{self, Batch, Records, Table};

const STUBS: Table<Stub> = Table::new("sealed");
/// The papers of sealed dossiers: dossier, document.
const PAPERS: Table<SealedPaper> = Table::new("sealed.papers");
/// Which sealed dossier a document or a case belongs to.
const THINGS: Table<DossierId> = Table::new("sealed.things");
const CERTIFICATES: Table<Certificate> = Table::new("sealed.certificates");

pub(super) const FACTS: Facts = &[
    ("dossier.sealed", project_sealed),
    ("dossier.unsealed", project_nothing),
    ("dossier.closed", project_nothing),
    ("sealed.viewed", project_nothing),
    ("destruction.asked", project_asked),
    ("destruction.withdrawn", project_withdrawn),
    ("dossier.destroyed", project_destroyed),
];

/// What is left of a dossier that is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stub {
    /// The dossier.
    pub dossier: DossierId,
    /// Which dossier schema of the pack it follows.
    pub kind: String,
    /// Who kept the customer.
    pub adviser: PersonId,
    /// Their name at that time.
    pub adviser_name: String,
    /// Who sealed it.
    pub by: PersonId,
    /// Their name at that time.
    pub by_name: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// The entry that says so.
    pub log_index: u64,
    /// The dossier's own public key.
    pub recipient: String,
    /// How many documents it has.
    pub documents: u64,
    /// How many cases.
    pub cases: u64,
    /// Who has asked for its destruction, and nobody has answered.
    pub asked: Option<Asked>,
    /// Whether it is destroyed.
    pub destroyed: bool,
}

impl Stub {
    /// The question of its destruction, if it can still be confirmed at `now`.
    pub fn asked_at(&self, now: Timestamp) -> Option<&Asked> {
        self.asked.as_ref().filter(|asked| now < asked.until)
    }

    /// The dossier as the subject of a permit.
    pub fn subject(&self) -> crate::access::Subject {
        let granted = crate::access::Granted::No;
        crate::access::Subject::Dossier { id: self.dossier, adviser: self.adviser, granted }
    }
}

/// Somebody asks for the destruction of a dossier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Who.
    pub by: PersonId,
    /// Their name at that time.
    pub by_name: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// Until when somebody else can confirm it.
    pub until: Timestamp,
}

/// A paper of a sealed dossier: what can be checked of it without a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedPaper {
    /// The document.
    pub document: DocumentId,
    /// Its entry in the log.
    pub log_index: u64,
    /// SHA-256 of the sealed original.
    pub sealed_sha256: Sha256Digest,
    /// Length of the sealed original.
    pub sealed_size_bytes: u64,
    /// What the reading gave, with the objects that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<ReadingResult>,
    /// The entry's commitment to the content.
    pub commitment: Option<Sha256Digest>,
}

impl SealedPaper {
    pub(super) fn of(document: &Document) -> Self {
        Self {
            document: document.id,
            log_index: document.log_index,
            sealed_sha256: document.sealed_sha256,
            sealed_size_bytes: document.sealed_size_bytes,
            reading: document.reading.clone(),
            commitment: None,
        }
    }

    /// The objects that the reading of it made.
    pub fn derived(&self, dossier: DossierId) -> Vec<(Key, Sha256Digest, Option<u64>)> {
        self.reading.as_ref().map(|reading| reading.objects(dossier, self.document)).unwrap_or_default()
    }
}

/// What remains of a dossier that was destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The dossier.
    pub dossier: DossierId,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub asked_by: PersonId,
    /// Their name at that time.
    pub asked_by_name: String,
    /// When.
    pub asked_at: Timestamp,
    /// Who confirmed it.
    pub confirmed_by: PersonId,
    /// Their name at that time.
    pub confirmed_by_name: String,
    /// When.
    pub destroyed_at: Timestamp,
    /// Which documents it had, with the digests of what was stored and the commitments to what they said.
    pub documents: Vec<SealedPaper>,
    /// The entry that this is a part of. Filled by the projection.
    pub log_index: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SealedAway {
    pub(super) dossier: DossierId,
    pub(super) kind: String,
    pub(super) adviser: PersonId,
    pub(super) adviser_name: String,
    pub(super) by_name: String,
    pub(super) reason: String,
    pub(super) recipient: String,
    pub(super) papers: Vec<SealedPaper>,
    pub(super) cases: Vec<CaseId>,
    /// The lines of the penalty ledger: they concern the advisers and the month's totals.
    pub(super) lines: Vec<Penalty>,
    /// The last numbers that its forms have in their series: they are not given again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) numbers: BTreeMap<String, u32>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Unsealed {
    pub(super) by_name: String,
    pub(super) until: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Closed {
    pub(super) expired: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Viewed {
    pub(super) part: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) by_name: String,
    pub(super) reason: String,
    pub(super) until: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Destroyed {
    pub(super) certificate: Certificate,
}

/// What is left of a dossier, if it is sealed.
pub fn stub(records: &Records, id: DossierId) -> Result<Option<Stub>, records::Error> {
    records.get(&STUBS, id.as_bytes())
}

/// All sealed dossiers, destroyed ones too, in the order of their ids.
pub fn all(records: &Records) -> impl Iterator<Item = Result<Stub, records::Error>> + '_ {
    records.scan(&STUBS, b"").map(|row| row.map(|(_, stub)| stub))
}

/// The papers of a sealed dossier.
pub fn papers(records: &Records, id: DossierId) -> Result<Vec<SealedPaper>, records::Error> {
    records.scan(&PAPERS, id.as_bytes()).map(|row| row.map(|(_, paper)| paper)).collect()
}

/// The sealed dossier that a document or a case of these 16 bytes belongs to.
pub fn dossier_of(records: &Records, thing: &[u8; 16]) -> Result<Option<DossierId>, records::Error> {
    records.get(&THINGS, thing)
}

/// What remains of a dossier that was destroyed.
pub fn certificate(records: &Records, id: DossierId) -> Result<Option<Certificate>, records::Error> {
    records.get(&CERTIFICATES, id.as_bytes())
}

/// The precondition that nothing happened to the stub meanwhile.
pub(super) fn unchanged(stub: &Stub) -> Result<Batch, records::Error> {
    let mut expected = Batch::new();
    expected.expect(&STUBS, stub.dossier.as_bytes(), stub)?;
    Ok(expected)
}

/// Whatever rows the dossier has, or has not because its key is not there: afterwards they are the same.
fn project_sealed(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let fact: SealedAway = projection.fact()?;
    let id = fact.dossier;
    documents::forget(projection, id)?;
    cases::forget(projection, id)?;
    dossiers::forget(projection, id)?;
    for line in &fact.lines {
        cases::keep(projection, line)?;
    }
    cases::keep_numbers(projection, &fact.numbers)?;
    for case in &fact.cases {
        projection.put(&THINGS, case.as_bytes(), &id)?;
    }
    for paper in &fact.papers {
        projection.put(&THINGS, paper.document.as_bytes(), &id)?;
        projection.put(&PAPERS, &[id.as_bytes().as_slice(), paper.document.as_bytes()].concat(), paper)?;
    }
    let stub = Stub {
        dossier: id,
        kind: fact.kind,
        adviser: fact.adviser,
        adviser_name: fact.adviser_name,
        by: projection.entry.actor,
        by_name: fact.by_name,
        reason: fact.reason,
        at: projection.entry.at,
        log_index: projection.index,
        recipient: fact.recipient,
        documents: fact.papers.len() as u64,
        cases: fact.cases.len() as u64,
        asked: None,
        destroyed: false,
    };
    projection.close(id)?;
    write(projection, &stub)?;
    carry_out(projection, id)
}

fn project_asked(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Ask { by_name, reason, until } = projection.fact()?;
    let (by, at) = (projection.entry.actor, projection.entry.at);
    let stub = about(projection)?;
    write(projection, &Stub { asked: Some(Asked { by, by_name, reason, at, until }), ..stub })
}

fn project_withdrawn(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let stub = about(projection)?;
    write(projection, &Stub { asked: None, ..stub })
}

fn project_destroyed(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Destroyed { mut certificate } = projection.fact()?;
    let id = certificate.dossier;
    certificate.log_index = projection.index;
    let stub = about(projection)?;
    write(projection, &Stub { asked: None, destroyed: true, ..stub })?;
    projection.put(&CERTIFICATES, id.as_bytes(), &certificate)?;
    carry_out(projection, id)
}

fn project_nothing(_: &mut Projection<'_>) -> Result<(), journal::Error> {
    Ok(())
}

fn about(projection: &Projection<'_>) -> Result<Stub, journal::Error> {
    let id = projection.entry.dossier.ok_or(journal::Error::Corrupt)?;
    projection.get(&STUBS, id.as_bytes())?.ok_or(journal::Error::Corrupt)
}

fn write(projection: &mut Projection<'_>, stub: &Stub) -> Result<(), journal::Error> {
    projection.put(&STUBS, stub.dossier.as_bytes(), stub)
}

/// The rows come first; key object, index and caches follow, after a crash too.
fn carry_out(projection: &mut Projection<'_>, dossier: DossierId) -> Result<(), journal::Error> {
    let due = projection.entry.at;
    Ok(queue::enqueue(projection.batch(), &Job::CarryOutSeal { dossier }, due)?)
}
