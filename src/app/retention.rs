//! Whether what is written once is held in the object store, as the settings want it.
//!
//! A store is believed only what it was seen to do: without an Object Lock that holds nothing is held, and that is said
//! wherever somebody looks (log, `/readyz`, `/metrics`, `lantai probe`).

use serde::Serialize;

use super::Error;
use crate::clock::Clock;
use crate::config::{self, Config, Retention, RetentionMode};
use crate::objects::{Objects, WriteOnce};

/// The longest hold: what is longer is a mistake that nobody could take back.
const LONGEST_DAYS: u32 = 36_500;

/// Whether what is written once is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Holding {
    /// It is not wanted.
    Off,
    /// For so many days from the moment of writing.
    InForce {
        /// How many.
        days: u32,
        /// Who may lift it.
        mode: RetentionMode,
    },
    /// It is wanted, and the store does not do it.
    NotAvailable {
        /// What was seen.
        seen: String,
    },
}

impl Holding {
    /// What comes of the settings with this store.
    pub fn of(wanted: &Retention, found: &WriteOnce) -> Self {
        match (wanted.days, found.object_lock.works) {
            (0, _) => Self::Off,
            (days, true) => Self::InForce { days, mode: wanted.mode },
            (_, false) => Self::NotAvailable { seen: found.object_lock.seen.clone() },
        }
    }
}

/// The store that holds what it is given, if that is wanted and it can.
pub(super) async fn hold(
    objects: Objects,
    config: &Config,
    clock: &Clock,
) -> Result<(Objects, Holding), Error> {
    let wanted = &config.retention;
    if wanted.days == 0 {
        return Ok((objects, Holding::Off));
    }
    if wanted.days > LONGEST_DAYS {
        let message = format!("at most {LONGEST_DAYS} days");
        return Err(config::Error::Invalid { origin: "retention.days".into(), message }.into());
    }
    let holding = Holding::of(wanted, &objects.probe(clock).await?);
    match &holding {
        Holding::InForce { .. } => {
            tracing::info!(days = wanted.days, mode = ?wanted.mode, "what is written once is held");
            Ok((objects.holding(wanted.clone(), clock.clone()), holding))
        }
        Holding::NotAvailable { seen } => {
            tracing::warn!(%seen, "retention is set, and the object store has no Object Lock that holds");
            Ok((objects, holding))
        }
        Holding::Off => Ok((objects, holding)),
    }
}
