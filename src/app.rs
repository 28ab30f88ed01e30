//! Config -> App: the one place that builds everything, in the order of the layers.
//!
//! Layer 6. [`init`](App::init) makes a new archive, [`open`](App::open) opens one and makes its two sides agree, and
//! [`restore`](restore::restore) makes the local side again from the bucket and a recovery key.

mod aside;
mod folder;
mod forms;
mod index_key;
mod init;
mod migrating;
mod noticing;
mod opening;
mod progress;
mod publishing;
mod reader;
mod readiness;
mod reindexing;
mod rereading;
pub mod restore;
mod retention;
pub mod rotating;
pub mod sampling;
pub mod sealing;
mod splitting;
mod streams;
mod totals;
pub mod verifying;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::archive::{self, Archive};
use crate::cases::Cases;
use crate::clock::Clock;
use crate::config::Config;
use crate::delegations::{self, Delegations};
use crate::dossiers::Dossiers;
use crate::journal::{self, Journal};
use crate::keys::{self, Keys};
use crate::manifest::{self, Manifest};
use crate::notices::{Notices, Outbox};
use crate::objects::{self, Objects};
use crate::packs::{self, Packs};
use crate::people::{self, People};
use crate::reading::worker::Reader;
use crate::records::{self, Records};
use crate::sealing::Sealing;
use crate::search::{self, Index};
use crate::searches::Searches;
use crate::vault;

use sampling::Sampled;
use verifying::Task;

pub use init::{Fresh, Recovery};
pub use migrating::{CaseMove, Migration, MigrationError, Place, Refused, WantedMigration};
pub use noticing::UNREAD_COUNTED;
pub use opening::{Opened, Places};
pub use progress::Progress;
pub use publishing::{ListedDefinition, ListedPack};
pub(crate) use reader::reader;
pub use readiness::{Room, Trouble};
pub use reindexing::IndexState;
pub use rereading::{Passwords, Which};
pub use retention::Holding;
pub use sealing::{OpenDossier, OpenDossiers};
pub use streams::{Stream, Streams};
pub use totals::{Difference, Totals};

/// A running archive. Cloning shares it.
#[derive(Clone)]
pub struct App(pub Arc<Parts>);

/// Everything that a door or a job works with.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// What the log said of the archive when it was opened; [`App::described`] says what it says now.
    pub manifest: Manifest,
    /// Whether `lantai.json` was not what the log says when the archive was opened. It has been put right.
    pub manifest_was_changed: bool,
    /// The object store.
    pub objects: Objects,
    /// Whether what is written once is held in it.
    pub holding: Holding,
    /// The records.
    pub records: Records,
    /// The log.
    pub journal: Journal,
    /// The keys in the bucket.
    pub keys: Keys,
    /// Documents in and out.
    pub archive: Archive,
    /// Who acts.
    pub people: People,
    /// Who is whose deputy.
    pub delegations: Delegations,
    /// Their inboxes.
    pub notices: Notices,
    /// What is sent out of the archive.
    pub outbox: Outbox,
    /// The streams over which they are told at once.
    pub streams: Streams,
    /// The searches that they have saved.
    pub searches: Searches,
    /// The customers.
    pub dossiers: Dossiers,
    /// The running workflows.
    pub cases: Cases,
    /// The rules in force.
    pub packs: Packs,
    /// The sealed dossiers.
    pub sealing: Sealing,
    /// Those that are open now.
    opened: OpenDossiers,
    /// The search index.
    pub index: Index,
    /// Reads documents in a child process.
    pub reader: Reader,
    /// How far the readings are that are under way.
    pub progress: Progress,
    /// What locked documents are opened with.
    pub(crate) passwords: Passwords,
    /// Wakes whoever runs the jobs that are quick.
    pub(crate) work: Notify,
    /// Wakes whoever reads documents.
    pub(crate) to_read: Notify,
    /// Held while recipients change and keys are wrapped again.
    rewrapping: tokio::sync::Mutex<()>,
    /// Held while another search index takes the place of this one.
    renewing: std::sync::Mutex<()>,
    /// What opening the archive found.
    pub found: Found,
    probe: readiness::Probe,
    /// The verification that was asked for.
    task: Task,
    /// What the sampling has seen.
    pub sampled: Sampled,
    /// Held as long as the archive is open: there is one server a data folder.
    lock: File,
}

/// What opening an archive found, for whoever watches it.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Entries that were replayed from the bucket.
    pub replayed: u64,
    /// Damaged folders that were set aside.
    pub set_aside: usize,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Why an archive cannot be made or opened, by what its owner has to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is an archive here already.
    #[error("there is already an archive in {0}")]
    Exists(PathBuf),
    /// The object store holds a log without the manifest that belongs to it.
    #[error(
        "the object store holds the remains of an archive whose lantai.json is gone: bring that object back, or use an empty place"
    )]
    Remains,
    /// There is no archive here.
    #[error(
        "there is no archive in {0}: make one with `lantai init`, or bring one back with `lantai restore`"
    )]
    Missing(PathBuf),
    /// Another process has the data folder open.
    #[error("another Lantai works on {0}; use --server to go through it")]
    InUse(PathBuf),
    /// The object store holds nothing.
    #[error("there is no archive in the object store: it is empty")]
    EmptyStore,
    /// What the object store holds is not an archive.
    #[error("there is no archive in the object store: {0}")]
    NotAnArchive(&'static str),
    /// The key is none of the archive's recovery keys.
    #[error("this is not a recovery key of the archive in the object store")]
    WrongRecoveryKey,
    /// The data folder belongs to another archive than the object store.
    #[error("{0} holds another archive than the object store: restore into another folder")]
    OtherArchive(PathBuf),
    /// An object is missing or damaged without which there is no archive.
    #[error("the object store has no {0} that can be used; without it nothing can be restored")]
    Lacks(String),
    /// The object store belongs to another archive, or to none.
    #[error("the object store does not hold the archive of this key")]
    WrongStore,
    /// A key in the object store.
    #[error("{path} in the object store cannot be used; `lantai verify` says more")]
    Key {
        /// Which object.
        path: String,
        /// Why.
        source: keys::Error,
    },
    /// The log is not the one that the key file or the recovery key names.
    #[error(
        "the log in the object store is not the one of this key: somebody may have put another in its place"
    )]
    OtherLog,
    /// What the archive says of itself.
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    /// The recipient is one of the recovery recipients already.
    #[error("this is a recovery recipient already")]
    KnownRecipient,
    /// The recipient is none of the recovery recipients.
    #[error("this is no recovery recipient")]
    UnknownRecipient,
    /// Without a recovery recipient, losing `archive.key` would lose everything.
    #[error("the last recovery recipient cannot be removed: add another one first")]
    LastRecipient,
    /// The passphrase is too short.
    #[error("the passphrase must have at least {0} characters")]
    WeakPassphrase(usize),
    /// There are sealed dossiers, which a new general manager's key would not open.
    #[error("dossiers are sealed to the general manager's key: its present passphrase is needed")]
    ManagerNeeded,
    /// There is no general manager's key.
    #[error("there is no general manager's key yet: `lantai keys manager set` makes one")]
    NoManager,
    /// The general manager's key in the store is not the one that the log names.
    #[error("the general manager's key in the object store is not the one that the log names")]
    OtherManager,
    /// The disk.
    #[error("cannot use {path}: {source}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The settings.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// A key.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// A key in the bucket.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The object store.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// The records.
    #[error(transparent)]
    Records(#[from] records::Error),
    /// The log.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The index.
    #[error(transparent)]
    Search(#[from] search::Error),
    /// A decision about a sealed dossier.
    #[error(transparent)]
    Sealing(#[from] crate::sealing::Error),
    /// A document.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// The people.
    #[error(transparent)]
    People(#[from] people::Error),
    /// The pack.
    #[error(transparent)]
    Packs(#[from] packs::Error),
    /// Running cases are not moved to another version.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// An inbox.
    #[error(transparent)]
    Notices(#[from] crate::notices::Error),
    /// A case.
    #[error(transparent)]
    Cases(#[from] crate::cases::Error),
    /// The process that opens documents.
    #[error(transparent)]
    Reader(#[from] crate::reading::worker::Error),
    /// There is no Chinese font to print with.
    #[error("there is no font to print forms with; docs/operations.md says which ones are found")]
    NoFont,
    /// A form cannot be made.
    #[error(transparent)]
    Print(#[from] crate::print::Error),
    /// A part of a stack cannot go where it was sent.
    #[error("a part of a stack cannot go where it was sent")]
    PartWaits(crate::stacks::Waits),
}

impl App {
    /// What the log says that the archive is: id, recipients, the log's verifier key. `lantai.json` is a copy of it.
    pub fn described(&self) -> Result<Manifest, Error> {
        Ok(manifest::described(&self.records)?.unwrap_or_else(|| self.manifest.clone()))
    }
}

/// The projections of all modules.
pub(crate) fn all_facts() -> Vec<journal::Facts> {
    vec![
        manifest::FACTS,
        people::FACTS,
        crate::notices::FACTS,
        delegations::FACTS,
        packs::FACTS,
        crate::dossiers::FACTS,
        crate::documents::FACTS,
        crate::stacks::FACTS,
        crate::cases::FACTS,
        crate::archive::SEARCH_FACTS,
        crate::searches::FACTS,
        crate::archive::LISTING_FACTS,
        crate::sealing::FACTS,
        crate::archive::EXPORT_FACTS,
    ]
}
