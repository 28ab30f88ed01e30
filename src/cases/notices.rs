//! What the clock says of the cases' time: warnings and reminders, and terms counted anew with another calendar.

use serde::{Deserialize, Serialize};

use super::rows::{CASES, Clocked, HISTORY, HistoryItem};
use super::{Cases, Error, Ground, timer_actor, unchanged};
use crate::domain::{CaseId, archive_itself};
use crate::journal::{self, Draft, Projection};
use crate::notices;
use crate::workflow::{self, Case, Effect, Input, Notice, Recount};

/// The fact that terms were counted anew: all that a change of calendar changes is one entry.
#[derive(Debug, Serialize, Deserialize)]
struct Recomputed {
    cases: Vec<Recount>,
}

impl Cases {
    /// Gives the notice that is due of a case's time, if there is one. Late, if need be, but once.
    pub async fn remind(&self, ground: Ground<'_>, id: CaseId) -> Result<bool, Error> {
        let case = self.get(id)?.ok_or(Error::Unknown)?;
        let now = self.clock.now();
        let Some(notice) = workflow::due_notice(ground.definition, ground.calendar, &case, now) else {
            return Ok(false);
        };
        let draft = Draft::new("case.reminded", archive_itself(), &notice)?.expecting(unchanged(&case)?);
        let draft = notices::tell(draft, &self.told_of_time(ground, &case, &notice)?)?;
        match self.journal.commit_durably(draft.dossier(case.dossier).case(id)).await {
            // Whoever acted meanwhile has changed what is due: the next round sees.
            Err(journal::Error::Conflict) => Ok(false),
            other => Ok(other.map(|_| true)?),
        }
    }

    /// Notes that these cases' time is counted anew. A case that has left its state meanwhile keeps what it has.
    pub async fn recount(&self, cases: Vec<Recount>) -> Result<(), Error> {
        let draft = Draft::new("deadlines.recomputed", archive_itself(), &Recomputed { cases })?;
        self.journal.commit_durably(draft).await?;
        Ok(())
    }
}

pub(super) fn project_reminded(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let notice: Notice = projection.fact()?;
    let id = projection.entry.case.ok_or(journal::Error::Corrupt)?;
    let mut case = projection.get(&CASES, id.as_bytes())?.ok_or(journal::Error::Corrupt)?;
    if !case.noted(&notice) {
        return Ok(());
    }
    notices::project(projection)?;
    let clocked = Clocked::Notice { kind: notice.kind, deadline: notice.deadline };
    write(projection, &case, "remind", notice.effects, clocked)
}

pub(super) fn project_recomputed(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Recomputed { cases } = projection.fact()?;
    for recount in cases {
        // A case whose dossier's key is gone is not there in a replay.
        let Some(mut case) = projection.get(&CASES, recount.case.as_bytes())? else { continue };
        if case.recounted(&recount, projection.entry.at) {
            let clocked = Clocked::Recount { from: recount.from.deadline, to: recount.to.deadline };
            write(projection, &case, "recompute", Vec::new(), clocked)?;
        }
    }
    Ok(())
}

/// The case, and a line of its history that is of the same version as the action before it.
fn write(
    projection: &mut Projection<'_>,
    case: &Case,
    action: &str,
    effects: Vec<Effect>,
    clocked: Clocked,
) -> Result<(), journal::Error> {
    let timer = timer_actor();
    let seq = u32::try_from(case.version).map_err(|_| journal::Error::TooLarge)?;
    let place = [case.id.as_bytes().as_slice(), &seq.to_be_bytes(), &case.notices.count.to_be_bytes()];
    let item = HistoryItem {
        seq,
        at: projection.entry.at,
        by: timer.id,
        by_name: timer.name,
        acting_for: None,
        action: action.to_owned(),
        from: Some(case.state.clone()),
        to: case.state.clone(),
        attempt: case.attempt,
        input: Input::default(),
        effects,
        moved: None,
        clocked: Some(clocked),
    };
    projection.put(&HISTORY, &place.concat(), &item)?;
    projection.put(&CASES, case.id.as_bytes(), case)
}
