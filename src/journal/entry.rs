//! What an entry says in the open: who did what kind of thing to which ids, when; and digests that bind the rest.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Error;
use crate::domain::{CaseId, DocumentId, DossierId, PersonId, Sha256Digest};
use crate::records::{Batch, Records};

/// The version of the entry's form.
const VERSION: u32 = 1;

/// The longest entry in bytes: C2SP tlog-tiles gives an entry's length 16 bits.
const ENTRY_LIMIT_BYTES: usize = 65_535;

/// The readable part of one line of the log, kept as RFC 8785 canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this form.
    pub v: u32,
    /// What happened, `subject.verb`.
    pub kind: String,
    /// When it was committed.
    pub at: Timestamp,
    /// Who did it.
    pub actor: PersonId,
    /// The dossier it is about; then the payload is sealed under that dossier's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dossier: Option<DossierId>,
    /// The document it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentId>,
    /// The case it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// The object that was stored because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// Whose key the payload is sealed to, if not its dossier's: an entry about a dossier that is sealed must be readable
    /// without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_key: Option<PayloadKey>,
    /// SHA-256 of the sealed payload.
    pub payload: Sha256Digest,
}

/// A key that payloads are sealed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayloadKey {
    /// The journal's own.
    Journal,
}

/// An object as it lies in the store: checkable without any key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Its path in the bucket.
    pub path: String,
    /// SHA-256 of the stored (sealed) bytes.
    pub sha256: Sha256Digest,
    /// Length of the stored bytes.
    pub size_bytes: u64,
    /// SHA-256 over a random salt (in the payload) and the plaintext's SHA-256: commits to the content, tells nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<Sha256Digest>,
}

impl Entry {
    /// The dossier whose key the payload is sealed to; `None`: it is the journal's own.
    pub fn sealed_under(&self) -> Option<DossierId> {
        self.dossier.filter(|_| self.payload_key.is_none())
    }

    /// The canonical JSON that the log hashes.
    pub fn to_canonical(&self) -> Result<String, Error> {
        let text = serde_json_canonicalizer::to_string(self).map_err(|_| Error::Corrupt)?;
        if text.len() > ENTRY_LIMIT_BYTES { Err(Error::TooLarge) } else { Ok(text) }
    }

    /// The entry that canonical JSON says.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let entry: Self = serde_json::from_str(text).map_err(|_| Error::Corrupt)?;
        if entry.v == VERSION { Ok(entry) } else { Err(Error::Corrupt) }
    }
}

/// A change that is about to be committed.
pub struct Draft {
    pub(super) kind: &'static str,
    pub(super) actor: PersonId,
    pub(super) dossier: Option<DossierId>,
    pub(super) document: Option<DocumentId>,
    pub(super) case: Option<CaseId>,
    pub(super) object: Option<ObjectRef>,
    pub(super) payload_key: Option<PayloadKey>,
    pub(super) fact: Value,
    pub(super) expected: Batch,
    pub(super) still: Option<Box<Still>>,
}

/// Whether what a decision rests on still holds. It is asked while nothing else can be committed, and must not wait.
pub(super) type Still = dyn Fn(&Records) -> Result<bool, Error> + Send + Sync;

impl Draft {
    /// `actor` does the thing of this kind; `fact` is everything that the projection needs, sealed in the log.
    pub fn new<F: Serialize>(kind: &'static str, actor: PersonId, fact: &F) -> Result<Self, Error> {
        let fact = serde_json::to_value(fact).map_err(|_| Error::Corrupt)?;
        let (dossier, document, case, object, payload_key) = (None, None, None, None, None);
        let (expected, still) = (Batch::new(), None);
        Ok(Self { kind, actor, dossier, document, case, object, payload_key, fact, expected, still })
    }

    /// Adds a member to the fact: what another module makes rows of.
    ///
    /// # Errors
    ///
    /// The fact has no members, or has this one.
    pub fn with<M: Serialize>(mut self, name: &str, member: &M) -> Result<Self, Error> {
        let member = serde_json::to_value(member).map_err(|_| Error::Corrupt)?;
        let members = self.fact.as_object_mut().ok_or(Error::Corrupt)?;
        match members.insert(name.to_owned(), member) {
            None => Ok(self),
            Some(_) => Err(Error::Corrupt),
        }
    }

    /// It is about this dossier.
    pub fn dossier(mut self, dossier: DossierId) -> Self {
        self.dossier = Some(dossier);
        self
    }

    /// It is about this document.
    pub fn document(mut self, document: DocumentId) -> Self {
        self.document = Some(document);
        self
    }

    /// It is about this case.
    pub fn case(mut self, case: CaseId) -> Self {
        self.case = Some(case);
        self
    }

    /// Because of it this object was stored.
    pub fn object(mut self, object: ObjectRef) -> Self {
        self.object = Some(object);
        self
    }

    /// Its payload is sealed to the journal's own key, although it is about a dossier.
    pub fn under_journal(mut self) -> Self {
        self.payload_key = Some(PayloadKey::Journal);
        self
    }

    /// A precondition that no single row says: [`Error::Conflict`] if it does not hold.
    pub fn if_still(
        mut self,
        still: impl Fn(&Records) -> Result<bool, Error> + Send + Sync + 'static,
    ) -> Self {
        self.still = Some(Box::new(still));
        self
    }

    /// Preconditions: the batch may hold expectations only.
    pub fn expecting(mut self, expected: Batch) -> Self {
        self.expected = expected;
        self
    }

    pub(super) fn entry(&self, at: Timestamp, payload: Sha256Digest) -> Entry {
        Entry {
            v: VERSION,
            kind: self.kind.to_owned(),
            at,
            actor: self.actor,
            dossier: self.dossier,
            document: self.document,
            case: self.case,
            object: self.object.clone(),
            payload_key: self.payload_key,
            payload,
        }
    }
}
