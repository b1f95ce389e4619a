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
        if !sleep_until(start + model.vu_due(index), &cast.env.control).await {
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
    cpu: Duration,
}

impl LoadMeter {
    fn start() -> LoadMeter {
        LoadMeter { load: Load::default(), at: Instant::now(), cpu: thread_cpu_time() }
    }

    /// Ends an interval.
    fn measure(&mut self) {
        let (at, cpu) = (Instant::now(), thread_cpu_time());
        let share = (cpu.saturating_sub(self.cpu)).as_secs_f64() / (at - self.at).as_secs_f64().max(f64::EPSILON);
        self.load.intervals += 1;
        self.load.busy += u32::from(share > BUSY_SHARE);
        (self.at, self.cpu) = (at, cpu);
    }
}

fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
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
