//! What waits for the caller, most urgent first.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use crate::access::Action;
use crate::cases;
use crate::domain::{CaseId, DossierId};
use crate::http::{Caller, Door, Problem};
use crate::workflow;

/// One case that waits.
#[derive(Serialize)]
pub(crate) struct QueueEntry {
    pub(crate) case: CaseId,
    pub(crate) workflow: String,
    pub(crate) dossier: DossierId,
    pub(crate) dossier_name: String,
    pub(crate) state: String,
    pub(crate) attempt: u32,
    pub(crate) version: u64,
    pub(crate) adviser: String,
    pub(crate) waiting_since: jiff::Timestamp,
    pub(crate) deadline: Option<jiff::Timestamp>,
    pub(crate) overdue: bool,
    pub(crate) claimed_by: Option<String>,
    pub(crate) actions: Vec<String>,
}

/// `GET /api/v1/queue`
pub(super) async fn queue(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    let mut entries = waiting(&door, &caller)?;
    entries.truncate(door.app.config.limits.list_entries);
    Ok(axum::Json(json!({ "entries": entries, "next_cursor": null })).into_response())
}

/// Open cases on which the caller can act now, by deadline, then by waiting time.
pub(crate) fn waiting(door: &Door, caller: &Caller) -> Result<Vec<QueueEntry>, Problem> {
    caller.may(door, Action::Queue)?;
    let now = door.app.clock.now();
    let mut entries = Vec::new();
    for case in cases::open_cases(&door.app.records)? {
        let Some(dossier) = door.app.dossiers.get(case.dossier)? else { continue };
        if caller.may_with(door, Action::ActOnCase, &dossier).is_err() {
            continue;
        }
        let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
        let waits_for =
            definition.state(&case.state).map(|state| state.waits_for.clone()).unwrap_or_default();
        if !waits_for.iter().any(|role| caller.actor.has_role(role)) {
            continue;
        }
        let offered = workflow::offered(&definition, &dossier.facts, &case, &caller.actor);
        let claim = cases::claim(&door.app.records, case.id, now)?;
        entries.push(QueueEntry {
            case: case.id,
            workflow: case.workflow,
            dossier: case.dossier,
            dossier_name: dossier.name().to_owned(),
            state: case.state,
            attempt: case.attempt,
            version: case.version,
            adviser: case.adviser_name,
            waiting_since: case.state_since,
            overdue: case.deadline.is_some_and(|deadline| deadline < now),
            deadline: case.deadline,
            claimed_by: claim.map(|claim| claim.name),
            actions: offered.into_iter().map(|offered| offered.name).collect(),
        });
    }
    entries.sort_by_key(|entry| (entry.deadline.unwrap_or(jiff::Timestamp::MAX), entry.waiting_since));
    Ok(entries)
}
