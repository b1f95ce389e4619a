//! How busy a thread is that makes load.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// How often a thread looks at how busy it was.
pub(super) const BUSY_INTERVAL: Duration = Duration::from_secs(1);

/// The share of an interval from which on a thread counts as having had no time left.
const BUSY_SHARE: f64 = 0.9;

/// How busy a thread was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// It died of a bug, and its virtual users with it.
    pub lost: bool,
    /// Intervals that were looked at.
    pub intervals: u32,
    /// Of these, those in which the thread had no time left.
    pub busy: u32,
}

/// Measures how busy the thread is that it runs on.
pub(super) struct LoadMeter {
    pub(super) load: Load,
    at: Instant,
    claimed: Duration,
}

impl LoadMeter {
    pub(super) fn start() -> LoadMeter {
        LoadMeter { load: Load::default(), at: Instant::now(), claimed: claimed_time() }
    }

    /// Ends an interval.
    pub(super) fn measure(&mut self) {
        let (at, claimed) = (Instant::now(), claimed_time());
        let interval = (at - self.at).as_secs_f64().max(f64::EPSILON);
        let share = claimed.saturating_sub(self.claimed).as_secs_f64() / interval;
        self.load.intervals += 1;
        self.load.busy += u32::from(share > BUSY_SHARE);
        (self.at, self.claimed) = (at, claimed);
    }
}

/// How long this thread had work: while it ran, and while it waited for a core that others used. Without the kernel's
/// count of the wait, only the time that it ran.
fn claimed_time() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    claimed_by(&schedstat).unwrap_or_else(|| {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
    })
}

/// The sum of the first two numbers of a `schedstat` file: nanoseconds run, and nanoseconds waited in the run queue.
fn claimed_by(schedstat: &str) -> Option<Duration> {
    let mut numbers = schedstat.split_whitespace().map(str::parse::<u64>);
    let (ran, waited) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(Duration::from_nanos(ran.saturating_add(waited)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_a_core_is_having_work() {
        assert_eq!(claimed_by("2000 500 7\n"), Some(Duration::from_nanos(2500)));
        assert_eq!(claimed_by(""), None);
        assert_eq!(claimed_by("no numbers"), None);
    }
}
