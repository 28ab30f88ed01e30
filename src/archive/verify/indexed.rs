//! The search index against the documents: what should be findable is there, and nothing else is.

use super::{Error, Examiner, Problem, ProblemCode};
use crate::cases;
use crate::documents::{self, Document};
use crate::domain::{DocumentId, DossierId};
use crate::dossiers;
use crate::queue::{self, Job};
use crate::search::{Counted, Index, Source};

impl Examiner {
    /// Whether a document's pages are in the index, each once. `pages` are those of its text; unknown, one must be there.
    pub fn document_index(
        &self,
        document: &Document,
        pages: Option<&[u32]>,
        index: &Index,
    ) -> Result<Option<Problem>, Error> {
        let id = document.id;
        // What is still to be indexed need not be there yet, and may be there as it was before.
        if document.reading.is_none() || queue::waits(&self.records, &Job::IndexDocument { document: id })? {
            return Ok(None);
        }
        let there = index.census().pages(id)?;
        let problem = |code| Some(Problem::new(code, format!("document {id}")));
        let expected = match pages {
            // A document without text is findable by its name: that is its first page.
            Some([]) => &[1],
            Some(pages) => pages,
            None => return Ok(problem(ProblemCode::IndexLacks).filter(|_| there.is_empty())),
        };
        Ok(if expected.iter().any(|page| !there.contains(page)) {
            problem(ProblemCode::IndexLacks)
        } else if there != expected {
            problem(ProblemCode::IndexSurplus)
        } else {
            None
        })
    }

    /// Whether a dossier's card and the notes of its cases are in the index.
    pub fn dossier_index(&self, dossier: DossierId, index: &Index) -> Result<Vec<Problem>, Error> {
        let mut problems = Vec::new();
        let lacks = |what: String| Problem::new(ProblemCode::IndexLacks, what);
        if !queue::waits(&self.records, &Job::IndexDossier { dossier })?
            && !index.census().has(Source::Dossier, dossier)?
        {
            problems.push(lacks(format!("dossier {dossier}")));
        }
        for case in cases::of_dossier(&self.records, dossier)? {
            if queue::waits(&self.records, &Job::IndexCase { case: case.id })? {
                continue;
            }
            for note in cases::notes(&self.records, case.id)? {
                if !index.census().has(Source::Note { case: case.id, seq: note.seq }, dossier)? {
                    problems.push(lacks(format!("note {} of case {}", note.seq, case.id)));
                }
            }
        }
        Ok(problems)
    }

    /// What is in the index although no row speaks of it.
    pub fn index_surplus(&self, index: &Index) -> Result<Vec<Problem>, Error> {
        let (mut problems, mut failed) = (Vec::new(), None);
        index.census().each(&mut |counted| match self.is_known(counted) {
            Ok(None) => {}
            Ok(Some(subject)) => problems.push(Problem::new(ProblemCode::IndexSurplus, subject)),
            Err(error) => failed = Some(error),
        })?;
        problems.dedup();
        failed.map_or(Ok(problems), Err)
    }

    /// The name of a thing that should not be in the index.
    fn is_known(&self, counted: Counted) -> Result<Option<String>, Error> {
        let (known, subject) = match counted {
            Counted::Page { document, .. } => (self.was_read(document)?, format!("document {document}")),
            Counted::Card(dossier) => {
                (dossiers::exists(&self.records, dossier)?, format!("dossier {dossier}"))
            }
            Counted::Note { case, seq } => {
                let notes = cases::notes(&self.records, case)?;
                (notes.iter().any(|note| note.seq == seq), format!("note {seq} of case {case}"))
            }
            Counted::Unknown => (false, "something unknown".to_owned()),
        };
        Ok((!known).then_some(subject))
    }

    fn was_read(&self, document: DocumentId) -> Result<bool, Error> {
        Ok(documents::get(&self.records, document)?.is_some_and(|document| document.reading.is_some()))
    }
}
