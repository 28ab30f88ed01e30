//! People and tokens, for administrators; and the words of the pack, for everybody.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Json;
use crate::access::Action;
use crate::domain::{Actor, Role};
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem};
use crate::people::{NewToken, Person};

#[derive(Deserialize)]
pub(super) struct NewPerson {
    name: String,
    roles: Vec<String>,
    password: Zeroizing<String>,
}

#[derive(Deserialize)]
pub(super) struct TokenFor {
    name: String,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Serialize)]
struct PersonView {
    id: String,
    name: String,
    roles: Vec<Role>,
    disabled: bool,
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self { id: person.id.to_string(), name: person.name, roles: person.roles, disabled: person.disabled }
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
    caller.may(&door, Action::ManagePeople)?;
    let roles = known_roles(&door, &input.roles)?;
    let person =
        door.app.people.add(Some(caller.actor.id), &input.name, roles, Some(&input.password)).await?;
    Ok((StatusCode::CREATED, axum::Json(PersonView::from(person))).into_response())
}

/// `DELETE /api/v1/users/{name}`: disables; nobody is ever removed from the log.
pub(super) async fn disable(
    State(door): State<Door>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(&door, Action::ManagePeople)?;
    door.app.people.disable(caller.actor.id, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/tokens`: a token that acts as the person of that name, who is added if there is none.
pub(super) async fn make_token(
    State(door): State<Door>,
    caller: Caller,
    Json(input): Json<TokenFor>,
) -> Result<Response, Problem> {
    caller.may(&door, Action::ManagePeople)?;
    let token = token_for(&door, &caller.actor, &input.name, &input.roles).await?;
    let body = json!({ "token": token.secret.as_str(), "name": input.name, "expires_at": token.expires_at });
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

async fn token_for(door: &Door, by: &Actor, name: &str, roles: &[String]) -> Result<NewToken, Problem> {
    let person = match door.app.people.by_name(name)? {
        Some(person) => person,
        None => door.app.people.add(Some(by.id), name, known_roles(door, roles)?, None).await?,
    };
    Ok(door.app.people.make_token(by.id, person.id).await?)
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
