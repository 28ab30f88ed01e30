//! Liveness, readiness, metrics, and the API's description of itself.

use std::fmt::Write;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::OPENAPI;
use crate::app::Trouble;
use crate::http::{Asked, Door, Problem};
use crate::queue;
use crate::records::Condition;
use crate::text::say_with;

/// `GET /healthz`: the process runs.
pub(super) async fn healthz() -> Response {
    axum::Json(json!({ "status": "ok" })).into_response()
}

/// `GET /readyz`: documents can be taken in; if not, what is wrong.
pub(super) async fn readyz(State(door): State<Door>, Extension(asked): Extension<Asked>) -> Response {
    let health = door.app.journal.health();
    let troubles = door.app.troubles().await;
    let ready = !troubles.iter().any(|trouble| trouble.stops);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let of =
        |part: &str| troubles.iter().find(|trouble| trouble.part == part).map_or("ok", |found| found.code);
    let said: Vec<_> = troubles
        .iter()
        .map(|trouble| {
            let Trouble { part, code, .. } = trouble;
            let detail = say_with(asked.lang, &format!("trouble-{part}-{code}"), &[]);
            json!({ "part": part, "code": code, "detail": detail })
        })
        .collect();
    let body = json!({
        "status": if ready { "ok" } else { "unavailable" },
        "problems": said,
        "object_store": of("object_store"),
        "publishing": of("publishing"),
        "records": of("records"),
        "index": of("index"),
        "log_size": health.size,
        "published": health.published,
    });
    (status, axum::Json(body)).into_response()
}

/// `GET /metrics`: Prometheus text format.
pub(super) async fn metrics(State(door): State<Door>) -> Result<Response, Problem> {
    let health = door.app.journal.health();
    let jobs = queue::len(&door.app.records)?;
    let uploads = door.app.config.limits.uploads - door.uploads.available_permits();
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: u64| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    };
    gauge("lantai_log_entries", "Entries in the log.", health.size);
    gauge(
        "lantai_log_unpublished_entries",
        "Entries not yet in the object store.",
        health.size - health.published,
    );
    gauge("lantai_log_publishing_failing", "1 if the last try to publish failed.", u64::from(health.failing));
    let app = &door.app;
    gauge(
        "lantai_records_good",
        "0 if the local records take nothing until the next start.",
        u64::from(app.records.condition() == Condition::Good),
    );
    gauge("lantai_index_good", "0 if damage of the index was met.", u64::from(!app.index.is_damaged()));
    gauge("lantai_set_aside", "Damaged folders that the last start set aside.", app.found.set_aside as u64);
    gauge(
        "lantai_replayed_entries",
        "Entries that the last start replayed from the bucket.",
        app.found.replayed,
    );
    gauge("lantai_jobs_waiting", "Jobs that wait.", jobs as u64);
    gauge("lantai_uploads_under_way", "Uploads under way.", uploads as u64);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// `GET /api/openapi.json`
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}
