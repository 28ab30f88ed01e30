//! Signing in, in one step or two, and out.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::form::{Fields, Form};
use super::frame::{Frame, page};
use super::visit::{Own, Visit, local_path};
use crate::http::api::Query;
use crate::http::signing::{
    Challenged, Client, Entered, check_code, check_passkey, check_password, enter as start, no_session_cookie,
};
use crate::http::{Door, Problem};
use crate::people::{Person, Shown};
use crate::text::{say, say_with};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    alert: Option<String>,
    user: String,
    next: String,
    /// What the second step is done with, if the first is done.
    step: Option<String>,
    /// The passkeys that the second step can be done with.
    passkey: Option<Asked>,
    /// The firm's own provider: where to, and what it is called.
    provider: Option<(String, String)>,
}

/// What a browser needs to show a passkey.
struct Asked {
    challenge: String,
    party: String,
    keys: String,
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: Zeroizing<String>,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Code {
    #[serde(default)]
    step: String,
    #[serde(default)]
    code: Zeroizing<String>,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`
pub(super) async fn ask(
    State(door): State<Door>,
    visit: Visit,
    Query(back): Query<Back>,
) -> Result<Response, Problem> {
    let next = local_path(&back.next).unwrap_or("/").to_owned();
    if visit.caller.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    page(StatusCode::OK, &first(&door, &visit, next))
}

/// `POST /sign-in`
pub(super) async fn enter(
    State(door): State<Door>,
    visit: Visit,
    client: Client,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let next = local_path(&typed.next).unwrap_or("/").to_owned();
    let entered = match check_password(&door, &client, typed.user.trim(), &typed.password).await {
        Ok(person) => known(&door, &visit, &client, person, &next).await,
        Err(problem) => Err(problem),
    };
    entered.or_else(|problem| {
        let alert = Some(problem.sentence(visit.lang));
        page(problem.status(), &Page { alert, user: typed.user, ..first(&door, &visit, next) })
    })
}

/// The page of the second step.
fn halfway(door: &Door, visit: &Visit, step: String, next: &str) -> Result<Page, Problem> {
    let challenged = door.half_in.look(&step).ok_or_else(|| Problem::new("step_over"))?;
    let factors = door.app.people.factors(challenged.person)?;
    let keys: Vec<&str> = factors.passkeys().iter().map(|key| key.id.as_str()).collect();
    let party = door.party.as_ref().filter(|_| !keys.is_empty());
    let passkey = party.map(|party| Asked {
        challenge: challenged.challenge,
        party: party.id.clone(),
        keys: keys.join(" "),
    });
    Ok(Page { step: Some(step), passkey, ..first(door, visit, next.to_owned()) })
}

/// The page after a second step that failed: another try, or from the beginning, if its time is over.
fn failed(
    door: &Door,
    visit: &Visit,
    problem: &Problem,
    (step, next): (String, &str),
) -> Result<Response, Problem> {
    let alert = Some(problem.sentence(visit.lang));
    let content = match halfway(door, visit, step, next) {
        Ok(content) => content,
        Err(_) => first(door, visit, next.to_owned()),
    };
    page(problem.status(), &Page { alert, ..content })
}

/// `POST /sign-in/passkey`
pub(super) async fn passkey(
    State(door): State<Door>,
    visit: Visit,
    client: Client,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let (step, next) = (fields.get("step"), local_path(fields.get("next")).unwrap_or("/"));
    let said = |name: &str| fields.get(name).to_owned();
    let shown = Shown {
        id: said("id"),
        client_data: said("client_data"),
        authenticator_data: said("authenticator_data"),
        signature: said("signature"),
    };
    match with_passkey(&door, &client, step, &shown).await {
        Ok(entered) => Ok(sent_in(next, &entered)),
        Err(problem) => failed(&door, &visit, &problem, (step.to_owned(), next)),
    }
}

async fn with_passkey(door: &Door, client: &Client, step: &str, shown: &Shown) -> Result<Entered, Problem> {
    let (challenged, person) = half(door, step)?;
    let used = check_passkey(door, client, &challenged, shown)?;
    door.half_in.end(step).ok_or_else(|| Problem::new("step_over"))?;
    start(door, client, &person, Some(used)).await
}

/// Somebody whose first step is done.
fn half(door: &Door, step: &str) -> Result<(Challenged, Person), Problem> {
    let challenged = door.half_in.look(step).ok_or_else(|| Problem::new("step_over"))?;
    let person = door.app.people.get(challenged.person)?.filter(|person| !person.disabled);
    Ok((challenged, person.ok_or_else(|| Problem::new("step_over"))?))
}

/// `POST /sign-in/code`
pub(super) async fn second(
    State(door): State<Door>,
    visit: Visit,
    client: Client,
    Form(typed): Form<Code>,
) -> Result<Response, Problem> {
    let next = local_path(&typed.next).unwrap_or("/").to_owned();
    match second_step(&door, &client, &typed).await {
        Ok(entered) => Ok(sent_in(&next, &entered)),
        Err(problem) => failed(&door, &visit, &problem, (typed.step, &next)),
    }
}

async fn second_step(door: &Door, client: &Client, typed: &Code) -> Result<Entered, Problem> {
    let (_, person) = half(door, &typed.step)?;
    let used = check_code(door, client, &person, &typed.code).await?;
    door.half_in.end(&typed.step).ok_or_else(|| Problem::new("step_over"))?;
    start(door, client, &person, Some(used)).await
}

/// `POST /sign-out`
pub(super) async fn leave(State(door): State<Door>, Own(signed): Own) -> Result<Response, Problem> {
    door.app.people.end_session(signed.caller.actor.id, &signed.caller.secret).await?;
    let cookie: HeaderValue = no_session_cookie(&door.app.config.sign_in)?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}

fn first(door: &Door, visit: &Visit, next: String) -> Page {
    let frame = Frame::of(door, visit, say(visit.lang, "page-sign-in"));
    let provider = door.provider.as_ref().map(|provider| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", &next).finish();
        let words = say_with(visit.lang, "page-sign-in-with", &[("provider", provider.title())]);
        (format!("/sign-in/provider?{query}"), words)
    });
    Page { frame, alert: None, user: String::new(), next, step: None, passkey: None, provider }
}

/// The page with what went wrong.
pub(super) fn refused(
    door: &Door,
    visit: &Visit,
    problem: &Problem,
    next: &str,
) -> Result<Response, Problem> {
    let alert = Some(problem.sentence(visit.lang));
    page(problem.status(), &Page { alert, ..first(door, visit, next.to_owned()) })
}

/// Goes on with somebody whom a password or the provider has shown: to the second step, or in.
pub(super) async fn known(
    door: &Door,
    visit: &Visit,
    client: &Client,
    person: Person,
    next: &str,
) -> Result<Response, Problem> {
    if door.app.people.factors(person.id)?.is_enrolled() {
        let step = door.half_in.begin(Challenged::new(door, person.id))?;
        return page(StatusCode::OK, &halfway(door, visit, step, next)?);
    }
    let entered = start(door, client, &person, None).await?;
    Ok(sent_in(next, &entered))
}

fn sent_in(to: &str, entered: &Entered) -> Response {
    let mut response = Redirect::to(to).into_response();
    entered.put_cookies(response.headers_mut());
    response
}
