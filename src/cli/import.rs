//! Handing documents in without a server: for the operator who brings a whole cupboard of old papers.
//!
//! Files are stored some at a time; their entries are published together every [`TOGETHER`], and a file is only
//! called archived once its own entry is.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;

use super::{Outcome, output, serving};
use crate::access::{Action, Permit};
use crate::app::App;
use crate::archive::NewDocument;
use crate::config::Config;
use crate::documents::Document;

/// How often what was stored is published.
const TOGETHER: Duration = Duration::from_millis(500);
/// How many stored files may wait to be published.
const WAITING: usize = 4096;
const PIECE_BYTES: u64 = 1 << 20;

/// What is to be handed in, and by whom.
pub(super) struct Import {
    pub(super) files: Vec<PathBuf>,
    pub(super) dossier: String,
    pub(super) kind: String,
    pub(super) by: String,
    pub(super) at_once: usize,
}

pub(super) async fn run(config: Config, import: Import, as_json: bool) -> anyhow::Result<Outcome> {
    let app = serving::open(config).await?.app;
    let permit = Arc::new(permit(&app, &import)?);
    let publishing = async {
        loop {
            tokio::time::sleep(TOGETHER).await;
            if let Err(error) = app.journal.publish_waiting().await {
                return error;
            }
        }
    };
    let failed = tokio::select! {
        failed = hand_in(&app, &permit, &import, as_json) => failed,
        error = publishing => return Err(error.into()),
    };
    app.journal.publish_waiting().await?;
    app.close()?;
    Ok(if failed == 0 { Outcome::Clean } else { Outcome::Problems })
}

/// Somebody's permit to add documents of this kind to the dossier.
fn permit(app: &App, import: &Import) -> anyhow::Result<Permit> {
    let rules = app.packs.current()?;
    let kinds = rules.pack.document_kinds();
    anyhow::ensure!(kinds.contains_key(&import.kind), "the pack has no document kind {}", import.kind);
    let dossier = app.dossiers.get(import.dossier.parse()?)?.context("there is no such dossier")?;
    let person = app.people.by_name(&import.by)?.filter(|person| !person.disabled);
    let actor = person.with_context(|| format!("there is nobody named {}", import.by))?.actor();
    Ok(rules.policies.permit(&actor, Action::AddDocument, dossier.subject())?)
}

/// Hands all files in and tells how many could not be.
async fn hand_in(app: &App, permit: &Arc<Permit>, import: &Import, as_json: bool) -> usize {
    let bar = output::progress("handing in");
    bar.set_length(import.files.len() as u64);
    let stores = import.files.iter().map(|file| {
        let store = store(app.clone(), permit.clone(), file.clone(), import.kind.clone());
        let task = tokio::spawn(store);
        async move { (file, task.await) }
    });
    let stored = futures::stream::iter(stores).buffer_unordered(import.at_once.max(1));
    let published = stored.map(async |(file, stored)| {
        let durable = async {
            let document = stored??;
            app.journal.published(document.log_index).await?;
            anyhow::Ok(document)
        };
        (file, durable.await)
    });
    let mut published = std::pin::pin!(published.buffer_unordered(WAITING));
    let mut failed = 0;
    while let Some((file, document)) = published.next().await {
        bar.inc(1);
        match document {
            Ok(document) if as_json => output::say_json(&json!({
                "id": document.id, "sha256": document.sha256, "size_bytes": document.size_bytes, "file": file,
            })),
            Ok(document) => {
                output::say(&format!("{}  {}  {}", document.id, document.sha256, file.display()));
            }
            Err(error) => {
                failed += 1;
                output::complain(&format!("{}: {error:#}", file.display()));
            }
        }
    }
    bar.finish_and_clear();
    failed
}

async fn store(app: App, permit: Arc<Permit>, path: PathBuf, kind: String) -> anyhow::Result<Document> {
    let new = NewDocument {
        dossier: permit.dossier().context("a permit for a dossier")?,
        case: None,
        kind,
        filename: path.file_name().map(|name| name.to_string_lossy().into_owned()),
        digest: None,
        idempotency_key: None,
        part_of: None,
    };
    let content = futures::stream::try_unfold(Some(File::open(path)?), |file| async {
        tokio::task::spawn_blocking(|| next_piece(file)).await.map_err(io::Error::other)?
    });
    Ok(app.archive.ingest_undurably(&permit, new, content).await?.document)
}

/// The next piece of a file that has not ended, and the file if it goes on: a small file is one piece.
fn next_piece(file: Option<File>) -> io::Result<Option<(Bytes, Option<File>)>> {
    let Some(file) = file else { return Ok(None) };
    let expected = usize::try_from(file.metadata()?.len().min(PIECE_BYTES)).unwrap_or_default();
    let mut piece = Vec::with_capacity(expected + 1);
    (&file).take(PIECE_BYTES).read_to_end(&mut piece)?;
    let more = piece.len() as u64 == PIECE_BYTES;
    Ok(Some((piece.into(), more.then_some(file))))
}
