//! The work that is done later: one runner, one file a job.
//!
//! Layer 7. A job that fails is tried again, later each time; it never holds up the others. What a job changes it
//! commits itself; taking the job out of the queue may be lost in a crash, and then it runs again.

mod deadlines;
mod deliver;
mod index;
mod read_document;
mod sample;

use std::time::Duration;

use futures::StreamExt;
use jiff::SignedDuration;

use crate::app::App;
use crate::cases::FormPlace;
use crate::domain::archive_itself;
use crate::queue::{self, Job, Waiting};
use crate::records::{self, Batch};

pub use deliver::Senders;

/// Jobs of one round; after a round the index is committed.
const ROUND_JOBS: usize = 256;
/// How many documents are read at once: the reader bounds how many really are.
const READ_AT_ONCE: usize = 1;
/// How long the runner sleeps when nobody wakes it.
const NAP: Duration = Duration::from_secs(2);
/// How long jobs gather before a round.
const GATHER: Duration = Duration::from_millis(500);
/// After so many naps in a row the index gives its memory back.
const NAPS_BEFORE_REST: u32 = 5;
/// How many documents are opened at once to be indexed, when nothing else is to be done.
const INDEXED_AT_ONCE: usize = 8;
const FIRST_PAUSE_SECONDS: i64 = 2;
const LONGEST_PAUSE_SECONDS: i64 = 3600;

/// A job has to wait for another one: it is tried again in the next round.
#[derive(Debug, thiserror::Error)]
#[error("it waits for another job")]
struct NotYet;

impl App {
    /// Runs jobs and timers, for ever. Run it as one task for the archive.
    ///
    /// Documents are read beside all else: what was read is found at once, whatever waits to be read after it. What is sent
    /// out is sent beside that: the other side may take its time.
    pub async fn work_forever(&self) {
        if let Err(error) = self.finish_rewrapping(archive_itself(), &|_, _| {}).await {
            tracing::warn!(%error, "a change of keys was cut off and could not be finished");
        }
        match self.reread_waiting_for_ocr() {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "documents that waited for text recognition are read now"),
            Err(error) => tracing::warn!(%error, "what waits for text recognition could not be called for"),
        }
        tokio::join!(self.read_forever(), self.run_forever(), self.deliver_forever());
    }

    async fn read_forever(&self) {
        loop {
            let due = queue::due_slow(&self.records, self.clock.now(), READ_AT_ONCE);
            let ran = match due {
                Ok(due) => self.run_round(due, READ_AT_ONCE).await,
                Err(error) => Err(error.into()),
            };
            match ran {
                Ok(0) => drop(tokio::time::timeout(NAP, self.to_read.notified()).await),
                Ok(_) => self.work.notify_one(),
                Err(error) => {
                    tracing::warn!(%error, "documents could not be read");
                    tokio::time::sleep(NAP).await;
                }
            }
        }
    }

    async fn run_forever(&self) {
        let mut idle_naps = 0;
        loop {
            if let Err(error) = self.close_expired().await {
                tracing::warn!(%error, "opened dossiers could not be closed");
            }
            if let Err(error) = self.renew_damaged_index().await {
                tracing::error!(%error, "the search index could not be made again");
                tokio::time::sleep(NAP).await;
            }
            match self.run_quick_jobs().await {
                Ok(ROUND_JOBS) => {
                    idle_naps = 0;
                    continue;
                }
                Ok(0) => {
                    self.rest(idle_naps).await;
                    let woken = tokio::time::timeout(NAP, self.work.notified()).await.is_ok();
                    idle_naps = if woken { 0 } else { idle_naps + 1 };
                }
                Ok(_) => idle_naps = 0,
                Err(error) => {
                    tracing::warn!(%error, "jobs could not be run");
                    tokio::time::sleep(NAP).await;
                }
            }
            // Where one job comes, more are on their way: together they cost one commit of the index.
            tokio::time::sleep(GATHER).await;
        }
    }

    async fn run_quick_jobs(&self) -> anyhow::Result<usize> {
        let due = queue::due_quick(&self.records, self.clock.now(), ROUND_JOBS)?;
        self.run_round(due, 1).await
    }

    /// Nothing is to be done: time for the timers and, after a while, for giving memory back.
    async fn rest(&self, idle_naps: u32) {
        if let Err(error) = self.run_timers().await {
            tracing::warn!(%error, "timers could not be run");
        }
        if let Err(error) = self.call_for_forms() {
            tracing::warn!(%error, "forms that wait could not be called for");
        }
        self.index.drop_old_views();
        if idle_naps > 0
            && idle_naps.is_multiple_of(NAPS_BEFORE_REST)
            && let Err(error) = self.rest_index().await
        {
            tracing::warn!(%error, "the index could not be put to rest");
        }
    }

    /// Whoever changes the index waits while it gets another key: never on a thread that others need.
    async fn rest_index(&self) -> anyhow::Result<()> {
        let index = self.index.clone();
        let rest = move || if index.is_merging()? { Ok(()) } else { index.rest() };
        Ok(tokio::task::spawn_blocking(rest).await??)
    }

    async fn renew_damaged_index(&self) -> anyhow::Result<()> {
        if self.index.is_damaged() {
            let app = self.clone();
            tokio::task::spawn_blocking(move || app.renew_index()).await??;
        }
        Ok(())
    }

    /// Runs a round of jobs that are due; tells how many were run.
    pub async fn run_due_jobs(&self) -> anyhow::Result<usize> {
        let due = queue::due(&self.records, self.clock.now(), ROUND_JOBS)?;
        self.run_round(due, 1).await
    }

    /// Runs these jobs, some at once; tells how many were run.
    async fn run_round(&self, due: Vec<Waiting>, at_once: usize) -> anyhow::Result<usize> {
        let count = due.len();
        let indexes = due
            .iter()
            .any(|waiting| !matches!(waiting.job, Job::ReadDocument { .. } | Job::SplitStack { .. }));
        let runs = futures::stream::iter(due).map(|waiting| self.run_one(waiting));
        let mut runs = std::pin::pin!(runs.buffered(at_once));
        let mut ended = Vec::with_capacity(count);
        while let Some((waiting, run)) = runs.next().await {
            let mut batch = Batch::new();
            match run {
                Ok(()) => queue::done(&mut batch, &waiting)?,
                Err(error) => self.put_off(&waiting, &error, &mut batch)?,
            }
            ended.push(batch);
        }
        if indexes {
            let index = self.index.clone();
            tokio::task::spawn_blocking(move || index.commit()).await??;
        }
        for batch in ended {
            match self.records.commit(batch) {
                // It was called for again while it ran, and stays; or its own commit has taken it out.
                Ok(()) | Err(records::Error::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(count)
    }

    async fn run_one(&self, waiting: Waiting) -> (Waiting, anyhow::Result<()>) {
        let run = self.run(&waiting.job).await;
        (waiting, run)
    }

    /// Runs all jobs that are due, and those that they call for.
    pub async fn run_all_jobs(&self) -> anyhow::Result<usize> {
        let mut total = 0;
        loop {
            match self.run_due_jobs().await? {
                0 => return Ok(total),
                count => total += count,
            }
        }
    }

    /// Makes findable what waits for it; `progress` is told how much of how much is done. What fails is put off, and
    /// reading is left to the server: it writes to the object store. Tells what waits in the end.
    pub async fn index_waiting(&self, progress: &(dyn Fn(u64, u64) + Sync)) -> anyhow::Result<queue::Count> {
        let total = queue::count(&self.records)?.indexing;
        let mut done = 0;
        loop {
            let due = queue::due_indexing(&self.records, self.clock.now(), ROUND_JOBS)?;
            if due.is_empty() || done >= total {
                return Ok(queue::count(&self.records)?);
            }
            done += self.run_round(due, INDEXED_AT_ONCE).await? as u64;
            progress(done, total);
        }
    }

    async fn run(&self, job: &Job) -> anyhow::Result<()> {
        match job {
            Job::ReadDocument { document, .. } => self.read_document(*document).await,
            Job::SplitStack { document } => Ok(self.split_stack(*document).await?),
            Job::IndexDocument { document } => self.index_document(*document).await,
            Job::IndexDossier { dossier } => self.index_dossier(*dossier).await,
            Job::IndexCase { case } => self.index_case(*case).await,
            Job::MakeForm { case, at: (seq, place) } => {
                let made = self.make_form(*case, FormPlace { seq: *seq, place: *place }).await?;
                if made { Ok(()) } else { Err(NotYet.into()) }
            }
            Job::CarryOutSeal { dossier } => Ok(self.carry_out_seal(*dossier).await?),
            Job::SealDossier { dossier, case } => Ok(self.seal_as_ordered(*dossier, *case).await?),
            // It is not among those that a round has: the outbox sends it.
            Job::Deliver { .. } => Err(NotYet.into()),
        }
    }

    fn put_off(&self, waiting: &Waiting, error: &anyhow::Error, batch: &mut Batch) -> anyhow::Result<()> {
        if error.is::<NotYet>() {
            return Ok(queue::retry(batch, waiting, self.clock.now())?);
        }
        tracing::warn!(job = ?waiting.job, tries = waiting.tries + 1, %error, "a job failed and is put off");
        let pause = FIRST_PAUSE_SECONDS.saturating_mul(1 << waiting.tries.min(20)).min(LONGEST_PAUSE_SECONDS);
        let due = self.clock.now().checked_add(SignedDuration::from_secs(pause))?;
        Ok(queue::retry(batch, waiting, due)?)
    }
}
