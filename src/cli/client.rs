//! Verbs that go through a running server.

use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use jiff::civil::Date;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use zeroize::Zeroizing;

use super::keys::{say_listed, say_rewrapped};
use super::{Common, KeysVerb, Outcome, output};
use crate::app::Totals;
use crate::archive::Export;
use crate::domain::{DocumentId, DossierId, Fingerprint, Sha256Digest};

/// Files are hashed and sent in pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;

/// A server and the token for it.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: Zeroizing<String>,
    as_json: bool,
}

/// What documents are handed in as.
pub(super) struct Target {
    pub(super) dossier: String,
    pub(super) kind: String,
    pub(super) case: Option<String>,
}

impl Client {
    pub(super) fn new(common: &Common) -> anyhow::Result<Self> {
        let base = common.server.clone().unwrap_or_else(|| "http://127.0.0.1:7070".to_owned());
        let file = common.token_file.as_ref().context("--token-file is needed to go through a server")?;
        let token =
            Zeroizing::new(std::fs::read_to_string(file).with_context(|| file.display().to_string())?);
        let word = token.split_whitespace().last().unwrap_or_default();
        Ok(Self { http: http_client()?, base, token: Zeroizing::new(word.to_owned()), as_json: common.json })
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base.trim_end_matches('/')))
            .bearer_auth(&*self.token)
    }

    pub(super) async fn put(
        &self,
        files: &[PathBuf],
        target: Target,
        at_once: usize,
    ) -> anyhow::Result<Outcome> {
        let bar = output::progress("handing in");
        bar.set_length(files.len() as u64);
        let target = &target;
        let sends = files.iter().map(|file| async move { (file, self.put_one(file, target).await) });
        let mut sends = futures::stream::iter(sends).buffer_unordered(at_once.max(1));
        let mut failed = 0;
        while let Some((file, sent)) = sends.next().await {
            bar.inc(1);
            match sent {
                Ok(document) if self.as_json => output::say_json(&document),
                Ok(document) => output::say(&format!(
                    "{}  {}  {}",
                    document["id"].as_str().unwrap_or_default(),
                    document["sha256"].as_str().unwrap_or_default(),
                    file.display()
                )),
                Err(error) => {
                    failed += 1;
                    output::complain(&format!("{}: {error:#}", file.display()));
                }
            }
        }
        bar.finish_and_clear();
        Ok(if failed == 0 { Outcome::Clean } else { Outcome::Problems })
    }

    /// Hashes the file first, so that the server can refuse what was changed on the way.
    async fn put_one(&self, path: &Path, target: &Target) -> anyhow::Result<Value> {
        let owned = path.to_owned();
        let digest = tokio::task::spawn_blocking(move || file_digest(&owned)).await??;
        let file = tokio::fs::File::open(path).await?;
        let length = file.metadata().await?.len();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut query =
            vec![("dossier", target.dossier.as_str()), ("kind", &target.kind), ("filename", &name)];
        query.extend(target.case.as_deref().map(|case| ("case", case)));
        let body = tokio_util::io::ReaderStream::with_capacity(file, PIECE_BYTES);
        let request = self
            .request(Method::POST, "/api/v1/documents")
            .query(&query)
            .header("content-length", length)
            .header("repr-digest", format!("sha-256=:{}:", BASE64_STANDARD.encode(digest.as_bytes())))
            .body(reqwest::Body::wrap_stream(body));
        Ok(answer(request).await?.json().await?)
    }

    pub(super) async fn get(&self, document: &str, out: &Path) -> anyhow::Result<Outcome> {
        let path = format!("/api/v1/documents/{document}/content");
        let response = answer(self.request(Method::GET, &path)).await?;
        let expected = response.headers().get("repr-digest").cloned();
        let mut file = tokio::fs::File::create_new(out).await.with_context(|| out.display().to_string())?;
        let mut fingerprint = Fingerprint::new();
        let mut body = response.bytes_stream();
        while let Some(piece) = body.try_next().await? {
            fingerprint.update(&piece);
            file.write_all(&piece).await?;
        }
        file.sync_all().await?;
        let got = format!("sha-256=:{}:", BASE64_STANDARD.encode(fingerprint.finish().as_bytes()));
        anyhow::ensure!(
            expected.is_some_and(|expected| expected == got),
            "what came is not what was archived"
        );
        Ok(Outcome::Clean)
    }

    /// A dossier as it is to be exported, without the documents' bytes.
    pub(super) async fn export(&self, id: DossierId, as_of: Option<Date>) -> anyhow::Result<Export> {
        let request = self.request(Method::GET, &format!("/api/v1/dossiers/{id}/export"));
        let query: Vec<_> = as_of.map(|date| ("as_of", date.to_string())).into_iter().collect();
        Ok(answer(request.query(&query)).await?.json().await?)
    }

    /// The bytes of one of its documents.
    pub(super) async fn export_content(
        &self,
        id: DossierId,
        document: DocumentId,
    ) -> anyhow::Result<impl Stream<Item = reqwest::Result<Bytes>> + use<>> {
        let request = self.request(Method::GET, &format!("/api/v1/dossiers/{id}/export/{document}"));
        Ok(answer(request).await?.bytes_stream())
    }

    pub(super) async fn totals(&self) -> anyhow::Result<Totals> {
        Ok(answer(self.request(Method::GET, "/api/v1/totals")).await?.json().await?)
    }

    pub(super) async fn search(&self, query: &str, limit: usize) -> anyhow::Result<Outcome> {
        let request =
            self.request(Method::GET, "/api/v1/search").query(&[("q", query)]).query(&[("limit", limit)]);
        let found: Value = answer(request).await?.json().await?;
        if self.as_json {
            output::say_json(&found);
            return Ok(Outcome::Clean);
        }
        for hit in found["hits"].as_array().into_iter().flatten() {
            let text = |name: &str| hit[name].as_str().unwrap_or("-").to_owned();
            let page = hit["page"].as_u64().map_or_else(|| "-".to_owned(), |page| page.to_string());
            output::say(&format!("{}  {}  p.{page}  {}", text("document"), text("kind"), text("snippet")));
        }
        output::say(&format!("{} hits", found["total"]));
        Ok(Outcome::Clean)
    }
}

/// The archive's keys.
impl Client {
    pub(super) async fn keys(&self, verb: KeysVerb) -> anyhow::Result<Outcome> {
        let list = match verb {
            KeysVerb::List => self.key_list().await?,
            KeysVerb::Rotate => {
                let rotated: Value =
                    answer(self.request(Method::POST, "/api/v1/keys/rotate")).await?.json().await?;
                return Ok(say_rewrapped(&rotated["done"], &rotated["keys"], self.as_json));
            }
            KeysVerb::Recovery(_) | KeysVerb::Manager(_) => {
                anyhow::bail!("recipients are changed on the data folder itself, while no server has it open")
            }
        };
        if self.as_json {
            output::say_json(&list)
        } else {
            say_listed(&list)
        }
        Ok(Outcome::Clean)
    }

    /// An answer in JSON.
    pub(super) async fn get_json(&self, path: &str) -> anyhow::Result<Value> {
        Ok(answer(self.request(Method::GET, path)).await?.json().await?)
    }

    pub(super) async fn post_json(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        Ok(answer(self.request(Method::POST, path).json(body)).await?.json().await?)
    }

    /// Calls for documents to be read again; tells how many.
    pub(super) async fn read_again(&self, wanted: &Value) -> anyhow::Result<u64> {
        let called = answer(self.request(Method::POST, "/api/v1/reading").json(wanted)).await?;
        Ok(called.json::<Value>().await?["documents"].as_u64().unwrap_or_default())
    }

    async fn key_list(&self) -> anyhow::Result<Value> {
        Ok(answer(self.request(Method::GET, "/api/v1/keys")).await?.json().await?)
    }
}

/// An HTTP client; TLS by ring, as everywhere here.
pub(super) fn http_client() -> anyhow::Result<reqwest::Client> {
    // It fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().build()?)
}

/// The answer, or what the server says is wrong.
pub(super) async fn answer(request: RequestBuilder) -> anyhow::Result<Response> {
    let response = request.send().await?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem: Value = response.json().await.unwrap_or_default();
    anyhow::bail!("{} ({status})", problem["detail"].as_str().unwrap_or("the server refused"))
}

fn file_digest(path: &Path) -> std::io::Result<Sha256Digest> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut fingerprint = Fingerprint::new();
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(fingerprint.finish());
        }
        fingerprint.update(&piece[..count]);
    }
}
