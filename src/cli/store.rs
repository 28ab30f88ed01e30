//! What the object store really does about objects that are to stay, tried out and told.

use serde::Serialize;

use super::{Outcome, output};
use crate::app::Holding;
use crate::clock::Clock;
use crate::config::Config;
use crate::objects::{Objects, WriteOnce};

/// What a program is told.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    #[serde(flatten)]
    pub(super) found: &'a WriteOnce,
    pub(super) retention: &'a Holding,
}

/// Tries the store of the settings out. It may be done beside a running server.
pub(super) async fn probe(config: Config, as_json: bool) -> anyhow::Result<Outcome> {
    let objects = Objects::open_beside(&config.objects_url(), &config.s3).await?;
    let found = objects.probe(&Clock::system()).await?;
    let holding = Holding::of(&config.retention, &found);
    let told = Told { found: &found, retention: &holding };
    if as_json {
        output::say_json(&told)
    } else {
        say(&told)
    }
    let missing = matches!(holding, Holding::NotAvailable { .. });
    Ok(if missing { Outcome::Problems } else { Outcome::Clean })
}

/// The findings as a table.
pub(super) fn say(told: &Told<'_>) {
    output::say("What the object store does about objects that are to stay:");
    for (what, finding) in told.found.rows() {
        let works = if finding.works { "kept" } else { "-" };
        output::say(&format!("  {what:<17}{works:<6}{}", finding.seen));
    }
    let (works, seen) = match told.retention {
        Holding::Off => ("-", "off (retention.days is 0)".to_owned()),
        Holding::InForce { days, mode } => {
            ("kept", format!("{days} days, {}", format!("{mode:?}").to_lowercase()))
        }
        Holding::NotAvailable { .. } => ("-", "WANTED, AND NOT AVAILABLE: nothing is held".to_owned()),
    };
    output::say(&format!("  {:<17}{works:<6}{seen}", "retention"));
    if told.found.left_behind > 0 {
        output::say(&format!(
            "  {} canaries stay for a few minutes, locked and hidden",
            told.found.left_behind
        ));
    }
}
