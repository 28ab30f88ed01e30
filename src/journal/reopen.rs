//! One dossier's entries, read again with its key: into records of their own, never into the archive's. That of a sealed one
//! while its key is open, and that of any as it was at an earlier time.

use jiff::Timestamp;

use super::publish::read_payloads;
use super::replay::LOG_OBJECT_LIMIT_BYTES;
use super::{ENTRIES, Entry, Error, Journal, Projection};
use crate::domain::{DossierId, Sha256Digest};
use crate::objects::{self, ErrorKind, Key, Objects, Prefix};
use crate::records::{Batch, Records};
use crate::vault::{self, Identity};

impl Journal {
    /// Projects what was written about a closed dossier, before it was closed, into records of its own. Reads the whole
    /// log's entries here and a few objects of payloads from the store.
    pub async fn reopen(&self, dossier: DossierId, key: &Identity, into: &Records) -> Result<(), Error> {
        let closed = self.closed(dossier)?.ok_or(Error::Conflict)?;
        self.project_again(dossier, closed, Timestamp::MAX, key, into).await
    }

    /// The rows that the entries about a dossier had made before `until`, in records of their own. Reads the whole log's
    /// entries here and a few objects of payloads from the store.
    pub async fn as_of(&self, dossier: DossierId, until: Timestamp) -> Result<Records, Error> {
        let past = Records::in_memory(&Identity::generate().derive("records"), &self.0.clock)?;
        let size = self.size();
        if let Some(last) = size.checked_sub(1) {
            // What is not published yet has its payload only here.
            self.published(last).await?;
        }
        let key = self.payload_identity(Some(dossier)).await?;
        self.project_again(dossier, size, until, &key, &past).await?;
        Ok(past)
    }

    async fn project_again(
        &self,
        dossier: DossierId,
        end: u64,
        until: Timestamp,
        key: &Identity,
        into: &Records,
    ) -> Result<(), Error> {
        let journal = self.clone();
        let entries = tokio::task::spawn_blocking(move || journal.entries_of(dossier, end, until)).await;
        let mut payloads = Payloads::list(&self.0.objects).await?;
        for (index, entry) in entries.map_err(|_| Error::Corrupt)?? {
            let sealed = payloads.get(index, entry.payload).await?;
            let fact = vault::open(key, &sealed).map_err(|_| Error::Corrupt)?;
            let project = self.0.facts.get(entry.kind.as_str()).ok_or(Error::Corrupt)?;
            let (nothing, mut batch) = (Batch::new(), Batch::new());
            let ground = (into, &nothing);
            project(&mut Projection::new(index, &entry, &fact, ground, &self.0.lookup, &mut batch))?;
            into.commit(batch)?;
        }
        Ok(())
    }

    /// The entries below number `end` and before `until` whose payload is sealed to the dossier's key.
    fn entries_of(&self, dossier: DossierId, end: u64, until: Timestamp) -> Result<Vec<(u64, Entry)>, Error> {
        let mut found = Vec::new();
        for index in 0..end {
            let text = self.0.records.get(&ENTRIES, &index.to_be_bytes())?.ok_or(Error::Corrupt)?;
            let entry = Entry::parse(&text)?;
            if entry.sealed_under() == Some(dossier) && entry.at < until {
                found.push((index, entry));
            }
        }
        Ok(found)
    }
}

/// The payloads of one object, by index.
type Lines = Vec<(u64, Vec<u8>)>;

/// Finds single payloads. The object that was read last is kept: the next payload is often in it.
struct Payloads<'a> {
    store: &'a Objects,
    /// First entry and count of every object.
    objects: Vec<(u64, u32)>,
    last: Option<(Key, Lines)>,
}

impl<'a> Payloads<'a> {
    async fn list(store: &'a Objects) -> Result<Self, Error> {
        let listed = store.list(Prefix::Payloads).await?;
        let range = |listed: objects::Listed| match listed.key {
            Some(Key::Payloads { first, count }) => Some((first, count)),
            _ => None,
        };
        Ok(Self { store, objects: listed.into_iter().filter_map(range).collect(), last: None })
    }

    async fn get(&mut self, index: u64, digest: Sha256Digest) -> Result<Vec<u8>, Error> {
        // A round that was begun twice may have left a payload in two objects, or a stale one.
        for (first, count) in self.objects.clone() {
            if !(first..first + u64::from(count)).contains(&index) {
                continue;
            }
            let lines = self.lines(Key::Payloads { first, count }).await?;
            let line = lines.iter().find(|(at, sealed)| *at == index && Sha256Digest::of(sealed) == digest);
            if let Some((_, sealed)) = line {
                return Ok(sealed.clone());
            }
        }
        Err(objects::Error::from(ErrorKind::NotFound).into())
    }

    async fn lines(&mut self, key: Key) -> Result<&[(u64, Vec<u8>)], Error> {
        let read = match self.last.take() {
            Some((last, lines)) if last == key => lines,
            _ => read_payloads(&self.store.get_bytes(&key, LOG_OBJECT_LIMIT_BYTES).await?),
        };
        Ok(&self.last.insert((key, read)).1)
    }
}
