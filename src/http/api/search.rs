//! The full-text search.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Query;
use crate::access::Action;
use crate::archive::{Finder, Found, FoundHit};
use crate::domain::{CaseId, DocumentId, DossierId};
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem};
use crate::packs::InForce;
use crate::search::{self, Facets, Order, Source};
use crate::searches::Search;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    pub(crate) q: String,
    pub(crate) dossier: Option<DossierId>,
    pub(crate) kind: Option<String>,
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    /// `relevance`, `newest` or `oldest`.
    #[serde(default)]
    pub(crate) sort: Sort,
    /// Whether the hits are counted by kind, year and dossier.
    #[serde(default)]
    pub(crate) facets: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

impl Wanted {
    /// What is searched for, without how it is shown.
    pub(crate) fn search(&self) -> Search {
        Search {
            q: self.q.clone(),
            kind: self.kind.clone().filter(|kind| !kind.is_empty()),
            dossier: self.dossier,
            from: self.from,
            to: self.to,
            sort: self.sort.into(),
        }
    }
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    #[default]
    Relevance,
    Newest,
    Oldest,
}

impl From<Sort> for Order {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Relevance => Self::Relevance,
            Sort::Newest => Self::Newest,
            Sort::Oldest => Self::Oldest,
        }
    }
}

/// How many hits have a value.
#[derive(Debug, Serialize)]
pub(crate) struct Counted {
    pub(crate) value: String,
    /// The customer's name, for a dossier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) count: u64,
}

/// How the hits are spread; of each the most frequent values.
#[derive(Debug, Serialize)]
pub(crate) struct FacetsView {
    pub(crate) kinds: Vec<Counted>,
    pub(crate) years: Vec<Counted>,
    pub(crate) dossiers: Vec<Counted>,
}

impl FacetsView {
    pub(crate) fn of(door: &Door, facets: Facets) -> Result<Self, Problem> {
        let counted = |(value, count): (String, u64)| Counted { value, name: None, count };
        let mut dossiers = most(facets.dossiers.into_iter().collect());
        dossiers.truncate(MOST_VALUES);
        let dossiers = dossiers.into_iter().map(|(id, count)| {
            let name = door.app.dossiers.get(id)?.map(|dossier| dossier.name().to_owned());
            Ok(Counted { value: id.to_string(), name, count })
        });
        let years = facets.years.into_iter().rev().map(|(year, count)| (year.to_string(), count));
        Ok(Self {
            kinds: most(facets.kinds.into_iter().collect())
                .into_iter()
                .take(MOST_VALUES)
                .map(counted)
                .collect(),
            years: years.take(MOST_VALUES).map(counted).collect(),
            dossiers: dossiers.collect::<Result<_, Problem>>()?,
        })
    }
}

/// The values of one facet that are told.
const MOST_VALUES: usize = 20;

/// The most frequent first.
fn most<T: Ord>(mut counted: Vec<(T, u64)>) -> Vec<(T, u64)> {
    counted.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
    counted
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
    let facets = found.facets.map(|facets| FacetsView::of(&door, facets)).transpose()?;
    let hits: Vec<HitView> = found.hits.into_iter().map(Into::into).collect();
    let mut body = json!({ "total": found.total, "hits": hits, "next_cursor": next_cursor, "approximate": found.approximate, "ignored": found.ignored });
    if let Some(facets) = facets {
        body["facets"] = json!(facets);
    }
    Ok(axum::Json(body).into_response())
}

/// What is typed so far.
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    pub(crate) q: String,
}

/// The most names that are suggested.
const SUGGESTIONS: usize = 8;

/// `GET /api/v1/search/suggest?q=`: customers whose names begin so.
pub(crate) async fn suggest(
    State(door): State<Door>,
    caller: Caller,
    Query(typed): Query<Typed>,
) -> Result<Response, Problem> {
    let permit = caller.may(&door, Action::Search)?;
    let in_force = rules(&door)?;
    let found = door.app.archive.suggest(&permit, finder(&door, &in_force), &typed.q, SUGGESTIONS).await?;
    let suggested = found.iter().map(|dossier| json!({ "name": dossier.name(), "dossier": dossier.id }));
    let body = json!({ "suggestions": suggested.collect::<Vec<_>>() });
    Ok(([(header::CACHE_CONTROL, "private, no-store")], axum::Json(body)).into_response())
}

/// What a search looks in, by the rules in force.
pub(super) fn finder<'a>(door: &'a Door, in_force: &'a InForce) -> Finder<'a> {
    Finder { policies: &in_force.policies, index: &door.app.index, dossiers: &door.app.dossiers }
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
    let query = wanted.search().query();
    let in_force = rules(door)?;
    let part = search::Wanted { offset, limit, order: wanted.sort.into(), facets: wanted.facets };
    Ok(door.app.archive.find(&permit, finder(door, &in_force), &wanted.q, &query, part).await?)
}
