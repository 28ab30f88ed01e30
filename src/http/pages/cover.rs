//! Cover sheets: printed, laid on top of the papers of one kind, and scanned with them in one stack.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use url::form_urlencoded;

use super::frame::{Frame, page};
use super::visit::Signed;
use super::words::titled;
use crate::access::Action;
use crate::domain::CaseId;
use crate::http::api::{Query, parse_id};
use crate::http::{Door, Problem};
use crate::reading::stack::{Cover, Mark, svg};
use crate::text::say;
use crate::workflow::{Case, Definition};

#[derive(Template)]
#[template(path = "cover.html")]
struct Page {
    frame: Frame,
    case: CaseId,
    customer: String,
    kind: String,
    workflow: String,
    adviser: String,
    code: String,
    payload: String,
}

/// Of which kind the papers are.
#[derive(Deserialize)]
pub(super) struct Wanted {
    kind: String,
}

/// `GET /cases/{id}/cover`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let (case, definition, payload) = payload(&door, &signed, &id, &wanted.kind)?;
    let (dossier, _) = signed.caller.dossier(&door, case.dossier, Action::ViewCase)?;
    let lang = signed.visit.lang;
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("kind", &wanted.kind).finish();
    let content = Page {
        frame: Frame::of(&door, &signed.visit, say(lang, "page-cover-title")),
        case: case.id,
        customer: dossier.name().to_owned(),
        kind: titled(definition.document_title(&wanted.kind), lang, &wanted.kind),
        workflow: definition.title.get(lang.tag()).to_owned(),
        adviser: case.adviser_name,
        code: format!("/cases/{}/cover.svg?{query}", case.id),
        payload,
    };
    page(StatusCode::OK, &content)
}

/// `GET /cases/{id}/cover.svg`: the code alone.
pub(super) async fn code(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let (.., payload) = payload(&door, &signed, &id, &wanted.kind)?;
    let drawn = svg(&payload).ok_or_else(|| Problem::new("internal"))?;
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "private, no-store")];
    Ok((headers, drawn).into_response())
}

fn payload(
    door: &Door,
    signed: &Signed,
    id: &str,
    kind: &str,
) -> Result<(Case, Arc<Definition>, String), Problem> {
    let id: CaseId = parse_id(id, "unknown_case")?;
    let case = door.app.cases.get(id)?.ok_or_else(|| Problem::new("unknown_case"))?;
    signed.caller.dossier(door, case.dossier, Action::ViewCase)?;
    let unknown = || Problem::new("unknown_kind").value("kind", kind);
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    if !definition.documents.contains_key(kind) {
        return Err(unknown());
    }
    let cover = Cover::new(&case.id.to_string(), kind).ok_or_else(unknown)?;
    Ok((case, definition, Mark::Cover(cover).to_string()))
}
