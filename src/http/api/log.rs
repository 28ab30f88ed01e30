//! The log for outsiders: C2SP tlog-tiles, read from where they were published.
//!
//! Checkpoint and hash tiles are for anybody; the entries themselves (ids and times) for those who may read the log.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::access::Action;
use crate::http::{Caller, Door, Problem};
use crate::objects::{ErrorKind, Key};

const TILE_LIMIT_BYTES: u64 = 32 << 20;

/// `GET /log/checkpoint`
pub(super) async fn checkpoint(State(door): State<Door>) -> Result<Response, Problem> {
    serve(&door, &Key::Checkpoint, "text/plain; charset=utf-8").await
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
    }
    serve(&door, &key, "application/octet-stream").await
}

async fn serve(door: &Door, key: &Key, media_type: &'static str) -> Result<Response, Problem> {
    match door.app.objects.get_bytes(key, TILE_LIMIT_BYTES).await {
        Ok(bytes) => Ok(([(header::CONTENT_TYPE, media_type)], bytes).into_response()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Problem::new("not_found")),
        Err(error) => Err(error.into()),
    }
}
