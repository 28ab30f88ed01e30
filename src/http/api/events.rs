//! Notices as they come: a stream of server-sent events for each person (HTML Living Standard, 9.2).
//!
//! A stream hears of nothing before it is durable. Whenever something was published or ended, and at every heartbeat, it
//! looks its caller up again: it ends with the session, with the person, and with the server. To listen is not to use a
//! session: one that is idle ends all the same.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::inbox;
use crate::app::Stream;
use crate::domain::{Actor, PersonId, Scopes};
use crate::http::{Asked, Caller, Door, Problem};
use crate::notices::Place;
use crate::text::Lang;

/// The notices that are sent before anything else is looked at.
const AT_ONCE: usize = 100;
/// After so long a client whose stream broke off comes back.
const COME_BACK: Duration = Duration::from_secs(2);

/// Somebody who listens.
struct Listening {
    door: Door,
    /// By what they are known, and how far that reaches: whether it still stands is asked again and again.
    secret: Zeroizing<String>,
    scopes: Scopes,
    person: PersonId,
    lang: Lang,
    /// What came after this is still to be told.
    after: Place,
    published: watch::Receiver<u64>,
    ends: watch::Receiver<u64>,
    stream: Stream,
    /// Unread rows when they were counted last.
    rows: Option<u64>,
    waiting: VecDeque<Event>,
}

/// `GET /api/v1/events`: from now on, or from after `Last-Event-ID`.
pub(super) async fn stream(
    State(door): State<Door>,
    caller: Caller,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let person = caller.actor.id;
    let stream = door.app.streams.open(person).ok_or_else(|| Problem::new("too_many_streams"))?;
    // Before the place is read: what comes in between is seen by both.
    let (published, ends) = (door.app.journal.watch_published(), door.app.people.ends());
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = match last {
        Some(last) => last.parse().map_err(Problem::bad_request)?,
        None => door.app.notices.now(),
    };
    let waiting = VecDeque::from([Event::default().retry(COME_BACK).comment("")]);
    let (secret, scopes) = (caller.secret, caller.actor.scopes);
    let listening = Listening {
        door,
        secret,
        scopes,
        person,
        lang: asked.lang,
        after,
        published,
        ends,
        stream,
        rows: None,
        waiting,
    };
    let events = futures::stream::unfold(listening, |mut listening| async move {
        let event = listening.next().await?;
        Some((Ok::<_, Infallible>(event), listening))
    });
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    let unkept = (CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([unbuffered, unkept], Sse::new(events)).into_response())
}

impl Listening {
    /// The next thing to say; none when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        let heartbeat = Duration::from_secs(self.door.app.config.notices.heartbeat_seconds.max(1));
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            self.published.mark_unchanged();
            self.ends.mark_unchanged();
            let actor = self.actor()?;
            let looked = self.look(&actor);
            if let Err(problem) = looked {
                tracing::warn!(code = problem.code(), "a stream of notices ends");
                return None;
            }
            if !self.waiting.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.stream.closed() => return None,
                changed = self.published.changed() => changed.ok()?,
                changed = self.ends.changed() => changed.ok()?,
                () = tokio::time::sleep(heartbeat) => self.waiting.push_back(Event::default().comment("")),
            }
        }
    }

    /// Whoever listens, as they are now; none if they may not any more.
    fn actor(&self) -> Option<Actor> {
        let app = &self.door.app;
        let stands = app.people.stands(&self.secret).unwrap_or(false);
        let actor = app.actor_of(self.person).ok().flatten().filter(|_| stands)?;
        Some(Actor { scopes: self.scopes.clone(), ..actor })
    }

    /// Gathers what came since, and how many are unread if that may have changed.
    fn look(&mut self, actor: &Actor) -> Result<(), Problem> {
        let app = &self.door.app;
        let mut told = false;
        for notice in app.notices.since(self.person, self.after, AT_ONCE)? {
            self.after = notice.place;
            if app.may_be_told(actor, &notice.event)? {
                let view = inbox::view(&self.door, actor, self.lang, &notice)?;
                let event = Event::default().event("notice").id(notice.place.to_string());
                self.waiting.push_back(event.data(view.to_string()));
                told = true;
            }
        }
        let rows = app.notices.unread_rows(self.person)?;
        if told || self.rows != Some(rows) {
            let unread = app.unread_of(actor)?;
            self.waiting.push_back(Event::default().event("unread").data(unread.to_string()));
            self.rows = Some(rows);
        }
        Ok(())
    }
}
