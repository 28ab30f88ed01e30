//! Liveness, readiness, metrics, and the API's description of itself.

use std::fmt::Write;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::OPENAPI;
use crate::http::{Door, Problem};
use crate::queue;

/// `GET /healthz`: the process runs.
pub(super) async fn healthz() -> Response {
    axum::Json(json!({ "status": "ok" })).into_response()
}

/// `GET /readyz`: documents can be taken in; if not, what is wrong.
pub(super) async fn readyz(State(door): State<Door>) -> Response {
    let health = door.app.journal.health();
    let store = door.app.objects.ping().await.map_err(|error| error.to_string());
    let ready = store.is_ok() && !health.failing;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if ready { "ok" } else { "unavailable" },
        "object_store": store.err().unwrap_or_else(|| "ok".into()),
        "publishing": if health.failing { "failing" } else { "ok" },
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
    gauge("lantai_jobs_waiting", "Jobs that wait.", jobs as u64);
    gauge("lantai_uploads_under_way", "Uploads under way.", uploads as u64);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// `GET /api/openapi.json`
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}
