//! What people do to the penalty ledger: take a line back by a counter-entry, write an appeal to one, take it out.
//!
//! No line is ever edited. A counter-entry's name follows from the line's, so that there is at most one; an appeal is a
//! row beside the line.

use serde::{Deserialize, Serialize};

use super::book::{self, APPEALS, Appeal};
use super::{Cases, Error, TRIES, rows};
use crate::access::{Action, Permit};
use crate::delegations::ActingFor;
use crate::domain::{Month, PersonId};
use crate::journal::{self, Draft};
use crate::notices;
use crate::penalties::{Penalty, reverse};
use crate::records::Batch;
use crate::sheets::Form;
use crate::workflow::{Definition, Refusal};

/// How long the words of a counter-entry or an appeal may be, in characters.
const LONGEST_WORDS: usize = 4000;

/// The fact that a line was taken back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reversed {
    pub(super) entry: Penalty,
    pub(super) by_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acting_for: Option<ActingFor>,
}

/// The fact that an appeal was written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Appealed {
    pub(super) line: String,
    pub(super) month: Month,
    pub(super) adviser: PersonId,
    pub(super) appeal: Appeal,
}

/// The fact that lines of the ledger were taken out as a file.
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    month: Option<Month>,
    adviser: Option<PersonId>,
    format: Form,
    rows: usize,
}

impl Cases {
    /// Takes a line back by a counter-entry, which is booked to the line's month. The permit is one to act on the dossier
    /// of the line's case; the roles are those that the penalty names in the definition that the case runs on.
    ///
    /// # Errors
    ///
    /// A refusal for the role or for four eyes (nobody takes their own line back); [`Error::CounterEntry`] and
    /// [`Error::Reversed`] for a line that cannot be taken back, or not again; [`Error::NoReason`].
    pub async fn reverse(
        &self,
        permit: &Permit,
        definition: &Definition,
        line: &str,
        reason: &str,
    ) -> Result<Penalty, Error> {
        for _ in 0..TRIES {
            let line = book::line(&self.records, line)?.ok_or(Error::UnknownLine)?;
            let case = self.get(line.case)?.ok_or(Error::Unknown)?;
            if !permit.covers(Action::ActOnCase, case.dossier) {
                return Err(Error::NotPermitted);
            }
            let actor = permit.actor();
            let needed = rows::reversed_by(&self.records, definition, &line)?;
            if !needed.iter().any(|role| actor.has_role(role)) {
                return Err(Refusal::Role { needed }.into());
            }
            if line.adviser == actor.id {
                return Err(Refusal::FourEyes.into());
            }
            let acting_for = self.acting_for(actor, &needed, &[Some(line.adviser)])?;
            if line.reverses.is_some() {
                return Err(Error::CounterEntry);
            }
            if book::reversal(&self.records, &line)?.is_some() {
                return Err(Error::Reversed);
            }
            let entry = reverse(&line, actor, words(reason)?, self.clock.now());
            let mut expected = Batch::new();
            book::expect_open(&mut expected, &line)?;
            let tells = self.told_of_reversal(&case, &entry, actor.id);
            let fact = Reversed { entry, by_name: actor.name.clone(), acting_for };
            let draft = Draft::new("penalty.reversed", actor.id, &fact)?.expecting(expected);
            let draft = notices::tell(draft, &tells)?;
            match self.journal.commit_durably(draft.dossier(case.dossier).case(case.id)).await {
                Err(journal::Error::Conflict) => {}
                other => return Ok(other.map(|_| fact.entry)?),
            }
        }
        Err(journal::Error::Conflict.into())
    }

    /// Writes an appeal to a line that its own adviser was charged with. The permit is one to see one's own penalties.
    ///
    /// # Errors
    ///
    /// [`Error::NotPermitted`] for somebody else's line; [`Error::CounterEntry`], [`Error::Reversed`] and
    /// [`Error::Appealed`] for a line to which there is nothing to appeal; [`Error::NoReason`].
    pub async fn appeal(&self, permit: &Permit, line: &str, note: &str) -> Result<Appeal, Error> {
        let line = book::line(&self.records, line)?.ok_or(Error::UnknownLine)?;
        let actor = permit.actor();
        if !permit.covers_archive(Action::OwnPenalties) || line.adviser != actor.id {
            return Err(Error::NotPermitted);
        }
        let case = self.get(line.case)?.ok_or(Error::Unknown)?;
        if line.reverses.is_some() {
            return Err(Error::CounterEntry);
        }
        if book::reversal(&self.records, &line)?.is_some() {
            return Err(Error::Reversed);
        }
        let note = words(note)?.to_owned();
        let appeal = Appeal { note, by_name: actor.name.clone(), at: self.clock.now() };
        let mut expected = Batch::new();
        expected.expect_absent(&APPEALS, &book::place_of(&line));
        let fact = Appealed { line: line.id.clone(), month: line.month, adviser: line.adviser, appeal };
        let draft = Draft::new("penalty.appealed", actor.id, &fact)?.expecting(expected);
        let draft = notices::tell(draft, &self.told_of_appeal(&case, &line)?)?;
        match self.journal.commit_durably(draft.dossier(case.dossier).case(case.id)).await {
            Err(journal::Error::Conflict) => Err(Error::Appealed),
            other => Ok(other.map(|_| fact.appeal)?),
        }
    }

    /// Notes durably that lines of the ledger are taken out as a file. The permit is one to see everybody's penalties.
    ///
    /// # Errors
    ///
    /// [`Error::NotPermitted`], or that the log could not take it: then nothing may be given out.
    pub async fn note_ledger_taken(
        &self,
        permit: &Permit,
        month: Option<Month>,
        adviser: Option<PersonId>,
        format: Form,
        rows: usize,
    ) -> Result<(), Error> {
        if !permit.covers_archive(Action::AllPenalties) {
            return Err(Error::NotPermitted);
        }
        let fact = Taken { month, adviser, format, rows };
        self.journal.commit_durably(Draft::new("penalties.exported", permit.actor().id, &fact)?).await?;
        Ok(())
    }
}

fn words(text: &str) -> Result<&str, Error> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Error::NoReason),
        count if count > LONGEST_WORDS => Err(Error::TooLong { limit: LONGEST_WORDS }),
        _ => Ok(text),
    }
}
