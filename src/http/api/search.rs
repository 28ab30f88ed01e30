//! The full-text search.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Query;
use crate::access::Action;
use crate::archive::{Found, FoundHit};
use crate::domain::{CaseId, DocumentId, DossierId};
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem};
use crate::search::{self, Source};

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    pub(crate) q: String,
    pub(crate) dossier: Option<DossierId>,
    pub(crate) kind: Option<String>,
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

/// A hit as the API shows it.
#[derive(Serialize)]
pub(crate) struct HitView {
    pub(crate) document: Option<DocumentId>,
    pub(crate) case: Option<CaseId>,
    pub(crate) dossier: DossierId,
    pub(crate) kind: String,
    pub(crate) page: Option<u32>,
    pub(crate) snippet: String,
    pub(crate) score: f32,
}

impl From<FoundHit> for HitView {
    fn from(hit: FoundHit) -> Self {
        let FoundHit { source, dossier, kind, score, snippet } = hit;
        let (document, case, page) = match source {
            Source::Page { document, page } => (Some(document), None, Some(page)),
            Source::Dossier => (None, None, None),
            Source::Note { case, .. } => (None, Some(case), None),
        };
        Self { document, case, dossier, kind, page, snippet, score }
    }
}

/// `GET /api/v1/search`
pub(super) async fn search(
    State(door): State<Door>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let limit = super::page_size(&door, wanted.limit);
    let offset = match &wanted.cursor {
        Some(cursor) => cursor.parse().map_err(|_| Problem::bad_request("cursor"))?,
        None => 0,
    };
    let found = find(&door, &caller, &wanted, offset, limit).await?;
    let next = offset + limit;
    let next_cursor = (next < found.total).then(|| next.to_string());
    let hits: Vec<HitView> = found.hits.into_iter().map(Into::into).collect();
    let body = json!({ "total": found.total, "hits": hits, "next_cursor": next_cursor, "approximate": found.approximate, "ignored": found.ignored });
    Ok(axum::Json(body).into_response())
}

/// Searches in what the caller may see.
pub(crate) async fn find(
    door: &Door,
    caller: &Caller,
    wanted: &Wanted,
    offset: usize,
    limit: usize,
) -> Result<Found, Problem> {
    let permit = caller.may(door, Action::Search)?;
    let mut query = search::Query::parse(&wanted.q).and_dates(wanted.from, wanted.to);
    if let Some(kind) = wanted.kind.as_deref().filter(|kind| !kind.is_empty()) {
        query = query.and_kind(kind);
    }
    if let Some(dossier) = wanted.dossier {
        query = query.and_dossier(dossier);
    }
    let in_force = rules(door)?;
    let app = &door.app;
    let finder =
        crate::archive::Finder { policies: &in_force.policies, index: &app.index, dossiers: &app.dossiers };
    Ok(app.archive.find(&permit, finder, &wanted.q, &query, (offset, limit)).await?)
}
