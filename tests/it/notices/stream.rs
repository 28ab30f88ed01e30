//! Live notices: heard within a second, resumed after a break, of nobody else, and over with the session.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{returned, submitted};
use crate::app::{Client, TestApp, text, until};

/// A stream of server-sent events, parsed.
struct Stream {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    buffer: String,
}

#[derive(Debug)]
struct Heard {
    kind: String,
    id: Option<String>,
    data: String,
}

impl Stream {
    async fn open(client: &Client, last: Option<&str>) -> Self {
        let mut request = client.request(Method::GET, "/api/v1/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { bytes: response.bytes_stream().boxed(), buffer: String::new() }
    }

    /// The next event; none when the stream is over, or nothing comes in time.
    async fn next(&mut self, patience: Duration) -> Option<Heard> {
        let deadline = Instant::now() + patience;
        loop {
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                let of = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim().to_owned())
                };
                if let (Some(kind), Some(data)) = (of("event:"), of("data:")) {
                    return Some(Heard { kind, id: of("id:"), data });
                }
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let piece = tokio::time::timeout(left, self.bytes.next()).await.ok()??.ok()?;
            self.buffer += std::str::from_utf8(&piece).unwrap();
        }
    }

    /// The next notice, or none.
    async fn notice(&mut self, patience: Duration) -> Option<(String, Value)> {
        loop {
            let heard = self.next(patience).await?;
            if heard.kind == "notice" {
                return Some((heard.id.unwrap(), serde_json::from_str(&heard.data).unwrap()));
            }
        }
    }

    async fn is_over(&mut self) -> bool {
        while tokio::time::timeout(Duration::from_secs(10), self.bytes.next()).await.unwrap().is_some() {}
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_heard_at_once_and_a_stream_goes_on_where_it_broke_off() {
    let app = TestApp::start().await;
    let (li, sun, wang) = (app.sign_in("li").await, app.sign_in("sun").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("欧阳修远").await;
    let (mut to_wang, mut to_sun) = (Stream::open(&wang, None).await, Stream::open(&sun, None).await);
    assert_eq!(to_wang.next(Duration::from_secs(5)).await.unwrap().data, "0", "none is unread");

    let case = submitted(&li, &dossier).await;
    let since = Instant::now();
    let (id, notice) = to_wang.notice(Duration::from_secs(5)).await.unwrap();
    let took = since.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!((&notice["kind"], &notice["case"]), (&json!("case.waits"), &case["id"]));
    assert_eq!((text(&notice["id"]), text(&notice["dossier_name"])), (id.clone(), "欧阳修远".to_owned()));
    let unread = to_wang.next(Duration::from_secs(5)).await.unwrap();
    assert_eq!((unread.kind.as_str(), unread.data.as_str()), ("unread", "1"));

    // The stream breaks off; what comes meanwhile comes when it goes on, once.
    drop(to_wang);
    let (second, third) = (submitted(&li, &dossier).await, submitted(&li, &dossier).await);
    let mut to_wang = Stream::open(&wang, Some(&id)).await;
    for case in [&second, &third] {
        let (_, notice) = to_wang.notice(Duration::from_secs(5)).await.unwrap();
        assert_eq!(notice["case"], case["id"]);
    }
    // What is read elsewhere is counted here.
    assert_eq!(to_wang.next(Duration::from_secs(5)).await.unwrap().data, "3");
    wang.post("/api/v1/inbox/read", &json!({})).await;
    assert_eq!(to_wang.next(Duration::from_secs(5)).await.unwrap().data, "0");
    assert!(to_wang.notice(Duration::from_millis(300)).await.is_none());
    // Sun has heard how many are unread, and nothing of others'.
    assert_eq!(to_sun.next(Duration::from_secs(5)).await.unwrap().data, "0");
    assert!(to_sun.next(Duration::from_millis(300)).await.is_none());
    let unknown = wang.request(Method::GET, "/api/v1/events").header("last-event-id", "x");
    assert_eq!(unknown.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    drop((to_wang, to_sun));
    println!("a notice was heard {took:?} after the answer");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_and_end_with_session_person_and_server() {
    let app = TestApp::start_with(|config| {
        config.notices.streams_per_person = 2;
        config.notices.heartbeat_seconds = 1;
    })
    .await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    assert_eq!(Client::new(&app.base, "").get("/api/v1/events").await.status, StatusCode::UNAUTHORIZED);
    let mut first = Stream::open(&wang, None).await;
    let second = Stream::open(&wang, None).await;
    wang.get("/api/v1/events").await.problem(429, "too_many_streams");
    let mut of_li = Stream::open(&li, None).await;
    // There is a heartbeat.
    first.next(Duration::from_secs(5)).await.unwrap();
    let since = Instant::now();
    while !first.buffer.contains(": \n") && !first.buffer.contains(":\n") {
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", first.buffer);
        assert!(first.next(Duration::from_millis(500)).await.is_none());
        if let Ok(Some(Ok(piece))) = tokio::time::timeout(Duration::from_secs(2), first.bytes.next()).await {
            first.buffer += std::str::from_utf8(&piece).unwrap();
        }
    }
    drop(second);
    assert!(until(|| async { app.app.streams.count() == 2 }).await, "a place is free again");
    assert_eq!(
        wang.request(Method::DELETE, "/api/v1/session").send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    assert!(first.is_over().await, "it ends with the session");
    let admin = app.app.people.by_name("admin").unwrap().unwrap().id;
    let mut again = Stream::open(&app.sign_in("wang").await, None).await;
    app.app.people.disable(admin, "wang").await.unwrap();
    assert!(again.is_over().await, "it ends with the person");
    // A server that stops does not wait for whoever listens.
    let since = Instant::now();
    app.finish().await;
    assert!(of_li.is_over().await);
    println!("stopped and verified in {:?} with a stream open", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_that_changes_hands_tells_nothing_that_may_not_be_seen() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("司徒").await;
    let case = submitted(&li, &dossier).await;
    returned(&wang, &case).await;
    let mut of_li = Stream::open(&li, Some("0-0")).await;
    let mut kinds = Vec::new();
    while let Some((_, notice)) = of_li.notice(Duration::from_millis(700)).await {
        kinds.push(text(&notice["kind"]));
    }
    assert_eq!(kinds, ["case.waits", "penalty.booked"]);
    drop(of_li);
    app.finish().await;
}
