//! One case: where it stands, what is in the basket, what the visitor can do about it, and what happened before.
//!
//! What is shown after a form was refused is the case as it is now, with the refusal as a sentence and with what was
//! typed still in its place.

mod basket;
pub(super) mod forms;
mod history;
mod offer;
pub(super) mod review;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::form::{Fields, Form};
use super::frame::{Frame, page};
use super::intake::Refused;
use super::papers::{Paper, Upload};
use super::visit::Signed;
use super::words::{self, Moment, moment, titled};
use crate::access::Action;
use crate::cases::{self, Claim};
use crate::domain::CaseId;
use crate::http::api::Query;
use crate::http::api::cases::{case_for, claim_case, release_case, take_action, view};
use crate::http::api::documents;
use crate::http::api::review::is_to_review;
use crate::http::{Caller, Door, Problem};
use crate::text::{Lang, say, say_with};
use crate::workflow::Case;

use basket::Item;
use forms::{FormLine, TypedCustody};
use history::Happening;
use offer::{Offer, Typed};

#[derive(Template)]
#[template(path = "case.html")]
struct Page {
    frame: Frame,
    id: CaseId,
    customer: String,
    dossier: String,
    workflow: String,
    state: String,
    is_final: bool,
    attempt: u32,
    contracts: u32,
    adviser: String,
    deadline: Option<Moment>,
    overdue: bool,
    claim: Option<Held>,
    may_claim: bool,
    /// Whether the reviewer's desk is for it.
    reviewable: bool,
    items: Vec<Item>,
    complete: bool,
    papers: Vec<Paper>,
    loose: Vec<Paper>,
    upload: Option<Upload>,
    offers: Vec<Offer>,
    waits_for: String,
    forms: Vec<FormLine>,
    held: Vec<forms::Held>,
    /// The form for who has the papers now, for those who may say so.
    custody: Option<TypedCustody>,
    history: Vec<Happening>,
    alert: Option<Alert>,
    done: Option<String>,
}

struct Held {
    name: String,
    until: Moment,
    mine: bool,
}

/// A refusal, in words.
#[derive(Default)]
struct Alert {
    sentence: String,
    /// What happened since the visitor looked.
    changes: Vec<Happening>,
    /// What was typed into a form that is not offered any more.
    typed: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

/// `GET /cases/{id}`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut content = content(&door, &signed, &id, None).await?;
    content.done = done_sentence(&content, signed.visit.lang, &done.done);
    page(StatusCode::OK, &content)
}

fn done_sentence(content: &Page, lang: Lang, done: &str) -> Option<String> {
    match done {
        "documents" => Some(say(lang, "page-done-documents")),
        "custody" => Some(say(lang, "page-done-custody")),
        "action" => {
            content.history.first().map(|last| say_with(lang, "page-done-action", &[("what", &last.what)]))
        }
        _ => None,
    }
}

/// `POST /cases/{id}/actions/{action}`
pub(super) async fn act(
    State(door): State<Door>,
    signed: Signed,
    Path((id, action)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let typed = Typed::of(action, &fields);
    let acted = match typed.said() {
        Ok(said) => take_action(&door, &signed.caller, &id, &typed.action, said).await,
        Err(problem) => Err(problem),
    };
    match acted {
        Ok(case) => Ok(to_case(&case.id, "?done=action")),
        Err(problem) => refused(&door, &signed, &id, &problem, Some(&typed)).await,
    }
}

/// `POST /cases/{id}/claim`
pub(super) async fn claim(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let take_over = fields.get("take_over") == "true";
    match claim_case(&door, &signed.caller, &id, take_over).await {
        Ok(_) => Ok(to_case(&id, "")),
        Err(problem) => refused(&door, &signed, &id, &problem, None).await,
    }
}

/// `POST /cases/{id}/release`
pub(super) async fn release(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    match release_case(&door, &signed.caller, &id).await {
        Ok(()) => Ok(to_case(&id, "")),
        Err(problem) => refused(&door, &signed, &id, &problem, None).await,
    }
}

/// `POST /cases/{id}/attach`: documents of the dossier are put into the basket.
pub(super) async fn attach(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let (case, ..) = case_for(&door, &signed.caller, &id, Action::ViewCase)?;
    match attach_all(&door, &signed.caller, case.id, &fields.all("documents")).await {
        Ok(()) => Ok(to_case(&case.id, "?done=documents")),
        Err(problem) => refused(&door, &signed, &id, &problem, None).await,
    }
}

async fn attach_all(door: &Door, caller: &Caller, case: CaseId, ids: &[String]) -> Result<(), Problem> {
    let mut last = None;
    for id in ids {
        let (document, permit) = documents::permitted(door, caller, id, Action::AddDocument)?;
        last = last.max(Some(documents::attach(door, &permit, case, &document).await?));
    }
    match last {
        Some(last) => Ok(door.app.journal.published(last).await?),
        None => Err(Problem::new("no_file")),
    }
}

fn to_case(id: &impl std::fmt::Display, rest: &str) -> Response {
    Redirect::to(&format!("/cases/{id}{rest}")).into_response()
}

/// The case's page after an upload that was refused.
pub(super) async fn after_refused_upload(
    door: &Door,
    signed: &Signed,
    id: &str,
    refused: &Refused,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let mut content = content(door, signed, id, None).await?;
    let sentence = refused.sentence(lang);
    content.alert = Some(Alert { sentence, ..Alert::default() });
    if let Some(upload) = &mut content.upload {
        upload.choose(&refused.kind);
    }
    page(refused.problem.status(), &content)
}

/// The case's page with a refusal on it. Without a case that the visitor may see, the refusal is the page.
async fn refused(
    door: &Door,
    signed: &Signed,
    id: &str,
    problem: &Problem,
    typed: Option<&Typed>,
) -> Result<Response, Problem> {
    let mut content = content(door, signed, id, typed).await.map_err(|_| problem.clone())?;
    let (case, ..) = case_for(door, &signed.caller, id, Action::ViewCase)?;
    let sentence = sentence(door, signed, &case, problem)?;
    let seen = typed.and_then(|typed| typed.version.parse::<u64>().ok()).unwrap_or(case.version);
    let changes = content.history.iter().filter(|item| u64::from(item.seq) > seen).cloned().collect();
    let lost = |typed: &&Typed| content.offers.iter().all(|offer| offer.name != typed.action);
    let lost = typed.filter(lost).map(|typed| typed.note.clone()).filter(|note| !note.is_empty());
    content.alert = Some(Alert { sentence, changes, typed: lost });
    page(problem.status(), &content)
}

/// The case's page after a note of who has the papers that was refused.
async fn refused_custody(
    door: &Door,
    signed: &Signed,
    id: &str,
    problem: &Problem,
    typed: TypedCustody,
) -> Result<Response, Problem> {
    let mut content = content(door, signed, id, None).await.map_err(|_| problem.clone())?;
    let (case, ..) = case_for(door, &signed.caller, id, Action::ViewCase)?;
    content.alert = Some(Alert { sentence: sentence(door, signed, &case, problem)?, ..Alert::default() });
    content.custody = content.custody.map(|_| typed);
    page(problem.status(), &content)
}

/// A refusal in words.
fn sentence(door: &Door, signed: &Signed, case: &Case, problem: &Problem) -> Result<String, Problem> {
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let lang = signed.visit.lang;
    Ok(match problem.refusal() {
        Some(refusal) => refusal.sentence(&definition, lang.tag()),
        None => problem.sentence(lang),
    })
}

async fn content(door: &Door, signed: &Signed, id: &str, typed: Option<&Typed>) -> Result<Page, Problem> {
    let (caller, lang) = (signed.caller.as_ref(), signed.visit.lang);
    let (case, dossier, _) = case_for(door, caller, id, Action::ViewCase)?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let seen = view(door, caller, case.clone())?;
    let mut basket = basket::of(door, signed, &case, &dossier, &definition)?;
    basket::put_beside(door, signed, &dossier, &mut basket.items).await?;
    let now = door.app.clock.now();
    let claim = cases::claim(&door.app.records, case.id, now)?.map(|claim| held(claim, caller));
    let roles = definition.state(&case.state).map(|state| state.waits_for.as_slice()).unwrap_or_default();
    let waits = roles.iter().any(|role| caller.actor.has_role(role));
    let offers = offer::offers(&seen, &definition, &basket, lang, waits, typed);
    let state = titled(definition.state(&case.state).map(|state| &state.title), lang, &case.state);
    Ok(Page {
        frame: Frame::of(door, &signed.visit, format!("{} · {state}", dossier.name())),
        id: case.id,
        customer: dossier.name().to_owned(),
        dossier: format!("/dossiers/{}", dossier.id),
        workflow: titled(Some(&definition.title), lang, &case.workflow),
        state,
        is_final: case.is_final,
        attempt: case.attempt,
        contracts: case.contracts,
        overdue: !case.is_final && case.deadline.is_some_and(|deadline| deadline < now),
        deadline: case.deadline.map(words::deadline),
        reviewable: is_to_review(&definition, &case, caller),
        may_claim: !offers.is_empty() && claim.as_ref().is_none_or(|held| !held.mine),
        claim,
        complete: seen.checklist.complete,
        waits_for: words::list(lang, roles.iter().map(|role| titled(definition.roles.get(role), lang, role))),
        forms: forms::lines(door, caller, lang, &dossier, &definition, &case)?,
        held: forms::held(lang, seen.custody),
        custody: caller
            .may_with(door, Action::ActOnCase, &dossier)
            .is_ok()
            .then(|| TypedCustody::empty(lang)),
        history: history::happenings(door, lang, &definition, &case, seen.history)?,
        items: basket.items,
        papers: basket.papers,
        loose: basket.loose,
        upload: basket.upload,
        adviser: case.adviser_name,
        offers,
        alert: None,
        done: None,
    })
}

fn held(claim: Claim, caller: &Caller) -> Held {
    Held { mine: claim.person == caller.actor.id, until: moment(claim.until), name: claim.name }
}
