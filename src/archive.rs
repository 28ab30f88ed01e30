//! What one can do with a document: take it in, give it back, find it, check that it is still what it was.
//!
//! Layer 5. Nothing comes in or goes out without a [`crate::access::Permit`]. On the way in the object comes first and
//! the entry second: a crash leaves an object without an entry, which `verify` finds, never the reverse.

mod export;
mod find;
mod ingest;
mod listing;
mod looks;
mod offer;
mod passing;
mod pictures;
mod retrieve;
mod states;
mod sweep;
mod verify;

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Limits;
use crate::domain::DossierId;
use crate::journal::{self, Journal};
use crate::keys::{self, Keys};
use crate::objects::{self, Objects};
use crate::records::{self, Records};
use crate::vault::{self, Lookup};

pub use export::{
    CaseLine, DocumentLine, DocumentProof, DossierLine, Export, FACTS as EXPORT_FACTS, Metadata,
};
pub use find::{FACTS as SEARCH_FACTS, Finder, Found, FoundHit, Texts, card_text};
pub use ingest::{Ingested, NewDocument};
pub use listing::{FACTS as LISTING_FACTS, Listed, Taking};
pub(crate) use looks::Looks;
pub use offer::Offer;
pub use passing::Refused;
pub use pictures::{Kept, Size};
pub use retrieve::Content;
pub use states::InState;
pub(crate) use verify::key_problem;
pub use verify::{Depth, Examined, Examiner, Names, Problem, ProblemCode, Report};

/// What went wrong, by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The permit is for something else.
    #[error("the permit does not cover this")]
    NotPermitted,
    /// The content itself is at fault: nothing was kept.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The idempotency key was used before for other content.
    #[error("this idempotency key was used for another document")]
    KeyReused,
    /// The document has no text (yet).
    #[error("the document has not been read")]
    NotRead,
    /// The document has no such page.
    #[error("the document has no such page")]
    NoPage,
    /// The page was not drawn.
    #[error("there is no picture of the page")]
    NoPicture,
    /// The dossier was not opened yet at that time.
    #[error("the dossier was not opened yet")]
    NotOpenedYet,
    /// A list is taken out for a reason.
    #[error("a reason is needed")]
    NoReason,
    /// The list is longer than one that is taken out may be. Nothing was given out or noted.
    #[error("the list has {rows} rows, of which at most {limit} are given out")]
    TooManyRows {
        /// How many it has.
        rows: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The range lies outside of the document.
    #[error("the range lies outside of the document")]
    BadRange,
    /// What is stored is not what was sealed.
    #[error("the stored object is damaged")]
    Damaged,
    /// The object store failed; nothing was acknowledged.
    #[error(transparent)]
    Objects(objects::Error),
    /// A key could not be had.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
    /// The search index failed.
    #[error(transparent)]
    Search(#[from] crate::search::Error),
}

impl From<objects::Error> for Error {
    fn from(error: objects::Error) -> Self {
        Self::Objects(error)
    }
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        match error {
            vault::Error::Damaged | vault::Error::WrongKey => Self::Damaged,
            other => Self::Keys(other.into()),
        }
    }
}

/// What the archive works with. Cloning shares it.
#[derive(Clone)]
pub struct Archive {
    pub(crate) objects: Objects,
    pub(crate) records: Records,
    pub(crate) journal: Journal,
    pub(crate) keys: Keys,
    pub(crate) lookup: Lookup,
    pub(crate) clock: Clock,
    pub(crate) limits: Arc<Limits>,
    pub(crate) texts: Texts,
    pub(crate) looks: Looks,
    /// Whether this looks at one dossier that is sealed and opened for a time, in records of its own.
    pub(crate) of_opened: bool,
}

impl Archive {
    /// The same archive, looking at one sealed dossier whose key is open and whose rows are in these records.
    pub(crate) fn looking_at(&self, dossier: DossierId, key: vault::Identity, records: Records) -> Self {
        let keys = self.keys.holding(dossier, key);
        Self {
            records,
            keys,
            texts: Texts::default(),
            looks: Looks::default(),
            of_opened: true,
            ..self.clone()
        }
    }

    /// The dossier's own identity, to open what belongs to it.
    async fn identity(&self, dossier: DossierId) -> Result<vault::Identity, Error> {
        if !self.of_opened && self.journal.closed(dossier)?.is_some() {
            return Err(journal::Error::Closed.into());
        }
        Ok(self.keys.open(dossier).await?)
    }
}
