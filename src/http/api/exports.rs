//! Exports: a dossier with its proofs, then its documents one by one.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::Deserialize;

use super::documents::describe;
use super::{Query, parse_id};
use crate::access::Action;
use crate::documents;
use crate::domain::{DocumentId, DossierId};
use crate::http::{Caller, Door, Problem};

/// At which time.
#[derive(Deserialize)]
pub(super) struct When {
    as_of: Option<Date>,
}

/// `GET /api/v1/dossiers/{id}/export`: facts, documents, cases and penalties, with a proof for each document.
pub(super) async fn show(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Query(when): Query<When>,
) -> Result<Response, Problem> {
    let id: DossierId = parse_id(&id, "unknown_dossier")?;
    let (_, permit) = caller.dossier(&door, id, Action::ExportDossier)?;
    Ok(axum::Json(door.app.archive.export(&permit, id, when.as_of).await?).into_response())
}

/// `GET /api/v1/dossiers/{id}/export/{document}`: the original bytes of a document that is taken along.
pub(super) async fn content(
    State(door): State<Door>,
    caller: Caller,
    Path((id, document)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id: DossierId = parse_id(&id, "unknown_dossier")?;
    let (_, permit) = caller.dossier(&door, id, Action::ExportDossier)?;
    let document: DocumentId = parse_id(&document, "unknown_document")?;
    let document = documents::get(&door.app.records, document)?.filter(|document| document.dossier == id);
    let document = document.ok_or_else(|| Problem::new("unknown_document"))?;
    let bytes = door.app.archive.export_content(&permit, &document).await?;
    let mut response = Body::from_stream(bytes).into_response();
    describe(&document, &None, response.headers_mut())?;
    Ok(response)
}
