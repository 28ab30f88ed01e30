//! Signing in and out.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::Json;
use crate::domain::Role;
use crate::http::caller::SESSION_COOKIE;
use crate::http::{Caller, Door, Problem};
use crate::people::{self, NewToken, Person};

/// Wrong passwords are counted for so long.
const COUNTED: SignedDuration = SignedDuration::from_secs(60);

#[derive(Deserialize)]
pub(super) struct SignIn {
    user: String,
    password: Zeroizing<String>,
}

#[derive(Serialize)]
struct Signed<'a> {
    token: &'a str,
    expires_at: Option<jiff::Timestamp>,
    user: &'a str,
    roles: &'a [Role],
}

/// `POST /api/v1/session`: a token and the cookie of the pages.
pub(super) async fn start(State(door): State<Door>, Json(input): Json<SignIn>) -> Result<Response, Problem> {
    let (person, token) = sign_in(&door, &input.user, &input.password).await?;
    let body = Signed {
        token: &token.secret,
        expires_at: token.expires_at,
        user: &person.name,
        roles: &person.roles,
    };
    let cookie = cookie(&token.secret, door.app.config.session.hours)?;
    Ok(([(header::SET_COOKIE, cookie)], axum::Json(json!(body))).into_response())
}

/// `GET /api/v1/session`: who one is.
pub(super) async fn show(caller: Caller) -> Response {
    axum::Json(json!({ "user": caller.actor.name, "roles": caller.actor.roles })).into_response()
}

/// `DELETE /api/v1/session`: ends the session or token that asks.
pub(super) async fn end(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    door.app.people.end_session(caller.actor.id, &caller.secret).await?;
    Ok(([(header::SET_COOKIE, expired_cookie())], StatusCode::NO_CONTENT).into_response())
}

/// Checks name and password, at most so often a minute for one name, and starts a session.
pub(crate) async fn sign_in(door: &Door, user: &str, password: &str) -> Result<(Person, NewToken), Problem> {
    check_attempts(door, user)?;
    let lasts = Duration::from_secs(door.app.config.session.hours.saturating_mul(3600));
    let signed = door.app.people.sign_in(user, password, lasts).await;
    if matches!(signed, Err(people::Error::WrongPassword)) {
        note_wrong(door, user);
    }
    Ok(signed?)
}

/// Refuses when there were too many wrong passwords for this name lately.
pub(crate) fn check_attempts(door: &Door, name: &str) -> Result<(), Problem> {
    let now = door.app.clock.now();
    let mut wrong = door.wrong_passwords.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    wrong.retain(|_, (_, since)| now.duration_since(*since) < COUNTED);
    match wrong.get(name) {
        Some((count, _)) if *count >= door.app.config.limits.wrong_passwords => {
            Err(Problem::new("too_many_attempts"))
        }
        _ => Ok(()),
    }
}

/// Notes a wrong password for this name.
pub(crate) fn note_wrong(door: &Door, name: &str) {
    let mut wrong = door.wrong_passwords.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    wrong.entry(name.to_owned()).or_insert((0, door.app.clock.now())).0 += 1;
}

/// The cookie of the pages. Browsers send it only to us and only from our own pages.
pub(crate) fn cookie(secret: &str, hours: u64) -> Result<HeaderValue, Problem> {
    let seconds = hours.saturating_mul(3600);
    let text = format!("{SESSION_COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    HeaderValue::from_str(&text).map_err(Problem::bad_request)
}

/// The cookie's end.
pub(crate) fn expired_cookie() -> HeaderValue {
    HeaderValue::from_static("lantai_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
}
