//! The basket: the checklist with what is there, the documents, and what could still be put in.

use crate::access::Action;
use crate::documents::{self, Document};
use crate::domain::DocumentId;
use crate::dossiers::Dossier;
use crate::http::api::documents::check_case;
use crate::http::pages::papers::{Paper, Upload, papers, upload};
use crate::http::pages::visit::Signed;
use crate::http::{Door, Problem};
use crate::workflow::{Case, Definition, checklist};

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
    /// Documents that are there and count: id and file name.
    pub(super) files: Vec<(DocumentId, String)>,
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
    for paper in &mut inside {
        paper.wrong = case.wrong.contains(&paper.id);
    }
    let name = |id: DocumentId| {
        let paper = inside.iter().find(|paper| paper.id == id);
        (id, paper.map(|paper| paper.filename.clone()).unwrap_or_default())
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
    let action = format!("/cases/{}/documents", case.id);
    let outside = outside.into_iter().filter(|document| takes_more && document.case.is_none()).collect();
    Ok(Basket {
        items,
        papers: inside,
        loose: papers(door, caller, lang, dossier, outside)?,
        upload: if takes_more { Some(upload(door, lang, action, &missing)?) } else { None },
    })
}

/// Whether the case takes documents from this visitor now.
fn takes_more(door: &Door, signed: &Signed, case: &Case, dossier: &Dossier, definition: &Definition) -> bool {
    let Ok(permit) = signed.caller.may_with(door, Action::AddDocument, dossier) else { return false };
    let any_kind = definition.documents.keys().next();
    any_kind.is_some_and(|kind| check_case(door, &permit, dossier, case.id, kind).is_ok())
}
