//! What the archive is: its id, whose keys open it, the log's verifier key.
//!
//! Layer 4. It is a fact of the log (`archive.described`), committed when the archive is made and at every change of
//! a recipient. `lantai.json` in the bucket is a copy for whoever has no key: whoever can write to the bucket can
//! change the copy, and so nothing is ever sealed to a recipient that only the copy names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{PersonId, Sha256Digest};
use crate::journal::{self, Draft, Facts, Journal, Projection};
use crate::keys;
use crate::objects::{self, Body, ErrorKind, Key, Objects};
use crate::records::{self, Records, Table};
use crate::vault::{self, Recipient};

/// The version of the bytes in the bucket (docs/format.md).
pub const FORMAT: u32 = 1;

pub(crate) const LIMIT_BYTES: u64 = 1 << 20;

/// One row: what the log says that the archive is.
const DESCRIBED: Table<Manifest> = Table::new("archive.described");

/// One row while key objects are still wrapped to the recipients of before.
const REWRAPPING: Table<Rewrapping> = Table::new("archive.rewrapping");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("archive.described", project_described), ("keys.rewrapped", project_rewrapped)];

/// What an archive is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format.
    pub format: u32,
    /// The archive's id.
    pub archive: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The archive's age recipient.
    pub archive_recipient: String,
    /// The recovery age recipients.
    pub recovery_recipients: Vec<String>,
    /// The general manager's age recipient, to which sealed dossiers are wrapped; none until there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager_recipient: Option<String>,
    /// The log's verifier key, as in C2SP signed notes.
    pub log_verifier_key: String,
    /// The public half of the identity in `keys/journal.age`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_recipient: Option<String>,
    /// SHA-256 of `keys/manager.age`, which the archive itself cannot open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager_key_sha256: Option<Sha256Digest>,
    /// SHA-256 of `keys/archive.age`, which the archive itself cannot open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_key_sha256: Option<Sha256Digest>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Described {
    manifest: Manifest,
    because: Because,
}

/// Why the archive is described again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It was made, or has not been described before.
    Made,
    /// Its key is replaced: what the new one opens already need not be wrapped again.
    KeyRotated,
    /// A recovery recipient is added.
    RecoveryAdded,
    /// A recovery recipient is removed.
    RecoveryRemoved,
    /// The general manager's key is set, or its passphrase changed.
    ManagerSet,
}

/// Key objects have still to be wrapped to the recipients that the log names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrapping {
    /// Why.
    pub because: Because,
}

/// The fact that all key objects are wrapped to the recipients that the log names.
#[derive(Debug, Serialize, Deserialize)]
struct Rewrapped {
    wrapped: u64,
    sealed: u64,
    unreadable: Vec<String>,
    /// SHA-256 of `keys/archive.age`, if that was sealed anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    archive_key_sha256: Option<Sha256Digest>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object is not a manifest.
    #[error("lantai.json is not the manifest of an archive")]
    NotOne,
    /// The archive was written by a later version.
    #[error("the archive has format {0}, which this version does not know")]
    LaterFormat(u32),
    /// The object store failed.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
}

/// What the log says that the archive is: the truth. `None` only before the first entry.
pub fn described(records: &Records) -> Result<Option<Manifest>, records::Error> {
    records.get(&DESCRIBED, b"")
}

/// Whether key objects have still to be wrapped again.
pub fn rewrapping(records: &Records) -> Result<Option<Rewrapping>, records::Error> {
    records.get(&REWRAPPING, b"")
}

/// Notes in the log that all key objects are wrapped to the recipients that the log names. Durable when it returns.
pub async fn rewrapped(
    journal: &Journal,
    by: PersonId,
    done: &keys::Rewrapped,
    archive_key_sha256: Option<Sha256Digest>,
) -> Result<(), Error> {
    let keys::Rewrapped { wrapped, right_already, sealed, unreadable } = done.clone();
    let fact = Rewrapped { wrapped: wrapped + right_already, sealed, unreadable, archive_key_sha256 };
    journal.commit_durably(Draft::new("keys.rewrapped", by, &fact)?).await?;
    Ok(())
}

/// Notes in the log what the archive is from now on, and why. Not durable when it returns: the entry has still to be
/// published ([`Journal::published`]).
pub async fn describe(
    journal: &Journal,
    by: PersonId,
    manifest: &Manifest,
    because: Because,
) -> Result<u64, Error> {
    let fact = Described { manifest: manifest.clone(), because };
    Ok(journal.commit(Draft::new("archive.described", by, &fact)?).await?)
}

impl Manifest {
    /// The log's name: the first part of its verifier key.
    pub fn log_origin(&self) -> &str {
        origin(&self.log_verifier_key)
    }

    /// The recovery recipients.
    pub fn recovery(&self) -> Result<Vec<Recipient>, vault::Error> {
        self.recovery_recipients.iter().map(|text| text.parse()).collect()
    }

    /// Puts the copy into the bucket.
    pub async fn put(&self, objects: &Objects) -> Result<(), Error> {
        objects.put(&Key::Manifest, Body::Public(self.to_text()?.into())).await?;
        Ok(())
    }

    /// Exactly what stands in the copy.
    pub fn to_text(&self) -> Result<String, Error> {
        let mut text = serde_json::to_string_pretty(self).map_err(|_| Error::NotOne)?;
        text.push('\n');
        Ok(text)
    }

    /// The manifest that a copy says.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|_| Error::NotOne)?;
        if manifest.format > FORMAT { Err(Error::LaterFormat(manifest.format)) } else { Ok(manifest) }
    }

    /// The copy in the bucket, whoever wrote it; `None` if there is none.
    pub async fn get(objects: &Objects) -> Result<Option<Self>, Error> {
        let bytes = match objects.get_bytes(&Key::Manifest, LIMIT_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Self::parse(&bytes).map(Some)
    }
}

/// The log's name in its verifier key.
pub fn origin(verifier_key: &str) -> &str {
    verifier_key.split('+').next().unwrap_or_default()
}

fn project_described(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Described { manifest, because } = projection.fact()?;
    match because {
        Because::KeyRotated | Because::RecoveryAdded | Because::RecoveryRemoved => {
            projection.put(&REWRAPPING, b"", &Rewrapping { because })?;
        }
        Because::Made | Because::ManagerSet => {}
    }
    projection.put(&DESCRIBED, b"", &manifest)
}

fn project_rewrapped(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Rewrapped { archive_key_sha256, .. } = projection.fact()?;
    if let (Some(digest), Some(mut manifest)) = (archive_key_sha256, projection.get(&DESCRIBED, b"")?) {
        manifest.archive_key_sha256 = Some(digest);
        projection.put(&DESCRIBED, b"", &manifest)?;
    }
    projection.delete(&REWRAPPING, b"");
    Ok(())
}
