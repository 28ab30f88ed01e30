//! What waits for the caller, most urgent first; and how much waits where, for those who see all of it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Query;
use super::review::is_to_review;
use crate::access::Action;
use crate::cases;
use crate::domain::{CaseId, DossierId, business_date};
use crate::http::caller::rules;
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
    pub(crate) waits_for: Vec<String>,
    pub(crate) attempt: u32,
    pub(crate) version: u64,
    pub(crate) adviser: String,
    pub(crate) waiting_since: Timestamp,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) overdue: bool,
    pub(crate) claimed_by: Option<String>,
    pub(crate) actions: Vec<String>,
    /// Whether it is papers to be judged, which the reviewer's desk is for.
    pub(crate) reviewable: bool,
}

/// Which part of the queue.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Filter {
    /// `mine` or `free`: claimed by the caller, or by nobody.
    #[serde(default)]
    pub(crate) show: String,
    /// Waiting for this role.
    #[serde(default)]
    pub(crate) role: String,
    /// In this state.
    #[serde(default)]
    pub(crate) state: String,
    /// `true`: only what is overdue.
    #[serde(default)]
    pub(crate) overdue: String,
}

impl Filter {
    /// Whether the entry is in this part of the queue of whoever has this name.
    pub(crate) fn takes(&self, entry: &QueueEntry, me: &str) -> bool {
        let shown = match self.show.as_str() {
            "mine" => entry.claimed_by.as_deref() == Some(me),
            "free" => entry.claimed_by.is_none(),
            _ => true,
        };
        let role = self.role.is_empty() || entry.waits_for.contains(&self.role);
        let state = self.state.is_empty() || entry.state == self.state;
        shown && role && state && (entry.overdue || self.overdue != "true")
    }
}

/// How much waits in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    pub(crate) workflow: String,
    pub(crate) state: String,
    pub(crate) count: u64,
    pub(crate) overdue: u64,
    /// Since when the one waits that has waited longest.
    pub(crate) oldest: Timestamp,
    /// That case.
    pub(crate) oldest_case: CaseId,
    pub(crate) ages: Ages,
}

/// How many wait for how many working days; the day on which a case came does not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Ages {
    #[serde(rename = "0-1")]
    pub(crate) fresh: u64,
    #[serde(rename = "2-5")]
    pub(crate) days: u64,
    #[serde(rename = "6-10")]
    pub(crate) week: u64,
    #[serde(rename = "over-10")]
    pub(crate) longer: u64,
}

impl Ages {
    fn add(&mut self, working_days: u32) {
        match working_days {
            0..=1 => self.fresh += 1,
            2..=5 => self.days += 1,
            6..=10 => self.week += 1,
            _ => self.longer += 1,
        }
    }
}

/// `GET /api/v1/queue`
pub(super) async fn queue(
    State(door): State<Door>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let mut entries = waiting(&door, &caller)?;
    entries.retain(|entry| filter.takes(entry, &caller.actor.name));
    entries.truncate(door.app.config.limits.list_entries);
    Ok(axum::Json(json!({ "entries": entries, "next_cursor": null })).into_response())
}

/// `GET /api/v1/queue/summary`
pub(super) async fn summary(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    let states = standings(&door, &caller)?.ok_or_else(|| Problem::new("forbidden"))?;
    Ok(axum::Json(json!({ "states": states, "at": door.app.clock.now() })).into_response())
}

/// Open cases on which the caller can act now: what is overdue first, then by deadline, then what has waited longest.
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
        let actor = caller.actor_on(&case);
        if !waits_for.iter().any(|role| actor.has_role(role)) {
            continue;
        }
        let offered = workflow::offered(&definition, &dossier.facts, &case, &actor);
        let claim = cases::claim(&door.app.records, case.id, now)?;
        let reviewable = is_to_review(&definition, &case, caller);
        entries.push(QueueEntry {
            reviewable,
            case: case.id,
            workflow: case.workflow,
            dossier: case.dossier,
            dossier_name: dossier.name().to_owned(),
            state: case.state,
            waits_for,
            attempt: case.attempt,
            version: case.version,
            adviser: case.adviser_name,
            waiting_since: case.state_since,
            overdue: case.deadline.is_some_and(|deadline| deadline <= now),
            deadline: case.deadline,
            claimed_by: claim.map(|claim| claim.name),
            actions: offered.into_iter().map(|offered| offered.name).collect(),
        });
    }
    entries.sort_by_key(urgency);
    Ok(entries)
}

fn urgency(entry: &QueueEntry) -> (bool, Timestamp, Timestamp) {
    (!entry.overdue, entry.deadline.unwrap_or(Timestamp::MAX), entry.waiting_since)
}

/// How much waits where, by workflow and state, for those who may act on everybody's cases; none for others.
pub(crate) fn standings(door: &Door, caller: &Caller) -> Result<Option<Vec<Standing>>, Problem> {
    caller.may(door, Action::Queue)?;
    let rules = rules(door)?;
    if !rules.policies.permits_all(&caller.actor, Action::ActOnCase) {
        return Ok(None);
    }
    let (now, calendar) = (door.app.clock.now(), rules.pack.calendar());
    let mut states: BTreeMap<(String, String), Standing> = BTreeMap::new();
    for case in cases::open_cases(&door.app.records)? {
        let days = calendar.working_days(business_date(case.state_since), business_date(now));
        let place = (case.workflow.clone(), case.state.clone());
        let standing = states.entry(place).or_insert_with(|| Standing {
            workflow: case.workflow,
            state: case.state,
            count: 0,
            overdue: 0,
            oldest: case.state_since,
            oldest_case: case.id,
            ages: Ages::default(),
        });
        standing.count += 1;
        standing.overdue += u64::from(case.deadline.is_some_and(|deadline| deadline <= now));
        standing.ages.add(days);
        if case.state_since < standing.oldest {
            (standing.oldest, standing.oldest_case) = (case.state_since, case.id);
        }
    }
    Ok(Some(states.into_values().collect()))
}
