//! The work that is done later, for administrators: what waits, what fails, and having it tried again at once.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Json, Query, page_size};
use crate::access::Action;
use crate::domain::{CaseId, DocumentId, DossierId};
use crate::http::{Caller, Door, Problem};
use crate::queue::{self, Job, Standing, Waiting};

#[derive(Default, Deserialize)]
pub(super) struct Wanted {
    state: Option<Standing>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    /// The jobs; none: all that failed.
    #[serde(default)]
    jobs: Vec<String>,
}

/// A job as it is shown: what it does, never why it failed, which could name what is in a paper.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct JobView {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) dossier: Option<DossierId>,
    pub(crate) document: Option<DocumentId>,
    pub(crate) case: Option<CaseId>,
    pub(crate) state: Standing,
    pub(crate) tries: u32,
    pub(crate) due: Timestamp,
}

impl From<Waiting> for JobView {
    fn from(waiting: Waiting) -> Self {
        let (id, state) = (waiting.id(), waiting.standing());
        let (kind, dossier, document, case) = match waiting.job {
            Job::ReadDocument { dossier, document } => ("read_document", Some(dossier), Some(document), None),
            Job::IndexDocument { document } => ("index_document", None, Some(document), None),
            Job::IndexDossier { dossier } => ("index_dossier", Some(dossier), None, None),
            Job::IndexCase { case } => ("index_case", None, None, Some(case)),
            Job::SplitStack { document } => ("split_stack", None, Some(document), None),
            Job::MakeForm { case, .. } => ("make_form", None, None, Some(case)),
            Job::SealDossier { dossier, case } => ("seal_dossier", Some(dossier), None, Some(case)),
            Job::CarryOutSeal { dossier } => ("carry_out_seal", Some(dossier), None, None),
            Job::Deliver { .. } => ("deliver", None, None, None),
        };
        Self { id, kind, dossier, document, case, state, tries: waiting.tries, due: waiting.due }
    }
}

/// How many jobs stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) waiting: u64,
    pub(crate) failing: u64,
    pub(crate) stuck: u64,
}

/// How many jobs stand how.
pub(crate) fn counts(door: &Door) -> Result<Counts, Problem> {
    let mut counts = Counts::default();
    for waiting in queue::all(&door.app.records) {
        match waiting?.standing() {
            Standing::Waiting => counts.waiting += 1,
            Standing::Failing => counts.failing += 1,
            Standing::Stuck => counts.stuck += 1,
        }
    }
    Ok(counts)
}

/// `GET /api/v1/jobs?state=&limit=`: for those who may read the log.
pub(super) async fn list(
    State(door): State<Door>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let entries = jobs(&door, &caller, wanted.state, page_size(&door, wanted.limit))?;
    Ok(axum::Json(json!({ "entries": entries, "counts": counts(&door)?, "next_cursor": null }))
        .into_response())
}

/// At most `limit` jobs, those that were tried most in front.
pub(crate) fn jobs(
    door: &Door,
    caller: &Caller,
    state: Option<Standing>,
    limit: usize,
) -> Result<Vec<JobView>, Problem> {
    caller.may(door, Action::ReadLog)?;
    let mut found = queue::all(&door.app.records).collect::<Result<Vec<_>, _>>()?;
    found.retain(|waiting| state.is_none_or(|state| waiting.standing() == state));
    found.sort_by_key(|waiting| (std::cmp::Reverse(waiting.tries), waiting.due));
    found.truncate(limit);
    Ok(found.into_iter().map(JobView::from).collect())
}

/// `POST /api/v1/jobs/retry {jobs}`: 202 with how many are tried again; for administrators.
pub(super) async fn retry(
    State(door): State<Door>,
    caller: Caller,
    Json(again): Json<Again>,
) -> Result<Response, Problem> {
    let count = try_again(&door, &caller, &again.jobs)?;
    Ok((StatusCode::ACCEPTED, axum::Json(json!({ "retried": count }))).into_response())
}

/// Has these jobs tried again at once, or all that failed if none is named.
pub(crate) fn try_again(door: &Door, caller: &Caller, ids: &[String]) -> Result<usize, Problem> {
    caller.may(door, Action::ManageKeys)?;
    let count = queue::hurry(&door.app.records, ids, door.app.clock.now())?;
    door.app.call_workers();
    Ok(count)
}
