//! Objects in S3-compatible storage, through the AWS SDK: any endpoint and region, path style.
//!
//! Every body carries its CRC-32, which the store checks: it finds what goes wrong on the way, and costs neither side
//! much; the object's SHA-256 stands in the log. The request's signature leaves the body out. The SDK's own default, a
//! trailing CRC-32, is refused by some stores over plain HTTP, so it is off (docs/decisions/0004-s3.md).

mod failure;
mod probe;
mod reading;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_s3::operation::upload_part::builders::UploadPartFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ObjectLockMode};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use tokio::task::{JoinError, JoinSet};
use url::Url;

use failure::sdk_error;
use reading::Source;

use super::{Backend, Chunks, Error, ErrorKind, Hold, Object, Stored, WriteOnce};
use crate::clock::Clock;
use crate::config::{self, RetentionMode};
use crate::domain::{Fingerprint, RawId, Sha256Digest};

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
    attempts: u32,
    /// Uploads that could not be given up when they should have been.
    unaborted: Unaborted,
}

/// Keys and upload ids.
type Unaborted = Arc<Mutex<Vec<(String, String)>>>;

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
        Ok(Self {
            client,
            bucket: bucket.to_owned(),
            prefix,
            part_bytes,
            parts_in_flight,
            attempts: settings.attempts.max(1),
            unaborted: Arc::default(),
        })
    }

    fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    async fn put_whole(&self, key: String, bytes: Bytes, hold: Option<Hold>) -> Result<Stored, Error> {
        let stored = Stored { size_bytes: bytes.len() as u64, sha256: Sha256Digest::of(&bytes) };
        let put = self.client.put_object().bucket(&self.bucket).key(key).checksum_crc32(crc32(&bytes));
        let (mode, until) = lock_of(hold);
        // A put with a lock has to name its checksum's algorithm, too.
        let put = put.set_checksum_algorithm(hold.map(|_| ChecksumAlgorithm::Crc32));
        let put = put.set_object_lock_mode(mode).set_object_lock_retain_until_date(until);
        put.body(ByteStream::from(bytes))
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map_err(sdk_error)?;
        Ok(stored)
    }

    async fn put_large(
        &self,
        key: String,
        first: Bytes,
        content: Chunks,
        hold: Option<Hold>,
    ) -> Result<Stored, Error> {
        let stored = self.put_parts(key.clone(), first, content).await?;
        if let Some(hold) = hold {
            // Not every store takes a lock with the parts of an upload, as a whole put does.
            self.lock(&key, hold).await?;
        }
        Ok(stored)
    }

    async fn put_parts(&self, key: String, first: Bytes, content: Chunks) -> Result<Stored, Error> {
        let create = self.client.create_multipart_upload().bucket(&self.bucket).key(&key);
        let created = create.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.map_err(sdk_error)?;
        let upload = created.upload_id().ok_or(ErrorKind::Corrupt)?.to_owned();
        self.abort_again();
        // If this future is dropped half-way (the client went away) the upload is given up all the same.
        let mut guard = AbortOnDrop { abort: Some(self.unfinished(key, upload)) };
        let result = self.send_parts(&guard, first, content).await;
        match &result {
            Ok(_) => guard.abort = None,
            Err(_) => drop(guard),
        }
        result
    }

    fn unfinished(&self, key: String, upload: String) -> Unfinished {
        let (client, bucket) = (self.client.clone(), self.bucket.clone());
        Unfinished { client, bucket, key, upload, unaborted: Arc::clone(&self.unaborted) }
    }

    /// Tries once more what could not be given up before.
    fn abort_again(&self) {
        let left = std::mem::take(&mut *self.unaborted.lock().unwrap_or_else(PoisonError::into_inner));
        for (key, upload) in left {
            tokio::spawn(self.unfinished(key, upload).abort());
        }
    }

    async fn send_parts(
        &self,
        guard: &AbortOnDrop,
        first: Bytes,
        mut content: Chunks,
    ) -> Result<Stored, Error> {
        let Some(Unfinished { key, upload, .. }) = &guard.abort else {
            return Err(ErrorKind::Misused.into());
        };
        let mut fingerprint = Fingerprint::new();
        let mut done = Vec::new();
        // Tasks of their own: parts are on their way while the next one is read, hashed and sealed.
        let mut under_way = JoinSet::new();
        let mut next = Some(first);
        let mut number = 0;
        while let Some(part) = next {
            number += 1;
            let part_of = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(upload);
            under_way.spawn(send_part(part_of, number, part.clone()));
            fingerprint.update(&part);
            drop(part);
            while under_way.len() >= self.parts_in_flight {
                done.extend(sent(under_way.join_next().await)?);
            }
            next = next_piece(&mut content).await?;
        }
        while let Some(part) = sent(under_way.join_next().await)? {
            done.push(part);
        }
        done.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
        let complete =
            self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload);
        let completed = complete.multipart_upload(parts).send().await.map_err(sdk_error);
        let size_bytes = fingerprint.size_bytes();
        let stored = Stored { size_bytes, sha256: fingerprint.finish() };
        match completed {
            Ok(_) => Ok(stored),
            // It may be done all the same: an answer that was lost makes the next try find no upload.
            Err(_) if self.is_stored(key, &stored).await => Ok(stored),
            Err(error) => Err(error),
        }
    }

    /// Whether exactly these bytes are in the store.
    async fn is_stored(&self, key: &str, stored: &Stored) -> bool {
        let Ok(mut object) = self.read(key.to_owned(), 0).await else { return false };
        if object.size_bytes != stored.size_bytes {
            return false;
        }
        let mut fingerprint = Fingerprint::new();
        while let Some(chunk) = object.stream.next().await {
            match chunk {
                Ok(chunk) => fingerprint.update(&chunk),
                Err(_) => return false,
            }
        }
        fingerprint.finish() == stored.sha256
    }

    async fn read(&self, key: String, offset: u64) -> Result<Object, Error> {
        let (client, bucket) = (self.client.clone(), self.bucket.clone());
        Source { client, bucket, key, tries: self.attempts }.open(offset).await
    }
}

/// Sends one part of an upload.
async fn send_part(
    part_of: UploadPartFluentBuilder,
    number: i32,
    part: Bytes,
) -> Result<CompletedPart, Error> {
    let checksum = crc32(&part);
    let send = part_of.part_number(number).checksum_crc32(&checksum).body(ByteStream::from(part));
    let sent = send.customize().disable_payload_signing().send().await.map_err(sdk_error)?;
    let tag = sent.e_tag().ok_or(ErrorKind::Corrupt)?;
    Ok(CompletedPart::builder().part_number(number).e_tag(tag).checksum_crc32(checksum).build())
}

/// What has become of a part; none if no part was under way.
fn sent(
    joined: Option<Result<Result<CompletedPart, Error>, JoinError>>,
) -> Result<Option<CompletedPart>, Error> {
    joined.transpose().map_err(|error| Error::new(ErrorKind::Unavailable, error))?.transpose()
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
        .operation_timeout(Duration::from_secs(settings.patience_seconds.max(settings.timeout_seconds)))
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

    fn put(
        &self,
        path: String,
        mut content: Chunks,
        hold: Option<Hold>,
    ) -> BoxFuture<'_, Result<Stored, Error>> {
        async move {
            let first = next_piece(&mut content).await?.unwrap_or_default();
            let key = self.key(&path);
            let put = match first.len() < self.part_bytes {
                true => self.put_whole(key, first, hold).await,
                false => self.put_large(key, first, content, hold).await,
            };
            // What is not found when something is put is an upload that the store has forgotten.
            put.map_err(|error| match error.kind() {
                ErrorKind::NotFound => Error::new(ErrorKind::Unavailable, error),
                _ => error,
            })
        }
        .boxed()
    }

    fn get_from(&self, path: String, offset: u64) -> BoxFuture<'_, Result<Object, Error>> {
        self.read(self.key(&path), offset).boxed()
    }

    fn abort_unfinished(&self) -> BoxFuture<'_, Result<usize, Error>> {
        async move {
            let list = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(&self.prefix);
            let (mut aborted, mut markers) = (0, (None, None));
            loop {
                let page = list.clone().set_key_marker(markers.0).set_upload_id_marker(markers.1);
                let page = page.send().await.map_err(sdk_error)?;
                for upload in page.uploads() {
                    if let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) {
                        self.unfinished(key.to_owned(), id.to_owned()).abort().await;
                        aborted += 1;
                    }
                }
                if page.is_truncated() != Some(true) {
                    break;
                }
                markers = (page.next_key_marker.clone(), page.next_upload_id_marker.clone());
            }
            let left = self.unaborted.lock().unwrap_or_else(PoisonError::into_inner).len();
            if left == 0 { Ok(aborted) } else { Err(ErrorKind::Unavailable.into()) }
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

    fn probe(&self, id: RawId, clock: Clock) -> BoxFuture<'_, Result<WriteOnce, Error>> {
        async move { self.try_out(id, &clock).await }.boxed()
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

struct Unfinished {
    client: Client,
    bucket: String,
    key: String,
    upload: String,
    unaborted: Unaborted,
}

impl Unfinished {
    async fn abort(self) {
        let Self { client, bucket, key, upload, unaborted } = self;
        let abort = client.abort_multipart_upload().bucket(bucket).key(&key).upload_id(&upload);
        match abort.send().await.map_err(sdk_error) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                unaborted.lock().unwrap_or_else(PoisonError::into_inner).push((key, upload));
            }
            _ => {}
        }
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        let Some(unfinished) = self.abort.take() else { return };
        // Whoever waits for the answer does not wait for this; if it cannot be done now, a later upload or start does it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(unfinished.abort());
        }
    }
}

/// A hold as a put says it.
fn lock_of(hold: Option<Hold>) -> (Option<ObjectLockMode>, Option<DateTime>) {
    let mode = |hold: Hold| match hold.mode {
        RetentionMode::Governance => ObjectLockMode::Governance,
        RetentionMode::Compliance => ObjectLockMode::Compliance,
    };
    (hold.map(mode), hold.map(|hold| DateTime::from_secs(hold.until.as_second())))
}

/// The checksum as S3 writes it.
fn crc32(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(crc32fast::hash(bytes).to_be_bytes())
}
