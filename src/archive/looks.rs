//! Who has looked at what a moment ago, so that one look is one entry of the log.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use lru::LruCache;

use crate::domain::{DocumentId, PersonId};

/// How long a look lasts.
const LASTS: SignedDuration = SignedDuration::from_mins(10);
/// How many are remembered; one that is forgotten is noted once more.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Who looks at which part of which document.
pub(super) type Look = (PersonId, DocumentId, String);

/// The looks of the last minutes.
#[derive(Clone)]
pub(crate) struct Looks(Arc<Mutex<LruCache<Look, Timestamp>>>);

impl Default for Looks {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(REMEMBERED))))
    }
}

impl Looks {
    /// Whether the same look is under way.
    pub(super) fn is_fresh(&self, look: &Look, now: Timestamp) -> bool {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(look).is_some_and(|since| now.duration_since(*since) < LASTS)
    }

    /// A look has begun.
    pub(super) fn note(&self, look: Look, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(look, now);
    }
}
