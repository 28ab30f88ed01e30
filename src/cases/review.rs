//! What a reviewer has found on a case so far: item by item, page by page. It decides nothing; what is decided is an action.
//!
//! All of it is one row a case, made of the entries `case.reviewed`: who found what, and when, is in the log. It outlives
//! the claim under which it was found, so that whoever goes on, today or at the next attempt, begins where the last one ended.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rows::{CLAIMS, Claim};
use super::{Cases, Error, Ground, TRIES, still_on, unchanged};
use crate::access::{Action, Permit};
use crate::documents::{self, Document};
use crate::domain::{Actor, CaseId, DocumentId, Sha256Digest};
use crate::dossiers;
use crate::journal::{self, Draft, Projection};
use crate::records::{self, Records, Table};
use crate::workflow::{self, Case, ChecklistItem, Definition, Refusal, Title};

/// What was found on a case, by its id.
const REVIEWS: Table<Review> = Table::new("cases.reviews");

/// How many marks a case may have.
pub const MOST_MARKS: usize = 500;
/// How long a sentence with a mark may be, in characters.
pub const LONGEST_MARK_NOTE: usize = 1000;

/// What was found on a case so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The items of the checklist that were judged, by the item's first kind.
    #[serde(default)]
    pub items: BTreeMap<String, Judged>,
    /// What is wrong, in the order in which it was marked.
    #[serde(default)]
    pub marks: Vec<Mark>,
    /// The pages that were looked at, by the digest of the document: the same bytes handed in again need no second look.
    #[serde(default)]
    pub viewed: BTreeMap<Sha256Digest, BTreeSet<u32>>,
    /// How far pages are turned clockwise from how they were read, in degrees: 90, 180 or 270.
    #[serde(default)]
    pub turns: BTreeMap<DocumentId, BTreeMap<u32, u16>>,
}

/// What was found of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// What.
    pub verdict: Verdict,
    /// Why it fails: one of the definition's return reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What counted for the item then. Once other documents count, the item is open again.
    pub documents: Vec<DocumentId>,
    /// By whom.
    pub by_name: String,
    /// When.
    pub at: Timestamp,
}

/// What can be found of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it should be.
    Pass,
    /// It is not.
    Fail,
    /// This case does not need it.
    NotApplicable,
}

impl Verdict {
    /// The verdict of this word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "pass" => Some(Self::Pass),
            "fail" => Some(Self::Fail),
            "not_applicable" => Some(Self::NotApplicable),
            _ => None,
        }
    }
}

/// Something that is wrong with a document, a page, or a part of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Its number: that of the entry. Filled by the projection.
    #[serde(default)]
    pub id: u64,
    /// The document.
    pub document: DocumentId,
    /// The page, counted from 1; none if it is the document as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The part of the page; none if it is the page as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// One of the definition's return reasons.
    pub reason: String,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// At which attempt it was found.
    pub attempt: u32,
    /// Which entry of a state it was found in: once the case has left that state, the adviser is shown it.
    pub state_entry: u32,
    /// By whom.
    pub by_name: String,
    /// When.
    pub at: Timestamp,
}

/// A part of a page, in shares of its width and height, on the upright page as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Left, from 0 to 1.
    pub x: f32,
    /// Top.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Region {
    /// The least width and height: what is smaller cannot be seen.
    const LEAST: f32 = 0.001;
    /// What rounding may put outside of the page.
    const SLACK: f32 = 0.0005;

    fn is_on_page(&self) -> bool {
        let fits = |from: f32, size: f32| {
            from >= 0.0 && size >= Self::LEAST && from + size <= 1.0 + Self::SLACK && size.is_finite()
        };
        fits(self.x, self.width) && fits(self.y, self.height)
    }
}

/// What is wrong, as whoever found it says it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMark {
    /// The document.
    pub document: DocumentId,
    /// The page.
    pub page: Option<u32>,
    /// The part of the page.
    pub region: Option<Region>,
    /// Why.
    pub reason: String,
    /// A sentence.
    pub note: Option<String>,
}

/// What is to be noted.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// An item is judged, or open again.
    Item {
        /// Its first kind.
        item: String,
        /// What was found; none: it is open again.
        verdict: Option<Verdict>,
        /// Why it fails.
        reason: Option<String>,
    },
    /// Something is wrong.
    Mark(NewMark),
    /// It was not.
    Unmark {
        /// The mark.
        mark: u64,
    },
    /// A page was looked at, or has to be looked at again.
    Viewed {
        /// The document.
        document: DocumentId,
        /// The page.
        page: u32,
        /// Whether it was.
        viewed: bool,
    },
    /// A page is turned, for everybody who looks at it from now on.
    Turned {
        /// The document.
        document: DocumentId,
        /// The page.
        page: u32,
        /// Clockwise, from how it was read: 0, 90, 180 or 270.
        degrees: u16,
    },
}

/// The fact of `case.reviewed`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reviewed {
    Item { item: String, judged: Option<Judged> },
    Mark(Mark),
    Unmark { mark: u64 },
    Viewed { sha256: Sha256Digest, page: u32, viewed: bool },
    Turned { document: DocumentId, page: u32, degrees: u16 },
}

impl Review {
    /// What was found of an item, if it was the same documents that counted then.
    pub fn judged(&self, item: &ChecklistItem) -> Option<&Judged> {
        let judged = self.items.get(item.kinds.first()?)?;
        (judged.documents == item.documents).then_some(judged)
    }

    /// Whether a page of these bytes was looked at.
    pub fn is_viewed(&self, sha256: &Sha256Digest, page: u32) -> bool {
        self.viewed.get(sha256).is_some_and(|pages| pages.contains(&page))
    }

    /// How far a page is turned clockwise, in degrees.
    pub fn turn(&self, document: DocumentId, page: u32) -> u16 {
        self.turns.get(&document).and_then(|pages| pages.get(&page)).copied().unwrap_or_default()
    }

    /// The marks on a document that were made where the case stands now.
    pub fn marks_now<'a>(
        &'a self,
        case: &'a Case,
        document: DocumentId,
    ) -> impl Iterator<Item = &'a Mark> + 'a {
        let now = move |mark: &&Mark| mark.document == document && mark.state_entry == case.state_entry;
        self.marks.iter().filter(now)
    }

    /// The marks on a document that the adviser is to see: those of reviews that are over.
    pub fn marks_told<'a>(
        &'a self,
        case: &'a Case,
        document: DocumentId,
    ) -> impl Iterator<Item = &'a Mark> + 'a {
        let told = move |mark: &&Mark| {
            mark.document == document && (case.is_final || mark.state_entry < case.state_entry)
        };
        self.marks.iter().filter(told)
    }
}

/// What was found on a case so far.
pub fn review(records: &Records, case: CaseId) -> Result<Review, records::Error> {
    Ok(records.get(&REVIEWS, case.as_bytes())?.unwrap_or_default())
}

/// Why this actor may not review the case as it stands; nothing if they may.
pub fn may_review(definition: &Definition, case: &Case, actor: &Actor) -> Result<(), Refusal> {
    let state = definition.state(&case.state);
    if case.is_final || !definition.judges(&case.state) {
        return Err(Refusal::WrongState { state: case.state.clone(), offered: Vec::new() });
    }
    let needed = state.map(|state| state.waits_for.clone()).unwrap_or_default();
    if !needed.iter().any(|role| actor.has_role(role)) {
        return Err(Refusal::Role { needed });
    }
    if case.submitted_by == Some(actor.id) { Err(Refusal::FourEyes) } else { Ok(()) }
}

impl Cases {
    /// Notes what the actor, who has claimed the case and has seen it at `seen_version`, found. Tells the entry.
    ///
    /// # Errors
    /// A refusal of the workflow; [`Error::Claimed`] or [`Error::NotClaimed`] if the case is not theirs to work on.
    pub async fn review(
        &self,
        permit: &Permit,
        ground: Ground<'_>,
        id: CaseId,
        seen_version: u64,
        change: &Change,
    ) -> Result<u64, Error> {
        for _ in 0..TRIES {
            let case = self.get(id)?.ok_or(Error::Unknown)?;
            still_on(ground, &case)?;
            if !permit.covers(Action::ActOnCase, case.dossier) {
                return Err(Error::NotPermitted);
            }
            may_review(ground.definition, &case, permit.actor())?;
            self.not_as_party(permit.actor(), ground.definition, &case)?;
            if case.version != seen_version {
                return Err(Refusal::StaleVersion { current: case.version }.into());
            }
            let claim = self.own_claim(permit.actor(), id)?;
            let fact = self.reviewed(ground, &case, permit.actor(), change)?;
            let mut expected = unchanged(&case)?;
            expected.expect(&CLAIMS, id.as_bytes(), &claim)?;
            let draft = Draft::new("case.reviewed", permit.actor().id, &fact)?.expecting(expected);
            match self.journal.commit_durably(draft.dossier(case.dossier).case(id)).await {
                Err(journal::Error::Conflict) => {}
                other => return Ok(other?),
            }
        }
        Err(journal::Error::Conflict.into())
    }

    /// Four eyes, for deputies.
    fn not_as_party(&self, actor: &Actor, definition: &Definition, case: &Case) -> Result<(), Error> {
        let needed = definition.state(&case.state).map(|state| state.waits_for.as_slice());
        self.acting_for(actor, needed.unwrap_or_default(), &[case.submitted_by, Some(case.adviser)])?;
        Ok(())
    }

    fn own_claim(&self, actor: &Actor, id: CaseId) -> Result<Claim, Error> {
        let held = super::claim(&self.records, id, self.clock.now())?.ok_or(Error::NotClaimed)?;
        if held.person == actor.id { Ok(held) } else { Err(Error::Claimed(Box::new(held))) }
    }

    /// The fact, if what is to be noted can be.
    fn reviewed(
        &self,
        ground: Ground<'_>,
        case: &Case,
        actor: &Actor,
        change: &Change,
    ) -> Result<Reviewed, Error> {
        let definition = ground.definition;
        Ok(match change {
            Change::Item { item, verdict, reason } => {
                let judged = self.judged(definition, case, actor, item, *verdict, reason.as_ref())?;
                Reviewed::Item { item: item.clone(), judged }
            }
            Change::Mark(new) => {
                let document = self.in_basket(case, new.document)?;
                check_reason(definition, &new.reason)?;
                check_place(&document, new)?;
                if review(&self.records, case.id)?.marks.len() >= MOST_MARKS {
                    return Err(bad("mark", "标记已满", "the case has as many marks as one may have"));
                }
                Reviewed::Mark(self.mark(case, actor, new))
            }
            Change::Unmark { mark } => {
                let now = |one: &Mark| one.id == *mark && one.state_entry == case.state_entry;
                if !review(&self.records, case.id)?.marks.iter().any(now) {
                    return Err(Error::UnknownMark);
                }
                Reviewed::Unmark { mark: *mark }
            }
            Change::Viewed { document, page, viewed } => {
                let document = self.in_basket(case, *document)?;
                check_page(&document, *page)?;
                Reviewed::Viewed { sha256: document.sha256, page: *page, viewed: *viewed }
            }
            Change::Turned { document, page, degrees } => {
                let document = self.in_basket(case, *document)?;
                check_page(&document, *page)?;
                if !matches!(degrees, 0 | 90 | 180 | 270) {
                    return Err(bad("turn", "只能是0、90、180或270", "it is 0, 90, 180 or 270"));
                }
                Reviewed::Turned { document: document.id, page: *page, degrees: *degrees }
            }
        })
    }

    fn judged(
        &self,
        definition: &Definition,
        case: &Case,
        actor: &Actor,
        item: &str,
        verdict: Option<Verdict>,
        reason: Option<&String>,
    ) -> Result<Option<Judged>, Error> {
        let dossier = dossiers::get(&self.records, case.dossier)?.ok_or(journal::Error::Closed)?;
        let items = workflow::checklist(definition, &dossier.facts, case).items;
        let found = items.into_iter().find(|one| one.kinds.first().is_some_and(|kind| kind == item));
        let found = found.ok_or_else(|| bad("item", "清单中没有此项", "the checklist has no such item"))?;
        let Some(verdict) = verdict else { return Ok(None) };
        if let Some(reason) = reason {
            check_reason(definition, reason)?;
        }
        let review = review(&self.records, case.id)?;
        let marked = found.documents.iter().any(|id| review.marks_now(case, *id).next().is_some());
        if verdict == Verdict::Fail && reason.is_none() && !marked {
            return Err(Refusal::Missing { inputs: vec!["reason".into()] }.into());
        }
        let (reason, at) = (reason.filter(|_| verdict == Verdict::Fail).cloned(), self.clock.now());
        let (documents, by_name) = (found.documents, actor.name.clone());
        Ok(Some(Judged { verdict, reason, documents, by_name, at }))
    }

    fn mark(&self, case: &Case, actor: &Actor, new: &NewMark) -> Mark {
        Mark {
            id: 0,
            document: new.document,
            page: new.page,
            region: new.region,
            reason: new.reason.clone(),
            note: new.note.clone(),
            attempt: case.attempt,
            state_entry: case.state_entry,
            by_name: actor.name.clone(),
            at: self.clock.now(),
        }
    }

    fn in_basket(&self, case: &Case, id: DocumentId) -> Result<Document, Error> {
        let inside = case.documents.iter().any(|attached| attached.document == id);
        let document = if inside { documents::get(&self.records, id)? } else { None };
        document
            .ok_or_else(|| bad("document", "不在本次提交的资料中", "it is not among the case's documents"))
    }
}

fn check_reason(definition: &Definition, reason: &str) -> Result<(), Refusal> {
    if definition.return_reasons.contains_key(reason) {
        return Ok(());
    }
    let known = definition.return_reasons.keys().cloned().collect();
    Err(Refusal::UnknownReason { reason: reason.to_owned(), known })
}

fn check_place(document: &Document, new: &NewMark) -> Result<(), Error> {
    match (new.page, new.region) {
        (Some(page), _) => check_page(document, page)?,
        (None, Some(_)) => return Err(bad("region", "须写明页码", "it must be said on which page")),
        (None, None) => {}
    }
    if new.region.is_some_and(|region| !region.is_on_page()) {
        return Err(bad("region", "超出页面范围", "it is not on the page"));
    }
    if new.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_MARK_NOTE) {
        return Err(Error::TooLong { limit: LONGEST_MARK_NOTE });
    }
    Ok(())
}

/// A document that was not read has one page, as far as anybody can look at it.
fn check_page(document: &Document, page: u32) -> Result<(), Error> {
    let pages = document.reading.as_ref().map_or(1, |reading| reading.pages.max(1));
    if (1..=pages).contains(&page) {
        Ok(())
    } else {
        Err(bad("page", "没有这一页", "there is no such page"))
    }
}

fn bad(input: &str, zh: &str, en: &str) -> Error {
    Refusal::BadValue { input: input.into(), why: Title::new(zh, en) }.into()
}

/// Takes what was found on a case away: its dossier is sealed.
pub(super) fn forget(projection: &mut Projection<'_>, case: CaseId) {
    projection.delete(&REVIEWS, case.as_bytes());
}

pub(super) fn project_reviewed(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let fact: Reviewed = projection.fact()?;
    let case = projection.entry.case.ok_or(journal::Error::Corrupt)?;
    let mut review = projection.get(&REVIEWS, case.as_bytes())?.unwrap_or_default();
    match fact {
        Reviewed::Item { item, judged: Some(judged) } => {
            review.items.insert(item, judged);
        }
        Reviewed::Item { item, judged: None } => {
            review.items.remove(&item);
        }
        Reviewed::Mark(mark) => review.marks.push(Mark { id: projection.index, ..mark }),
        Reviewed::Unmark { mark } => review.marks.retain(|one| one.id != mark),
        Reviewed::Viewed { sha256, page, viewed } => {
            let pages = review.viewed.entry(sha256).or_default();
            match viewed {
                true => pages.insert(page),
                false => pages.remove(&page),
            };
        }
        Reviewed::Turned { document, page, degrees } => {
            let pages = review.turns.entry(document).or_default();
            match degrees {
                0 => pages.remove(&page),
                _ => pages.insert(page, degrees),
            };
        }
    }
    projection.put(&REVIEWS, case.as_bytes(), &review)
}
