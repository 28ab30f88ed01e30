//! What notices are sent to: a receiver of webhooks, on the loopback, that notes what it gets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// A call as it came.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether the signature is right, by HMAC as RFC 2104 writes it: no code of ours.
    pub(crate) fn is_signed(&self, secret: &str) -> bool {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        assert!(key.len() <= 64);
        let pad = |byte: u8| -> Vec<u8> {
            (0..64).map(|at| key.get(at).copied().unwrap_or_default() ^ byte).collect()
        };
        let signed = [self.header("webhook-id"), ".", self.header("webhook-timestamp"), "."].concat();
        let inner = Sha256::digest([pad(0x36), signed.into_bytes(), self.body.clone()].concat());
        let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
        self.header("webhook-signature") == format!("v1,{}", BASE64_STANDARD.encode(outer))
    }
}

#[derive(Default)]
struct Answers {
    /// What is answered first; after that it is 204.
    first: VecDeque<u16>,
    calls: Vec<Call>,
}

/// A receiver of webhooks.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    answers: Arc<Mutex<Answers>>,
}

impl Receiver {
    /// One that answers with these statuses first, then with success.
    pub(crate) async fn start(first: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answers = Arc::new(Mutex::new(Answers { first: first.iter().copied().collect(), calls: vec![] }));
        let receiver = Self { address: listener.local_addr().unwrap(), answers: answers.clone() };
        let router = Router::new().route("/hook", post(take)).with_state(answers);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.answers.lock().unwrap().calls.clone()
    }

    /// What is answered next.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().first = statuses.iter().copied().collect();
    }
}

async fn take(
    State(answers): State<Arc<Mutex<Answers>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let mut answers = answers.lock().unwrap();
    answers.calls.push(Call { headers, body: body.to_vec() });
    let status = answers.first.pop_front().unwrap_or(204);
    // Where a redirect leads would be noted as another call.
    (StatusCode::from_u16(status).unwrap(), [("location", "/hook")])
}
