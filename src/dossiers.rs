//! Dossiers: everything about one customer. Here are the facts; documents and cases point to them.
//!
//! Layer 4. A dossier has a key of its own, made before anything is written about it. Its facts are checked
//! against the pack's schema by the caller; this module keeps them.

mod grants;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access::{Action, Granted, Permit, Subject};
use crate::clock::Clock;
use crate::domain::{Actor, DossierId, PersonId};
use crate::journal::{self, Draft, Facts, Journal, Projection};
use crate::keys::{self, Keys};
use crate::queue::{self, Job};
use crate::records::{self, Batch, Records, Table};

pub use grants::{Grant, end_of_case, grant, grants_of, running_grants};

const DOSSIERS: Table<Dossier> = Table::new("dossiers");
/// Dossiers by who keeps them: person, dossier.
const KEPT: Table<DossierId> = Table::new("dossiers.kept");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("dossier.opened", project_opened)];

/// Everything about one customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dossier {
    /// Its id.
    pub id: DossierId,
    /// Which dossier schema of the pack its facts follow.
    pub kind: String,
    /// The customer's facts.
    pub facts: Map<String, Value>,
    /// Who keeps the customer.
    pub adviser: PersonId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The public half of its key. Dossiers of the first archives do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
}

impl Dossier {
    /// The dossier as the subject of a permit, for whoever was granted nothing.
    pub fn subject(&self) -> Subject {
        Subject::Dossier { id: self.id, adviser: self.adviser, granted: Granted::No }
    }

    /// The customer's name, if the facts have one.
    pub fn name(&self) -> &str {
        self.facts.get("name").and_then(Value::as_str).unwrap_or_default()
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The permit is not one to open dossiers.
    #[error("the permit does not cover this")]
    NotPermitted,
    /// The dossier's key could not be made.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
}

/// The dossiers of an archive.
#[derive(Clone)]
pub struct Dossiers {
    records: Records,
    journal: Journal,
    keys: Keys,
    clock: Clock,
}

impl Dossiers {
    /// The dossiers in these records.
    pub fn new(records: Records, journal: Journal, keys: Keys, clock: Clock) -> Self {
        Self { records, journal, keys, clock }
    }

    /// Opens a dossier. `facts` have been checked against the schema of `kind`.
    pub async fn open(
        &self,
        permit: &Permit,
        kind: &str,
        facts: Map<String, Value>,
        adviser: PersonId,
    ) -> Result<Dossier, Error> {
        if !permit.covers_archive(Action::OpenDossier) {
            return Err(Error::NotPermitted);
        }
        let (id, opened_at) = (self.clock.new_id(), self.clock.now());
        let recipient = Some(self.keys.create(id).await?.recipient().to_string());
        let dossier = Dossier { id, kind: kind.to_owned(), facts, adviser, opened_at, recipient };
        let draft = Draft::new("dossier.opened", permit.actor().id, &dossier)?.dossier(id);
        // The key of a dossier that did not come to be is left for the next sweep.
        self.journal.commit_durably(draft).await.inspect_err(|_| self.keys.leave_behind())?;
        Ok(dossier)
    }

    /// The dossier of this id.
    pub fn get(&self, id: DossierId) -> Result<Option<Dossier>, Error> {
        Ok(self.records.get(&DOSSIERS, id.as_bytes())?)
    }

    /// The dossiers that a person keeps, or was granted to look at, in the order of their ids.
    pub fn within_reach(&self, person: PersonId) -> Result<Vec<DossierId>, Error> {
        let kept = self.records.scan(&KEPT, person.as_bytes()).map(|row| row.map(|(_, id)| id));
        let mut reach: Vec<DossierId> = kept.collect::<Result<_, _>>()?;
        reach.extend(grants::granted_to(&self.records, person, self.clock.now())?);
        reach.sort_unstable();
        reach.dedup();
        Ok(reach)
    }

    /// A dossier as the subject of what this actor asks for: with what they were granted.
    pub fn subject_for(&self, dossier: &Dossier, actor: &Actor) -> Result<Subject, Error> {
        Ok(subject_for(&self.records, dossier, actor, self.clock.now())?)
    }

    /// All dossiers.
    pub fn all(&self) -> impl Iterator<Item = Result<Dossier, records::Error>> + '_ {
        self.records.scan(&DOSSIERS, b"").map(|row| row.map(|(_, dossier)| dossier))
    }

    /// Dossiers in the order of their ids, from after `after` on, at most `limit`.
    pub fn list(&self, after: Option<DossierId>, limit: usize) -> Result<Vec<Dossier>, Error> {
        let start = after.map(|id| [id.as_bytes().as_slice(), &[0]].concat()).unwrap_or_default();
        let rows = self.records.scan_from(&DOSSIERS, b"", &start).take(limit);
        Ok(rows.map(|row| row.map(|(_, dossier)| dossier)).collect::<Result<_, _>>()?)
    }
}

/// A dossier as the subject of what this actor asks for at an instant: with what they were granted.
pub fn subject_for(
    records: &Records,
    dossier: &Dossier,
    actor: &Actor,
    now: Timestamp,
) -> Result<Subject, records::Error> {
    let granted = grants::granted(records, dossier.id, actor.id, now)?;
    Ok(Subject::Dossier { id: dossier.id, adviser: dossier.adviser, granted })
}

/// The ids of all dossiers.
pub fn ids(records: &Records) -> impl Iterator<Item = Result<DossierId, records::Error>> + '_ {
    records.scan(&DOSSIERS, b"").map(|row| row.map(|(_, dossier)| dossier.id))
}

/// How many dossiers there are.
pub fn count(records: &Records) -> Result<u64, records::Error> {
    records.count(&DOSSIERS, b"")
}

/// Whether there is a dossier of this id.
pub fn exists(records: &Records, id: DossierId) -> Result<bool, records::Error> {
    records.contains(&DOSSIERS, id.as_bytes())
}

/// The dossier of this id in these records.
pub fn get(records: &Records, id: DossierId) -> Result<Option<Dossier>, records::Error> {
    records.get(&DOSSIERS, id.as_bytes())
}

/// The precondition that the dossier is as it was read.
pub fn unchanged(expected: &mut Batch, dossier: &Dossier) -> Result<(), records::Error> {
    expected.expect(&DOSSIERS, dossier.id.as_bytes(), dossier)
}

/// Sets facts of a dossier; that its schema allows them was asked before.
pub fn set_facts(
    projection: &mut Projection<'_>,
    id: DossierId,
    facts: &Map<String, Value>,
) -> Result<(), journal::Error> {
    let mut dossier = projection.get(&DOSSIERS, id.as_bytes())?.ok_or(journal::Error::Corrupt)?;
    dossier.facts.extend(facts.clone());
    projection.put(&DOSSIERS, id.as_bytes(), &dossier)?;
    let due = projection.entry.at;
    Ok(queue::enqueue(projection.batch(), &Job::IndexDossier { dossier: id }, due)?)
}

/// Gives a dossier another keeper.
pub fn reassign(
    projection: &mut Projection<'_>,
    id: DossierId,
    keeper: PersonId,
) -> Result<(), journal::Error> {
    let mut dossier = projection.get(&DOSSIERS, id.as_bytes())?.ok_or(journal::Error::Corrupt)?;
    let kept = |person: PersonId| [person.as_bytes().as_slice(), id.as_bytes()].concat();
    projection.delete(&KEPT, &kept(dossier.adviser));
    dossier.adviser = keeper;
    projection.put(&KEPT, &kept(keeper), &id)?;
    projection.put(&DOSSIERS, id.as_bytes(), &dossier)
}

/// Takes all rows of a dossier away: it is sealed.
pub fn forget(projection: &mut Projection<'_>, id: DossierId) -> Result<(), journal::Error> {
    grants::forget(projection, id)?;
    if let Some(dossier) = projection.get(&DOSSIERS, id.as_bytes())? {
        let kept = [dossier.adviser.as_bytes().as_slice(), id.as_bytes()].concat();
        projection.delete(&KEPT, &kept);
        projection.delete(&DOSSIERS, id.as_bytes());
        keys::forget_recipient(projection.batch(), id);
        queue::remove(projection.batch(), &Job::IndexDossier { dossier: id });
        queue::remove_seal(projection.batch(), id);
    }
    Ok(())
}

fn project_opened(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let dossier: Dossier = projection.fact()?;
    projection.put(&DOSSIERS, dossier.id.as_bytes(), &dossier)?;
    let kept = [dossier.adviser.as_bytes().as_slice(), dossier.id.as_bytes()].concat();
    projection.put(&KEPT, &kept, &dossier.id)?;
    if let Some(recipient) = &dossier.recipient {
        keys::note_recipient(projection.batch(), dossier.id, recipient)?;
    }
    let due = projection.entry.at;
    Ok(queue::enqueue(projection.batch(), &Job::IndexDossier { dossier: dossier.id }, due)?)
}
