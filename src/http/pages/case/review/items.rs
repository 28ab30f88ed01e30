//! The items of the checklist as they are judged, and what they make of a return.

use std::collections::BTreeMap;

use super::place::Place;
use super::strip::Strip;
use crate::cases::{Mark, Review, Verdict};
use crate::domain::{CaseId, DocumentId};
use crate::http::pages::form::Choice;
use crate::http::pages::words::titled;
use crate::text::{Lang, say};
use crate::workflow::{Case, ChecklistItem, Definition};

/// One item of the checklist.
pub(super) struct Item {
    pub(super) key: String,
    pub(super) title: String,
    pub(super) need: u32,
    pub(super) missing: bool,
    pub(super) verdict: Option<Verdict>,
    /// The same, in words.
    pub(super) said: String,
    /// Why it fails, in words.
    pub(super) why: Option<String>,
    pub(super) by: String,
    pub(super) files: Vec<File>,
    pub(super) current: bool,
    pub(super) href: String,
    /// Whether it is to fail and a reason is still needed.
    pub(super) asks: bool,
    pub(super) reasons: Vec<Choice>,
}

impl Item {
    pub(super) fn is(&self, verdict: Verdict) -> bool {
        self.verdict == Some(verdict)
    }

    pub(super) fn passes(&self) -> bool {
        self.is(Verdict::Pass)
    }

    pub(super) fn fails(&self) -> bool {
        self.is(Verdict::Fail)
    }

    pub(super) fn is_left_out(&self) -> bool {
        self.is(Verdict::NotApplicable)
    }

    /// Whether somebody has to judge it yet.
    pub(super) fn is_open(&self) -> bool {
        self.verdict.is_none()
    }
}

/// A document that counts for an item.
pub(super) struct File {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) since: String,
    pub(super) changed: bool,
    pub(super) marks: usize,
    pub(super) current: bool,
}

/// The items as they stand, with those that `asking` wants a reason for.
pub(super) fn items(
    lang: Lang,
    definition: &Definition,
    (case, list, review): (&Case, &[ChecklistItem], &Review),
    strips: &[Strip],
    place: &Place,
    asking: Option<&str>,
) -> Vec<Item> {
    let current = current(list, place);
    let item = |one: &ChecklistItem| {
        let key = one.kinds.first().cloned().unwrap_or_default();
        let judged = review.judged(one);
        let verdict = judged.map(|judged| judged.verdict);
        let reason = judged.and_then(|judged| judged.reason.as_ref());
        let asks = asking == Some(key.as_str());
        Item {
            title: one.title.get(lang.tag()).to_owned(),
            need: one.need,
            missing: !one.ok,
            verdict,
            said: verdict_word(lang, verdict),
            why: reason.map(|reason| titled(definition.reason_title(reason), lang, reason)),
            by: judged.map(|judged| judged.by_name.clone()).unwrap_or_default(),
            files: files(case.id, one, strips, place),
            current: current.as_deref() == Some(key.as_str()),
            href: Place { item: key.clone(), ..first_page(one, place) }.href(case.id),
            asks,
            reasons: reasons(lang, definition, reason),
            key,
        }
    };
    list.iter().map(item).collect()
}

/// The item that one is at: the one that the address names, else the one that the document counts for.
pub(super) fn current(list: &[ChecklistItem], place: &Place) -> Option<String> {
    let named = list.iter().find(|item| item.kinds.first() == Some(&place.item));
    let shown = || list.iter().find(|item| place.document.is_some_and(|id| item.documents.contains(&id)));
    named.or_else(shown).and_then(|item| item.kinds.first().cloned())
}

/// The next item that nobody has judged, after this one, and its first document.
pub(super) fn next_open(
    list: &[ChecklistItem],
    review: &Review,
    after: &str,
    place: &Place,
) -> Option<Place> {
    let at = list.iter().position(|item| item.kinds.first().is_some_and(|kind| kind == after));
    let (before, rest) = list.split_at(at.map_or(0, |at| at + 1));
    let open = rest.iter().chain(before).find(|item| review.judged(item).is_none())?;
    let item = open.kinds.first().cloned().unwrap_or_default();
    Some(Place { item, ..first_page(open, place) })
}

fn first_page(item: &ChecklistItem, place: &Place) -> Place {
    match item.documents.first() {
        Some(first) if place.document.is_none_or(|shown| !item.documents.contains(&shown)) => {
            place.at(*first, 1)
        }
        _ => place.clone(),
    }
}

fn files(case: CaseId, item: &ChecklistItem, strips: &[Strip], place: &Place) -> Vec<File> {
    let found = item.documents.iter().filter_map(|id| strips.iter().find(|one| one.document.id == *id));
    let file = |strip: &Strip| File {
        name: if strip.filename.is_empty() { strip.kind.clone() } else { strip.filename.clone() },
        href: place.at(strip.document.id, 1).href(case),
        since: strip.since_said.clone(),
        changed: strip.since.is_some_and(super::strip::Since::is_changed),
        marks: strip.marks,
        current: strip.current,
    };
    found.map(file).collect()
}

/// The return reasons, one of them chosen.
pub(super) fn reasons(lang: Lang, definition: &Definition, chosen: Option<&String>) -> Vec<Choice> {
    let choice = |(name, reason): (&String, &crate::workflow::Reason)| Choice {
        label: titled(Some(&reason.title), lang, name),
        chosen: chosen == Some(name),
        value: name.clone(),
    };
    definition.return_reasons.iter().map(choice).collect()
}

fn verdict_word(lang: Lang, verdict: Option<Verdict>) -> String {
    say(
        lang,
        match verdict {
            None => "page-review-open",
            Some(Verdict::Pass) => "page-review-pass",
            Some(Verdict::Fail) => "page-review-fail",
            Some(Verdict::NotApplicable) => "page-review-not-applicable",
        },
    )
}

/// What a return would say, by what was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::http::pages::case) struct Found {
    /// The reason of the first one that fails.
    pub(in crate::http::pages::case) reason: Option<String>,
    /// What fails, documents by id and kinds that are missing, each with a reason if it is another one.
    pub(in crate::http::pages::case) failing: BTreeMap<String, Option<String>>,
    /// How many contracts fail.
    pub(in crate::http::pages::case) contracts: u32,
    /// What was written with the marks.
    pub(in crate::http::pages::case) note: String,
}

/// What a return would say: the items that fail with their documents, and every document with a mark.
pub(super) fn found(
    lang: Lang,
    definition: &Definition,
    case: &Case,
    list: &[ChecklistItem],
    review: &Review,
) -> Found {
    let mut named: Vec<(String, Option<String>)> = Vec::new();
    let (mut contracts, mut notes) = (0, Vec::new());
    for item in list {
        let judged = review.judged(item);
        let fails = judged.is_some_and(|judged| judged.verdict == Verdict::Fail);
        let of_item = judged.and_then(|judged| judged.reason.clone());
        let marked = |id: &&DocumentId| review.marks_now(case, **id).next().is_some();
        let mut failing: Vec<&DocumentId> = item.documents.iter().filter(marked).collect();
        if fails && failing.is_empty() {
            failing = item.documents.iter().collect();
        }
        let (mut count, kind) = (failing.len(), item.kinds.first());
        for id in failing {
            let marks: Vec<&Mark> = review.marks_now(case, *id).collect();
            let reason = marks.first().map(|mark| mark.reason.clone()).or_else(|| of_item.clone());
            notes.extend(marks.iter().filter_map(|mark| note(lang, item, mark)));
            named.push((id.to_string(), reason));
        }
        if let Some(kind) = kind.filter(|_| fails && !item.ok) {
            count += 1;
            named.push((kind.clone(), of_item));
        }
        let per_contract =
            kind.and_then(|kind| definition.documents.get(kind)).is_some_and(|kind| kind.per_contract);
        if per_contract {
            contracts = contracts.max(u32::try_from(count).unwrap_or(u32::MAX));
        }
    }
    let reason = named.iter().find_map(|(_, reason)| reason.clone());
    let own = |(name, given): (String, Option<String>)| {
        (name, given.filter(|given| Some(given) != reason.as_ref()))
    };
    let contracts = if named.is_empty() { 0 } else { contracts.clamp(1, case.contracts.max(1)) };
    Found { failing: named.into_iter().map(own).collect(), reason, contracts, note: notes.join("\n") }
}

fn note(lang: Lang, item: &ChecklistItem, mark: &Mark) -> Option<String> {
    let note = mark.note.as_ref()?;
    let title = item.title.get(lang.tag());
    Some(match mark.page {
        Some(page) => format!("{title} {} {page}: {note}", say(lang, "page-page-number")),
        None => format!("{title}: {note}"),
    })
}
