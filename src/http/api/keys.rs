//! The archive's keys: whose there are, and a new one for the archive.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::access::Action;
use crate::http::{Caller, Door, Problem};

/// `GET /api/v1/keys`
pub(super) async fn list(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    caller.may(&door, Action::ManageKeys)?;
    Ok(axum::Json(json!(door.app.key_list().await?)).into_response())
}

/// `POST /api/v1/keys/rotate`: answered when all key objects are wrapped to the new key.
pub(super) async fn rotate(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    let permit = caller.may(&door, Action::ManageKeys)?;
    let (app, by) = (door.app.clone(), permit.actor().id);
    // A client that goes away does not cut it off.
    let rotating = tokio::spawn(async move { app.rotate_keys(by, &|_, _| {}).await });
    let done = rotating.await.map_err(|_| Problem::new("internal"))??;
    Ok(axum::Json(json!({ "done": done, "keys": door.app.key_list().await? })).into_response())
}
