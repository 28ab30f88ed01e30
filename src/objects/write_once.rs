//! What a store does about objects that are to stay: found out by trying, never by asking; and what is held because of it.
//!
//! A probe writes canaries under keys of their own (`probe/..`), tries to change and to delete them, and cleans up as
//! far as the store lets it. What does not work is said, not worked around.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::{Retention, RetentionMode};

/// For how long a canary is locked: longer than any clock may be wrong.
pub(super) const CANARY_HOLD: SignedDuration = SignedDuration::from_mins(10);

/// An object is not to be deleted or changed before this time, by this kind of lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Whether anybody may lift it.
    pub mode: RetentionMode,
    /// Until when.
    pub until: Timestamp,
}

impl Hold {
    /// A hold of so many days from now on.
    pub(super) fn of(retention: &Retention, now: Timestamp) -> Option<Self> {
        let lasts = SignedDuration::from_hours(i64::from(retention.days) * 24);
        let until = now.checked_add(lasts).ok().filter(|_| retention.days > 0)?;
        Some(Self { mode: retention.mode, until })
    }
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether it keeps objects as they are.
    pub works: bool,
    /// What was seen.
    pub seen: String,
}

impl Finding {
    pub(super) fn yes(seen: impl Into<String>) -> Self {
        Self { works: true, seen: seen.into() }
    }

    pub(super) fn no(seen: impl Into<String>) -> Self {
        Self { works: false, seen: seen.into() }
    }
}

/// What a store really does about objects that are to stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WriteOnce {
    /// An object that is put again: is the earlier one still there?
    pub overwrite: Finding,
    /// An object that is deleted: is it still there?
    pub delete: Finding,
    /// Are earlier versions kept, and given back by their ids?
    pub versioning: Finding,
    /// Is a put refused that is not to replace anything (`If-None-Match: *`)?
    pub conditional_put: Finding,
    /// Can a version that is locked for a time (Object Lock) not be deleted?
    pub object_lock: Finding,
    /// Versions of canaries that could not be cleaned up.
    pub left_behind: u64,
}

impl WriteOnce {
    /// What a store does that simply replaces and deletes, such as a folder; `what` says what it is.
    pub(super) fn of_plain(what: &str) -> Self {
        let none = || Finding::no(format!("{what} has none"));
        Self {
            overwrite: Finding::no("replaced for good"),
            delete: Finding::no("deleted for good"),
            versioning: none(),
            conditional_put: none(),
            object_lock: none(),
            left_behind: 0,
        }
    }

    /// The findings with their names.
    pub fn rows(&self) -> [(&'static str, &Finding); 5] {
        [
            ("overwrite", &self.overwrite),
            ("delete", &self.delete),
            ("versioning", &self.versioning),
            ("conditional put", &self.conditional_put),
            ("object lock", &self.object_lock),
        ]
    }
}
