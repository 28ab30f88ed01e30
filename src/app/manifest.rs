//! `lantai.json`: what the archive says of itself to anybody. Readable, and signed for by nothing but the log's key in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::objects::{Body, ErrorKind, Key, Objects};

/// The version of the bytes in the bucket (docs/format.md).
pub(super) const FORMAT: u32 = 1;

const LIMIT_BYTES: u64 = 1 << 20;

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
    /// The log's verifier key, as in C2SP signed notes.
    pub log_verifier_key: String,
}

impl Manifest {
    /// The log's name: the first part of its verifier key.
    pub fn log_origin(&self) -> &str {
        self.log_verifier_key.split('+').next().unwrap_or_default()
    }

    pub(super) async fn put(&self, objects: &Objects) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(self).map_err(|_| Error::WrongStore)?;
        text.push('\n');
        objects.put(&Key::Manifest, Body::Public(text.into())).await?;
        Ok(())
    }

    pub(super) async fn get(objects: &Objects) -> Result<Option<Self>, Error> {
        let bytes = match objects.get_bytes(&Key::Manifest, LIMIT_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|_| Error::WrongStore)?;
        if manifest.format > FORMAT { Err(Error::LaterFormat(manifest.format)) } else { Ok(Some(manifest)) }
    }
}
