//! The search index: how large it is, making it again, and another key for it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::access::Action;
use crate::http::{Caller, Door, Problem};

/// `GET /api/v1/index`: for those who may read the log.
pub(super) async fn show(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    caller.may(&door, Action::ReadLog)?;
    Ok(axum::Json(door.app.index_state()?).into_response())
}

/// `POST /api/v1/index/rebuild`: the index is made again; searches go on over what is there. For administrators.
pub(super) async fn rebuild(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    caller.may(&door, Action::ManageKeys)?;
    let app = door.app.clone();
    tokio::task::spawn_blocking(move || app.renew_index()).await.map_err(|_| Problem::new("internal"))??;
    Ok((StatusCode::ACCEPTED, axum::Json(door.app.index_state()?)).into_response())
}

/// `POST /api/v1/index/rotate`: answered when the index has another key; searches go on meanwhile. For administrators.
pub(super) async fn rotate(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    caller.may(&door, Action::ManageKeys)?;
    let app = door.app.clone();
    tokio::task::spawn_blocking(move || app.rotate_index()).await.map_err(|_| Problem::new("internal"))??;
    Ok(axum::Json(door.app.index_state()?).into_response())
}
