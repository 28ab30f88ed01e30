//! The only source of "now", of new ids and of randomness.
//!
//! Layer 0 and a seam: the server runs on [`Clock::system`], tests on [`Clock::fixed`], whose time moves only
//! when told and whose ids are counted. Nothing else may ask the operating system for either (clippy.toml).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};

use crate::domain::RawId;

trait Source: Send + Sync {
    fn now(&self) -> Timestamp;
    fn fill(&self, bytes: &mut [u8]);
}

/// Time, ids and randomness. Cloning shares the source.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Source>,
}

impl Clock {
    /// The operating system's clock and randomness.
    pub fn system() -> Self {
        Self { source: Arc::new(System(SystemRandom::new())) }
    }

    /// A clock that stands at `start`, and the handle that moves it. Its "randomness" is a counter: for tests only.
    pub fn fixed(start: Timestamp) -> (Self, Hands) {
        let hands = Hands(Arc::new(Fixed {
            now_us: AtomicI64::new(start.as_microsecond()),
            counter: AtomicU64::new(0),
        }));
        (Self { source: hands.0.clone() }, hands)
    }

    /// A clock that stands at `start`, with the operating system's randomness: for tests of several archives at once.
    pub fn stopped(start: Timestamp) -> (Self, Hands) {
        let (clock, hands) = Self::fixed(start);
        (Self { source: Arc::new(Stopped(clock.source, System(SystemRandom::new()))) }, hands)
    }

    /// The instant, with microseconds.
    pub fn now(&self) -> Timestamp {
        self.source.now()
    }

    /// A new id of the wanted type.
    pub fn new_id<T: From<RawId>>(&self) -> T {
        RawId::from_bytes(self.random_bytes()).into()
    }

    /// `N` bytes of randomness.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.source.fill(&mut bytes);
        bytes
    }
}

struct System(SystemRandom);

impl Source for System {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    #[expect(
        clippy::expect_used,
        reason = "without randomness nothing may be sealed; going on would be worse"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("the operating system gives randomness");
    }
}

struct Stopped(Arc<dyn Source>, System);

impl Source for Stopped {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.1.fill(bytes);
    }
}

/// Moves a [`Clock::fixed`] or [`Clock::stopped`].
#[derive(Clone)]
pub struct Hands(Arc<Fixed>);

impl Hands {
    /// Time passes.
    pub fn advance(&self, by: Duration) {
        let by_us = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.now_us.fetch_add(by_us, Ordering::SeqCst);
    }

    /// Time stands at this instant.
    pub fn set(&self, now: Timestamp) {
        self.0.now_us.store(now.as_microsecond(), Ordering::SeqCst);
    }
}

struct Fixed {
    now_us: AtomicI64,
    counter: AtomicU64,
}

impl Source for Fixed {
    fn now(&self) -> Timestamp {
        let us = self.now_us.load(Ordering::SeqCst);
        Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH + SignedDuration::ZERO)
    }

    fn fill(&self, bytes: &mut [u8]) {
        let count = self.counter.fetch_add(1, Ordering::SeqCst) + 1;
        let count = count.to_be_bytes();
        let len = bytes.len();
        for (i, byte) in bytes.iter_mut().enumerate() {
            let from_end = len - 1 - i;
            *byte = if from_end < 8 { count[7 - from_end] } else { 0 };
        }
    }
}
