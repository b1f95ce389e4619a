//! How busy a thread is that makes load.

use std::time::Duration;

use tokio::time::Instant;

use crate::thread_time;

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
        LoadMeter { load: Load::default(), at: Instant::now(), claimed: thread_time::claimed() }
    }

    /// Ends an interval.
    pub(super) fn measure(&mut self) {
        let (at, claimed) = (Instant::now(), thread_time::claimed());
        let interval = (at - self.at).as_secs_f64().max(f64::EPSILON);
        let share = claimed.saturating_sub(self.claimed).as_secs_f64() / interval;
        self.load.intervals += 1;
        self.load.busy += u32::from(share > BUSY_SHARE);
        (self.at, self.claimed) = (at, claimed);
    }
}
