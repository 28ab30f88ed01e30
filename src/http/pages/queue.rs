//! What waits for whoever looks.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::frame::{Frame, links, page};
use super::visit::Signed;
use super::words::{Moment, deadline, moment, titled};
use super::workflow::{self, WorkflowLink};
use crate::access::Action;
use crate::http::api::Query;
use crate::http::api::queue::{QueueEntry, waiting};
use crate::http::{Door, Problem};
use crate::text::{Lang, say};

#[derive(Template)]
#[template(path = "queue.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    /// How many more wait than one page shows.
    more: usize,
    has_queue: bool,
    /// The workflows that may be seen as a whole.
    workflows: Vec<WorkflowLink>,
}

struct Tab {
    href: &'static str,
    label: String,
    count: usize,
    current: bool,
}

struct Row {
    href: String,
    customer: String,
    workflow: String,
    state: String,
    attempt: u32,
    adviser: String,
    since: Moment,
    due: Option<Moment>,
    overdue: bool,
    claimed_by: Option<String>,
    mine: bool,
}

#[derive(Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    show: String,
}

/// `GET /`: the queue, or the first page that somebody without one can use.
pub(super) async fn home(
    state: State<Door>,
    signed: Signed,
    wanted: Query<Wanted>,
) -> Result<Response, Problem> {
    let door = &state.0;
    if signed.caller.may(door, Action::Queue).is_err() {
        if let Some(first) = links(door, &signed.caller, &signed.visit).first() {
            return Ok(Redirect::to(first.href).into_response());
        }
        let frame = Frame::of(door, &signed.visit, say(signed.visit.lang, "page-queue"));
        return page(
            StatusCode::OK,
            &Page {
                frame,
                tabs: Vec::new(),
                rows: Vec::new(),
                more: 0,
                has_queue: false,
                workflows: Vec::new(),
            },
        );
    }
    show(state, signed, wanted).await
}

/// `GET /queue`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let entries = waiting(&door, &signed.caller)?;
    let me = signed.caller.actor.name.as_str();
    let is_mine = |entry: &QueueEntry| entry.claimed_by.as_deref() == Some(me);
    let count =
        |wanted: fn(&QueueEntry, &str) -> bool| entries.iter().filter(|entry| wanted(entry, me)).count();
    let tab =
        |href, show: &str, id, count| Tab { href, label: say(lang, id), count, current: wanted.show == show };
    let tabs = vec![
        tab("/queue", "", "page-queue-all", entries.len()),
        tab(
            "/queue?show=mine",
            "mine",
            "page-queue-mine",
            count(|entry, me| entry.claimed_by.as_deref() == Some(me)),
        ),
        tab("/queue?show=free", "free", "page-queue-free", count(|entry, _| entry.claimed_by.is_none())),
    ];
    let shown = |entry: &&QueueEntry| match wanted.show.as_str() {
        "mine" => is_mine(entry),
        "free" => entry.claimed_by.is_none(),
        _ => true,
    };
    let shown: Vec<&QueueEntry> = entries.iter().filter(shown).collect();
    let limit = door.app.config.limits.list_entries;
    let rows: Vec<Row> =
        shown.iter().take(limit).map(|entry| row(&door, lang, entry, is_mine(entry))).collect();
    let frame = Frame::of(&door, &signed.visit, say(lang, "page-queue"));
    let workflows = workflow::links(&door, &signed.caller, lang);
    let more = shown.len() - rows.len();
    page(StatusCode::OK, &Page { frame, tabs, more, rows, has_queue: true, workflows })
}

fn row(door: &Door, lang: Lang, entry: &QueueEntry, mine: bool) -> Row {
    let definition = door.app.cases.get(entry.case).ok().flatten();
    let definition =
        definition.and_then(|case| door.app.packs.definition(&case.definition, &case.workflow).ok());
    let definition = definition.as_ref().map(|(_, definition)| definition);
    let state = definition.and_then(|definition| definition.state(&entry.state));
    Row {
        href: format!("/cases/{}", entry.case),
        customer: entry.dossier_name.clone(),
        workflow: titled(definition.map(|definition| &definition.title), lang, &entry.workflow),
        state: titled(state.map(|state| &state.title), lang, &entry.state),
        attempt: entry.attempt,
        adviser: entry.adviser.clone(),
        since: moment(entry.waiting_since),
        due: entry.deadline.map(deadline),
        overdue: entry.overdue,
        claimed_by: entry.claimed_by.clone(),
        mine,
    }
}
