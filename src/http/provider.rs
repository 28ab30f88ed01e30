//! Signing in through the firm's own provider: OpenID Connect, authorization code with PKCE (RFC 7636).
//!
//! The provider says who somebody is, by one claim; it makes nobody: who is not a person of the archive comes in by
//! nothing that it says. Its keys and addresses are asked for at each sign-in, so that it may change them at any time.

mod id_token;

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use futures::StreamExt;
use jiff::Timestamp;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::Problem;
use crate::clock::Clock;
use crate::config::{Config, Oidc};
use crate::domain::Sha256Digest;
use id_token::Expected;

/// Where the provider sends somebody back to.
pub(super) const BACK: &str = "/sign-in/provider/back";
/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than any answer of a provider, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// The provider of the settings.
pub(super) struct Provider {
    settings: Oidc,
    back: String,
    http: reqwest::Client,
    clock: Clock,
}

/// Somebody who was sent to the provider.
#[derive(Clone)]
pub(super) struct Sent {
    nonce: String,
    verifier: String,
    /// Where they want to go.
    pub(super) next: String,
}

/// What the provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Provider {
    /// The provider, if the settings name one.
    pub(super) fn of(config: &Config, clock: &Clock) -> Option<Self> {
        let settings = config.oidc.clone();
        if settings.issuer.is_empty() {
            return None;
        }
        if config.sign_in.address.is_empty() {
            tracing::error!("oidc.issuer is set and sign_in.address is not: nobody is sent to the provider");
            return None;
        }
        // It fails only if a provider of cryptography is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(Policy::none()).timeout(PATIENCE).build();
        let http = http.inspect_err(|error| tracing::error!(%error, "no client for the provider")).ok()?;
        let back = format!("{}{BACK}", config.sign_in.address.trim_end_matches('/'));
        Some(Self { settings, back, http, clock: clock.clone() })
    }

    /// What people call it.
    pub(super) fn title(&self) -> &str {
        &self.settings.title
    }

    /// What is remembered of somebody who is sent there.
    pub(super) fn send(&self, next: &str) -> Sent {
        let random = || BASE64_URL_SAFE_NO_PAD.encode(self.clock.random_bytes::<32>());
        Sent { nonce: random(), verifier: random(), next: next.to_owned() }
    }

    /// The address that they are sent to.
    pub(super) async fn address(&self, sent: &Sent, state: &str) -> Result<Url, Problem> {
        let challenge = Sha256Digest::of(sent.verifier.as_bytes());
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(challenge.as_bytes());
        let address = self.metadata().await?.authorization_endpoint;
        let mut address = Url::parse(&address).map_err(|_| Problem::new("provider_refused"))?;
        address.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", self.settings.client_id.as_str()),
            ("redirect_uri", self.back.as_str()),
            ("scope", self.settings.scope.as_str()),
            ("state", state),
            ("nonce", sent.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        Ok(address)
    }

    /// The name that the provider knows somebody by who came back with this code.
    pub(super) async fn name(&self, sent: &Sent, code: &str) -> Result<String, Problem> {
        let metadata = self.metadata().await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.back.as_str()),
            ("client_id", self.settings.client_id.as_str()),
            ("code_verifier", sent.verifier.as_str()),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self.http.post(metadata.token_endpoint).body(body);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        let secret = self.settings.client_secret.expose();
        if !secret.is_empty() {
            // RFC 6749, 2.3.1: both are form-encoded before they are joined.
            let encoded =
                |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(encoded(&self.settings.client_id), Some(encoded(secret)));
        }
        let tokens: Tokens = self.ask(request).await?;
        let keys: Value = self.ask(self.http.get(metadata.jwks_uri)).await?;
        self.named(&tokens.id_token, &keys, &sent.nonce, self.clock.now())
    }

    fn named(&self, token: &str, keys: &Value, nonce: &str, now: Timestamp) -> Result<String, Problem> {
        let (issuer, client_id) = (self.settings.issuer.as_str(), self.settings.client_id.as_str());
        let claims = id_token::verify(token, keys, &Expected { issuer, client_id, nonce, now });
        let claims = claims.map_err(|why| {
            tracing::warn!(%why, "an ID token of the provider is not believed");
            Problem::new("provider_refused")
        })?;
        // An address that somebody may have typed in there is no name.
        let claim = self.settings.claim.as_str();
        if claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(Problem::new("provider_refused"));
        }
        let name = claims.get(claim).and_then(Value::as_str).filter(|name| !name.is_empty());
        name.map(str::to_owned).ok_or_else(|| {
            tracing::warn!(claim, "the provider's ID token lacks the claim");
            Problem::new("provider_refused")
        })
    }

    async fn metadata(&self) -> Result<Metadata, Problem> {
        let issuer = &self.settings.issuer;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = self.ask(self.http.get(address)).await?;
        let endpoints = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        // Who has TLS has it for all.
        let safe = !issuer.starts_with("https://") || endpoints.iter().all(|url| url.starts_with("https://"));
        if metadata.issuer != *issuer || !safe {
            tracing::warn!("the provider calls itself something else than oidc.issuer, or leaves TLS");
            return Err(Problem::new("provider_refused"));
        }
        Ok(metadata)
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Problem> {
        let unavailable = |error: reqwest::Error| {
            // The address may hold a code: only the kind of failure is told.
            let error = error.without_url();
            tracing::warn!(%error, "the provider does not answer as it should");
            Problem::new("provider_unavailable")
        };
        let answer = request.header("accept", "application/json").send().await.map_err(unavailable)?;
        if answer.status().is_client_error() {
            tracing::warn!(status = answer.status().as_u16(), "the provider refuses");
            return Err(Problem::new("provider_refused"));
        }
        let mut chunks = answer.error_for_status().map_err(unavailable)?.bytes_stream();
        let mut body = Vec::new();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.map_err(unavailable)?);
            if body.len() > LONGEST_ANSWER {
                return Err(Problem::new("provider_refused"));
            }
        }
        serde_json::from_slice(&body).map_err(|_| Problem::new("provider_refused"))
    }
}
