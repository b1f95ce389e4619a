//! The open model: iterations start when they are due, each by a virtual user that is free.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::clock::{Clock, Woken};
use super::{IN_A_ROW, Shard, Share, ended};
use crate::profile::{DueTimes, OpenModel};
use crate::vu::{self, Cast, End, Life, Orders, Seat, Work};

/// How many iterations that nobody came to are counted in a row before it is looked whether the run is cut off.
const COUNTED_IN_A_ROW: usize = 4096;

/// How long virtual users that are made ahead may take to be ready before the load starts without them.
const AHEAD: Duration = Duration::from_secs(60);

/// A share whose virtual users were made ahead.
pub(super) struct Ready<'a> {
    model: &'a OpenModel,
    share: &'a Share,
    users: Users<'a>,
}

impl<'a> Ready<'a> {
    /// Makes virtual users ahead.
    pub(super) async fn make(model: &'a OpenModel, share: &'a Share) -> Ready<'a> {
        let mut users = Users::new(&share.cast, share.shard, model.max_vus);
        if tokio::time::timeout(AHEAD, users.make_ahead(model.preallocated_vus)).await.is_err() {
            tracing::warn!("the load starts though some virtual users are not ready after {} s", AHEAD.as_secs());
        }
        Ready { model, share, users }
    }

    /// Hands out iterations until there are no more; then waits until the last virtual user has stopped. Without a clock
    /// there is no load.
    pub(super) async fn run(mut self, clock: Option<Clock>) {
        if let Some(clock) = clock {
            hand_out(self.model, self.share, &mut self.users, clock).await;
        }
        self.users.orders.close();
        while let Some(result) = self.users.tasks.join_next().await {
            ended(result, &self.share.cast);
        }
    }
}

async fn hand_out(model: &OpenModel, share: &Share, users: &mut Users<'_>, mut clock: Clock) {
    let Shard { index, count } = share.shard;
    let mut arrivals = model.arrivals(share.seed, index, count);
    let mut in_a_row = 0;
    loop {
        let arrival = arrivals.peek().map(|(_, due)| due);
        if arrival.is_none() && (arrivals.is_exhausted() || model.length().is_none() && !clock.has_no_load()) {
            return;
        }
        // The load lasts as long as it was to last, also after its last arrival.
        let due = arrival.or(model.length()).and_then(|due| clock.due(due));
        if due.is_none_or(|due| due > Instant::now()) {
            in_a_row = 0;
        } else if in_a_row == IN_A_ROW {
            in_a_row = 0;
            tokio::task::yield_now().await;
        }
        in_a_row += 1;
        match (clock.wait(due).await, arrival.and(due)) {
            (Woken::Due, Some(due)) => {
                arrivals.next();
                if !users.start(due) {
                    return;
                }
            }
            (Woken::Due, None) => return,
            (Woken::Stopped, _) => return users.miss(&mut arrivals, &clock).await,
            (Woken::Changed, _) => {
                let changed = model.changed(&clock.changes());
                users.allow(share.shard, changed.max_vus);
                arrivals.change(&changed);
            }
        }
    }
}

/// The virtual users of a share.
struct Users<'a> {
    cast: &'a Arc<Cast>,
    orders: Arc<Orders>,
    tasks: JoinSet<(u32, End, Life)>,
    /// Those that may yet be made, by their indices.
    unused: VecDeque<(u32, Life)>,
    /// How many there may be in all shares.
    allowed: u32,
}

impl<'a> Users<'a> {
    fn new(cast: &'a Arc<Cast>, shard: Shard, allowed: u32) -> Self {
        let mut users =
            Users { cast, orders: Arc::default(), tasks: JoinSet::new(), unused: VecDeque::new(), allowed: 0 };
        users.allow(shard, allowed);
        users
    }

    /// Allows so many in all shards, unless there are already.
    fn allow(&mut self, shard: Shard, allowed: u32) {
        let more = shard.numbers().skip_while(|index| *index < self.allowed).take_while(|index| *index < allowed);
        self.unused.extend(more.map(|index| (index, Life::default())));
        self.allowed = self.allowed.max(allowed);
    }

    /// Makes those with an index below `count`, and waits until they are free, or have ended.
    async fn make_ahead(&mut self, count: u32) {
        while self.unused.front().is_some_and(|(index, _)| *index < count) {
            self.make(None);
        }
        while self.orders.free() < self.tasks.len() {
            tokio::select! {
                () = self.cast.env.control.stopped() => return,
                () = self.orders.freed() => {}
                Some(result) = self.tasks.join_next() => self.take_back(ended(result, self.cast)),
            }
        }
    }

    /// Has somebody start an iteration that is due: one who is free, or a new one; without either it is dropped. False
    /// where all have failed, so that nobody will ever start one.
    fn start(&mut self, due: Instant) -> bool {
        if self.orders.hand_out(due) {
            return true;
        }
        while let Some(result) = self.tasks.try_join_next() {
            self.take_back(ended(result, self.cast));
        }
        if !self.make(Some(due)) {
            let scenario = self.cast.env.scenario;
            self.cast.env.recorder.record(|statistics| statistics.dropped(scenario, 1));
        }
        !self.tasks.is_empty()
    }

    /// Counts the iterations that are due by now, and that the thread did not come to before the load stopped.
    async fn miss(&self, arrivals: &mut DueTimes, clock: &Clock) {
        let (now, scenario) = (Instant::now(), self.cast.env.scenario);
        let is_due = |(_, due): &(u64, Duration)| clock.due(*due).is_some_and(|due| due < now);
        loop {
            let missed = arrivals.by_ref().take_while(is_due).take(COUNTED_IN_A_ROW).count();
            self.cast.env.recorder.record(|statistics| statistics.missed(scenario, missed as u64));
            if missed < COUNTED_IN_A_ROW || self.cast.env.control.is_aborted() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Makes a virtual user, for an iteration that is due or to be free; false where there are as many as may be.
    fn make(&mut self, due: Option<Instant>) -> bool {
        let Some((index, life)) = self.unused.pop_front() else { return false };
        let cast = Arc::clone(self.cast);
        let work = Work::Orders(Arc::clone(&self.orders), Seat::new(due));
        self.tasks.spawn(async move {
            let (end, life) = vu::run(cast, index, life, work).await;
            (index, end, life)
        });
        true
    }

    /// Lets one that ended be made anew, unless it failed.
    fn take_back(&mut self, ended: Option<(u32, End, Life)>) {
        let usable = ended.filter(|(_, end, _)| *end != End::Failed);
        self.unused.extend(usable.map(|(index, _, life)| (index, life)));
    }
}
