//! Cases as the lists of the home page, of one's own cases and of the overview show them.

use super::words::{self, Moment, deadline, titled};
use crate::domain::{CaseId, business_date};
use crate::http::api::queue::QueueEntry;
use crate::http::{Door, Problem};
use crate::text::Lang;
use crate::workflow::{Case, Definition};

/// A case in a list.
pub(super) struct Standing {
    pub(super) href: String,
    pub(super) customer: String,
    pub(super) workflow: String,
    pub(super) state: String,
    pub(super) attempt: u32,
    pub(super) adviser: String,
    pub(super) due: Option<Due>,
}

/// The end of a term.
pub(super) struct Due {
    pub(super) at: Moment,
    /// How long it is until then, in words.
    pub(super) left: String,
    pub(super) overdue: bool,
    /// Whether it ends today.
    pub(super) today: bool,
}

impl Standing {
    /// Whether its term is over.
    pub(super) fn is_late(&self) -> bool {
        self.due.as_ref().is_some_and(|due| due.overdue)
    }
}

impl Due {
    /// The style class of what is left.
    pub(super) fn word(&self) -> &'static str {
        match (self.overdue, self.today) {
            (true, _) => "late-word",
            (false, true) => "soon-word",
            _ => "",
        }
    }
}

/// The end of a term as it is shown.
pub(super) fn due(door: &Door, lang: Lang, end: jiff::Timestamp) -> Due {
    let now = door.app.clock.now();
    let last = end.checked_sub(jiff::SignedDuration::from_mins(1)).unwrap_or(end);
    Due {
        at: deadline(end),
        left: words::left(lang, end, now),
        overdue: end <= now,
        today: end > now && business_date(last) == business_date(now),
    }
}

/// An entry of the queue as it is listed.
pub(super) fn of_entry(door: &Door, lang: Lang, entry: &QueueEntry) -> Result<Standing, Problem> {
    let case = door.app.cases.get(entry.case)?.ok_or_else(|| Problem::new("unknown_case"))?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    Ok(of_case(door, lang, &definition, &case, entry.dossier_name.clone()))
}

/// A case as it is listed.
pub(super) fn of_case(
    door: &Door,
    lang: Lang,
    definition: &Definition,
    case: &Case,
    customer: String,
) -> Standing {
    let state = definition.state(&case.state).map(|state| &state.title);
    Standing {
        href: address(case.id),
        customer,
        workflow: titled(Some(&definition.title), lang, &case.workflow),
        state: titled(state, lang, &case.state),
        attempt: case.attempt,
        adviser: case.adviser_name.clone(),
        due: case.deadline.filter(|_| !case.is_final).map(|end| due(door, lang, end)),
    }
}

/// The address of a case's page.
pub(super) fn address(case: CaseId) -> String {
    format!("/cases/{case}")
}
