//! The log for outsiders: C2SP tlog-tiles, read from where they were published.
//!
//! Checkpoint, hash tiles and consistency proofs are for anybody; the entries themselves (ids and times) for those who
//! may read the log. A tile or bundle of a width never changes; the checkpoint does.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Query;
use crate::access::Action;
use crate::http::{Caller, Door, Problem};
use crate::objects::{ErrorKind, Key};

const TILE_LIMIT_BYTES: u64 = 32 << 20;
const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
const CHANGES: &str = "no-cache";
const NEVER_CHANGES: &str = "public, max-age=31536000, immutable";
/// Only for the caller's own cache: others may not read it.
const NEVER_CHANGES_PRIVATE: &str = "private, max-age=31536000, immutable";

/// Between which sizes of the log.
#[derive(Deserialize)]
pub(super) struct Sizes {
    from: u64,
    to: Option<u64>,
}

/// `GET /log/checkpoint`
pub(super) async fn checkpoint(State(door): State<Door>) -> Result<Response, Problem> {
    serve(&door, &Key::Checkpoint, TEXT, CHANGES).await
}

/// `GET /log/consistency?from=&to=`: that an earlier log is the beginning of a later one.
pub(super) async fn consistency(
    State(door): State<Door>,
    Query(sizes): Query<Sizes>,
) -> Result<Response, Problem> {
    let proof = door.app.journal.consistency(sizes.from, sizes.to)?;
    let published = door.app.journal.health().published;
    let proof = proof.ok_or_else(|| Problem::new("bad_sizes").value("published", published))?;
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, CHANGES)], proof).into_response())
}

/// `GET /log/tile/...`
pub(super) async fn tile(
    State(door): State<Door>,
    Path(path): Path<String>,
    caller: Result<Caller, Problem>,
) -> Result<Response, Problem> {
    let key = Key::parse(&format!("journal/tile/{path}")).ok_or_else(|| Problem::new("not_found"))?;
    if matches!(key, Key::EntryBundle { .. }) {
        caller?.may(&door, Action::ReadLog)?;
        return serve(&door, &key, BYTES, NEVER_CHANGES_PRIVATE).await;
    }
    serve(&door, &key, BYTES, NEVER_CHANGES).await
}

async fn serve(
    door: &Door,
    key: &Key,
    media_type: &'static str,
    caching: &'static str,
) -> Result<Response, Problem> {
    match door.app.objects.get_bytes(key, TILE_LIMIT_BYTES).await {
        Ok(bytes) => {
            let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, caching)];
            Ok((headers, bytes).into_response())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Problem::new("not_found")),
        Err(error) => Err(error.into()),
    }
}
