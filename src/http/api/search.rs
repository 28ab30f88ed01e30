//! The full-text search.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Query;
use crate::access::Action;
use crate::archive::{Finder, Found, FoundHit, InState};
use crate::domain::{CaseId, DocumentId, DossierId};
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem};
use crate::packs::InForce;
use crate::search::{self, Cursor, Facets, Ignored, Order, Place, Source};
use crate::searches::Search;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    pub(crate) q: String,
    pub(crate) dossier: Option<DossierId>,
    pub(crate) kind: Option<String>,
    /// In which state the case stands that a hit belongs to.
    pub(crate) state: Option<String>,
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    /// `relevance`, `newest` or `oldest`.
    #[serde(default)]
    pub(crate) sort: Sort,
    /// Whether the hits are counted by kind, year, dossier and state.
    #[serde(default)]
    pub(crate) facets: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<Cursor>,
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
    /// None if the hits are of too many cases.
    pub(crate) states: Option<Vec<Counted>>,
}

impl FacetsView {
    pub(crate) fn of(
        door: &Door,
        facets: Facets,
        states: Option<BTreeMap<String, InState>>,
    ) -> Result<Self, Problem> {
        let counted = |(value, count): (String, u64)| Counted { value, name: None, count };
        let mut dossiers = most(facets.dossiers.into_iter().collect());
        dossiers.truncate(MOST_VALUES);
        let dossiers = dossiers.into_iter().map(|(id, count)| {
            let name = door.app.dossiers.get(id)?.map(|dossier| dossier.name().to_owned());
            Ok(Counted { value: id.to_string(), name, count })
        });
        let by_state = |states: BTreeMap<String, InState>| {
            let counts = states.into_iter().map(|(state, of)| (state, of.count)).collect();
            most(counts).into_iter().take(MOST_VALUES).map(counted).collect()
        };
        let years = facets.years.into_iter().rev().map(|(year, count)| (year.to_string(), count));
        Ok(Self {
            kinds: most(facets.kinds.into_iter().collect())
                .into_iter()
                .take(MOST_VALUES)
                .map(counted)
                .collect(),
            years: years.take(MOST_VALUES).map(counted).collect(),
            dossiers: dossiers.collect::<Result<_, Problem>>()?,
            states: states.map(by_state),
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
    /// Of the lines on the page that have what was searched for.
    pub(crate) boxes: Vec<Place>,
}

impl From<FoundHit> for HitView {
    fn from(hit: FoundHit) -> Self {
        let FoundHit { source, dossier, kind, score, snippet, places: boxes } = hit;
        let (document, case, page) = match source {
            Source::Page { document, page } => (Some(document), None, Some(page)),
            Source::Dossier => (None, None, None),
            Source::Note { case, .. } => (None, Some(case), None),
        };
        Self { document, case, dossier, kind, page, snippet, score, boxes }
    }
}

/// What was found, as the API shows it.
#[derive(Serialize)]
struct FoundView {
    total: usize,
    hits: Vec<HitView>,
    /// What comes close beside them.
    near: Vec<HitView>,
    next_cursor: Option<String>,
    approximate: bool,
    ignored: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<FacetsView>,
}

/// `GET /api/v1/search`
pub(super) async fn search(
    State(door): State<Door>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let limit = super::page_size(&door, wanted.limit);
    let offset = wanted.cursor.map_or(0, |cursor| cursor.offset);
    let found = find(&door, &caller, &wanted, offset, limit).await?;
    let next_cursor = found.next.map(|next| next.to_string());
    let ignored: Vec<String> = found.ignored.iter().map(ToString::to_string).collect();
    let (states, facets) = (found.states, found.facets);
    let facets = facets.map(|facets| FacetsView::of(&door, facets, states)).transpose()?;
    let views = |hits: Vec<FoundHit>| hits.into_iter().map(Into::into).collect::<Vec<HitView>>();
    let (hits, near) = (views(found.hits), views(found.near));
    let (total, approximate) = (found.total, found.approximate);
    let body = FoundView { total, hits, near, next_cursor, approximate, ignored, facets };
    Ok(axum::Json(body).into_response())
}

/// What is typed so far.
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    pub(crate) q: String,
}

/// The most near matches beside a few that fit.
const NEAR: usize = 5;
/// The most names that are suggested, and the most numbers.
const SUGGESTIONS: usize = 8;

/// `GET /api/v1/search/suggest?q=`: customers whose names begin so, and numbers of contracts and companies.
pub(crate) async fn suggest(
    State(door): State<Door>,
    caller: Caller,
    Query(typed): Query<Typed>,
) -> Result<Response, Problem> {
    let permit = caller.may(&door, Action::Search)?;
    let in_force = rules(&door)?;
    let (archive, finder) = (&door.app.archive, finder(&door, &in_force));
    let names = archive.suggest(&permit, finder, &typed.q, SUGGESTIONS).await?;
    let numbers = archive.suggest_numbers(&permit, finder, &typed.q, SUGGESTIONS).await?;
    let names = names.iter().map(|dossier| json!({ "name": dossier.name(), "dossier": dossier.id }));
    let numbers = numbers.iter().map(|found| json!({ "number": found.number, "dossier": found.dossier }));
    let body = json!({ "suggestions": names.chain(numbers).collect::<Vec<_>>() });
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
    let (order, facets, moment) = (wanted.sort.into(), wanted.facets, wanted.cursor.into());
    let near = if offset == 0 { NEAR } else { 0 };
    let part = search::Wanted { offset, limit, order, facets, moment, near };
    let (archive, finder) = (&door.app.archive, finder(door, &in_force));
    let state = wanted.state.as_deref().filter(|state| !state.is_empty());
    let narrowed = match state {
        Some(state) => archive.in_state(&permit, finder, &query, (state, moment)).await?,
        None => None,
    };
    let too_many = state.is_some() && narrowed.is_none();
    let mut found = archive.find(&permit, finder, &wanted.q, &narrowed.unwrap_or(query), part).await?;
    if too_many && !found.ignored.contains(&Ignored::TooManyCases) {
        found.ignored.push(Ignored::TooManyCases);
    }
    Ok(found)
}
