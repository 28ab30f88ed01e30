//! Webhooks and what was given up: on a data folder that no server has open, or through a server.

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, answer};
use super::local::{Session, operator};
use super::{Common, Outcome, WebhookVerb, output};
use crate::config::Config;
use crate::domain::DeliveryId;
use crate::http::api::{delivery_view, webhook_view};
use crate::notices::{Kind, Outbox};

/// How many lines are listed at most.
const MOST_LINES: usize = 10_000;

pub(super) async fn run(config: Config, verb: WebhookVerb, common: &Common) -> anyhow::Result<Outcome> {
    match &common.server {
        Some(_) => through_server(&Client::new(common)?, verb, common.json).await,
        None => {
            let session = Session::open(config).await?;
            let done = on_folder(&session.app.outbox, verb, common.json).await;
            session.close().await?;
            done.map(|()| Outcome::Clean)
        }
    }
}

async fn on_folder(outbox: &Outbox, verb: WebhookVerb, as_json: bool) -> anyhow::Result<()> {
    match verb {
        WebhookVerb::Add { url, events } => {
            let kinds = events.iter().map(|name| kind(name)).collect::<anyhow::Result<Vec<Kind>>>()?;
            let webhook = outbox.add_webhook(operator(), &url, kinds).await?;
            say_added(&webhook.id.to_string(), webhook.secret.expose());
        }
        WebhookVerb::List => {
            let webhooks: Vec<Value> = outbox.webhooks()?.iter().map(webhook_view).collect();
            say_webhooks(&webhooks, as_json);
        }
        WebhookVerb::Disable { webhook } => {
            let id = webhook.parse().context("this is no webhook's id")?;
            outbox.disable_webhook(operator(), id, false).await?;
            output::say(&format!("{webhook} is disabled"));
        }
        WebhookVerb::GivenUp => {
            let dead: Vec<Value> = outbox.deliveries(true, MOST_LINES)?.iter().map(delivery_view).collect();
            say_deliveries(&dead, as_json);
        }
        WebhookVerb::SendAgain { delivery, all } => {
            let dead = outbox.deliveries(true, MOST_LINES)?;
            let wanted: Vec<DeliveryId> = match &delivery {
                Some(id) if !all => vec![id.parse().context("this is no delivery's id")?],
                _ => dead.into_iter().map(|delivery| delivery.id).collect(),
            };
            for id in &wanted {
                outbox.send_again(operator(), *id).await?;
            }
            say_again(wanted.len());
        }
    }
    Ok(())
}

fn kind(name: &str) -> anyhow::Result<Kind> {
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    known.with_context(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("there is no event {name}; there are {}", names.join(", "))
    })
}

async fn through_server(client: &Client, verb: WebhookVerb, as_json: bool) -> anyhow::Result<Outcome> {
    match verb {
        WebhookVerb::Add { url, events } => {
            let added =
                client.post_json("/api/v1/webhooks", &json!({ "url": url, "events": events })).await?;
            say_added(text(&added, "id"), text(&added, "secret"));
        }
        WebhookVerb::List => say_webhooks(&entries(client, "/api/v1/webhooks").await?, as_json),
        WebhookVerb::Disable { webhook } => {
            answer(client.request(Method::DELETE, &format!("/api/v1/webhooks/{webhook}"))).await?;
            output::say(&format!("{webhook} is disabled"));
        }
        WebhookVerb::GivenUp => say_deliveries(&entries(client, "/api/v1/outbox").await?, as_json),
        WebhookVerb::SendAgain { delivery, all } => {
            let wanted = match delivery {
                Some(id) if !all => vec![id],
                _ => {
                    let dead = entries(client, "/api/v1/outbox").await?;
                    dead.iter().map(|delivery| text(delivery, "id").to_owned()).collect()
                }
            };
            for id in &wanted {
                answer(client.request(Method::POST, &format!("/api/v1/outbox/{id}/send"))).await?;
            }
            say_again(wanted.len());
        }
    }
    Ok(Outcome::Clean)
}

async fn entries(client: &Client, path: &str) -> anyhow::Result<Vec<Value>> {
    let found = client.get_json(path).await?;
    Ok(found["entries"].as_array().cloned().unwrap_or_default())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("-")
}

fn say_added(id: &str, secret: &str) {
    output::say(&format!(
        "webhook {id} was added. The secret that its messages are signed with, shown only now: {secret}"
    ));
}

fn say_again(count: usize) {
    output::say(&format!("{count} to be sent again"));
}

fn say_webhooks(webhooks: &[Value], as_json: bool) {
    if as_json {
        output::say_json(&webhooks);
        return;
    }
    for webhook in webhooks {
        let events: Vec<&str> =
            webhook["events"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let events = if events.is_empty() { "all".to_owned() } else { events.join(",") };
        let mark = if webhook["disabled_at"].is_null() { "" } else { "  (disabled)" };
        output::say(&format!("{}  {}  {events}{mark}", text(webhook, "id"), text(webhook, "url")));
    }
}

fn say_deliveries(deliveries: &[Value], as_json: bool) {
    if as_json {
        output::say_json(&deliveries);
        return;
    }
    for one in deliveries {
        let status = one["status"].as_u64().map(|status| format!(" {status}")).unwrap_or_default();
        let words = ["id", "channel", "to", "event", "at"].map(|name| text(one, name));
        output::say(&format!("{}  {}{status}", words.join("  "), text(one, "why")));
    }
    output::say(&format!("{} given up", deliveries.len()));
}
