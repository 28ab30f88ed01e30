//! Sealing, opening and destroying dossiers, through a running server: what is open is open in its memory.

use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::client::{Client, answer};
use super::keys::passphrase;
use super::{DossierVerb, Outcome, output};

impl Client {
    pub(super) async fn dossier(&self, verb: DossierVerb) -> anyhow::Result<Outcome> {
        let of = |dossier: &str, what: &str| format!("/api/v1/dossiers/{dossier}/{what}");
        match verb {
            DossierVerb::Seal { dossier, reason } => {
                self.show(Method::POST, &of(&dossier, "seal"), Some(json!({ "reason": reason }))).await?;
            }
            DossierVerb::Open { dossier, passphrase_file, minutes } => {
                let passphrase = passphrase(&passphrase_file)?;
                let body = json!({ "passphrase": passphrase.expose_secret(), "minutes": minutes });
                self.show(Method::POST, &of(&dossier, "unseal"), Some(body)).await?;
            }
            DossierVerb::Close { dossier } => {
                answer(self.request(Method::POST, &of(&dossier, "close"))).await?;
                output::say("closed");
            }
            DossierVerb::Destroy { dossier, confirm: true, .. } => {
                self.show(Method::POST, &of(&dossier, "destruction/confirm"), None).await?;
            }
            DossierVerb::Destroy { dossier, withdraw: true, .. } => {
                answer(self.request(Method::DELETE, &of(&dossier, "destruction"))).await?;
                output::say("withdrawn");
            }
            DossierVerb::Destroy { dossier, reason, .. } => {
                let body = json!({ "reason": reason.unwrap_or_default() });
                self.show(Method::POST, &of(&dossier, "destruction"), Some(body)).await?;
            }
            DossierVerb::Certificate { dossier } => {
                self.show(Method::GET, &of(&dossier, "certificate"), None).await?;
            }
            DossierVerb::Sealed => self.show(Method::GET, "/api/v1/sealed", None).await?,
        }
        Ok(Outcome::Clean)
    }

    async fn show(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<()> {
        let request = self.request(method, path);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let shown: Value = answer(request).await?.json().await?;
        output::say_json(&shown);
        Ok(())
    }
}
