//! The HTTP door: the API, the log's tiles, health, and the pages.
//!
//! Layer 7. Handlers translate and call; they decide nothing. Everything that goes wrong becomes one `problem+json`
//! (RFC 9457) with a stable code, a sentence in the caller's language and the request's id.

pub mod api;
mod attempts;
mod caller;
mod ending;
mod guard;
mod linger;
mod pages;
mod problem;
mod provider;
mod signing;
mod upload;
mod waiting;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tower_http::csrf::CsrfLayer;
use tracing::Instrument;

use crate::app::App;
use crate::config::SignIn;
use crate::domain::{PersonId, RequestId};
use crate::people::{NewApp, Party};
use crate::text::Lang;

use attempts::Attempts;
pub use caller::{Caller, Lack, Sight};
pub use problem::Problem;
use provider::{Provider, Sent};
use signing::Challenged;
use waiting::Waiting;

/// What handlers share.
#[derive(Clone)]
pub struct Door {
    /// The archive.
    pub app: App,
    /// One place for each upload that may be under way.
    uploads: Arc<Semaphore>,
    /// Held while a list is made that is taken out.
    exporting: Arc<tokio::sync::Mutex<()>>,
    /// Who tries how often to sign in.
    attempts: Arc<Attempts>,
    /// Those whose password was right and whose second factor is asked for.
    half_in: Arc<Waiting<Challenged>>,
    /// Those who take a passkey on.
    challenged: Arc<Waiting<Challenged>>,
    /// For whom passkeys are, if the settings say under which address the server is seen.
    party: Option<Arc<Party>>,
    /// The firm's own provider of sign-ins, if it has one.
    provider: Option<Arc<Provider>>,
    /// Those who were sent there.
    at_provider: Arc<Waiting<Sent>>,
    /// Apps that are to be taken on as second factors.
    enrolling: Arc<Waiting<(PersonId, NewApp)>>,
}

impl Door {
    /// A door to this archive.
    pub fn new(app: App) -> Self {
        let uploads = Arc::new(Semaphore::new(app.config.limits.uploads));
        let attempts = Arc::new(Attempts::new(&app.config, &app.clock));
        let seconds = app.config.sign_in.step_seconds;
        let half_in = Arc::new(Waiting::new(&app.clock, seconds));
        let challenged = Arc::new(Waiting::new(&app.clock, seconds));
        let party = Party::of(&app.config.sign_in.address).map(Arc::new);
        let enrolling = Arc::new(Waiting::new(&app.clock, seconds));
        let provider = Provider::of(&app.config, &app.clock).map(Arc::new);
        let at_provider = Arc::new(Waiting::new(&app.clock, seconds));
        Self {
            app,
            uploads,
            exporting: Arc::default(),
            attempts,
            half_in,
            challenged,
            party,
            provider,
            at_provider,
            enrolling,
        }
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
    let known_by = ending::KnownBy::default();
    request.extensions_mut().insert(known_by.clone());
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
    let response = ending::until_ended(&door, &known_by, response);
    finish(&door.app.config.sign_in, asked, response)
}

fn finish(settings: &SignIn, asked: Asked, mut response: Response) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&asked.request_id.to_string()) {
        headers.insert("x-request-id", id);
    }
    guard::put_headers(headers, settings);
    response
}
