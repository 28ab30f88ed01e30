//! Signing in and out.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::form::Form;
use super::frame::{Frame, page};
use super::visit::{Signed, Visit, local_path};
use crate::http::api::Query;
use crate::http::api::session::{cookie, expired_cookie, sign_in};
use crate::http::{Door, Problem};
use crate::text::say;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    alert: Option<String>,
    user: String,
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: Zeroizing<String>,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`
pub(super) async fn ask(
    State(door): State<Door>,
    visit: Visit,
    Query(back): Query<Back>,
) -> Result<Response, Problem> {
    let next = local_path(&back.next).unwrap_or("/").to_owned();
    if visit.caller.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    let frame = Frame::of(&door, &visit, say(visit.lang, "page-sign-in"));
    page(StatusCode::OK, &Page { frame, alert: None, user: String::new(), next })
}

/// `POST /sign-in`
pub(super) async fn enter(
    State(door): State<Door>,
    visit: Visit,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let next = local_path(&typed.next).unwrap_or("/").to_owned();
    match sign_in(&door, typed.user.trim(), &typed.password).await {
        Ok((_, token)) => {
            let cookie = cookie(&token.secret, door.app.config.session.hours)?;
            Ok(sent_on(&next, cookie))
        }
        Err(problem) => {
            let frame = Frame::of(&door, &visit, say(visit.lang, "page-sign-in"));
            let alert = Some(problem.sentence(visit.lang));
            page(problem.status(), &Page { frame, alert, user: typed.user, next })
        }
    }
}

/// `POST /sign-out`
pub(super) async fn leave(State(door): State<Door>, signed: Signed) -> Result<Response, Problem> {
    door.app.people.end_session(signed.caller.actor.id, &signed.caller.secret).await?;
    Ok(sent_on("/sign-in", expired_cookie()))
}

fn sent_on(to: &str, cookie: HeaderValue) -> Response {
    ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response()
}
