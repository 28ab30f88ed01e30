//! What stands beside the page: the fields that were found in the document with what was typed, and the marks.

use super::place::Place;
use super::strip::Strip;
use super::{Ground, items};
use crate::cases::Mark;
use crate::fields::Field;
use crate::http::pages::form::{Choice, Fields};
use crate::http::pages::offered::{Remark, in_words};
use crate::http::pages::words::{self, titled};
use crate::text::{Lang, say_with};

/// A field that the reader found, beside what the dossier says.
pub(super) struct Row {
    pub(super) number: usize,
    pub(super) title: String,
    pub(super) value: String,
    pub(super) unsure: bool,
    pub(super) href: String,
    pub(super) on_page: bool,
    /// What was typed, where it can be compared.
    pub(super) known: String,
    pub(super) agrees: bool,
    pub(super) differs: bool,
}

/// A mark, in words.
pub(super) struct Marked {
    pub(super) id: u64,
    pub(super) place: String,
    pub(super) reason: String,
    pub(super) note: String,
    pub(super) by: String,
    pub(super) href: String,
}

/// The form that marks something as wrong, with what was typed into it.
#[derive(Default)]
pub(super) struct Marking {
    pub(super) open: bool,
    pub(super) scope: String,
    pub(super) reasons: Vec<Choice>,
    pub(super) note: String,
    pub(super) region: [String; 4],
}

/// The fields of the document that is looked at.
#[derive(Default)]
pub(super) struct Offered {
    pub(super) fields: Vec<Field>,
    /// What is known instead, for those that differ.
    pub(super) differing: Vec<(Field, Vec<String>)>,
    pub(super) remarks: Vec<Remark>,
}

/// What was found beside what was typed: equal, different, or nothing to compare with.
pub(super) fn rows(ground: &Ground<'_>, offered: &Offered, place: &Place) -> Vec<Row> {
    let lang = ground.signed.visit.lang;
    let facts = &ground.dossier.facts;
    let typed =
        |value: &str| facts.values().any(|fact| fact.as_str().is_some_and(|fact| fact.trim() == value));
    let row = |(index, field): (usize, &Field)| {
        let said = in_words(lang, field);
        let differing = offered.differing.iter().find(|(one, _)| one == field).map(|(_, known)| known);
        let agrees = differing.is_none() && typed(&field.value);
        let known =
            differing.map(|known| words::list(lang, known.iter().map(|one| in_kind(lang, field, one))));
        let at = place.document.map(|id| place.at(id, field.page));
        Row {
            number: index + 1,
            known: known.unwrap_or_else(|| if agrees { said.value.clone() } else { String::new() }),
            title: said.title,
            value: said.value,
            unsure: said.unsure,
            href: at.map(|place| place.href(ground.case.id)).unwrap_or_default(),
            on_page: field.page == place.page,
            differs: differing.is_some(),
            agrees,
        }
    };
    offered.fields.iter().enumerate().map(row).collect()
}

/// A known value as the values of its kind are written.
fn in_kind(lang: Lang, field: &Field, value: &str) -> String {
    in_words(lang, &Field { value: value.to_owned(), ..field.clone() }).value
}

/// The marks of this review, in the order of the documents.
pub(super) fn marked(ground: &Ground<'_>, strips: &[Strip], place: &Place) -> Vec<Marked> {
    let Ground { signed, case, review, definition, .. } = *ground;
    let lang = signed.visit.lang;
    let mut all = Vec::new();
    for strip in strips {
        all.extend(review.marks_now(case, strip.document.id).map(|mark| Marked {
            id: mark.id,
            place: said_place(lang, &strip.kind, mark),
            reason: titled(definition.reason_title(&mark.reason), lang, &mark.reason),
            note: mark.note.clone().unwrap_or_default(),
            by: mark.by_name.clone(),
            href: place.at(strip.document.id, mark.page.unwrap_or(1)).href(case.id),
        }));
    }
    all
}

/// Where a mark is, in words.
fn said_place(lang: Lang, kind: &str, mark: &Mark) -> String {
    match mark.page {
        Some(page) => say_with(lang, "page-review-on-page", &[("what", kind), ("page", &page.to_string())]),
        None => kind.to_owned(),
    }
}

/// The form that marks something, with what was typed into it.
pub(super) fn marking(ground: &Ground<'_>, typed: Option<&Fields>) -> Marking {
    let lang = ground.signed.visit.lang;
    let text = |name: &str| typed.map(|typed| typed.get(name).to_owned()).unwrap_or_default();
    let reason = text("reason");
    let scope = Some(text("scope")).filter(|scope| !scope.is_empty());
    Marking {
        open: typed.is_some(),
        scope: scope.unwrap_or_else(|| "page".to_owned()),
        reasons: items::reasons(lang, ground.definition, Some(&reason)),
        note: text("note"),
        region: ["left", "top", "width", "height"].map(text),
    }
}
