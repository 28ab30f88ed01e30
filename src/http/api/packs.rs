//! Packs: publishing one, which there are, and moving running cases from one version to another.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Json, Query, parse_id};
use crate::access::Action;
use crate::app::{ListedDefinition, ListedPack, WantedMigration};
use crate::domain::Sha256Digest;
use crate::http::{Caller, Door, Problem};
use crate::packs;
use crate::workflow::Title;

/// What is said with a pack.
#[derive(Deserialize)]
pub(super) struct With {
    note: Option<String>,
}

/// A pack as the API shows it.
#[derive(Serialize)]
struct PackView {
    id: String,
    version: String,
    title: Title,
    hash: Sha256Digest,
    /// Not known of packs from before packs were listed.
    published_at: Option<Timestamp>,
    /// None for whoever holds the data folder.
    published_by: Option<String>,
    note: Option<String>,
    in_force: bool,
    definitions: Vec<ListedDefinition>,
}

impl From<ListedPack> for PackView {
    fn from(listed: ListedPack) -> Self {
        let pack = &listed.in_force.pack;
        Self {
            id: pack.id.clone(),
            version: pack.version.clone(),
            title: pack.title.clone(),
            hash: pack.hash(),
            published_at: listed.publication.as_ref().map(|found| found.at),
            published_by: listed.by_name,
            note: listed.publication.and_then(|found| found.note),
            in_force: listed.is_current,
            definitions: listed.definitions,
        }
    }
}

/// `GET /api/v1/packs`
pub(super) async fn list(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    caller.may(&door, Action::PublishPack)?;
    let packs: Vec<PackView> = door.app.listed_packs()?.into_iter().map(Into::into).collect();
    Ok(axum::Json(json!({ "entries": packs, "next_cursor": null })).into_response())
}

/// `POST /api/v1/packs`: the body is the pack's files as text, by path.
pub(super) async fn publish(
    State(door): State<Door>,
    caller: Caller,
    Query(with): Query<With>,
    Json(files): Json<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let permit = caller.may(&door, Action::PublishPack)?;
    let files = files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    let published = door.app.publish_pack(&permit, &files, with.note.as_deref()).await?;
    let status = if published.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let hash = published.in_force.pack.hash();
    let gone: Vec<Title> = published.roles_gone.iter().map(packs::RoleGone::title).collect();
    let listed = door.app.listed_packs()?.into_iter().find(|listed| listed.in_force.pack.hash() == hash);
    let mut body = json!(PackView::from(listed.ok_or_else(|| Problem::new("unknown_pack"))?));
    body["findings"] = json!(published.warnings);
    body["warnings"] = json!(gone);
    Ok((status, axum::Json(body)).into_response())
}

/// `GET /api/v1/packs/{hash}`: the files as they were published.
pub(super) async fn show(
    State(door): State<Door>,
    caller: Caller,
    Path(hash): Path<String>,
) -> Result<Response, Problem> {
    caller.may(&door, Action::PublishPack)?;
    let found = match door.app.packs.of_hash(parse_id(&hash, "unknown_pack")?) {
        Err(packs::Error::Unknown) => return Err(Problem::new("unknown_pack")),
        other => other?,
    };
    let text =
        |(path, bytes): (&String, &Vec<u8>)| (path.clone(), String::from_utf8_lossy(bytes).into_owned());
    let files: BTreeMap<String, String> = found.pack.files().iter().map(text).collect();
    let (pack, hash) = (&found.pack, found.pack.hash());
    Ok(axum::Json(json!({ "id": pack.id, "version": pack.version, "hash": hash, "files": files }))
        .into_response())
}

/// `POST /api/v1/packs/migrate`
pub(super) async fn migrate(
    State(door): State<Door>,
    caller: Caller,
    Json(wanted): Json<WantedMigration>,
) -> Result<Response, Problem> {
    let permit = caller.may(&door, Action::PublishPack)?;
    let app = door.app.clone();
    // A client that goes away does not cut it off.
    let moving = tokio::spawn(async move { app.migrate_cases(&permit, wanted).await });
    let migration = moving.await.map_err(|_| Problem::new("internal"))??;
    Ok(axum::Json(migration).into_response())
}
