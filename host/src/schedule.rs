//! One thread's share of a run: starts its virtual users when they are due, and waits until the last one has stopped.
//!
//! The pacing loop never waits for an instance, a lock or a channel. This module must not know what a virtual user does.

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::control::Control;
use crate::profile::ClosedModel;
use crate::vu::{self, Cast};

/// How often a thread looks at how busy it was.
const BUSY_INTERVAL: Duration = Duration::from_secs(1);

/// The share of an interval from which on a thread counts as having had no time left.
const BUSY_SHARE: f64 = 0.9;

/// Which share of the run a thread has: shard `index` of `count` runs the virtual users congruent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 0.
    pub index: u32,
    /// Of how many.
    pub count: u32,
}

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

/// Runs a shard of the closed model, from `start` until its last virtual user has stopped.
pub async fn run_closed(model: &ClosedModel, shard: Shard, cast: Arc<Cast>, start: Instant) -> Load {
    let mut meter = LoadMeter::start();
    let mut interval = tokio::time::interval_at(Instant::now() + BUSY_INTERVAL, BUSY_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut users = std::pin::pin!(run_users(model, shard, cast, start));
    loop {
        tokio::select! {
            () = &mut users => return meter.load,
            _ = interval.tick() => meter.measure(),
        }
    }
}

async fn run_users(model: &ClosedModel, shard: Shard, cast: Arc<Cast>, start: Instant) {
    let mut users = JoinSet::new();
    for index in model.shard_vus(shard.index, shard.count) {
        // What lies beyond the clock's reach is never due.
        let Some(due) = start.checked_add(model.vu_due(index)) else { break };
        if !sleep_until(due, &cast.env.control).await {
            break;
        }
        users.spawn(vu::run(Arc::clone(&cast), index + 1));
    }
    while let Some(ended) = users.join_next().await {
        if let Err(error) = ended {
            // A bug of the host; the other virtual users go on, and the run's end shows it.
            tracing::error!("a virtual user's task failed: {error}");
            cast.env.recorder.vu_failed();
        }
    }
}

/// Measures how busy the thread is that it runs on.
struct LoadMeter {
    load: Load,
    at: Instant,
    claimed: Duration,
}

impl LoadMeter {
    fn start() -> LoadMeter {
        LoadMeter { load: Load::default(), at: Instant::now(), claimed: claimed_time() }
    }

    /// Ends an interval.
    fn measure(&mut self) {
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

/// Sleeps until then; false where the run stopped before.
async fn sleep_until(due: Instant, control: &Control) -> bool {
    if control.is_stopping() {
        return false;
    }
    if due <= Instant::now() {
        return true;
    }
    tokio::select! {
        biased;
        () = control.stopped() => false,
        () = tokio::time::sleep_until(due) => true,
    }
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

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_for_the_next_virtual_user() {
        let control = Control::new();
        let due = Instant::now() + Duration::from_secs(60);
        assert!(sleep_until(due, &control).await);
        let (later, waiting) = (due + Duration::from_secs(60), control.child());
        let waiting = tokio::spawn(async move { sleep_until(later, &waiting).await });
        tokio::task::yield_now().await;
        control.stop();
        assert!(!waiting.await.unwrap());
        assert!(!sleep_until(due, &control).await, "a stopped run starts nobody, also who is due");
    }
}
