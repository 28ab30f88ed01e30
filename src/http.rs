//! The HTTP door: the API, the log's tiles, health, and the pages.
//!
//! Layer 7. Handlers translate and call; they decide nothing. Everything that goes wrong becomes one `problem+json`
//! (RFC 9457) with a stable code, a sentence in the caller's language and the request's id.

pub mod api;
mod caller;
mod linger;
mod pages;
mod problem;
mod upload;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tower_http::csrf::CsrfLayer;
use tracing::Instrument;

use crate::app::App;
use crate::domain::RequestId;
use crate::text::Lang;

pub use caller::{Caller, Sight};
pub use problem::Problem;

/// What handlers share.
#[derive(Clone)]
pub struct Door {
    /// The archive.
    pub app: App,
    /// One place for each upload that may be under way.
    uploads: Arc<Semaphore>,
    /// Held while a list is made that is taken out.
    exporting: Arc<tokio::sync::Mutex<()>>,
    /// Wrong passwords lately, by name: how many, since when.
    wrong_passwords: Arc<Mutex<HashMap<String, (u32, Timestamp)>>>,
}

impl Door {
    /// A door to this archive.
    pub fn new(app: App) -> Self {
        let uploads = Arc::new(Semaphore::new(app.config.limits.uploads));
        Self { app, uploads, exporting: Arc::default(), wrong_passwords: Arc::default() }
    }
}

/// The request's language and id, for whoever answers.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The caller's language.
    pub lang: Lang,
    /// The request's id.
    pub request_id: RequestId,
}

/// All that the server answers.
pub fn router(app: App) -> Router {
    let limit = DefaultBodyLimit::max(app.config.limits.request_bytes);
    let door = Door::new(app);
    Router::new()
        .merge(api::routes())
        .merge(pages::routes(&door))
        .fallback(|| async { Problem::new("not_found") })
        .method_not_allowed_fallback(|| async { Problem::new("method_not_allowed") })
        .layer(limit)
        .layer(CsrfLayer::new().with_rejection_response(|_| Problem::new("cross_site").into_response()))
        .layer(middleware::from_fn_with_state(door.clone(), pages::missing::instead))
        .layer(middleware::from_fn_with_state(door.clone(), around))
        .layer(middleware::from_fn_with_state(door.clone(), linger::linger))
        .with_state(door)
}

/// Around every request: an id, a span, the caller's language, and problems put into words.
async fn around(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let asked = Asked { lang: Lang::accepted(language), request_id: door.app.clock.new_id() };
    request.extensions_mut().insert(asked);
    let method = request.method().clone();
    let path = request.extensions().get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned());
    let span =
        tracing::info_span!("request", id = %asked.request_id, %method, path = path.unwrap_or_default());
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let headers = std::mem::take(response.headers_mut());
        response = problem.render(asked, headers);
    }
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    finish(&method, asked, response)
}

fn finish(method: &Method, asked: Asked, mut response: Response) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&asked.request_id.to_string()) {
        headers.insert("x-request-id", id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ));
    let _ = method;
    response
}
