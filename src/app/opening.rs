//! Opening an archive: lock, key, stores, then the two sides of the log made to agree.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::folder::{self, io_error};
use super::reader::reader;
use super::retention::{self, Holding};
use super::sampling::Sampled;
use super::verifying::Task;
use super::{App, Error, Found, OpenDossiers, Parts, all_facts, aside, index_key};
use crate::archive::{Archive, Looks, Texts};
use crate::cases::Cases;
use crate::clock::Clock;
use crate::config::Config;
use crate::delegations::Delegations;
use crate::domain::archive_itself;
use crate::dossiers::Dossiers;
use crate::journal::{self, CaughtUp, Journal, OnGap, Progress, Signer};
use crate::keys::{self, Keys};
use crate::manifest::{self, Because, Manifest};
use crate::notices::{Notices, Outbox, OutboxBounds};
use crate::objects::{Key, Objects};
use crate::packs::Packs;
use crate::people::{People, Terms};
use crate::records::{self, Medium, Records};
use crate::sealing::Sealing;
use crate::search::{self, Index, IndexKey};
use crate::searches::{self, Searches};
use crate::vault::{
    self, Identity, KeyFile, Keyring, Lookup, read_key_file, read_local_key, write_local_key,
};

const SMALL_OBJECT_BYTES: u64 = 64 * 1024;

/// An open archive and what opening it found.
pub struct Opened {
    /// The archive.
    pub app: App,
    /// What one side of the log lacked.
    pub caught_up: CaughtUp,
    /// Folders that were set aside because they were damaged, and made again.
    pub set_aside: Vec<PathBuf>,
}

/// The two stores of an archive.
#[derive(Clone)]
pub struct Places {
    /// The object store.
    pub objects: Objects,
    /// Where the records lie.
    pub records: Medium,
}

impl Places {
    /// This object store, and records in the data folder of the settings.
    pub fn new(config: &Config, objects: Objects) -> Self {
        Self { objects, records: Medium::folder(&folder::records(&config.data)) }
    }
}

/// What an archive is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be worked on: this process is the one that writes to the object store.
    Work,
    /// To be brought back from the object store, which is only read: somebody else may work on it.
    Restore,
}

fn unusable(key: &Key, source: keys::Error) -> Error {
    Error::Key { path: key.path(), source }
}

impl App {
    /// Opens the archive of the settings.
    pub async fn open(config: Config, clock: Clock, progress: Progress<'_>) -> Result<Opened, Error> {
        let objects = Objects::open(&config.objects_url(), &config.s3).await?;
        Self::open_on(config, clock, objects, progress).await
    }

    /// The same on an object store that is open already.
    pub async fn open_on(
        config: Config,
        clock: Clock,
        objects: Objects,
        progress: Progress<'_>,
    ) -> Result<Opened, Error> {
        let places = Places::new(&config, objects);
        Self::open_in(config, clock, places, progress).await
    }

    /// The same in places of the caller's choice.
    pub async fn open_in(
        config: Config,
        clock: Clock,
        places: Places,
        progress: Progress<'_>,
    ) -> Result<Opened, Error> {
        Self::open_for(Purpose::Work, config, clock, places, progress).await
    }

    pub(super) async fn open_for(
        purpose: Purpose,
        config: Config,
        clock: Clock,
        places: Places,
        progress: Progress<'_>,
    ) -> Result<Opened, Error> {
        let key_file = folder::key_file(&config.data);
        if !key_file.exists() {
            return Err(Error::Missing(config.data));
        }
        Self::open_as(purpose, config, clock, &key_file, places, progress).await
    }

    /// The same with the archive's key in this file.
    pub(super) async fn open_as(
        purpose: Purpose,
        config: Config,
        clock: Clock,
        key_file: &Path,
        places: Places,
        progress: Progress<'_>,
    ) -> Result<Opened, Error> {
        let objects = places.objects;
        let (lock, last) = lock(&config.data, purpose)?;
        let KeyFile { identity, log_verifier_key } = read_key_file(key_file, config.passphrase()?.as_ref())?;
        let next = next_identity(&config)?;
        let copy = Manifest::get(&objects).await?.ok_or(Error::WrongStore)?;
        let log_verifier_key = log_verifier_key.unwrap_or_else(|| copy.log_verifier_key.clone());
        let rotating = next.is_some();
        let keyring = Arc::new(keyring(&config, identity, next)?);
        let mut set_aside = Vec::new();
        aside::clear(&config.data, config.set_aside_days, clock.now());
        let keys = Keys::new(objects.clone(), Arc::clone(&keyring));
        let (objects, holding) = match purpose {
            Purpose::Work => retention::hold(objects, &config, &clock).await?,
            Purpose::Restore => (objects, Holding::Off),
        };
        let stores = Stores {
            purpose,
            was_closed: last.is_empty(),
            holding,
            objects,
            records: places.records,
            keyring,
            keys,
            clock,
            log_verifier_key,
            lock,
        };
        if last == OPENING && stores.records.dir().is_some_and(Path::exists) {
            tracing::warn!("the last start did not survive opening the local records");
            set_aside.push(stores.set_records_aside()?);
        }
        let (journal, records, caught_up) = stores.journal(&config, progress, &mut set_aside).await?;
        let manifest = stores.manifest(&copy, &journal, &records).await?;
        if rotating && purpose == Purpose::Work {
            // Before anything is wrapped to the next identity, whoever has only the bucket must be able to get it.
            stores.keys.put_archive_key().await?;
        }
        let index = stores.index(&config, &mut set_aside)?;
        // While keys are wrapped again the copy may be that of before or after, whoever was cut off.
        let unfinished = rotating || manifest::rewrapping(&records)?.is_some();
        let was_changed = manifest != copy && !unfinished;
        let damaged = set_aside.iter().filter(|path| **path != folder::index(&config.data)).count();
        let found = Found { replayed: caught_up.replayed, set_aside: damaged };
        let app = stores.build(config, (manifest, was_changed), (journal, records, index), found)?;
        // A replay of the whole log has called for all that is to be indexed.
        let called_for = caught_up.replayed > 0 && caught_up.replayed == app.journal.health().size;
        let unfilled = folder::is_index_unfilled(&app.config.data);
        if !called_for && (unfilled || caught_up.replayed > 0) {
            app.reindex_everything()?;
        }
        if unfilled {
            app.note_everything_called_for()?;
        }
        if purpose == Purpose::Work {
            app.tidy_up(last.is_empty()).await;
        }
        Ok(Opened { app, caught_up, set_aside })
    }

    /// Notes that the archive is left in order: all is published and no upload is under way. If something may have been
    /// left behind all the same, the next start looks for it.
    pub fn close(&self) -> Result<(), Error> {
        self.task.abort();
        if self.objects.has_left_behind() { Ok(()) } else { mark(&self.lock, &self.config.data, "") }
    }

    /// Sweeps away what cut-off uploads have left. Nothing depends on it: if it fails, the next start does it.
    async fn tidy_up(&self, was_closed: bool) {
        let aborted = self.objects.abort_unfinished().await;
        let swept = if was_closed { Ok(0) } else { self.archive.sweep().await };
        match (swept, aborted) {
            (Ok(0), Ok(0)) => {}
            (Ok(objects), Ok(uploads)) => {
                tracing::info!(objects, uploads, "what cut-off uploads had left was swept away");
            }
            _ => {
                self.objects.leave_behind();
                tracing::warn!(
                    "what cut-off uploads have left could not be swept away; the next start does it"
                );
            }
        }
    }
}

/// What stands in the lock file while an archive is open.
const OPEN: &str = "open\n";
/// What stands in it while the records are being opened: a process that dies of that must not die of it again.
const OPENING: &str = "opening\n";

/// How often, and how long in between, it is tried to lock a folder.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// A child that is being started has copies of all open files until it runs its own program: what was given up a moment
/// ago may be locked a moment longer.
fn try_to_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..LOCK_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            other => return other,
        }
    }
    file.try_lock()
}

/// Locks the data folder; tells what stood in the lock file: nothing, if it was closed in order before. A restore leaves
/// the mark as it is: whether there is something to be swept away is the business of whoever works on the object store.
fn lock(data: &Path, purpose: Purpose) -> Result<(File, String), Error> {
    let path = data.join("lock");
    let mut options = File::options();
    let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.map_err(|source| io_error(&path, source))?;
    match try_to_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::InUse(data.to_owned())),
        Err(TryLockError::Error(source)) => return Err(io_error(&path, source)),
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|source| io_error(&path, source))?;
    if purpose == Purpose::Work {
        mark(&file, data, OPEN)?;
    }
    Ok((file, text))
}

fn mark(mut lock: &File, data: &Path, text: &str) -> Result<(), Error> {
    let written = lock.set_len(0).and_then(|()| lock.seek(SeekFrom::Start(0)));
    let written = written.and_then(|_| lock.write_all(text.as_bytes())).and_then(|()| lock.sync_all());
    written.map_err(|source| io_error(&data.join("lock"), source))
}

/// A data folder that is locked and not opened: nothing but the lock is touched.
pub(super) struct Stopped {
    lock: File,
    data: PathBuf,
    last: String,
}

impl Stopped {
    /// Locks the folder; [`Error::InUse`] if another process has it.
    pub(super) fn lock(data: &Path) -> Result<Self, Error> {
        let (lock, last) = lock(data, Purpose::Work)?;
        Ok(Self { lock, data: data.to_owned(), last })
    }

    /// Whether the archive was left in order.
    pub(super) fn was_closed(&self) -> bool {
        self.last.is_empty()
    }

    /// Whether the last start did not survive opening the records.
    pub(super) fn is_deadly(&self) -> bool {
        self.last == OPENING
    }

    /// Opens the records, with a mark that a process leaves which dies of it.
    pub(super) fn opening<T>(&self, open: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        mark(&self.lock, &self.data, OPENING)?;
        let opened = open();
        mark(&self.lock, &self.data, OPEN)?;
        opened
    }
}

impl Drop for Stopped {
    /// The folder is left as it was found.
    fn drop(&mut self) {
        let _ = mark(&self.lock, &self.data, &self.last);
    }
}

struct Stores {
    purpose: Purpose,
    /// Whether the data folder was closed in order before.
    was_closed: bool,
    objects: Objects,
    records: Medium,
    holding: Holding,
    keyring: Arc<Keyring>,
    keys: Keys,
    clock: Clock,
    log_verifier_key: String,
    lock: File,
}

impl Stores {
    /// Opens records and log. Records that are damaged, or that do not continue the log, are set aside and replayed.
    async fn journal(
        &self,
        config: &Config,
        progress: Progress<'_>,
        set_aside: &mut Vec<PathBuf>,
    ) -> Result<(Journal, Records, CaughtUp), Error> {
        match self.try_journal(config, progress).await {
            Err(
                Error::Journal(journal::Error::Diverged | journal::Error::Records(records::Error::Corrupt))
                | Error::Records(records::Error::Corrupt),
            ) => {
                tracing::warn!("the local records are damaged or not those of this log");
                set_aside.push(self.set_records_aside()?);
                self.try_journal(config, progress).await
            }
            other => other,
        }
    }

    fn set_records_aside(&self) -> Result<PathBuf, Error> {
        let aside = match self.records.dir() {
            Some(dir) => aside::put(dir, self.clock.now())?,
            None => PathBuf::from("records"),
        };
        self.records.clear();
        tracing::warn!(aside = %aside.display(), "the local records are set aside and replayed");
        Ok(aside)
    }

    async fn try_journal(
        &self,
        config: &Config,
        progress: Progress<'_>,
    ) -> Result<(Journal, Records, CaughtUp), Error> {
        let cache_bytes = config.limits.records_cache_bytes;
        mark(&self.lock, &config.data, OPENING)?;
        let records = Records::open(&self.records, &self.keyring.records_key(), &self.clock, cache_bytes);
        let restored = self.purpose == Purpose::Restore && self.was_closed;
        mark(&self.lock, &config.data, if restored { "" } else { OPEN })?;
        let records = records?;
        self.keys.hold_against(&records);
        let signer = self.signer().await?;
        let parts = journal::Parts {
            objects: self.objects.clone(),
            records: records.clone(),
            identity: self
                .keys
                .get(&Key::JournalKey)
                .await
                .map_err(|source| unusable(&Key::JournalKey, source))?,
            keys: self.keys.clone(),
            lookup: Lookup::new(&self.keyring.lookup_key()),
            signer,
            clock: self.clock.clone(),
            facts: all_facts(),
            patience: Duration::from_secs(config.journal.patience_seconds),
        };
        let on_gap = match self.purpose {
            Purpose::Work => OnGap::Fail,
            Purpose::Restore => OnGap::Skip,
        };
        let (journal, caught_up) = Journal::open_with(parts, on_gap, progress).await?;
        Ok((journal, records, caught_up))
    }

    /// The log's signer. What it signs as must be the log that the key file names: whoever can write to the bucket can
    /// put a log of their own there, with a key of their own.
    async fn signer(&self) -> Result<Signer, Error> {
        let got = self.objects.get_bytes(&Key::LogKey, SMALL_OBJECT_BYTES).await;
        let seed = got.map_err(|source| unusable(&Key::LogKey, source.into()))?;
        let seed = self.keyring.open(&seed).map_err(|error| match error {
            vault::Error::WrongKey => Error::WrongStore,
            other => unusable(&Key::LogKey, other.into()),
        })?;
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&*seed, &mut *bytes).map_err(|_| vault::Error::NotAKey)?;
        let signer = Signer::new(manifest::origin(&self.log_verifier_key), &bytes)?;
        if signer.verifier_key() == self.log_verifier_key { Ok(signer) } else { Err(Error::OtherLog) }
    }

    /// What the log says that the archive is. The recipients are taken from it, and a copy that differs is put right.
    async fn manifest(
        &self,
        copy: &Manifest,
        journal: &Journal,
        records: &Records,
    ) -> Result<Manifest, Error> {
        let described = match manifest::described(records)? {
            Some(described) => described,
            None if self.purpose == Purpose::Restore => return Ok(copy.clone()),
            None => {
                let own = self.keyring.archive_recipient().to_string();
                if copy.archive_recipient != own || copy.log_verifier_key != self.log_verifier_key {
                    return Err(Error::WrongStore);
                }
                manifest::describe(journal, archive_itself(), copy, Because::Made).await?;
                copy.clone()
            }
        };
        self.keyring.set_recovery(described.recovery()?);
        if let Some(expected) = &described.journal_recipient
            && *expected != journal.payload_recipient().to_string()
        {
            return Err(unusable(&Key::JournalKey, keys::Error::Foreign));
        }
        if described != *copy && self.purpose == Purpose::Work {
            tracing::warn!("lantai.json is not what the log says: it is put right");
            described.put(&self.objects).await?;
        }
        Ok(described)
    }

    /// Opens the index; one that is damaged, or whose key is lost, is set aside.
    fn index(&self, config: &Config, set_aside: &mut Vec<PathBuf>) -> Result<Index, Error> {
        let known = index_key::read(&config.data, &self.keyring);
        let dir = folder::index(&config.data);
        if folder::is_empty(&dir) {
            folder::mark_index_unfilled(&config.data)?;
            // An index that is made now knows nothing of what came before.
            set_aside.push(dir.clone());
        } else if known.is_none() {
            set_aside
                .push(self.set_index_aside(config, "the key of the search index is missing or damaged")?);
        }
        let key = match known {
            Some(key) => key,
            None => index_key::make(&config.data, &self.keyring, &self.clock)?,
        };
        match open_index(&dir, config, key.clone(), &self.clock) {
            Err(search::Error::Corrupt) => {
                set_aside.push(self.set_index_aside(config, "the search index is damaged")?);
                Ok(open_index(&dir, config, key, &self.clock)?)
            }
            other => Ok(other?),
        }
    }

    fn set_index_aside(&self, config: &Config, why: &str) -> Result<PathBuf, Error> {
        folder::mark_index_unfilled(&config.data)?;
        let aside = aside::put(&folder::index(&config.data), self.clock.now())?;
        tracing::warn!(aside = %aside.display(), "{why}: the index is set aside and made again");
        Ok(aside)
    }

    fn build(
        self,
        config: Config,
        (manifest, manifest_was_changed): (Manifest, bool),
        (journal, records, index): (Journal, Records, Index),
        found: Found,
    ) -> Result<App, Error> {
        let keys = self.keys;
        let (lookup, clock) = (Lookup::new(&self.keyring.lookup_key()), self.clock);
        let archive = Archive {
            objects: self.objects.clone(),
            records: records.clone(),
            journal: journal.clone(),
            keys: keys.clone(),
            lookup: lookup.clone(),
            clock: clock.clone(),
            limits: Arc::new(config.limits.clone()),
            texts: Texts::default(),
            looks: Looks::default(),
            of_opened: false,
        };
        let terms = Terms::of(&config);
        let people = People::new(records.clone(), journal.clone(), lookup.clone(), clock.clone(), terms);
        let bounds = searches::Bounds {
            saved: config.limits.saved_searches,
            name_chars: config.limits.saved_name_chars,
            query_chars: config.limits.query_chars,
        };
        let sent = OutboxBounds {
            webhooks: config.webhooks.most,
            allow_http: config.webhooks.allow_http,
            allow_private: config.webhooks.allow_private,
        };
        let packs = Packs::new(records.clone(), journal.clone());
        let reader = reader(&config)?;
        if !reader.has_ocr() {
            tracing::warn!("text recognition is off: `lantai models fetch` brings its models");
        }
        Ok(App(Arc::new(Parts {
            reader,
            sealing: Sealing::new(records.clone(), journal.clone(), people.clone(), clock.clone()),
            opened: OpenDossiers::default(),
            delegations: Delegations::new(records.clone(), journal.clone(), people.clone(), clock.clone()),
            people,
            searches: Searches::new(records.clone(), journal.clone(), lookup, clock.clone(), bounds),
            dossiers: Dossiers::new(records.clone(), journal.clone(), keys.clone(), clock.clone()),
            cases: Cases::new(records.clone(), journal.clone(), packs.clone(), clock.clone()),
            packs,
            notices: Notices::new(records.clone(), journal.clone(), clock.clone()),
            outbox: Outbox::new(records.clone(), journal.clone(), clock.clone(), sent),
            streams: super::Streams::new(config.notices.streams, config.notices.streams_per_person),
            progress: super::Progress::default(),
            passwords: super::Passwords::default(),
            work: Notify::new(),
            to_read: Notify::new(),
            rewrapping: tokio::sync::Mutex::default(),
            renewing: std::sync::Mutex::default(),
            probe: super::readiness::Probe::default(),
            found,
            task: Task::default(),
            sampled: Sampled::default(),
            keys,
            manifest,
            manifest_was_changed,
            objects: self.objects,
            holding: self.holding,
            lock: self.lock,
            config,
            clock,
            records,
            journal,
            archive,
            index,
        })))
    }
}

/// Opens the index in this folder, or makes an empty one.
pub(super) fn open_index(
    dir: &Path,
    config: &Config,
    key: IndexKey,
    clock: &Clock,
) -> Result<Index, search::Error> {
    let bytes = |setting: u64| usize::try_from(setting).unwrap_or(usize::MAX);
    let limits = search::Limits {
        cache_bytes: bytes(config.limits.index_cache_bytes),
        scopes_bytes: bytes(config.limits.index_scopes_bytes),
        writer_memory_bytes: bytes(config.limits.index_writer_bytes),
        query_max_chars: config.limits.query_chars,
        results_max: config.limits.list_entries,
        views_max: config.limits.search_views,
        view_seconds: config.limits.search_view_seconds,
        facet_cases_max: config.limits.facet_cases,
        ..search::Limits::default()
    };
    Index::open(dir, key, clock.clone(), limits)
}

/// The archive's next identity, if its key is being rotated.
pub(super) fn next_identity(config: &Config) -> Result<Option<Identity>, Error> {
    let path = folder::next_key_file(&config.data);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(read_key_file(&path, config.passphrase()?.as_ref())?.identity))
}

/// The keyring. If the key of the local folder is lost, the records cannot be read: a new one is made, and they are set
/// aside as damaged and made again from the log.
pub(super) fn keyring(config: &Config, archive: Identity, next: Option<Identity>) -> Result<Keyring, Error> {
    let path = folder::local_key(&config.data);
    let openers: Vec<&Identity> = std::iter::once(&archive).chain(&next).collect();
    let local = read_local_key(&path, &openers)?;
    let is_new = local.is_none();
    let keyring = Keyring::new(archive, local.unwrap_or_else(Identity::generate));
    if is_new {
        write_local_key(&path, &keyring)?;
    }
    if let Some(next) = next {
        keyring.replace_archive(next);
    }
    Ok(keyring)
}
