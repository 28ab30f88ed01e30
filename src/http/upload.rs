//! What uploads have in common: the body as a stream that may not stall, and the sender's headers.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::OwnedSemaphorePermit;

use super::{Door, Problem};
use crate::domain::Sha256Digest;

const LONGEST_KEY_CHARS: usize = 255;

/// A place among the uploads that may be under way; 429 if there is none.
pub(super) fn place(door: &Door) -> Result<OwnedSemaphorePermit, Problem> {
    door.uploads.clone().try_acquire_owned().map_err(|_| Problem::new("too_many_uploads"))
}

/// Refuses what says of itself that it is too large, before any of it is read.
pub(super) fn check_length(door: &Door, headers: &HeaderMap) -> Result<(), Problem> {
    let limit = door.app.config.limits.document_bytes;
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) if length > limit => Err(Problem::new("too_large").value("limit", limit)),
        _ => Ok(()),
    }
}

/// The body; it ends with an error if nothing comes for too long.
pub(super) fn content(door: &Door, body: Body) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let longest = Duration::from_secs(door.app.config.limits.body_idle_seconds);
    futures::stream::unfold(body.into_data_stream(), move |mut body| async move {
        let next = tokio::time::timeout(longest, body.next()).await;
        let item = match next {
            Ok(item) => item?.map_err(io::Error::other),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        Some((item, body))
    })
}

/// The SHA-256 in a `Repr-Digest` or `Content-Digest` header (RFC 9530), if one was sent.
pub(super) fn digest(headers: &HeaderMap) -> Result<Option<Sha256Digest>, Problem> {
    for name in ["repr-digest", "content-digest"] {
        for value in headers.get_all(name) {
            let value = value.to_str().map_err(|_| Problem::bad_request(name))?;
            let found = value.split(',').find_map(|item| item.trim().strip_prefix("sha-256="));
            if let Some(found) = found {
                return parse_digest(found).map(Some).ok_or_else(|| Problem::bad_request(name));
            }
        }
    }
    Ok(None)
}

fn parse_digest(item: &str) -> Option<Sha256Digest> {
    let encoded = item.strip_prefix(':')?.strip_suffix(':')?;
    let bytes: [u8; 32] = BASE64_STANDARD.decode(encoded).ok()?.try_into().ok()?;
    Some(Sha256Digest::from_bytes(bytes))
}

/// A digest as a `Repr-Digest` header says it.
pub(super) fn digest_header(digest: &Sha256Digest) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(digest.as_bytes()))
}

/// The sender's `Idempotency-Key`, if there is one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY_CHARS);
    key.map(|key| Some(key.to_owned())).ok_or_else(|| Problem::bad_request("idempotency-key"))
}
