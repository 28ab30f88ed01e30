//! The outbox: what is to be sent out of the archive, until it was sent or given up; and the webhooks that it is sent to.
//!
//! A delivery is a row of the entry that calls for it, and has a job. Its id follows from the entry, so that every try, and
//! every replay, has the same one. That it was sent, or given up, is a fact of the log: without it a restore would send
//! everything again. How often it was tried is the job's own business.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use jiff::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{Error, Event, Kind, Notice, Place, is_public};
use crate::clock::Clock;
use crate::domain::{DeliveryId, DossierId, PersonId, RawId, Sha256Digest, WebhookId, archive_itself};
use crate::journal::{self, Draft, Journal, Projection};
use crate::queue::{self, Job};
use crate::records::{self, Records, Table};

/// Webhooks by id.
const WEBHOOKS: Table<Webhook> = Table::new("webhooks");
/// What is to be sent or was given up, by id.
const DELIVERIES: Table<Delivery> = Table::new("outbox");
/// The same by dossier: dossier, delivery.
const OF_DOSSIER: Table<DeliveryId> = Table::new("outbox.of");

/// How a Standard Webhooks secret begins.
const SECRET_PREFIX: &str = "whsec_";
/// The longest address of a webhook, in bytes.
const LONGEST_URL: usize = 2_000;
/// How often it is tried again because something else was added meanwhile.
const TRIES: usize = 5;

/// A webhook's secret. It is shown once, and stands in the sealed log and the sealed records alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, as it is shown to whoever adds the webhook.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Somewhere that wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where it is.
    pub url: String,
    /// What it wants to be told; empty: everything.
    pub kinds: Vec<Kind>,
    /// What messages to it are signed with.
    pub secret: Secret,
    /// When it was added.
    pub added_at: Timestamp,
    /// Who added it.
    pub added_by: PersonId,
    /// Since when nothing is sent to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// Whether that is because it said that it is gone.
    #[serde(default)]
    pub gone: bool,
}

/// Which way something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// To a webhook.
    Webhook {
        /// Which.
        webhook: WebhookId,
    },
}

/// Something that is to be sent, or was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id: the same at every try.
    pub id: DeliveryId,
    /// Which way.
    pub channel: Channel,
    /// Where in the log it comes from.
    pub place: Place,
    /// When that was committed.
    pub at: Timestamp,
    /// What it says.
    pub event: Event,
    /// Why it was given up, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<Dead>,
}

/// That a delivery was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// When.
    pub at: Timestamp,
    /// Why: what went wrong at the last try.
    pub why: Why,
    /// The status that was answered, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// What went wrong with a delivery. No words of the other side: they may name somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It was answered with a status that is no success.
    Status,
    /// The other side wanted it to be sent somewhere else.
    Redirect,
    /// Nobody answered in time, or the connection failed.
    Unreachable,
    /// The address is not of the public network.
    ForbiddenAddress,
    /// The other side says that it is gone.
    Gone,
    /// The webhook is disabled.
    Disabled,
}

impl Why {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Redirect => "redirect",
            Self::Unreachable => "unreachable",
            Self::ForbiddenAddress => "forbidden_address",
            Self::Gone => "gone",
            Self::Disabled => "disabled",
        }
    }
}

/// What may be added.
#[derive(Debug, Clone, Copy)]
pub struct OutboxBounds {
    /// The most webhooks that are not disabled.
    pub webhooks: usize,
    /// Whether a webhook may be without TLS.
    pub allow_http: bool,
    /// Whether a webhook may be in a private network.
    pub allow_private: bool,
}

/// The fact that a webhook is told nothing any more.
#[derive(Debug, Serialize, Deserialize)]
struct Disabled {
    webhook: WebhookId,
    gone: bool,
}

/// How deliveries ended, as one fact.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Settled {
    /// They were taken by the other side.
    pub sent: Vec<DeliveryId>,
    /// They were given up.
    pub dead: Vec<(DeliveryId, Why, Option<u16>)>,
}

impl Settled {
    /// Whether nothing ended.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.dead.is_empty()
    }
}

/// The outbox of an archive.
#[derive(Clone)]
pub struct Outbox {
    records: Records,
    journal: Journal,
    clock: Clock,
    bounds: OutboxBounds,
}

impl Outbox {
    /// The outbox in these records.
    pub fn new(records: Records, journal: Journal, clock: Clock, bounds: OutboxBounds) -> Self {
        Self { records, journal, clock, bounds }
    }

    /// Adds a webhook that is told these kinds of events (none: all) from now on. When this returns, that is durable.
    pub async fn add_webhook(&self, by: PersonId, url: &str, kinds: Vec<Kind>) -> Result<Webhook, Error> {
        let url = self.checked_url(url)?;
        let (limit, records) = (self.bounds.webhooks, self.records.clone());
        let bytes = self.clock.random_bytes::<32>();
        let webhook = Webhook {
            id: self.clock.new_id(),
            url,
            kinds,
            secret: Secret(format!("{SECRET_PREFIX}{}", BASE64_STANDARD.encode(bytes))),
            added_at: self.clock.now(),
            added_by: by,
            disabled_at: None,
            gone: false,
        };
        for _ in 0..TRIES {
            if !has_room(&records, limit)? {
                return Err(Error::TooMany { limit });
            }
            let draft = Draft::new("webhook.added", by, &webhook)?;
            let draft = draft.if_still(move |records| Ok(has_room(records, limit)?));
            match self.journal.commit_durably(draft).await {
                Err(journal::Error::Conflict) => {}
                other => return Ok(other.map(|_| webhook)?),
            }
        }
        Err(journal::Error::Conflict.into())
    }

    fn checked_url(&self, text: &str) -> Result<String, Error> {
        let url = Url::parse(text.trim()).map_err(|_| Error::BadUrl)?;
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && self.bounds.allow_http);
        let public = match url.host() {
            Some(Host::Ipv4(address)) => self.bounds.allow_private || is_public(address.into()),
            Some(Host::Ipv6(address)) => self.bounds.allow_private || is_public(address.into()),
            Some(Host::Domain(name)) => !name.is_empty(),
            None => false,
        };
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if scheme && public && plain && url.as_str().len() <= LONGEST_URL {
            Ok(url.into())
        } else {
            Err(Error::BadUrl)
        }
    }

    /// Tells a webhook nothing any more; `gone`: because it said so itself. When this returns, that is durable.
    pub async fn disable_webhook(&self, by: PersonId, id: WebhookId, gone: bool) -> Result<(), Error> {
        let webhook = self.webhook(id)?.ok_or(Error::Unknown)?;
        if webhook.disabled_at.is_none() {
            let fact = Disabled { webhook: id, gone };
            self.journal.commit_durably(Draft::new("webhook.disabled", by, &fact)?).await?;
        }
        Ok(())
    }

    /// The webhook of this id.
    pub fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, Error> {
        Ok(self.records.get(&WEBHOOKS, id.as_bytes())?)
    }

    /// All webhooks, the latest first.
    pub fn webhooks(&self) -> Result<Vec<Webhook>, Error> {
        let rows = self.records.scan(&WEBHOOKS, b"").map(|row| row.map(|(_, webhook)| webhook));
        let mut webhooks = rows.collect::<Result<Vec<_>, _>>()?;
        webhooks.sort_by(|a, b| b.added_at.cmp(&a.added_at).then_with(|| a.id.cmp(&b.id)));
        Ok(webhooks)
    }

    /// The delivery of this id, unless it was sent.
    pub fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, Error> {
        Ok(self.records.get(&DELIVERIES, id.as_bytes())?)
    }

    /// At most `limit` deliveries, the newest first: those that were given up, or those that are under way.
    pub fn deliveries(&self, dead: bool, limit: usize) -> Result<Vec<Delivery>, Error> {
        let rows = self.records.scan(&DELIVERIES, b"").map(|row| row.map(|(_, delivery)| delivery));
        let mut found = rows.collect::<Result<Vec<_>, _>>()?;
        found.retain(|delivery| delivery.dead.is_some() == dead);
        found.sort_by(|a, b| b.place.cmp(&a.place).then_with(|| a.id.cmp(&b.id)));
        found.truncate(limit);
        Ok(found)
    }

    /// Sends once more what was given up, from the first try on. When this returns, that is durable.
    pub async fn send_again(&self, by: PersonId, id: DeliveryId) -> Result<(), Error> {
        let delivery = self.delivery(id)?.ok_or(Error::Unknown)?;
        if delivery.dead.is_none() {
            return Err(Error::NotDead);
        }
        self.journal.commit_durably(Draft::new("outbox.sent_again", by, &id)?).await?;
        Ok(())
    }

    /// Notes how deliveries ended. It is durable some time later: if it is lost, they are sent once more.
    pub async fn settle(&self, settled: &Settled) -> Result<(), Error> {
        self.journal.commit(Draft::new("outbox.settled", archive_itself(), settled)?).await?;
        Ok(())
    }
}

/// How many deliveries were given up and not sent again.
pub fn dead_count(records: &Records) -> Result<u64, records::Error> {
    records.scan(&DELIVERIES, b"").try_fold(0, |count, row| {
        row.map(|(_, delivery): (_, Delivery)| count + u64::from(delivery.dead.is_some()))
    })
}

/// The signature of a message after Standard Webhooks: version and HMAC-SHA-256 over id, seconds and body.
pub fn sign(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let key = BASE64_STANDARD.decode(secret.expose().strip_prefix(SECRET_PREFIX)?).ok()?;
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    Some(format!("v1,{}", BASE64_STANDARD.encode(context.sign())))
}

fn has_room(records: &Records, most: usize) -> Result<bool, records::Error> {
    let mut room = most;
    for row in records.scan(&WEBHOOKS, b"") {
        let (_, webhook) = row?;
        room = room.saturating_sub(usize::from(webhook.disabled_at.is_none()));
    }
    Ok(room > 0)
}

/// Calls for a notice to be sent.
fn enqueue(projection: &mut Projection<'_>, notice: &Notice, channel: Channel) -> Result<(), journal::Error> {
    let id = delivery_id(&projection.entry.payload, notice.place.number, channel);
    let delivery =
        Delivery { id, channel, place: notice.place, at: notice.at, event: notice.event.clone(), dead: None };
    projection.put(&DELIVERIES, id.as_bytes(), &delivery)?;
    if let Some(dossier) = notice.event.dossier {
        projection.put(&OF_DOSSIER, &of_dossier(dossier, id), &id)?;
    }
    Ok(queue::enqueue(projection.batch(), &Job::Deliver { delivery: id }, notice.at)?)
}

/// Calls for a notice to be sent to the webhooks that want it.
pub(super) fn enqueue_webhooks(
    projection: &mut Projection<'_>,
    notice: &Notice,
) -> Result<(), journal::Error> {
    for (_, webhook) in projection.scan(&WEBHOOKS, b"")? {
        let wanted = webhook.kinds.is_empty() || webhook.kinds.contains(&notice.event.kind);
        if wanted && webhook.disabled_at.is_none() {
            enqueue(projection, notice, Channel::Webhook { webhook: webhook.id })?;
        }
    }
    Ok(())
}

/// The id follows from the entry (its sealed payload is like no other), so that it is the same in every replay.
fn delivery_id(payload: &Sha256Digest, number: u16, channel: Channel) -> DeliveryId {
    let Channel::Webhook { webhook } = channel;
    let named = [payload.as_bytes().as_slice(), &number.to_be_bytes(), b"hook", webhook.as_bytes()].concat();
    let mut bytes = [0; 16];
    for (byte, digest) in bytes.iter_mut().zip(Sha256Digest::of(&named).as_bytes()) {
        *byte = *digest;
    }
    DeliveryId::from(RawId::from_bytes(bytes))
}

fn of_dossier(dossier: DossierId, id: DeliveryId) -> Vec<u8> {
    [dossier.as_bytes().as_slice(), id.as_bytes()].concat()
}

/// Takes away what is to be sent of a dossier: it is sealed.
pub(super) fn forget(projection: &mut Projection<'_>, dossier: DossierId) -> Result<(), journal::Error> {
    for (_, id) in projection.scan(&OF_DOSSIER, dossier.as_bytes())? {
        remove(projection, id)?;
    }
    Ok(())
}

fn remove(projection: &mut Projection<'_>, id: DeliveryId) -> Result<(), journal::Error> {
    // What spoke of a dossier that is sealed since is not there.
    if let Some(delivery) = projection.get(&DELIVERIES, id.as_bytes())? {
        if let Some(dossier) = delivery.event.dossier {
            projection.delete(&OF_DOSSIER, &of_dossier(dossier, id));
        }
        projection.delete(&DELIVERIES, id.as_bytes());
        queue::remove(projection.batch(), &Job::Deliver { delivery: id });
    }
    Ok(())
}

pub(super) fn project_added(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let webhook: Webhook = projection.fact()?;
    projection.put(&WEBHOOKS, webhook.id.as_bytes(), &webhook)
}

pub(super) fn project_disabled(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Disabled { webhook: id, gone } = projection.fact()?;
    let Some(webhook) = projection.get(&WEBHOOKS, id.as_bytes())? else { return Ok(()) };
    let disabled_at = Some(projection.entry.at);
    projection.put(&WEBHOOKS, id.as_bytes(), &Webhook { disabled_at, gone, ..webhook })
}

pub(super) fn project_settled(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Settled { sent, dead } = projection.fact()?;
    for id in sent {
        remove(projection, id)?;
    }
    let at = projection.entry.at;
    for (id, why, status) in dead {
        if let Some(delivery) = projection.get(&DELIVERIES, id.as_bytes())? {
            let dead = Some(Dead { at, why, status });
            projection.put(&DELIVERIES, id.as_bytes(), &Delivery { dead, ..delivery })?;
            queue::remove(projection.batch(), &Job::Deliver { delivery: id });
        }
    }
    Ok(())
}

pub(super) fn project_again(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let id: DeliveryId = projection.fact()?;
    if let Some(delivery) = projection.get(&DELIVERIES, id.as_bytes())? {
        projection.put(&DELIVERIES, id.as_bytes(), &Delivery { dead: None, ..delivery })?;
        let due = projection.entry.at;
        queue::enqueue(projection.batch(), &Job::Deliver { delivery: id }, due)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Secret, sign};

    /// Computed with Python's `hmac` and `base64` from the words of the specification.
    #[test]
    fn a_message_is_signed_as_the_specification_says() {
        let secret = Secret("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz".to_owned());
        let signed = sign(&secret, "msg_1", 1_700_000_000, b"{\"a\":1}");
        assert_eq!(signed.as_deref(), Some("v1,ZeeGpYq/E+LJmv4Rr+FiLPeUcCMR13nkh9N2DAygt4s="));
        assert_eq!(sign(&Secret("MDEy".to_owned()), "msg_1", 1, b""), None);
        assert_eq!(format!("{secret:?}"), "(secret)");
    }
}
