//! Calls of webhooks after the Standard Webhooks specification (standardwebhooks.com).
//!
//! `webhook-id` is the delivery's, `webhook-timestamp` the time of this try, `webhook-signature` the HMAC over both and the
//! body. Nobody is sent on: a redirect is a failure. A name is looked up for each connection, and what it leads to must be
//! public, unless the settings say otherwise.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use url::{Host, Url};

use super::Failed;
use crate::config::Webhooks;
use crate::notices::{Delivery, Webhook, Why, is_public, sign};

/// Calls webhooks.
pub(super) struct Hooks {
    client: Client,
    allow_private: bool,
    allow_http: bool,
}

/// The name leads to an address that is not of the public network.
#[derive(Debug, thiserror::Error)]
#[error("the address is not of the public network")]
struct Forbidden;

/// Looks names up, and lets only public addresses through.
struct Guard {
    allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(look_up(name, self.allow_private))
    }
}

async fn look_up(name: Name, allow_private: bool) -> Result<Addrs, Box<dyn StdError + Send + Sync>> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
    // One that is not public among several would be tried as well.
    if !allow_private && !found.iter().all(|address| is_public(address.ip())) {
        return Err(Forbidden.into());
    }
    Ok(Box::new(found.into_iter()))
}

impl Hooks {
    pub(super) fn new(settings: &Webhooks) -> anyhow::Result<Self> {
        // It fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("Lantai/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            // A proxy of the environment would look names up itself.
            .no_proxy()
            .timeout(Duration::from_secs(settings.timeout_seconds))
            .dns_resolver(std::sync::Arc::new(Guard { allow_private: settings.allow_private }))
            .build()?;
        Ok(Self { client, allow_private: settings.allow_private, allow_http: settings.allow_http })
    }

    /// Sends a delivery to a webhook, once.
    pub(super) async fn call(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<(), Failed> {
        let url = Url::parse(&webhook.url).map_err(|_| Failed::forever(Why::ForbiddenAddress))?;
        if !self.may_call(&url) {
            return Err(Failed::now(Why::ForbiddenAddress));
        }
        let (id, body) = (format!("msg_{}", delivery.id), body(delivery));
        let seconds = now.as_second();
        let signature = sign(&webhook.secret, &id, seconds, &body);
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature.unwrap_or_default())
            .body(body);
        match request.send().await {
            Ok(response) => judged(response.status()),
            Err(error) if is_forbidden(&error) => Err(Failed::now(Why::ForbiddenAddress)),
            Err(_) => Err(Failed::now(Why::Unreachable)),
        }
    }

    /// What the settings say now; they may have been others when the webhook was added.
    fn may_call(&self, url: &Url) -> bool {
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && self.allow_http);
        let host = match url.host() {
            // No name is looked up for these.
            Some(Host::Ipv4(address)) => self.allow_private || is_public(address.into()),
            Some(Host::Ipv6(address)) => self.allow_private || is_public(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        scheme && host
    }
}

fn judged(status: StatusCode) -> Result<(), Failed> {
    let code = status.as_u16();
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::GONE => Err(Failed { forever: true, ..Failed::with_status(Why::Gone, code) }),
        _ if status.is_redirection() => Err(Failed::with_status(Why::Redirect, code)),
        _ => Err(Failed::with_status(Why::Status, code)),
    }
}

fn is_forbidden(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = next {
        if error.is::<Forbidden>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// What is sent: the kind, the time, and ids and keys of the rules.
fn body(delivery: &Delivery) -> Vec<u8> {
    let mut data = serde_json::to_value(&delivery.event).unwrap_or_default();
    if let Some(data) = data.as_object_mut() {
        data.remove("kind");
        data.insert("notice".to_owned(), Value::from(delivery.place.to_string()));
    }
    let message = json!({ "type": delivery.event.kind, "timestamp": delivery.at, "data": data });
    message.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use url::Url;

    use super::{Hooks, judged};
    use crate::config::Webhooks;
    use crate::notices::Why;

    #[test]
    fn only_success_is_success() {
        for code in [200, 202, 204] {
            assert_eq!(judged(StatusCode::from_u16(code).unwrap()), Ok(()));
        }
        for (code, why, forever) in [
            (302, Why::Redirect, false),
            (400, Why::Status, false),
            (410, Why::Gone, true),
            (503, Why::Status, false),
        ] {
            let failed = judged(StatusCode::from_u16(code).unwrap()).unwrap_err();
            assert_eq!((failed.why, failed.forever, failed.status), (why, forever, Some(code)));
        }
    }

    #[test]
    fn what_is_not_public_is_not_called_unless_it_may_be() {
        let may = |settings: Webhooks, url: &str| {
            Hooks::new(&settings).unwrap().may_call(&Url::parse(url).unwrap())
        };
        let private = Webhooks { allow_private: true, ..Webhooks::default() };
        let http = Webhooks { allow_http: true, ..Webhooks::default() };
        for url in ["https://127.0.0.1/", "https://[::1]/", "https://0x7f.1/", "https://10.1.2.3:8443/x"] {
            assert!(!may(Webhooks::default(), url), "{url}");
            assert!(may(private.clone(), url), "{url}");
        }
        assert!(!may(private, "http://hooks.example.com/"));
        assert!(may(http.clone(), "http://hooks.example.com/") && !may(http, "ftp://hooks.example.com/"));
    }
}
