//! An answer that comes before the whole request has been read would be lost: the system resets a connection that is
//! closed with bytes unread. So what little is left of a refused body is read first (a lingering close, RFC 9112, 9.6).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt;
use tokio::sync::Mutex;

use super::Door;

/// How long the rest of a refused body is waited for.
const LONGEST: Duration = Duration::from_secs(5);

/// Around every request: reads what a handler left of the body, as far as `limits.request_bytes`.
pub(super) async fn linger(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // Who waits for `100 Continue` has not begun to send, and need not.
    if body.is_end_stream() || parts.headers.contains_key(EXPECT) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let shared = Arc::new(Mutex::new(body.into_data_stream()));
    let given = futures::stream::unfold(Arc::clone(&shared), |shared| async move {
        let chunk = shared.lock().await.next().await?;
        Some((chunk, shared))
    });
    let response = next.run(Request::from_parts(parts, Body::from_stream(given))).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        let mut rest = shared.lock().await;
        let _ = tokio::time::timeout(LONGEST, read_on(&mut rest, door.app.config.limits.request_bytes)).await;
    }
    response
}

async fn read_on(rest: &mut BodyDataStream, most_bytes: usize) {
    let mut read_bytes = 0;
    while read_bytes <= most_bytes
        && let Some(Ok(chunk)) = rest.next().await
    {
        read_bytes += chunk.len();
    }
}
