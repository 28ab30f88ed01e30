//! The assessment of a month: points by adviser, and line by line what they are for. A line can be appealed to and taken
//! back here.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::form::{Choice, Fields, Form};
use super::frame::{Frame, page};
use super::visit::Signed;
use super::words::{Moment, list, moment};
use crate::access::Action;
use crate::domain::Month;
use crate::http::api::Query;
use crate::http::api::cases::case_for;
use crate::http::api::penalties::{self, Seen, visible, words};
use crate::http::{Door, Problem};
use crate::sheets;
use crate::text::{Lang, say};

#[derive(Template)]
#[template(path = "penalties.html")]
struct Page {
    frame: Frame,
    month: String,
    previous: Option<String>,
    next: Option<String>,
    /// The one adviser whose lines are shown, if not everybody's.
    adviser: String,
    /// Whom one may choose; nobody, if one sees only oneself.
    advisers: Vec<Choice>,
    totals: Vec<(String, i64)>,
    rows: Vec<Row>,
    may_take: bool,
    alert: Option<String>,
    done: Option<String>,
}

struct Row {
    id: String,
    at: Moment,
    adviser: String,
    /// The customer and the case, for those who may see them.
    case: Option<(String, String)>,
    attempt: u32,
    contracts: u32,
    points: i64,
    rule: String,
    reason: String,
    documents: String,
    note: Option<String>,
    reverses: bool,
    reversed: bool,
    appeal: Option<Appeal>,
    may_reverse: bool,
    may_appeal: bool,
    /// What was typed into a form of this line that was refused.
    typed: String,
}

struct Appeal {
    at: Moment,
    by: String,
    note: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    month: String,
    #[serde(default)]
    adviser: String,
    #[serde(default)]
    done: String,
}

impl Wanted {
    fn of(fields: &Fields) -> Self {
        let (month, adviser) = (fields.get("month").to_owned(), fields.get("adviser").to_owned());
        Self { month, adviser, done: String::new() }
    }

    fn adviser(&self) -> Option<&str> {
        Some(self.adviser.trim()).filter(|name| !name.is_empty())
    }
}

/// `GET /penalties`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let mut content = content(&door, &signed, &wanted)?;
    content.done = match wanted.done.as_str() {
        "reversed" => Some(say(signed.visit.lang, "page-penalty-reversed")),
        "appealed" => Some(say(signed.visit.lang, "page-penalty-appealed")),
        _ => None,
    };
    let status = if content.alert.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page(status, &content)
}

/// `POST /penalties/{id}/reverse`
pub(super) async fn reverse(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let reason = fields.get("reason");
    let reversed = penalties::reverse_line(&door, &signed.caller, &id, reason).await;
    answer(&door, &signed, (&id, reason), &fields, reversed.map(|_| "reversed"))
}

/// `POST /penalties/{id}/appeal`
pub(super) async fn appeal(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let note = fields.get("note");
    let appealed = penalties::appeal_to(&door, &signed.caller, &id, note).await;
    answer(&door, &signed, (&id, note), &fields, appealed.map(|_| "appealed"))
}

/// `POST /penalties/export`
pub(super) async fn take(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(&fields);
    let month: Month = wanted.month.parse().map_err(Problem::bad_request)?;
    let form = if fields.get("format") == "csv" { sheets::Form::Csv } else { sheets::Form::Xlsx };
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    penalties::take(&door, caller, lang, Some(month), wanted.adviser(), form).await
}

/// Back to the month, or the month with the refusal and what was typed.
fn answer(
    door: &Door,
    signed: &Signed,
    (id, typed): (&str, &str),
    fields: &Fields,
    result: Result<&'static str, Problem>,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(fields);
    match result {
        Ok(done) => {
            let pairs = [("month", wanted.month.as_str()), ("adviser", &wanted.adviser), ("done", done)];
            let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
            let query = Serializer::new(String::new()).extend_pairs(given).finish();
            Ok(Redirect::to(&format!("/penalties?{query}")).into_response())
        }
        Err(problem) => {
            let mut content = content(door, signed, &wanted).map_err(|_| problem.clone())?;
            content.alert = Some(problem.sentence(signed.visit.lang));
            if let Some(row) = content.rows.iter_mut().find(|row| row.id == id) {
                typed.clone_into(&mut row.typed);
            }
            page(problem.status(), &content)
        }
    }
}

fn content(door: &Door, signed: &Signed, wanted: &Wanted) -> Result<Page, Problem> {
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    let now = Month::of(door.app.clock.now());
    let (month, alert) = match wanted.month.trim() {
        "" => (now, None),
        text => match text.parse::<Month>() {
            Ok(month) => (month, None),
            Err(_) => (now, Some(say(lang, "page-no-month"))),
        },
    };
    let account = visible(door, caller, Some(month), wanted.adviser())?;
    let seen = penalties::seen(door, caller, &account)?;
    let rows = seen.iter().map(|seen| row(door, signed, seen)).collect::<Result<_, Problem>>()?;
    let sees_all = caller.may(door, Action::AllPenalties).is_ok();
    Ok(Page {
        frame: Frame::of(door, &signed.visit, say(lang, "page-penalties")),
        month: month.to_string(),
        previous: beside(month, (-1).months(), wanted),
        next: beside(month, 1.months(), wanted),
        adviser: wanted.adviser().unwrap_or_default().to_owned(),
        advisers: if sees_all { advisers(door, month, wanted)? } else { Vec::new() },
        may_take: sees_all && !account.entries.is_empty(),
        totals: account.totals.into_iter().collect(),
        rows,
        alert,
        done: None,
    })
}

/// Those who are charged in this month.
fn advisers(door: &Door, month: Month, wanted: &Wanted) -> Result<Vec<Choice>, Problem> {
    let all = crate::cases::account(&door.app.records, Some(month), None)?;
    let chosen = wanted.adviser().unwrap_or_default();
    let choice = |name: String| Choice { chosen: name == chosen, label: name.clone(), value: name };
    Ok(all.totals.into_keys().map(choice).collect())
}

fn beside(month: Month, span: Span, wanted: &Wanted) -> Option<String> {
    let first: Date = format!("{month}-01").parse().ok()?;
    let month = first.checked_add(span).ok()?.strftime("%Y-%m").to_string();
    let month = month.parse::<Month>().ok()?.to_string();
    let adviser = wanted.adviser().map(|name| ("adviser", name));
    let pairs = [("month", month.as_str())].into_iter().chain(adviser);
    Some(format!("/penalties?{}", Serializer::new(String::new()).extend_pairs(pairs).finish()))
}

fn row(door: &Door, signed: &Signed, seen: &Seen<'_>) -> Result<Row, Problem> {
    let (line, lang): (_, Lang) = (seen.line, signed.visit.lang);
    let case = case_for(door, &signed.caller, &line.case.to_string(), Action::ViewCase).ok();
    let words = words(door, lang, line)?;
    Ok(Row {
        id: line.id.clone(),
        at: moment(line.at),
        adviser: line.adviser_name.clone(),
        case: case.map(|(case, dossier, _)| (dossier.name().to_owned(), format!("/cases/{}", case.id))),
        attempt: line.attempt,
        contracts: line.contracts,
        points: line.points,
        rule: words.rule,
        reason: words.reason,
        documents: list(lang, words.documents),
        note: line.note.clone(),
        reverses: line.reverses.is_some(),
        reversed: seen.reversed,
        appeal: seen.appeal.map(|appeal| Appeal {
            at: moment(appeal.at),
            by: appeal.by_name.clone(),
            note: appeal.note.clone(),
        }),
        may_reverse: seen.may_reverse,
        may_appeal: seen.may_appeal,
        typed: String::new(),
    })
}
