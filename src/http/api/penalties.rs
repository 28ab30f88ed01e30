//! The penalty ledger: look, take out, take a line back, appeal to one.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cases::case_for;
use super::exported::{file, refuse_cross_site};
use super::{Json, Query};
use crate::access::Action;
use crate::cases::{self, Account, Appeal};
use crate::documents;
use crate::domain::{Month, PersonId};
use crate::http::{Asked, Caller, Door, Problem};
use crate::penalties::Penalty;
use crate::people;
use crate::sheets::Form;
use crate::text::{Lang, say};
use crate::workflow::{Definition, Effect, Title};

/// The columns of the ledger as a file: their words and their widths in characters.
const COLUMNS: [(&str, u16); 14] = [
    ("ledger-month", 9),
    ("ledger-adviser", 14),
    ("ledger-points", 7),
    ("ledger-rule", 22),
    ("ledger-reason", 24),
    ("ledger-attempt", 8),
    ("ledger-contracts", 9),
    ("ledger-documents", 40),
    ("ledger-note", 40),
    ("ledger-at", 22),
    ("ledger-by", 14),
    ("ledger-case", 30),
    ("ledger-line", 34),
    ("ledger-reverses", 34),
];

#[derive(Deserialize)]
pub(super) struct Wanted {
    month: Option<String>,
    adviser: Option<String>,
    format: Option<Form>,
}

/// Why a line is taken back.
#[derive(Deserialize)]
pub(super) struct Reversing {
    #[serde(default)]
    reason: String,
}

/// What somebody says to a line of theirs.
#[derive(Deserialize)]
pub(super) struct Appealing {
    #[serde(default)]
    note: String,
}

/// A line with what the caller may see and do beside it.
pub(crate) struct Seen<'a> {
    pub(crate) line: &'a Penalty,
    pub(crate) reversed: bool,
    pub(crate) appeal: Option<&'a Appeal>,
    pub(crate) may_reverse: bool,
    pub(crate) may_appeal: bool,
}

/// `GET /api/v1/penalties`
pub(super) async fn account(
    State(door): State<Door>,
    caller: Caller,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let month = wanted.month.map(|month| month.parse().map_err(Problem::bad_request)).transpose()?;
    if let Some(form) = wanted.format {
        refuse_cross_site(&headers)?;
        return take(&door, &caller, asked.lang, month, wanted.adviser.as_deref(), form).await;
    }
    let account = visible(&door, &caller, month, wanted.adviser.as_deref())?;
    let entries = seen(&door, &caller, &account)?;
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    Ok(axum::Json(json!({ "entries": entries, "totals": account.totals })).into_response())
}

/// `POST /api/v1/penalties/{id}/reverse`
pub(super) async fn reverse(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Json(said): Json<Reversing>,
) -> Result<Response, Problem> {
    let line = reverse_line(&door, &caller, &id, &said.reason).await?;
    let seen = Seen { line: &line, reversed: false, appeal: None, may_reverse: false, may_appeal: false };
    Ok((StatusCode::CREATED, axum::Json(entry(&seen))).into_response())
}

/// Takes a line back by a counter-entry.
pub(crate) async fn reverse_line(
    door: &Door,
    caller: &Caller,
    id: &str,
    reason: &str,
) -> Result<Penalty, Problem> {
    let line = cases::line(&door.app.records, id)?.ok_or_else(|| Problem::new("unknown_penalty"))?;
    let (case, _, permit) = case_for(door, caller, &line.case.to_string(), Action::ActOnCase)?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    Ok(door.app.cases.reverse(&permit, &definition, id, reason).await?)
}

/// `POST /api/v1/penalties/{id}/appeal`
pub(super) async fn appeal(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Json(said): Json<Appealing>,
) -> Result<Response, Problem> {
    let appeal = appeal_to(&door, &caller, &id, &said.note).await?;
    Ok((StatusCode::CREATED, axum::Json(appeal_view(&appeal))).into_response())
}

/// Writes the caller's appeal to a line of theirs.
pub(crate) async fn appeal_to(door: &Door, caller: &Caller, id: &str, note: &str) -> Result<Appeal, Problem> {
    let permit = caller.may(door, Action::OwnPenalties)?;
    match door.app.cases.appeal(&permit, id, note).await {
        Err(cases::Error::Unknown) => {
            let line = cases::line(&door.app.records, id)?.ok_or_else(|| Problem::new("unknown_penalty"))?;
            Err(caller.missing_thing(door, line.case.as_bytes(), "unknown_case")?)
        }
        other => Ok(other?),
    }
}

/// The part of the ledger that the caller may see: all of it, or their own lines.
pub(crate) fn visible(
    door: &Door,
    caller: &Caller,
    month: Option<Month>,
    adviser: Option<&str>,
) -> Result<Account, Problem> {
    let adviser = named(door, adviser)?;
    let adviser = match caller.may(door, Action::AllPenalties) {
        Ok(_) => adviser,
        Err(_) => {
            caller.may(door, Action::OwnPenalties)?;
            if adviser.is_some_and(|adviser| adviser != caller.actor.id) {
                return Err(Problem::new("forbidden"));
            }
            Some(caller.actor.id)
        }
    };
    Ok(cases::account(&door.app.records, month, adviser)?)
}

fn named(door: &Door, name: Option<&str>) -> Result<Option<PersonId>, Problem> {
    let Some(name) = name else { return Ok(None) };
    let person = door.app.people.by_name(name)?.ok_or_else(|| Problem::new("unknown_person"))?;
    Ok(Some(person.id))
}

/// The lines as this caller sees them. An appeal is for its author, and for those who may take the line back.
pub(crate) fn seen<'a>(door: &Door, caller: &Caller, account: &'a Account) -> Result<Vec<Seen<'a>>, Problem> {
    let reversed = account.reversed();
    let may_appeal = caller.may(door, Action::OwnPenalties).is_ok();
    let mut seen = Vec::with_capacity(account.entries.len());
    for line in &account.entries {
        let own = line.adviser == caller.actor.id;
        let judges = !own && judges(door, caller, line)?;
        let appeal = account.appeals.get(&line.id);
        let open = line.reverses.is_none() && !reversed.contains(line.id.as_str());
        let there = door.app.cases.get(line.case)?.is_some();
        seen.push(Seen {
            line,
            reversed: reversed.contains(line.id.as_str()),
            appeal: appeal.filter(|_| own || judges),
            may_reverse: open && judges,
            may_appeal: open && own && may_appeal && there && appeal.is_none(),
        });
    }
    Ok(seen)
}

/// Whether the caller has a role that may take the line back.
fn judges(door: &Door, caller: &Caller, line: &Penalty) -> Result<bool, Problem> {
    let Ok((case, ..)) = case_for(door, caller, &line.case.to_string(), Action::ActOnCase) else {
        return Ok(false);
    };
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let roles = cases::reversed_by(&door.app.records, &definition, line)?;
    Ok(roles.iter().any(|role| caller.actor.has_role(role)))
}

fn entry(seen: &Seen<'_>) -> Value {
    let penalty = seen.line;
    json!({
        "id": penalty.id,
        "adviser": penalty.adviser_name,
        "case": penalty.case,
        "attempt": penalty.attempt,
        "contracts": penalty.contracts,
        "points": penalty.points,
        "month": penalty.month,
        "rule": penalty.rule,
        "reason": penalty.reason,
        "documents": penalty.documents,
        "note": penalty.note,
        "reverses": penalty.reverses,
        "reversed": seen.reversed,
        "appeal": seen.appeal.map(appeal_view),
        "at": penalty.at,
    })
}

fn appeal_view(appeal: &Appeal) -> Value {
    json!({ "note": appeal.note, "by": appeal.by_name, "at": appeal.at })
}

/// The ledger as a file, for those who may see all of it. That it was taken is in the log before its first byte goes out.
pub(crate) async fn take(
    door: &Door,
    caller: &Caller,
    lang: Lang,
    month: Option<Month>,
    adviser: Option<&str>,
    form: Form,
) -> Result<Response, Problem> {
    let permit = caller.may(door, Action::AllPenalties)?;
    let adviser = named(door, adviser)?;
    let _turn = door.exporting.lock().await;
    let account = cases::account(&door.app.records, month, adviser)?;
    let lines = &account.entries;
    door.app.cases.note_ledger_taken(&permit, month, adviser, form, lines.len()).await?;
    let rows = lines.iter().map(|line| row(door, lang, line)).collect::<Result<Vec<_>, Problem>>()?;
    let title = say(lang, "ledger-title");
    let name = month.map_or_else(|| title.clone(), |month| format!("{title}-{month}"));
    file(lang, form, ("penalties", &name), &title, &COLUMNS, rows).await
}

/// The cells of a line, in the order of [`COLUMNS`].
fn row(door: &Door, lang: Lang, line: &Penalty) -> Result<Vec<String>, Problem> {
    let words = words(door, lang, line)?;
    let by = people::name_of(&door.app.records, line.by)?.unwrap_or_default();
    Ok(vec![
        line.month.to_string(),
        line.adviser_name.clone(),
        line.points.to_string(),
        words.rule,
        words.reason,
        line.attempt.to_string(),
        line.contracts.to_string(),
        words.documents.join("; "),
        line.note.clone().unwrap_or_default(),
        line.at.to_string(),
        by,
        line.case.to_string(),
        line.id.clone(),
        line.reverses.clone().unwrap_or_default(),
    ])
}

/// What a line is for, in the words of its case's definition.
#[derive(Default)]
pub(crate) struct Words {
    pub(crate) rule: String,
    pub(crate) reason: String,
    pub(crate) documents: Vec<String>,
}

/// Puts a line into words. Of a case that is sealed only the keys are left.
pub(crate) fn words(door: &Door, lang: Lang, line: &Penalty) -> Result<Words, Problem> {
    let Some(case) = door.app.cases.get(line.case)? else {
        let (rule, reason) = (line.rule.clone(), line.reason.clone());
        return Ok(Words { rule, reason, documents: line.documents.clone() });
    };
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let titled = |title: Option<&Title>, key: &str| {
        title.map_or_else(|| key.to_owned(), |title| title.get(lang.tag()).to_owned())
    };
    let names = line.documents.iter().map(|name| document(door, lang, &definition, name));
    let documents = names.collect::<Result<_, Problem>>()?;
    let rule = definition.penalty_title(&line.rule);
    let reason = match definition.reason_title(&line.reason) {
        None if line.reason == line.rule || line.rule.is_empty() => {
            reason_done(door, lang, &definition, line)?
        }
        title => titled(title, &line.reason),
    };
    Ok(Words { rule: titled(rule.as_ref(), &line.rule), reason, documents })
}

/// What was done when the line was booked, for one whose reason is only its rule's name.
fn reason_done(door: &Door, lang: Lang, definition: &Definition, line: &Penalty) -> Result<String, Problem> {
    let history = cases::history(&door.app.records, line.case)?;
    let booked = |effect: &Effect| matches!(effect, Effect::Penalise(booked) if booked.id == line.id);
    let done = history.iter().find(|item| item.effects.iter().any(booked));
    let title = done.and_then(|item| definition.action_title(item.from.as_deref()?, &item.action));
    Ok(title.map_or_else(|| line.reason.clone(), |title| title.get(lang.tag()).to_owned()))
}

/// A document that was named as failing: its kind, by the kind or by the document's id.
fn document(door: &Door, lang: Lang, definition: &Definition, name: &str) -> Result<String, Problem> {
    let found = match name.parse() {
        Ok(id) => documents::get(&door.app.records, id)?.map(|document| document.kind),
        Err(_) => Some(name.to_owned()),
    };
    let Some(kind) = found else { return Ok(name.to_owned()) };
    Ok(definition.document_title(&kind).map_or(kind.clone(), |title| title.get(lang.tag()).to_owned()))
}
