//! Trying out what a bucket really does about objects that are to stay.
//!
//! Nothing that the bucket says of itself is asked for: some stores take headers that they do not know and say that all
//! is well. So every answer here is what happened to a canary.

use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectLockRetention, ObjectLockRetentionMode};
use bytes::Bytes;

use super::super::write_once::{CANARY_HOLD, Finding, Hold, WriteOnce};
use super::super::{Error, ErrorKind, Key};
use super::{S3, crc32, lock_of, sdk_error};
use crate::clock::Clock;
use crate::config::RetentionMode;
use crate::domain::RawId;

/// What lies below this belongs to probes.
const PROBES: &str = "probe/";
/// A canary this old is no other probe's any more.
const STALE: Duration = Duration::from_secs(15 * 60);

const FIRST: &[u8] = b"first";
const SECOND: &[u8] = b"second";
const THIRD: &[u8] = b"third";

/// The id of a stored version; `None` where the store keeps none.
type Version = Option<String>;

impl S3 {
    pub(super) async fn try_out(&self, id: RawId, clock: &Clock) -> Result<WriteOnce, Error> {
        let key = self.key(&Key::Probe(id).path());
        let tried = self.try_with(&key, clock).await;
        let left_behind = self.clean_up(&key, clock).await;
        tried.map(|found| WriteOnce { left_behind, ..found })
    }

    async fn try_with(&self, key: &str, clock: &Clock) -> Result<WriteOnce, Error> {
        let first = self.put_canary(key, FIRST, false, None).await.map_err(Error::from)?;
        let conditional_put = self.try_conditional_put(key).await?;
        self.put_canary(key, THIRD, false, None).await.map_err(Error::from)?;
        let after_overwrite = self.reads(key, first.as_deref(), FIRST).await?;
        self.delete_version(key, None, false).await.map_err(Error::from)?;
        let gone = !self.reads(key, None, THIRD).await?;
        let after_delete = self.reads(key, first.as_deref(), FIRST).await?;
        Ok(WriteOnce {
            overwrite: match after_overwrite {
                true => Finding::yes("replaced, and the earlier version is still there"),
                false => Finding::no("replaced for good"),
            },
            delete: match (gone, after_delete) {
                (false, _) => Finding::yes("not deleted"),
                (true, true) => Finding::yes("hidden, and the version is still there"),
                (true, false) => Finding::no("deleted for good"),
            },
            versioning: match (after_overwrite && after_delete, first.is_some()) {
                (true, _) => Finding::yes("an earlier version came back by its id"),
                (false, true) => Finding::no("version ids are given out, and versions are not kept"),
                (false, false) => Finding::no("no versions are kept"),
            },
            conditional_put,
            object_lock: self.try_lock(key, clock).await?,
            left_behind: 0,
        })
    }

    async fn try_conditional_put(&self, key: &str) -> Result<Finding, Error> {
        match self.put_canary(key, SECOND, true, None).await {
            Ok(_) if self.reads(key, None, SECOND).await? => {
                Ok(Finding::no("the condition is taken and not kept: the object was replaced"))
            }
            Ok(_) => Ok(Finding::no("the put is said to be done and was not")),
            Err(Trouble { status: Some(409 | 412), .. }) => {
                Ok(Finding::yes("a put that would replace is refused"))
            }
            Err(trouble) if trouble.is_refusal() => Ok(Finding::no(format!("not taken: {}", trouble.code))),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Both ways in which objects are held: with the put, and afterwards.
    async fn try_lock(&self, key: &str, clock: &Clock) -> Result<Finding, Error> {
        let until = clock.now().checked_add(CANARY_HOLD).map_err(|_| ErrorKind::Misused)?;
        let hold = Hold { mode: RetentionMode::Governance, until };
        let with_put = self.try_to_delete(key, self.put_canary(key, FIRST, false, Some(hold)).await).await?;
        if !with_put.works {
            return Ok(with_put);
        }
        let version = self.put_canary(key, FIRST, false, None).await.map_err(Error::from)?;
        let locked = self.lock(key, hold).await.map(|()| version);
        let afterwards = self.try_to_delete(key, locked).await?;
        Ok(match afterwards.works {
            true => with_put,
            false => Finding::no(format!("only a whole put is locked; afterwards: {}", afterwards.seen)),
        })
    }

    /// Tries to delete a version that was locked. If that fails and the version is still there, the lock holds.
    async fn try_to_delete(&self, key: &str, locked: Result<Version, Trouble>) -> Result<Finding, Error> {
        let version = match locked {
            Ok(version) => version,
            Err(trouble) if trouble.is_refusal() => {
                return Ok(Finding::no(format!("a lock is refused: {}", trouble.code)));
            }
            Err(trouble) => return Err(trouble.into()),
        };
        let deleted = self.delete_version(key, version.as_deref(), false).await;
        let there = self.reads(key, version.as_deref(), FIRST).await?;
        match (deleted, there) {
            (Err(trouble), _) if !trouble.is_refusal() => Err(trouble.into()),
            (_, false) => Ok(Finding::no("the lock is taken and not kept: the object was deleted")),
            (Ok(()), true) => Ok(Finding::yes("a locked version is not deleted")),
            (Err(_), true) => Ok(Finding::yes("deleting a locked version is refused")),
        }
    }

    /// Locks the newest version of an object.
    pub(super) async fn lock(&self, key: &str, hold: Hold) -> Result<(), Trouble> {
        let (mode, until) = lock_of(Some(hold));
        let mode = mode.map(|mode| ObjectLockRetentionMode::from(mode.as_str()));
        let retention = ObjectLockRetention::builder().set_mode(mode).set_retain_until_date(until).build();
        let put = self.client.put_object_retention().bucket(&self.bucket).key(key).retention(retention);
        put.send().await.map(drop).map_err(trouble)
    }

    async fn put_canary(
        &self,
        key: &str,
        text: &'static [u8],
        only_new: bool,
        hold: Option<Hold>,
    ) -> Result<Version, Trouble> {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let put = put.checksum_crc32(crc32(text));
        let put = put.body(ByteStream::from(Bytes::from_static(text)));
        let put = if only_new { put.if_none_match("*") } else { put };
        let (mode, until) = lock_of(hold);
        let put = put.set_checksum_algorithm(hold.map(|_| ChecksumAlgorithm::Crc32));
        let put = put.set_object_lock_mode(mode).set_object_lock_retain_until_date(until);
        let done = put.customize().disable_payload_signing().send().await.map_err(trouble)?;
        Ok(done.version_id().filter(|id| *id != "null").map(str::to_owned))
    }

    /// Deletes a version; without one the object, as everybody would. `lifting`: also under a lock that may be lifted.
    async fn delete_version(&self, key: &str, version: Option<&str>, lifting: bool) -> Result<(), Trouble> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        let delete = delete.set_version_id(version.map(str::to_owned));
        let delete = if lifting { delete.bypass_governance_retention(true) } else { delete };
        delete.send().await.map(drop).map_err(trouble)
    }

    /// Whether this version of the object (the newest, if none is named) has this content.
    async fn reads(&self, key: &str, version: Option<&str>, content: &[u8]) -> Result<bool, Error> {
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        let got = match get.set_version_id(version.map(str::to_owned)).send().await.map_err(trouble) {
            Ok(got) => got,
            Err(trouble) if trouble.is_refusal() => return Ok(false),
            Err(trouble) => return Err(trouble.into()),
        };
        let bytes = got.body.collect().await.map_err(|error| Error::new(ErrorKind::Unavailable, error))?;
        Ok(bytes.into_bytes() == content)
    }

    /// Deletes this probe's canaries in all their versions, and what older probes had to leave. Tells how many
    /// versions of this one stay. Where versions cannot be listed there is only the object itself.
    async fn clean_up(&self, key: &str, clock: &Clock) -> u64 {
        let Some(versions) = self.canary_versions(key, clock).await else {
            return u64::from(self.delete_version(key, None, false).await.is_err());
        };
        let mut left_behind = 0;
        for (found, version, is_marker) in versions {
            let deleted = self.delete_version(&found, version.as_deref(), !is_marker).await;
            left_behind += u64::from(deleted.is_err() && found == key);
        }
        if left_behind > 0 {
            // What must stay for a while need not be seen.
            let _ = self.delete_version(key, None, false).await;
        }
        left_behind
    }

    /// The versions and delete markers of this canary and of stale ones.
    async fn canary_versions(&self, key: &str, clock: &Clock) -> Option<Vec<(String, Version, bool)>> {
        let prefix = self.key(PROBES);
        let listed = self.client.list_object_versions().bucket(&self.bucket).prefix(prefix).send().await;
        let listed = listed.ok()?;
        let stale = clock.now().as_second() - i64::try_from(STALE.as_secs()).unwrap_or(i64::MAX);
        let ours =
            |found: &str, at: Option<&DateTime>| found == key || at.is_some_and(|at| at.secs() < stale);
        let mut versions = Vec::new();
        for version in listed.versions() {
            let found = version.key().unwrap_or_default();
            if ours(found, version.last_modified()) {
                versions.push((found.to_owned(), version.version_id().map(str::to_owned), false));
            }
        }
        for marker in listed.delete_markers() {
            let found = marker.key().unwrap_or_default();
            if ours(found, marker.last_modified()) {
                versions.push((found.to_owned(), marker.version_id().map(str::to_owned), true));
            }
        }
        Some(versions)
    }
}

/// Why the store did not do it, closely enough to tell a refusal from a failure.
pub(super) struct Trouble {
    status: Option<u16>,
    code: String,
    error: Error,
}

impl Trouble {
    /// Whether the store said that it does not do this; otherwise it only failed this time.
    fn is_refusal(&self) -> bool {
        matches!(self.status, Some(400..=407 | 409..=428 | 501))
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        trouble.error
    }
}

fn trouble<E>(error: SdkError<E>) -> Trouble
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or("no reason is given");
    Trouble { status, code: code.to_owned(), error: sdk_error(error) }
}
