//! Webhooks and the outbox, for administrators.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Json, Query, page_size, parse_id};
use crate::access::Action;
use crate::http::{Caller, Door, Problem};
use crate::notices::{Channel, Delivery, Kind, Webhook};

/// A webhook that is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    url: String,
    /// The kinds of events; none: all.
    #[serde(default)]
    events: Vec<String>,
}

/// Which part of the outbox.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    /// `dead` (what was given up) or `waiting`.
    #[serde(default)]
    state: String,
    limit: Option<usize>,
}

/// `GET /api/v1/webhooks`
pub(super) async fn list(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    caller.may(&door, Action::ManagePeople)?;
    let entries: Vec<Value> = door.app.outbox.webhooks()?.iter().map(view).collect();
    Ok(axum::Json(json!({ "entries": entries, "next_cursor": null })).into_response())
}

/// `POST /api/v1/webhooks`: the secret is shown only now.
pub(super) async fn add(
    State(door): State<Door>,
    caller: Caller,
    Json(new): Json<NewWebhook>,
) -> Result<Response, Problem> {
    let webhook = add_webhook(&door, &caller, &new.url, &new.events).await?;
    let mut body = view(&webhook);
    if let Some(members) = body.as_object_mut() {
        members.insert("secret".to_owned(), json!(webhook.secret.expose()));
    }
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// Adds a webhook that is told these events.
pub(crate) async fn add_webhook(
    door: &Door,
    caller: &Caller,
    url: &str,
    events: &[String],
) -> Result<Webhook, Problem> {
    caller.may(door, Action::ManagePeople)?;
    let kinds = events.iter().map(|name| kind(name)).collect::<Result<Vec<Kind>, _>>()?;
    Ok(door.app.outbox.add_webhook(caller.actor.id, url, kinds).await?)
}

fn kind(name: &str) -> Result<Kind, Problem> {
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    known.ok_or_else(|| Problem::new("unknown_event").value("event", name))
}

/// `DELETE /api/v1/webhooks/{id}`: nothing is sent to it any more.
pub(super) async fn disable(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    disable_webhook(&door, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends nothing to a webhook any more.
pub(crate) async fn disable_webhook(door: &Door, caller: &Caller, id: &str) -> Result<(), Problem> {
    caller.may(door, Action::ManagePeople)?;
    let id = parse_id(id, "unknown_webhook")?;
    door.app.outbox.webhook(id)?.ok_or_else(|| Problem::new("unknown_webhook"))?;
    Ok(door.app.outbox.disable_webhook(caller.actor.id, id, false).await?)
}

/// `GET /api/v1/outbox`
pub(super) async fn outbox(
    State(door): State<Door>,
    caller: Caller,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    caller.may(&door, Action::ManagePeople)?;
    let limit = page_size(&door, part.limit);
    let entries = door.app.outbox.deliveries(part.state != "waiting", limit)?;
    let entries: Vec<Value> = entries.iter().map(delivery_view).collect();
    Ok(axum::Json(json!({ "entries": entries, "next_cursor": null })).into_response())
}

/// `POST /api/v1/outbox/{id}/send`
pub(super) async fn send(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    send_again(&door, &caller, &id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sends once more what was given up.
pub(crate) async fn send_again(door: &Door, caller: &Caller, id: &str) -> Result<(), Problem> {
    caller.may(door, Action::ManagePeople)?;
    let id = parse_id(id, "unknown_delivery")?;
    door.app.outbox.delivery(id)?.ok_or_else(|| Problem::new("unknown_delivery"))?;
    door.app.outbox.send_again(caller.actor.id, id).await?;
    door.app.call_workers();
    Ok(())
}

/// A webhook without its secret.
pub(crate) fn view(webhook: &Webhook) -> Value {
    json!({
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.kinds,
        "added_at": webhook.added_at,
        "disabled_at": webhook.disabled_at,
        "gone": webhook.gone,
    })
}

/// Something that is to be sent, or was given up.
pub(crate) fn delivery_view(delivery: &Delivery) -> Value {
    let Channel::Webhook { webhook } = delivery.channel;
    json!({
        "id": delivery.id,
        "channel": "webhook",
        "to": webhook,
        "event": delivery.event.kind,
        "case": delivery.event.case,
        "at": delivery.at,
        "dead_at": delivery.dead.as_ref().map(|dead| dead.at),
        "why": delivery.dead.as_ref().map(|dead| dead.why),
        "status": delivery.dead.as_ref().and_then(|dead| dead.status),
    })
}
