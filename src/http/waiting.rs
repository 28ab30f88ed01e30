//! What is kept for a few minutes between two steps of one thing, by a secret that only whoever began it has.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jiff::{SignedDuration, Timestamp};

use super::Problem;
use crate::clock::Clock;
use crate::domain::Sha256Digest;

/// The most that are kept: beyond, nothing new is begun until some are over.
const MOST: usize = 10_000;

/// Steps that are under way.
pub(super) struct Waiting<T> {
    steps: Mutex<HashMap<Sha256Digest, (Timestamp, T)>>,
    clock: Clock,
    lasts: SignedDuration,
}

impl<T: Clone> Waiting<T> {
    /// Each is kept for so many seconds.
    pub(super) fn new(clock: &Clock, seconds: u64) -> Self {
        let lasts = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        Self { steps: Mutex::default(), clock: clock.clone(), lasts }
    }

    /// Keeps it; what it can be had back with.
    pub(super) fn begin(&self, step: T) -> Result<String, Problem> {
        let now = self.clock.now();
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.len() >= MOST {
            steps.retain(|_, (until, _)| now < *until);
        }
        if steps.len() >= MOST {
            return Err(Problem::wait("too_many_attempts", self.lasts.unsigned_abs().as_secs()));
        }
        let secret = BASE64_URL_SAFE_NO_PAD.encode(self.clock.random_bytes::<32>());
        let until = now.checked_add(self.lasts).unwrap_or(Timestamp::MAX);
        steps.insert(Sha256Digest::of(secret.as_bytes()), (until, step));
        Ok(secret)
    }

    /// What was kept, if its time is not over. It stays.
    pub(super) fn look(&self, secret: &str) -> Option<T> {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, step) = steps.get(&Sha256Digest::of(secret.as_bytes()))?;
        (self.clock.now() < *until).then(|| step.clone())
    }

    /// The same, and it goes.
    pub(super) fn end(&self, secret: &str) -> Option<T> {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, step) = steps.remove(&Sha256Digest::of(secret.as_bytes()))?;
        (self.clock.now() < until).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MOST, Waiting};
    use crate::clock::Clock;

    #[test]
    fn a_step_can_be_had_once_and_not_for_ever_and_there_are_not_too_many() {
        let (clock, hands) = Clock::stopped("2026-03-02T01:00:00Z".parse().unwrap());
        let waiting = Waiting::new(&clock, 60);
        let first = waiting.begin(1).unwrap();
        assert_eq!(
            (waiting.look(&first), waiting.end(&first), waiting.end(&first)),
            (Some(1), Some(1), None)
        );
        let late = waiting.begin(2).unwrap();
        hands.advance(Duration::from_secs(60));
        assert_eq!((waiting.look(&late), waiting.end(&late)), (None, None));
        for n in 0..MOST {
            waiting.begin(n).unwrap();
        }
        assert!(waiting.begin(0).is_err());
        hands.advance(Duration::from_secs(60));
        assert!(waiting.begin(0).is_ok());
    }
}
