//! Tokens of stations and scripts: anybody's for administrators, one's own for everybody.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::known_roles;
use super::{Json, Query, parse_id};
use crate::access::Action;
use crate::domain::{PersonId, Scope, Scopes, TokenId};
use crate::http::{Caller, Door, Problem};
use crate::people::{Bearer, Kind, NewToken, Wanted};

/// The hours of a day.
const DAY_HOURS: i64 = 24;

#[derive(Deserialize)]
pub(super) struct TokenFor {
    /// As whom it acts; the caller, if nobody is named.
    name: Option<String>,
    /// For a name that is new.
    #[serde(default)]
    roles: Vec<String>,
    /// How far it reaches; everything, if nothing is named.
    #[serde(default)]
    scope: Vec<String>,
    /// When it ends.
    expires_at: Option<Timestamp>,
    /// What it is called.
    #[serde(default)]
    label: String,
}

#[derive(Deserialize)]
pub(super) struct Whose {
    #[serde(default)]
    all: bool,
}

/// A token, with as whom it acts.
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) token: Bearer,
}

/// `POST /api/v1/tokens`: a token that acts as the person of that name, who is added if there is none.
pub(super) async fn make(
    State(door): State<Door>,
    caller: Caller,
    Json(input): Json<TokenFor>,
) -> Result<Response, Problem> {
    let scopes = read_scopes(&input.scope)?;
    let wanted = Wanted { scopes, expires_at: input.expires_at, label: input.label };
    let name = input.name.unwrap_or_else(|| caller.actor.name.clone());
    let made = match may_manage(&door, &caller) {
        true => make_for(&door, &caller, &name, &input.roles, wanted).await?,
        false if name == caller.actor.name => make_own(&door, &caller, wanted).await?,
        false => return Err(Problem::new("forbidden")),
    };
    let body = json!({
        "id": made.id.to_string(),
        "token": made.secret.as_str(),
        "name": name,
        "expires_at": made.expires_at,
    });
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// `GET /api/v1/tokens?all=`: one's own; everybody's, for administrators.
pub(super) async fn list(
    State(door): State<Door>,
    caller: Caller,
    Query(whose): Query<Whose>,
) -> Result<Response, Problem> {
    let tokens = if whose.all { everybodys(&door, &caller)? } else { own(&door, &caller)? };
    let entries: Vec<Value> = tokens.iter().map(shown).collect();
    Ok(axum::Json(json!({ "entries": entries, "next_cursor": null })).into_response())
}

/// `DELETE /api/v1/tokens/{id}`
pub(super) async fn revoke(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    revoke_token(&door, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(listed: &Listed) -> Value {
    json!({
        "id": listed.token.id.to_string(),
        "name": listed.name,
        "label": listed.token.label,
        "scope": listed.token.scopes.names(),
        "made_at": listed.token.made_at,
        "expires_at": listed.token.expires_at,
    })
}

/// The scopes of these names; everything, if there are none.
pub(crate) fn read_scopes(names: &[String]) -> Result<Scopes, Problem> {
    let read =
        |name: &String| name.parse::<Scope>().map_err(|_| Problem::new("unknown_scope").value("scope", name));
    Ok(Scopes::of(names.iter().map(read).collect::<Result<Vec<_>, _>>()?))
}

/// Whether the caller manages people and their tokens.
pub(crate) fn may_manage(door: &Door, caller: &Caller) -> bool {
    caller.may(door, Action::ManagePeople).is_ok()
}

/// A token that an administrator makes for anybody.
pub(crate) async fn make_for(
    door: &Door,
    caller: &Caller,
    name: &str,
    roles: &[String],
    wanted: Wanted,
) -> Result<NewToken, Problem> {
    caller.may(door, Action::ManagePeople)?;
    let by = caller.actor.id;
    let person = match door.app.people.by_name(name)? {
        Some(person) => person,
        None => door.app.people.add(Some(by), name, known_roles(door, roles)?, None).await?,
    };
    Ok(door.app.people.make_token_for(by, person.id, wanted).await?)
}

/// A token that somebody makes for themselves. It has an end, and no token makes another one.
pub(crate) async fn make_own(door: &Door, caller: &Caller, wanted: Wanted) -> Result<NewToken, Problem> {
    if caller.bearer.kind != Kind::Session {
        return Err(Problem::new("session_needed"));
    }
    let days = door.app.config.sign_in.own_token_days;
    let longest = SignedDuration::from_hours(i64::from(days) * DAY_HOURS);
    let latest = door.app.clock.now().checked_add(longest).unwrap_or(Timestamp::MAX);
    if wanted.expires_at.is_none_or(|end| end > latest) {
        return Err(Problem::new("end_needed").value("days", days));
    }
    let id = caller.actor.id;
    Ok(door.app.people.make_token_for(id, id, wanted).await?)
}

/// The caller's tokens.
pub(crate) fn own(door: &Door, caller: &Caller) -> Result<Vec<Listed>, Problem> {
    of(door, caller.actor.id, &caller.actor.name)
}

/// Everybody's tokens, for administrators.
pub(crate) fn everybodys(door: &Door, caller: &Caller) -> Result<Vec<Listed>, Problem> {
    caller.may(door, Action::ManagePeople)?;
    let mut all = Vec::new();
    for person in door.app.people.list()?.into_iter().filter(|person| !person.disabled) {
        all.extend(of(door, person.id, &person.name)?);
    }
    Ok(all)
}

fn of(door: &Door, person: PersonId, name: &str) -> Result<Vec<Listed>, Problem> {
    let tokens = door.app.people.bearers_of(person, Kind::Token)?;
    Ok(tokens.into_iter().map(|(token, _)| Listed { name: name.to_owned(), token }).collect())
}

/// Revokes a token: one of the caller's own, or anybody's for an administrator.
pub(crate) async fn revoke_token(door: &Door, caller: &Caller, id: &str) -> Result<(), Problem> {
    let id: TokenId = parse_id(id, "unknown_token")?;
    let reach = if may_manage(door, caller) { everybodys(door, caller)? } else { own(door, caller)? };
    let found = reach.into_iter().find(|listed| listed.token.id == id);
    let person = found.ok_or_else(|| Problem::new("unknown_token"))?.token.person;
    Ok(door.app.people.end(caller.actor.id, person, id).await?)
}
