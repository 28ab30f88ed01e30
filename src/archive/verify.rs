//! Verifying: every object against its digest, the records against the log, the log against its checkpoint.
//!
//! It collects all problems and goes on; the caller's exit code tells whether there were any.

use std::collections::HashSet;

use futures::StreamExt;
use serde::Serialize;

use super::{Archive, Error};
use crate::documents::{self, Document};
use crate::domain::{DocumentId, DossierId, Fingerprint, Sha256Digest};
use crate::objects::{ErrorKind, Key, Prefix};
use crate::sealing;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Presence and size of every object; the log entry by entry.
    Quick,
    /// Every byte: sealed digests, opened originals, a fresh replay of the log.
    Full,
}

/// What is wrong. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// A document's original is not in the store.
    OriginalMissing,
    /// A document's original has another length or digest than the log says.
    OriginalChanged,
    /// A document's original is as sealed but does not open to what was fingerprinted.
    OriginalUnreadable,
    /// The text of a document that was read is not in the store, or is not what was stored.
    TextDamaged,
    /// An object that no entry speaks of: left by an interrupted upload.
    Orphan,
    /// An object whose name is none of ours.
    Foreign,
    /// A dossier's key is missing or does not open.
    KeyDamaged,
    /// The archive's own key opens the key of a sealed dossier.
    SealBroken,
    /// The log in the bucket is damaged.
    LogDamaged,
    /// The log in the bucket is not the one that the records were made from.
    LogDiverged,
    /// The checkpoint in the bucket was an older one than was published, and has been put right.
    LogRolledBack,
    /// A row is not what a fresh replay of the log makes.
    RecordDiffers,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What.
    pub code: ProblemCode,
    /// Where: an object's path or an id.
    pub subject: String,
}

/// What verifying found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Documents looked at.
    pub documents: u64,
    /// Objects seen in the store.
    pub objects: u64,
    /// Entries in the log.
    pub entries: u64,
    /// All that is wrong.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Notes a problem.
    pub fn add(&mut self, code: ProblemCode, subject: impl ToString) {
        self.problems.push(Problem { code, subject: subject.to_string() });
    }
}

impl Archive {
    /// Looks at everything; `progress` is told how many of how many documents are done.
    pub async fn verify(&self, depth: Depth, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Report, Error> {
        let mut report = Report::default();
        let known = self.verify_names(&mut report).await?;
        let documents: Vec<Document> = documents::all(&self.records).collect::<Result<_, _>>()?;
        let total = documents.len() as u64;
        for document in documents {
            self.verify_document(&document, depth, &known, &mut report).await?;
            report.documents += 1;
            progress(report.documents, total);
        }
        for stub in sealing::all(&self.records) {
            let stub = stub?;
            if !stub.destroyed {
                self.verify_sealed(stub.dossier, depth, &known, &mut report).await?;
            }
        }
        Ok(report)
    }

    /// Looks at a sealed dossier as far as one can without its key. Of a destroyed one nothing is missed; what is left of it
    /// is an orphan.
    async fn verify_sealed(
        &self,
        dossier: DossierId,
        depth: Depth,
        known: &HashSet<String>,
        report: &mut Report,
    ) -> Result<(), Error> {
        match self.keys.archive_opens(dossier).await {
            Ok(Some(false)) => {}
            Ok(Some(true)) => report.add(ProblemCode::SealBroken, Key::DossierKey(dossier).path()),
            Ok(None) => report.add(ProblemCode::KeyDamaged, Key::DossierKey(dossier).path()),
            Err(error) => return Err(error.into()),
        }
        for paper in sealing::papers(&self.records, dossier)? {
            let key = Key::Original { dossier, document: paper.document };
            let intact = match depth {
                Depth::Quick => self.objects.head(&key).await? == Some(paper.sealed_size_bytes),
                Depth::Full => self.stored_digest(&key).await? == Some(paper.sealed_sha256),
            };
            if !known.contains(&key.path()) {
                report.add(ProblemCode::OriginalMissing, key.path());
            } else if !intact {
                report.add(ProblemCode::OriginalChanged, key.path());
            }
            self.verify_text((dossier, paper.document), paper.text_sha256, depth, known, report).await?;
        }
        Ok(())
    }

    /// Lists the store: which objects are there, which are nobody's.
    async fn verify_names(&self, report: &mut Report) -> Result<HashSet<String>, Error> {
        let mut known = HashSet::new();
        for listed in self.objects.list(Prefix::All).await? {
            report.objects += 1;
            if listed.key.is_none() {
                report.add(ProblemCode::Foreign, &listed.path);
            } else if self.orphan(&listed)?.is_some() {
                report.add(ProblemCode::Orphan, &listed.path);
            }
            known.insert(listed.path);
        }
        Ok(known)
    }

    async fn verify_document(
        &self,
        document: &Document,
        depth: Depth,
        known: &HashSet<String>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let key = Key::Original { dossier: document.dossier, document: document.id };
        if !known.contains(&key.path()) {
            report.add(ProblemCode::OriginalMissing, key.path());
            return Ok(());
        }
        if self.identity(document.dossier).await.is_err() {
            report.add(ProblemCode::KeyDamaged, Key::DossierKey(document.dossier).path());
            return Ok(());
        }
        let intact = match depth {
            Depth::Quick => self.objects.head(&key).await? == Some(document.sealed_size_bytes),
            Depth::Full => self.stored_digest(&key).await? == Some(document.sealed_sha256),
        };
        if !intact {
            report.add(ProblemCode::OriginalChanged, key.path());
        } else if depth == Depth::Full && !self.opens_whole(document).await {
            report.add(ProblemCode::OriginalUnreadable, key.path());
        }
        let text = document.reading.as_ref().and_then(|reading| reading.text_sha256);
        self.verify_text((document.dossier, document.id), text, depth, known, report).await
    }

    async fn verify_text(
        &self,
        (dossier, document): (DossierId, DocumentId),
        expected: Option<Sha256Digest>,
        depth: Depth,
        known: &HashSet<String>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let Some(expected) = expected else { return Ok(()) };
        let key = Key::Text { dossier, document };
        let there = known.contains(&key.path());
        if !there || (depth == Depth::Full && self.stored_digest(&key).await? != Some(expected)) {
            report.add(ProblemCode::TextDamaged, key.path());
        }
        Ok(())
    }

    async fn stored_digest(&self, key: &Key) -> Result<Option<Sha256Digest>, Error> {
        let mut object = match self.objects.get(key).await {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut fingerprint = Fingerprint::new();
        while let Some(chunk) = object.stream.next().await {
            match chunk {
                Ok(chunk) => fingerprint.update(&chunk),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(fingerprint.finish()))
    }

    async fn opens_whole(&self, document: &Document) -> bool {
        let Ok(mut content) = self.open_original(document, None).await else { return false };
        while let Some(piece) = content.next().await {
            if piece.is_err() {
                return false;
            }
        }
        true
    }
}
