//! What is in the index, thing by thing: for holding it against what should be.
//!
//! A census is of one moment: what is committed later is not in it. It reads the dictionary of sources, never a text.

use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, Searcher, SegmentReader, TERMINATED};

use super::error::Error;
use super::item::Source;
use crate::domain::{CaseId, DocumentId, DossierId, RawId};

/// The things in the index at one moment.
pub struct Census {
    searcher: Searcher,
    source: Field,
}

/// One thing in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// A page of a document.
    Page {
        /// The document.
        document: DocumentId,
        /// The page, counted from 1.
        page: u32,
    },
    /// A dossier's card.
    Card(DossierId),
    /// A note of a case.
    Note {
        /// The case.
        case: CaseId,
        /// Which of its notes.
        seq: u32,
    },
    /// Something that no version of this program puts in.
    Unknown,
}

impl Census {
    pub(super) fn new(searcher: Searcher, source: Field) -> Self {
        Self { searcher, source }
    }

    /// The pages of a document, in order; a page that is there twice is told twice.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a damaged file was met, [`Error::Io`] when the disk failed.
    pub fn pages(&self, document: DocumentId) -> Result<Vec<u32>, Error> {
        let mut pages = Vec::new();
        let key = |page| Source::Page { document, page }.to_key(RawId::from_bytes([0; 16]).into());
        self.range(&key(0), Some(&key(u32::MAX)), &mut |counted, times| {
            if let Counted::Page { page, .. } = counted {
                pages.extend(std::iter::repeat_n(page, times));
            }
        })?;
        pages.sort_unstable();
        Ok(pages)
    }

    /// Whether this thing is there.
    ///
    /// # Errors
    /// As [`Self::pages`].
    pub fn has(&self, source: Source, dossier: DossierId) -> Result<bool, Error> {
        let (key, mut found) = (source.to_key(dossier), 0);
        let after = [&key[..], &[0]].concat();
        self.range(&key, Some(&after), &mut |_, times| found += times)?;
        Ok(found > 0)
    }

    /// Tells everything that is there, a thing once for each part of the index that has it.
    ///
    /// # Errors
    /// As [`Self::pages`].
    pub fn each(&self, visit: &mut dyn FnMut(Counted)) -> Result<(), Error> {
        self.range(&[], None, &mut |counted, _| visit(counted))
    }

    fn range(
        &self,
        from: &[u8],
        before: Option<&[u8]>,
        visit: &mut dyn FnMut(Counted, usize),
    ) -> Result<(), Error> {
        for segment in self.searcher.segment_readers() {
            let inverted = segment.inverted_index(self.source).map_err(Error::from)?;
            let mut range = inverted.terms().range().ge(from);
            if let Some(before) = before {
                range = range.lt(before);
            }
            let mut terms = range.into_stream()?;
            while terms.advance() {
                let postings =
                    inverted.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
                let times = alive(segment, postings);
                if times > 0 {
                    visit(counted(terms.key()), times);
                }
            }
        }
        Ok(())
    }
}

fn alive(segment: &SegmentReader, mut postings: impl DocSet) -> usize {
    let mut alive = 0;
    while postings.doc() != TERMINATED {
        alive += usize::from(!segment.is_deleted(postings.doc()));
        postings.advance();
    }
    alive
}

fn counted(key: &[u8]) -> Counted {
    match Source::from_key(key) {
        Some(Source::Page { document, page }) => Counted::Page { document, page },
        Some(Source::Note { case, seq }) => Counted::Note { case, seq },
        Some(Source::Dossier) => {
            let id = key.get(1..17).and_then(|id| id.try_into().ok());
            id.map_or(Counted::Unknown, |id| Counted::Card(RawId::from_bytes(id).into()))
        }
        None => Counted::Unknown,
    }
}
