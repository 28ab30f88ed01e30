//! Sealed dossiers: closed so that only the general manager's and the recovery keys open them; opened for a time; destroyed
//! by two people.
//!
//! Layer 4: decisions, entries and rows. Sealing takes all rows of a dossier away and leaves a [`Stub`]; its entries'
//! payloads are sealed to the journal's own key, so that a replay that cannot open the dossier makes the same rows as
//! one that can (docs/decisions/0009-sealed-dossiers.md). Keys, index and caches are [`crate::app`]'s to clear.

mod rows;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::access::{Action, Permit};
use crate::cases;
use crate::clock::Clock;
use crate::documents;
use crate::domain::{CaseId, DossierId, PersonId};
use crate::dossiers;
use crate::journal::{self, Draft, Facts, Journal};
use crate::penalties::Penalty;
use crate::people::People;
use crate::records::{self, Records};

use rows::{Ask, Closed, Destroyed, SealedAway, Unsealed, Viewed};
pub use rows::{Asked, Certificate, SealedPaper, Stub, all, certificate, dossier_of, papers, stub};

/// The kinds of facts of this module.
pub const FACTS: Facts = rows::FACTS;

/// How often a decision is made again because the dossier changed meanwhile.
const TRIES: usize = 5;

/// What went wrong, by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The permit is for something else.
    #[error("the permit does not cover this")]
    NotPermitted,
    /// There is no such dossier.
    #[error("there is no such dossier")]
    Unknown,
    /// The dossier is sealed already.
    #[error("the dossier is sealed")]
    Sealed(Box<Stub>),
    /// The dossier is not sealed: seal it first.
    #[error("the dossier is not sealed")]
    NotSealed,
    /// The dossier is destroyed.
    #[error("the dossier is destroyed")]
    Destroyed(Box<Stub>),
    /// Somebody has asked for its destruction already.
    #[error("somebody has asked for this already")]
    AlreadyAsked,
    /// Nobody has asked for its destruction, or the time to confirm it is over.
    #[error("nobody has asked for this, or the time to confirm it is over")]
    NotAsked,
    /// Whoever asked cannot confirm.
    #[error("another person has to confirm this")]
    SamePerson,
    /// A reason is needed.
    #[error("a reason is needed")]
    NoReason,
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
}

/// The sealed dossiers of an archive.
#[derive(Clone)]
pub struct Sealing {
    records: Records,
    journal: Journal,
    people: People,
    clock: Clock,
}

impl Sealing {
    /// The sealed dossiers in these records.
    pub fn new(records: Records, journal: Journal, people: People, clock: Clock) -> Self {
        Self { records, journal, people, clock }
    }

    /// Seals a dossier whose own public key is `recipient`. When this returns the entry is durable; the key object has still
    /// to be wrapped, and a job sees to it.
    pub async fn seal(
        &self,
        permit: &Permit,
        id: DossierId,
        reason: &str,
        recipient: &str,
    ) -> Result<Stub, Error> {
        check(permit, Action::SealDossier, id)?;
        let reason = given(reason)?;
        for _ in 0..TRIES {
            let (fact, gathered) = self.sealed_away(permit, id, reason, recipient)?;
            let draft = Draft::new("dossier.sealed", permit.actor().id, &fact)?.dossier(id).under_journal();
            // Whatever came in since it was gathered would be lost to a replay without the key.
            let draft = draft.if_still(move |records| Ok(gather(records, id)? == gathered));
            match self.journal.commit_durably(draft).await {
                Err(journal::Error::Conflict) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return stub(&self.records, id)?.ok_or(Error::Unknown),
            }
        }
        Err(journal::Error::Conflict.into())
    }

    fn sealed_away(
        &self,
        permit: &Permit,
        id: DossierId,
        reason: &str,
        recipient: &str,
    ) -> Result<(SealedAway, Gathered), Error> {
        if let Some(stub) = stub(&self.records, id)? {
            return Err(Error::Sealed(Box::new(stub)));
        }
        let dossier = dossiers::get(&self.records, id)?.ok_or(Error::Unknown)?;
        let gathered = gather(&self.records, id)?;
        let (papers, cases, lines, numbers) = gathered.clone();
        let papers = papers.into_iter().map(|paper| self.with_commitment(paper)).collect::<Result<_, _>>()?;
        let adviser = self.people.get(dossier.adviser).ok().flatten().map(|person| person.name);
        let fact = SealedAway {
            dossier: id,
            kind: dossier.kind,
            adviser: dossier.adviser,
            adviser_name: adviser.unwrap_or_default(),
            by_name: permit.actor().name.clone(),
            reason: reason.to_owned(),
            recipient: recipient.to_owned(),
            papers,
            cases,
            lines,
            numbers,
        };
        Ok((fact, gathered))
    }

    fn with_commitment(&self, paper: SealedPaper) -> Result<SealedPaper, Error> {
        let entry = self.journal.entry(paper.log_index)?;
        let commitment = entry.and_then(|entry| entry.object).and_then(|object| object.commitment);
        Ok(SealedPaper { commitment, ..paper })
    }

    /// Notes that a sealed dossier is opened until then.
    pub async fn note_unsealed(&self, permit: &Permit, id: DossierId, until: Timestamp) -> Result<(), Error> {
        check(permit, Action::UnsealDossier, id)?;
        self.there(id)?;
        let fact = Unsealed { by_name: permit.actor().name.clone(), until };
        let draft = Draft::new("dossier.unsealed", permit.actor().id, &fact)?;
        self.journal.commit_durably(draft.dossier(id).under_journal()).await?;
        Ok(())
    }

    /// Notes that an opened dossier is closed again: by somebody, or because its time is over.
    pub async fn note_closed(&self, by: PersonId, id: DossierId, expired: bool) -> Result<(), Error> {
        let fact = Closed { expired };
        let draft = Draft::new("dossier.closed", by, &fact)?;
        self.journal.commit(draft.dossier(id).under_journal()).await?;
        Ok(())
    }

    /// Notes that somebody looked at an opened dossier, before they see it.
    pub async fn note_viewed(&self, permit: &Permit, id: DossierId, part: &str) -> Result<(), Error> {
        let fact = Viewed { part: part.to_owned() };
        let draft = Draft::new("sealed.viewed", permit.actor().id, &fact)?;
        self.journal.commit_durably(draft.dossier(id).under_journal()).await?;
        Ok(())
    }

    /// Asks for the destruction of a sealed dossier; somebody else has to confirm it within `time`.
    pub async fn ask_destruction(
        &self,
        permit: &Permit,
        id: DossierId,
        reason: &str,
        time: SignedDuration,
    ) -> Result<Asked, Error> {
        check(permit, Action::DestroyDossier, id)?;
        let before = self.there(id)?;
        if before.asked_at(self.clock.now()).is_some() {
            return Err(Error::AlreadyAsked);
        }
        let until = self.clock.now().checked_add(time).unwrap_or(Timestamp::MAX);
        let by_name = permit.actor().name.clone();
        let fact = Ask { by_name, reason: given(reason)?.to_owned(), until };
        let draft = Draft::new("destruction.asked", permit.actor().id, &fact)?;
        let draft = draft.expecting(rows::unchanged(&before)?).dossier(id).under_journal();
        self.journal.commit_durably(draft).await?;
        self.there(id)?.asked_at(self.clock.now()).cloned().ok_or(Error::NotAsked)
    }

    /// Takes the question back, or refuses it.
    pub async fn withdraw_destruction(&self, permit: &Permit, id: DossierId) -> Result<(), Error> {
        check(permit, Action::DestroyDossier, id)?;
        let before = self.there(id)?;
        before.asked_at(self.clock.now()).ok_or(Error::NotAsked)?;
        let draft = Draft::new("destruction.withdrawn", permit.actor().id, &())?;
        let draft = draft.expecting(rows::unchanged(&before)?).dossier(id).under_journal();
        self.journal.commit_durably(draft).await?;
        Ok(())
    }

    /// Confirms the destruction that somebody else has asked for. When this returns the entry, with the certificate, is
    /// durable; the objects have still to be deleted, and a job sees to it.
    pub async fn confirm_destruction(&self, permit: &Permit, id: DossierId) -> Result<Certificate, Error> {
        check(permit, Action::DestroyDossier, id)?;
        let before = self.there(id)?;
        let asked = before.asked_at(self.clock.now()).ok_or(Error::NotAsked)?;
        if asked.by == permit.actor().id {
            return Err(Error::SamePerson);
        }
        let fact = Destroyed {
            certificate: Certificate {
                dossier: id,
                reason: asked.reason.clone(),
                asked_by: asked.by,
                asked_by_name: asked.by_name.clone(),
                asked_at: asked.at,
                confirmed_by: permit.actor().id,
                confirmed_by_name: permit.actor().name.clone(),
                destroyed_at: self.clock.now(),
                documents: papers(&self.records, id)?,
                log_index: 0,
            },
        };
        let draft = Draft::new("dossier.destroyed", permit.actor().id, &fact)?;
        let draft = draft.expecting(rows::unchanged(&before)?).dossier(id).under_journal();
        self.journal.commit_durably(draft).await?;
        certificate(&self.records, id)?.ok_or(Error::Unknown)
    }

    /// The stub of a dossier that is sealed and not destroyed.
    fn there(&self, id: DossierId) -> Result<Stub, Error> {
        match stub(&self.records, id)? {
            None if dossiers::exists(&self.records, id)? => Err(Error::NotSealed),
            None => Err(Error::Unknown),
            Some(stub) if stub.destroyed => Err(Error::Destroyed(Box::new(stub))),
            Some(stub) => Ok(stub),
        }
    }
}

type Gathered = (Vec<SealedPaper>, Vec<CaseId>, Vec<Penalty>, BTreeMap<String, u32>);

/// What of a dossier outlives its sealing: which papers and cases there were, what they cost, and which numbers forms got.
fn gather(records: &Records, id: DossierId) -> Result<Gathered, records::Error> {
    let papers = documents::of_dossier(records, id)?.iter().map(SealedPaper::of).collect();
    let mut cases: Vec<_> = cases::of_dossier(records, id)?.into_iter().map(|case| case.id).collect();
    cases.sort_unstable();
    let lines = cases::lines_of(records, &cases)?;
    let numbers = cases::numbers_of(records, &cases)?;
    Ok((papers, cases, lines, numbers))
}

fn check(permit: &Permit, action: Action, id: DossierId) -> Result<(), Error> {
    if permit.covers(action, id) { Ok(()) } else { Err(Error::NotPermitted) }
}

fn given(reason: &str) -> Result<&str, Error> {
    let reason = reason.trim();
    if reason.is_empty() { Err(Error::NoReason) } else { Ok(reason) }
}
