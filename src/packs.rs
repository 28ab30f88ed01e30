//! The packs that are in force: which one new cases start on, and every older one that running cases still need.
//!
//! Layer 4. A pack is published by an entry that holds its files, so that a restored archive runs on the very
//! rules that it ran on. What a pack means is [`crate::workflow`]'s business; what may be published, [`publish`]'s.

mod publish;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::{self, Action, Policies};
use crate::domain::{PersonId, Sha256Digest};
use crate::journal::{self, Facts, Journal, Projection};
use crate::records::{self, Records, Table};
use crate::workflow::{Definition, DocumentKind, Finding, Pack, Title};

pub use publish::{Published, RoleGone};

/// Published packs, by hash.
const PACKS: Table<Files> = Table::new("packs");
/// One row: the hash of the pack in force.
const CURRENT: Table<Sha256Digest> = Table::new("packs.current");
/// When each was published and by whom, by the entry's index (8 bytes, big-endian).
const PUBLISHED: Table<Publication> = Table::new("packs.published");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("pack.published", project_published)];

/// A pack's files as text, by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Files {
    hash: Sha256Digest,
    files: BTreeMap<String, String>,
}

/// That a pack was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The pack's hash.
    pub hash: Sha256Digest,
    /// When.
    pub at: Timestamp,
    /// By whom; the archive itself stands for whoever holds the data folder.
    pub by: PersonId,
    /// Why, or what is new.
    pub note: Option<String>,
}

/// The payload of `pack.published`.
#[derive(Serialize, Deserialize)]
struct Fact {
    #[serde(flatten)]
    files: Files,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The permit is for something else.
    #[error("the permit does not cover this")]
    NotPermitted,
    /// The pack has mistakes; warnings are among the findings.
    #[error("the pack has {} findings; `lantai pack check` lists them", .0.len())]
    Findings(Vec<Finding>),
    /// The pack has warnings, and nobody has said why it is published all the same.
    #[error("the pack has {} warnings: say in a note why it is published all the same", .0.len())]
    Unexplained(Vec<Finding>),
    /// The version is published already, with other content.
    #[error("{id} {version} is published already, with other content: give the pack another version")]
    PackTaken {
        /// The pack.
        id: String,
        /// Its version.
        version: String,
    },
    /// A definition's version is published already, with other content.
    #[error("the workflow {id} {version} is published already, with other content: give it another version")]
    DefinitionTaken {
        /// The definition.
        id: String,
        /// Its version.
        version: String,
    },
    /// By the new policies nobody could do this any more.
    #[error("by the pack's access policies nobody who can sign in may do {} any more", .0.name())]
    LockedOut(Action),
    /// The note is too long.
    #[error("a note has at most {limit} characters")]
    LongNote {
        /// The most characters.
        limit: usize,
    },
    /// The pack's access policies cannot be used.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// There is no pack in force, or a case runs on one that is not known.
    #[error("the pack is not known")]
    Unknown,
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
}

/// A pack in force, with its policies read.
pub struct InForce {
    /// The pack.
    pub pack: Pack,
    /// Its access policies.
    pub policies: Policies,
}

impl InForce {
    fn with_reference(&self, workflow: &str, reference: &str) -> Option<Arc<Definition>> {
        self.pack.definition(workflow).filter(|found| found.reference() == reference).map(Arc::clone)
    }
}

/// The packs of an archive. Cloning shares what has been read.
#[derive(Clone)]
pub struct Packs {
    records: Records,
    journal: Journal,
    read: Arc<RwLock<HashMap<Sha256Digest, Arc<InForce>>>>,
}

impl Packs {
    /// The packs in these records.
    pub fn new(records: Records, journal: Journal) -> Self {
        Self { records, journal, read: Arc::default() }
    }

    /// The pack that is in force.
    pub fn current(&self) -> Result<Arc<InForce>, Error> {
        let hash = self.records.get(&CURRENT, b"")?.ok_or(Error::Unknown)?;
        self.of_hash(hash)
    }

    /// The definition that a case runs on, by its reference, with the newest pack that has it: its calendar counts.
    pub fn definition(
        &self,
        reference: &str,
        workflow: &str,
    ) -> Result<(Arc<InForce>, Arc<Definition>), Error> {
        let current = self.current()?;
        if let Some(definition) = current.with_reference(workflow, reference) {
            return Ok((current, definition));
        }
        for (_, published) in self.publications()?.into_iter().rev() {
            let in_force = self.of_hash(published.hash)?;
            if let Some(definition) = in_force.with_reference(workflow, reference) {
                return Ok((in_force, definition));
            }
        }
        let mut all = self.all()?.into_iter();
        let found =
            all.find_map(|found| Some((Arc::clone(&found), found.with_reference(workflow, reference)?)));
        found.ok_or(Error::Unknown)
    }

    /// The pack whose calendar counts for cases on a definition of `own`: the one in force if it has a calendar of the same
    /// name, else their own. Rules stay as a case began with them; which days are worked is a fact about the world.
    pub fn counting(&self, own: &Arc<InForce>) -> Result<Arc<InForce>, Error> {
        let current = self.current()?;
        let same = current.pack.calendar().id == own.pack.calendar().id;
        Ok(if same { current } else { Arc::clone(own) })
    }

    /// The definition of this version, with the newest pack that has it.
    pub fn version(&self, workflow: &str, version: &str) -> Result<(Arc<InForce>, Arc<Definition>), Error> {
        let has = |pack: &Pack| pack.definition(workflow).is_some_and(|found| found.version == version);
        let found = self.all()?.into_iter().find(|found| has(&found.pack)).ok_or(Error::Unknown)?;
        let definition = found.pack.definition(workflow).map(Arc::clone).ok_or(Error::Unknown)?;
        Ok((found, definition))
    }

    /// Every published pack, the one in force first, then from the newest to the oldest.
    pub fn all(&self) -> Result<Vec<Arc<InForce>>, Error> {
        let mut seen = BTreeSet::new();
        let current = self.records.get(&CURRENT, b"")?;
        let newest = self.publications()?.into_iter().rev().map(|(_, published)| published.hash);
        let kept = self.records.scan(&PACKS, b"").map(|row| row.map(|(_, files)| files.hash));
        let kept: Vec<Sha256Digest> = kept.collect::<Result<_, _>>()?;
        let hashes = current.into_iter().chain(newest).chain(kept).filter(|hash| seen.insert(*hash));
        hashes.map(|hash| self.of_hash(hash)).collect()
    }

    /// What was published, in order, each with the entry's index.
    pub fn publications(&self) -> Result<Vec<(u64, Publication)>, Error> {
        let index = |key: &[u8]| key.try_into().map(u64::from_be_bytes).unwrap_or_default();
        let rows = self.records.scan(&PUBLISHED, b"").map(|row| row.map(|(key, found)| (index(&key), found)));
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a kind of document is, by the newest pack that knows it: papers outlive the pack that they came under.
    pub fn document_kind(&self, kind: &str) -> Result<Option<DocumentKind>, Error> {
        if let Some(found) = self.current()?.pack.document_kinds().get(kind) {
            return Ok(Some(found.clone()));
        }
        Ok(self.all()?.iter().find_map(|found| found.pack.document_kinds().get(kind).cloned()))
    }

    /// Every kind of document that a pack has ever had.
    pub fn document_kinds(&self) -> Result<BTreeMap<String, DocumentKind>, Error> {
        let mut kinds = BTreeMap::new();
        for found in self.all()? {
            for (name, kind) in found.pack.document_kinds() {
                kinds.entry(name.clone()).or_insert_with(|| kind.clone());
            }
        }
        Ok(kinds)
    }

    /// Whether documents of this kind are contracts.
    pub fn is_contract(&self, kind: &str) -> bool {
        self.document_kind(kind).is_ok_and(|found| found.is_some_and(|found| found.is_contract()))
    }

    /// What a role is called, by the newest pack that knows it.
    pub fn role_title(&self, role: &str) -> Result<Option<Title>, Error> {
        if let Some(found) = self.current()?.pack.roles().get(role) {
            return Ok(Some(found.clone()));
        }
        Ok(self.all()?.iter().find_map(|found| found.pack.roles().get(role).cloned()))
    }

    /// The pack of this hash.
    pub fn of_hash(&self, hash: Sha256Digest) -> Result<Arc<InForce>, Error> {
        if let Some(read) = self.read.read().unwrap_or_else(PoisonError::into_inner).get(&hash) {
            return Ok(Arc::clone(read));
        }
        let files = self.records.get(&PACKS, hash.as_bytes())?.ok_or(Error::Unknown)?;
        let files = files.files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
        let pack = Pack::reopen(&files).map_err(Error::Findings)?;
        let policies = Policies::parse(pack.access_policies())?;
        let in_force = Arc::new(InForce { pack, policies });
        self.read.write().unwrap_or_else(PoisonError::into_inner).insert(hash, Arc::clone(&in_force));
        Ok(in_force)
    }
}

fn project_published(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Fact { files, note } = projection.fact()?;
    projection.put(&CURRENT, b"", &files.hash)?;
    let (at, by) = (projection.entry.at, projection.entry.actor);
    let publication = Publication { hash: files.hash, at, by, note };
    projection.put(&PUBLISHED, &projection.index.to_be_bytes(), &publication)?;
    projection.put(&PACKS, files.hash.as_bytes(), &files)
}
