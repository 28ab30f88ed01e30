//! Rehearsal: the log as it is known here, projected once more into empty records, to be compared with the rows.
//!
//! The entries are the local ones, which [`super::check`] holds against the bucket; the payloads come from the bucket,
//! or from here as long as they are not published. Nothing is written but the empty records.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::replay::{Bucket, CaughtUp, Payloads};
use super::{ENTRIES, Entry, Error, Journal, PAYLOADS, Parts, local_size};
use crate::objects::ErrorKind;
use crate::records::Records;
use crate::vault::{self, Identity};

/// A second projection of a log.
pub struct Rehearsal {
    journal: Journal,
    source: Records,
    /// Whose keys are gone: found out entry by entry.
    caught_up: CaughtUp,
}

impl Rehearsal {
    /// Of the log in `source`, into the records of `parts`, which are empty.
    pub fn new(parts: Parts, source: Records) -> Result<Self, Error> {
        Ok(Self { journal: Journal::new(parts)?, source, caught_up: CaughtUp::default() })
    }

    /// Projects what the source has and this has not; tells how many entries there are then.
    pub async fn catch_up(&mut self, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<u64, Error> {
        let (start, end) = (self.journal.size(), local_size(&self.source)?);
        let bucket = Bucket::new(&self.journal.0.objects, self.journal.verifier_key());
        let mut payloads = bucket.payloads(start).await?;
        for index in start..end {
            let text = self.source.get(&ENTRIES, &index.to_be_bytes())?.ok_or(Error::Corrupt)?;
            let sealed = self.payload(&bucket, &mut payloads, index, &text).await?;
            self.journal.replay_sealed(index, &text, &sealed, &mut self.caught_up).await?;
            progress(index + 1, end);
        }
        Ok(end)
    }

    async fn payload(
        &self,
        bucket: &Bucket<'_>,
        payloads: &mut Payloads,
        index: u64,
        text: &str,
    ) -> Result<Vec<u8>, Error> {
        if let Some(waiting) = self.source.get(&PAYLOADS, &index.to_be_bytes())? {
            return BASE64_STANDARD.decode(waiting).map_err(|_| Error::Corrupt);
        }
        let digest = Entry::parse(text)?.payload;
        match payloads.get(index, digest).await {
            // It was published, and forgotten here, after the payloads were listed.
            Err(Error::Objects(error)) if error.kind() == ErrorKind::NotFound => {
                *payloads = bucket.payloads(index).await?;
                payloads.get(index, digest).await
            }
            other => other,
        }
    }
}

impl Bucket<'_> {
    /// Whether this identity opens the payload of the log's first entry, which is never about a dossier; `None` if that
    /// payload is not to be had.
    pub async fn opens_first_payload(
        &self,
        local: &Records,
        identity: &Identity,
    ) -> Result<Option<bool>, Error> {
        let Some(text) = local.get(&ENTRIES, &0_u64.to_be_bytes())? else { return Ok(None) };
        let sealed = match local.get(&PAYLOADS, &0_u64.to_be_bytes())? {
            Some(waiting) => BASE64_STANDARD.decode(waiting).map_err(|_| Error::Corrupt)?,
            None => match self.payloads(0).await?.get(0, Entry::parse(&text)?.payload).await {
                Ok(sealed) => sealed,
                Err(Error::Corrupt) => return Ok(None),
                Err(Error::Objects(error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        Ok(Some(vault::open(identity, &sealed).is_ok()))
    }
}
