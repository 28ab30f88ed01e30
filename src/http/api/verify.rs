//! Verifying, through the server: begin a run, see how it goes and what it found. For those who may read the log.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Json;
use crate::access::Action;
use crate::app::verifying::Options;
use crate::archive::Depth;
use crate::http::{Caller, Door, Problem};

/// What is wanted.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    full: bool,
    #[serde(default)]
    resume: bool,
}

/// `POST /api/v1/verify {full, resume}`: begins a run; there is one at a time.
pub(super) async fn start(
    State(door): State<Door>,
    caller: Caller,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Problem> {
    caller.may(&door, Action::ReadLog)?;
    let depth = if wanted.full { Depth::Full } else { Depth::Quick };
    let options = Options::new(&door.app.config, depth, wanted.resume);
    let state = door.app.start_verifying(options).ok_or_else(|| Problem::new("verifying"))?;
    Ok((StatusCode::ACCEPTED, axum::Json(state)).into_response())
}

/// `GET /api/v1/verify`: how the last run goes, and its report once it has one.
pub(super) async fn show(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    caller.may(&door, Action::ReadLog)?;
    Ok(axum::Json(door.app.verifying()).into_response())
}
