//! The page that says what went wrong.

use askama::Template;
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
    request_id: String,
}

/// A problem as a page of its own, for when there is no form to return to.
pub(super) fn page(door: &Door, visit: &Visit, problem: &Problem) -> Response {
    let content = Page {
        frame: Frame::of(door, visit, say(visit.lang, "page-problem")),
        sentence: problem.sentence(visit.lang),
        request_id: visit.request_id.map(|id| id.to_string()).unwrap_or_default(),
    };
    frame::page(problem.status(), &content).unwrap_or_else(IntoResponse::into_response)
}
