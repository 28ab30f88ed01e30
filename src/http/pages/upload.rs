//! Handing papers in without going through a dossier: by the number of a case or a dossier, or by the code of a cover sheet.
//!
//! For a desk with a scanner: whoever may add documents need not see what they are added to.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::frame::{Frame, page};
use super::papers::{Upload, upload};
use super::visit::Signed;
use crate::access::Action;
use crate::domain::{CaseId, DossierId};
use crate::dossiers::Dossier;
use crate::http::api::Query;
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem};
use crate::text::say;
use crate::workflow::checklist;

/// What the code of a cover sheet begins with; the case and the kind of document follow.
const COVER: &str = "lantai:1:cover:";

#[derive(Template)]
#[template(path = "upload.html")]
struct Page {
    frame: Frame,
    to: String,
    /// The form, if it is known where papers go.
    upload: Option<Upload>,
    /// Whose they are, for those who may see it.
    said: Option<String>,
    back: Option<String>,
    alert: Option<String>,
    done: Option<String>,
}

/// Where papers go.
struct Target {
    upload: Upload,
    /// What those read who may see it.
    said: Option<String>,
    back: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    to: String,
    #[serde(default)]
    done: String,
}

/// Whether somebody has this page: those who may add documents to every dossier.
pub(super) fn offers(door: &Door, caller: &Caller) -> bool {
    rules(door).is_ok_and(|rules| rules.policies.permits_all(&caller.actor, Action::AddDocument))
}

/// The address of this page for a target.
pub(super) fn address(to: &str) -> String {
    format!("/upload?to={to}&done=documents")
}

/// `GET /upload?to=`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    if !offers(&door, &signed.caller) {
        return Err(Problem::new("forbidden"));
    }
    let lang = signed.visit.lang;
    let done = (asked.done == "documents").then(|| say(lang, "page-done-documents"));
    answer(&door, &signed, asked.to.trim(), None, done)
}

/// The page after an upload that was refused.
pub(super) fn after_refused(
    door: &Door,
    signed: &Signed,
    to: &str,
    sentence: String,
    status: StatusCode,
) -> Result<Response, Problem> {
    answer(door, signed, to, Some((sentence, status)), None)
}

fn answer(
    door: &Door,
    signed: &Signed,
    to: &str,
    refused: Option<(String, StatusCode)>,
    done: Option<String>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let (target, unknown) = match to {
        "" => (None, None),
        to => match target(door, signed, to) {
            Ok(target) => (Some(target), None),
            Err(problem) => (None, Some((problem.sentence(lang), problem.status()))),
        },
    };
    let refused = refused.or(unknown);
    let status = refused.as_ref().map_or(StatusCode::OK, |(_, status)| *status);
    let (upload, said, back) = match target {
        Some(Target { upload, said, back }) => (Some(upload), said, back),
        None => (None, None, None),
    };
    let content = Page {
        frame: Frame::of(door, &signed.visit, say(lang, "page-upload-papers")),
        to: to.to_owned(),
        upload,
        said,
        back,
        alert: refused.map(|(sentence, _)| sentence),
        done,
    };
    page(status, &content)
}

fn target(door: &Door, signed: &Signed, to: &str) -> Result<Target, Problem> {
    let (id, kind) = match to.strip_prefix(COVER).and_then(|rest| rest.split_once(':')) {
        Some((case, kind)) => (case, Some(kind)),
        None => (to, None),
    };
    let case: Option<CaseId> = id.parse().ok();
    let mut target = match case.map(|id| door.app.cases.get(id)).transpose()?.flatten() {
        Some(case) => into_case(door, signed, &case)?,
        None => into_dossier(door, signed, id)?,
    };
    if let Some(kind) = kind {
        target.upload.choose(kind);
    }
    Ok(target)
}

fn into_case(door: &Door, signed: &Signed, case: &crate::workflow::Case) -> Result<Target, Problem> {
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    let (dossier, _) = caller.dossier(door, case.dossier, Action::AddDocument)?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let lacking = checklist(&definition, &dossier.facts, case).items.into_iter().filter(|item| !item.ok);
    // What is missing says something of the case: only to those who may see it.
    let sees = caller.may_with(door, Action::ViewCase, &dossier).is_ok();
    let missing: Vec<String> = lacking.flat_map(|item| item.kinds).filter(|_| sees).collect();
    Ok(Target {
        upload: upload(lang, (case.dossier, Some(case.id)), &definition.documents, &missing),
        said: said(door, caller, &dossier, Some(definition.title.get(lang.tag()))),
        back: sees.then(|| format!("/cases/{}", case.id)),
    })
}

fn into_dossier(door: &Door, signed: &Signed, id: &str) -> Result<Target, Problem> {
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    let id: DossierId = id.parse().map_err(|_| Problem::new("no_target"))?;
    let (dossier, _) = caller.dossier(door, id, Action::AddDocument)?;
    let in_force = rules(door)?;
    let sees = caller.may_with(door, Action::ViewDossier, &dossier).is_ok();
    Ok(Target {
        upload: upload(lang, (id, None), in_force.pack.document_kinds(), &[]),
        said: said(door, caller, &dossier, None),
        back: sees.then(|| format!("/dossiers/{id}")),
    })
}

/// Whose papers they are, for those who may see it.
fn said(door: &Door, caller: &Caller, dossier: &Dossier, workflow: Option<&str>) -> Option<String> {
    caller.may_with(door, Action::ViewDossier, dossier).ok()?;
    Some(match workflow {
        Some(workflow) => format!("{} · {workflow}", dossier.name()),
        None => dossier.name().to_owned(),
    })
}
