//! Exporting: a dossier as it is, or as it was at the end of a day, with the proof of every document in it.
//!
//! What is exported leaves the archive in the clear. Who took it is in the log: an entry for the dossier, and one for
//! each document before its first byte goes out.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Archive, Content, Error};
use crate::access::{Action, Permit};
use crate::cases::{self, HistoryItem};
use crate::documents::{self, Document};
use crate::domain::{CaseId, DocumentId, DossierId, PersonId, Sha256Digest, end_of_business_date};
use crate::dossiers;
use crate::journal::{self, Draft, Facts, Projection};
use crate::penalties::Penalty;
use crate::people;
use crate::records::Records;
use crate::workflow::Case;

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("dossier.exported", project_nothing), ("document.exported", project_nothing)];

/// A dossier as it leaves the archive; the documents' bytes are asked for one by one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Export {
    /// The key that proofs and checkpoint are verified with.
    pub verifier_key: String,
    /// The log's signed head, under which everything is proved.
    pub checkpoint: String,
    /// What the archive knows of the dossier.
    pub metadata: Metadata,
    /// A proof for each document, in the order of the documents.
    pub proofs: Vec<DocumentProof>,
}

/// What the archive knows of a dossier.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Metadata {
    /// The archive: the name of its log.
    pub archive: String,
    /// When it was exported.
    pub exported_at: Timestamp,
    /// By whom.
    pub exported_by: String,
    /// The day at whose end it is shown; without one it is shown as it is.
    pub as_of: Option<Date>,
    /// The dossier itself.
    pub dossier: DossierLine,
    /// Its documents, in the order in which they came.
    pub documents: Vec<DocumentLine>,
    /// Its cases.
    pub cases: Vec<CaseLine>,
    /// The lines of the penalty ledger that came from its cases.
    pub penalties: Vec<Penalty>,
}

/// The dossier itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DossierLine {
    /// Its id.
    pub id: DossierId,
    /// Which dossier schema of the pack its facts follow.
    pub kind: String,
    /// The customer's facts.
    pub facts: serde_json::Map<String, serde_json::Value>,
    /// Who keeps the customer.
    pub adviser: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentLine {
    /// Its id.
    pub id: DocumentId,
    /// Where it lies below `data/`; whoever writes the bag says.
    #[serde(default)]
    pub path: String,
    /// Which document kind of the pack it is.
    pub kind: String,
    /// The sender's file name, as it was.
    pub filename: Option<String>,
    /// Found from the content.
    pub media_type: String,
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: Sha256Digest,
    /// The salt of the commitment in its entry, hexadecimal.
    pub salt: Option<String>,
    /// The case that it was handed in for.
    pub case: Option<CaseId>,
    /// When it came.
    pub received_at: Timestamp,
    /// From whom.
    pub received_from: Option<String>,
    /// Its entry in the log.
    pub log_index: u64,
}

/// One case with all that happened to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseLine {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// What happened, in order.
    pub history: Vec<HistoryItem>,
}

/// That a document is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentProof {
    /// The document.
    pub document: DocumentId,
    /// Its entry, byte for byte as the log hashes it.
    pub entry: String,
    /// The inclusion proof, a C2SP tlog-proof.
    pub proof: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Exported {
    as_of: Option<Date>,
    documents: Vec<DocumentId>,
}

impl Archive {
    /// The dossier as it is, or as it was at the end of a day. That it was asked for is in the log when this returns.
    pub async fn export(&self, permit: &Permit, id: DossierId, as_of: Option<Date>) -> Result<Export, Error> {
        if !permit.covers(Action::ExportDossier, id) {
            return Err(Error::NotPermitted);
        }
        let rows = match as_of {
            None => self.records.clone(),
            Some(date) => self.journal.as_of(id, end_of_business_date(date)).await?,
        };
        let documents = documents::of_dossier(&rows, id)?;
        let metadata = self.metadata(permit, &rows, id, as_of, &documents)?;
        let fact = Exported { as_of, documents: documents.iter().map(|document| document.id).collect() };
        let draft = Draft::new("dossier.exported", permit.actor().id, &fact)?;
        self.journal.commit_durably(draft.dossier(id)).await?;
        let indexes: Vec<u64> = documents.iter().map(|document| document.log_index).collect();
        let proved = self.journal.proofs(&indexes)?;
        let proofs = documents.iter().zip(proved.entries).map(|(document, (entry, proof))| DocumentProof {
            document: document.id,
            entry,
            proof,
        });
        Ok(Export {
            verifier_key: self.journal.verifier_key().to_owned(),
            checkpoint: proved.checkpoint,
            metadata,
            proofs: proofs.collect(),
        })
    }

    /// The bytes of one document of a dossier that is exported. That they were taken is in the log before the first one
    /// goes out.
    pub async fn export_content(&self, permit: &Permit, document: &Document) -> Result<Content, Error> {
        if !permit.covers(Action::ExportDossier, document.dossier) {
            return Err(Error::NotPermitted);
        }
        let draft = Draft::new("document.exported", permit.actor().id, &())?;
        self.journal.commit_durably(draft.dossier(document.dossier).document(document.id)).await?;
        self.open_original(document, None).await
    }

    fn metadata(
        &self,
        permit: &Permit,
        rows: &Records,
        id: DossierId,
        as_of: Option<Date>,
        documents: &[Document],
    ) -> Result<Metadata, Error> {
        let dossier = dossiers::get(rows, id)?.ok_or(Error::NotOpenedYet)?;
        let name = |person: PersonId| people::name_of(&self.records, person);
        let mut cases = Vec::new();
        for case in cases::of_dossier(rows, id)? {
            cases.push(CaseLine { history: cases::history(rows, case.id)?, case });
        }
        let mut penalties = cases::account(rows, None, None)?.entries;
        penalties.retain(|line| cases.iter().any(|case| case.case.id == line.case));
        let documents = documents.iter().map(|document| {
            let Document { id, kind, filename, media_type, size_bytes, sha256, salt, .. } = document.clone();
            let Document { case, received_at, log_index, .. } = *document;
            let (path, received_from) = (String::new(), name(document.received_from)?);
            Ok::<_, Error>(DocumentLine {
                id,
                path,
                kind,
                filename,
                media_type,
                size_bytes,
                sha256,
                salt,
                case,
                received_at,
                received_from,
                log_index,
            })
        });
        Ok(Metadata {
            archive: self.journal.verifier_key().split('+').next().unwrap_or_default().to_owned(),
            exported_at: self.clock.now(),
            exported_by: permit.actor().name.clone(),
            as_of,
            documents: documents.collect::<Result<_, Error>>()?,
            cases,
            penalties,
            dossier: DossierLine {
                id,
                adviser: name(dossier.adviser)?,
                kind: dossier.kind,
                facts: dossier.facts,
                opened_at: dossier.opened_at,
            },
        })
    }
}

fn project_nothing(_: &mut Projection<'_>) -> Result<(), journal::Error> {
    Ok(())
}
