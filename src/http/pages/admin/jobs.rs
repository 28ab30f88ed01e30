//! The work that is done later: what waits, what fails, and a button to have it tried again at once.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Tab;
use crate::access::Action;
use crate::http::api::Query;
use crate::http::api::jobs::{Counts, JobView, counts, jobs, try_again};
use crate::http::pages::form::{Fields, Form};
use crate::http::pages::frame::{Frame, page};
use crate::http::pages::visit::Signed;
use crate::http::pages::words::{Moment, count, moment};
use crate::http::{Door, Problem};
use crate::queue::Standing;
use crate::text::{Lang, say, say_with};

/// So many jobs are shown.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "admin/jobs.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    ways: Vec<Way>,
    rows: Vec<Row>,
    may_retry: bool,
    some_failed: bool,
    done: Option<String>,
}

/// A part of the list.
struct Way {
    href: &'static str,
    label: String,
    count: String,
    current: bool,
}

struct Row {
    id: String,
    what: String,
    /// What it is about, and where that is shown.
    about: Option<(String, String)>,
    state: String,
    bad: bool,
    tries: u32,
    due: Moment,
}

#[derive(Default, Deserialize)]
pub(in crate::http::pages) struct Wanted {
    #[serde(default)]
    state: String,
    #[serde(default)]
    done: String,
}

/// `GET /admin/jobs`
pub(in crate::http::pages) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let state = match wanted.state.as_str() {
        "waiting" => Some(Standing::Waiting),
        "failing" => Some(Standing::Failing),
        "stuck" => Some(Standing::Stuck),
        _ => None,
    };
    let found = jobs(&door, &signed.caller, state, MOST)?;
    let counts = counts(&door)?;
    let content = Page {
        frame: Frame::of(&door, &signed.visit, say(lang, "page-jobs")),
        tabs: super::tabs(&door, &signed, "/admin/jobs"),
        ways: ways(lang, counts, &wanted.state),
        rows: found.into_iter().map(|job| row(lang, job)).collect(),
        may_retry: signed.caller.may(&door, Action::ManageKeys).is_ok(),
        some_failed: counts.failing + counts.stuck > 0,
        done: wanted
            .done
            .parse::<u64>()
            .ok()
            .map(|number| say_with(lang, "page-done-retried", &[("count", &count(number))])),
    };
    page(StatusCode::OK, &content)
}

/// `POST /admin/jobs/retry`
pub(in crate::http::pages) async fn retry(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let count = try_again(&door, &signed.caller, &fields.all("jobs"))?;
    Ok(Redirect::to(&format!("/admin/jobs?done={count}")).into_response())
}

fn ways(lang: Lang, counts: Counts, chosen: &str) -> Vec<Way> {
    let all = counts.waiting + counts.failing + counts.stuck;
    let way = |(href, state, id, number): (&'static str, &str, &str, u64)| Way {
        href,
        label: say(lang, id),
        count: count(number),
        current: chosen == state,
    };
    [
        ("/admin/jobs", "", "page-queue-all", all),
        ("/admin/jobs?state=waiting", "waiting", "page-job-waiting", counts.waiting),
        ("/admin/jobs?state=failing", "failing", "page-job-failing", counts.failing),
        ("/admin/jobs?state=stuck", "stuck", "page-job-stuck", counts.stuck),
    ]
    .map(way)
    .into()
}

fn row(lang: Lang, job: JobView) -> Row {
    let about = match (job.document, job.case, job.dossier) {
        (Some(id), ..) => Some((id.to_string(), format!("/documents/{id}"))),
        (_, Some(id), _) => Some((id.to_string(), format!("/cases/{id}"))),
        (_, _, Some(id)) => Some((id.to_string(), format!("/dossiers/{id}"))),
        _ => None,
    };
    let state = match job.state {
        Standing::Waiting => "page-job-waiting",
        Standing::Failing => "page-job-failing",
        Standing::Stuck => "page-job-stuck",
    };
    Row {
        id: job.id,
        what: say(lang, &format!("job-{}", job.kind)),
        about,
        state: say(lang, state),
        bad: job.state != Standing::Waiting,
        tries: job.tries,
        due: moment(job.due),
    }
}
