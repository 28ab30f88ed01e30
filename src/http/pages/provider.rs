//! To the firm's own provider and back: the state that comes back has to be this browser's.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::sign_in;
use super::visit::{Visit, local_path};
use crate::domain::Sha256Digest;
use crate::http::api::Query;
use crate::http::provider::Sent;
use crate::http::signing::{Client, cookie, set_cookie};
use crate::http::{Door, Problem};
use crate::people::Person;

/// Binds who was sent to the provider to the browser that comes back.
const BOUND: &str = "lantai_provider";

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

/// `GET /sign-in/provider`
pub(super) async fn go(
    State(door): State<Door>,
    visit: Visit,
    client: Client,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    if door.provider.is_none() {
        return Err(Problem::new("not_found"));
    }
    let next = local_path(&wanted.next).unwrap_or("/");
    match send(&door, &client, next).await {
        Ok(response) => Ok(response),
        Err(problem) => sign_in::refused(&door, &visit, &problem, next),
    }
}

async fn send(door: &Door, client: &Client, next: &str) -> Result<Response, Problem> {
    let provider = door.provider.as_ref().ok_or_else(|| Problem::new("not_found"))?;
    door.attempts.let_address(client.address)?;
    let sent = provider.send(next);
    let state = door.at_provider.begin(sent.clone())?;
    let address = provider.address(&sent, &state).await?;
    let settings = &door.app.config.sign_in;
    let bound = set_cookie(settings, BOUND, &mark(&state), settings.step_seconds)?;
    Ok(([(header::SET_COOKIE, bound)], Redirect::to(address.as_str())).into_response())
}

/// `GET /sign-in/provider/back`
pub(super) async fn back(
    State(door): State<Door>,
    visit: Visit,
    client: Client,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response, Problem> {
    match come_in(&door, &client, &headers, &back).await {
        Ok((person, sent)) => sign_in::known(&door, &visit, &client, person, &sent.next).await,
        Err(problem) => sign_in::refused(&door, &visit, &problem, "/"),
    }
}

async fn come_in(
    door: &Door,
    client: &Client,
    headers: &HeaderMap,
    back: &Back,
) -> Result<(Person, Sent), Problem> {
    let provider = door.provider.as_ref().ok_or_else(|| Problem::new("not_found"))?;
    door.attempts.let_address(client.address)?;
    let bound = cookie(headers, &door.app.config.sign_in, BOUND);
    if bound.is_none_or(|bound| *bound != mark(&back.state)) {
        return Err(Problem::new("step_over"));
    }
    let sent = door.at_provider.end(&back.state).ok_or_else(|| Problem::new("step_over"))?;
    let name = provider.name(&sent, &back.code).await?;
    let person = door.app.people.by_name(&name)?.filter(|person| !person.disabled);
    let person = person.ok_or_else(|| Problem::new("unknown_at_provider"))?;
    Ok((person, sent))
}

/// What the cookie says of a state: not the state itself, which stands in addresses.
fn mark(state: &str) -> String {
    Sha256Digest::of(state.as_bytes()).to_string()
}
