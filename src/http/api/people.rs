//! People, for administrators; and the words of the pack, for everybody.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Json;
use crate::access::{Action, Subject};
use crate::domain::{Actor, Role};
use crate::http::attempts::Guessed;
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem};
use crate::people::Person;

#[derive(Deserialize)]
pub(super) struct NewPerson {
    name: String,
    roles: Vec<String>,
    password: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRoles {
    roles: Vec<String>,
}

#[derive(Serialize)]
struct PersonView {
    id: String,
    name: String,
    roles: Vec<Role>,
    disabled: bool,
    /// Whether they have to choose a password at their next sign-in.
    one_time_password: bool,
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self {
            id: person.id.to_string(),
            one_time_password: person.once_until.is_some(),
            name: person.name,
            roles: person.roles,
            disabled: person.disabled,
        }
    }
}

/// `GET /api/v1/users`
pub(super) async fn list(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    caller.may(&door, Action::ManagePeople)?;
    let people: Vec<PersonView> = door.app.people.list()?.into_iter().map(Into::into).collect();
    Ok(axum::Json(json!({ "entries": people, "next_cursor": null })).into_response())
}

/// `POST /api/v1/users`
pub(super) async fn add(
    State(door): State<Door>,
    caller: Caller,
    Json(input): Json<NewPerson>,
) -> Result<Response, Problem> {
    let person = add_person(&door, &caller, &input.name, &input.roles, &input.password).await?;
    Ok((StatusCode::CREATED, axum::Json(PersonView::from(person))).into_response())
}

/// Adds somebody who signs in with this password.
pub(crate) async fn add_person(
    door: &Door,
    caller: &Caller,
    name: &str,
    roles: &[String],
    password: &str,
) -> Result<Person, Problem> {
    caller.may(door, Action::ManagePeople)?;
    let roles = known_roles(door, roles)?;
    Ok(door.app.people.add(Some(caller.actor.id), name, roles, Some(password)).await?)
}

/// `POST /api/v1/users/{name}/roles`: other roles.
pub(super) async fn set_roles(
    State(door): State<Door>,
    caller: Caller,
    Path(name): Path<String>,
    Json(input): Json<NewRoles>,
) -> Result<StatusCode, Problem> {
    change_roles(&door, &caller, &name, &input.roles).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives somebody other roles. Somebody stays who can manage people.
pub(crate) async fn change_roles(
    door: &Door,
    caller: &Caller,
    name: &str,
    roles: &[String],
) -> Result<(), Problem> {
    caller.may(door, Action::ManagePeople)?;
    let roles = known_roles(door, roles)?;
    keep_a_manager(door, name, &roles)?;
    Ok(door.app.people.set_roles(caller.actor.id, name, roles).await?)
}

/// `DELETE /api/v1/users/{name}`: disables; nobody is ever removed from the log.
pub(super) async fn disable(
    State(door): State<Door>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    disable_person(&door, &caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Disables somebody. Somebody stays who can manage people.
pub(crate) async fn disable_person(door: &Door, caller: &Caller, name: &str) -> Result<(), Problem> {
    caller.may(door, Action::ManagePeople)?;
    keep_a_manager(door, name, &[])?;
    Ok(door.app.people.disable(caller.actor.id, name).await?)
}

/// Refuses what would leave nobody who can sign in and manage people.
fn keep_a_manager(door: &Door, name: &str, roles: &[Role]) -> Result<(), Problem> {
    let in_force = rules(door)?;
    let manages =
        |actor: &Actor| in_force.policies.permit(actor, Action::ManagePeople, Subject::Archive).is_ok();
    let stays = |person: Person| match person.name == name {
        true => manages(&Actor { roles: roles.to_vec(), ..person.actor() }),
        false => !person.disabled && person.password.is_some() && manages(&person.actor()),
    };
    match door.app.people.list()?.into_iter().any(stays) {
        true => Ok(()),
        false => Err(Problem::new("last_manager")),
    }
}

/// `POST /api/v1/users/{name}/password`: a one-time password, shown only now.
pub(super) async fn reset_password(
    State(door): State<Door>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let (password, until) = reset(&door, &caller, &name).await?;
    let body = json!({ "name": name, "password": password.as_str(), "until": until });
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// Gives somebody a one-time password, and until when it can be used. A pause of their name is over.
pub(crate) async fn reset(
    door: &Door,
    caller: &Caller,
    name: &str,
) -> Result<(Zeroizing<String>, Timestamp), Problem> {
    caller.may(door, Action::ManagePeople)?;
    let reset = door.app.people.reset_password(caller.actor.id, name).await?;
    door.attempts.right(Guessed::Name(name));
    door.attempts.right(Guessed::Code(name));
    Ok(reset)
}

/// `DELETE /api/v1/users/{name}/factors`: takes the second factor off somebody who has lost it.
pub(super) async fn remove_factors(
    State(door): State<Door>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    remove_factors_of(&door, &caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes all second factors off somebody.
pub(crate) async fn remove_factors_of(door: &Door, caller: &Caller, name: &str) -> Result<(), Problem> {
    caller.may(door, Action::ManagePeople)?;
    let person = door.app.people.by_name(name)?.ok_or_else(|| Problem::new("unknown_person"))?;
    Ok(door.app.people.remove_factors(caller.actor.id, person.id).await?)
}

/// Roles that the pack or the engine has.
pub(crate) fn known_roles(door: &Door, names: &[String]) -> Result<Vec<Role>, Problem> {
    let in_force = rules(door)?;
    let known = |name: &String| in_force.pack.roles().contains_key(name) || name == Role::ADMIN;
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(Problem::new("unknown_role").value("role", unknown)),
        None if names.is_empty() => Err(Problem::new("unknown_role").value("role", "")),
        None => Ok(names.iter().map(Role::new).collect()),
    }
}

/// `GET /api/v1/pack`: the words of the pack in force: roles, document kinds, workflows.
pub(super) async fn pack(State(door): State<Door>, _: Caller) -> Result<Response, Problem> {
    let in_force = rules(&door)?;
    let pack = &in_force.pack;
    let title = |title: &crate::workflow::Title| json!({ "zh": title.zh, "en": title.en });
    let roles: BTreeMap<&String, Value> =
        pack.roles().iter().map(|(name, words)| (name, title(words))).collect();
    let kinds: BTreeMap<&String, Value> =
        pack.document_kinds().iter().map(|(name, kind)| (name, title(&kind.title))).collect();
    let workflows: Vec<Value> = pack
        .definitions()
        .values()
        .map(|definition| json!({ "id": definition.id, "title": title(&definition.title), "definition": definition.reference() }))
        .collect();
    let body = json!({
        "id": pack.id,
        "version": pack.version,
        "hash": pack.hash(),
        "roles": roles,
        "document_kinds": kinds,
        "workflows": workflows,
    });
    Ok(axum::Json(body).into_response())
}
