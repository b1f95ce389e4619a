//! One thread's shares of a run: starts its virtual users, or their iterations, when they are due, and waits until the last
//! one has stopped.
//!
//! The pacing loop never waits for an instance, a lock or a channel. This module must not know what a virtual user does.

mod busy;
mod clock;
mod closed;
mod open;
mod timer;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio::time::Instant;

use crate::profile::{ClosedModel, Model, Seed};
use crate::vu::Cast;

pub use busy::Load;
use busy::{BUSY_INTERVAL, LoadMeter};
use clock::Clock;

/// How much is done in a row before virtual users get their turn, where the thread is behind.
const IN_A_ROW: u32 = 16;

/// Which share of a scenario's load a thread has: shard `index` of `count` runs the virtual users congruent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 0.
    pub index: u32,
    /// Of how many.
    pub count: u32,
}

impl Shard {
    /// The numbers that it takes, without an end. The shards of one count are a partition.
    fn numbers(self) -> impl Iterator<Item = u32> {
        (self.index..u32::MAX).step_by(self.count.max(1) as usize)
    }
}

/// A thread's share of a scenario's load, ready to start.
#[derive(Debug)]
pub struct Share {
    /// Which share.
    pub shard: Shard,
    /// What its virtual users share.
    pub cast: Arc<Cast>,
    /// What the open model's random arrivals derive from.
    pub seed: Seed,
    /// How long after the start of the run's load the scenario's own starts.
    pub start: Duration,
    /// Whether a person may want more or fewer virtual users while they run.
    pub steerable: bool,
    /// Gets a permit when this share's load is over.
    pub over: Arc<Semaphore>,
}

/// Makes the load of a thread, and returns when its last virtual user has stopped. `gate` gives the instant at which the
/// load starts, once all threads are ready; none where it does not start.
pub async fn run(shares: &[Share], gate: impl Future<Output = Option<Instant>>) -> Load {
    let ready = join_all(shares.iter().map(Share::make_ready)).await;
    let begin = gate.await;
    let mut meter = LoadMeter::start();
    let mut interval = tokio::time::interval_at(Instant::now() + BUSY_INTERVAL, BUSY_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut running = std::pin::pin!(join_all(ready.into_iter().map(|ready| ready.run(begin))));
    loop {
        tokio::select! {
            _ = &mut running => return meter.load,
            _ = interval.tick() => meter.measure(),
        }
    }
}

/// A share that can start at once.
struct Ready<'a> {
    share: &'a Share,
    model: ReadyModel<'a>,
    over: Over<'a>,
}

/// Says that a share's load is over when it is dropped, also where the thread dies.
struct Over<'a>(&'a Semaphore);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

enum ReadyModel<'a> {
    Closed(&'a ClosedModel),
    Open(open::Ready<'a>),
}

impl Share {
    async fn make_ready(&self) -> Ready<'_> {
        let model = match &*self.cast.model {
            Model::Closed(model) => ReadyModel::Closed(model),
            Model::Open(model) => ReadyModel::Open(open::Ready::make(model, self).await),
        };
        Ready { share: self, model, over: Over(&self.over) }
    }
}

impl Ready<'_> {
    async fn run(self, begin: Option<Instant>) {
        let Share { cast, start, .. } = self.share;
        let clock = begin.map(|begin| Clock::new(&cast.env.control, begin, *start));
        match (self.model, clock) {
            (ReadyModel::Closed(model), Some(clock)) => closed::run(model, self.share, clock).await,
            (ReadyModel::Closed(_), None) => {}
            (ReadyModel::Open(ready), clock) => ready.run(clock.map(Clock::exact)).await,
        }
        drop(self.over);
    }
}

/// What the task of a virtual user comes to; none where it died.
fn ended<T>(result: Result<T, JoinError>, cast: &Cast) -> Option<T> {
    result
        .inspect_err(|error| {
            // A bug of the host; the other virtual users go on, and the run's end shows it.
            tracing::error!("a virtual user's task failed: {error}");
            cast.env.recorder.vu_failed();
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_a_partition() {
        for count in [1, 2, 3, 7] {
            let shards = (0..count).map(|index| Shard { index, count });
            let mut all: Vec<u32> = shards.flat_map(|shard| shard.numbers().take(10)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..10 * count).collect::<Vec<_>>());
        }
    }
}
