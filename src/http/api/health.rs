//! Liveness, readiness, metrics, and the API's description of itself.

use std::fmt::Write;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::OPENAPI;
use crate::app::{Holding, Trouble};
use crate::archive::ProblemCode;
use crate::http::{Asked, Door, Problem};
use crate::notices;
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
        "retention": door.app.holding,
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
    gauge(
        "lantai_retention_in_force",
        "1 if what is written once is held in the object store.",
        u64::from(matches!(door.app.holding, Holding::InForce { .. })),
    );
    gauge("lantai_jobs_waiting", "Jobs that wait.", jobs as u64);
    gauge("lantai_outbox_given_up", "Deliveries that were given up.", notices::dead_count(&app.records)?);
    gauge("lantai_notice_streams", "Open streams of notices.", app.streams.count() as u64);
    gauge("lantai_uploads_under_way", "Uploads under way.", uploads as u64);
    sampled(&door, &mut text);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// What the server has seen of the documents that it looks at again by itself.
fn sampled(door: &Door, text: &mut String) {
    let seen = door.app.sampled.seen();
    let mut series = |name: &str, help: &str, kind: &str, lines: &[(String, String)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in lines {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let one = |value: String| [(String::new(), value)];
    series(
        "lantai_verify_documents_total",
        "Documents looked at again.",
        "counter",
        &one(seen.documents.to_string()),
    );
    series("lantai_verify_bytes_total", "Bytes read for that.", "counter", &one(seen.bytes.to_string()));
    let problems: Vec<_> = ProblemCode::ALL
        .iter()
        .map(|code| {
            let count = seen.problems.get(code).copied().unwrap_or_default();
            (format!("{{code=\"{code}\"}}"), count.to_string())
        })
        .collect();
    series("lantai_verify_problems_total", "Problems found by that.", "counter", &problems);
    if let Some(last) = seen.last {
        let name = "lantai_verify_last_timestamp_seconds";
        series(name, "When the last document was looked at.", "gauge", &one(last.as_second().to_string()));
    }
    if let Some(oldest) = seen.oldest {
        let age = door.app.clock.now().duration_since(oldest).as_secs().max(0);
        let name = "lantai_verify_oldest_unchecked_seconds";
        series(
            name,
            "How long the document has waited that was longest not looked at.",
            "gauge",
            &one(age.to_string()),
        );
    }
}

/// `GET /api/openapi.json`
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}
