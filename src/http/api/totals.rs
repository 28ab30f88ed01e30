//! The archive in figures, for whoever compares a restored copy with it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::access::Action;
use crate::http::{Caller, Door, Problem};

/// `GET /api/v1/totals`
pub(super) async fn totals(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    caller.may(&door, Action::ReadLog)?;
    let app = door.app.clone();
    let counting = tokio::task::spawn_blocking(move || app.totals()).await;
    let totals = counting.map_err(|_| Problem::new("internal"))??;
    Ok(axum::Json(totals).into_response())
}
