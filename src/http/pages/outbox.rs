//! What is sent out of the archive: webhooks, and what was given up; for administrators.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::admin::{Tab, tabs};
use super::form::{Fields, Form};
use super::frame::{Frame, page};
use super::visit::Signed;
use super::words::{Moment, moment};
use crate::access::Action;
use crate::domain::{DeliveryId, WebhookId};
use crate::http::api::webhooks::{add_webhook, disable_webhook, send_again};
use crate::http::{Door, Problem};
use crate::notices::{Channel, Delivery, Kind, Webhook};
use crate::text::{Lang, say, say_with};

#[derive(Template)]
#[template(path = "outbox.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    webhooks: Vec<HookRow>,
    dead: Vec<Row>,
    waiting: Vec<Row>,
    kinds: Vec<Choice>,
    url: String,
    /// The secret of a webhook, just made.
    secret: Option<String>,
    alert: Option<String>,
}

struct Choice {
    value: &'static str,
    label: String,
    chosen: bool,
}

struct HookRow {
    id: WebhookId,
    url: String,
    events: String,
    added: Moment,
    disabled: Option<String>,
}

struct Row {
    id: DeliveryId,
    to: String,
    event: String,
    at: Moment,
    why: String,
}

/// `GET /outbox`
pub(super) async fn show(State(door): State<Door>, signed: Signed) -> Result<Response, Problem> {
    page(StatusCode::OK, &content(&door, &signed)?)
}

/// `POST /outbox/webhooks`
pub(super) async fn add(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let (url, events) = (fields.get("url"), fields.all("event"));
    let added = add_webhook(&door, &signed.caller, url, &events).await;
    let mut content = content(&door, &signed)?;
    match added {
        Ok(webhook) => {
            content.secret = Some(webhook.secret.expose().to_owned());
            page(StatusCode::CREATED, &content)
        }
        Err(problem) => {
            content.alert = Some(problem.sentence(signed.visit.lang));
            content.url = url.to_owned();
            for kind in &mut content.kinds {
                kind.chosen = events.iter().any(|event| event == kind.value);
            }
            page(problem.status(), &content)
        }
    }
}

/// `POST /outbox/webhooks/{id}/disable`
pub(super) async fn disable(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    disable_webhook(&door, &signed.caller, &id).await?;
    Ok(Redirect::to("/outbox").into_response())
}

/// `POST /outbox/{id}/send`
pub(super) async fn send(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    send_again(&door, &signed.caller, &id).await?;
    Ok(Redirect::to("/outbox").into_response())
}

fn content(door: &Door, signed: &Signed) -> Result<Page, Problem> {
    signed.caller.may(door, Action::ManagePeople)?;
    let lang = signed.visit.lang;
    let limit = door.app.config.limits.list_entries;
    let rows = |dead| -> Result<Vec<Row>, Problem> {
        let found = door.app.outbox.deliveries(dead, limit)?;
        found.into_iter().map(|delivery| row(door, lang, delivery)).collect()
    };
    let kind = |kind: Kind| Choice { value: kind.name(), label: event(lang, kind), chosen: false };
    Ok(Page {
        tabs: tabs(door, signed, "/outbox"),
        webhooks: door.app.outbox.webhooks()?.into_iter().map(|webhook| hook(lang, webhook)).collect(),
        dead: rows(true)?,
        waiting: rows(false)?,
        kinds: Kind::ALL.map(kind).into(),
        url: String::new(),
        secret: None,
        alert: None,
        frame: Frame::of(door, &signed.visit, say(lang, "page-outbox")),
    })
}

/// What a kind of event is called.
fn event(lang: Lang, kind: Kind) -> String {
    say(lang, &format!("event-{}", kind.name().replace('.', "-")))
}

fn hook(lang: Lang, webhook: Webhook) -> HookRow {
    let events: Vec<String> = webhook.kinds.iter().map(|kind| event(lang, *kind)).collect();
    let because = if webhook.gone { "page-webhook-gone" } else { "page-webhook-off" };
    let disabled = webhook.disabled_at.map(|at| say_with(lang, because, &[("at", &moment(at).said)]));
    HookRow {
        id: webhook.id,
        url: webhook.url,
        events: match events.is_empty() {
            true => say(lang, "page-webhook-all"),
            false => super::words::list(lang, events),
        },
        added: moment(webhook.added_at),
        disabled,
    }
}

fn row(door: &Door, lang: Lang, delivery: Delivery) -> Result<Row, Problem> {
    let Channel::Webhook { webhook } = delivery.channel;
    let to = door.app.outbox.webhook(webhook)?.map(|webhook| webhook.url).unwrap_or_default();
    let why = delivery.dead.map(|dead| {
        let why = say(lang, &format!("why-{}", dead.why.name().replace('_', "-")));
        dead.status.map_or_else(|| why.clone(), |status| format!("{why} ({status})"))
    });
    Ok(Row {
        id: delivery.id,
        to,
        event: event(lang, delivery.event.kind),
        at: moment(delivery.at),
        why: why.unwrap_or_default(),
    })
}
