//! The API of docs/api.md: one file a subject.

pub(super) mod calendar;
pub(super) mod cases;
pub(super) mod condition;
pub(super) mod delegations;
pub(super) mod documents;
pub(super) mod dossiers;
pub(super) mod entries;
mod events;
pub(super) mod exported;
mod exports;
mod health;
pub(super) mod inbox;
mod index;
pub(super) mod jobs;
mod keys;
mod log;
mod packs;
mod parts;
pub(super) mod penalties;
pub(super) mod people;
pub(super) mod queue;
pub(super) mod reading;
pub(super) mod review;
pub(super) mod sealing;
pub(super) mod search;
pub(super) mod searches;
pub(super) mod session;
pub(super) mod tokens;
mod totals;
mod verify;
pub(super) mod webhooks;

use axum::Router;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::routing::{delete, get, post, put};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Door, Problem};

pub(crate) use webhooks::{delivery_view, view as webhook_view};

/// The OpenAPI 3.1 description of everything here; a test keeps it in step with [`PATHS`].
pub const OPENAPI: &str = include_str!("../../schemas/openapi.json");

/// Every path and the methods that it takes.
pub const PATHS: &[(&str, &[&str])] = &[
    ("/healthz", &["get"]),
    ("/readyz", &["get"]),
    ("/metrics", &["get"]),
    ("/api/openapi.json", &["get"]),
    ("/api/v1/session", &["post", "get", "delete"]),
    ("/api/v1/session/password", &["post"]),
    ("/api/v1/session/factors", &["get"]),
    ("/api/v1/session/factors/remove", &["post"]),
    ("/api/v1/session/app", &["post"]),
    ("/api/v1/session/app/confirm", &["post"]),
    ("/api/v1/session/recovery", &["post"]),
    ("/api/v1/sessions", &["get", "delete"]),
    ("/api/v1/sessions/{id}", &["delete"]),
    ("/api/v1/users", &["get", "post"]),
    ("/api/v1/users/{name}", &["delete"]),
    ("/api/v1/users/{name}/roles", &["post"]),
    ("/api/v1/users/{name}/password", &["post"]),
    ("/api/v1/users/{name}/factors", &["delete"]),
    ("/api/v1/tokens", &["get", "post"]),
    ("/api/v1/tokens/{id}", &["delete"]),
    ("/api/v1/pack", &["get"]),
    ("/api/v1/packs", &["get", "post"]),
    ("/api/v1/packs/migrate", &["post"]),
    ("/api/v1/packs/{hash}", &["get"]),
    ("/api/v1/dossiers", &["get", "post"]),
    ("/api/v1/dossiers/{id}", &["get"]),
    ("/api/v1/dossiers/{id}/seal", &["post"]),
    ("/api/v1/dossiers/{id}/unseal", &["post"]),
    ("/api/v1/dossiers/{id}/close", &["post"]),
    ("/api/v1/dossiers/{id}/destruction", &["post", "delete"]),
    ("/api/v1/dossiers/{id}/destruction/confirm", &["post"]),
    ("/api/v1/dossiers/{id}/certificate", &["get"]),
    ("/api/v1/sealed", &["get"]),
    ("/api/v1/dossiers/{id}/export", &["get"]),
    ("/api/v1/dossiers/{id}/export/{document}", &["get"]),
    ("/api/v1/documents", &["post"]),
    ("/api/v1/documents/{id}", &["get"]),
    ("/api/v1/documents/{id}/content", &["get"]),
    ("/api/v1/documents/{id}/text", &["get"]),
    ("/api/v1/documents/{id}/fields", &["get"]),
    ("/api/v1/index", &["get"]),
    ("/api/v1/index/rebuild", &["post"]),
    ("/api/v1/index/rotate", &["post"]),
    ("/api/v1/documents/{id}/pages/{page}", &["get"]),
    ("/api/v1/documents/{id}/parts", &["get", "post"]),
    ("/api/v1/documents/{id}/proof", &["get"]),
    ("/api/v1/reading", &["get", "post"]),
    ("/api/v1/search", &["get"]),
    ("/api/v1/search/suggest", &["get"]),
    ("/api/v1/search/export", &["get"]),
    ("/api/v1/searches", &["get", "post"]),
    ("/api/v1/searches/{id}", &["delete"]),
    ("/api/v1/cases", &["post"]),
    ("/api/v1/cases/{id}", &["get"]),
    ("/api/v1/cases/{id}/actions/{action}", &["post"]),
    ("/api/v1/cases/{id}/custody", &["post"]),
    ("/api/v1/cases/{id}/claim", &["post", "delete"]),
    ("/api/v1/cases/{id}/review", &["get"]),
    ("/api/v1/cases/{id}/review/items/{item}", &["put"]),
    ("/api/v1/cases/{id}/review/marks", &["post"]),
    ("/api/v1/cases/{id}/review/marks/{mark}", &["delete"]),
    ("/api/v1/cases/{id}/review/pages/{document}/{page}", &["put"]),
    ("/api/v1/keys", &["get"]),
    ("/api/v1/keys/rotate", &["post"]),
    ("/api/v1/queue", &["get"]),
    ("/api/v1/queue/summary", &["get"]),
    ("/api/v1/delegations", &["get", "post"]),
    ("/api/v1/delegations/{id}", &["delete"]),
    ("/api/v1/inbox", &["get"]),
    ("/api/v1/inbox/read", &["post"]),
    ("/api/v1/inbox/{id}/read", &["post"]),
    ("/api/v1/events", &["get"]),
    ("/api/v1/calendar", &["get", "post", "delete"]),
    ("/calendar/{file}", &["get"]),
    ("/api/v1/webhooks", &["get", "post"]),
    ("/api/v1/webhooks/{id}", &["delete"]),
    ("/api/v1/outbox", &["get"]),
    ("/api/v1/outbox/{id}/send", &["post"]),
    ("/api/v1/penalties", &["get"]),
    ("/api/v1/penalties/{id}/reverse", &["post"]),
    ("/api/v1/penalties/{id}/appeal", &["post"]),
    ("/api/v1/verify", &["get", "post"]),
    ("/api/v1/totals", &["get"]),
    ("/api/v1/health", &["get"]),
    ("/api/v1/jobs", &["get"]),
    ("/api/v1/jobs/retry", &["post"]),
    ("/api/v1/log", &["get"]),
    ("/api/v1/log/{index}", &["get"]),
    ("/api/v1/log/{index}/proof", &["get"]),
    ("/log/checkpoint", &["get"]),
    ("/log/consistency", &["get"]),
    ("/log/tile/{*path}", &["get"]),
];

/// The routes of [`PATHS`].
pub(super) fn routes() -> Router<Door> {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/api/openapi.json", get(health::openapi))
        .route("/api/v1/session", post(session::start).get(session::show).delete(session::end))
        .route("/api/v1/session/password", post(session::change_password))
        .route("/api/v1/session/factors", get(session::factors))
        .route("/api/v1/session/factors/remove", post(session::remove_factors))
        .route("/api/v1/session/app", post(session::begin_app))
        .route("/api/v1/session/app/confirm", post(session::confirm_app))
        .route("/api/v1/session/recovery", post(session::renew_recovery))
        .route("/api/v1/sessions", get(session::list).delete(session::end_others))
        .route("/api/v1/sessions/{id}", delete(session::end_one))
        .route("/api/v1/users", get(people::list).post(people::add))
        .route("/api/v1/users/{name}", delete(people::disable))
        .route("/api/v1/users/{name}/roles", post(people::set_roles))
        .route("/api/v1/users/{name}/password", post(people::reset_password))
        .route("/api/v1/users/{name}/factors", delete(people::remove_factors))
        .route("/api/v1/tokens", get(tokens::list).post(tokens::make))
        .route("/api/v1/tokens/{id}", delete(tokens::revoke))
        .route("/api/v1/pack", get(people::pack))
        .route("/api/v1/packs", get(packs::list).post(packs::publish))
        .route("/api/v1/packs/migrate", post(packs::migrate))
        .route("/api/v1/packs/{hash}", get(packs::show))
        .route("/api/v1/dossiers", get(dossiers::list).post(dossiers::open))
        .route("/api/v1/dossiers/{id}", get(dossiers::show))
        .route("/api/v1/dossiers/{id}/seal", post(sealing::seal))
        .route("/api/v1/dossiers/{id}/unseal", post(sealing::unseal))
        .route("/api/v1/dossiers/{id}/close", post(sealing::close))
        .route(
            "/api/v1/dossiers/{id}/destruction",
            post(sealing::ask_destruction).delete(sealing::withdraw_destruction),
        )
        .route("/api/v1/dossiers/{id}/destruction/confirm", post(sealing::confirm_destruction))
        .route("/api/v1/dossiers/{id}/certificate", get(sealing::certificate))
        .route("/api/v1/sealed", get(sealing::list))
        .route("/api/v1/dossiers/{id}/export", get(exports::show))
        .route("/api/v1/dossiers/{id}/export/{document}", get(exports::content))
        .route("/api/v1/documents", post(documents::receive))
        .route("/api/v1/documents/{id}", get(documents::show))
        .route("/api/v1/documents/{id}/content", get(documents::content))
        .route("/api/v1/documents/{id}/text", get(documents::text))
        .route("/api/v1/documents/{id}/fields", get(documents::fields))
        .route("/api/v1/index", get(index::show))
        .route("/api/v1/index/rebuild", post(index::rebuild))
        .route("/api/v1/index/rotate", post(index::rotate))
        .route("/api/v1/documents/{id}/pages/{page}", get(documents::picture))
        .route("/api/v1/documents/{id}/parts", get(parts::show).post(parts::send_on))
        .route("/api/v1/documents/{id}/proof", get(documents::proof))
        .route("/api/v1/reading", get(reading::list).post(reading::again))
        .route("/api/v1/search", get(search::search))
        .route("/api/v1/search/suggest", get(search::suggest))
        .route("/api/v1/search/export", get(exported::export))
        .route("/api/v1/searches", get(searches::list).post(searches::save))
        .route("/api/v1/searches/{id}", delete(searches::forget))
        .route("/api/v1/cases", post(cases::start))
        .route("/api/v1/cases/{id}", get(cases::show))
        .route("/api/v1/cases/{id}/actions/{action}", post(cases::act))
        .route("/api/v1/cases/{id}/custody", post(cases::add_custody))
        .route("/api/v1/cases/{id}/claim", post(cases::claim).delete(cases::release))
        .route("/api/v1/cases/{id}/review", get(review::show))
        .route("/api/v1/cases/{id}/review/items/{item}", put(review::judge))
        .route("/api/v1/cases/{id}/review/marks", post(review::mark))
        .route("/api/v1/cases/{id}/review/marks/{mark}", delete(review::unmark))
        .route("/api/v1/cases/{id}/review/pages/{document}/{page}", put(review::page))
        .route("/api/v1/keys", get(keys::list))
        .route("/api/v1/keys/rotate", post(keys::rotate))
        .route("/api/v1/queue", get(queue::queue))
        .route("/api/v1/queue/summary", get(queue::summary))
        .route("/api/v1/delegations", get(delegations::list).post(delegations::name))
        .route("/api/v1/delegations/{id}", delete(delegations::end))
        .route("/api/v1/inbox", get(inbox::list))
        .route("/api/v1/inbox/read", post(inbox::read_all))
        .route("/api/v1/inbox/{id}/read", post(inbox::read_one))
        .route("/api/v1/events", get(events::stream))
        .route("/api/v1/calendar", get(calendar::show).post(calendar::make).delete(calendar::end))
        .route("/calendar/{file}", get(calendar::feed))
        .route("/api/v1/webhooks", get(webhooks::list).post(webhooks::add))
        .route("/api/v1/webhooks/{id}", delete(webhooks::disable))
        .route("/api/v1/outbox", get(webhooks::outbox))
        .route("/api/v1/outbox/{id}/send", post(webhooks::send))
        .route("/api/v1/penalties", get(penalties::account))
        .route("/api/v1/penalties/{id}/reverse", post(penalties::reverse))
        .route("/api/v1/penalties/{id}/appeal", post(penalties::appeal))
        .route("/api/v1/verify", get(verify::show).post(verify::start))
        .route("/api/v1/totals", get(totals::totals))
        .route("/api/v1/health", get(condition::show))
        .route("/api/v1/jobs", get(jobs::list))
        .route("/api/v1/jobs/retry", post(jobs::retry))
        .route("/api/v1/log", get(entries::list))
        .route("/api/v1/log/{index}", get(entries::show))
        .route("/api/v1/log/{index}/proof", get(entries::proof))
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/consistency", get(log::consistency))
        .route("/log/tile/{*path}", get(log::tile))
}

/// A JSON body; what does not fit is a problem like any other.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Door> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, door: &Door) -> Result<Self, Problem> {
        match axum::Json::<T>::from_request(request, door).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(JsonRejection::BytesRejection(error)) if error.status().as_u16() == 413 => {
                Err(Problem::new("too_large").value("limit", door.app.config.limits.request_bytes))
            }
            Err(error) => Err(Problem::bad_request(error.body_text())),
        }
    }
}

/// The query string; what does not fit is a problem like any other.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Door> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        door: &Door,
    ) -> Result<Self, Problem> {
        let query: Result<axum::extract::Query<T>, QueryRejection> =
            axum::extract::Query::from_request_parts(parts, door).await;
        query.map(|query| Self(query.0)).map_err(|error| Problem::bad_request(error.body_text()))
    }
}

/// An id or name in the path; what cannot be one is not there.
pub(super) fn parse_id<T: std::str::FromStr>(text: &str, unknown: &'static str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(unknown))
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    /// Its entries.
    pub(super) entries: Vec<T>,
    /// Where the next page begins; none after the last.
    pub(super) next_cursor: Option<String>,
}

/// The wanted number of entries, within the limit.
pub(super) fn page_size(door: &Door, wanted: Option<usize>) -> usize {
    let limit = door.app.config.limits.list_entries;
    wanted.unwrap_or(50).clamp(1, limit)
}
