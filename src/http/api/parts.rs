//! Stacks: what became of their parts, and sending a part on by hand.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Json;
use super::documents::{permitted, seen};
use crate::access::Action;
use crate::domain::CaseId;
use crate::http::{Caller, Door, Problem};
use crate::stacks;

/// `GET /api/v1/documents/{id}/parts`: what became of a stack.
pub(super) async fn show(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (document, sight) = seen(&door, &caller, &id, Action::ViewDocument)?;
    sight.note(&door, "document").await?;
    let split = stacks::get(&sight.records, document.id)?.ok_or_else(|| Problem::new("not_split"))?;
    Ok(axum::Json(split).into_response())
}

/// Which pages go where.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pages: Vec<u32>,
    case: CaseId,
    kind: String,
}

/// `POST /api/v1/documents/{id}/parts`: these pages become a document of that kind in that case.
pub(super) async fn send_on(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Json(part): Json<Part>,
) -> Result<Response, Problem> {
    let (document, _) = permitted(&door, &caller, &id, Action::ViewDocument)?;
    let app = &door.app;
    let split = app.send_part_on(&caller.actor, &document, &part.pages, part.case, &part.kind).await?;
    Ok(axum::Json(split).into_response())
}
