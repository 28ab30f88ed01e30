//! Deputies: who holds whose role on which days.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Json, parse_id};
use crate::access::Action;
use crate::delegations::{self, Delegation, Wanted};
use crate::domain::business_date;
use crate::http::{Caller, Door, Problem};

/// Who is to be whose deputy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDelegation {
    role: String,
    to: String,
    from: Date,
    until: Date,
    #[serde(default)]
    reason: String,
}

/// `POST /api/v1/delegations`
pub(super) async fn name(
    State(door): State<Door>,
    caller: Caller,
    Json(new): Json<NewDelegation>,
) -> Result<Response, Problem> {
    let NewDelegation { role, to, from, until, reason } = &new;
    let wanted = Wanted { role, to, from: *from, until: *until, reason };
    let delegation = door.app.delegations.name(caller.actor.id, wanted).await?;
    Ok((StatusCode::CREATED, axum::Json(view(&door, &delegation))).into_response())
}

/// `GET /api/v1/delegations`
pub(super) async fn list(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    let entries: Vec<Value> = shown(&door, &caller)?.iter().map(|one| view(&door, one)).collect();
    Ok(axum::Json(json!({ "entries": entries, "next_cursor": null })).into_response())
}

/// `DELETE /api/v1/delegations/{id}`
pub(super) async fn end(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    door.app.delegations.end(caller.actor.id, parse_id(&id, "unknown_delegation")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The delegations that concern the caller; all of them for those who may read the log or manage people.
pub(crate) fn shown(door: &Door, caller: &Caller) -> Result<Vec<Delegation>, Problem> {
    let may = |action| caller.may(door, action).is_ok();
    let all = may(Action::ReadLog) || may(Action::ManagePeople);
    let own = |one: &Delegation| one.of == caller.actor.id || one.to == caller.actor.id;
    let mut found = delegations::all(&door.app.records)?;
    found.retain(|one| all || own(one));
    found.truncate(door.app.config.limits.list_entries);
    Ok(found)
}

fn view(door: &Door, delegation: &Delegation) -> Value {
    json!({
        "id": delegation.id,
        "role": delegation.role,
        "of": delegation.of_name,
        "to": delegation.to_name,
        "from": delegation.from,
        "until": delegation.until,
        "reason": delegation.reason,
        "made_at": delegation.made_at,
        "ended_at": delegation.ended_at,
        "in_force": delegation.is_on(business_date(door.app.clock.now())),
    })
}
