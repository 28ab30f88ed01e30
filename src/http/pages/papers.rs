//! Documents as a page lists them, and the form that takes more of them in.

use std::collections::{BTreeMap, HashMap};

use super::form::Choice;
use super::words::{self, Moment, moment};
use crate::access::Action;
use crate::documents::Document;
use crate::domain::{CaseId, DocumentId, DossierId, PersonId, archive_itself};
use crate::dossiers::Dossier;
use crate::http::api::documents::Progress;
use crate::http::{Caller, Door, Problem};
use crate::text::{Lang, say};
use crate::workflow::DocumentKind;

/// One document of a list.
pub(super) struct Paper {
    pub(super) id: DocumentId,
    pub(super) kind: String,
    pub(super) filename: String,
    pub(super) size: String,
    pub(super) pages: Option<u32>,
    pub(super) reading: String,
    /// Whether something is still to be done.
    pub(super) under_way: bool,
    pub(super) from: String,
    pub(super) received: Moment,
    /// Whether a return named it as failing.
    pub(super) wrong: bool,
    /// And why.
    pub(super) wrong_reason: Option<String>,
    /// What a review has marked on it, with the address of the page.
    pub(super) marks: Vec<(String, String)>,
    /// Where it is shown, for those who may see it.
    pub(super) page: Option<String>,
    /// Where the original is, for those who may take it.
    pub(super) download: Option<String>,
}

/// The documents as rows.
pub(super) fn papers(
    door: &Door,
    caller: &Caller,
    lang: Lang,
    dossier: &Dossier,
    documents: Vec<Document>,
) -> Result<Vec<Paper>, Problem> {
    let may_look = caller.may_with(door, Action::ViewDocument, dossier).is_ok();
    let may_download = caller.may_with(door, Action::DownloadDocument, dossier).is_ok();
    let mut names: HashMap<PersonId, String> = HashMap::new();
    let mut papers = Vec::new();
    for document in documents {
        let from = match names.get(&document.received_from) {
            Some(name) => name.clone(),
            None => {
                let name = door.app.people.get(document.received_from)?.map(|person| person.name);
                let by_itself = document.received_from == archive_itself();
                let name = name
                    .unwrap_or_else(|| if by_itself { say(lang, "page-by-archive") } else { String::new() });
                names.insert(document.received_from, name.clone());
                name
            }
        };
        papers.push(paper(door, lang, document, from, (may_look, may_download))?);
    }
    Ok(papers)
}

fn paper(
    door: &Door,
    lang: Lang,
    document: Document,
    from: String,
    (may_look, may_download): (bool, bool),
) -> Result<Paper, Problem> {
    let progress = Progress::of(door, &document)?;
    let reading = words::how_far(lang, progress, &document);
    Ok(Paper {
        id: document.id,
        kind: words::kind(door, lang, &document.kind),
        filename: document.filename.unwrap_or_else(|| document.id.to_string()),
        size: words::size(document.size_bytes),
        pages: document.reading.as_ref().map(|reading| reading.pages).filter(|pages| *pages > 0),
        reading,
        under_way: progress.is_under_way(),
        from,
        received: moment(document.received_at),
        wrong: false,
        wrong_reason: None,
        marks: Vec::new(),
        page: may_look.then(|| format!("/documents/{}", document.id)),
        download: may_download.then(|| format!("/api/v1/documents/{}/content", document.id)),
    })
}

/// Whether something is still to be done with one of them.
pub(super) fn any_under_way(papers: &[Paper]) -> bool {
    papers.iter().any(|paper| paper.under_way)
}

/// The form that takes documents in.
pub(super) struct Upload {
    /// Where it is sent.
    pub(super) action: String,
    /// What the documents become part of.
    pub(super) dossier: DossierId,
    /// And of which case.
    pub(super) case: Option<CaseId>,
    /// The kinds that are still missing.
    pub(super) missing: Vec<Choice>,
    /// All other kinds.
    pub(super) others: Vec<Choice>,
}

/// The form, with the missing kinds first. The kinds are those of the case's definition, or of the pack in force.
pub(super) fn upload(
    lang: Lang,
    (dossier, case): (DossierId, Option<CaseId>),
    kinds: &BTreeMap<String, DocumentKind>,
    missing: &[String],
) -> Upload {
    let choice = |name: &String| Choice {
        label: words::titled(kinds.get(name).map(|kind| &kind.title), lang, name),
        chosen: false,
        value: name.clone(),
    };
    let only = missing.len() == 1;
    // A kind that only a case of an older pack misses is handed in there.
    let missing: Vec<&String> = missing.iter().filter(|name| kinds.contains_key(*name)).collect();
    let others = kinds.keys().filter(|name| !missing.contains(name)).map(choice).collect();
    Upload {
        action: match case {
            Some(case) => format!("/cases/{case}/documents"),
            None => format!("/dossiers/{dossier}/documents"),
        },
        dossier,
        case,
        missing: missing.into_iter().map(|name| Choice { chosen: only, ..choice(name) }).collect(),
        others,
    }
}

impl Upload {
    /// Chooses a kind.
    pub(super) fn choose(&mut self, kind: &str) {
        for choice in self.missing.iter_mut().chain(&mut self.others) {
            choice.chosen = choice.value == kind;
        }
    }
}
