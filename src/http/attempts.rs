//! Against guessing: how often somebody may try, from one address and for one name. In memory, which is bounded.
//!
//! Addresses have a rate. A name pauses after too many wrong passwords, and each further one doubles the pause, up to a
//! longest one: nobody is shut out for good. A browser from which somebody has signed in before is counted on its own
//! (its mark is in a cookie that only the archive can make), so that a stranger's guessing does not keep its owner out.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as LimiterClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Problem;
use crate::clock::Clock;
use crate::config::Config;

/// How long a password waits to be checked while others are.
const PATIENCE: Duration = Duration::from_secs(10);
/// No pause is doubled more often than this.
const MOST_DOUBLINGS: u32 = 20;

/// What is guessed at. Each is counted on its own.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) enum Guessed<'a> {
    /// A name's password, from anywhere.
    Name(&'a str),
    /// The same, from a browser that is known to be its owner's.
    Device(&'a str, &'a str),
    /// A name's code of the second factor.
    Code(&'a str),
    /// The general manager's passphrase.
    Passphrase,
}

/// Who tries how often.
pub(super) struct Attempts {
    addresses: RateLimiter<u16, HashMapStateStore<u16>, Ticks, NoOpMiddleware<Nanos>>,
    /// By one of 65,536 places each for strangers and for known browsers. Two names in one place share their pause.
    pauses: Mutex<HashMap<(bool, u16), Pause>>,
    checks: Semaphore,
    /// Nobody can work out who shares a place.
    places: RandomState,
    clock: Clock,
    most_wrong: u32,
    pause: SignedDuration,
    longest_pause: SignedDuration,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    failures: u32,
    last: Timestamp,
}

impl Attempts {
    pub(super) fn new(config: &Config, clock: &Clock) -> Self {
        let a_minute = NonZeroU32::new(config.sign_in.address_per_minute).unwrap_or(NonZeroU32::MIN);
        let seconds = |seconds: u64| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        Self {
            addresses: RateLimiter::hashmap_with_clock(Quota::per_minute(a_minute), Ticks::new(clock)),
            pauses: Mutex::default(),
            checks: Semaphore::new(config.sign_in.checks_at_once.max(1)),
            places: RandomState::new(),
            clock: clock.clone(),
            most_wrong: config.limits.wrong_passwords.max(1),
            pause: seconds(config.sign_in.pause_seconds),
            longest_pause: seconds(config.sign_in.pause_seconds_max),
        }
    }

    /// Counts a try from this address, or refuses it.
    pub(super) fn let_address(&self, address: IpAddr) -> Result<(), Problem> {
        let place = self.place(&network(address));
        self.addresses.check_key(&place).map_err(|until| {
            let wait = until.wait_time_from(LimiterClock::now(&Ticks::new(&self.clock)));
            Problem::wait("too_many_attempts", wait.as_secs() + 1)
        })
    }

    /// A place among those whose passwords are checked at this moment: each check takes memory.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        match tokio::time::timeout(PATIENCE, self.checks.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Problem::wait("too_many_attempts", PATIENCE.as_secs())),
        }
    }

    /// Refuses while there is a pause.
    pub(super) fn check(&self, guessed: Guessed<'_>) -> Result<(), Problem> {
        let now = self.clock.now();
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.place_of(guessed);
        let Some(pause) = pauses.get(&place).copied() else { return Ok(()) };
        if now.duration_since(pause.last) > self.longest_pause.saturating_mul(2) {
            pauses.remove(&place);
            return Ok(());
        }
        let left = self.length(pause.failures) - now.duration_since(pause.last);
        if left <= SignedDuration::ZERO {
            return Ok(());
        }
        Err(Problem::wait("too_many_attempts", u64::try_from(left.as_secs()).unwrap_or_default() + 1))
    }

    /// Notes that it was wrong. How often it was, if there is a pause because of it.
    pub(super) fn wrong(&self, guessed: Guessed<'_>) -> Option<u32> {
        let now = self.clock.now();
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = pauses.entry(self.place_of(guessed)).or_insert(Pause { failures: 0, last: now });
        *pause = Pause { failures: pause.failures.saturating_add(1), last: now };
        (pause.failures >= self.most_wrong).then_some(pause.failures)
    }

    /// Notes that it was right, or that there is another password now.
    pub(super) fn right(&self, guessed: Guessed<'_>) {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place_of(guessed));
    }

    fn length(&self, failures: u32) -> SignedDuration {
        let Some(beyond) = failures.checked_sub(self.most_wrong) else { return SignedDuration::ZERO };
        self.pause.saturating_mul(1 << beyond.min(MOST_DOUBLINGS)).min(self.longest_pause)
    }

    fn place_of(&self, guessed: Guessed<'_>) -> (bool, u16) {
        (matches!(guessed, Guessed::Device(..)), self.place(&guessed))
    }

    fn place(&self, key: &impl std::hash::Hash) -> u16 {
        let [high, low, ..] = self.places.hash_one(key).to_be_bytes();
        u16::from_be_bytes([high, low])
    }
}

/// The address, or the network that one client of IPv6 has for itself.
fn network(address: IpAddr) -> [u8; 8] {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h, ..] = address.octets();
            [a, b, c, d, e, f, g, h]
        }
    }
}

/// The archive's clock, as the limiter wants one.
#[derive(Clone)]
struct Ticks {
    clock: Clock,
    start: Timestamp,
}

impl Ticks {
    fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), start: Timestamp::UNIX_EPOCH }
    }
}

impl LimiterClock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let since = self.clock.now().duration_since(self.start);
        Duration::try_from(since).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::{Attempts, Guessed};
    use crate::clock::{Clock, Hands};
    use crate::config::Config;

    fn attempts(change: impl FnOnce(&mut Config)) -> (Attempts, Hands) {
        let (clock, hands) = Clock::stopped("2026-03-02T01:00:00Z".parse().unwrap());
        let mut config = Config::default();
        config.limits.wrong_passwords = 3;
        change(&mut config);
        (Attempts::new(&config, &clock), hands)
    }

    fn wait(attempts: &Attempts, guessed: Guessed<'_>) -> Option<u64> {
        attempts.check(guessed).err().and_then(|problem| problem.get("retry_after_seconds")?.as_u64())
    }

    #[test]
    fn pauses_double_have_an_end_and_are_forgotten() {
        let (attempts, hands) = attempts(|_| {});
        let li = Guessed::Name("li");
        assert_eq!((attempts.wrong(li), attempts.wrong(li)), (None, None));
        assert_eq!(wait(&attempts, li), None);
        for (failures, seconds) in [(3, 60), (4, 120), (5, 240), (6, 480), (7, 900), (8, 900)] {
            assert_eq!(attempts.wrong(li), Some(failures));
            assert_eq!(wait(&attempts, li), Some(seconds + 1));
            hands.advance(Duration::from_secs(seconds - 1));
            assert!(attempts.check(li).is_err());
            hands.advance(Duration::from_secs(1));
            assert!(attempts.check(li).is_ok(), "no pause lasts");
        }
        hands.advance(Duration::from_secs(1801));
        assert!(attempts.check(li).is_ok());
        assert_eq!(attempts.wrong(li), None, "what was long ago does not count");
    }

    #[test]
    fn a_stranger_keeps_nobody_out_of_a_browser_of_their_own() {
        let (attempts, _) = attempts(|_| {});
        for _ in 0..50 {
            attempts.wrong(Guessed::Name("li"));
        }
        assert!(attempts.check(Guessed::Name("li")).is_err());
        assert!(attempts.check(Guessed::Device("li", "n")).is_ok());
        attempts.right(Guessed::Name("li"));
        assert!(attempts.check(Guessed::Name("li")).is_ok(), "a new password is a new beginning");
    }

    #[test]
    fn an_address_has_a_rate_and_memory_is_bounded() {
        let (attempts, hands) = attempts(|config| config.sign_in.address_per_minute = 6);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for _ in 0..6 {
            assert!(attempts.let_address(address("192.0.2.7")).is_ok());
        }
        assert!(attempts.let_address(address("::ffff:192.0.2.7")).is_err(), "it is the same one");
        assert!(attempts.let_address(address("192.0.2.8")).is_ok());
        hands.advance(Duration::from_secs(10));
        assert!(attempts.let_address(address("192.0.2.7")).is_ok());
        assert!(attempts.let_address(address("192.0.2.7")).is_err());
        for last in 0..6 {
            assert!(attempts.let_address(address(&format!("2001:db8::{last}"))).is_ok());
        }
        assert!(attempts.let_address(address("2001:db8::ffff")).is_err(), "one network is one client");
        for n in 0..200_000_u32 {
            let _ = attempts.let_address(IpAddr::from(n.to_be_bytes()));
            attempts.wrong(Guessed::Name(&n.to_string()));
        }
        assert!(attempts.addresses.len() <= 1 << 16);
        assert!(attempts.pauses.lock().unwrap().len() <= 1 << 16);
    }
}
