//! The documents of the case in the order of its checklist, with their pages: what is new since the last attempt, what was
//! looked at, what was marked.

use super::place::Place;
use crate::cases::Review;
use crate::documents::{self, Document};
use crate::domain::DocumentId;
use crate::http::pages::words::titled;
use crate::http::{Door, Problem};
use crate::text::{Lang, say};
use crate::workflow::{Attached, Case, ChecklistItem, Definition};

/// What became of a document since the last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// It was there, byte for byte.
    Unchanged,
    /// Nothing stood in its place.
    New,
    /// It stands in the place of another one.
    Replaced,
}

impl Since {
    /// The word for it.
    pub(super) fn said(self, lang: Lang) -> String {
        say(
            lang,
            match self {
                Self::Unchanged => "page-review-unchanged",
                Self::New => "page-review-new",
                Self::Replaced => "page-review-replaced",
            },
        )
    }

    /// Whether it has to be looked at anew.
    pub(super) fn is_changed(self) -> bool {
        self != Self::Unchanged
    }
}

/// One document of the strip.
pub(super) struct Strip {
    pub(super) document: Document,
    pub(super) kind: String,
    pub(super) filename: String,
    /// Nothing at the first attempt.
    pub(super) since: Option<Since>,
    /// The same, in words.
    pub(super) since_said: String,
    /// The document in whose place it stands.
    pub(super) before: Option<DocumentId>,
    pub(super) sheets: Vec<Sheet>,
    pub(super) marks: usize,
    pub(super) current: bool,
}

impl Strip {
    /// Whether there is nothing new in it.
    pub(super) fn is_calm(&self) -> bool {
        self.since == Some(Since::Unchanged)
    }
}

/// One page of the strip.
pub(super) struct Sheet {
    pub(super) number: u32,
    pub(super) href: String,
    pub(super) picture: Option<String>,
    /// What it is called, before its number, for those who do not see it.
    pub(super) name: String,
    pub(super) viewed: bool,
    pub(super) marks: usize,
    pub(super) current: bool,
    pub(super) turn: u16,
}

/// The documents that count, in the order of the checklist; then those that it does not ask for.
pub(super) fn strips(
    door: &Door,
    lang: Lang,
    definition: &Definition,
    case: &Case,
    items: &[ChecklistItem],
    review: &Review,
) -> Result<Vec<Strip>, Problem> {
    let asked = items.iter().flat_map(|item| item.documents.iter());
    let others = case.documents.iter().map(|attached| &attached.document);
    let mut ids: Vec<DocumentId> = Vec::new();
    for id in asked.chain(others.filter(|id| !case.wrong.contains(id))) {
        if !ids.contains(id) {
            ids.push(*id);
        }
    }
    let mut strips = Vec::new();
    for id in ids {
        let Some(document) = documents::get(&door.app.records, id)? else { continue };
        let (since, before) = since(case, &document);
        strips.push(Strip {
            kind: titled(definition.document_title(&document.kind), lang, &document.kind),
            filename: document.filename.clone().unwrap_or_default(),
            since_said: since.map(|since| since.said(lang)).unwrap_or_default(),
            since,
            before,
            sheets: Vec::new(),
            marks: review.marks_now(case, id).count(),
            current: false,
            document,
        });
    }
    Ok(strips)
}

/// The pages of the strips, seen from `place`.
pub(super) fn lay_out(strips: &mut [Strip], lang: Lang, case: &Case, review: &Review, place: &Place) {
    for strip in strips {
        let document = &strip.document;
        strip.current = place.document == Some(document.id);
        let sheet = |number: u32| {
            let marked = review.marks_now(case, document.id).filter(|mark| mark.page == Some(number));
            let shown = document.reading.as_ref().is_some_and(|reading| reading.pictures.is_some());
            Sheet {
                number,
                href: place.at(document.id, number).href(case.id),
                picture: shown
                    .then(|| format!("/api/v1/documents/{}/pages/{number}?thumbnail=true", document.id)),
                name: format!("{} {}", strip.kind, say(lang, "page-page-number")),
                viewed: review.is_viewed(&document.sha256, number),
                marks: marked.count(),
                current: strip.current && place.page == number,
                turn: review.turn(document.id, number),
            }
        };
        strip.sheets = (1..=pages(document)).map(sheet).collect();
    }
}

/// How many pages a document has, as far as anybody can look at them.
pub(super) fn pages(document: &Document) -> u32 {
    document.reading.as_ref().map_or(1, |reading| reading.pages.max(1))
}

/// What became of a document since the last attempt, and in whose place it stands.
fn since(case: &Case, document: &Document) -> (Option<Since>, Option<DocumentId>) {
    // The last one frozen is what is looked at now.
    let Some(last) = case.frozen.iter().rev().nth(1) else { return (None, None) };
    if last.documents.iter().any(|old| old.sha256 == document.sha256) {
        return (Some(Since::Unchanged), None);
    }
    let is_new = |one: &&Attached| {
        one.kind == document.kind && last.documents.iter().all(|old| old.sha256 != one.sha256)
    };
    let new: Vec<&Attached> = case.documents.iter().filter(is_new).collect();
    let is_gone = |old: &&Attached| old.kind == document.kind && case.wrong.contains(&old.document);
    let gone: Vec<&Attached> = last.documents.iter().filter(is_gone).collect();
    // Those that failed at earlier attempts stand before those that failed at the last one.
    let place = new.iter().position(|one| one.document == document.id);
    let place = place.map(|place| gone.len().saturating_sub(new.len()) + place);
    match place.and_then(|place| gone.get(place)) {
        Some(before) => (Some(Since::Replaced), Some(before.document)),
        None => (Some(Since::New), None),
    }
}
