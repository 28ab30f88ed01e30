//! What concerns the visitor alone: password, second factor, sessions, tokens.
//!
//! What is shown once (recovery codes, a token) stands on the page that answers the form, and nowhere again.

pub(super) mod passkeys;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::form::{Fields, Form};
use super::frame::{Frame, page};
use super::visit::{Own, Signed, Visit};
use crate::domain::{Role, Scope, business_date, business_time, end_of_business_date};
use crate::http::api::session as own;
use crate::http::api::tokens::{self, read_scopes};
use crate::http::caller::Lack;
use crate::http::signing::{Client, Entered};
use crate::http::{Caller, Door, Problem};
use crate::people::{Kind, Wanted};
use crate::reading::stack::svg;
use crate::text::{Lang, say, say_with};

/// How long a token lasts unless something else is typed.
const TOKEN_DAYS: i64 = 90;

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    frame: Frame,
    alert: Option<String>,
    done: Option<String>,
    /// What has to be done first: `password` or `second_factor`.
    lacks: &'static str,
    shortest: usize,
    has_app: bool,
    has_factor: bool,
    /// Whether browsers can make passkeys for this archive.
    may_passkey: bool,
    /// Id and label.
    passkeys: Vec<(String, String)>,
    needs_factor: bool,
    recovery_left: String,
    /// Recovery codes, shown only now.
    codes: Vec<String>,
    /// A token, shown only now.
    token: Option<String>,
    sessions: Vec<SessionRow>,
    tokens: Vec<TokenRow>,
    scopes: Vec<(&'static str, String)>,
    until: String,
}

struct SessionRow {
    id: String,
    agent: String,
    started: String,
    used: String,
    ends: String,
    current: bool,
}

pub(super) struct TokenRow {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) scope: String,
    pub(super) made: String,
    pub(super) ends: String,
}

#[derive(Template)]
#[template(path = "account_app.html")]
struct AppPage {
    frame: Frame,
    alert: Option<String>,
    code: String,
    secret: String,
    step: String,
}

/// `GET /account`
pub(super) async fn show(State(door): State<Door>, Own(signed): Own) -> Result<Response, Problem> {
    page(StatusCode::OK, &content(&door, &signed.visit, &signed.caller)?)
}

/// `POST /account/password`
pub(super) async fn change_password(
    State(door): State<Door>,
    Own(signed): Own,
    client: Client,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    // What is typed as a password is taken as it is, with blanks at its ends.
    let typed = |name: &str| fields.all(name).into_iter().next().unwrap_or_default();
    let changed = match typed("new") == typed("again") {
        true => own::new_password(&door, &signed.caller, &client, &typed("password"), &typed("new")).await,
        false => Err(Problem::new("not_the_same")),
    };
    match changed {
        Ok((_, entered)) => after(&door, &signed, &entered, "page-password-changed", |_| ()),
        Err(problem) => refused(&door, &signed, &problem),
    }
}

/// `POST /account/app`: the code to scan.
pub(super) async fn begin_app(
    State(door): State<Door>,
    Own(signed): Own,
    client: Client,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let password = fields.all("password").into_iter().next().unwrap_or_default();
    match own::offer_app(&door, &signed.caller, &client, &password).await {
        Ok((_, _, step)) => app_page(&door, &signed, &step, StatusCode::OK, None),
        Err(problem) => refused(&door, &signed, &problem),
    }
}

/// `POST /account/app/confirm`
pub(super) async fn confirm_app(
    State(door): State<Door>,
    Own(signed): Own,
    client: Client,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let step = fields.get("step");
    match own::enrol_app(&door, &signed.caller, &client, step, fields.get("code")).await {
        Ok((_, entered, codes)) => {
            after(&door, &signed, &entered, "page-app-enrolled", |page| page.codes = codes)
        }
        Err(problem) if problem.code() == "wrong_code" => {
            let alert = Some(problem.sentence(signed.visit.lang));
            app_page(&door, &signed, step, problem.status(), alert)
        }
        Err(problem) => refused(&door, &signed, &problem),
    }
}

/// `POST /account/recovery`
pub(super) async fn renew_recovery(
    State(door): State<Door>,
    Own(signed): Own,
    client: Client,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let password = fields.all("password").into_iter().next().unwrap_or_default();
    match own::new_recovery(&door, &signed.caller, &client, &password).await {
        Ok((_, entered, codes)) => {
            after(&door, &signed, &entered, "page-recovery-renewed", |page| page.codes = codes)
        }
        Err(problem) => refused(&door, &signed, &problem),
    }
}

/// `POST /account/factors/remove`
pub(super) async fn remove_factors(
    State(door): State<Door>,
    Own(signed): Own,
    client: Client,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let password = fields.all("password").into_iter().next().unwrap_or_default();
    match own::without_factors(&door, &signed.caller, &client, &password).await {
        Ok((_, entered)) => {
            let mut response = Redirect::to("/account").into_response();
            entered.put_cookies(response.headers_mut());
            Ok(response)
        }
        Err(problem) => refused(&door, &signed, &problem),
    }
}

/// `POST /account/sessions/end`: the one that is named, or all others.
pub(super) async fn end_sessions(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let caller = &signed.caller;
    match fields.filled("id") {
        Some(id) => own::end_session_of(&door, caller, id).await?,
        None => door.app.people.end_others(caller.actor.id, caller.bearer.id).await?,
    }
    Ok(Redirect::to("/account").into_response())
}

/// `POST /account/tokens`
pub(super) async fn make_token(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let made = match wanted(&door, &fields) {
        Ok(wanted) => tokens::make_own(&door, &signed.caller, wanted).await,
        Err(problem) => Err(problem),
    };
    match made {
        Ok(token) => {
            let mut content = content(&door, &signed.visit, &signed.caller)?;
            content.token = Some(token.secret.to_string());
            page(StatusCode::OK, &content)
        }
        Err(problem) => refused(&door, &signed, &problem),
    }
}

/// `POST /account/tokens/{id}/revoke`
pub(super) async fn revoke_token(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    tokens::revoke_token(&door, &signed.caller, &id).await?;
    Ok(Redirect::to("/account").into_response())
}

/// The token that a form asks for: its last day is a day of the firm's.
fn wanted(door: &Door, fields: &Fields) -> Result<Wanted, Problem> {
    let scopes = read_scopes(&fields.all("scope"))?;
    let days = door.app.config.sign_in.own_token_days;
    let last: Date =
        fields.get("until").parse().map_err(|_| Problem::new("end_needed").value("days", days))?;
    let expires_at = Some(end_of_business_date(last));
    Ok(Wanted { scopes, expires_at, label: fields.get("label").to_owned() })
}

/// The page after something that has started a new session.
fn after(
    door: &Door,
    signed: &Signed,
    entered: &Entered,
    done: &str,
    change: impl FnOnce(&mut Page),
) -> Result<Response, Problem> {
    let caller = Arc::new(Caller::of_secret(door, entered.token.secret.clone())?);
    let visit = Visit { caller: Some(caller.clone()), ..signed.visit.clone() };
    let mut content = content(door, &visit, &caller)?;
    content.done = Some(say(visit.lang, done));
    change(&mut content);
    let mut response = page(StatusCode::OK, &content)?;
    entered.put_cookies(response.headers_mut());
    Ok(response)
}

fn refused(door: &Door, signed: &Signed, problem: &Problem) -> Result<Response, Problem> {
    let mut content = content(door, &signed.visit, &signed.caller)?;
    content.alert = Some(problem.sentence(signed.visit.lang));
    page(problem.status(), &content)
}

fn app_page(
    door: &Door,
    signed: &Signed,
    step: &str,
    status: StatusCode,
    alert: Option<String>,
) -> Result<Response, Problem> {
    let offered = door.enrolling.look(step).filter(|(person, _)| *person == signed.caller.actor.id);
    let (id, app) = offered.ok_or_else(|| Problem::new("step_over"))?;
    let person = door.app.people.get(id)?.ok_or_else(|| Problem::new("unauthenticated"))?;
    let secret: Vec<char> = app.base32().chars().collect();
    let groups: Vec<String> = secret.chunks(4).map(|group| group.iter().collect()).collect();
    let content = AppPage {
        frame: Frame::of(door, &signed.visit, say(signed.visit.lang, "page-app-title")),
        alert,
        code: svg(&app.address(&person)).ok_or_else(|| Problem::new("internal"))?,
        secret: groups.join(" "),
        step: step.to_owned(),
    };
    page(status, &content)
}

fn content(door: &Door, visit: &Visit, caller: &Caller) -> Result<Page, Problem> {
    let (lang, people, id) = (visit.lang, &door.app.people, caller.actor.id);
    let factors = people.factors(id)?;
    let left = factors.recovery_left().to_string();
    let sessions = people.bearers_of(id, Kind::Session)?.into_iter().map(|(session, used)| SessionRow {
        id: session.id.to_string(),
        started: business_time(session.made_at),
        used: moment(lang, used),
        ends: moment(lang, session.expires_at),
        current: session.id == caller.bearer.id,
        agent: browser(&session.label),
    });
    let today = business_date(door.app.clock.now());
    let settings = &door.app.config.sign_in;
    Ok(Page {
        frame: Frame::of(door, visit, say(lang, "page-account")),
        alert: None,
        done: None,
        lacks: match caller.lacks {
            None => "",
            Some(Lack::Password) => "password",
            Some(Lack::SecondFactor) => "second_factor",
        },
        shortest: settings.password_chars,
        has_app: factors.has_app(),
        has_factor: factors.is_enrolled(),
        may_passkey: door.party.is_some(),
        passkeys: factors.passkeys().iter().map(|key| (key.id.clone(), key.label.clone())).collect(),
        needs_factor: settings.needs_second_factor(caller.actor.roles.iter().map(Role::as_str)),
        recovery_left: say_with(lang, "page-recovery-left", &[("count", &left)]),
        codes: Vec::new(),
        token: None,
        sessions: sessions.collect(),
        tokens: tokens::own(door, caller)?.iter().map(|listed| token_row(lang, listed)).collect(),
        scopes: Scope::ALL.into_iter().map(|scope| (scope.name(), scope_word(lang, scope.name()))).collect(),
        until: today.checked_add(TOKEN_DAYS.days()).unwrap_or(today).to_string(),
    })
}

/// A token as a row of a table.
pub(super) fn token_row(lang: Lang, listed: &tokens::Listed) -> TokenRow {
    let token = &listed.token;
    let scopes: Vec<String> = token.scopes.names().into_iter().map(|name| scope_word(lang, name)).collect();
    TokenRow {
        id: token.id.to_string(),
        label: token.label.clone(),
        scope: if token.scopes.is_all() { say(lang, "page-scope-all") } else { scopes.join(" · ") },
        made: business_time(token.made_at),
        ends: moment(lang, token.expires_at),
    }
}

/// The word for a scope.
pub(super) fn scope_word(lang: Lang, name: &str) -> String {
    let id = match name {
        "read" => "page-scope-read",
        "search" => "page-scope-search",
        "upload" => "page-scope-upload",
        "act" => "page-scope-act",
        _ => "page-scope-administer",
    };
    say(lang, id)
}

fn moment(lang: Lang, at: Option<Timestamp>) -> String {
    at.map_or_else(|| say(lang, "page-no-end"), business_time)
}

/// What somebody recognises their browser by: its name and the machine's system, of what it says of itself.
fn browser(agent: &str) -> String {
    let named = |names: &[(&str, &str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| (*name).to_owned())
    };
    let browsers = [
        ("MicroMessenger", "WeChat"),
        ("Edg/", "Edge"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    match (named(&browsers), named(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => agent.chars().take(40).collect(),
    }
}
