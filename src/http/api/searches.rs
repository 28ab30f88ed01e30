//! Saved searches: each person's own.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Json, Page, parse_id};
use crate::access::Action;
use crate::domain::{DossierId, SearchId};
use crate::http::{Caller, Door, Problem, upload};
use crate::search::Order;
use crate::searches::{Saved, Search};

/// What is to be saved, and under which name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSearch {
    name: String,
    #[serde(default)]
    q: String,
    kind: Option<String>,
    dossier: Option<DossierId>,
    from: Option<Date>,
    to: Option<Date>,
    #[serde(default)]
    sort: Order,
}

/// A saved search as the API shows it.
#[derive(Serialize)]
struct SavedView {
    id: SearchId,
    name: String,
    #[serde(flatten)]
    search: Search,
    saved_at: jiff::Timestamp,
}

impl From<Saved> for SavedView {
    fn from(saved: Saved) -> Self {
        let Saved { id, name, search, saved_at, .. } = saved;
        Self { id, name, search, saved_at }
    }
}

/// `GET /api/v1/searches`: those of the caller, by name.
pub(super) async fn list(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    let permit = caller.may(&door, Action::Search)?;
    let entries: Vec<SavedView> = door.app.searches.list(&permit)?.into_iter().map(Into::into).collect();
    Ok(axum::Json(json!(Page { entries, next_cursor: None })).into_response())
}

/// `POST /api/v1/searches`: a name that is there already gets the new search.
pub(super) async fn save(
    State(door): State<Door>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewSearch>,
) -> Result<Response, Problem> {
    let permit = caller.may(&door, Action::Search)?;
    let key = upload::idempotency_key(&headers)?;
    let NewSearch { name, q, kind, dossier, from, to, sort } = new;
    let search = Search { q, kind: kind.filter(|kind| !kind.is_empty()), dossier, from, to, sort };
    let (saved, repeated) = door.app.searches.save(&permit, &name, search, key).await?;
    let status = if repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, axum::Json(SavedView::from(saved))).into_response())
}

/// `DELETE /api/v1/searches/{id}`
pub(super) async fn forget(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    forget_saved(&door, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a saved search of the caller's.
pub(crate) async fn forget_saved(door: &Door, caller: &Caller, id: &str) -> Result<(), Problem> {
    let permit = caller.may(door, Action::Search)?;
    Ok(door.app.searches.forget(&permit, parse_id(id, "unknown_search")?).await?)
}
