//! Restoring: a new data folder from the bucket and a recovery key. The bucket is only read, so that it can be done at
//! any time beside a running server: as a drill.
//!
//! It can be interrupted at any moment and given again: it goes on where the records end. What the bucket lacks is left
//! out and told. The search index is made from the texts, by the server when it runs or here at once.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::path::Path;

use serde::{Serialize, Serializer};

use super::folder::{self, io_error};
use super::opening::{Opened, Places, Purpose};
use super::{App, Error, Totals};
use crate::clock::Clock;
use crate::config::Config;
use crate::documents;
use crate::journal::{Gap, Progress};
use crate::keys::{self, get_identities};
use crate::manifest::{self, Manifest};
use crate::objects::{ErrorKind, Key, Objects, Prefix};
use crate::queue;
use crate::vault::{self, Identity, KeyFile, read_key_file};

/// What a restore did.
pub struct Restored {
    /// The archive, open, with its jobs still to be run.
    pub opened: Opened,
    /// The report.
    pub report: Report,
}

/// What a restore found and made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Objects in the bucket.
    pub objects: u64,
    /// Entries that were replayed now; less than the log has if an earlier restore was interrupted.
    pub replayed: u64,
    /// What there is now.
    pub totals: Totals,
    /// Entries that are in the log and made no rows, by reason, in spans such as `7` or `12-15`.
    pub gaps: BTreeMap<Gap, Spans>,
    /// Entries about dossiers that were sealed or destroyed: nobody here is to open them.
    pub sealed_away: u64,
    /// Neither the entries from this one on nor their hashes are in the bucket: what came after it is lost.
    pub ended_at: Option<u64>,
    /// Documents whose original is not in the bucket.
    pub originals_missing: u64,
    /// Hash tiles that are not in the bucket. They can be computed again.
    pub tiles_missing: Vec<String>,
    /// Documents that were never read; reading needs to write to the bucket, so the server does it.
    pub to_read: u64,
    /// Documents, dossiers and cases that search does not find yet.
    pub to_index: u64,
    /// How long it took, in seconds, the listing of the bucket left out.
    pub seconds: f64,
    /// Documents brought back in a second, if all were brought back now.
    pub documents_per_second: Option<f64>,
}

/// Many entries in few words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Spans {
    /// How many.
    pub count: u64,
    /// Which; the first of them if there are many.
    pub entries: Vec<Span>,
}

/// Entries that follow one another: the first and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64, pub u64);

/// So many spans are listed.
const SPANS: usize = 100;

impl Spans {
    /// Indexes come in ascending order.
    fn add(&mut self, index: u64) {
        self.count += 1;
        let room = self.entries.len() < SPANS;
        match self.entries.last_mut() {
            Some(span) if span.1 + 1 == index => span.1 = index,
            _ if room => self.entries.push(Span(index, index)),
            _ => {}
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 { write!(f, "{}", self.0) } else { write!(f, "{}-{}", self.0, self.1) }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Report {
    /// Whether something is missing.
    pub fn has_problems(&self) -> bool {
        !self.gaps.is_empty()
            || self.ended_at.is_some()
            || self.originals_missing > 0
            || !self.tiles_missing.is_empty()
    }
}

/// Makes the data folder of the settings again: the archive's key, unwrapped with the recovery key, and the records,
/// replayed from the log. A data folder that has records of the same archive keeps what is right in them.
pub async fn restore(
    config: Config,
    clock: Clock,
    recovery: &KeyFile,
    progress: Progress<'_>,
) -> Result<Restored, Error> {
    let objects = Objects::open_read_only(&config.objects_url(), &config.s3).await?;
    let (identities, log) = find_archive(&objects, recovery).await?;
    folder::make(&config.data)?;
    keep_keys(&config, &identities, &log)?;
    let start = clock.now();
    let places = Places::new(&config, objects);
    let opened = App::open_for(Purpose::Restore, config, clock.clone(), places, progress).await?;
    let seconds = clock.now().duration_since(start).as_secs_f64();
    let report = report(&opened, seconds).await?;
    Ok(Restored { opened, report })
}

/// The archive's identities and its log's verifier key, if the object store has an archive and this is a recovery key
/// of it. A recovery key that names its log accepts no other in its place. While the archive's key is rotated there are
/// two identities: the one that is replaced is the last.
async fn find_archive(objects: &Objects, recovery: &KeyFile) -> Result<(Vec<Identity>, String), Error> {
    let manifest = match Manifest::get(objects).await {
        Ok(Some(manifest)) => manifest,
        Ok(None) => return Err(nothing_there(objects).await),
        Err(manifest::Error::NotOne) => {
            return Err(Error::NotAnArchive("its lantai.json is not that of an archive"));
        }
        Err(error) => return Err(error.into()),
    };
    let log = manifest.log_verifier_key;
    let identities = match get_identities(objects, &Key::ArchiveKey, &recovery.identity).await {
        Ok(identities) => identities,
        Err(keys::Error::Vault(vault::Error::WrongKey)) => return Err(Error::WrongRecoveryKey),
        Err(error) => return Err(lacking(&Key::ArchiveKey, error)),
    };
    if recovery.log_verifier_key.as_ref().is_some_and(|expected| *expected != log) {
        return Err(Error::OtherLog);
    }
    for key in [Key::JournalKey, Key::LogKey, Key::Checkpoint] {
        if objects.head(&key).await?.is_none() {
            return Err(Error::Lacks(key.path()));
        }
    }
    Ok((identities, log))
}

async fn nothing_there(objects: &Objects) -> Error {
    match objects.list(Prefix::All).await {
        Ok(found) if !found.is_empty() => Error::NotAnArchive("there are objects in it, and no lantai.json"),
        Err(error) if error.kind() != ErrorKind::NotFound => error.into(),
        _ => Error::EmptyStore,
    }
}

/// A key that is missing or damaged is named; a store that fails is not the key's fault.
fn lacking(key: &Key, error: keys::Error) -> Error {
    match error {
        keys::Error::Vault(_) => Error::Lacks(key.path()),
        keys::Error::Objects(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) => {
            Error::Lacks(key.path())
        }
        error => error.into(),
    }
}

/// Writes the archive's key into the data folder, whole or not at all, unless it is there already. With it the next one,
/// if a rotation was under way: it goes on.
fn keep_keys(config: &Config, identities: &[Identity], log: &str) -> Result<(), Error> {
    let (file, passphrase) = (folder::key_file(&config.data), config.passphrase()?);
    if file.exists() {
        let there = read_key_file(&file, passphrase.as_ref())?.identity.recipient();
        let known = identities.iter().any(|identity| identity.recipient() == there);
        return if known { Ok(()) } else { Err(Error::OtherArchive(config.data.clone())) };
    }
    let files = [file, folder::next_key_file(&config.data)];
    // The archive's key comes last: without it nothing was restored yet.
    let kept: Vec<_> = identities.iter().rev().zip(files).collect();
    for (identity, file) in kept.into_iter().rev() {
        let unfinished = file.with_extension("unfinished");
        let _ = fs::remove_file(&unfinished);
        identity.write_file(&unfinished, passphrase.as_ref(), log)?;
        fs::rename(&unfinished, &file).map_err(|source| io_error(&file, source))?;
        sync_folder(&config.data)?;
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| io_error(folder, source))
}

async fn report(opened: &Opened, seconds: f64) -> Result<Report, Error> {
    let app = &opened.app;
    let (mut gaps, mut sealed_away): (BTreeMap<Gap, Spans>, u64) = (BTreeMap::new(), 0);
    for gap in app.journal.gaps() {
        let (index, gap) = gap?;
        let meant = gap == Gap::WithoutKey && is_closed(app, index)?;
        if meant {
            sealed_away += 1;
        } else {
            gaps.entry(gap).or_default().add(index);
        }
    }
    let totals = app.totals()?;
    let whole = opened.caught_up.replayed == totals.entries;
    let documents_per_second = whole.then(|| totals.documents as f64 / seconds.max(f64::EPSILON));
    let (objects, originals) = count_objects(app).await?;
    let waiting = queue::count(&app.records)?;
    Ok(Report {
        objects,
        replayed: opened.caught_up.replayed,
        gaps,
        sealed_away,
        ended_at: opened.caught_up.ended_at,
        originals_missing: totals.documents.saturating_sub(originals),
        tiles_missing: opened.caught_up.missing_tiles.clone(),
        to_read: waiting.reading,
        to_index: waiting.indexing,
        totals,
        seconds,
        documents_per_second,
    })
}

/// Whether the entry is about a dossier whose key is sealed away or destroyed, as the log says.
fn is_closed(app: &App, index: u64) -> Result<bool, Error> {
    let dossier = app.journal.entry(index)?.and_then(|entry| entry.sealed_under());
    Ok(match dossier {
        Some(dossier) => app.journal.closed(dossier)?.is_some(),
        None => false,
    })
}

/// How many objects the bucket has, and how many of them are originals of documents that there are.
async fn count_objects(app: &App) -> Result<(u64, u64), Error> {
    let (mut objects, mut originals) = (0, 0);
    for listed in app.objects.list(Prefix::All).await? {
        objects += 1;
        if let Some(Key::Original { document, .. }) = listed.key {
            originals += u64::from(documents::exists(&app.records, document)?);
        }
    }
    Ok((objects, originals))
}
