//! The penalties of a month: by adviser, and line by line.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::Deserialize;

use super::frame::{Frame, page};
use super::visit::Signed;
use super::words::{Moment, moment, titled};
use crate::access::Action;
use crate::cases;
use crate::domain::Month;
use crate::http::api::Query;
use crate::http::api::cases::case_for;
use crate::http::api::penalties::visible;
use crate::http::{Door, Problem};
use crate::penalties::Penalty;
use crate::text::{Lang, say};

#[derive(Template)]
#[template(path = "penalties.html")]
struct Page {
    frame: Frame,
    month: String,
    previous: Option<String>,
    next: Option<String>,
    totals: Vec<(String, i64)>,
    rows: Vec<Row>,
    alert: Option<String>,
}

struct Row {
    at: Moment,
    adviser: String,
    /// The customer and the case, for those who may see them.
    case: Option<(String, String)>,
    attempt: u32,
    contracts: u32,
    points: i64,
    reason: String,
    note: Option<String>,
    reverses: bool,
}

#[derive(Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    month: String,
}

/// `GET /penalties`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let now = Month::of(door.app.clock.now());
    let (month, alert) = match wanted.month.trim() {
        "" => (now, None),
        text => match text.parse::<Month>() {
            Ok(month) => (month, None),
            Err(_) => (now, Some(say(lang, "page-no-month"))),
        },
    };
    let account = visible(&door, &signed.caller, Some(month), None)?;
    let rows =
        account.entries.iter().map(|line| row(&door, &signed, line)).collect::<Result<_, Problem>>()?;
    let status = if alert.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content = Page {
        frame: Frame::of(&door, &signed.visit, say(lang, "page-penalties")),
        month: month.to_string(),
        previous: beside(month, (-1).months()),
        next: beside(month, 1.months()),
        totals: account.totals.into_iter().collect(),
        rows,
        alert,
    };
    page(status, &content)
}

fn beside(month: Month, span: Span) -> Option<String> {
    let first: Date = format!("{month}-01").parse().ok()?;
    let month = first.checked_add(span).ok()?.strftime("%Y-%m").to_string();
    month.parse::<Month>().ok().map(|month| format!("/penalties?month={month}"))
}

fn row(door: &Door, signed: &Signed, line: &Penalty) -> Result<Row, Problem> {
    let case = case_for(door, &signed.caller, &line.case.to_string(), Action::ViewCase).ok();
    Ok(Row {
        at: moment(line.at),
        adviser: line.adviser_name.clone(),
        case: case.map(|(case, dossier, _)| (dossier.name().to_owned(), format!("/cases/{}", case.id))),
        attempt: line.attempt,
        contracts: line.contracts,
        points: line.points,
        reason: reason(door, signed.visit.lang, line)?,
        note: line.note.clone(),
        reverses: line.reverses.is_some(),
    })
}

/// Why, in words: the return's reason, or else what was done at that moment.
fn reason(door: &Door, lang: Lang, line: &Penalty) -> Result<String, Problem> {
    let Some(case) = door.app.cases.get(line.case)? else { return Ok(line.reason.clone()) };
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    if let Some(title) = definition.reason_title(&line.reason) {
        return Ok(titled(Some(title), lang, &line.reason));
    }
    let history = cases::history(&door.app.records, line.case)?;
    let done = history.iter().find(|item| item.at == line.at && item.from.is_some());
    let title = done.and_then(|item| definition.action_title(item.from.as_deref()?, &item.action));
    Ok(titled(title, lang, &line.reason))
}
