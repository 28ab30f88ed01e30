//! Verifying the whole: names, manifest, keys, the log, every document, the index, and the records against a replay.
//!
//! It works on a data folder without a server ([`verify_folder`]), where it changes nothing in the bucket and needs only
//! the key file, and on a running archive ([`App::verify_with`]). Memory is bounded: the names in the store are held,
//! everything else is streamed; the replay goes into sealed records on the disk.

mod folder;
mod keys;
mod records;
mod run;
mod task;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use self::run::Run;
use super::{App, Error};
use crate::archive::{self, Depth, Examiner, Names, Problem, ProblemCode, Report};
use crate::clock::Clock;
use crate::config::Config;
use crate::documents::{self, Document};
use crate::journal::{self, Flaw, Found, LogCheck, LogFlaw};
use crate::manifest::Manifest;
use crate::objects::Key;
use crate::records::Records;
use crate::sealing;
use crate::search::Index;
use crate::vault::{Keyring, Lookup};

pub use folder::{verify_folder, verify_folder_on};
pub use task::{Going, Task, TaskState};

/// What is being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The names in the store.
    Names,
    /// The keys.
    Keys,
    /// The objects of the log.
    Log,
    /// Documents.
    Documents,
    /// The replay that the records are compared with.
    Records,
}

impl Stage {
    /// What the progress bar says.
    pub fn word(self) -> &'static str {
        match self {
            Self::Names => "listing",
            Self::Keys => "keys",
            Self::Log => "log",
            Self::Documents => "documents",
            Self::Records => "records",
        }
    }
}

/// How to verify.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How closely.
    pub depth: Depth,
    /// Whether to go on with a run that was interrupted, if there is one.
    pub resume: bool,
    /// How many documents are read at once.
    pub at_once: usize,
    /// How often is noted how far it is.
    pub save_every: Duration,
}

impl Options {
    /// As the settings say.
    pub fn new(config: &Config, depth: Depth, resume: bool) -> Self {
        let save_every = Duration::from_secs(config.verify.save_seconds);
        Self { depth, resume, at_once: config.verify.at_once, save_every }
    }
}

/// Is told what is being looked at, and how many of how many are done.
pub type Watch<'a> = &'a (dyn Fn(Stage, u64, u64) + Sync);

impl App {
    /// Looks at everything and lists all that is wrong. `progress` is told about documents.
    pub async fn verify(&self, depth: Depth, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Report, Error> {
        let options = Options::new(&self.config, depth, false);
        let watch = |stage, done, total| {
            if stage == Stage::Documents {
                progress(done, total);
            }
        };
        self.verify_with(options, &watch).await
    }

    /// The same, as `options` say. Only one at a time.
    pub async fn verify_with(&self, options: Options, watch: Watch<'_>) -> Result<Report, Error> {
        self.ground().verify(options, watch).await
    }

    fn ground(&self) -> Ground {
        Ground {
            examiner: self.archive.examiner(),
            keyring: self.archive.keys.shared_keyring(),
            lookup: self.archive.lookup.clone(),
            clock: self.clock.clone(),
            index: Some(self.index.clone()),
            data: self.config.data.clone(),
            cache_bytes: self.config.limits.records_cache_bytes,
            swept_later: false,
            found: self.found_at_opening(),
        }
    }

    /// What was wrong with the bucket when the archive was opened, and was put right by that.
    fn found_at_opening(&self) -> Vec<Problem> {
        let manifest = self.manifest_was_changed.then_some((ProblemCode::ManifestDiffers, Key::Manifest));
        let checkpoint = self.journal.health().found.map(|found| match found {
            Found::RolledBack(0) => (ProblemCode::CheckpointMissing, Key::Checkpoint),
            Found::RolledBack(_) => (ProblemCode::LogRolledBack, Key::Checkpoint),
            Found::Damaged => (ProblemCode::CheckpointDamaged, Key::Checkpoint),
        });
        let problem = |(code, key): (ProblemCode, Key)| Problem::new(code, key.path());
        manifest.into_iter().chain(checkpoint).map(problem).collect()
    }
}

/// What a verification works on.
struct Ground {
    examiner: Examiner,
    keyring: Arc<Keyring>,
    lookup: Lookup,
    clock: Clock,
    /// None if it could not be opened.
    index: Option<Index>,
    /// The data folder, for the replay.
    data: PathBuf,
    /// The cache of the replay's records.
    cache_bytes: u64,
    /// Whether the archive was not closed in order: its next start sweeps away what cut-off uploads left.
    swept_later: bool,
    /// What was found wrong before.
    found: Vec<Problem>,
}

impl Ground {
    async fn verify(&self, options: Options, watch: Watch<'_>) -> Result<Report, Error> {
        let start = self.clock.now();
        let mut report = Report::new(options.depth, start);
        report.problems.clone_from(&self.found);
        match self.look(options, watch, &mut report).await {
            Err(error) if is_damaged_records(&error) => report.add(ProblemCode::RecordsDamaged, "records"),
            other => other?,
        }
        report.problems.sort();
        report.problems.dedup();
        report.seconds = self.clock.now().duration_since(start).as_secs_f64();
        Ok(report)
    }

    async fn look(&self, options: Options, watch: Watch<'_>, report: &mut Report) -> Result<(), Error> {
        watch(Stage::Names, 0, 0);
        let names = self.examiner.names(report).await?;
        let manifest = self.manifest(report).await?;
        self.keys(manifest.as_ref(), watch, report).await?;
        self.log(manifest.as_ref(), &names, options.depth, watch, report).await?;
        self.documents(options, &names, watch, report).await?;
        self.sealed(options.depth, &names, report).await?;
        if let Some(index) = &self.index {
            for problem in self.examiner.index_surplus(index)? {
                report.problems.push(problem);
            }
            report.index_compared = true;
        }
        self.compare_records(manifest.as_ref(), watch, report).await?;
        self.examiner.orphans(&names, self.swept_later, report).await?;
        Ok(())
    }

    fn records(&self) -> &Records {
        &self.examiner.records
    }

    /// The objects of the log against the log as it is known here.
    async fn log(
        &self,
        manifest: Option<&Manifest>,
        names: &Names,
        depth: Depth,
        watch: Watch<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let check = LogCheck {
            objects: &self.examiner.objects,
            records: self.records(),
            verifier_key: manifest.map_or("", |manifest| &manifest.log_verifier_key),
            full: depth == Depth::Full,
        };
        let progress = |done, total| watch(Stage::Log, done, total);
        let found = check.run(&names.objects, &progress).await?;
        (report.entries, report.unpublished) = (found.entries, found.unpublished);
        for LogFlaw { key, flaw } in found.flaws {
            report.add(code(&key, flaw), key.path());
        }
        Ok(())
    }

    async fn documents(
        &self,
        options: Options,
        names: &Names,
        watch: Watch<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let interrupted = match options.resume {
            true => Run::interrupted(self.records(), options.depth)?,
            false => None,
        };
        report.resumed = interrupted.as_ref().map_or(0, |run| run.documents);
        let mut run =
            interrupted.unwrap_or_else(|| Run::new(options.depth, report.started_at, report.entries));
        let done_before = run.clone();
        let total = documents::all(self.records()).count() as u64;
        let rest = documents::all(self.records())
            .filter(|row| !matches!(row, Ok(known) if done_before.has_done(known.id, known.log_index)));
        let examined = rest.map(|document| self.document(document, options.depth, names));
        let mut examined = futures::stream::iter(examined).buffered(options.at_once.max(1));
        let mut saved = self.clock.now();
        while let Some(done) = examined.next().await {
            let (document, bytes, problems) = done?;
            run.last = run.last.max(Some(document.id));
            run.documents += 1;
            run.bytes += bytes;
            run.problems.extend(problems);
            watch(Stage::Documents, run.documents, total.max(run.documents));
            if self.clock.now().duration_since(saved).unsigned_abs() >= options.save_every {
                run.save(self.records()).await?;
                saved = self.clock.now();
            }
        }
        Run::forget(self.records()).await?;
        (report.documents, report.bytes) = (run.documents, run.bytes);
        report.problems.append(&mut run.problems);
        Ok(())
    }

    /// Sealed dossiers, as far as one can without their keys. Of a destroyed one nothing is missed; what is left of it is an
    /// orphan.
    async fn sealed(&self, depth: Depth, names: &Names, report: &mut Report) -> Result<(), Error> {
        let stubs: Vec<_> = sealing::all(self.records()).collect::<Result<_, _>>()?;
        for stub in stubs.into_iter().filter(|stub| !stub.destroyed) {
            let mut examined = self.examiner.sealed_dossier(stub.dossier, depth, Some(names)).await?;
            report.bytes += examined.bytes;
            report.problems.append(&mut examined.problems);
        }
        Ok(())
    }

    async fn document(
        &self,
        document: Result<Document, crate::records::Error>,
        depth: Depth,
        names: &Names,
    ) -> Result<(Document, u64, Vec<Problem>), Error> {
        let document = document?;
        let mut examined = self.examiner.document(&document, depth, Some(names)).await?;
        if let Some(index) = &self.index {
            let problem = self.examiner.document_index(&document, examined.pages.as_deref(), index)?;
            examined.problems.extend(problem);
        }
        Ok((document, examined.bytes, examined.problems))
    }
}

/// The code of a flaw of the log.
fn code(key: &Key, flaw: Flaw) -> ProblemCode {
    match (flaw, key) {
        (Flaw::Behind, _) => ProblemCode::LogRolledBack,
        (Flaw::Ahead, _) => ProblemCode::LogAhead,
        (Flaw::Diverged, _) => ProblemCode::LogDiverged,
        (Flaw::Surplus, _) => ProblemCode::Surplus,
        (Flaw::Missing, Key::Checkpoint) => ProblemCode::CheckpointMissing,
        (Flaw::Damaged, Key::Checkpoint) => ProblemCode::CheckpointDamaged,
        (Flaw::Missing, Key::Tile { .. }) => ProblemCode::TileMissing,
        (Flaw::Damaged, Key::Tile { .. }) => ProblemCode::TileDamaged,
        (Flaw::Missing, Key::EntryBundle { .. }) => ProblemCode::BundleMissing,
        (Flaw::Damaged, Key::EntryBundle { .. }) => ProblemCode::BundleDamaged,
        (Flaw::Missing, _) => ProblemCode::PayloadsMissing,
        (Flaw::Damaged, _) => ProblemCode::PayloadsDamaged,
    }
}

fn is_damaged_records(error: &Error) -> bool {
    use crate::records::Error::Corrupt;
    matches!(
        error,
        Error::Records(Corrupt)
            | Error::Journal(journal::Error::Records(Corrupt))
            | Error::Archive(archive::Error::Records(Corrupt))
    )
}
