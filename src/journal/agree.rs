//! Whether the log in the bucket is the one that was published from here, and what is done if it is not.
//!
//! Every published head is noted here. A bucket that has all that was published, whatever its checkpoint says, is put
//! right; one that has not is refused, and nothing is changed: which side is right is its owner's to say.

use super::publish::ROUND_ENTRIES;
use super::replay::Bucket;
use super::tiles::TILE_WIDTH;
use super::{ENTRIES, Error, Head, Journal, PUBLISHED};
use crate::objects::ErrorKind;

/// What was wrong with the bucket's checkpoint, although all that was published from here is still in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It was an older one, of so many entries, or none at all.
    RolledBack(u64),
    /// It was not one that this log signed.
    Damaged,
}

impl Journal {
    /// The bucket's head, which has all that was published from here. An older or damaged checkpoint over a log that is
    /// still whole is put right.
    pub(super) async fn agreed_head(&self, bucket: &Bucket<'_>) -> Result<(Head, Option<Found>), Error> {
        let nothing = Head { size: 0, root: self.tree().root(0)? };
        let known = self.known_published()?.unwrap_or(nothing);
        let (head, found) = match bucket.head().await {
            Err(Error::Corrupt) if known.size > 0 => (nothing, Found::Damaged),
            head => {
                let head = head?.unwrap_or(nothing);
                if head.size >= known.size {
                    return Ok((head, None));
                }
                (head, Found::RolledBack(head.size))
            }
        };
        self.put_right(bucket, head, known).await?;
        tracing::warn!(
            ?found,
            published = known.size,
            "the bucket's checkpoint was not the last one: put right"
        );
        self.0.found.get_or_init(|| found);
        Ok((known, Some(found)))
    }

    /// Publishes the entries after `head` up to `known` again, if their payloads are all still there.
    async fn put_right(&self, bucket: &Bucket<'_>, head: Head, known: Head) -> Result<(), Error> {
        if self.tree().root(head.size)? != head.root {
            return Err(Error::Forked);
        }
        let mut payloads = bucket.payloads(head.size).await?;
        for index in head.size..known.size {
            let entry = self.entry(index)?.ok_or(Error::Corrupt)?;
            match payloads.get(index, entry.payload).await {
                Err(Error::Objects(error)) if error.kind() == ErrorKind::NotFound => {
                    return Err(Error::RolledBack { bucket: head.size, published: known.size });
                }
                other => drop(other?),
            }
        }
        let mut done = head.size;
        while done < known.size {
            let next = known.size.min(done + ROUND_ENTRIES);
            self.publish_round(done, next, None).await?;
            done = next;
        }
        Ok(())
    }

    /// Whether the last entry here is the bucket's entry of that number too. It tells before the replay what the roots
    /// tell after it: entries of another history cannot be projected onto these rows.
    pub(super) async fn is_beginning(&self, bucket: &Bucket<'_>, head: Head) -> Result<bool, Error> {
        let Some(last) = self.size().checked_sub(1) else { return Ok(true) };
        let texts = bucket.entries(last / TILE_WIDTH, head.size).await?;
        let here: Option<String> = self.0.records.get(&ENTRIES, &last.to_be_bytes())?;
        Ok(texts.into_iter().nth(usize::try_from(last % TILE_WIDTH).unwrap_or(usize::MAX)) == here)
    }

    /// Which error it is that the records here and the bucket's log differ.
    pub(super) async fn divergence(&self, bucket: &Bucket<'_>, head: Head) -> Result<Error, Error> {
        match self.known_published()? {
            Some(known) if bucket.root(known.size, head.size).await? != Some(known.root) => Ok(Error::Forked),
            _ => Ok(Error::Diverged),
        }
    }

    pub(super) fn known_published(&self) -> Result<Option<Head>, Error> {
        let row = self.0.records.get(&PUBLISHED, b"")?.filter(|row| row.size > 0);
        Ok(row.map(|row| Head { size: row.size, root: *row.root.as_bytes() }))
    }
}
