//! What is to be done later: jobs are rows that a batch adds together with the change that calls for them.
//!
//! Layer 3. Described here, done in [`crate::jobs`]. A job runs at least once and must be idempotent. Jobs are part of
//! the projection: a replay makes again those that are still to be done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{CaseId, DeliveryId, DocumentId, DossierId};
use crate::records::{Batch, Error, Records, Table};

/// The jobs that wait, by their own name.
const JOBS: Table<Waiting> = Table::new("jobs");

/// Work to be done later.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Find pages and text of a document.
    ReadDocument {
        /// Its dossier.
        dossier: DossierId,
        /// The document.
        document: DocumentId,
    },
    /// Make a document's pages findable.
    IndexDocument {
        /// The document.
        document: DocumentId,
    },
    /// Make a dossier's own facts findable.
    IndexDossier {
        /// The dossier.
        dossier: DossierId,
    },
    /// Make the notes of a case findable.
    IndexCase {
        /// The case.
        case: CaseId,
    },
    /// Make documents of the parts of a stack.
    SplitStack {
        /// The stack.
        document: DocumentId,
    },
    /// Make a form that a workflow has ordered.
    MakeForm {
        /// The case.
        case: CaseId,
        /// Which of its forms: the number of the event, and the place among its effects.
        at: (u32, u8),
    },
    /// Seal a dossier, as a case of it has ordered.
    SealDossier {
        /// The dossier.
        dossier: DossierId,
        /// The case.
        case: CaseId,
    },
    /// Take a sealed dossier's key away from the archive, or destroy it; out of the index and the caches with it.
    CarryOutSeal {
        /// The dossier.
        dossier: DossierId,
    },
    /// Send something out of the archive.
    Deliver {
        /// What.
        delivery: DeliveryId,
    },
}

/// A job with its history of tries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What to do.
    pub job: Job,
    /// How often it was tried.
    pub tries: u32,
    /// Not to be tried before.
    pub due: Timestamp,
}

impl Waiting {
    /// The job's own name: lower-case hexadecimal.
    pub fn id(&self) -> String {
        hex::encode(name(&self.job))
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        match self.tries {
            0 => Standing::Waiting,
            1..STUCK_TRIES => Standing::Failing,
            _ => Standing::Stuck,
        }
    }
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It waits for its turn.
    Waiting,
    /// It failed and is tried again by itself.
    Failing,
    /// It failed so often that it is tried only once an hour: somebody should look.
    Stuck,
}

/// From so many tries on a job counts as stuck: the pauses between them have grown to an hour by then.
const STUCK_TRIES: u32 = 12;

/// Adds a job to a batch. The same job twice is one job.
pub fn enqueue(batch: &mut Batch, job: &Job, due: Timestamp) -> Result<(), Error> {
    batch.put(&JOBS, &name(job), &Waiting { job: job.clone(), tries: 0, due })
}

/// Takes a job out, because it is done or no longer needed.
pub fn remove(batch: &mut Batch, job: &Job) {
    batch.delete(&JOBS, &name(job));
}

/// Takes the order to seal a dossier out: it is sealed, whoever did it.
pub fn remove_seal(batch: &mut Batch, dossier: DossierId) {
    batch.delete(&JOBS, &place(ORDERED_SEAL, dossier.as_bytes()));
}

/// Takes out a job that was run. The batch fails with [`Error::Conflict`] if it was called for again meanwhile.
pub fn done(batch: &mut Batch, waiting: &Waiting) -> Result<(), Error> {
    batch.expect(&JOBS, &name(&waiting.job), waiting)?;
    remove(batch, &waiting.job);
    Ok(())
}

/// Puts a job back that failed, to be tried again at `due`. The batch fails as that of [`done`].
pub fn retry(batch: &mut Batch, waiting: &Waiting, due: Timestamp) -> Result<(), Error> {
    batch.expect(&JOBS, &name(&waiting.job), waiting)?;
    let again = Waiting { job: waiting.job.clone(), tries: waiting.tries + 1, due };
    batch.put(&JOBS, &name(&waiting.job), &again)
}

/// At most `limit` jobs that are due at `now`, but for what is sent out.
pub fn due(records: &Records, now: Timestamp, limit: usize) -> Result<Vec<Waiting>, Error> {
    due_of(records, &[SLOW.as_slice(), &QUICK].concat(), now, limit)
}

/// At most `limit` jobs that send something out and are due at `now`.
pub fn due_deliveries(records: &Records, now: Timestamp, limit: usize) -> Result<Vec<Waiting>, Error> {
    due_of(records, &[DELIVERING], now, limit)
}

/// At most `limit` jobs that take their time and are due at `now`.
pub fn due_slow(records: &Records, now: Timestamp, limit: usize) -> Result<Vec<Waiting>, Error> {
    due_of(records, &SLOW, now, limit)
}

/// At most `limit` jobs of all other kinds that are due at `now`.
pub fn due_quick(records: &Records, now: Timestamp, limit: usize) -> Result<Vec<Waiting>, Error> {
    due_of(records, &QUICK, now, limit)
}

fn due_of(records: &Records, kinds: &[u8], now: Timestamp, limit: usize) -> Result<Vec<Waiting>, Error> {
    let due = kinds.iter().flat_map(|kind| records.scan(&JOBS, &[*kind]));
    let due = due.filter(|row| !matches!(row, Ok((_, waiting)) if waiting.due > now));
    due.take(limit).map(|row| row.map(|(_, waiting)| waiting)).collect()
}

/// Whether this job waits.
pub fn waits(records: &Records, job: &Job) -> Result<bool, Error> {
    records.contains(&JOBS, &name(job))
}

/// At most `limit` jobs that only make something findable and are due at `now`.
pub fn due_indexing(records: &Records, now: Timestamp, limit: usize) -> Result<Vec<Waiting>, Error> {
    due_of(records, &INDEXING, now, limit)
}

/// All jobs, in the order of their names.
pub fn all(records: &Records) -> impl Iterator<Item = Result<Waiting, Error>> + '_ {
    records.scan(&JOBS, b"").map(|row| row.map(|(_, waiting)| waiting))
}

/// Has the jobs of these ids tried again at `now`, or all that failed if none is named; tells how many they are. Their
/// tries count anew.
pub fn hurry(records: &Records, ids: &[String], now: Timestamp) -> Result<usize, Error> {
    let mut hurried = 0;
    for waiting in all(records).collect::<Result<Vec<_>, _>>()? {
        let meant = if ids.is_empty() { waiting.tries > 0 } else { ids.contains(&waiting.id()) };
        if !meant {
            continue;
        }
        let mut batch = Batch::new();
        batch.expect(&JOBS, &name(&waiting.job), &waiting)?;
        enqueue(&mut batch, &waiting.job, now)?;
        match records.commit(batch) {
            Ok(()) => hurried += 1,
            // It was run meanwhile, or called for again.
            Err(Error::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hurried)
}

/// How many jobs wait, by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// To read documents.
    pub reading: u64,
    /// To make something findable.
    pub indexing: u64,
}

/// How many jobs wait, by what they are for.
pub fn count(records: &Records) -> Result<Count, Error> {
    let indexing: Result<Vec<u64>, Error> =
        INDEXING.iter().map(|kind| records.count(&JOBS, &[*kind])).collect();
    Ok(Count { reading: records.count(&JOBS, &[READING])?, indexing: indexing?.iter().sum() })
}

/// How many jobs wait.
pub fn len(records: &Records) -> Result<usize, Error> {
    records.scan(&JOBS, b"").try_fold(0, |count, row| row.map(|_| count + 1))
}

const READING: u8 = 0;
const INDEXING: [u8; 3] = [1, 2, 3];
const SEALING: u8 = 4;
const SPLITTING: u8 = 5;
const FORMS: u8 = 6;
const ORDERED_SEAL: u8 = 7;
const DELIVERING: u8 = 8;
/// What takes its time, because a document is opened by a child process.
const SLOW: [u8; 2] = [READING, SPLITTING];
/// What is done within the archive, and soon.
const QUICK: [u8; 6] = [INDEXING[0], INDEXING[1], INDEXING[2], SEALING, FORMS, ORDERED_SEAL];

/// Jobs are ordered by kind, reading first.
fn name(job: &Job) -> Vec<u8> {
    let (kind, id) = match job {
        Job::ReadDocument { document, .. } => (READING, document.as_bytes()),
        Job::IndexDocument { document } => (1, document.as_bytes()),
        Job::IndexDossier { dossier } => (2, dossier.as_bytes()),
        Job::IndexCase { case } => (3, case.as_bytes()),
        Job::SplitStack { document } => (SPLITTING, document.as_bytes()),
        Job::MakeForm { case, at: (seq, place) } => {
            return [&[FORMS], case.as_bytes().as_slice(), &seq.to_be_bytes(), &[*place]].concat();
        }
        Job::CarryOutSeal { dossier } => (SEALING, dossier.as_bytes()),
        Job::SealDossier { dossier, .. } => (ORDERED_SEAL, dossier.as_bytes()),
        Job::Deliver { delivery } => (DELIVERING, delivery.as_bytes()),
    };
    place(kind, id)
}

fn place(kind: u8, id: &[u8; 16]) -> Vec<u8> {
    [&[kind], id.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::{Job, done, due, enqueue, len, retry};
    use crate::clock::Clock;
    use crate::domain::{CaseId, RawId};
    use crate::records::{Batch, Error, Records};
    use crate::vault::Identity;

    #[test]
    fn a_job_that_is_called_for_while_it_runs_is_run_again() {
        let clock = Clock::system();
        let records = Records::in_memory(&Identity::generate().derive("records"), &clock).unwrap();
        let job = Job::IndexCase { case: CaseId::from(RawId::from_bytes([1; 16])) };
        let enqueue_at = |second: i64| {
            let mut batch = Batch::new();
            enqueue(&mut batch, &job, jiff::Timestamp::from_second(second).unwrap()).unwrap();
            records.commit(batch).unwrap();
        };
        enqueue_at(1);
        let running = due(&records, clock.now(), 9).unwrap().remove(0);
        enqueue_at(2);
        for again in [false, true] {
            let mut batch = Batch::new();
            if again { retry(&mut batch, &running, clock.now()) } else { done(&mut batch, &running) }
                .unwrap();
            assert!(matches!(records.commit(batch), Err(Error::Conflict)));
        }
        let running = due(&records, clock.now(), 9).unwrap().remove(0);
        assert_eq!((running.due.as_second(), running.tries), (2, 0));
        let mut batch = Batch::new();
        done(&mut batch, &running).unwrap();
        records.commit(batch).unwrap();
        assert_eq!(len(&records).unwrap(), 0);
    }
}
