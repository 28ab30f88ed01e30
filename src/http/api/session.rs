//! Signing in and out, and what concerns the caller alone: sessions, password, second factor.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Json, parse_id};
use crate::domain::{Role, TokenId};
use crate::http::caller::{Lack, Own};
use crate::http::signing::{
    Challenged, Client, Entered, check_code, check_password, enter, no_session_cookie,
};
use crate::http::{Caller, Door, Problem};
use crate::people::{Bearer, Created, Kind, NewApp, Person, Used};

#[derive(Deserialize)]
pub(super) struct SignIn {
    user: String,
    password: Zeroizing<String>,
    /// A code of the second factor, or a recovery code.
    code: Option<Zeroizing<String>>,
}

#[derive(Serialize)]
struct Signed<'a> {
    token: &'a str,
    expires_at: Option<Timestamp>,
    user: &'a str,
    roles: &'a [Role],
}

#[derive(Deserialize)]
pub(super) struct Confirmed {
    password: Zeroizing<String>,
}

#[derive(Deserialize)]
pub(super) struct NewPassword {
    password: Zeroizing<String>,
    new: Zeroizing<String>,
}

#[derive(Deserialize)]
pub(super) struct FirstCode {
    step: String,
    code: String,
}

/// `POST /api/v1/session`: a token and the cookie of the pages.
pub(super) async fn start(
    State(door): State<Door>,
    client: Client,
    Json(input): Json<SignIn>,
) -> Result<Response, Problem> {
    let person = check_password(&door, &client, &input.user, &input.password).await?;
    let used = match (door.app.people.factors(person.id)?.is_enrolled(), &input.code) {
        (false, _) => None,
        (true, None) => return Err(Problem::new("second_factor_needed")),
        (true, Some(code)) => Some(check_code(&door, &client, &person, code).await?),
    };
    let entered = enter(&door, &client, &person, used).await?;
    Ok(signed(&person, &entered, json!({})))
}

/// The answer to whoever has a new session.
fn signed(person: &Person, entered: &Entered, further: Value) -> Response {
    let token = &entered.token;
    let body = Signed {
        token: &token.secret,
        expires_at: token.expires_at,
        user: &person.name,
        roles: &person.roles,
    };
    let mut body = json!(body);
    if let (Some(body), Some(further)) = (body.as_object_mut(), further.as_object()) {
        body.extend(further.clone());
    }
    let mut response = axum::Json(body).into_response();
    entered.put_cookies(response.headers_mut());
    response
}

/// `GET /api/v1/session`: who one is, and what one has to do first.
pub(super) async fn show(
    State(door): State<Door>,
    parts: axum::http::request::Parts,
) -> Result<Response, Problem> {
    let caller = Caller::known(&parts, &door)?;
    let needed = caller.lacks.map(|lack| match lack {
        Lack::Password => "password",
        Lack::SecondFactor => "second_factor",
    });
    let body = json!({
        "user": caller.actor.name,
        "roles": caller.actor.roles,
        "expires_at": caller.bearer.expires_at,
        "scope": caller.bearer.scopes.names(),
        "second_factor": caller.bearer.second,
        "needed": needed,
    });
    Ok(axum::Json(body).into_response())
}

/// `DELETE /api/v1/session`: ends the session or token that asks.
pub(super) async fn end(
    State(door): State<Door>,
    parts: axum::http::request::Parts,
) -> Result<Response, Problem> {
    let caller = Caller::known(&parts, &door)?;
    door.app.people.end_session(caller.actor.id, &caller.secret).await?;
    let cookie = no_session_cookie(&door.app.config.sign_in)?;
    Ok(([(header::SET_COOKIE, cookie)], StatusCode::NO_CONTENT).into_response())
}

/// `GET /api/v1/sessions`: one's own.
pub(super) async fn list(State(door): State<Door>, Own(caller): Own) -> Result<Response, Problem> {
    caller.check_complete()?;
    let sessions = door.app.people.bearers_of(caller.actor.id, Kind::Session)?;
    let entries: Vec<Value> =
        sessions.iter().map(|(session, used)| shown(session, *used, &caller.bearer)).collect();
    Ok(axum::Json(json!({ "entries": entries, "next_cursor": null })).into_response())
}

fn shown(session: &Bearer, used_at: Option<Timestamp>, current: &Bearer) -> Value {
    json!({
        "id": session.id.to_string(),
        "started_at": session.made_at,
        "used_at": used_at,
        "expires_at": session.expires_at,
        "agent": session.label,
        "second_factor": session.second,
        "current": session.id == current.id,
    })
}

/// `DELETE /api/v1/sessions/{id}`
pub(super) async fn end_one(
    State(door): State<Door>,
    Own(caller): Own,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    end_session_of(&door, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one of the caller's sessions.
pub(crate) async fn end_session_of(door: &Door, caller: &Caller, id: &str) -> Result<(), Problem> {
    let id: TokenId = parse_id(id, "unknown_token")?;
    let own = door.app.people.bearers_of(caller.actor.id, Kind::Session)?;
    if !own.iter().any(|(session, _)| session.id == id) {
        return Err(Problem::new("unknown_token"));
    }
    Ok(door.app.people.end(caller.actor.id, caller.actor.id, id).await?)
}

/// `DELETE /api/v1/sessions`: all but the one that asks.
pub(super) async fn end_others(State(door): State<Door>, Own(caller): Own) -> Result<StatusCode, Problem> {
    door.app.people.end_others(caller.actor.id, caller.bearer.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/session/password`: another password; the caller's session goes on as a new one.
pub(super) async fn change_password(
    State(door): State<Door>,
    Own(caller): Own,
    client: Client,
    Json(input): Json<NewPassword>,
) -> Result<Response, Problem> {
    let (person, entered) = new_password(&door, &caller, &client, &input.password, &input.new).await?;
    Ok(signed(&person, &entered, json!({})))
}

/// Changes the caller's password, which ends all that they are known by, and starts a new session.
pub(crate) async fn new_password(
    door: &Door,
    caller: &Caller,
    client: &Client,
    password: &str,
    new: &str,
) -> Result<(Person, Entered), Problem> {
    let person = check_password(door, client, &caller.actor.name, password).await?;
    if new == password {
        return Err(Problem::new("same_password"));
    }
    door.app.people.change_password(&person, new).await?;
    go_on(door, caller, client, person).await
}

/// A new session in place of the caller's, which has ended with all others.
async fn go_on(
    door: &Door,
    caller: &Caller,
    client: &Client,
    person: Person,
) -> Result<(Person, Entered), Problem> {
    let used = caller.bearer.second.then_some(Used::Before);
    let entered = enter(door, client, &person, used).await?;
    Ok((person, entered))
}

/// `GET /api/v1/session/factors`
pub(super) async fn factors(State(door): State<Door>, Own(caller): Own) -> Result<Response, Problem> {
    let factors = door.app.people.factors(caller.actor.id)?;
    let roles = caller.actor.roles.iter().map(Role::as_str);
    let body = json!({
        "app": factors.has_app(),
        "passkeys": factors.passkeys().len(),
        "recovery_codes_left": factors.recovery_left(),
        "required": door.app.config.sign_in.needs_second_factor(roles),
    });
    Ok(axum::Json(body).into_response())
}

/// `POST /api/v1/session/app`: a secret for an authenticator app, to be confirmed with a first code.
pub(super) async fn begin_app(
    State(door): State<Door>,
    Own(caller): Own,
    client: Client,
    Json(input): Json<Confirmed>,
) -> Result<Response, Problem> {
    let (person, app, step) = offer_app(&door, &caller, &client, &input.password).await?;
    let body = json!({ "step": step, "secret": app.base32(), "address": app.address(&person) });
    Ok(axum::Json(body).into_response())
}

/// A secret for an app of the caller's, and what it is confirmed with.
pub(crate) async fn offer_app(
    door: &Door,
    caller: &Caller,
    client: &Client,
    password: &str,
) -> Result<(Person, NewApp, String), Problem> {
    if caller.lacks == Some(Lack::Password) {
        caller.check_complete()?;
    }
    let person = check_password(door, client, &caller.actor.name, password).await?;
    let app = door.app.people.new_app();
    let step = door.enrolling.begin((person.id, app.clone()))?;
    Ok((person, app, step))
}

/// `POST /api/v1/session/app/confirm`: the recovery codes, shown only now; the caller's session goes on as a new one.
pub(super) async fn confirm_app(
    State(door): State<Door>,
    Own(caller): Own,
    client: Client,
    Json(input): Json<FirstCode>,
) -> Result<Response, Problem> {
    let (person, entered, codes) = enrol_app(&door, &caller, &client, &input.step, &input.code).await?;
    Ok(signed(&person, &entered, json!({ "recovery_codes": codes })))
}

/// Takes the app on whose first code this is.
pub(crate) async fn enrol_app(
    door: &Door,
    caller: &Caller,
    client: &Client,
    step: &str,
    code: &str,
) -> Result<(Person, Entered, Vec<String>), Problem> {
    let offered = door.enrolling.look(step).filter(|(person, _)| *person == caller.actor.id);
    let (id, app) = offered.ok_or_else(|| Problem::new("step_over"))?;
    let person = door.app.people.get(id)?.ok_or_else(|| Problem::new("unauthenticated"))?;
    let codes = door.app.people.enrol_app(id, &app, code).await?;
    door.enrolling.end(step);
    let entered = enter(door, client, &person, Some(Used::Before)).await?;
    Ok((person, entered, codes))
}

/// `POST /api/v1/session/recovery`: new recovery codes in place of the former ones.
pub(super) async fn renew_recovery(
    State(door): State<Door>,
    Own(caller): Own,
    client: Client,
    Json(input): Json<Confirmed>,
) -> Result<Response, Problem> {
    let (person, entered, codes) = new_recovery(&door, &caller, &client, &input.password).await?;
    Ok(signed(&person, &entered, json!({ "recovery_codes": codes })))
}

/// New recovery codes for the caller.
pub(crate) async fn new_recovery(
    door: &Door,
    caller: &Caller,
    client: &Client,
    password: &str,
) -> Result<(Person, Entered, Vec<String>), Problem> {
    caller.check_complete()?;
    if !door.app.people.factors(caller.actor.id)?.is_enrolled() {
        return Err(Problem::new("no_second_factor"));
    }
    let person = check_password(door, client, &caller.actor.name, password).await?;
    let codes = door.app.people.renew_recovery(person.id).await?;
    let (person, entered) = go_on(door, caller, client, person).await?;
    Ok((person, entered, codes))
}

/// `POST /api/v1/session/factors/remove`: no second factor from now on.
pub(super) async fn remove_factors(
    State(door): State<Door>,
    Own(caller): Own,
    client: Client,
    Json(input): Json<Confirmed>,
) -> Result<Response, Problem> {
    let (person, entered) = without_factors(&door, &caller, &client, &input.password).await?;
    Ok(signed(&person, &entered, json!({})))
}

/// Takes the caller's second factors away; the session that goes on has shown none.
pub(crate) async fn without_factors(
    door: &Door,
    caller: &Caller,
    client: &Client,
    password: &str,
) -> Result<(Person, Entered), Problem> {
    caller.check_complete()?;
    let person = check_password(door, client, &caller.actor.name, password).await?;
    door.app.people.remove_factors(person.id, person.id).await?;
    let entered = enter(door, client, &person, None).await?;
    Ok((person, entered))
}

/// A passkey that the caller may make.
pub(crate) struct Offered {
    pub(crate) person: Person,
    pub(crate) party: String,
    pub(crate) challenge: String,
    pub(crate) step: String,
}

/// What a browser needs to make a passkey for the caller.
pub(crate) async fn offer_passkey(
    door: &Door,
    caller: &Caller,
    client: &Client,
    password: &str,
) -> Result<Offered, Problem> {
    if caller.lacks == Some(Lack::Password) {
        caller.check_complete()?;
    }
    let party = door.party.as_ref().ok_or_else(|| Problem::new("no_passkeys_here"))?.id.clone();
    let person = check_password(door, client, &caller.actor.name, password).await?;
    let challenged = Challenged::new(door, person.id);
    let challenge = challenged.challenge.clone();
    let step = door.challenged.begin(challenged)?;
    Ok(Offered { person, party, challenge, step })
}

/// Takes the passkey on that a browser has made.
pub(crate) async fn enrol_passkey(
    door: &Door,
    caller: &Caller,
    client: &Client,
    step: &str,
    created: &Created,
    label: &str,
) -> Result<(Person, Entered, Vec<String>), Problem> {
    let party = door.party.as_ref().ok_or_else(|| Problem::new("no_passkeys_here"))?;
    let challenged = door.challenged.end(step).filter(|one| one.person == caller.actor.id);
    let Challenged { person: id, challenge } = challenged.ok_or_else(|| Problem::new("step_over"))?;
    let person = door.app.people.get(id)?.ok_or_else(|| Problem::new("unauthenticated"))?;
    let codes = door.app.people.add_passkey(id, party, &challenge, (created, label)).await?;
    let entered = enter(door, client, &person, Some(Used::Before)).await?;
    Ok((person, entered, codes))
}

/// Takes one of the caller's passkeys off.
pub(crate) async fn remove_passkey(
    door: &Door,
    caller: &Caller,
    client: &Client,
    id: &str,
    password: &str,
) -> Result<(Person, Entered), Problem> {
    caller.check_complete()?;
    let person = check_password(door, client, &caller.actor.name, password).await?;
    door.app.people.remove_passkey(person.id, id).await?;
    let left = door.app.people.factors(person.id)?.is_enrolled();
    let used = (caller.bearer.second && left).then_some(Used::Before);
    let entered = enter(door, client, &person, used).await?;
    Ok((person, entered))
}
