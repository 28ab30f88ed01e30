//! The page that says what went wrong, and what to do next.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::frame::{self, Frame};
use super::visit::Visit;
use crate::http::{Door, Problem};
use crate::text::say;

#[derive(Template)]
#[template(path = "missing.html")]
struct Page {
    frame: Frame,
    sentence: String,
    /// What to do next.
    next: String,
    /// Whether loading the page again may help.
    again: bool,
    may_search: bool,
    signed_in: bool,
    request_id: String,
    here: String,
}

/// A problem as a page of its own, for when there is no form to return to.
pub(super) fn page(door: &Door, visit: &Visit, problem: &Problem) -> Response {
    let (title, next) = words(problem.status());
    let frame = Frame::of(door, visit, say(visit.lang, title));
    let content = Page {
        sentence: problem.sentence(visit.lang),
        next: say(visit.lang, next),
        again: problem.status().is_server_error() || problem.status() == StatusCode::TOO_MANY_REQUESTS,
        may_search: frame.may_search && problem.status() == StatusCode::NOT_FOUND,
        signed_in: visit.caller.is_some(),
        request_id: visit.request_id.map(|id| id.to_string()).unwrap_or_default(),
        here: visit.here.clone(),
        frame,
    };
    frame::page(problem.status(), &content).unwrap_or_else(IntoResponse::into_response)
}

/// What such a page is called, and what it advises.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::NOT_FOUND => ("page-missing-title", "page-missing-next"),
        StatusCode::FORBIDDEN => ("page-forbidden-title", "page-forbidden-next"),
        StatusCode::CONFLICT => ("page-conflict-title", "page-conflict-next"),
        StatusCode::LOCKED | StatusCode::GONE => ("page-closed-title", "page-closed-next"),
        StatusCode::TOO_MANY_REQUESTS => ("page-busy-title", "page-busy-next"),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => {
            ("page-away-title", "page-away-next")
        }
        status if status.is_server_error() => ("page-broken-title", "page-broken-next"),
        _ => ("page-problem", "page-problem-next"),
    }
}

/// Around everything: a problem that no page has answered becomes a page for those who came with a browser, as at an address
/// where nothing is.
pub(in crate::http) async fn instead(State(door): State<Door>, request: Request, next: Next) -> Response {
    if !is_for_people(request.uri().path(), request.method(), request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let asked = parts.clone();
    let mut response = next.run(Request::from_parts(asked, body)).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let (visit, _) = Visit::of(&door, &parts);
    page(&door, &visit, &problem)
}

/// Whether whoever asks reads pages: a browser that goes to an address outside the API.
fn is_for_people(path: &str, method: &Method, headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let api = ["/api/", "/log/", "/static/"].iter().any(|prefix| path.starts_with(prefix));
    matches!(*method, Method::GET | Method::POST) && !api && accept.contains("text/html")
}
