//! Telling a store to fail: for tests of what happens then. The wrappers that obey stand in `objects` and `records`.
//!
//! Layer 2. A wrapper asks [`Faults`] before each call whether this is the one that fails, and how.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is not done.
    Before,
    /// It is done, and an error is returned all the same.
    After,
}

/// Which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calls {
    /// Those that change something.
    Writes,
    /// Those that do not.
    Reads,
}

/// The call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Which one, counted from 1.
    pub nth: u64,
    /// Of which calls.
    pub calls: Calls,
    /// How it fails.
    pub fault: Fault,
    /// Whether nothing at all is done after it, as when the process has died there.
    pub last: bool,
}

/// The handle that tells a store to fail. Cloning shares it.
#[derive(Clone, Default)]
pub struct Faults(Arc<State>);

#[derive(Default)]
struct State {
    down: AtomicBool,
    full: AtomicBool,
    writes: AtomicU64,
    reads: AtomicU64,
    plan: Mutex<Option<Plan>>,
    fired: AtomicBool,
}

/// The store is told to be down: nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down;

impl Faults {
    /// Whether no call at all succeeds.
    pub fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// Whether every put fails for want of room.
    pub fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::SeqCst);
    }

    /// Whether no call at all succeeds.
    pub fn is_down(&self) -> bool {
        self.0.down.load(Ordering::SeqCst)
    }

    /// From now on counted, one call fails.
    pub fn plan(&self, plan: Plan) {
        self.revive();
        self.0.writes.store(0, Ordering::SeqCst);
        self.0.reads.store(0, Ordering::SeqCst);
        *self.0.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
    }

    /// From now on counted, the `nth` writing call fails.
    pub fn fail_nth(&self, nth: u64, fault: Fault) {
        self.plan(Plan { nth, calls: Calls::Writes, fault, last: false });
    }

    /// Nothing fails any more.
    pub fn revive(&self) {
        *self.0.plan.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.fired.store(false, Ordering::SeqCst);
        self.0.down.store(false, Ordering::SeqCst);
    }

    /// Whether the planned call has come and failed.
    pub fn fired(&self) -> bool {
        self.0.fired.load(Ordering::SeqCst)
    }

    /// Calls since the last plan.
    pub fn calls(&self, calls: Calls) -> u64 {
        self.count(calls).load(Ordering::SeqCst)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.full.load(Ordering::SeqCst)
    }

    /// What becomes of the call that is about to be made.
    pub(crate) fn next(&self, calls: Calls) -> Result<Option<Fault>, Down> {
        if self.is_down() {
            return Err(Down);
        }
        let number = self.count(calls).fetch_add(1, Ordering::SeqCst) + 1;
        let plan = *self.0.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(plan) = plan.filter(|plan| plan.calls == calls && plan.nth == number) else {
            return Ok(None);
        };
        self.0.fired.store(true, Ordering::SeqCst);
        if plan.last {
            self.set_down(true);
        }
        Ok(Some(plan.fault))
    }

    fn count(&self, calls: Calls) -> &AtomicU64 {
        match calls {
            Calls::Writes => &self.0.writes,
            Calls::Reads => &self.0.reads,
        }
    }
}
