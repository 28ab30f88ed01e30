//! A sealed dossier: who sealed it, when and why; opening it for a time; destroying it, which takes two people.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use zeroize::Zeroizing;

use super::dossier::{after_refused_sealing, facts};
use super::form::{Fields, Form};
use super::frame::{Frame, page};
use super::papers::{Paper, papers};
use super::visit::Signed;
use super::words::{Moment, moment, titled};
use crate::access::Action;
use crate::cases;
use crate::documents;
use crate::domain::DossierId;
use crate::http::api::parse_id;
use crate::http::api::sealing::{
    ask as ask_destruction, close_dossier, confirm as confirm_destruction, seal_dossier, unseal_dossier,
    withdraw as withdraw_destruction,
};
use crate::http::caller::rules;
use crate::http::{Door, Problem};
use crate::sealing::{self, Stub};
use crate::text::{Lang, say, say_with};

#[derive(Template)]
#[template(path = "sealed.html")]
struct Page {
    frame: Frame,
    id: DossierId,
    name: String,
    sealed: Moment,
    by: String,
    reason: String,
    adviser: String,
    documents: u64,
    cases: u64,
    opened: Option<Opened>,
    may_open: bool,
    minutes: u32,
    longest: u32,
    may_destroy: bool,
    may_confirm: bool,
    asked: Option<String>,
    destroyed: Option<Gone>,
    alert: Option<String>,
    done: Option<String>,
}

/// What of an opened dossier is shown.
struct Opened {
    until: Moment,
    facts: Vec<(String, String)>,
    papers: Vec<Paper>,
    /// Workflow and state.
    cases: Vec<(String, String)>,
}

/// The certificate of a destroyed dossier.
struct Gone {
    at: Moment,
    people: String,
    reason: String,
    /// Document and digest.
    papers: Vec<(String, String)>,
}

/// The page of a sealed dossier, for whoever may see that it is sealed.
pub(super) async fn show(door: &Door, signed: &Signed, stub: Stub, done: &str) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let mut content = content(door, signed, stub).await?;
    content.done = match done {
        "sealed" => Some(say(lang, "page-done-sealed")),
        "closed" => Some(say(lang, "page-done-closed")),
        "asked" => Some(say(lang, "page-done-asked")),
        "withdrawn" => Some(say(lang, "page-done-withdrawn")),
        _ => None,
    };
    page(StatusCode::OK, &content)
}

/// `POST /dossiers/{id}/seal`
pub(super) async fn seal(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    match seal_dossier(&door, &signed.caller, &id, fields.get("reason")).await {
        Ok(stub) => Ok(to_dossier(&stub.dossier, "?done=sealed")),
        Err(problem) => {
            let id = parse_id(&id, "unknown_dossier")?;
            after_refused_sealing(&door, &signed, id, &problem)
        }
    }
}

/// `POST /dossiers/{id}/unseal`
pub(super) async fn unseal(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    // As it was typed: blanks may be a part of it.
    let passphrase = Zeroizing::new(fields.all("passphrase").into_iter().next().unwrap_or_default());
    let minutes = fields.get("minutes").parse().ok();
    let opened = unseal_dossier(&door, &signed.caller, &id, &passphrase, minutes).await;
    after(&door, &signed, &id, opened.map(drop), "").await
}

/// `POST /dossiers/{id}/close`
pub(super) async fn close(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let closed = close_dossier(&door, &signed.caller, &id).await;
    after(&door, &signed, &id, closed, "?done=closed").await
}

/// `POST /dossiers/{id}/destruction`
pub(super) async fn ask(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let asked = ask_destruction(&door, &signed.caller, &id, fields.get("reason")).await;
    after(&door, &signed, &id, asked.map(drop), "?done=asked").await
}

/// `POST /dossiers/{id}/destruction/confirm`
pub(super) async fn confirm(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let destroyed = confirm_destruction(&door, &signed.caller, &id).await;
    after(&door, &signed, &id, destroyed.map(drop), "").await
}

/// `POST /dossiers/{id}/destruction/withdraw`
pub(super) async fn withdraw(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let withdrawn = withdraw_destruction(&door, &signed.caller, &id).await;
    after(&door, &signed, &id, withdrawn, "?done=withdrawn").await
}

/// Back to the page, or the page with the refusal on it.
async fn after(
    door: &Door,
    signed: &Signed,
    id: &str,
    result: Result<(), Problem>,
    done: &str,
) -> Result<Response, Problem> {
    let id: DossierId = parse_id(id, "unknown_dossier")?;
    let Err(problem) = result else { return Ok(to_dossier(&id, done)) };
    let Some(stub) = sealing::stub(&door.app.records, id)? else { return Err(problem) };
    let mut content = content(door, signed, stub).await.map_err(|_| problem.clone())?;
    content.alert = Some(problem.sentence(signed.visit.lang));
    page(problem.status(), &content)
}

fn to_dossier(id: &DossierId, done: &str) -> Response {
    Redirect::to(&format!("/dossiers/{id}{done}")).into_response()
}

async fn content(door: &Door, signed: &Signed, stub: Stub) -> Result<Page, Problem> {
    let (caller, lang, id) = (signed.caller.as_ref(), signed.visit.lang, stub.dossier);
    let may = |action| caller.may_to(door, action, &stub).is_ok();
    let (may_open, may_destroy) = (may(Action::UnsealDossier), may(Action::DestroyDossier));
    if !may_open && !may_destroy {
        // Others see the reason and nothing else, and only if they might have seen the dossier.
        caller.may_to(door, Action::ViewDossier, &stub)?;
        return Err(Problem::sealed(&stub));
    }
    let opened = opened(door, signed, &stub).await?;
    let asked = stub.asked_at(door.app.clock.now());
    let settings = &door.app.config.sealing;
    let name = match &opened {
        Some((name, _)) => name.clone(),
        None => id.to_string(),
    };
    Ok(Page {
        frame: Frame::of(door, &signed.visit, say(lang, "page-sealed-dossier")),
        id,
        name,
        sealed: moment(stub.at),
        opened: opened.map(|(_, opened)| opened),
        may_open: may_open && !stub.destroyed,
        minutes: settings.open_minutes,
        longest: settings.open_minutes_max,
        may_destroy,
        may_confirm: asked.is_some_and(|asked| asked.by != caller.actor.id),
        asked: asked.map(|asked| asked_sentence(lang, asked)),
        destroyed: sealing::certificate(&door.app.records, id)?.map(|certificate| gone(lang, certificate)),
        by: stub.by_name,
        reason: stub.reason,
        adviser: stub.adviser_name,
        documents: stub.documents,
        cases: stub.cases,
        alert: None,
        done: None,
    })
}

fn asked_sentence(lang: Lang, asked: &sealing::Asked) -> String {
    let (at, until) = (moment(asked.at).said, moment(asked.until).said);
    let values = [("name", asked.by_name.as_str()), ("at", &at), ("why", &asked.reason), ("until", &until)];
    say_with(lang, "page-destroy-asked", &values)
}

fn gone(lang: Lang, certificate: sealing::Certificate) -> Gone {
    let people = [certificate.asked_by_name, certificate.confirmed_by_name];
    let paper = |paper: sealing::SealedPaper| (paper.document.to_string(), paper.sealed_sha256.to_string());
    Gone {
        at: moment(certificate.destroyed_at),
        people: super::words::list(lang, people),
        reason: certificate.reason,
        papers: certificate.documents.into_iter().map(paper).collect(),
    }
}

/// What is in a dossier that is open, with the customer's name; that it is looked at is in the log first.
async fn opened(door: &Door, signed: &Signed, stub: &Stub) -> Result<Option<(String, Opened)>, Problem> {
    let (caller, lang) = (signed.caller.as_ref(), signed.visit.lang);
    let may_view = caller.may_to(door, Action::ViewSealed, stub).is_ok();
    if !may_view || door.app.opened(stub.dossier).is_none() {
        return Ok(None);
    }
    let sight = caller.sight(door, stub.dossier, Action::ViewDossier)?;
    let Some(until) = sight.until else { return Ok(None) };
    sight.note(door, "dossier").await?;
    let dossier = &sight.dossier;
    let mut said = Vec::new();
    for case in cases::of_dossier(&sight.records, dossier.id)? {
        let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
        let state = definition.state(&case.state).map(|state| &state.title);
        let workflow = titled(Some(&definition.title), lang, &case.workflow);
        said.push((workflow, titled(state, lang, &case.state)));
    }
    let of_dossier = documents::of_dossier(&sight.records, dossier.id)?;
    let opened = Opened {
        until: moment(until),
        facts: facts(&rules(door)?.pack, lang, dossier),
        papers: papers(door, caller, lang, dossier, of_dossier)?,
        cases: said,
    };
    Ok(Some((dossier.name().to_owned(), opened)))
}
