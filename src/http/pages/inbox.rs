//! The inbox: what the visitor was told, whether it is read, and the calendar of deadlines.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::form::{Fields, Form};
use super::frame::{Frame, page};
use super::visit::Signed;
use super::words::{Moment, moment};
use crate::app::App;
use crate::http::api::calendar::make_feed;
use crate::http::api::inbox::listed;
use crate::http::api::{Query, parse_id};
use crate::http::{Door, Problem};
use crate::notices::{Kind, Notice, Place};
use crate::people;
use crate::text::{say, say_with};

/// How many notices one page has.
const PAGE_ROWS: usize = 50;

#[derive(Template)]
#[template(path = "inbox.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    only_unread: bool,
    /// The newest notice of this page: what came after it is not marked with the others.
    up_to: String,
    any_unread: bool,
    older: Option<String>,
    has_feed: bool,
    /// The address of the calendar, just made.
    feed: Option<String>,
}

struct Row {
    id: Place,
    text: String,
    /// Whom it is about: a customer, or somebody of the archive.
    about: Option<String>,
    at: Moment,
    page: String,
    unread: bool,
    urgent: bool,
}

/// Which part of the inbox.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Part {
    #[serde(default)]
    show: String,
    before: Option<String>,
}

/// `GET /inbox`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    page(StatusCode::OK, &content(&door, &signed, &part)?)
}

/// `POST /inbox/{id}/open`: marks a notice as read and goes to what it speaks of.
pub(super) async fn open(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    mark(&door, &signed, &id).await?;
    let page = super::visit::local_path(fields.get("page")).unwrap_or("/inbox");
    Ok(Redirect::to(page).into_response())
}

/// `POST /inbox/{id}/read`
pub(super) async fn read_one(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    mark(&door, &signed, &id).await?;
    Ok(Redirect::to("/inbox").into_response())
}

async fn mark(door: &Door, signed: &Signed, id: &str) -> Result<(), Problem> {
    let place = parse_id(id, "unknown_notice")?;
    Ok(door.app.notices.mark_read(signed.caller.actor.id, place).await?)
}

/// `POST /inbox/read`
pub(super) async fn read_all(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let up_to = parse_id(fields.get("up_to"), "unknown_notice")?;
    door.app.notices.mark_all_read(signed.caller.actor.id, up_to).await?;
    Ok(Redirect::to("/inbox").into_response())
}

/// `POST /inbox/calendar`: makes the address anew, or takes it back.
pub(super) async fn calendar(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    if fields.get("do") == "end" {
        door.app.notices.end_feed(signed.caller.actor.id).await?;
        return Ok(Redirect::to("/inbox").into_response());
    }
    let feed = make_feed(&door, &signed.caller).await?;
    let mut content = content(&door, &signed, &Part::default())?;
    content.feed = Some(feed);
    page(StatusCode::OK, &content)
}

fn content(door: &Door, signed: &Signed, part: &Part) -> Result<Page, Problem> {
    let (lang, actor) = (signed.visit.lang, &signed.caller.actor);
    let only_unread = part.show == "unread";
    let before = part.before.as_deref().map(|before| parse_id(before, "unknown_notice")).transpose()?;
    let found = listed(door, actor, only_unread, before, PAGE_ROWS)?;
    let rows: Vec<Row> =
        found.notices.iter().map(|notice| row(door, signed, notice)).collect::<Result<_, _>>()?;
    let show = if only_unread { "&show=unread" } else { "" };
    let newest = found.notices.first().map_or_else(|| door.app.notices.now(), |notice| notice.place);
    Ok(Page {
        any_unread: rows.iter().any(|row| row.unread),
        up_to: newest.to_string(),
        older: found.next.map(|place| format!("/inbox?before={place}{show}")),
        rows,
        only_unread,
        has_feed: door.app.notices.feed(actor.id)?.is_some(),
        feed: None,
        frame: Frame::of(door, &signed.visit, say(lang, "page-inbox")),
    })
}

fn row(door: &Door, signed: &Signed, notice: &Notice) -> Result<Row, Problem> {
    let (lang, event) = (signed.visit.lang, &notice.event);
    let customer = door.app.customer_of(&signed.caller.actor, event)?;
    let other = event.person.map(|person| people::name_of(&door.app.records, person)).transpose()?.flatten();
    let by = |name: String| say_with(lang, "page-inbox-by", &[("name", &name)]);
    Ok(Row {
        id: notice.place,
        text: door.app.said_of(lang, event),
        about: customer.or_else(|| other.map(by)),
        at: moment(notice.at),
        page: App::page_of(event),
        unread: notice.read_at.is_none(),
        urgent: matches!(event.kind, Kind::CaseOverdue | Kind::PenaltyBooked),
    })
}
