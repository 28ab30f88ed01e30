//! The search index: how large it is, whether it has what it should, making it again, and another key for it.

use serde_json::{Value, json};

use super::client::Client;
use super::{Common, IndexVerb, Outcome, output, serving};
use crate::app::App;
use crate::config::Config;
use crate::{documents, dossiers};

pub(super) async fn run(config: Config, verb: IndexVerb, common: &Common) -> anyhow::Result<Outcome> {
    if common.server.is_some() {
        let client = Client::new(common)?;
        let state = match verb {
            IndexVerb::Stats => client.get_json("/api/v1/index").await?,
            IndexVerb::Rebuild => client.post_json("/api/v1/index/rebuild", &json!({})).await?,
            IndexVerb::Rotate => client.post_json("/api/v1/index/rotate", &json!({})).await?,
            IndexVerb::Check => {
                anyhow::bail!("through a server, `lantai verify --server` looks at the index, too")
            }
        };
        say(&state, common.json);
        return Ok(Outcome::Clean);
    }
    let app = serving::open(config).await?.app;
    let outcome = match verb {
        IndexVerb::Stats => Outcome::Clean,
        IndexVerb::Check => check(&app, common.json)?,
        IndexVerb::Rebuild => {
            app.renew_index()?;
            fill(&app).await?;
            Outcome::Clean
        }
        IndexVerb::Rotate => {
            app.rotate_index()?;
            Outcome::Clean
        }
    };
    say(&serde_json::to_value(app.index_state()?)?, common.json);
    app.close()?;
    Ok(outcome)
}

async fn fill(app: &App) -> anyhow::Result<()> {
    let bar = output::progress("indexing");
    let progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    app.index_waiting(&progress).await?;
    bar.finish_and_clear();
    Ok(())
}

/// Opening it has read and authenticated every byte; here it is held against the rows.
fn check(app: &App, as_json: bool) -> anyhow::Result<Outcome> {
    let examiner = app.archive.examiner();
    let mut problems = examiner.index_surplus(&app.index)?;
    for document in documents::all(&app.records) {
        problems.extend(examiner.document_index(&document?, None, &app.index)?);
    }
    for dossier in dossiers::ids(&app.records) {
        problems.extend(examiner.dossier_index(dossier?, &app.index)?);
    }
    for problem in &problems {
        match as_json {
            true => output::say_json(&serde_json::to_value(problem)?),
            false => output::say(&format!("{}  {}", problem.code.as_str(), problem.subject)),
        }
    }
    Ok(if problems.is_empty() { Outcome::Clean } else { Outcome::Problems })
}

fn say(state: &Value, as_json: bool) {
    if as_json {
        output::say_json(state);
        return;
    }
    let count = |name: &str| state[name].as_u64().unwrap_or_default();
    let damaged = if state["damaged"] == true { "; damaged" } else { "" };
    output::say(&format!(
        "{} pages, cards and notes in {} segments, {} bytes; {} wait to be indexed{damaged}",
        count("items"),
        count("segments"),
        count("size_bytes"),
        count("waiting"),
    ));
}
