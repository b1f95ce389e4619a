//! Bounds on how many requests a run makes a second, in all and to each host.
//!
//! Requests get slots that lie evenly in time, by one number that says when the next one is free (the generic cell rate
//! algorithm, ITU-T I.371). It is all that threads share, and only where a bound is set.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How much before its slot a request may start: timers wake no more often, and the mean rate is the same.
const EARLY: Duration = Duration::from_millis(1);

/// How old a slot may be that is still taken: of those that timers were late for none is lost, and after a rest there are
/// no more than these.
const LATE: Duration = Duration::from_millis(3);

/// The most hosts that have slots of their own; the others share theirs.
const MAX_HOSTS: usize = 1_000;

/// Bounds on the rate of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RateLimits {
    /// Requests a second of the whole run. Default: no bound.
    pub whole: Option<f64>,
    /// Requests a second to each scheme, host and port. Default: no bound.
    pub per_host: Option<f64>,
}

/// What rate limits did to a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldBack {
    /// Requests that waited for their slot.
    pub requests: u64,
    /// How long they waited together.
    pub waited: Duration,
}

/// Gives requests their slots; one for a run.
#[derive(Debug)]
pub(super) struct Throttle {
    start: Instant,
    whole: Option<Slots>,
    per_host: Option<PerHost>,
    held_back: AtomicU64,
    waited_nanos: AtomicU64,
}

#[derive(Debug)]
struct PerHost {
    period: Duration,
    hosts: Mutex<HashMap<Box<str>, Arc<Slots>>>,
    /// Of the hosts that there was no place for.
    others: Arc<Slots>,
}

/// Slots that lie evenly in time.
#[derive(Debug)]
struct Slots {
    period: Duration,
    /// When the next free one is, in nanoseconds from the start.
    next: AtomicU64,
}

impl Throttle {
    /// None where nothing is bounded.
    pub(super) fn new(limits: RateLimits) -> Option<Throttle> {
        if limits == RateLimits::default() {
            return None;
        }
        let period = |rate: f64| Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        Some(Throttle {
            start: Instant::now(),
            whole: limits.whole.map(|rate| Slots::new(period(rate))),
            per_host: limits.per_host.map(|rate| PerHost::new(period(rate))),
            held_back: AtomicU64::new(0),
            waited_nanos: AtomicU64::new(0),
        })
    }

    /// Returns when a request to that origin may start.
    pub(super) async fn pass(&self, origin: &str) {
        let now = self.start.elapsed();
        let slot = self.take(origin, now);
        if slot <= now + EARLY {
            return;
        }
        self.held_back.fetch_add(1, Ordering::Relaxed);
        let begin = Instant::now();
        let mut waiting = Waiting { begin, throttle: self, origin, passed: false };
        tokio::time::sleep_until(self.start + slot).await;
        waiting.passed = true;
    }

    /// What it did until now.
    pub(super) fn held_back(&self) -> HeldBack {
        HeldBack {
            requests: self.held_back.load(Ordering::Relaxed),
            waited: Duration::from_nanos(self.waited_nanos.load(Ordering::Relaxed)),
        }
    }

    /// Gives a slot back that was not used: who comes next has it.
    fn give_back(&self, origin: &str) {
        if let Some(hosts) = &self.per_host {
            hosts.of(origin).give_back();
        }
        if let Some(whole) = &self.whole {
            whole.give_back();
        }
    }

    /// The slot of a request, from the start.
    fn take(&self, origin: &str, now: Duration) -> Duration {
        let own = self.per_host.as_ref().map(|hosts| hosts.of(origin).take(now));
        // Where the host's own slot is late, the run's is taken then: nobody waits for what is not used.
        let ready = own.unwrap_or(now);
        self.whole.as_ref().map_or(ready, |whole| whole.take(ready.max(now)))
    }
}

/// Counts a wait, also one that is cut off.
struct Waiting<'a> {
    begin: Instant,
    throttle: &'a Throttle,
    origin: &'a str,
    passed: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let nanos = u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.throttle.waited_nanos.fetch_add(nanos, Ordering::Relaxed);
        if !self.passed {
            self.throttle.give_back(self.origin);
        }
    }
}

impl PerHost {
    fn new(period: Duration) -> PerHost {
        PerHost { period, hosts: Mutex::default(), others: Arc::new(Slots::new(period)) }
    }

    fn of(&self, origin: &str) -> Arc<Slots> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slots) = hosts.get(origin) {
            return Arc::clone(slots);
        }
        if hosts.len() >= MAX_HOSTS {
            return Arc::clone(&self.others);
        }
        Arc::clone(hosts.entry(origin.into()).or_insert_with(|| Arc::new(Slots::new(self.period))))
    }
}

impl Slots {
    fn new(period: Duration) -> Slots {
        Slots { period, next: AtomicU64::new(0) }
    }

    fn give_back(&self) {
        let period = u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX);
        self.next.update(Ordering::Relaxed, Ordering::Relaxed, |next| next.saturating_sub(period));
    }

    /// Takes the next free slot, not much before `now`.
    fn take(&self, now: Duration) -> Duration {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (oldest, period) = (nanos(now.saturating_sub(LATE)), nanos(self.period));
        let taken =
            self.next.update(Ordering::Relaxed, Ordering::Relaxed, |next| next.max(oldest).saturating_add(period));
        Duration::from_nanos(taken.max(oldest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(whole: Option<f64>, per_host: Option<f64>) -> Throttle {
        Throttle::new(RateLimits { whole, per_host }).expect("bounds")
    }

    #[test]
    fn without_bounds_there_is_none() {
        assert!(Throttle::new(RateLimits::default()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_start_at_the_rate_however_they_come() {
        let throttle = throttle(Some(100.0), None);
        let begin = Instant::now();
        for _ in 0..51 {
            throttle.pass("http://h").await;
        }
        assert_eq!(begin.elapsed(), Duration::from_millis(500));
        // What was not used is gone: there is no burst after a rest.
        tokio::time::sleep(Duration::from_secs(10)).await;
        let begin = Instant::now();
        for _ in 0..11 {
            throttle.pass("http://h").await;
        }
        assert!(begin.elapsed() >= Duration::from_millis(100) - LATE, "{:?}", begin.elapsed());
        let HeldBack { requests, waited } = throttle.held_back();
        assert_eq!(requests, 60);
        assert!(waited >= Duration::from_millis(600) - LATE && waited <= Duration::from_millis(600), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_once_share_the_rate() {
        let throttle = throttle(Some(1000.0), None);
        let begin = Instant::now();
        futures_util::future::join_all((0..1001).map(|_| throttle.pass("http://h"))).await;
        assert_eq!(begin.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn high_rates_are_kept_although_timers_are_coarse() {
        let throttle = throttle(Some(50_000.0), None);
        let begin = Instant::now();
        for _ in 0..50_001 {
            throttle.pass("http://h").await;
        }
        let elapsed = begin.elapsed();
        assert!(elapsed >= Duration::from_millis(996) && elapsed <= Duration::from_millis(1002), "{elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn each_host_has_a_rate_of_its_own() {
        let throttle = throttle(None, Some(10.0));
        let begin = Instant::now();
        for host in ["http://a", "http://b"] {
            throttle.pass(host).await;
        }
        assert_eq!(begin.elapsed(), Duration::ZERO);
        throttle.pass("http://a").await;
        assert_eq!(begin.elapsed(), Duration::from_millis(100));
        for number in 0..2 * MAX_HOSTS {
            throttle.take(&format!("http://h{number}"), Duration::ZERO);
        }
        let hosts = throttle.per_host.as_ref().map(|hosts| hosts.hosts.lock().expect("not poisoned").len());
        assert_eq!(hosts, Some(MAX_HOSTS));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_that_nobody_waits_for_any_more_is_the_next_ones() {
        let throttle = throttle(Some(10.0), None);
        let begin = Instant::now();
        throttle.pass("http://h").await;
        for _ in 0..100 {
            let given_up = tokio::time::timeout(Duration::ZERO, throttle.pass("http://h")).await;
            assert!(given_up.is_err());
        }
        throttle.pass("http://h").await;
        assert!(begin.elapsed() <= Duration::from_millis(200), "{:?}", begin.elapsed());
    }
}
