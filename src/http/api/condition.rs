//! How the archive is, in one answer: for whoever looks after it.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::jobs::{self, Counts};
use crate::access::Action;
use crate::app::{IndexState, Room, Trouble};
use crate::http::{Asked, Caller, Door, Problem};
use crate::queue;
use crate::text::{Lang, say};

/// How the archive is.
#[derive(Serialize)]
pub(crate) struct Condition {
    pub(crate) version: &'static str,
    /// Whether documents can be taken in.
    pub(crate) ready: bool,
    pub(crate) problems: Vec<Told>,
    /// Entries of the log, and how many of them are in the object store.
    pub(crate) log_size: u64,
    pub(crate) published: u64,
    pub(crate) index: IndexState,
    pub(crate) jobs: Counts,
    /// Documents that wait to be read.
    pub(crate) reading_waiting: u64,
    /// Whether scans are recognised, and whether forms can be made.
    pub(crate) recognises: bool,
    pub(crate) prints: bool,
    pub(crate) disk: Option<Room>,
    pub(crate) uploads: u64,
    /// What looking at documents again has found since the server started.
    pub(crate) checked_documents: u64,
    pub(crate) checked_problems: u64,
    pub(crate) checked_last: Option<Timestamp>,
}

/// Something that is wrong, with its stable code and in words.
#[derive(Serialize)]
pub(crate) struct Told {
    pub(crate) part: &'static str,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

/// `GET /api/v1/health`: for those who may read the log.
pub(super) async fn show(
    State(door): State<Door>,
    caller: Caller,
    Extension(asked): Extension<Asked>,
) -> Result<Response, Problem> {
    Ok(axum::Json(condition(&door, &caller, asked.lang).await?).into_response())
}

/// How the archive is.
pub(crate) async fn condition(door: &Door, caller: &Caller, lang: Lang) -> Result<Condition, Problem> {
    caller.may(door, Action::ReadLog)?;
    let app = &door.app;
    let (log, troubles, seen) = (app.journal.health(), app.troubles().await, app.sampled.seen());
    let told = |trouble: &Trouble| {
        let Trouble { part, code, .. } = *trouble;
        Told { part, code, detail: say(lang, &format!("trouble-{part}-{code}")) }
    };
    Ok(Condition {
        version: env!("CARGO_PKG_VERSION"),
        ready: !troubles.iter().any(|trouble| trouble.stops),
        problems: troubles.iter().map(told).collect(),
        log_size: log.size,
        published: log.published,
        index: app.index_state()?,
        jobs: jobs::counts(door)?,
        reading_waiting: queue::count(&app.records)?.reading,
        recognises: app.reader.has_ocr(),
        prints: app.can_print(),
        disk: app.room(),
        uploads: (app.config.limits.uploads - door.uploads.available_permits()) as u64,
        checked_documents: seen.documents,
        checked_problems: seen.problems.values().sum(),
        checked_last: seen.last,
    })
}
