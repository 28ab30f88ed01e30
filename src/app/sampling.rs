//! Sampling: what a running server has seen of the documents that it looks at again by itself, a few at a time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::{App, Error};
use crate::archive::{Depth, Problem, ProblemCode};
use crate::documents::{self, Document};
use crate::domain::DocumentId;
use crate::records::{self, Batch, Table};

/// When a document was last looked at, here and not in the log.
const CHECKED: Table<Timestamp> = Table::new("verify.checked");

/// Of so many documents in a row, the one that was longest not looked at is taken.
const CHOICE: usize = 16;
/// The most documents of one round.
const ROUND_DOCUMENTS: usize = 256;
/// So many rows a round are passed over to find the document that was longest not looked at.
const LAP_ROWS: usize = 4096;

/// What sampling has seen since the server started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Documents looked at.
    pub documents: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Problems found.
    pub problems: BTreeMap<ProblemCode, u64>,
    /// When the last document was looked at.
    pub last: Option<Timestamp>,
    /// When the document that was longest not looked at was last looked at, or came in. Known after a lap over all.
    pub oldest: Option<Timestamp>,
}

/// The state of the sampling.
#[derive(Default)]
pub struct Sampled(Mutex<State>);

#[derive(Default)]
struct State {
    seen: Seen,
    /// What may still be read, in bytes; below zero after a document that was larger than what there was.
    credit: i128,
    /// How far the lap has come, and the oldest so far.
    lap: Option<DocumentId>,
    lap_oldest: Option<Timestamp>,
}

impl Sampled {
    /// What was seen.
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seen.clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl App {
    /// One round: documents taken at random are looked at fully until the round's bytes are used up. A larger document is
    /// looked at too, and paid for by the rounds after it. Returns what is wrong.
    pub async fn sample(&self) -> Result<Vec<Problem>, Error> {
        let bytes = i128::from(self.config.verify.sample_bytes);
        self.sampled.change(|state| state.credit = bytes.min(state.credit + bytes));
        let mut problems = Vec::new();
        let again =
            SignedDuration::from_secs(i64::try_from(self.config.verify.again_seconds).unwrap_or(i64::MAX));
        let before = self.clock.now().checked_sub(again).unwrap_or(Timestamp::MIN);
        for _ in 0..ROUND_DOCUMENTS {
            if self.sampled.change(|state| state.credit <= 0) {
                break;
            }
            let Some(document) = self.choose(before)? else { break };
            problems.extend(self.look_at(&document).await?);
        }
        self.lap()?;
        Ok(problems)
    }

    /// Of some documents that follow a random id, the one that was longest not looked at; none if all were lately.
    fn choose(&self, before: Timestamp) -> Result<Option<Document>, Error> {
        let some = |start: Option<DocumentId>| -> Result<Option<Document>, records::Error> {
            let mut choice: Option<(Timestamp, Document)> = None;
            for document in documents::from(&self.records, start).take(CHOICE) {
                let document = document?;
                let looked_at = self.looked_at(&document)?;
                if choice.as_ref().is_none_or(|(oldest, _)| looked_at < *oldest) {
                    choice = Some((looked_at, document));
                }
            }
            Ok(choice.filter(|(looked_at, _)| *looked_at < before).map(|(_, document)| document))
        };
        match some(Some(self.clock.new_id()))? {
            None => Ok(some(None)?),
            chosen => Ok(chosen),
        }
    }

    fn looked_at(&self, document: &Document) -> Result<Timestamp, records::Error> {
        Ok(self.records.get(&CHECKED, document.id.as_bytes())?.unwrap_or(document.received_at))
    }

    async fn look_at(&self, document: &Document) -> Result<Vec<Problem>, Error> {
        let examiner = self.archive.examiner();
        let mut examined = examiner.document(document, Depth::Full, None).await?;
        if let Some(code) = examiner.dossier_key(document.dossier).await? {
            let key = crate::objects::Key::DossierKey(document.dossier);
            examined.problems.push(Problem::new(code, key.path()));
        }
        let indexed = examiner.document_index(document, examined.pages.as_deref(), &self.index)?;
        examined.problems.extend(indexed);
        for problem in &examined.problems {
            tracing::error!(code = %problem.code, subject = %problem.subject, "what is stored is not what it was");
        }
        let now = self.clock.now();
        let mut batch = Batch::new();
        batch.put(&CHECKED, document.id.as_bytes(), &now)?;
        self.records.commit(batch)?;
        self.sampled.change(|state| {
            state.credit -= i128::from(examined.bytes.max(1));
            let seen = &mut state.seen;
            (seen.documents, seen.bytes) = (seen.documents + 1, seen.bytes + examined.bytes);
            seen.last = Some(now);
            for problem in &examined.problems {
                *seen.problems.entry(problem.code).or_default() += 1;
            }
        });
        Ok(examined.problems)
    }

    /// Passes over some more rows, to know at the end of the lap which document was longest not looked at.
    fn lap(&self) -> Result<(), Error> {
        let (after, mut oldest) = self.sampled.change(|state| (state.lap, state.lap_oldest));
        let (mut rows, mut last) = (0, None);
        for document in documents::from(&self.records, after).take(LAP_ROWS) {
            let document = document?;
            let looked_at = self.looked_at(&document)?;
            oldest = Some(oldest.map_or(looked_at, |oldest| oldest.min(looked_at)));
            (rows, last) = (rows + 1, Some(document.id));
        }
        self.sampled.change(|state| {
            if rows < LAP_ROWS {
                state.seen.oldest = oldest;
                (state.lap, state.lap_oldest) = (None, None);
            } else {
                (state.lap, state.lap_oldest) = (last, oldest);
            }
        });
        Ok(())
    }
}
