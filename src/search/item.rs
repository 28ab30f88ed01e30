//! What is put into the index and what comes out of it: ids, never text.

use jiff::civil::Date;

use crate::domain::{CaseId, DocumentId, DossierId, RawId};

/// One findable thing.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is.
    pub source: Source,
    /// The dossier that it belongs to.
    pub dossier: DossierId,
    /// The document kind, or what the caller calls cards and notes; `kind:` in a query asks for it.
    pub kind: String,
    /// The text.
    pub text: String,
    /// What counts more than the text: the file name (on the first page), the customer's name.
    pub title: String,
    /// The date that `date:` in a query asks for.
    pub date: Option<Date>,
    /// The numbers of contracts and companies that are suggested while somebody types them, as they stand there.
    pub numbers: Vec<String>,
    /// The case that it was handed in for or written on; it never becomes another.
    pub case: Option<CaseId>,
}

/// What was found, or is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A page of a document.
    Page {
        /// The document.
        document: DocumentId,
        /// The page, counted from 1.
        page: u32,
    },
    /// The card of the dossier itself: the customer's name and facts.
    Dossier,
    /// A note of a case, as the reason of a return.
    Note {
        /// The case.
        case: CaseId,
        /// Which of its notes.
        seq: u32,
    },
}

/// The kind of the cards of dossiers.
pub const CARD_KIND: &str = "dossier";

/// A dossier's card, as in [`Source`].
const CARD: u8 = b'd';
const PAGE: u8 = b'p';
const NOTE: u8 = b'n';

impl Source {
    /// The bytes by which the index knows it.
    pub(super) fn to_key(self, dossier: DossierId) -> Vec<u8> {
        let (tag, id, number) = match self {
            Self::Page { document, page } => (PAGE, *document.as_bytes(), page),
            Self::Dossier => (CARD, *dossier.as_bytes(), 0),
            Self::Note { case, seq } => (NOTE, *case.as_bytes(), seq),
        };
        [&[tag][..], &id, &number.to_be_bytes()].concat()
    }

    /// The inverse of [`Self::to_key`].
    pub(super) fn from_key(key: &[u8]) -> Option<Self> {
        let (tag, rest) = key.split_first()?;
        let (id, number) = rest.split_at_checked(16)?;
        let id = RawId::from_bytes(id.try_into().ok()?);
        let number = u32::from_be_bytes(number.try_into().ok()?);
        match *tag {
            PAGE => Some(Self::Page { document: id.into(), page: number }),
            CARD => Some(Self::Dossier),
            NOTE => Some(Self::Note { case: id.into(), seq: number }),
            _ => None,
        }
    }
}
