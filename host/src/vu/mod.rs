//! One virtual user: owns an instance, runs its iterations, and replaces the instance after a trap.
//!
//! This module must not know when a virtual user is due, nor what the others do.

mod orders;
mod tasks;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::control::Control;
use crate::metrics::Recorder;
use crate::profile::Model;
use crate::sandbox::{
    Account, Allowance, CallError, Environment, Identity, Instance, LogBudget, Scenario, Task, Ticks,
};

pub use orders::{Orders, Seat};
pub use tasks::TaskTable;

/// What the virtual users of one scenario and thread share.
#[derive(Clone, Debug)]
pub struct Cast {
    /// What they run.
    pub scenario: Arc<Scenario>,
    /// Where they run.
    pub env: Arc<Environment>,
    /// What `setup` returned.
    pub setup_data: Arc<str>,
    /// The tasks to draw from; none for a scenario that is not made of tasks.
    pub tasks: Option<Arc<TaskTable>>,
    /// Iterations that all virtual users of the scenario may start together.
    pub budget: Arc<Budget>,
    /// Cancelled when nothing is left of them, so that nobody of this thread waits for the next one.
    pub done: CancellationToken,
    /// How their iterations are paced.
    pub model: Arc<Model>,
    /// What they are called.
    pub numbers: Numbers,
    /// Traps in a row after which one of them stops.
    pub max_traps: u32,
}

/// The numbers of a scenario's virtual users, by which a run tells all of them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Virtual users of the scenarios before it.
    pub before: u32,
    /// How many of its own are planned.
    pub planned: u32,
    /// Virtual users that have the numbers before those that a person adds to this scenario: all that are planned, and
    /// those that may be added to the scenarios before it. So what is planned has the same numbers in every run.
    pub beyond: u32,
}

impl Numbers {
    /// The number, from 1, of the scenario's virtual user of that index.
    pub fn of(self, index: u32) -> u32 {
        let number = if index < self.planned { self.before + index } else { self.beyond + (index - self.planned) };
        number.saturating_add(1)
    }
}

/// Iterations that are left to start, over all threads.
#[derive(Debug)]
pub struct Budget(Option<Left>);

#[derive(Debug)]
struct Left {
    iterations: AtomicU64,
    spent: CancellationToken,
}

impl Budget {
    /// That many iterations; none for no bound.
    pub fn new(iterations: Option<u64>) -> Budget {
        Budget(iterations.map(|count| Left { iterations: AtomicU64::new(count), spent: CancellationToken::new() }))
    }

    /// Returns once none is left.
    pub async fn spent(&self) {
        match &self.0 {
            Some(left) => left.spent.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Whether one is left. Another thread may take it at any time.
    fn is_left(&self) -> bool {
        self.0.as_ref().is_none_or(|left| left.iterations.load(Ordering::Relaxed) > 0)
    }

    /// Takes one; false where none is left.
    fn take(&self) -> bool {
        let Some(left) = &self.0 else { return true };
        let taken = left.iterations.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if taken == Ok(1) {
            left.spent.cancel();
        }
        taken.is_ok()
    }
}

/// Where a virtual user's iterations come from.
#[derive(Debug)]
pub enum Work {
    /// It starts the next one when the last one ended.
    Own,
    /// They are handed out as they are due.
    Orders(Arc<Orders>, Arc<Seat>),
}

/// What a virtual user takes along where it stops and comes back: so its bounds hold over all of its time, and it draws
/// other random numbers than before.
#[derive(Debug, Default)]
pub struct Life {
    iterations: u64,
    instances: u32,
    random: Option<rand_chacha::ChaCha8Rng>,
    /// What it took beyond its share of its thread.
    owed: Ticks,
    /// What it may log in the second that goes.
    log: LogBudget,
}

/// Runs the scenario's virtual user of that index (from 0) until its work is done or the run stops it; how it ended, and
/// what it takes along. What it was doing when the run is aborted is counted as interrupted.
pub async fn run(cast: Arc<Cast>, index: u32, life: Life, work: Work) -> (End, Life) {
    let vu = cast.numbers.of(index);
    let scenario = cast.env.scenario;
    let recorder = Arc::clone(&cast.env.recorder);
    recorder.vu_started();
    let control = cast.env.control.clone();
    let seat = if let Work::Orders(_, seat) = &work { Some(Arc::clone(seat)) } else { None };
    let user = VirtualUser::new(cast, vu, life, work);
    let account = user.allowance.account.clone();
    let live = pin!(user.live());
    let (end, life) = tokio::select! {
        biased;
        () = control.aborted() => (End::Done, Life::default()),
        // All that the virtual user does is its own time: in its guest, for it in the host, and what its instances leave.
        end = account.charge_polls(live) => end,
    };
    // It was handed an iteration, and came to its end before.
    if seat.is_some_and(|seat| seat.take().is_some()) {
        recorder.record(|statistics| statistics.dropped(scenario, 1));
    }
    if end == End::Failed {
        recorder.vu_failed();
    }
    recorder.vu_stopped();
    (end, life)
}

/// How a virtual user's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There was nothing more to do, or its guest wanted no more.
    Done,
    /// It was told to stop, and could go on.
    Stopped,
    /// Its instance could not be made, or trapped too often.
    Failed,
}

/// Why a virtual user has no instance to go on with.
enum NoInstance {
    /// It trapped as it was made or in `start`.
    Trapped,
    /// `start` returned an error.
    Refused,
}

struct VirtualUser {
    cast: Arc<Cast>,
    vu: u32,
    work: Work,
    instances: u32,
    iterations: u64,
    traps_in_a_row: u32,
    /// The guest asked that no further iteration be started.
    stop_requested: bool,
    random: rand_chacha::ChaCha8Rng,
    allowance: Allowance,
}

impl VirtualUser {
    fn new(cast: Arc<Cast>, vu: u32, life: Life, work: Work) -> VirtualUser {
        let Life { iterations, instances, random, owed, log } = life;
        // Streams 0 and up are the guest's; the host draws from the last one.
        let random = random.unwrap_or_else(|| crate::sandbox::random_stream(cast.env.seed, vu, u64::MAX));
        let allowance = Allowance { account: Account::of_this_thread(owed), log };
        let (traps_in_a_row, stop_requested) = (0, false);
        VirtualUser { cast, vu, work, instances, iterations, traps_in_a_row, stop_requested, random, allowance }
    }

    fn recorder(&self) -> &Recorder {
        &self.cast.env.recorder
    }

    fn control(&self) -> &Control {
        &self.cast.env.control
    }

    /// One instance after another, until there is nothing more to do.
    async fn live(mut self) -> (End, Life) {
        let end = self.live_on().await;
        let (iterations, instances, random) = (self.iterations, self.instances, Some(self.random));
        let Allowance { account, log } = self.allowance;
        (end, Life { iterations, instances, random, owed: account.owed(), log })
    }

    async fn live_on(&mut self) -> End {
        while self.has_more() {
            // Boxed, as `stop` below: rare and large, they would make every virtual user's task larger for good.
            match Box::pin(self.make_instance()).await {
                Ok(mut instance) => {
                    if self.iterate(&mut instance).await {
                        Box::pin(self.stop(instance)).await;
                        return self.end();
                    }
                }
                Err(NoInstance::Refused) => return End::Failed,
                Err(NoInstance::Trapped) => {}
            }
            if self.traps_in_a_row >= self.cast.max_traps {
                tracing::warn!(vu = self.vu, "stopped after {} traps in a row", self.traps_in_a_row);
                return End::Failed;
            }
        }
        self.end()
    }

    fn end(&self) -> End {
        if self.control().is_stopping() && !self.stop_requested { End::Stopped } else { End::Done }
    }

    async fn make_instance(&mut self) -> Result<Instance, NoInstance> {
        let identity = Identity { vu: self.vu, instance: self.instances };
        self.instances += 1;
        let cast = Arc::clone(&self.cast);
        let made = async {
            let allowance = self.allowance.clone();
            let mut instance = Instance::new(&cast.scenario, Arc::clone(&cast.env), identity, allowance).await?;
            instance.set_iteration(u32::try_from(self.iterations).unwrap_or(u32::MAX));
            // What is cut off before was not begun, and counts for nothing.
            let under_way = HookUnderWay::new(&cast, "start");
            let started = instance.start(&cast.setup_data).await;
            under_way.ended();
            started.map(|()| instance)
        };
        let made = made.await.inspect(|instance: &Instance| self.stop_requested |= instance.stop_requested());
        made.map_err(|error| self.not_started(&error))
    }

    /// Runs iterations in that instance; false where it trapped and a fresh one is needed.
    async fn iterate(&mut self, instance: &mut Instance) -> bool {
        loop {
            let cast = Arc::clone(&self.cast);
            // Before an iteration is taken on, so that none is delayed by it unmeasured.
            cast.env.turn_of(&self.allowance.account).await;
            let Some(delay) = self.next().await else { return true };
            let task = cast.tasks.as_ref().map(|tasks| tasks.choose(self.iterations, &mut self.random));
            self.iterations += 1;
            let began = Instant::now();
            let under_way = UnderWay(Some(&cast.env.recorder));
            let result = instance.iterate(task.map(|task| task.index), delay).await;
            under_way.ended();
            self.stop_requested |= instance.stop_requested();
            let trapped = self.record(task, began.elapsed(), result);
            if trapped {
                return false;
            }
            // Before the wait, which lies between two iterations: none follows the last one.
            if !self.has_more() {
                return true;
            }
            self.rest(began).await;
        }
    }

    /// Waits for the next iteration: how long after it was due it starts; none where there is no more to do.
    async fn next(&self) -> Option<Duration> {
        match &self.work {
            Work::Own => {
                let control = self.control();
                if control.steering().is_paused() {
                    // Boxed, since it is rare.
                    Box::pin(async {
                        tokio::select! {
                            () = control.stopped() => {}
                            () = self.cast.done.cancelled() => {}
                            () = control.steering().resumed() => {}
                        }
                    })
                    .await;
                }
                self.may_start().then_some(Duration::ZERO)
            }
            Work::Orders(..) if self.stop_requested || self.control().is_stopping() => None,
            Work::Orders(orders, seat) => {
                let due = orders.next(seat).await?;
                let delay = Instant::now().saturating_duration_since(due);
                self.recorder().record(|statistics| statistics.started_late(self.cast.env.scenario, delay));
                Some(delay)
            }
        }
    }

    /// Whether there is another iteration to start; takes it out of the budget.
    fn may_start(&self) -> bool {
        self.has_more() && self.cast.budget.take()
    }

    /// Whether there may be another iteration to start.
    fn has_more(&self) -> bool {
        let bound = match &*self.cast.model {
            Model::Closed(model) => model.iterations_per_user,
            Model::Open(_) => None,
        };
        !self.stop_requested
            && !self.control().is_stopping()
            && bound.is_none_or(|bound| self.iterations < bound)
            && self.cast.budget.is_left()
    }

    /// Lies between two iterations of the closed model: the wait that the run wants, and where it says nothing, the
    /// scenario's own. In the open model it is the rate that says when the next one starts.
    async fn rest(&mut self, began: Instant) {
        let cast = Arc::clone(&self.cast);
        let time = match (&*cast.model, &cast.tasks) {
            (Model::Open(_), _) => Duration::ZERO,
            (Model::Closed(model), _) if model.paces() => model.pause(began.elapsed(), &mut self.random),
            (Model::Closed(_), Some(tasks)) => tasks.wait(began, &mut self.random),
            (Model::Closed(_), None) => Duration::ZERO,
        };
        self.pause(time).await;
    }

    /// Counts an iteration; whether it trapped.
    fn record(&mut self, task: Option<&Task>, elapsed: Duration, result: Result<(), CallError>) -> bool {
        let scenario = self.cast.env.scenario;
        let failure = result.as_ref().err().map(CallError::failure);
        self.recorder().record(|statistics| {
            statistics.iteration(scenario, elapsed, failure);
            if let Some(task) = task {
                statistics.task(scenario, &task.shown_name, elapsed, failure);
            }
        });
        let Err(CallError::Trapped(trap)) = result else {
            self.traps_in_a_row = 0;
            return false;
        };
        self.traps_in_a_row += 1;
        self.recorder().record(|statistics| statistics.trap(scenario, &trap.message, &trap.backtrace));
        true
    }

    /// Counts that there is no instance to go on with.
    fn not_started(&mut self, error: &CallError) -> NoInstance {
        error.record_for_hook("start", &self.cast.env);
        match error {
            CallError::Failed(_) => NoInstance::Refused,
            CallError::Trapped(_) => {
                self.traps_in_a_row += 1;
                NoInstance::Trapped
            }
        }
    }

    async fn stop(&mut self, mut instance: Instance) {
        let cast = Arc::clone(&self.cast);
        let under_way = HookUnderWay::new(&cast, "stop");
        let stopped = instance.stop().await;
        under_way.ended();
        if let Err(error) = stopped {
            error.record_for_hook("stop", &cast.env);
        }
    }

    /// Waits that long, or until the run stops.
    async fn pause(&self, time: Duration) {
        if time.is_zero() {
            return tokio::task::coop::consume_budget().await;
        }
        tokio::select! {
            biased;
            () = self.control().stopped() => {}
            () = self.cast.done.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }
}

/// An iteration under way; dropped before it ended, it counts as interrupted.
struct UnderWay<'a>(Option<&'a Recorder>);

impl UnderWay<'_> {
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(recorder) = self.0 {
            recorder.iteration_interrupted();
        }
    }
}

/// A hook under way; dropped before it ended, it counts as failed.
struct HookUnderWay<'a> {
    env: Option<&'a Environment>,
    hook: &'static str,
}

impl<'a> HookUnderWay<'a> {
    /// Of a scenario without hooks none is under way.
    fn new(cast: &'a Cast, hook: &'static str) -> HookUnderWay<'a> {
        HookUnderWay { env: cast.scenario.has_lifecycle().then_some(&*cast.env), hook }
    }

    fn ended(mut self) {
        self.env = None;
    }
}

impl Drop for HookUnderWay<'_> {
    fn drop(&mut self) {
        if let Some(env) = self.env {
            CallError::Failed("cut off by the end of the run".to_owned()).record_for_hook(self.hook, env);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_users_have_numbers_of_their_own() {
        // Three scenarios of 2, 1 and 3 virtual users, with room for twice as many.
        let scenarios =
            [(0, 2), (2, 1), (3, 3)].map(|(before, planned)| Numbers { before, planned, beyond: 6 + before });
        let numbers = |from: fn(Numbers) -> u32, until: fn(Numbers) -> u32| -> Vec<u32> {
            scenarios.iter().flat_map(|&own| (from(own)..until(own)).map(move |index| own.of(index))).collect()
        };
        assert_eq!(numbers(|_| 0, |own| own.planned), [1, 2, 3, 4, 5, 6]);
        assert_eq!(numbers(|own| own.planned, |own| 2 * own.planned), [7, 8, 9, 10, 11, 12]);
    }

    #[test]
    fn a_budget_is_taken_once() {
        let budget = Budget::new(Some(2));
        assert!(budget.take() && budget.is_left() && budget.take());
        assert!(!budget.is_left() && !budget.take() && !budget.take());
        assert!((0..1000).all(|_| Budget::new(None).take()) && Budget::new(None).is_left());
    }
}
