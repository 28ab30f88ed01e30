//! Objects in S3-compatible storage, through the AWS SDK: any endpoint and region, path style.
//!
//! Every body carries a checksum that the store checks: a whole object its SHA-256, which is computed anyway, a part
//! its CRC-32, so that no byte is hashed twice for one put. Because of that the request's signature leaves the body
//! out. The SDK's own default, a trailing CRC32, is refused by some stores over plain HTTP, so it is off
//! (docs/decisions/0004-s3.md).

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesOrdered;
use futures::{StreamExt, TryStreamExt};
use url::Url;

use super::{Backend, Chunks, Error, ErrorKind, Object, Stored};
use crate::config;
use crate::domain::{Fingerprint, Sha256Digest};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct S3 {
    client: Client,
    bucket: String,
    /// Empty, or ends with a slash.
    prefix: String,
    part_bytes: usize,
    parts_in_flight: usize,
}

impl S3 {
    /// `s3://bucket/prefix?endpoint=URL&region=NAME`.
    pub(super) fn open(url: &Url, settings: &config::S3) -> Result<Self, Error> {
        let misused = |message: &'static str| Error::new(ErrorKind::Misused, message);
        let bucket =
            url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| misused("no bucket in the URL"))?;
        let mut prefix = url.path().trim_matches('/').to_owned();
        if !prefix.is_empty() {
            prefix.push('/');
        }
        let parameter =
            |name| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        if settings.access_key.is_empty() {
            return Err(misused("s3.access_key and s3.secret_key are not set"));
        }
        let client = client(parameter("endpoint"), parameter("region"), settings);
        let (part_bytes, parts_in_flight) = (settings.part_bytes, settings.parts_in_flight.max(1));
        Ok(Self { client, bucket: bucket.to_owned(), prefix, part_bytes, parts_in_flight })
    }

    fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    async fn put_whole(&self, key: String, bytes: Bytes) -> Result<Stored, Error> {
        let stored = Stored { size_bytes: bytes.len() as u64, sha256: Sha256Digest::of(&bytes) };
        let put =
            self.client.put_object().bucket(&self.bucket).key(key).checksum_sha256(base64(&stored.sha256));
        put.body(ByteStream::from(bytes))
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map_err(sdk_error)?;
        Ok(stored)
    }

    async fn put_parts(&self, key: String, first: Bytes, content: Chunks) -> Result<Stored, Error> {
        let create = self.client.create_multipart_upload().bucket(&self.bucket).key(&key);
        let created = create.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.map_err(sdk_error)?;
        let upload = created.upload_id().ok_or(ErrorKind::Corrupt)?.to_owned();
        // If this future is dropped half-way (the client went away) the upload is given up all the same.
        let mut guard = AbortOnDrop { abort: Some((self.client.clone(), self.bucket.clone(), key, upload)) };
        let result = self.send_parts(&guard, first, content).await;
        match &result {
            Ok(_) => guard.abort = None,
            Err(_) => guard.abort_now().await,
        }
        result
    }

    async fn send_parts(
        &self,
        guard: &AbortOnDrop,
        first: Bytes,
        mut content: Chunks,
    ) -> Result<Stored, Error> {
        let Some((_, _, key, upload)) = &guard.abort else { return Err(ErrorKind::Misused.into()) };
        let mut fingerprint = Fingerprint::new();
        let mut done = Vec::new();
        let mut under_way = FuturesOrdered::new();
        let mut next = Some(first);
        let mut number = 0;
        while let Some(part) = next {
            number += 1;
            fingerprint.update(&part);
            under_way.push_back(self.send_part(key, upload, number, part));
            while under_way.len() >= self.parts_in_flight {
                done.extend(under_way.try_next().await?);
            }
            next = next_piece(&mut content).await?;
        }
        done.extend(under_way.try_collect::<Vec<_>>().await?);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
        let complete =
            self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload);
        complete.multipart_upload(parts).send().await.map_err(sdk_error)?;
        let size_bytes = fingerprint.size_bytes();
        Ok(Stored { size_bytes, sha256: fingerprint.finish() })
    }

    async fn send_part(
        &self,
        key: &str,
        upload: &str,
        number: i32,
        part: Bytes,
    ) -> Result<CompletedPart, Error> {
        let checksum = BASE64_STANDARD.encode(crc32fast::hash(&part).to_be_bytes());
        let send =
            self.client.upload_part().bucket(&self.bucket).key(key).upload_id(upload).part_number(number);
        let send = send.checksum_crc32(&checksum).body(ByteStream::from(part));
        let sent = send.customize().disable_payload_signing().send().await.map_err(sdk_error)?;
        let tag = sent.e_tag().ok_or(ErrorKind::Corrupt)?;
        Ok(CompletedPart::builder().part_number(number).e_tag(tag).checksum_crc32(checksum).build())
    }
}

fn client(endpoint: Option<String>, region: Option<String>, settings: &config::S3) -> Client {
    let plain = endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let http = match plain {
        true => Builder::new().build_http(),
        false => Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https(),
    };
    let secret = settings.secret_key.expose();
    let credentials = Credentials::new(&settings.access_key, secret, None, None, "lantai");
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(Duration::from_secs(settings.timeout_seconds))
        .build();
    let retry = RetryConfig::standard()
        .with_max_attempts(settings.attempts.max(1))
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE);
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .credentials_provider(credentials)
        .region(Region::new(region.unwrap_or_else(|| "us-east-1".to_owned())))
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(retry)
        .timeout_config(timeouts);
    config.set_endpoint_url(endpoint);
    Client::from_conf(config.build())
}

async fn next_piece(content: &mut Chunks) -> Result<Option<Bytes>, Error> {
    content.next().await.transpose().map_err(|error| Error::new(ErrorKind::Broken, error))
}

impl Backend for S3 {
    fn piece_bytes(&self) -> usize {
        self.part_bytes
    }

    fn put(&self, path: String, mut content: Chunks) -> BoxFuture<'_, Result<Stored, Error>> {
        async move {
            let first = next_piece(&mut content).await?.unwrap_or_default();
            let key = self.key(&path);
            if first.len() < self.part_bytes {
                self.put_whole(key, first).await
            } else {
                self.put_parts(key, first, content).await
            }
        }
        .boxed()
    }

    fn get_from(&self, path: String, offset: u64) -> BoxFuture<'_, Result<Object, Error>> {
        async move {
            let get = self.client.get_object().bucket(&self.bucket).key(self.key(&path));
            let get = if offset > 0 { get.range(format!("bytes={offset}-")) } else { get };
            let got = get.send().await.map_err(sdk_error)?;
            let rest = u64::try_from(got.content_length().unwrap_or_default()).unwrap_or_default();
            let body = got.body.into_async_read();
            let stream = tokio_util::io::ReaderStream::with_capacity(body, 64 * 1024);
            Ok(Object { size_bytes: offset + rest, stream: Box::pin(stream) })
        }
        .boxed()
    }

    fn head(&self, path: String) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        async move {
            let head = self.client.head_object().bucket(&self.bucket).key(self.key(&path)).send().await;
            match head.map_err(sdk_error) {
                Ok(head) => Ok(head.content_length().and_then(|length| u64::try_from(length).ok())),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn delete(&self, path: String) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let delete = self.client.delete_object().bucket(&self.bucket).key(self.key(&path)).send().await;
            match delete.map_err(sdk_error) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        }
        .boxed()
    }

    fn list(&self, prefix: String) -> BoxFuture<'_, Result<Vec<(String, u64)>, Error>> {
        async move {
            let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(self.key(&prefix));
            let mut pages = list.into_paginator().send();
            let mut found = Vec::new();
            while let Some(page) = pages.next().await {
                for object in page.map_err(sdk_error)?.contents() {
                    let path = object.key().and_then(|key| key.strip_prefix(&self.prefix));
                    let size = u64::try_from(object.size().unwrap_or_default()).unwrap_or_default();
                    found.extend(path.map(|path| (path.to_owned(), size)));
                }
            }
            Ok(found)
        }
        .boxed()
    }
}

/// Gives an unfinished upload up, so that its parts do not lie in the store for ever.
struct AbortOnDrop {
    abort: Option<Unfinished>,
}

/// Client, bucket, key and upload id.
type Unfinished = (Client, String, String, String);

impl AbortOnDrop {
    async fn abort_now(&mut self) {
        if let Some(unfinished) = self.abort.take() {
            abort(unfinished).await;
        }
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        let Some(unfinished) = self.abort.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(abort(unfinished));
        }
    }
}

async fn abort((client, bucket, key, upload): Unfinished) {
    let _ = client.abort_multipart_upload().bucket(bucket).key(key).upload_id(upload).send().await;
}

fn base64(digest: &Sha256Digest) -> String {
    BASE64_STANDARD.encode(digest.as_bytes())
}

fn sdk_error<E>(error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let kind = match (code, status) {
        ("NoSuchKey" | "NotFound" | "NoSuchUpload", _) => ErrorKind::NotFound,
        ("NoSuchBucket" | "AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch", _) => {
            ErrorKind::Denied
        }
        ("QuotaExceeded" | "InsufficientStorage", _) | (_, Some(507)) => ErrorKind::Full,
        (_, Some(404)) => ErrorKind::NotFound,
        (_, Some(401 | 403)) => ErrorKind::Denied,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, error)
}
