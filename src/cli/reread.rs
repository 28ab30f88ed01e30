//! Reading again what is in the archive: through a server, or in a data folder whose server does it when it runs.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::client::Client;
use super::{Common, Outcome, output, serving};
use crate::app::Which;
use crate::config::Config;
use crate::domain::DocumentId;

/// Which documents.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// The documents.
    documents: Vec<DocumentId>,
    /// Those that could not be read.
    #[arg(long)]
    failed: bool,
    /// Those with pages that wait: for text recognition, or beyond the limits.
    #[arg(long)]
    waiting: bool,
    /// Those of which text recognition was less sure than so many percent.
    #[arg(long, value_name = "PERCENT")]
    unsure: Option<u8>,
    /// All that were read.
    #[arg(long)]
    all: bool,
    /// The password of the one document that is named, in a file; it is used for one reading and kept nowhere.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Only lists them, with the reason.
    #[arg(long)]
    list: bool,
}

impl Wanted {
    /// The states that are asked for, with their names in the API.
    fn states(&self) -> Vec<(&'static str, Which)> {
        let unsure = self.unsure.map(|percent| ("unsure", Which::Unsure(percent)));
        let states = [
            ("failed", Which::Failed, self.failed),
            ("waiting", Which::Waiting, self.waiting),
            ("all", Which::All, self.all),
        ];
        states
            .into_iter()
            .filter(|(_, _, asked)| *asked)
            .map(|(name, which, _)| (name, which))
            .chain(unsure)
            .collect()
    }
}

pub(super) async fn run(config: Config, wanted: Wanted, common: &Common) -> anyhow::Result<Outcome> {
    anyhow::ensure!(
        !wanted.documents.is_empty() || !wanted.states().is_empty(),
        "say which: documents, --failed, --waiting, --unsure PERCENT or --all"
    );
    match &common.server {
        Some(_) => through_server(&Client::new(common)?, &wanted, common.json).await,
        None => in_folder(config, &wanted, common.json).await,
    }
}

async fn in_folder(config: Config, wanted: &Wanted, as_json: bool) -> anyhow::Result<Outcome> {
    anyhow::ensure!(wanted.password_file.is_none(), "a password is for a server that runs: say --server");
    let app = serving::open(config).await?.app;
    let mut documents = wanted.documents.clone();
    for (_, which) in wanted.states() {
        documents.extend(app.read_as(which)?);
    }
    if wanted.list {
        for id in &documents {
            if let Some(document) = crate::documents::get(&app.records, *id)? {
                say(
                    &json!({ "id": id, "filename": document.filename, "reading": document.reading.map(|r| r.outcome) }),
                    as_json,
                );
            }
        }
    } else {
        app.reread(&documents)?;
        say_called(documents.len() as u64, as_json);
    }
    app.close()?;
    Ok(Outcome::Clean)
}

async fn through_server(client: &Client, wanted: &Wanted, as_json: bool) -> anyhow::Result<Outcome> {
    if wanted.list {
        for (state, which) in wanted.states() {
            list(client, state, which, as_json).await?;
        }
        return Ok(Outcome::Clean);
    }
    let mut called: u64 = 0;
    if let Some(file) = &wanted.password_file {
        anyhow::ensure!(wanted.documents.len() == 1, "a password is for one document");
        let password = super::keys::passphrase(file)?;
        let asked = json!({ "documents": wanted.documents, "password": password.expose_secret() });
        called = client.read_again(&asked).await?;
        say_called(called, as_json);
        return Ok(Outcome::Clean);
    }
    if !wanted.documents.is_empty() {
        called += client.read_again(&json!({ "documents": wanted.documents })).await?;
    }
    for (state, _) in wanted.states() {
        called += client.read_again(&json!({ "state": state, "below_percent": wanted.unsure })).await?;
    }
    say_called(called, as_json);
    Ok(Outcome::Clean)
}

async fn list(client: &Client, state: &str, which: Which, as_json: bool) -> anyhow::Result<()> {
    let mut cursor = String::new();
    loop {
        let percent = if let Which::Unsure(percent) = which {
            format!("&below_percent={percent}")
        } else {
            String::new()
        };
        let page = client.get_json(&format!("/api/v1/reading?state={state}{percent}{cursor}")).await?;
        for entry in page["entries"].as_array().into_iter().flatten() {
            say(entry, as_json);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(()),
        }
    }
}

fn say(entry: &Value, as_json: bool) {
    if as_json {
        output::say_json(entry);
        return;
    }
    let word = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let reading = &entry["reading"];
    let why = reading["reason"].as_str().unwrap_or_default();
    let sure = reading["least_percent"].as_u64().map(|percent| format!("{percent} %")).unwrap_or_default();
    let outcome = reading["outcome"].as_str().unwrap_or_default();
    output::say(&format!("{}  {outcome} {why}{sure}  {}", word("id"), word("filename")));
}

fn say_called(count: u64, as_json: bool) {
    match as_json {
        true => output::say_json(&json!({ "documents": count })),
        false => output::say(&format!(
            "{count} documents will be read again; what was read of them stays until then"
        )),
    }
}
