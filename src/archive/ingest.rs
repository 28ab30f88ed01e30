//! Taking a document in: fingerprint, seal, put, record, publish. One stream, a few parts of memory.

use std::io;
use std::sync::PoisonError;

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::passing::{Demands, Passed, Passing};
use super::{Archive, Error, Refused};
use crate::access::{Action, Permit};
use crate::documents::{self, Document, PartOf, ReadingResult, Received};
use crate::domain::{CaseId, DocumentId, DossierId, Sha256Digest};
use crate::journal::{self, Draft, ObjectRef};
use crate::objects::{Body, Key, Stored};
use crate::reading;
use crate::records::Batch;
use crate::vault::Sealed;

/// What is said of a document when it is handed in.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// Where it belongs.
    pub dossier: DossierId,
    /// The case that it is handed in for.
    pub case: Option<CaseId>,
    /// Which document kind of the pack it is; the caller has checked it.
    pub kind: String,
    /// The sender's file name.
    pub filename: Option<String>,
    /// The digest that the sender computed.
    pub digest: Option<Sha256Digest>,
    /// The sender's key for this upload: the same key again gives the same document.
    pub idempotency_key: Option<String>,
    /// The stack that it is a part of.
    pub part_of: Option<PartOf>,
}

/// A document that is in the archive, durably.
#[derive(Debug, Clone)]
pub struct Ingested {
    /// The document.
    pub document: Document,
    /// Whether it was here already, under the same idempotency key.
    pub repeated: bool,
}

impl Archive {
    /// Takes a document in. When this returns `Ok`, original and entry are durable in the object store.
    ///
    /// On any error nothing was acknowledged; content that broke off or was refused leaves nothing behind.
    pub async fn ingest<S>(&self, permit: &Permit, new: NewDocument, content: S) -> Result<Ingested, Error>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let ingested = self.ingest_undurably(permit, new, content).await?;
        self.journal.published(ingested.document.log_index).await?;
        Ok(ingested)
    }

    /// The same without waiting until the entry is published: the caller commits more and waits for the last entry.
    pub async fn ingest_undurably<S>(
        &self,
        permit: &Permit,
        new: NewDocument,
        content: S,
    ) -> Result<Ingested, Error>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        if !permit.covers(Action::AddDocument, new.dossier) {
            return Err(Error::NotPermitted);
        }
        if let Some(document) = self.already_sent(permit, &new)? {
            return self.repeat(document, &new, content).await;
        }
        let id: DocumentId = self.clock.new_id();
        let (stored, passed) = self.store(id, &new, content).await?;
        self.record(permit, id, &new, stored, passed).await
    }

    fn already_sent(&self, permit: &Permit, new: &NewDocument) -> Result<Option<Document>, Error> {
        let Some(key) = &new.idempotency_key else { return Ok(None) };
        Ok(documents::sent(&self.records, &documents::sent_key(&self.lookup, permit.actor().id, key))?)
    }

    /// The same key again: the same content is the same document, other content is a mistake of the sender.
    async fn repeat<S>(&self, document: Document, new: &NewDocument, content: S) -> Result<Ingested, Error>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let (mut passing, passed) = Passing::new(content, self.demands(new));
        while let Some(chunk) = passing.next().await {
            if chunk.is_err() {
                break;
            }
        }
        let passed = passed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(refused) = passed.refused {
            return Err(refused.into());
        }
        let same = passed.fingerprint.finish() == document.sha256 && document.dossier == new.dossier;
        if same { Ok(Ingested { document, repeated: true }) } else { Err(Error::KeyReused) }
    }

    async fn store<S>(&self, id: DocumentId, new: &NewDocument, content: S) -> Result<(Stored, Passed), Error>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let recipient = self.identity(new.dossier).await?.recipient();
        let (passing, passed) = Passing::new(content, self.demands(new));
        let sealed = Sealed::stream(&[recipient], passing).map_err(|_| Refused::Broken)?;
        let head = sealed.head_sha256();
        let key = Key::Original { dossier: new.dossier, document: id };
        let stored = self.objects.put(&key, Body::Sealed(sealed)).await;
        let passed = passed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (stored, passed.refused) {
            (Ok(stored), None) => Ok((stored, Passed { sealed_head: head, ..passed })),
            (_, Some(refused)) => Err(refused.into()),
            (Err(error), None) => Err(error.into()),
        }
    }

    async fn record(
        &self,
        permit: &Permit,
        id: DocumentId,
        new: &NewDocument,
        stored: Stored,
        passed: Passed,
    ) -> Result<Ingested, Error> {
        let mut document = self.document(permit, id, new, &stored, passed);
        let draft = self.draft(permit, &document, new)?;
        match self.journal.commit(draft).await {
            Ok(index) => {
                document.log_index = index;
                Ok(Ingested { document, repeated: false })
            }
            Err(error) => {
                // Nothing points to the object, unless the entry was made all the same.
                let key = Key::Original { dossier: new.dossier, document: id };
                if !error.is_certain() || self.objects.delete(&key).await.is_err() {
                    self.objects.leave_behind();
                }
                match (error, self.already_sent(permit, new)?) {
                    (journal::Error::Conflict, Some(other)) if other.sha256 == document.sha256 => {
                        Ok(Ingested { document: other, repeated: true })
                    }
                    (journal::Error::Conflict, Some(_)) => Err(Error::KeyReused),
                    (error, _) => Err(error.into()),
                }
            }
        }
    }

    fn document(
        &self,
        permit: &Permit,
        id: DocumentId,
        new: &NewDocument,
        stored: &Stored,
        passed: Passed,
    ) -> Document {
        let media_type = reading::media_type(&passed.head);
        Document {
            id,
            dossier: new.dossier,
            case: new.case,
            kind: new.kind.clone(),
            filename: new.filename.clone(),
            media_type: media_type.as_str().to_owned(),
            size_bytes: passed.fingerprint.size_bytes(),
            sha256: passed.fingerprint.finish(),
            sealed_sha256: stored.sha256,
            sealed_size_bytes: stored.size_bytes,
            sealed_head_sha256: passed.sealed_head,
            received_from: permit.actor().id,
            received_at: self.clock.now(),
            log_index: 0,
            reading: (!media_type.is_readable()).then(ReadingResult::unsupported),
            part_of: new.part_of.clone(),
            salt: None,
        }
    }

    fn draft(&self, permit: &Permit, document: &Document, new: &NewDocument) -> Result<Draft, Error> {
        let salt: [u8; 16] = self.clock.random_bytes();
        let commitment = Sha256Digest::of(&[salt.as_slice(), document.sha256.as_bytes()].concat());
        let object = ObjectRef {
            path: Key::Original { dossier: document.dossier, document: document.id }.path(),
            sha256: document.sealed_sha256,
            size_bytes: document.sealed_size_bytes,
            commitment: Some(commitment),
        };
        let fact = Received {
            document: document.clone(),
            salt: hex::encode(salt),
            idempotency_key: new.idempotency_key.clone(),
        };
        let mut expected = Batch::new();
        if let Some(key) = &new.idempotency_key {
            documents::expect_not_sent(
                &mut expected,
                &documents::sent_key(&self.lookup, permit.actor().id, key),
            );
        }
        let draft =
            Draft::new("document.received", permit.actor().id, &fact)?.object(object).expecting(expected);
        let draft = draft.dossier(document.dossier).document(document.id);
        Ok(match document.case {
            Some(case) => draft.case(case),
            None => draft,
        })
    }

    fn demands(&self, new: &NewDocument) -> Demands {
        Demands { limit_bytes: self.limits.document_bytes, digest: new.digest }
    }
}
