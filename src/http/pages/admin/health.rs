//! How the archive is: stores, log, index, reading, disk and version, each with a word on what to do if it is not well.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::Tab;
use crate::http::api::condition::{Condition, condition};
use crate::http::pages::frame::{Frame, page};
use crate::http::pages::visit::Signed;
use crate::http::pages::words::{count, moment, size};
use crate::http::{Door, Problem};
use crate::text::{Lang, say, say_with};

/// Below this share of free room on the disk somebody should see to it, in percent.
const LITTLE_ROOM_PERCENT: u64 = 10;

#[derive(Template)]
#[template(path = "admin/health.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    ready: bool,
    problems: Vec<String>,
    parts: Vec<Part>,
    version: &'static str,
}

/// One thing that is watched.
struct Part {
    title: String,
    said: String,
    /// What more there is to say.
    note: String,
    well: bool,
}

/// `GET /admin/health`
pub(in crate::http::pages) async fn show(
    State(door): State<Door>,
    signed: Signed,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let found = condition(&door, &signed.caller, lang).await?;
    let content = Page {
        frame: Frame::of(&door, &signed.visit, say(lang, "page-health")),
        tabs: super::tabs(&door, &signed, "/admin/health"),
        ready: found.ready,
        parts: parts(lang, &found),
        version: found.version,
        problems: found.problems.into_iter().map(|problem| problem.detail).collect(),
    };
    page(StatusCode::OK, &content)
}

fn parts(lang: Lang, found: &Condition) -> Vec<Part> {
    let well = |part: &str| found.problems.iter().all(|problem| problem.part != part);
    let with = |id: &str, values: &[(&str, &str)]| say_with(lang, id, values);
    let part =
        |id: &str, said: String, note: String, well: bool| Part { title: say(lang, id), said, note, well };
    let answers = |well: bool| say(lang, if well { "page-health-answers" } else { "page-health-trouble" });
    let behind = found.log_size - found.published;
    let published = with("page-health-published", &[("count", &count(found.published))]);
    let unpublished = match behind {
        0 => String::new(),
        number => with("page-health-unpublished", &[("count", &count(number))]),
    };
    let index = with(
        "page-health-index",
        &[("count", &count(found.index.stats.items)), ("size", &size(found.index.stats.size_bytes))],
    );
    let waits = |number: u64| match number {
        0 => String::new(),
        number => with("page-health-waiting", &[("count", &count(number))]),
    };
    let yes = |well: bool, good: &str, bad: &str| say(lang, if well { good } else { bad });
    let jobs = found.jobs.failing + found.jobs.stuck;
    let failing = with("page-home-failing", &[("count", &count(jobs))]);
    let checked = with("page-health-checked", &[("count", &count(found.checked_documents))]);
    let last = found.checked_last.map(|at| moment(at).said).unwrap_or_default();
    let lost = with("page-health-lost", &[("count", &count(found.checked_problems))]);
    let mut parts = vec![
        part("page-health-store", answers(well("object_store")), String::new(), well("object_store")),
        part("page-log", published, unpublished, well("publishing")),
        part("page-health-records", answers(well("records")), String::new(), well("records")),
        part("page-health-search", index, waits(found.index.waiting), well("index") && !found.index.damaged),
        part(
            "page-reading",
            yes(found.recognises, "page-health-recognises", "page-health-no-models"),
            waits(found.reading_waiting),
            found.recognises,
        ),
        part(
            "page-forms",
            yes(found.prints, "page-health-prints", "page-form-no-font"),
            String::new(),
            found.prints,
        ),
        part(
            "page-jobs",
            if jobs == 0 { say(lang, "page-home-none-failing") } else { failing },
            waits(found.jobs.waiting),
            jobs == 0,
        ),
        part(
            "page-health-again",
            if found.checked_problems == 0 { checked } else { lost },
            last,
            found.checked_problems == 0,
        ),
    ];
    if let Some(room) = found.disk {
        let values = [("free", size(room.free_bytes)), ("total", size(room.total_bytes))];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        let enough = room.free_bytes >= room.total_bytes / 100 * LITTLE_ROOM_PERCENT;
        let note = if enough { String::new() } else { say(lang, "page-health-little-room") };
        parts.push(part("page-health-disk", with("page-health-room", &values), note, enough));
    }
    parts
}
