//! The basket: the checklist with what is there, the documents, and what could still be put in.

use std::time::Duration;

use super::review::said_mark;
use crate::access::Action;
use crate::cases;
use crate::documents::{self, Document};
use crate::domain::DocumentId;
use crate::dossiers::Dossier;
use crate::http::api::documents::check_case;
use crate::http::pages::offered::Beside;
use crate::http::pages::papers::{Paper, Upload, papers, upload};
use crate::http::pages::visit::Signed;
use crate::http::pages::words::titled;
use crate::http::{Door, Problem};
use crate::workflow::{Case, Definition, checklist};

/// What was found is shown of so many documents; of the others it is on their own pages.
const MOST_OFFERED: usize = 50;
/// The page does not wait longer for it, as when the object store is slow or away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a case holds, in words.
pub(super) struct Basket {
    pub(super) items: Vec<Item>,
    pub(super) papers: Vec<Paper>,
    /// Documents of the dossier that are in no case.
    pub(super) loose: Vec<Paper>,
    /// The form for more, if the case takes more from this visitor.
    pub(super) upload: Option<Upload>,
}

/// One line of the checklist.
pub(super) struct Item {
    /// The kind's key, the first of several that will do.
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) need: u32,
    pub(super) ok: bool,
    /// Documents that are there and count.
    pub(super) files: Vec<File>,
}

/// One document that counts.
pub(super) struct File {
    pub(super) id: DocumentId,
    pub(super) filename: String,
    /// What the reader found in it.
    pub(super) beside: Beside,
}

/// The basket of a case.
pub(super) fn of(
    door: &Door,
    signed: &Signed,
    case: &Case,
    dossier: &Dossier,
    definition: &Definition,
) -> Result<Basket, Problem> {
    let (caller, lang) = (signed.caller.as_ref(), signed.visit.lang);
    let of_dossier = documents::of_dossier(&door.app.records, dossier.id)?;
    let in_case =
        |document: &Document| case.documents.iter().any(|attached| attached.document == document.id);
    let (inside, outside): (Vec<Document>, Vec<Document>) = of_dossier.into_iter().partition(in_case);
    let list = checklist(definition, &dossier.facts, case);
    let mut inside = papers(door, caller, lang, dossier, inside)?;
    let review = cases::review(&door.app.records, case.id)?;
    for paper in &mut inside {
        paper.wrong = case.wrong.contains(&paper.id);
        let reason = case.wrong_reasons.get(&paper.id);
        paper.wrong_reason = reason.map(|reason| titled(definition.reason_title(reason), lang, reason));
        let told = review.marks_told(case, paper.id);
        paper.marks = told.map(|mark| (said_mark(lang, definition, mark), mark_href(mark))).collect();
    }
    let name = |id: DocumentId| {
        let paper = inside.iter().find(|paper| paper.id == id);
        let filename = paper.map(|paper| paper.filename.clone()).unwrap_or_default();
        File { id, filename, beside: Beside::default() }
    };
    let missing: Vec<String> =
        list.items.iter().filter(|item| !item.ok).flat_map(|item| item.kinds.clone()).collect();
    let items = list.items.into_iter().map(|item| Item {
        kind: item.kinds.first().cloned().unwrap_or_default(),
        title: item.title.get(lang.tag()).to_owned(),
        need: item.need,
        ok: item.ok,
        files: item.documents.into_iter().map(name).collect(),
    });
    let items = items.collect();
    let takes_more = takes_more(door, signed, case, dossier, definition);
    let outside = outside.into_iter().filter(|document| takes_more && document.case.is_none()).collect();
    Ok(Basket {
        items,
        papers: inside,
        loose: papers(door, caller, lang, dossier, outside)?,
        upload: takes_more
            .then(|| upload(lang, (dossier.id, Some(case.id)), &definition.documents, &missing)),
    })
}

/// Where a mark is seen.
fn mark_href(mark: &cases::Mark) -> String {
    format!("/documents/{}?page={}", mark.document, mark.page.unwrap_or(1))
}

/// Puts what the reader found in the documents beside them, for those who may look at them. The page does without it if it
/// cannot be had.
pub(super) async fn put_beside(
    door: &Door,
    signed: &Signed,
    dossier: &Dossier,
    items: &mut [Item],
) -> Result<(), Problem> {
    let Ok(permit) = signed.caller.may_with(door, Action::ViewDocument, dossier) else { return Ok(()) };
    let mut wanted = Vec::new();
    for file in items.iter().flat_map(|item| &item.files).take(MOST_OFFERED) {
        wanted.extend(documents::get(&door.app.records, file.id)?);
    }
    let is_contract = |document: &Document| door.app.packs.is_contract(&document.kind);
    let offers = door.app.archive.offers(&permit, dossier, wanted, is_contract);
    let offers = match tokio::time::timeout(PATIENCE, offers).await {
        Ok(Ok(offers)) => offers,
        Ok(Err(error)) => {
            tracing::warn!(%error, "what was found in a case's documents cannot be shown");
            return Ok(());
        }
        Err(_) => return Ok(()),
    };
    for file in items.iter_mut().flat_map(|item| &mut item.files) {
        let offer = offers.iter().find(|offer| offer.document == file.id);
        file.beside = offer.map(|offer| Beside::of(signed.visit.lang, offer)).unwrap_or_default();
    }
    Ok(())
}

/// Whether the case takes documents from this visitor now.
fn takes_more(door: &Door, signed: &Signed, case: &Case, dossier: &Dossier, definition: &Definition) -> bool {
    let Ok(permit) = signed.caller.may_with(door, Action::AddDocument, dossier) else { return false };
    let any_kind = definition.documents.keys().next();
    any_kind.is_some_and(|kind| check_case(door, &permit, dossier, case.id, kind).is_ok())
}
