//! Moving running cases from one version of their definition to another.
//!
//! Each case is moved by an entry of its own, on the condition that it is as it was seen. A migration that a case stands
//! against moves none; one that was cut off is given again, and moves those that are left.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{App, Error};
use crate::access::Permit;
use crate::cases;
use crate::domain::{CaseId, DossierId};
use crate::journal;
use crate::workflow::{Calendar, Case, Definition, Hindrance, Title, migrate};

/// How often a case is looked at again because it changed meanwhile.
const TRIES: usize = 5;

/// Which cases are to be moved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedMigration {
    /// The definition's name.
    pub workflow: String,
    /// The version that they run on.
    pub from: String,
    /// The version that they are to run on, which says how they come to it.
    pub to: String,
    /// Whether it is only to be said what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a migration does, or would do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Migration {
    /// What was asked for.
    #[serde(flatten)]
    pub wanted: WantedMigration,
    /// Every running case of the old version.
    pub cases: Vec<CaseMove>,
    /// How many were moved.
    pub moved: usize,
}

/// What becomes of one case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaseMove {
    /// The case.
    pub case: CaseId,
    /// Its dossier.
    pub dossier: DossierId,
    /// As it is.
    pub old: Place,
    /// As it is, or would be, on the new version; none if that cannot be.
    pub new: Option<Place>,
    /// What stands against it.
    pub refused: Vec<Refused>,
    /// Whether it was moved. One that was not in a real run has changed meanwhile.
    pub moved: bool,
}

/// Where a case stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The state.
    pub state: String,
    /// When the state's time is over.
    pub deadline: Option<Timestamp>,
    /// The counters.
    pub counters: BTreeMap<String, u32>,
    /// The case's version.
    pub version: u64,
}

/// What stands against moving a case, also in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The cause.
    #[serde(flatten)]
    pub hindrance: Hindrance,
    /// The sentence.
    pub message: Title,
}

/// Why a migration as a whole is refused. Nothing was moved then.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MigrationError {
    /// No published pack has this version of the definition.
    #[error("there is no published workflow {workflow} {version}")]
    UnknownVersion {
        /// The definition.
        workflow: String,
        /// The version.
        version: String,
    },
    /// The newer version does not say how cases come to it.
    #[error("{to} does not say under `migrate.from` how cases of {from} come to it")]
    NoMapping {
        /// The old version.
        from: String,
        /// The new version.
        to: String,
    },
    /// Some cases cannot be moved.
    #[error("{} of {} cases cannot be moved; nothing was changed", .0.refused(), .0.cases.len())]
    Refused(Box<Migration>),
}

impl Migration {
    /// How many cases stand against it.
    pub fn refused(&self) -> usize {
        self.cases.iter().filter(|case| !case.refused.is_empty()).count()
    }
}

impl From<&Case> for Place {
    fn from(case: &Case) -> Self {
        let (state, counters) = (case.state.clone(), case.counters.clone());
        Self { state, deadline: case.deadline, counters, version: case.version }
    }
}

impl From<Hindrance> for Refused {
    fn from(hindrance: Hindrance) -> Self {
        Self { message: hindrance.title(), hindrance }
    }
}

impl App {
    /// Moves every running case of a version to another one, or says what would be done.
    ///
    /// # Errors
    /// What stands against it; nothing was moved then. If the log or the records fail, some may have been moved: given again,
    /// it moves the others.
    pub async fn migrate_cases(&self, permit: &Permit, wanted: WantedMigration) -> Result<Migration, Error> {
        let find = |version: &str| {
            self.packs.version(&wanted.workflow, version).map_err(|error| match error {
                crate::packs::Error::Unknown => Error::Migration(MigrationError::UnknownVersion {
                    workflow: wanted.workflow.clone(),
                    version: version.to_owned(),
                }),
                other => other.into(),
            })
        };
        find(&wanted.from)?;
        let (pack, to) = find(&wanted.to)?;
        if !to.takes(&wanted.from) {
            let (from, to) = (wanted.from, wanted.to);
            return Err(Error::Migration(MigrationError::NoMapping { from, to }));
        }
        let calendar = pack.pack.calendar();
        let mut running = cases::open_cases(&self.records)?;
        running.retain(|case| runs_on(case, &wanted));
        let now = self.clock.now();
        let planned = running.iter().map(|case| plan(&to, calendar, case, now)).collect();
        let mut migration = Migration { wanted, cases: planned, moved: 0 };
        if migration.wanted.dry_run {
            return Ok(migration);
        }
        if migration.refused() > 0 {
            return Err(Error::Migration(MigrationError::Refused(Box::new(migration))));
        }
        for one in &mut migration.cases {
            if self.move_case(permit, &migration.wanted, (&to, calendar), one).await? {
                migration.moved += 1;
            }
        }
        // Also what an earlier try has moved, which was never answered.
        if let Some(last) = self.journal.health().size.checked_sub(1) {
            self.journal.published(last).await?;
        }
        Ok(migration)
    }

    /// Moves a case as it is now; false if there is nothing to move any more.
    async fn move_case(
        &self,
        permit: &Permit,
        wanted: &WantedMigration,
        (to, calendar): (&Definition, &Calendar),
        one: &mut CaseMove,
    ) -> Result<bool, Error> {
        for _ in 0..TRIES {
            let before = self.cases.get(one.case)?.filter(|case| !case.is_final && runs_on(case, wanted));
            let Some(before) = before else { return Ok(false) };
            match self.cases.migrate(permit, to, calendar, &before).await {
                Ok(case) => {
                    (one.old, one.new, one.moved) = ((&before).into(), Some((&case).into()), true);
                    return Ok(true);
                }
                Err(cases::Error::Hindered(hindrances)) => {
                    one.new = None;
                    one.refused = hindrances.into_iter().map(Into::into).collect();
                    return Ok(false);
                }
                Err(cases::Error::Journal(journal::Error::Conflict)) => {}
                // Its dossier was sealed meanwhile.
                Err(cases::Error::Journal(journal::Error::Closed)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Err(journal::Error::Conflict.into())
    }
}

fn runs_on(case: &Case, wanted: &WantedMigration) -> bool {
    case.workflow == wanted.workflow && Definition::version_of(&case.definition) == Some(wanted.from.as_str())
}

fn plan(to: &Definition, calendar: &Calendar, case: &Case, now: Timestamp) -> CaseMove {
    let (new, refused) = match migrate(to, calendar, case, now) {
        Ok(moved) => (Some(Place::from(&moved)), Vec::new()),
        Err(hindrances) => (None, hindrances.into_iter().map(Into::into).collect()),
    };
    CaseMove { case: case.id, dossier: case.dossier, old: case.into(), new, refused, moved: false }
}
