//! Reads files as the archive would, in the same confined child, and shows what was read. Nothing is archived.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::{Outcome, output};
use crate::app::reader;
use crate::config::Config;
use crate::reading::{self, Reading};

/// One file, as it is shown to programs.
#[derive(Serialize)]
struct Shown<'a> {
    path: &'a Path,
    reading: &'a Reading,
}

/// Reads the files one after the other.
pub(super) async fn read(config: Config, files: &[PathBuf], as_json: bool) -> anyhow::Result<Outcome> {
    let reader = reader(&config)?;
    let mut outcome = Outcome::Clean;
    for path in files {
        let file = tokio::fs::File::open(path).await;
        let file = file.with_context(|| format!("cannot read {}", path.display()))?;
        let size_bytes = file.metadata().await?.len();
        let reading = reader.read_stream(size_bytes, file).await?;
        if matches!(reading.outcome, reading::Outcome::Unreadable { .. }) {
            outcome = Outcome::Problems;
        }
        if as_json {
            output::say(&serde_json::to_string(&Shown { path, reading: &reading })?);
        } else {
            show(&reading);
        }
    }
    Ok(outcome)
}

/// The text, page after page, and how it was had.
fn show(reading: &Reading) {
    let outcome = serde_json::to_string(&reading.outcome).unwrap_or_default();
    output::say(&format!("{} {outcome}", reading.media_type));
    for page in &reading.pages {
        output::say(&format!("\u{c}{}", page.text));
    }
}
