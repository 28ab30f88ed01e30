//! Finding: a query against the index, filtered by what the searcher may see, with snippets from the sealed texts.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use lru::LruCache;
use serde::{Deserialize, Serialize};

use super::{Archive, Error, InState};
use crate::access::{Action, Permit, Policies};
use crate::cases;
use crate::documents;
use crate::domain::{Actor, CaseId, DocumentId, DossierId};
use crate::dossiers::{self, Dossier};
use crate::journal::{self, Draft, Facts, Projection};
use crate::reading::{self, Reading};
use crate::search::{self, Hit, Index, Marker, Number, Place, Query, Scope, Source, Wanted};

/// How many documents' texts are kept opened in memory.
const CACHED_TEXTS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
const SNIPPET_CHARS: usize = 160;
/// The most places that are told of one hit.
const PLACES: usize = 20;

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("search.made", project_made)];

/// Texts of documents that were opened lately.
#[derive(Clone)]
pub struct Texts(Arc<Mutex<LruCache<DocumentId, Arc<Reading>>>>);

impl Default for Texts {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(CACHED_TEXTS))))
    }
}

impl Texts {
    pub(super) fn get(&self, id: DocumentId) -> Option<Arc<Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Forgets the texts of these documents.
    pub(crate) fn forget(&self, ids: impl IntoIterator<Item = DocumentId>) {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            texts.pop(&id);
        }
    }

    pub(super) fn put(&self, id: DocumentId, reading: &Arc<Reading>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(id, Arc::clone(reading));
    }
}

/// What a search looks in and by which rules.
#[derive(Clone, Copy)]
pub struct Finder<'a> {
    /// Who may see what.
    pub policies: &'a Policies,
    /// The index.
    pub index: &'a Index,
    /// The dossiers.
    pub dossiers: &'a dossiers::Dossiers,
}

impl Finder<'_> {
    /// Where somebody may do this.
    pub(super) fn scope(&self, actor: &Actor, action: Action) -> Result<Scope, Error> {
        Ok(match self.policies.permits_all(actor, action) {
            true => Scope::All,
            false => Scope::Dossiers(self.dossiers.within_reach(actor.id).map_err(not_journal)?),
        })
    }

    /// The dossier of a hit, if the searcher may see its documents: asked again of each hit, whatever the index says.
    pub(super) fn seen(&self, actor: &Actor, dossier: DossierId) -> Result<Option<Dossier>, Error> {
        let dossier = self.dossiers.get(dossier).map_err(not_journal)?;
        let Some(dossier) = dossier else { return Ok(None) };
        let subject = self.dossiers.subject_for(&dossier, actor).map_err(not_journal)?;
        let seen = self.policies.permit(actor, Action::ViewDocument, subject).is_ok();
        Ok(Some(dossier).filter(|_| seen))
    }
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Found {
    /// How many hits there are in all that the searcher may see.
    pub total: usize,
    /// The wanted ones, best first.
    pub hits: Vec<FoundHit>,
    /// Whether nothing fits exactly and these are near matches.
    pub approximate: bool,
    /// What comes close beside a few hits that fit exactly.
    pub near: Vec<FoundHit>,
    /// What of the query was ignored.
    pub ignored: Vec<search::Ignored>,
    /// How the hits are spread, if that was asked for.
    pub facets: Option<search::Facets>,
    /// How they are spread over the states of their cases; none if they are of too many.
    pub states: Option<BTreeMap<String, InState>>,
    /// The moment of the list, if it has other parts.
    pub view: Option<search::View>,
    /// Where the next part begins.
    pub next: Option<search::Cursor>,
}

/// One hit.
#[derive(Debug, Clone)]
pub struct FoundHit {
    /// Where the text stands.
    pub source: Source,
    /// Its dossier.
    pub dossier: DossierId,
    /// Kind of document, `dossier` or `note`.
    pub kind: String,
    /// The best first; comparable within one search.
    pub score: f32,
    /// HTML-escaped text around the match, with `<mark>`.
    pub snippet: String,
    /// Where on the page the lines stand that have what was searched for.
    pub places: Vec<Place>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Made {
    query: String,
    documents: Vec<DocumentId>,
}

impl Archive {
    /// Searches in what the permit's actor may see. The query and what it showed are in the log.
    ///
    /// `text` is the query as it was typed, for the log.
    pub async fn find(
        &self,
        permit: &Permit,
        finder: Finder<'_>,
        text: &str,
        query: &Query,
        wanted: Wanted,
    ) -> Result<Found, Error> {
        if !permit.covers_archive(Action::Search) {
            return Err(Error::NotPermitted);
        }
        let Finder { index, dossiers, .. } = finder;
        let actor = permit.actor();
        let scope = finder.scope(actor, Action::ViewDocument)?;
        let (searched, asked) = (index.clone(), query.clone());
        let searching = tokio::task::spawn_blocking(move || searched.search_as(&asked, &scope, wanted));
        let results = searching.await.map_err(|_| search::Error::Lost)??;
        let seen = |hits: Vec<Hit>| -> Result<Vec<Hit>, Error> {
            let mut seen = Vec::new();
            for hit in hits {
                let may = finder.seen(actor, hit.dossier)?.is_some();
                seen.extend(may.then_some(hit));
            }
            Ok(seen)
        };
        let (hits, near) = (seen(results.hits)?, seen(results.near)?);
        self.note_search(permit, text, hits.iter().chain(&near)).await?;
        let (mut facets, mut ignored, mut states) = (results.facets, results.ignored, None);
        if let Some(facets) = &mut facets {
            match facets.too_many_cases {
                true => ignored.push(search::Ignored::TooManyCases),
                false => states = Some(self.by_state(std::mem::take(&mut facets.cases)).await?),
            }
        }
        let marker = Marker::of(query);
        let shown =
            |hits: Vec<Hit>| join_all(hits.into_iter().map(|hit| self.with_snippet(hit, dossiers, &marker)));
        let (hits, near) = (shown(hits).await, shown(near).await);
        Ok(Found {
            total: results.total,
            hits,
            approximate: results.approximate,
            near,
            ignored,
            facets,
            states,
            view: results.view,
            next: results.next,
        })
    }

    /// Customers whose names begin as somebody types, or are typed so on a Latin keyboard: those that they may see.
    pub async fn suggest(
        &self,
        permit: &Permit,
        finder: Finder<'_>,
        typed: &str,
        limit: usize,
    ) -> Result<Vec<Dossier>, Error> {
        if !permit.covers_archive(Action::Search) {
            return Err(Error::NotPermitted);
        }
        let Finder { policies, index, dossiers } = finder;
        let actor = permit.actor();
        let scope = finder.scope(actor, Action::ViewDossier)?;
        let (searched, query) = (index.clone(), Query::of_name(typed));
        let searching = tokio::task::spawn_blocking(move || searched.search(&query, &scope, 0, limit));
        let results = searching.await.map_err(|_| search::Error::Lost)??;
        let mut found = Vec::new();
        for hit in results.hits {
            let dossier = dossiers.get(hit.dossier).map_err(not_journal)?;
            let Some(dossier) = dossier else { continue };
            let subject = dossiers.subject_for(&dossier, actor).map_err(not_journal)?;
            if policies.permit(actor, Action::ViewDossier, subject).is_ok() {
                found.push(dossier);
            }
        }
        Ok(found)
    }

    /// Numbers of contracts and companies that begin as somebody types, on pages that they may see.
    pub async fn suggest_numbers(
        &self,
        permit: &Permit,
        finder: Finder<'_>,
        typed: &str,
        limit: usize,
    ) -> Result<Vec<Number>, Error> {
        if !permit.covers_archive(Action::Search) {
            return Err(Error::NotPermitted);
        }
        let actor = permit.actor();
        let scope = finder.scope(actor, Action::ViewDocument)?;
        let (searched, typed) = (finder.index.clone(), typed.to_owned());
        let searching = tokio::task::spawn_blocking(move || searched.numbers(&typed, &scope, limit));
        let mut numbers = Vec::new();
        for number in searching.await.map_err(|_| search::Error::Lost)?? {
            numbers.extend(finder.seen(actor, number.dossier)?.map(|_| number));
        }
        Ok(numbers)
    }

    /// The hit with the text around it; none if its text cannot be had.
    pub(super) async fn with_snippet(
        &self,
        hit: Hit,
        dossiers: &dossiers::Dossiers,
        marker: &Marker,
    ) -> FoundHit {
        let mut places = Vec::new();
        let text = match &hit.source {
            Source::Page { document, page } => {
                let (text, reading) = self.page_text(*document, *page).await.unwrap_or_default();
                let pages = reading.iter().flat_map(|reading| &reading.pages);
                let lines = pages.filter(|found| found.number == *page).flat_map(|page| &page.lines);
                places = marker.places(lines, PLACES);
                text
            }
            Source::Dossier => dossiers
                .get(hit.dossier)
                .ok()
                .flatten()
                .map(|dossier| card_text(&dossier))
                .unwrap_or_default(),
            Source::Note { case, seq } => self.note_text(*case, *seq).unwrap_or_default(),
        };
        let snippet = marker.snippet(&text, SNIPPET_CHARS);
        let Hit { source, dossier, kind, score } = hit;
        FoundHit { source, dossier, kind, score, snippet, places }
    }

    /// The searchable text of a page, and the reading that it is of; the file name stands before the first.
    async fn page_text(&self, id: DocumentId, page: u32) -> Result<(String, Option<Arc<Reading>>), Error> {
        let Some(document) = documents::get(&self.records, id)? else { return Ok(Default::default()) };
        let title = document.filename.clone().filter(|_| page <= 1).unwrap_or_default();
        let reading = match self.cached_reading(&document).await {
            Ok(reading) => reading,
            Err(Error::NotRead) => return Ok((title, None)),
            Err(error) => return Err(error),
        };
        let found = reading.pages.iter().find(|found| found.number == page);
        let text = found.map(reading::Page::searchable).unwrap_or_default();
        let text = if title.is_empty() { text } else { format!("{title}\n{text}") };
        Ok((text, Some(reading)))
    }

    fn note_text(&self, case: CaseId, seq: u32) -> Result<String, Error> {
        let notes = cases::notes(&self.records, case)?;
        Ok(notes.into_iter().find(|note| note.seq == seq).map(|note| note.text).unwrap_or_default())
    }

    async fn note_search(
        &self,
        permit: &Permit,
        query: &str,
        hits: impl Iterator<Item = &Hit>,
    ) -> Result<(), Error> {
        let document = |hit: &Hit| match hit.source {
            Source::Page { document, .. } => Some(document),
            _ => None,
        };
        let fact = Made { query: query.to_owned(), documents: hits.filter_map(document).collect() };
        self.journal.commit(Draft::new("search.made", permit.actor().id, &fact)?).await?;
        Ok(())
    }
}

/// The searchable text of a dossier: its facts' values.
pub fn card_text(dossier: &Dossier) -> String {
    let values = dossier.facts.values().filter_map(|value| value.as_str());
    values.collect::<Vec<_>>().join("\n")
}

fn not_journal(error: dossiers::Error) -> Error {
    match error {
        dossiers::Error::Records(error) => error.into(),
        dossiers::Error::Keys(error) => error.into(),
        dossiers::Error::Journal(error) => error.into(),
        dossiers::Error::NotPermitted => Error::NotPermitted,
    }
}

fn project_made(_: &mut Projection<'_>) -> Result<(), journal::Error> {
    Ok(())
}
