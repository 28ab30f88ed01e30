//! How documents were read, what could not be read and why, and reading again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::documents::{DocumentView, permitted};
use super::{Json, Page, Query, page_size, parse_id};
use crate::access::Action;
use crate::app::Which;
use crate::documents::{self, Document};
use crate::domain::DocumentId;
use crate::http::{Caller, Door, Problem};
use crate::reading::Password;

/// Pages of which OCR was less sure are to be looked at by people, unless somebody says otherwise, in percent.
const UNSURE_PERCENT: u8 = 80;

/// Which documents.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Ended {
    Failed,
    Waiting,
    Unsure,
    All,
}

impl Ended {
    fn which(self, percent: Option<u8>) -> Which {
        match self {
            Self::Failed => Which::Failed,
            Self::Waiting => Which::Waiting,
            Self::Unsure => Which::Unsure(percent.unwrap_or(UNSURE_PERCENT)),
            Self::All => Which::All,
        }
    }
}

/// What is asked for.
#[derive(Deserialize)]
pub(super) struct Wanted {
    state: Ended,
    below_percent: Option<u8>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// `GET /api/v1/reading`: the documents that the caller may see, by how their reading ended.
pub(super) async fn list(
    State(door): State<Door>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let which = wanted.state.which(wanted.below_percent);
    let limit = page_size(&door, wanted.limit);
    let after = wanted.cursor.as_deref().map(|cursor| parse_id(cursor, "bad_request")).transpose()?;
    let mut found = Vec::new();
    for document in documents::from(&door.app.records, after) {
        let document = document?;
        let wanted = Some(document.id) != after && which.has(&document);
        if wanted && may(&door, &caller, &document, Action::ViewDocument) {
            found.push(document);
        }
        if found.len() == limit {
            break;
        }
    }
    let next_cursor = found.last().filter(|_| found.len() == limit).map(|last| last.id.to_string());
    let entries = found.into_iter().map(|document| DocumentView::seen(&door, document));
    let entries = entries.collect::<Result<_, _>>()?;
    Ok(axum::Json(json!(Page { entries, next_cursor })).into_response())
}

/// Which documents are to be read again: these, or those in a state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    #[serde(default)]
    documents: Vec<String>,
    state: Option<Ended>,
    below_percent: Option<u8>,
    /// What the one document that is named is opened with.
    password: Option<Zeroizing<String>>,
}

/// `POST /api/v1/reading`: calls for documents to be read again.
pub(super) async fn again(
    State(door): State<Door>,
    caller: Caller,
    Json(again): Json<Again>,
) -> Result<Response, Problem> {
    let mut wanted: Vec<DocumentId> = Vec::new();
    for id in &again.documents {
        let (document, _) = permitted(&door, &caller, id, Action::AddDocument)?;
        wanted.push(document.id);
    }
    if let Some(password) = again.password {
        let (&[document], None) = (wanted.as_slice(), again.state) else {
            return Err(Problem::new("bad_request"));
        };
        door.app.reread_with(document, parse_password(password)?)?;
        return Ok((StatusCode::ACCEPTED, axum::Json(json!({ "documents": 1 }))).into_response());
    }
    if let Some(state) = again.state {
        for id in door.app.read_as(state.which(again.below_percent))? {
            let document = documents::get(&door.app.records, id)?;
            if document.is_some_and(|document| may(&door, &caller, &document, Action::AddDocument)) {
                wanted.push(id);
            }
        }
    }
    door.app.reread(&wanted)?;
    Ok((StatusCode::ACCEPTED, axum::Json(json!({ "documents": wanted.len() }))).into_response())
}

/// The password of a document, as it was typed.
pub(crate) fn parse_password(text: Zeroizing<String>) -> Result<Password, Problem> {
    Password::new(text).ok_or_else(|| Problem::new("bad_request"))
}

fn may(door: &Door, caller: &Caller, document: &Document, action: Action) -> bool {
    caller.dossier(door, document.dossier, action).is_ok()
}
