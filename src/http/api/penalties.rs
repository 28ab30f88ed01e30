//! The penalty ledger.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Query;
use crate::access::Action;
use crate::cases::{self, Account};
use crate::domain::Month;
use crate::http::{Caller, Door, Problem};
use crate::penalties::Penalty;

#[derive(Deserialize)]
pub(super) struct Wanted {
    month: Option<String>,
    adviser: Option<String>,
}

/// `GET /api/v1/penalties`
pub(super) async fn account(
    State(door): State<Door>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let month = wanted.month.map(|month| month.parse().map_err(Problem::bad_request)).transpose()?;
    let account = visible(&door, &caller, month, wanted.adviser.as_deref())?;
    let entries: Vec<Value> = account.entries.iter().map(entry).collect();
    Ok(axum::Json(json!({ "entries": entries, "totals": account.totals })).into_response())
}

/// The part of the ledger that the caller may see: all of it, or their own lines.
pub(crate) fn visible(
    door: &Door,
    caller: &Caller,
    month: Option<Month>,
    adviser: Option<&str>,
) -> Result<Account, Problem> {
    let adviser = match adviser {
        Some(name) => Some(door.app.people.by_name(name)?.ok_or_else(|| Problem::new("unknown_person"))?.id),
        None => None,
    };
    let adviser = match caller.may(door, Action::AllPenalties) {
        Ok(_) => adviser,
        Err(_) => {
            caller.may(door, Action::OwnPenalties)?;
            if adviser.is_some_and(|adviser| adviser != caller.actor.id) {
                return Err(Problem::new("forbidden"));
            }
            Some(caller.actor.id)
        }
    };
    Ok(cases::account(&door.app.records, month, adviser)?)
}

fn entry(penalty: &Penalty) -> Value {
    json!({
        "id": penalty.id,
        "adviser": penalty.adviser_name,
        "case": penalty.case,
        "attempt": penalty.attempt,
        "contracts": penalty.contracts,
        "points": penalty.points,
        "month": penalty.month,
        "reason": penalty.reason,
        "note": penalty.note,
        "reverses": penalty.reverses,
        "at": penalty.at,
    })
}
