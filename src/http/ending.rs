//! A long answer ends when whoever gets it may no longer get it: somebody was disabled, signed out, or has other roles.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::response::Response;
use futures::StreamExt;
use zeroize::Zeroizing;

use super::Door;

/// A session ends by the clock, too: so often that is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// By what the caller of a request is known, once somebody has asked.
#[derive(Clone, Default)]
pub(super) struct KnownBy(Arc<OnceLock<Zeroizing<String>>>);

impl KnownBy {
    /// The request is answered to the bearer of this secret.
    pub(super) fn note(&self, secret: &Zeroizing<String>) {
        let _ = self.0.set(secret.clone());
    }
}

/// The answer, broken off when its caller's session or token ends. An answer that is ready as a whole is left as it is.
pub(super) fn until_ended(door: &Door, known_by: &KnownBy, response: Response) -> Response {
    let Some(secret) = known_by.0.get().cloned() else { return response };
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let people = door.app.people.clone();
    let state = Some((body.into_data_stream(), people.ends()));
    let stream = futures::stream::unfold(state, move |state| {
        let (people, secret) = (people.clone(), secret.clone());
        async move {
            let (mut chunks, mut ends) = state?;
            loop {
                tokio::select! {
                    biased;
                    _ = ends.changed() => {}
                    chunk = chunks.next() => {
                        return chunk.map(|chunk| (chunk.map_err(std::io::Error::other), Some((chunks, ends))));
                    }
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
                if !people.stands(&secret).unwrap_or(false) {
                    let broken = std::io::Error::other("the session or token has ended");
                    return Some((Err(broken), None));
                }
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(stream))
}
