//! A proxy in front of an S3 store that breaks requests and answers as it is told to.
//!
//! One request a connection: the store is asked to close it, so that a request ends where its bytes end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// The proxy answers itself, with this status, code and message; the store hears nothing.
    Answer(u16, &'static str, &'static str),
    /// There is never an answer.
    Silence,
    /// The connection is closed before anything is read.
    Refused,
    /// The connection is reset when so many bytes of the body have been read.
    ResetIn(usize),
    /// The store does its work, and the connection is reset instead of an answer.
    ResetAfter,
    /// The store does its work, and half of its answer comes before the reset.
    HalfAnswer,
    /// The answer comes in single bytes, so many a second.
    SlowAnswer(u64),
    /// The answer's beginning comes, and then nothing more.
    Stall(usize),
}

/// Which requests fail, how, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) fault: Fault,
    /// Only requests with this method; empty is any.
    pub(crate) method: &'static str,
    /// Only requests whose path or query has this in it.
    pub(crate) path: &'static str,
    pub(crate) times: u64,
}

impl Rule {
    /// Every request fails, for ever.
    pub(crate) fn always(fault: Fault) -> Self {
        Self { fault, method: "", path: "", times: u64::MAX }
    }

    /// The first so many requests that change something fail.
    pub(crate) fn puts(fault: Fault, times: u64) -> Self {
        Self { fault, method: "PUT", path: "", times }
    }
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    rule: Mutex<Option<Rule>>,
    broken: AtomicU64,
}

impl Proxy {
    pub(crate) async fn start(store: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                // Whatever fails here fails for the client, which is what this is for.
                tokio::spawn(async move { serve(client, store, &state).await });
            }
        });
        Self { port, state, accepting }
    }

    pub(crate) fn set(&self, rule: Rule) {
        *self.state.rule.lock().unwrap() = Some(rule);
    }

    /// Everything goes through again.
    pub(crate) fn heal(&self) {
        *self.state.rule.lock().unwrap() = None;
    }

    /// How many requests were broken so far.
    pub(crate) fn broken(&self) -> u64 {
        self.state.broken.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    /// The fault that this request meets.
    fn fault(&self, head: &str) -> Option<Fault> {
        let mut rule = self.rule.lock().unwrap();
        let meant = rule.as_mut().filter(|rule| {
            let (method, rest) = head.split_once(' ').unwrap_or_default();
            let target = rest.split(' ').next().unwrap_or_default();
            rule.times > 0 && (rule.method.is_empty() || rule.method == method) && target.contains(rule.path)
        })?;
        meant.times -= 1;
        self.broken.fetch_add(1, Ordering::SeqCst);
        Some(meant.fault)
    }
}

struct Request {
    head: String,
    /// What of the body came with the head.
    body: Vec<u8>,
    length: usize,
}

async fn read_head(client: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let body = bytes.split_off(end);
    let head = String::from_utf8(bytes).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some(Request { head, body, length: length.unwrap_or(0) })
}

async fn serve(mut client: TcpStream, store: u16, state: &State) -> Option<()> {
    let request = read_head(&mut client).await?;
    match state.fault(&request.head) {
        None => {
            let mut upstream = send_head(&request, store).await?;
            pass(&mut client, &mut upstream, &request).await?;
        }
        Some(Fault::Answer(status, code, message)) => {
            let mut rest = client.take((request.length - request.body.len()) as u64);
            copy(&mut rest, &mut tokio::io::sink()).await.ok()?;
            let body = format!(
                "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            );
            let length = if request.head.starts_with("HEAD") { 0 } else { body.len() };
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{}",
                &body[..length]
            );
            rest.into_inner().write_all(answer.as_bytes()).await.ok()?;
        }
        Some(Fault::Silence) => {
            copy(&mut client, &mut tokio::io::sink()).await.ok()?;
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        Some(Fault::Refused) => client.set_zero_linger().ok()?,
        Some(Fault::ResetIn(after)) => {
            let wanted = after.min(request.length).saturating_sub(request.body.len());
            copy(&mut (&mut client).take(wanted as u64), &mut tokio::io::sink()).await.ok()?;
            client.set_zero_linger().ok()?;
        }
        Some(fault) => spoil(client, &request, store, fault).await?,
    }
    Some(())
}

/// Sends the request's beginning on; the store closes the connection after its answer.
async fn send_head(request: &Request, store: u16) -> Option<TcpStream> {
    let mut upstream = TcpStream::connect(("127.0.0.1", store)).await.ok()?;
    let kept = request
        .head
        .lines()
        .filter(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("connection:"));
    let head: String = kept.map(|line| format!("{line}\r\n")).collect();
    upstream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).await.ok()?;
    upstream.write_all(&request.body).await.ok()?;
    Some(upstream)
}

/// The rest of the body goes one way while the answer comes the other.
async fn pass(client: &mut TcpStream, upstream: &mut TcpStream, request: &Request) -> Option<()> {
    let (from_client, mut to_client) = client.split();
    let (mut from_store, mut to_store) = upstream.split();
    let mut rest = from_client.take((request.length - request.body.len()) as u64);
    let (sent, answered) =
        tokio::join!(copy(&mut rest, &mut to_store), copy(&mut from_store, &mut to_client));
    sent.and(answered).ok().map(drop)
}

/// Lets the store do its work, and spoils its answer.
async fn spoil(mut client: TcpStream, request: &Request, store: u16, fault: Fault) -> Option<()> {
    let mut upstream = send_head(request, store).await?;
    let mut answer = Vec::new();
    {
        let (mut from_store, mut to_store) = upstream.split();
        let mut rest = (&mut client).take((request.length - request.body.len()) as u64);
        let (sent, answered) =
            tokio::join!(copy(&mut rest, &mut to_store), from_store.read_to_end(&mut answer));
        sent.and(answered.map(|count| count as u64)).ok()?;
    }
    match fault {
        Fault::HalfAnswer => client.write_all(&answer[..answer.len() / 2]).await.ok()?,
        Fault::SlowAnswer(a_second) => {
            for byte in answer {
                client.write_all(&[byte]).await.ok()?;
                tokio::time::sleep(Duration::from_micros(1_000_000 / a_second)).await;
            }
            return Some(());
        }
        Fault::Stall(after) => {
            client.write_all(&answer[..after.min(answer.len())]).await.ok()?;
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        _ => {}
    }
    client.set_zero_linger().ok()
}
