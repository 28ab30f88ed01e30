//! How people are known: one-time passwords, second factors, and the tokens of stations and scripts.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::account::{TokenRow, scope_word, token_row};
use super::super::form::{Choice, Fields, Form};
use super::super::frame::{Frame, page};
use super::super::visit::Signed;
use super::super::words;
use super::{Tab, tabs};
use crate::access::Action;
use crate::domain::{Role, Scope, business_time, end_of_business_date};
use crate::http::api::people::{remove_factors_of, reset};
use crate::http::api::tokens::{everybodys, make_for, read_scopes, revoke_token};
use crate::http::caller::rules;
use crate::http::{Door, Problem};
use crate::people::{Person, Wanted};
use crate::text::{Lang, say, say_with};

#[derive(Template)]
#[template(path = "admin/access.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    alert: Option<String>,
    /// What is shown only now: whose, and what.
    shown: Option<(String, String)>,
    people: Vec<Row>,
    tokens: Vec<(String, TokenRow)>,
    roles: Vec<Choice>,
    scopes: Vec<(&'static str, String)>,
    /// As whom a new token is to act, as it was typed.
    name: String,
}

struct Row {
    name: String,
    /// The name as a part of an address.
    in_path: String,
    roles: String,
    /// Whether it can only act through tokens.
    no_password: bool,
    once: bool,
    factor: bool,
}

/// `GET /admin/access`
pub(in crate::http::pages) async fn show(
    State(door): State<Door>,
    signed: Signed,
) -> Result<Response, Problem> {
    page(StatusCode::OK, &content(&door, &signed)?)
}

async fn one_time(door: &Door, signed: &Signed, name: &str) -> Result<Option<(String, String)>, Problem> {
    let (password, until) = reset(door, &signed.caller, name).await?;
    let until = business_time(until);
    let said = say_with(signed.visit.lang, "page-one-time-of", &[("name", name), ("until", &until)]);
    Ok(Some((said, password.to_string())))
}

/// `POST /admin/access/{name}/{what}`: `reset` or `factors`.
pub(in crate::http::pages) async fn change(
    State(door): State<Door>,
    signed: Signed,
    Path((name, what)): Path<(String, String)>,
) -> Result<Response, Problem> {
    signed.caller.may(&door, Action::ManagePeople)?;
    let changed = match what.as_str() {
        "reset" => one_time(&door, &signed, &name).await,
        "factors" => remove_factors_of(&door, &signed.caller, &name).await.map(|()| None),
        _ => Err(Problem::new("not_found")),
    };
    answer(&door, &signed, "", changed)
}

/// `POST /admin/access/tokens`
pub(in crate::http::pages) async fn make_token(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    signed.caller.may(&door, Action::ManagePeople)?;
    let name = fields.get("name").to_owned();
    let made = match wanted(&fields) {
        Ok(wanted) => make_for(&door, &signed.caller, &name, &fields.all("role"), wanted).await,
        Err(problem) => Err(problem),
    };
    let words = say_with(signed.visit.lang, "page-token-of", &[("name", &name)]);
    answer(&door, &signed, &name, made.map(|token| Some((words, token.secret.to_string()))))
}

/// `POST /admin/access/tokens/{id}/revoke`
pub(in crate::http::pages) async fn revoke(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    signed.caller.may(&door, Action::ManagePeople)?;
    revoke_token(&door, &signed.caller, &id).await?;
    Ok(Redirect::to("/admin/access").into_response())
}

fn wanted(fields: &Fields) -> Result<Wanted, Problem> {
    let scopes = read_scopes(&fields.all("scope"))?;
    let last = |text: &str| text.parse::<Date>().map_err(|_| Problem::new("bad_date").value("date", text));
    let expires_at = fields.filled("until").map(last).transpose()?.map(end_of_business_date);
    Ok(Wanted { scopes, expires_at, label: fields.get("label").to_owned() })
}

/// The page with what is shown only now, or with what went wrong; with neither, sent back to it.
fn answer(
    door: &Door,
    signed: &Signed,
    name: &str,
    result: Result<Option<(String, String)>, Problem>,
) -> Result<Response, Problem> {
    match result {
        Ok(None) => Ok(Redirect::to("/admin/access").into_response()),
        Ok(shown) => page(StatusCode::OK, &Page { shown, ..content(door, signed)? }),
        Err(problem) => {
            let alert = Some(problem.sentence(signed.visit.lang));
            page(problem.status(), &Page { alert, name: name.to_owned(), ..content(door, signed)? })
        }
    }
}

fn content(door: &Door, signed: &Signed) -> Result<Page, Problem> {
    signed.caller.may(door, Action::ManagePeople)?;
    let lang = signed.visit.lang;
    let people = door.app.people.list()?;
    let rows = people.into_iter().filter(|person| !person.disabled).map(|person| row(door, lang, person));
    let tokens = everybodys(door, &signed.caller)?;
    let rules = rules(door)?;
    let names = rules.pack.roles().keys().map(String::as_str).chain([Role::ADMIN]);
    let choice =
        |name: &str| Choice { value: name.to_owned(), label: words::role(door, lang, name), chosen: false };
    Ok(Page {
        frame: Frame::of(door, &signed.visit, say(lang, "page-access")),
        tabs: tabs(door, signed, "/admin/access"),
        alert: None,
        shown: None,
        people: rows.collect::<Result<_, _>>()?,
        tokens: tokens.iter().map(|listed| (listed.name.clone(), token_row(lang, listed))).collect(),
        roles: names.map(choice).collect(),
        scopes: Scope::ALL.into_iter().map(|scope| (scope.name(), scope_word(lang, scope.name()))).collect(),
        name: String::new(),
    })
}

fn row(door: &Door, lang: Lang, person: Person) -> Result<Row, Problem> {
    let roles = person.roles.iter().map(|role| words::role(door, lang, role.as_str()));
    Ok(Row {
        in_path: utf8_percent_encode(&person.name, NON_ALPHANUMERIC).to_string(),
        roles: words::list(lang, roles),
        no_password: person.password.is_none(),
        once: person.once_until.is_some(),
        factor: door.app.people.factors(person.id)?.is_enrolled(),
        name: person.name,
    })
}
