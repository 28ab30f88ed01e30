//! Whether documents can be taken in, and if not, what is wrong: for load balancers and for whoever runs the archive.
//!
//! The object store is asked at most once a second and never for longer than a few seconds, however many ask.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::App;
use crate::manifest::{self, Manifest};
use crate::objects::ErrorKind;
use crate::records::Condition;

/// The longest time that the store is given to answer.
const LONGEST: Duration = Duration::from_secs(3);
/// How long a good answer is believed, and a bad one.
const BELIEVED: Duration = Duration::from_secs(1);
const DOUBTED: Duration = Duration::from_millis(200);

/// One thing that is wrong. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// Where: `object_store`, `publishing`, `records` or `index`.
    pub part: &'static str,
    /// What.
    pub code: &'static str,
    /// Whether nothing can be taken in because of it.
    pub stops: bool,
}

/// The last answer of the object store.
#[derive(Default)]
pub(super) struct Probe(tokio::sync::Mutex<Option<(Instant, Option<&'static str>)>>);

/// The room on the disk that the data folder lies on, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Room {
    /// What an ordinary user can still write.
    pub free_bytes: u64,
    /// All of it.
    pub total_bytes: u64,
}

impl App {
    /// The room on the disk that the data folder lies on; nothing if the system does not say.
    pub fn room(&self) -> Option<Room> {
        let found = rustix::fs::statvfs(self.config.data.as_path()).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Some(Room { free_bytes: bytes(found.f_bavail), total_bytes: bytes(found.f_blocks) })
    }

    /// All that is wrong now.
    pub async fn troubles(&self) -> Vec<Trouble> {
        let stops = |part, code| Trouble { part, code, stops: true };
        let mut troubles = Vec::new();
        troubles.extend(self.store_trouble().await.map(|code| stops("object_store", code)));
        if self.journal.health().failing {
            troubles.push(stops("publishing", "failing"));
        }
        match self.records.condition() {
            Condition::Good => {}
            Condition::Failed => troubles.push(stops("records", "failed")),
            Condition::Damaged => troubles.push(stops("records", "damaged")),
        }
        if self.index.is_damaged() {
            troubles.push(Trouble { part: "index", code: "damaged", stops: false });
        }
        troubles
    }

    /// What is wrong with the object store. Whoever comes while it is being asked waits for the same answer.
    async fn store_trouble(&self) -> Option<&'static str> {
        let mut last = self.probe.0.lock().await;
        // A put that failed meanwhile is a reason to ask again.
        let put_failed = self.objects.put_failed().map(code);
        if let Some((at, code)) = *last
            && at.elapsed() < if code.or(put_failed).is_none() { BELIEVED } else { DOUBTED }
        {
            return code;
        }
        let code = timeout(LONGEST, self.ask_store()).await.unwrap_or(Some("unavailable"));
        *last = Some((Instant::now(), code));
        code
    }

    async fn ask_store(&self) -> Option<&'static str> {
        match Manifest::get(&self.objects).await {
            Ok(Some(manifest)) if manifest.archive == self.manifest.archive => {}
            Err(manifest::Error::Objects(error)) => return Some(code(error.kind())),
            _ => return Some("wrong_bucket"),
        }
        // What can be read need not take anything: as long as the last put failed, another is tried.
        self.objects.put_failed()?;
        match self.journal.republish_head().await {
            Err(crate::journal::Error::Objects(error)) => Some(code(error.kind())),
            _ => None,
        }
    }
}

fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Denied => "denied",
        ErrorKind::Full => "full",
        ErrorKind::ClockSkew => "clock_skew",
        ErrorKind::WrongBucket => "wrong_bucket",
        _ => "unavailable",
    }
}
