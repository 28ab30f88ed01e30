//! From what was found to a decision: a preview with ten seconds to take it back, the action itself, and the next case.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::super::offer::Typed;
use super::super::{Alert, to_case};
use super::place::Place;
use super::{Kept, alert, content, refused, said_mark, titled};
use crate::access::Action;
use crate::cases;
use crate::domain::CaseId;
use crate::http::api::cases::{case_for, claim_case, may_take, take_action, view};
use crate::http::api::queue::waiting;
use crate::http::api::review::{is_to_review, reviewing};
use crate::http::pages::case::history;
use crate::http::pages::form::{Fields, Form};
use crate::http::pages::frame::{Frame, page};
use crate::http::pages::visit::Signed;
use crate::http::{Door, Problem};
use crate::text::{Lang, say, say_with};
use crate::workflow::{Case, Definition};

/// For so many seconds a decision can be taken back before it is sent.
const UNDO_SECONDS: u32 = 10;

#[derive(Template)]
#[template(path = "case/review/preview.html")]
struct Preview {
    frame: Frame,
    id: CaseId,
    customer: String,
    title: String,
    action: String,
    failing: Vec<Failing>,
    note: String,
    /// Everything else that is sent, in words.
    facts: Vec<(String, String)>,
    /// What it costs the adviser.
    costs: Vec<String>,
    adviser: String,
    seconds: u32,
    /// All that was typed, as the form sends it on.
    fields: Vec<(String, String)>,
}

struct Failing {
    what: String,
    why: String,
    /// What is marked on it.
    marks: Vec<String>,
}

/// The case is not theirs to review any more.
#[derive(Template)]
#[template(path = "case/review/lost.html")]
struct Lost {
    frame: Frame,
    id: CaseId,
    alert: Alert,
    typed: Vec<String>,
}

/// `POST /review/{id}/preview/{action}`: what would be sent.
pub(in crate::http::pages) async fn preview(
    State(door): State<Door>,
    signed: Signed,
    Path((id, action)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let typed = Typed::of(action.clone(), &fields);
    let checked = match (own(&door, &signed, &id), typed.said()) {
        (Ok(_), Ok(said)) => may_take(&door, &signed.caller, &id, &action, &said),
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    };
    if let Err(problem) = checked {
        let kept = Kept { action: Some(&typed), ..Kept::default() };
        return refused(&door, &signed, &id, &fields, &problem, &kept).await;
    }
    page(StatusCode::OK, &previewed(&door, &signed, &id, &action, &fields)?)
}

/// `POST /review/{id}/back/{action}`: the desk again, with everything that was typed.
pub(in crate::http::pages) async fn back(
    State(door): State<Door>,
    signed: Signed,
    Path((id, action)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let typed = Typed::of(action, &fields);
    let kept = Kept { action: Some(&typed), ..Kept::default() };
    let mut content = content(&door, &signed, &id, Place::parse(fields.get("here")), &kept).await?;
    content.done = Some(say(signed.visit.lang, "page-review-taken-back"));
    page(StatusCode::OK, &content)
}

/// `POST /review/{id}/decide/{action}`: acts, and goes on to the next case.
pub(in crate::http::pages) async fn decide(
    State(door): State<Door>,
    signed: Signed,
    Path((id, action)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let typed = Typed::of(action.clone(), &fields);
    let acted = match (own(&door, &signed, &id), typed.said()) {
        (Ok(case), Ok(said)) => match judged(&door, &signed, &case, &action) {
            Ok(()) => take_action(&door, &signed.caller, &id, &action, said).await,
            Err(problem) => Err(problem),
        },
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    };
    match acted {
        Ok(case) => to_next(&door, &signed, &case.id.to_string()).await,
        Err(problem) => {
            let kept = Kept { action: Some(&typed), ..Kept::default() };
            refused(&door, &signed, &id, &fields, &problem, &kept).await
        }
    }
}

/// `POST /review/next`: claims the most urgent case that is free, or goes back to one that is claimed already.
pub(in crate::http::pages) async fn next(
    State(door): State<Door>,
    signed: Signed,
) -> Result<Response, Problem> {
    to_next(&door, &signed, "").await
}

async fn to_next(door: &Door, signed: &Signed, done: &str) -> Result<Response, Problem> {
    let done = if done.is_empty() { String::new() } else { format!("?done={done}") };
    let me = &signed.caller.actor.name;
    let mut entries = waiting(door, &signed.caller)?;
    // What was begun comes before what is free; the rest stays in the order of its urgency.
    entries.sort_by_key(|entry| entry.claimed_by.as_ref() != Some(me));
    for entry in entries {
        if entry.claimed_by.as_ref().is_some_and(|name| name != me) || !entry.reviewable {
            continue;
        }
        match claim_case(door, &signed.caller, &entry.case.to_string(), false).await {
            Ok(_) => return Ok(Redirect::to(&format!("/review/{}{done}", entry.case)).into_response()),
            // Somebody else was faster.
            Err(problem) if matches!(problem.code(), "claimed" | "conflict") => {}
            Err(problem) => return Err(problem),
        }
    }
    let done = if done.is_empty() { "?done=none".to_owned() } else { done };
    Ok(Redirect::to(&format!("/queue{done}")).into_response())
}

/// What was done to the case that one comes from, in words.
pub(in crate::http::pages) fn done_sentence(door: &Door, signed: &Signed, done: &str) -> Option<String> {
    let lang = signed.visit.lang;
    if done == "none" {
        return Some(say(lang, "page-review-none-waits"));
    }
    let (case, dossier, _) = case_for(door, &signed.caller, done, Action::ViewCase).ok()?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow).ok()?;
    let last = cases::history(&door.app.records, case.id).ok()?.pop()?;
    let from = last.from.as_deref().unwrap_or(&last.to);
    let action = titled(definition.action_title(from, &last.action), lang, &last.action);
    Some(say_with(lang, "page-review-done", &[("name", dossier.name()), ("what", &action)]))
}

/// The case, if the visitor works on it.
fn own(door: &Door, signed: &Signed, id: &str) -> Result<Case, Problem> {
    let (case, ..) = reviewing(door, &signed.caller, id)?;
    match cases::claim(&door.app.records, case.id, door.app.clock.now())? {
        None => Err(Problem::new("not_claimed")),
        Some(claim) if claim.person == signed.caller.actor.id => Ok(case),
        Some(claim) => Err(cases::Error::Claimed(Box::new(claim)).into()),
    }
}

/// What needs no word is taken only when everything was judged and nothing fails.
fn judged(door: &Door, signed: &Signed, case: &Case, action: &str) -> Result<(), Problem> {
    let seen = view(door, &signed.caller, case.clone())?;
    let needs_words = seen.actions.iter().any(|one| one.name == action && !one.needs.is_empty());
    if needs_words {
        return Ok(());
    }
    let (_, dossier, review) = reviewing(door, &signed.caller, &case.id.to_string())?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let list = crate::workflow::checklist(&definition, &dossier.facts, case).items;
    let fails = |item: &&crate::workflow::ChecklistItem| {
        review.judged(item).is_none_or(|judged| judged.verdict == cases::Verdict::Fail)
    };
    match list.iter().filter(fails).count() {
        0 => Ok(()),
        open => Err(Problem::new("items_open").value("count", open).member("count", open)),
    }
}

fn previewed(
    door: &Door,
    signed: &Signed,
    id: &str,
    action: &str,
    fields: &Fields,
) -> Result<Preview, Problem> {
    let lang = signed.visit.lang;
    let (case, dossier, review) = reviewing(door, &signed.caller, id)?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let why = |name: &str| titled(definition.reason_title(name), lang, name);
    let main = fields.get("reason");
    let mut failing = Vec::new();
    for name in fields.all("documents") {
        let own = fields.filled(&format!("reason-{name}")).unwrap_or(main);
        let marks = match name.parse() {
            Ok(document) => {
                review.marks_now(&case, document).map(|mark| said_mark(lang, &definition, mark)).collect()
            }
            Err(_) => Vec::new(),
        };
        let what = history::document(door, lang, &definition, &case, &name)?;
        failing.push(Failing { what, why: if own.is_empty() { String::new() } else { why(own) }, marks });
    }
    let fact = |name: &str, id: &str| Some((say(lang, id), fields.filled(name)?.to_owned()));
    let facts = [
        fact("contracts", "page-failing-contracts"),
        fact("points", "page-points"),
        fact("days", "page-days"),
        fact("person", "page-person-named"),
    ];
    let title = titled(definition.action_title(&case.state, action), lang, action);
    Ok(Preview {
        frame: Frame::of(door, &signed.visit, title.clone()),
        id: case.id,
        customer: dossier.name().to_owned(),
        title,
        action: action.to_owned(),
        failing,
        note: fields.get("note").to_owned(),
        facts: facts.into_iter().flatten().collect(),
        costs: costs(lang, &definition, &case, action, fields.get("contracts")),
        adviser: case.adviser_name.clone(),
        seconds: UNDO_SECONDS,
        fields: fields.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    })
}

/// What the action costs the adviser, by the table that it books from.
fn costs(lang: Lang, definition: &Definition, case: &Case, action: &str, contracts: &str) -> Vec<String> {
    let contracts: i64 = contracts.parse().unwrap_or(1);
    let tables = definition.penalty_tables(&case.state, action);
    let cost = |table: crate::workflow::PenaltyTable<'_>| {
        let points = table.by_attempt.get(&case.attempt)?.saturating_mul(contracts).to_string();
        let title = table.title.get(lang.tag());
        let values = [("adviser", case.adviser_name.as_str()), ("points", &points), ("what", title)];
        Some(say_with(lang, "page-review-cost", &values))
    };
    tables.into_iter().filter_map(cost).collect()
}

/// The case has gone on without the visitor: what happened, and all that they had typed.
pub(super) async fn lost(
    door: &Door,
    signed: &Signed,
    id: &str,
    fields: &Fields,
    problem: &Problem,
) -> Result<Response, Problem> {
    let (case, ..) = case_for(door, &signed.caller, id, Action::ViewCase).map_err(|_| problem.clone())?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    if is_to_review(&definition, &case, &signed.caller) {
        return Ok(to_case(&case.id, ""));
    }
    let written = ["note", "purpose"].into_iter().filter_map(|name| fields.filled(name)).map(str::to_owned);
    let alert = alert(door, signed, id, fields, problem)?;
    let frame = Frame::of(door, &signed.visit, say(signed.visit.lang, "page-review-lost"));
    page(problem.status(), &Lost { frame, id: case.id, alert, typed: written.collect() })
}
