//! Verbs on a data folder that no server has open.

use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::task::JoinHandle;

use super::{Outcome, output, serving, store};
use crate::app::{App, Recovery};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{PersonId, archive_itself};
use crate::workflow::pack::ReadError;
use crate::workflow::{Finding, Pack};

pub(super) async fn init(
    config: Config,
    recovery_out: Option<PathBuf>,
    recipients: &[String],
    pack: Option<&Path>,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    // What is wrong with a pack is said before anything is made.
    let pack = pack.map_or_else(|| Ok(Pack::bundled()), pack_in)?;
    let recovery = match (&recovery_out, recipients) {
        (Some(path), _) => Recovery::NewKeyFile(path.clone()),
        (None, []) => Recovery::NewKey,
        (None, recipients) => {
            Recovery::Recipients(recipients.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
        }
    };
    let data = config.data.clone();
    let fresh = App::init_with(config, Clock::system(), recovery, &pack).await?;
    let shown = fresh.recovery_key.as_ref().filter(|_| recovery_out.is_none());
    fresh.opened.app.close()?;
    let write_once = store::Told { found: &fresh.write_once, retention: &fresh.opened.app.holding };
    if as_json {
        output::say_json(&json!({
            "archive": fresh.opened.app.manifest.archive,
            "administrator": fresh.administrator,
            "password": fresh.password.as_str(),
            "recovery_key": shown.map(|key| key.as_str()),
            "write_once": write_once,
        }));
        return Ok(Outcome::Clean);
    }
    output::say(&format!("A new archive is in {}.", data.display()));
    match (&recovery_out, shown) {
        (Some(path), _) => output::say(&format!(
            "The recovery key is in {}. Keep it away from this machine: with it and the bucket everything can be read.",
            path.display()
        )),
        (None, Some(key)) => output::say(&format!(
            "The recovery key, shown only now. Keep it away from this machine: with it and the bucket everything can be read.\n\n{}",
            key.as_str()
        )),
        (None, None) => {}
    }
    store::say(&write_once);
    output::say(&format!("First administrator: {}  password: {}", fresh.administrator, *fresh.password));
    Ok(Outcome::Clean)
}

fn pack_in(folder: &Path) -> anyhow::Result<Pack> {
    match Pack::read_dir(folder) {
        Err(ReadError::Findings(findings)) => {
            let said = |found: &Finding| {
                format!("{}:{}: {} {}", found.file, found.line, found.code, found.message.en)
            };
            let said: Vec<String> = findings.iter().map(said).collect();
            anyhow::bail!("the pack has mistakes; nothing was made\n{}", said.join("\n"))
        }
        other => Ok(other?),
    }
}

/// An archive opened for one command: entries are published while it runs.
pub(super) struct Session {
    pub(super) app: App,
    publisher: JoinHandle<()>,
}

impl Session {
    pub(super) async fn open(config: Config) -> anyhow::Result<Self> {
        let app = serving::open(config).await?.app;
        let journal = app.journal.clone();
        Ok(Self { app, publisher: tokio::spawn(async move { journal.publish_forever().await }) })
    }

    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.publisher.abort();
        self.app.journal.publish_waiting().await?;
        Ok(self.app.close()?)
    }
}

/// Whoever has the data folder and its key acts as the archive itself.
pub(super) fn operator() -> PersonId {
    archive_itself()
}
