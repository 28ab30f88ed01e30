//! Sending what is in the outbox: at least once, with the same id each time, never before it is durable.
//!
//! A round tries what is due, some at once, and notes the ends of all in one entry. What fails is tried again after the
//! pauses of the settings; after the last one it is given up, and waits for somebody to send it again.

mod hook;

use std::time::Duration;

use futures::StreamExt;
use jiff::SignedDuration;

use super::NAP;
use crate::app::App;
use crate::config::Config;
use crate::domain::archive_itself;
use crate::notices::{Channel, Delivery, Settled, Webhook, Why};
use crate::queue::{self, Job, Waiting};
use crate::records::{self, Batch};

use hook::Hooks;

/// How many deliveries one round tries.
const ROUND: usize = 64;
/// How long it waits when what was sent cannot be noted.
const UNNOTED_SECONDS: i64 = 60;

/// Why something was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failed {
    why: Why,
    status: Option<u16>,
    /// Whether trying again cannot help.
    forever: bool,
}

impl Failed {
    fn now(why: Why) -> Self {
        Self { why, status: None, forever: false }
    }

    fn forever(why: Why) -> Self {
        Self { why, status: None, forever: true }
    }

    fn with_status(why: Why, status: u16) -> Self {
        Self { why, status: Some(status), forever: false }
    }
}

/// How a try ended.
type Tried = Result<(), Failed>;

/// What sends: made once, used for all.
pub struct Senders {
    hooks: Hooks,
}

impl Senders {
    /// Those of the settings.
    ///
    /// # Errors
    ///
    /// TLS cannot be had.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { hooks: Hooks::new(&config.webhooks)? })
    }
}

impl App {
    /// Sends what is in the outbox, for ever.
    pub(super) async fn deliver_forever(&self) {
        let senders = match Senders::new(&self.config) {
            Ok(senders) => senders,
            Err(error) => {
                tracing::error!(%error, "nothing is sent: the settings of what sends cannot be used");
                return;
            }
        };
        let mut published = self.journal.watch_published();
        loop {
            published.mark_unchanged();
            match self.deliver_due(&senders).await {
                Ok(0) => drop(tokio::time::timeout(NAP, published.changed()).await),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "what was sent could not be noted");
                    tokio::time::sleep(NAP).await;
                }
            }
        }
    }

    /// Tries what is due; tells how much was tried.
    pub async fn deliver_due(&self, senders: &Senders) -> anyhow::Result<usize> {
        let durable = self.journal.health().published;
        let mut due = Vec::new();
        for waiting in queue::due_deliveries(&self.records, self.clock.now(), ROUND)? {
            let Job::Deliver { delivery } = waiting.job else { continue };
            match self.outbox.delivery(delivery)? {
                Some(delivery) if delivery.place.index >= durable => {}
                Some(delivery) => due.push((waiting, delivery)),
                None => drop_job(&self.records, &waiting)?,
            }
        }
        let count = due.len();
        let tries = due.into_iter().map(|(waiting, delivery)| async move {
            let tried = self.deliver(senders, &delivery).await;
            (waiting, delivery, tried)
        });
        let mut tries = futures::stream::iter(tries).buffer_unordered(self.config.outbox.at_once.max(1));
        let (mut settled, mut done) = (Settled::default(), Vec::new());
        while let Some((waiting, delivery, tried)) = tries.next().await {
            let ended = match tried? {
                Ok(()) => {
                    settled.sent.push(delivery.id);
                    true
                }
                Err(failed) => self.failed(&waiting, &delivery, failed, &mut settled)?,
            };
            if ended {
                done.push(waiting);
            }
        }
        self.note(settled, &done).await?;
        Ok(count)
    }

    /// Puts off what failed; true if it is given up.
    fn failed(
        &self,
        waiting: &Waiting,
        delivery: &Delivery,
        failed: Failed,
        settled: &mut Settled,
    ) -> anyhow::Result<bool> {
        let Failed { why, status, forever } = failed;
        let pause = self.config.outbox.retry_seconds.after(waiting.tries).filter(|_| !forever);
        let (tries, reason) = (waiting.tries.saturating_add(1), why.name());
        let Some(pause) = pause else {
            tracing::warn!(delivery = %delivery.id, tries, reason, status, "a delivery failed and is given up");
            settled.dead.push((delivery.id, why, status));
            return Ok(true);
        };
        tracing::info!(delivery = %delivery.id, tries, reason, status, "a delivery failed and is tried again");
        let due = self.clock.now().checked_add(self.lengthened(pause))?;
        put_off(&self.records, waiting, due)?;
        Ok(false)
    }

    /// A pause with up to a fifth more of it, so that not all come at once.
    fn lengthened(&self, seconds: u64) -> SignedDuration {
        let part = u64::from(u16::from_be_bytes(self.clock.random_bytes()));
        let millis = seconds.saturating_mul(1_000);
        let more = (millis / 5).saturating_mul(part) / u64::from(u16::MAX);
        SignedDuration::try_from(Duration::from_millis(millis.saturating_add(more)))
            .unwrap_or(SignedDuration::MAX)
    }

    /// Notes how deliveries ended. If that cannot be noted, they are sent once more, later.
    async fn note(&self, settled: Settled, done: &[Waiting]) -> anyhow::Result<()> {
        if settled.is_empty() {
            return Ok(());
        }
        let Err(error) = self.outbox.settle(&settled).await else { return Ok(()) };
        let due = self.clock.now().checked_add(SignedDuration::from_secs(UNNOTED_SECONDS))?;
        for waiting in done {
            put_off(&self.records, waiting, due)?;
        }
        Err(error.into())
    }

    async fn deliver(&self, senders: &Senders, delivery: &Delivery) -> anyhow::Result<Tried> {
        let Channel::Webhook { webhook } = delivery.channel;
        match self.outbox.webhook(webhook)? {
            Some(webhook) if webhook.disabled_at.is_none() => {
                self.call(&senders.hooks, &webhook, delivery).await
            }
            _ => Ok(Err(Failed::forever(Why::Disabled))),
        }
    }

    async fn call(&self, hooks: &Hooks, webhook: &Webhook, delivery: &Delivery) -> anyhow::Result<Tried> {
        let called = hooks.call(webhook, delivery, self.clock.now()).await;
        if let Err(Failed { why: Why::Gone, .. }) = called {
            tracing::warn!(webhook = %webhook.id, "a webhook says that it is gone: it is disabled");
            self.outbox.disable_webhook(archive_itself(), webhook.id, true).await?;
        }
        Ok(called)
    }
}

fn put_off(
    records: &records::Records,
    waiting: &Waiting,
    due: jiff::Timestamp,
) -> Result<(), records::Error> {
    let mut batch = Batch::new();
    queue::retry(&mut batch, waiting, due)?;
    unless_changed(records.commit(batch))
}

fn drop_job(records: &records::Records, waiting: &Waiting) -> Result<(), records::Error> {
    let mut batch = Batch::new();
    queue::done(&mut batch, waiting)?;
    unless_changed(records.commit(batch))
}

/// It was called for again, or taken away, meanwhile: then that counts.
fn unless_changed(done: Result<(), records::Error>) -> Result<(), records::Error> {
    match done {
        Err(records::Error::Conflict) => Ok(()),
        other => other,
    }
}
