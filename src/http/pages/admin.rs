//! Administration: people and their roles. Jobs and the state of the archive have pages of their own beside it.

pub(super) mod access;
pub(super) mod health;
pub(super) mod jobs;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::form::{Choice, Fields, Form};
use super::frame::{Frame, page};
use super::visit::Signed;
use super::words;
use crate::access::Action;
use crate::domain::Role;
use crate::http::api::Query;
use crate::http::api::people::{add_person, change_roles, disable_person};
use crate::http::caller::rules;
use crate::http::{Door, Problem};
use crate::people::Person;
use crate::text::{Lang, say, say_with};

#[derive(Template)]
#[template(path = "admin/people.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    /// What was typed of a new person.
    name: String,
    roles: Vec<Choice>,
    alert: Option<String>,
    done: Option<String>,
}

/// A page of the administration.
pub(super) struct Tab {
    pub(super) href: &'static str,
    pub(super) label: String,
    pub(super) current: bool,
}

struct Row {
    name: String,
    /// The name as a part of an address.
    place: String,
    said: String,
    roles: Vec<Choice>,
    disabled: bool,
    /// It acts through tokens only.
    token_only: bool,
    me: bool,
    open: bool,
}

#[derive(Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
    #[serde(default)]
    who: String,
}

/// The pages of the administration.
pub(super) fn tabs(door: &Door, signed: &Signed, here: &str) -> Vec<Tab> {
    let may = |action| signed.caller.may(door, action).is_ok();
    let pages = [
        ("/admin", "page-people", may(Action::ManagePeople)),
        ("/admin/access", "page-access", may(Action::ManagePeople)),
        ("/admin/jobs", "page-jobs", may(Action::ReadLog)),
        ("/admin/health", "page-health", may(Action::ReadLog)),
        ("/outbox", "page-outbox", may(Action::ManagePeople)),
        ("/packs", "page-packs", may(Action::PublishPack)),
        ("/log", "page-log", may(Action::ReadLog)),
    ];
    let tab = |(href, id, _): (&'static str, &str, bool)| Tab {
        href,
        label: say(signed.visit.lang, id),
        current: href == here,
    };
    pages.into_iter().filter(|(.., offered)| *offered).map(tab).collect()
}

/// `GET /admin`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut content = content(&door, &signed, None)?;
    let lang = signed.visit.lang;
    let id = match done.done.as_str() {
        "added" => Some("page-done-added"),
        "roles" => Some("page-done-roles"),
        "disabled" => Some("page-done-disabled"),
        _ => None,
    };
    content.done = id.map(|id| say_with(lang, id, &[("name", &done.who)]));
    page(StatusCode::OK, &content)
}

/// `POST /admin/people`
pub(super) async fn add(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let (name, roles) = (fields.get("name").to_owned(), fields.all("roles"));
    let password = zeroize::Zeroizing::new(fields.get("password").to_owned());
    let added = add_person(&door, &signed.caller, &name, &roles, &password).await;
    answer(&door, &signed, "added", &name, added.map(drop), |content| {
        choose(&mut content.roles, &roles);
        content.name.clone_from(&name);
    })
}

/// `POST /admin/people/{name}/roles`
pub(super) async fn change(
    State(door): State<Door>,
    signed: Signed,
    Path(name): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let roles = fields.all("roles");
    let changed = change_roles(&door, &signed.caller, &name, &roles).await;
    answer(&door, &signed, "roles", &name, changed, |content| {
        if let Some(row) = content.rows.iter_mut().find(|row| row.name == name) {
            choose(&mut row.roles, &roles);
            row.open = true;
        }
    })
}

/// `POST /admin/people/{name}/disable`
pub(super) async fn disable(
    State(door): State<Door>,
    signed: Signed,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let disabled = disable_person(&door, &signed.caller, &name).await;
    answer(&door, &signed, "disabled", &name, disabled, |_| {})
}

/// Back to the list, or the list with the refusal and what was typed.
fn answer(
    door: &Door,
    signed: &Signed,
    done: &str,
    name: &str,
    result: Result<(), Problem>,
    typed: impl FnOnce(&mut Page),
) -> Result<Response, Problem> {
    match result {
        Ok(()) => {
            let pairs = [("done", done), ("who", name)];
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            Ok(Redirect::to(&format!("/admin?{query}")).into_response())
        }
        Err(problem) => {
            let mut content = content(door, signed, Some(&problem))?;
            typed(&mut content);
            page(problem.status(), &content)
        }
    }
}

fn choose(choices: &mut [Choice], values: &[String]) {
    for choice in choices {
        choice.chosen = values.contains(&choice.value);
    }
}

fn content(door: &Door, signed: &Signed, problem: Option<&Problem>) -> Result<Page, Problem> {
    let lang = signed.visit.lang;
    signed.caller.may(door, Action::ManagePeople)?;
    let me = &signed.caller.actor.name;
    let people = door.app.people.list()?;
    let mut rows =
        people.into_iter().map(|person| row(door, lang, me, person)).collect::<Result<Vec<_>, Problem>>()?;
    // Whoever no longer works here comes last.
    rows.sort_by_key(|row| row.disabled);
    Ok(Page {
        frame: Frame::of(door, &signed.visit, say(lang, "page-people")),
        tabs: tabs(door, signed, "/admin"),
        rows,
        name: String::new(),
        roles: choices(door, lang, &[])?,
        alert: problem.map(|problem| problem.sentence(lang)),
        done: None,
    })
}

fn row(door: &Door, lang: Lang, me: &str, person: Person) -> Result<Row, Problem> {
    let held: Vec<String> = person.roles.iter().map(|role| role.as_str().to_owned()).collect();
    let said = held.iter().map(|role| words::role(door, lang, role));
    Ok(Row {
        said: words::list(lang, said),
        roles: choices(door, lang, &held)?,
        place: percent_encoding::utf8_percent_encode(&person.name, percent_encoding::NON_ALPHANUMERIC)
            .to_string(),
        me: person.name == me,
        token_only: person.password.is_none(),
        name: person.name,
        disabled: person.disabled,
        open: false,
    })
}

/// The roles that somebody can have.
fn choices(door: &Door, lang: Lang, held: &[String]) -> Result<Vec<Choice>, Problem> {
    let in_force = rules(door)?;
    let own = std::iter::once(Role::ADMIN.to_owned());
    let choice = |value: String| Choice {
        label: words::role(door, lang, &value),
        chosen: held.contains(&value),
        value,
    };
    Ok(in_force.pack.roles().keys().cloned().chain(own).map(choice).collect())
}
