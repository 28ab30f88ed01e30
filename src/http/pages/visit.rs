//! Around every page: who visits, in which language, from where; and problems as pages.
//!
//! The language is the one that `?lang=` names (and is remembered in a cookie), else the cookie's, else the
//! browser's. Whoever is not signed in is sent to the sign-in page and comes back to where they were.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

use super::missing;
use crate::domain::RequestId;
use crate::http::{Asked, Caller, Door, Problem};
use crate::text::Lang;

/// The cookie that remembers the language.
const LANGUAGE_COOKIE: &str = "lantai_lang";
const YEAR_SECONDS: u32 = 31_536_000;

/// Somebody at a page, signed in or not.
#[derive(Clone)]
pub(super) struct Visit {
    /// The language of the page.
    pub(super) lang: Lang,
    /// The page's own address, without the choice of a language: a page, also when this request is a form's.
    pub(super) here: String,
    /// The request's number, for the administrator.
    pub(super) request_id: Option<RequestId>,
    /// Who it is, if they are signed in.
    pub(super) caller: Option<Arc<Caller>>,
}

/// A visit of somebody who is signed in.
pub(super) struct Signed {
    pub(super) visit: Visit,
    pub(super) caller: Arc<Caller>,
}

impl FromRequestParts<Door> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Door) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::new("internal"))
    }
}

impl FromRequestParts<Door> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let Own(own) = Own::from_request_parts(parts, door).await?;
        own.caller.check_complete()?;
        Ok(own)
    }
}

/// A visit of somebody who is signed in and may have something to do first.
pub(super) struct Own(pub(super) Signed);

impl FromRequestParts<Door> for Own {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let visit = Visit::from_request_parts(parts, door).await?;
        let caller = visit.caller.clone().ok_or_else(|| Problem::new("unauthenticated"))?;
        caller.check_scope(&parts.method)?;
        Ok(Self(Signed { visit, caller }))
    }
}

impl Visit {
    /// Who visits, and what kept that from being found out.
    pub(super) fn of(door: &Door, parts: &Parts) -> (Self, Option<Problem>) {
        let (caller, failed) = match Caller::known(parts, door) {
            Ok(caller) => (Some(Arc::new(caller)), None),
            Err(problem) if problem.code() == "unauthenticated" => (None, None),
            Err(problem) => (None, Some(problem)),
        };
        let lang = chosen_language(&parts.uri).or_else(|| remembered(parts));
        let visit = Self {
            lang: lang.unwrap_or_else(|| accepted(parts)),
            here: own_address(&parts.method, &parts.uri),
            request_id: parts.extensions.get::<Asked>().map(|asked| asked.request_id),
            caller,
        };
        (visit, failed)
    }
}

/// Finds out who visits, lets the page be made, and makes a page of a problem.
pub(super) async fn around(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let settings = &door.app.config.sign_in;
    let chosen = chosen_language(&parts.uri);
    let (visit, failed) = Visit::of(&door, &parts);
    let mut response = match failed {
        Some(problem) => problem.into_response(),
        None => {
            parts.extensions.insert(visit.clone());
            next.run(Request::from_parts(parts, body)).await
        }
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = answer(&door, &visit, &problem);
    }
    if let Some(cookie) = chosen.and_then(|lang| language_cookie(lang, settings.is_tls())) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn answer(door: &Door, visit: &Visit, problem: &Problem) -> Response {
    if problem.code() == "unauthenticated" {
        let next = utf8_percent_encode(&visit.here, NON_ALPHANUMERIC);
        return Redirect::to(&format!("/sign-in?next={next}")).into_response();
    }
    if matches!(problem.code(), "password_change_needed" | "enrolment_needed") {
        return Redirect::to("/account").into_response();
    }
    missing::page(door, visit, problem)
}

/// An address of ours that one may be sent to after signing in: a path, never another site.
pub(super) fn local_path(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let local = text.starts_with('/') && !text.starts_with("//");
    (plain && local && !text.starts_with("/sign-")).then_some(text)
}

/// `GET` of a form's address, as when the address line is entered again: back to the page that the form is on.
pub(super) async fn to_page(uri: Uri) -> Redirect {
    Redirect::to(&page_of_form(uri.path()))
}

/// The address of the page that a form is on.
fn page_of_form(path: &str) -> String {
    let mut words = path.split('/').skip(1);
    match (words.next(), words.next()) {
        (Some(subject @ ("cases" | "dossiers" | "documents")), Some(id)) => format!("/{subject}/{id}"),
        (Some("review"), Some("next")) => "/queue".to_owned(),
        (Some("review"), Some(id)) => format!("/review/{id}"),
        (Some("delegations"), _) => "/delegations".to_owned(),
        (Some("overview"), _) => "/overview".to_owned(),
        (Some("admin"), Some("access")) => "/admin/access".to_owned(),
        (Some("admin"), Some("jobs")) => "/admin/jobs".to_owned(),
        (Some("admin"), _) => "/admin".to_owned(),
        (Some("penalties"), _) => "/penalties".to_owned(),
        (Some("inbox"), _) => "/inbox".to_owned(),
        (Some("outbox"), _) => "/outbox".to_owned(),
        (Some("search"), _) => "/search".to_owned(),
        (Some("account"), _) => "/account".to_owned(),
        (Some("sign-in"), _) => "/sign-in".to_owned(),
        _ => "/".to_owned(),
    }
}

fn chosen_language(uri: &Uri) -> Option<Lang> {
    let query = uri.query()?;
    let (_, tag) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang")?;
    Lang::of_tag(&tag)
}

fn remembered(parts: &Parts) -> Option<Lang> {
    let lines = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == LANGUAGE_COOKIE).and_then(|(_, tag)| Lang::of_tag(tag))
}

fn accepted(parts: &Parts) -> Lang {
    Lang::accepted(parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()))
}

fn language_cookie(lang: Lang, is_tls: bool) -> Option<HeaderValue> {
    let secure = if is_tls { "; Secure" } else { "" };
    let tag = lang.tag();
    let text =
        format!("{LANGUAGE_COOKIE}={tag}; Path=/; HttpOnly; SameSite=Lax; Max-Age={YEAR_SECONDS}{secure}");
    HeaderValue::from_str(&text).ok()
}

/// The address of the page that a request belongs to. A form's own address takes no GET: its page is one above.
fn own_address(method: &Method, uri: &Uri) -> String {
    let path = uri.path();
    if method != Method::GET {
        return page_of_form(path);
    }
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    // What a form has just done is not said again when one comes back.
    let kept = pairs.filter(|(name, _)| !matches!(name.as_ref(), "lang" | "done" | "who"));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
