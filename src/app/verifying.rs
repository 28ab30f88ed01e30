//! Verifying the whole: the archive's objects, then the log, then the records against a fresh replay.

use std::time::Duration;

use super::{App, Error, all_facts};
use crate::archive::{Depth, ProblemCode, Report};
use crate::journal::{self, Found, Journal};
use crate::objects::Key;
use crate::records::Records;
use crate::vault::Identity;

/// Rows that are not made from the log and so have nothing to be compared with.
const LOCAL_TABLES: &[&str] = &["jobs", "log.payloads", "log.published"];

impl App {
    /// Looks at everything and lists all that is wrong. `progress` is told about documents.
    pub async fn verify(&self, depth: Depth, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Report, Error> {
        self.journal.publish_waiting().await?;
        let mut report = self.archive.verify(depth, progress).await.map_err(|error| match error {
            crate::archive::Error::Objects(error) => Error::Objects(error),
            crate::archive::Error::Records(error) => Error::Records(error),
            crate::archive::Error::Keys(error) => Error::Keys(error),
            _ => Error::WrongStore,
        })?;
        let log = self.journal.health();
        report.entries = log.size;
        match log.found {
            Some(Found::RolledBack(_)) => report.add(ProblemCode::LogRolledBack, Key::Checkpoint.path()),
            Some(Found::Damaged) => report.add(ProblemCode::LogDamaged, Key::Checkpoint.path()),
            None => {}
        }
        self.verify_log(&mut report).await?;
        Ok(report)
    }

    /// Replays the published log into memory, checking every signature and digest on the way, and compares the rows.
    async fn verify_log(&self, report: &mut Report) -> Result<(), Error> {
        let key = Identity::generate().derive("records");
        let replayed = Records::in_memory(&key, &self.clock)?;
        let parts = journal::Parts {
            objects: self.objects.clone(),
            records: replayed.clone(),
            keys: self.archive.keys.clone(),
            identity: self.journal.identity(),
            lookup: self.archive.lookup.clone(),
            signer: self.journal.signer(),
            clock: self.clock.clone(),
            facts: all_facts(),
            patience: Duration::from_secs(1),
        };
        match Journal::open(parts, &|_, _| {}).await {
            Ok((fresh, _)) => {
                if fresh.root()? != self.journal.root()? {
                    report.add(ProblemCode::LogDiverged, "journal");
                }
                for row in self.records.differences(&replayed, LOCAL_TABLES)? {
                    report.add(ProblemCode::RecordDiffers, row);
                }
            }
            Err(journal::Error::Diverged) => report.add(ProblemCode::LogDiverged, "journal"),
            Err(journal::Error::Corrupt | journal::Error::Records(_) | journal::Error::Objects(_)) => {
                report.add(ProblemCode::LogDamaged, "journal");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
