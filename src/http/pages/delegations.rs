//! Deputies: who acts for whom on which days; a form to name one, and buttons to end what has begun.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::form::{Choice, Fields, Form};
use super::frame::{Frame, page};
use super::visit::Signed;
use super::words;
use crate::delegations::{Delegation, Wanted};
use crate::domain::{DelegationId, Role, business_date};
use crate::http::api::delegations::shown;
use crate::http::api::parse_id;
use crate::http::{Door, Problem};
use crate::text::say;

#[derive(Template)]
#[template(path = "delegations.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    /// The roles that the visitor holds by right.
    roles: Vec<Choice>,
    to: String,
    from: String,
    until: String,
    reason: String,
    alert: Option<String>,
}

struct Row {
    id: DelegationId,
    role: String,
    of: String,
    to: String,
    from: String,
    until: String,
    reason: String,
    /// `on`, `ahead` or `over`.
    stands: &'static str,
    may_end: bool,
}

/// `GET /delegations`
pub(super) async fn show(State(door): State<Door>, signed: Signed) -> Result<Response, Problem> {
    page(StatusCode::OK, &content(&door, &signed, "")?)
}

/// `POST /delegations`
pub(super) async fn name(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let named = match (fields.get("from").parse(), fields.get("until").parse()) {
        (Ok(from), Ok(until)) => {
            let (role, to, reason) = (fields.get("role"), fields.get("to"), fields.get("reason"));
            let wanted = Wanted { role, to, from, until, reason };
            door.app.delegations.name(signed.caller.actor.id, wanted).await.map_err(Problem::from)
        }
        _ => Err(Problem::new("bad_days").value("limit", 366)),
    };
    let Err(problem) = named else { return Ok(Redirect::to("/delegations").into_response()) };
    let mut content = content(&door, &signed, fields.get("role"))?;
    content.alert = Some(problem.sentence(signed.visit.lang));
    content.to = fields.get("to").to_owned();
    content.from = fields.get("from").to_owned();
    content.until = fields.get("until").to_owned();
    content.reason = fields.get("reason").to_owned();
    page(problem.status(), &content)
}

/// `POST /delegations/{id}/end`
pub(super) async fn end(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    door.app.delegations.end(signed.caller.actor.id, parse_id(&id, "unknown_delegation")?).await?;
    Ok(Redirect::to("/delegations").into_response())
}

fn content(door: &Door, signed: &Signed, chosen: &str) -> Result<Page, Problem> {
    let lang = signed.visit.lang;
    let today = business_date(door.app.clock.now());
    let person = door.app.people.get(signed.caller.actor.id)?;
    let held = person.map(|person| person.roles).unwrap_or_default();
    let choice = |role: &Role| Choice {
        value: role.as_str().to_owned(),
        label: words::role(door, lang, role.as_str()),
        chosen: role.as_str() == chosen,
    };
    let row = |one: Delegation| Row {
        role: words::role(door, lang, one.role.as_str()),
        stands: match () {
            () if one.is_on(today) => "on",
            () if one.ended_at.is_none() && one.from > today => "ahead",
            () => "over",
        },
        may_end: one.ended_at.is_none()
            && one.until >= today
            && [one.of, one.to].contains(&signed.caller.actor.id),
        id: one.id,
        of: one.of_name,
        to: one.to_name,
        from: one.from.to_string(),
        until: one.until.to_string(),
        reason: one.reason,
    };
    Ok(Page {
        frame: Frame::of(door, &signed.visit, say(lang, "page-delegations")),
        rows: shown(door, &signed.caller)?.into_iter().map(row).collect(),
        roles: held.iter().filter(|role| role.as_str() != Role::ADMIN).map(choice).collect(),
        to: String::new(),
        from: today.to_string(),
        until: today.to_string(),
        reason: String::new(),
        alert: None,
    })
}
