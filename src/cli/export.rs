//! `lantai export`: a dossier as a BagIt bag, from a data folder or through a server.

use std::path::PathBuf;
use std::pin::Pin;

use anyhow::Context;
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use jiff::civil::Date;
use serde_json::json;

use super::bag::{Bag, safe_name};
use super::client::Client;
use super::local::{Session, operator};
use super::{Common, Outcome, output};
use crate::access::{Action, Permit};
use crate::app::App;
use crate::archive::{DocumentLine, DocumentProof, Export};
use crate::config::Config;
use crate::documents;
use crate::domain::{Actor, DossierId, business_date};
use crate::sealing;

/// What is to be exported, and where to.
pub(super) struct Wanted {
    pub(super) dossier: String,
    pub(super) to: PathBuf,
    pub(super) as_of: Option<Date>,
    /// As whom, without a server; nobody is the operator.
    pub(super) by: Option<String>,
}

type Pieces = Pin<Box<dyn Stream<Item = anyhow::Result<Bytes>> + Send>>;

/// Where the dossier is.
enum Source {
    Server(Client),
    Here { app: App, permit: Permit },
}

pub(super) async fn run(config: Config, common: &Common, wanted: Wanted) -> anyhow::Result<Outcome> {
    let id: DossierId = wanted.dossier.parse()?;
    let bag = Bag::begin(&wanted.to)?;
    if common.server.is_some() {
        anyhow::ensure!(
            wanted.by.is_none(),
            "--as is for a data folder without a server; with one, the token says so"
        );
        let source = Source::Server(Client::new(common)?);
        return write(&source, id, bag, &wanted, common.json).await;
    }
    let session = Session::open(config).await?;
    let written = match permit(&session.app, id, wanted.by.as_deref()) {
        Ok(permit) => {
            let source = Source::Here { app: session.app.clone(), permit };
            write(&source, id, bag, &wanted, common.json).await
        }
        Err(error) => Err(error),
    };
    session.close().await?;
    written
}

/// The permit of the person named, or of the operator.
fn permit(app: &App, id: DossierId, by: Option<&str>) -> anyhow::Result<Permit> {
    anyhow::ensure!(sealing::stub(&app.records, id)?.is_none(), "the dossier is sealed");
    let dossier = app.dossiers.get(id)?.context("there is no such dossier")?;
    let Some(name) = by else {
        let actor = Actor::new(operator(), "operator", Vec::new());
        return Ok(Permit::of_operator(actor, Action::ExportDossier, dossier.subject()));
    };
    let person = app.people.by_name(name)?.filter(|person| !person.disabled);
    let actor = person.with_context(|| format!("there is nobody named {name}"))?.actor();
    Ok(app.packs.current()?.policies.permit(&actor, Action::ExportDossier, dossier.subject())?)
}

async fn write(
    source: &Source,
    id: DossierId,
    mut bag: Bag,
    wanted: &Wanted,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let mut export = source.export(id, wanted.as_of).await?;
    let progress = output::progress("exporting");
    progress.set_length(export.metadata.documents.len() as u64);
    for (number, document) in (1..).zip(&mut export.metadata.documents) {
        document.path = format!("documents/{}", file_name(number, document));
        let digest = bag.add(&document.path, source.content(id, document).await?).await?;
        anyhow::ensure!(digest == document.sha256.to_string(), "{} is not what was archived", document.id);
        progress.inc(1);
    }
    progress.finish_and_clear();
    add_proofs(&mut bag, &export).await?;
    let (files, bytes) = bag.size();
    let about = about(&export);
    tokio::task::spawn_blocking(move || bag.finish(&about)).await??;
    let (documents, to) = (export.metadata.documents.len(), wanted.to.display());
    if as_json {
        output::say_json(&json!({
            "bag": wanted.to, "dossier": id, "documents": documents, "files": files, "bytes": bytes,
        }));
    } else {
        output::say(&format!("{to}: {documents} documents; a bag of {files} files, {bytes} bytes"));
        output::say("These files are not encrypted. Only their owner can read them: keep it so.");
    }
    Ok(Outcome::Clean)
}

async fn add_proofs(bag: &mut Bag, export: &Export) -> anyhow::Result<()> {
    for DocumentProof { document, entry, proof } in &export.proofs {
        bag.add_text(&format!("proofs/{document}.tlog-proof"), proof.clone()).await?;
        bag.add_text(&format!("proofs/{document}.entry.json"), entry.clone()).await?;
    }
    bag.add_text("proofs/checkpoint", export.checkpoint.clone()).await?;
    bag.add_text("proofs/verifier-key", format!("{}\n", export.verifier_key)).await?;
    bag.add_text("metadata.json", serde_json::to_string_pretty(&export.metadata)? + "\n").await
}

/// The name that the sender gave, or the document's id with what its content is.
fn file_name(number: usize, document: &DocumentLine) -> String {
    match document.filename.as_deref() {
        Some(name) if !name.trim().is_empty() => safe_name(number, name),
        _ => safe_name(number, &document.id.to_string()),
    }
}

fn about(export: &Export) -> Vec<(&'static str, String)> {
    let metadata = &export.metadata;
    let mut about = vec![
        ("Bagging-Date", business_date(metadata.exported_at).to_string()),
        ("Bag-Software-Agent", format!("lantai {}", env!("CARGO_PKG_VERSION"))),
        ("Source-Organization", format!("Lantai archive {}", metadata.archive)),
        ("Contact-Name", metadata.exported_by.clone()),
        ("External-Identifier", metadata.dossier.id.to_string()),
        ("Internal-Sender-Identifier", metadata.dossier.id.to_string()),
    ];
    let when = match metadata.as_of {
        Some(date) => format!("as it was at the end of {date} ({})", crate::domain::BUSINESS_ZONE),
        None => format!("as it was at {}", metadata.exported_at),
    };
    about.push((
        "External-Description",
        format!("A dossier, {when}, with the proofs of its documents in the archive's log"),
    ));
    about
}

impl Source {
    async fn export(&self, id: DossierId, as_of: Option<Date>) -> anyhow::Result<Export> {
        match self {
            Self::Server(client) => client.export(id, as_of).await,
            Self::Here { app, permit } => Ok(app.archive.export(permit, id, as_of).await?),
        }
    }

    async fn content(&self, id: DossierId, document: &DocumentLine) -> anyhow::Result<Pieces> {
        match self {
            Self::Server(client) => {
                Ok(Box::pin(client.export_content(id, document.id).await?.map_err(anyhow::Error::from)))
            }
            Self::Here { app, permit } => {
                let document = documents::get(&app.records, document.id)?.context("no such document")?;
                let content = app.archive.export_content(permit, &document).await?;
                Ok(Box::pin(content.map_err(anyhow::Error::from)))
            }
        }
    }
}
