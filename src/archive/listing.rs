//! Taking the list of what a search finds out of the archive: all of it, within what the taker may see.
//!
//! What is taken out leaves the archive in the clear. Who took which list, and why, is in the log before the first row
//! is made. A list that is too long is refused as a whole, never cut.

use futures::{StreamExt, stream};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Archive, Error, Finder, FoundHit};
use crate::access::{Action, Permit};
use crate::cases;
use crate::documents::{self, Document};
use crate::domain::{CaseId, DocumentId, DossierId, business_date};
use crate::journal::{self, Draft, Facts, Projection};
use crate::search::{self, Hit, Marker, Order, Query, Source, Wanted, plain};
use crate::searches::Search;
use crate::sheets::Form;

/// So many texts are opened at once for the words around the hits.
const TEXTS_AT_ONCE: usize = 4;

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("search.exported", project_exported)];

/// What is taken out, and why.
#[derive(Debug, Clone, Copy)]
pub struct Taking<'a> {
    /// What is searched for.
    pub search: &'a Search,
    /// What for.
    pub reason: &'a str,
    /// In which form.
    pub form: Form,
}

/// One row of the list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The customer's name.
    pub customer: String,
    /// The dossier.
    pub dossier: DossierId,
    /// Kind of document, `dossier` or `note`.
    pub kind: String,
    /// The document that the hit is in.
    pub document: Option<DocumentId>,
    /// Its file name.
    pub filename: Option<String>,
    /// Its page.
    pub page: Option<u32>,
    /// When the document came, the dossier was opened or the note was written.
    pub date: Option<Date>,
    /// The case that the document was handed in for, or that the note is of.
    pub case: Option<CaseId>,
    /// The text around the hit.
    pub text: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Exported {
    #[serde(flatten)]
    search: Search,
    reason: String,
    format: Form,
    rows: usize,
    documents: Vec<DocumentId>,
}

/// A hit and what the rows know of it.
struct Placed {
    hit: Hit,
    customer: String,
    opened: Date,
}

impl Archive {
    /// All that a search finds in what the permit's actor may see. That it was taken is durably in the log before this
    /// returns.
    ///
    /// # Errors
    /// [`Error::NoReason`] without a reason, [`Error::TooManyRows`] for a list that is too long; then nothing is noted.
    pub async fn take_list(
        &self,
        permit: &Permit,
        finder: Finder<'_>,
        taking: Taking<'_>,
    ) -> Result<Vec<Listed>, Error> {
        if !permit.covers_archive(Action::ExportSearch) {
            return Err(Error::NotPermitted);
        }
        let reason = taking.reason.trim();
        if reason.is_empty() {
            return Err(Error::NoReason);
        }
        let query = taking.search.query();
        let placed = self.placed(permit, finder, &query, taking.search.sort).await?;
        let documents = placed.iter().filter_map(|placed| match placed.hit.source {
            Source::Page { document, .. } => Some(document),
            _ => None,
        });
        let mut documents: Vec<DocumentId> = documents.collect();
        documents.sort_unstable();
        documents.dedup();
        let (search, reason, rows) = (taking.search.clone(), reason.to_owned(), placed.len());
        let fact = Exported { search, reason, format: taking.form, rows, documents };
        self.journal.commit_durably(Draft::new("search.exported", permit.actor().id, &fact)?).await?;
        let marker = Marker::of(&query);
        let rows = stream::iter(placed).map(|placed| self.listed(finder, &marker, placed));
        rows.buffered(TEXTS_AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
    }

    /// The hits that the actor may see, each asked for again.
    async fn placed(
        &self,
        permit: &Permit,
        finder: Finder<'_>,
        query: &Query,
        order: Order,
    ) -> Result<Vec<Placed>, Error> {
        let (actor, limit) = (permit.actor(), self.limits.export_rows);
        let scope = finder.scope(actor, Action::ViewDocument)?;
        let (index, query) = (finder.index.clone(), query.clone());
        let searching = tokio::task::spawn_blocking(move || {
            // Counting alone costs nothing; a list that is too long is not even looked up.
            let counted = index.search_as(&query, &scope, Wanted::default())?;
            match counted.total > limit {
                true => Ok(counted),
                false => index.search_whole(&query, &scope, order, limit),
            }
        });
        let results = searching.await.map_err(|_| search::Error::Lost)??;
        if results.total > limit {
            return Err(Error::TooManyRows { rows: results.total, limit });
        }
        let mut placed = Vec::with_capacity(results.hits.len());
        for hit in results.hits {
            placed.extend(finder.seen(actor, hit.dossier)?.map(|dossier| Placed {
                hit,
                customer: dossier.name().to_owned(),
                opened: business_date(dossier.opened_at),
            }));
        }
        Ok(placed)
    }

    async fn listed(&self, finder: Finder<'_>, marker: &Marker, placed: Placed) -> Result<Listed, Error> {
        let Placed { hit, customer, opened } = placed;
        let FoundHit { source, dossier, kind, snippet, .. } =
            self.with_snippet(hit, finder.dossiers, marker).await;
        // Texts that are in memory already are looked through without a pause: others have their turn in between.
        tokio::task::yield_now().await;
        let found: Option<Document> = match source {
            Source::Page { document, .. } => documents::get(&self.records, document)?,
            _ => None,
        };
        let (document, page, date, case) = match source {
            Source::Page { document, page } => {
                let received = found.as_ref().map(|found| business_date(found.received_at));
                (Some(document), Some(page), received, found.as_ref().and_then(|found| found.case))
            }
            Source::Dossier => (None, None, Some(opened), None),
            Source::Note { case, seq } => (None, None, self.note_date(case, seq)?, Some(case)),
        };
        let filename = found.and_then(|found| found.filename);
        Ok(Listed { customer, dossier, kind, document, filename, page, date, case, text: plain(&snippet) })
    }

    fn note_date(&self, case: CaseId, seq: u32) -> Result<Option<Date>, Error> {
        let notes = cases::notes(&self.records, case)?;
        Ok(notes.into_iter().find(|note| note.seq == seq).map(|note| business_date(note.at)))
    }
}

fn project_exported(_: &mut Projection<'_>) -> Result<(), journal::Error> {
    Ok(())
}
