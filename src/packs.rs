//! The packs that are in force: which one new cases start on, and every older one that running cases still need.
//!
//! Layer 4. A pack is published by an entry that holds its files, so that a restored archive runs on the very
//! rules that it ran on. What a pack means is [`crate::workflow`]'s business.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::access::{self, Policies};
use crate::domain::{PersonId, Sha256Digest};
use crate::journal::{self, Draft, Facts, Journal, Projection};
use crate::records::{self, Records, Table};
use crate::workflow::{Definition, Pack};

/// Published packs, by hash.
const PACKS: Table<Files> = Table::new("packs");
/// One row: the hash of the pack in force.
const CURRENT: Table<Sha256Digest> = Table::new("packs.current");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("pack.published", project_published)];

/// A pack's files as text, by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Files {
    hash: Sha256Digest,
    files: BTreeMap<String, String>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pack has mistakes: check it.
    #[error("the pack has {count} mistakes; `lantai pack check` lists them")]
    Mistakes {
        /// How many.
        count: usize,
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

    /// Publishes a pack: new cases start on it from now on. A published pack cannot be changed.
    pub async fn publish(&self, by: PersonId, pack: &Pack) -> Result<(), Error> {
        Policies::parse(pack.access_policies())?;
        let text =
            |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).map_err(|_| Error::Mistakes { count: 1 });
        let files = pack.files().iter().map(|(path, bytes)| Ok((path.clone(), text(bytes)?)));
        let files = Files { hash: pack.hash(), files: files.collect::<Result<_, Error>>()? };
        self.journal.commit_durably(Draft::new("pack.published", by, &files)?).await?;
        Ok(())
    }

    /// The pack that is in force.
    pub fn current(&self) -> Result<Arc<InForce>, Error> {
        let hash = self.records.get(&CURRENT, b"")?.ok_or(Error::Unknown)?;
        self.of_hash(hash)
    }

    /// The definition that a case runs on, by its reference, with the pack that it belongs to.
    pub fn definition(
        &self,
        reference: &str,
        workflow: &str,
    ) -> Result<(Arc<InForce>, Arc<Definition>), Error> {
        let current = self.current()?;
        if let Some(definition) =
            current.pack.definition(workflow).filter(|found| found.reference() == reference)
        {
            return Ok((Arc::clone(&current), Arc::clone(definition)));
        }
        for row in self.records.scan(&PACKS, b"") {
            let in_force = self.of_hash(row?.1.hash)?;
            if let Some(definition) =
                in_force.pack.definition(workflow).filter(|found| found.reference() == reference)
            {
                return Ok((Arc::clone(&in_force), Arc::clone(definition)));
            }
        }
        Err(Error::Unknown)
    }

    /// The pack whose calendar counts for cases on a definition of `own`: the one in force if it has a calendar of the same
    /// name, else their own. Rules stay as a case began with them; which days are worked is a fact about the world.
    pub fn counting(&self, own: &Arc<InForce>) -> Result<Arc<InForce>, Error> {
        let current = self.current()?;
        let same = current.pack.calendar().id == own.pack.calendar().id;
        Ok(if same { current } else { Arc::clone(own) })
    }

    fn of_hash(&self, hash: Sha256Digest) -> Result<Arc<InForce>, Error> {
        if let Some(read) = self.read.read().unwrap_or_else(PoisonError::into_inner).get(&hash) {
            return Ok(Arc::clone(read));
        }
        let files = self.records.get(&PACKS, hash.as_bytes())?.ok_or(Error::Unknown)?;
        let files = files.files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
        let pack = Pack::load(&files).map_err(|findings| Error::Mistakes { count: findings.len() })?;
        let policies = Policies::parse(pack.access_policies())?;
        let in_force = Arc::new(InForce { pack, policies });
        self.read.write().unwrap_or_else(PoisonError::into_inner).insert(hash, Arc::clone(&in_force));
        Ok(in_force)
    }
}

fn project_published(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let files: Files = projection.fact()?;
    projection.put(&CURRENT, b"", &files.hash)?;
    projection.put(&PACKS, files.hash.as_bytes(), &files)
}
