//! The records against a fresh replay of the log, which goes into sealed records of its own, beside them on the disk.

use std::sync::Arc;
use std::time::Duration;

use super::{Error, Ground, ProblemCode, Report, Stage, Watch};
use crate::app::all_facts;
use crate::journal::{self, Rehearsal, Signer};
use crate::keys::Keys;
use crate::manifest::Manifest;
use crate::objects::Key;
use crate::records::{Medium, Records, RowKey};
use crate::vault::Identity;

/// Rows that are not made from the log and so have nothing to be compared with.
const LOCAL_TABLES: &[&str] =
    &["jobs", "log.gaps", "log.payloads", "log.published", "verify.run", "verify.checked"];

/// A row that differs is looked at again so often: entries that came meanwhile may have changed it.
const ROUNDS: usize = 20;

/// Without what these say is missing or damaged, entries cannot be opened, and a replay makes other rows.
const IN_THE_WAY: &[ProblemCode] = &[
    ProblemCode::PayloadsMissing,
    ProblemCode::PayloadsDamaged,
    ProblemCode::LogDiverged,
    ProblemCode::LogAhead,
];
const KEYS_IN_THE_WAY: &[ProblemCode] =
    &[ProblemCode::KeyMissing, ProblemCode::KeyDamaged, ProblemCode::KeyWrong];

impl Ground {
    /// Compares every row, unless what was found before makes a replay impossible.
    pub(super) async fn compare_records(
        &self,
        manifest: Option<&Manifest>,
        watch: Watch<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let (Some(_), false) = (manifest, is_in_the_way(report)) else { return Ok(()) };
        let folder = self.data.join("verify.replay");
        let key = Identity::generate().derive("records");
        remove(&folder)?;
        let fresh = Records::open(&Medium::folder(&folder), &key, &self.clock, self.cache_bytes)?;
        let compared = self.compare_with(&fresh, watch).await;
        drop(fresh);
        remove(&folder)?;
        for row in compared? {
            report.add(ProblemCode::RecordDiffers, row);
        }
        report.records_compared = true;
        Ok(())
    }

    async fn compare_with(&self, fresh: &Records, watch: Watch<'_>) -> Result<Vec<RowKey>, Error> {
        // These are held against nothing: a replay has to find out by itself whether a key is the right one.
        let keys = Keys::new(self.examiner.objects.clone(), Arc::clone(&self.keyring));
        let parts = journal::Parts {
            objects: self.examiner.objects.clone(),
            records: fresh.clone(),
            identity: keys.get(&Key::JournalKey).await?,
            keys,
            lookup: self.lookup.clone(),
            // It signs nothing.
            signer: Signer::new("lantai/rehearsal", &[0; 32])?,
            clock: self.clock.clone(),
            facts: all_facts(),
            patience: Duration::ZERO,
        };
        let mut rehearsal = Rehearsal::new(parts, self.records().clone())?;
        let progress = |done, total| watch(Stage::Records, done, total);
        let mut size = rehearsal.catch_up(&progress).await?;
        let mut differing = self.records().differences(fresh, LOCAL_TABLES)?;
        for _ in 0..ROUNDS {
            let size_now = rehearsal.catch_up(&progress).await?;
            let mut still = Vec::new();
            for row in differing {
                if !self.records().agrees(fresh, &row)? {
                    still.push(row);
                }
            }
            differing = still;
            if differing.is_empty() || size_now == size {
                break;
            }
            size = size_now;
        }
        Ok(differing)
    }
}

fn is_in_the_way(report: &Report) -> bool {
    // Neither is needed to open an entry.
    let others = [Key::ArchiveKey.path(), Key::LogKey.path()];
    let keys = report
        .problems
        .iter()
        .any(|problem| KEYS_IN_THE_WAY.contains(&problem.code) && !others.contains(&problem.subject));
    keys || report.has(IN_THE_WAY)
}

fn remove(folder: &std::path::Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(crate::app::folder::io_error(folder, error))
        }
        _ => Ok(()),
    }
}
