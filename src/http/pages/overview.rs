//! The desk of whoever decides last: decisions and questions that wait, the month's points, the grants that run and the
//! sealed dossiers.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::form::{Fields, Form};
use super::frame::{Frame, oversees, page};
use super::standing::{self, Due, Standing};
use super::visit::Signed;
use super::words::{self, Moment, moment, titled};
use crate::access::Action;
use crate::cases;
use crate::domain::{CaseId, Month};
use crate::dossiers::{self, Grant};
use crate::http::api::Query;
use crate::http::api::cases::{Said, take_action};
use crate::http::api::penalties;
use crate::http::api::queue::{QueueEntry, waiting};
use crate::http::{Caller, Door, Problem};
use crate::sealing::{self, Stub};
use crate::text::say;
use crate::workflow::{Case, Definition, offered};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    decisions: Vec<Standing>,
    questions: Vec<Question>,
    grants: Vec<Running>,
    sealed: Vec<Sealed>,
    month: String,
    totals: Vec<Total>,
    alert: Option<String>,
    done: Option<String>,
}

/// The points of somebody in the month.
struct Total {
    name: String,
    points: i64,
    href: String,
}

/// Somebody asks to look at a dossier.
struct Question {
    standing: Standing,
    case: CaseId,
    version: u64,
    purpose: String,
    days: Option<u32>,
    /// What can be answered without saying more: name and title.
    answers: Vec<(String, String)>,
}

/// A grant that runs.
struct Running {
    customer: String,
    dossier: String,
    person: String,
    purpose: String,
    from: Moment,
    until: Due,
    marked: bool,
    /// How it can be taken back: case, version, action and its title.
    end: Option<End>,
}

struct End {
    case: CaseId,
    version: u64,
    action: String,
    title: String,
}

/// A sealed dossier.
struct Sealed {
    href: String,
    kind: String,
    adviser: String,
    at: Moment,
    by: String,
    reason: String,
    open_until: Option<Moment>,
    /// Who has asked for its destruction.
    destruction: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

/// `GET /overview`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut content = content(&door, &signed)?;
    content.done = (done.done == "action").then(|| say(signed.visit.lang, "page-done"));
    page(StatusCode::OK, &content)
}

/// `POST /overview/cases/{id}/{action}`: an answer that says no more than itself.
pub(super) async fn act(
    State(door): State<Door>,
    signed: Signed,
    Path((id, action)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    if !oversees(&door, &signed.caller) {
        return Err(Problem::new("forbidden"));
    }
    let version = fields.get("version").parse::<u64>().map_err(Problem::bad_request)?;
    let said = Said { version, ..Said::default() };
    match take_action(&door, &signed.caller, &id, &action, said).await {
        Ok(_) => Ok(Redirect::to("/overview?done=action").into_response()),
        Err(problem) => {
            let mut content = content(&door, &signed).map_err(|_| problem.clone())?;
            content.alert = Some(problem.sentence(signed.visit.lang));
            page(problem.status(), &content)
        }
    }
}

/// How many of these entries ask to look at a dossier.
pub(super) fn questions(door: &Door, entries: &[QueueEntry]) -> Result<usize, Problem> {
    let mut asking = BTreeSet::new();
    for entry in entries {
        if let Some(case) = door.app.cases.get(entry.case)?
            && definition(door, &case)?.asks
        {
            asking.insert(case.id);
        }
    }
    Ok(asking.len())
}

/// How many sealed dossiers the caller can open.
pub(super) fn sealed_count(door: &Door, caller: &Caller) -> Result<u64, Problem> {
    let mut count = 0;
    for stub in sealing::all(&door.app.records) {
        let stub = stub?;
        count += u64::from(!stub.destroyed && caller.may_to(door, Action::UnsealDossier, &stub).is_ok());
    }
    Ok(count)
}

fn definition(door: &Door, case: &Case) -> Result<std::sync::Arc<Definition>, Problem> {
    Ok(door.app.packs.definition(&case.definition, &case.workflow)?.1)
}

fn content(door: &Door, signed: &Signed) -> Result<Page, Problem> {
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    if !oversees(door, caller) {
        return Err(Problem::new("forbidden"));
    }
    let (mut decisions, mut questions) = (Vec::new(), Vec::new());
    let entries = if caller.may(door, Action::Queue).is_ok() { waiting(door, caller)? } else { Vec::new() };
    for entry in entries.iter().take(door.app.config.limits.list_entries) {
        let Some(case) = door.app.cases.get(entry.case)? else { continue };
        let definition = definition(door, &case)?;
        let standing = standing::of_case(door, lang, &definition, &case, entry.dossier_name.clone());
        match definition.asks {
            true => questions.push(question(door, signed, &definition, case, standing)?),
            false => decisions.push(standing),
        }
    }
    let month = Month::of(door.app.clock.now());
    let account = match caller.may(door, Action::AllPenalties) {
        Ok(_) => penalties::visible(door, caller, Some(month), None)?,
        Err(_) => cases::Account::default(),
    };
    let grants = dossiers::running_grants(&door.app.records, door.app.clock.now())?;
    Ok(Page {
        frame: Frame::of(door, &signed.visit, say(lang, "page-overview")),
        decisions,
        questions,
        grants: grants.into_iter().map(|grant| running(door, signed, grant)).collect::<Result<_, _>>()?,
        sealed: sealed(door, signed)?,
        month: month.to_string(),
        totals: account.totals.into_iter().map(|(name, points)| total(month, name, points)).collect(),
        alert: None,
        done: None,
    })
}

fn total(month: Month, name: String, points: i64) -> Total {
    let pairs = [("month", month.to_string()), ("adviser", name.clone())];
    let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
    Total { name, points, href: format!("/penalties?{query}") }
}

fn question(
    door: &Door,
    signed: &Signed,
    definition: &Definition,
    case: Case,
    standing: Standing,
) -> Result<Question, Problem> {
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    let facts = door.app.dossiers.get(case.dossier)?.map(|dossier| dossier.facts).unwrap_or_default();
    let offered = offered(definition, &facts, &case, &caller.actor_on(&case));
    let plain = offered.into_iter().filter(|offered| offered.needs.is_empty());
    let titled = |name: String| {
        let title = titled(definition.action_title(&case.state, &name), lang, &name);
        (name, title)
    };
    let answers = plain.map(|offered| titled(offered.name)).collect();
    let asked = case.asked;
    Ok(Question {
        standing,
        case: case.id,
        version: case.version,
        days: asked.as_ref().map(|asked| asked.days),
        purpose: asked.map(|asked| asked.purpose).unwrap_or_default(),
        answers,
    })
}

fn running(door: &Door, signed: &Signed, grant: Grant) -> Result<Running, Problem> {
    let dossier = door.app.dossiers.get(grant.dossier)?;
    let end = match (&dossier, door.app.cases.get(grant.case)?) {
        (Some(dossier), Some(case)) => end(door, signed, &dossier.facts, case)?,
        _ => None,
    };
    Ok(Running {
        customer: dossier.map(|dossier| dossier.name().to_owned()).unwrap_or_default(),
        dossier: format!("/dossiers/{}", grant.dossier),
        person: grant.person_name,
        purpose: grant.purpose,
        from: moment(grant.from),
        until: standing::due(door, signed.visit.lang, grant.until),
        marked: grant.watermark,
        end,
    })
}

/// How the visitor can end what this case has granted.
fn end(
    door: &Door,
    signed: &Signed,
    facts: &serde_json::Map<String, serde_json::Value>,
    case: Case,
) -> Result<Option<End>, Problem> {
    let definition = definition(door, &case)?;
    let offered = offered(&definition, facts, &case, &signed.caller.actor_on(&case));
    let ends = offered
        .into_iter()
        .find(|offered| offered.needs.is_empty() && definition.revokes(&case.state, &offered.name));
    Ok(ends.map(|ends| End {
        title: titled(definition.action_title(&case.state, &ends.name), signed.visit.lang, &ends.name),
        case: case.id,
        version: case.version,
        action: ends.name,
    }))
}

/// The sealed dossiers that the visitor can open, the latest first.
fn sealed(door: &Door, signed: &Signed) -> Result<Vec<Sealed>, Problem> {
    let mut stubs = Vec::new();
    for stub in sealing::all(&door.app.records) {
        let stub = stub?;
        if !stub.destroyed && signed.caller.may_to(door, Action::UnsealDossier, &stub).is_ok() {
            stubs.push(stub);
        }
    }
    stubs.sort_by_key(|stub| std::cmp::Reverse(stub.at));
    stubs.truncate(door.app.config.limits.list_entries);
    Ok(stubs.into_iter().map(|stub| sealed_row(door, signed, stub)).collect())
}

fn sealed_row(door: &Door, signed: &Signed, stub: Stub) -> Sealed {
    let now = door.app.clock.now();
    Sealed {
        href: format!("/dossiers/{}", stub.dossier),
        kind: words::dossier_kind(door, signed.visit.lang, &stub.kind),
        at: moment(stub.at),
        open_until: door.app.opened(stub.dossier).map(|opened| moment(opened.until)),
        destruction: stub.asked_at(now).map(|asked| asked.by_name.clone()),
        adviser: stub.adviser_name,
        by: stub.by_name,
        reason: stub.reason,
    }
}
