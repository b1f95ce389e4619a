//! One virtual user: owns an instance, runs its iterations, and replaces the instance after a trap.
//!
//! This module must not know when a virtual user is due, nor what the others do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use crate::control::Control;
use crate::metrics::Recorder;
use crate::plan::TaskFilter;
use crate::sandbox::{CallError, Environment, Identity, Instance, Scenario, Task, TaskSet, WaitTime};

/// What the virtual users of one thread share.
#[derive(Debug)]
pub struct Cast {
    /// What they run.
    pub scenario: Arc<Scenario>,
    /// Where they run.
    pub env: Arc<Environment>,
    /// What `setup` returned.
    pub setup_data: Arc<str>,
    /// The tasks to draw from; none for a scenario that is not made of tasks.
    pub tasks: Option<Arc<TaskTable>>,
    /// Iterations that all virtual users of the run may start together.
    pub budget: Arc<Budget>,
    /// Iterations that each of them may start; none for no bound.
    pub iterations_per_user: Option<u64>,
    /// Traps in a row after which one of them stops.
    pub max_traps: u32,
}

/// Iterations that are left to start, over all threads.
#[derive(Debug)]
pub struct Budget(Option<AtomicU64>);

impl Budget {
    /// That many iterations; none for no bound.
    pub fn new(iterations: Option<u64>) -> Budget {
        Budget(iterations.map(AtomicU64::new))
    }

    /// Whether one is left. Another thread may take it at any time.
    fn is_left(&self) -> bool {
        self.0.as_ref().is_none_or(|left| left.load(Ordering::Relaxed) > 0)
    }

    /// Takes one; false where none is left.
    fn take(&self) -> bool {
        let Some(left) = &self.0 else { return true };
        left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// The tasks that a run chose, ready to be drawn.
#[derive(Debug, PartialEq)]
pub struct TaskTable {
    tasks: Vec<Task>,
    /// The sum of the weights up to and with each task.
    cumulated: Vec<u64>,
    wait: WaitTime,
    sequential: bool,
}

impl TaskTable {
    /// The tasks that the filter leaves; none where it leaves nothing.
    pub fn new(set: TaskSet, filter: &TaskFilter) -> Option<TaskTable> {
        let tasks: Vec<Task> = set.tasks.into_iter().filter(|task| filter.allows(&task.name, &task.tags)).collect();
        let mut sum = 0;
        let cumulated: Vec<u64> = tasks
            .iter()
            .map(|task| {
                sum += u64::from(task.weight);
                sum
            })
            .collect();
        let sequential = set.sequential || filter.each_once;
        let wait = if filter.each_once { WaitTime::None } else { set.wait };
        (!tasks.is_empty()).then_some(TaskTable { tasks, cumulated, wait, sequential })
    }

    /// How many tasks there are.
    pub fn count(&self) -> usize {
        self.tasks.len()
    }

    /// The task of a virtual user's iteration of that number: in order, or drawn by weight.
    fn choose(&self, iteration: u64, random: &mut impl rand::Rng) -> &Task {
        let place = if self.sequential {
            (iteration % self.tasks.len() as u64) as usize
        } else {
            let total = self.cumulated.last().copied().unwrap_or(1);
            let drawn = random.random_range(0..total);
            self.cumulated.partition_point(|&sum| sum <= drawn)
        };
        &self.tasks[place]
    }

    /// How long to wait after a task that began at `began`.
    fn wait(&self, began: Instant, random: &mut impl rand::Rng) -> Duration {
        match self.wait {
            WaitTime::None => Duration::ZERO,
            WaitTime::Constant(time) => time,
            WaitTime::Between(least, most) => least + (most - least).mul_f64(random.random_range(0.0..=1.0)),
            WaitTime::Pacing(time) => time.saturating_sub(began.elapsed()),
        }
    }
}

/// Runs the virtual user of that number (from 1) until its work is done or the run stops it. What it was doing when the
/// run is aborted is counted as interrupted.
pub async fn run(cast: Arc<Cast>, vu: u32) {
    let recorder = Arc::clone(&cast.env.recorder);
    recorder.vu_started();
    let control = cast.env.control.clone();
    tokio::select! {
        biased;
        () = control.aborted() => {}
        end = VirtualUser::new(cast, vu).live() => if end == End::Failed {
            recorder.vu_failed();
        },
    }
    recorder.vu_stopped();
}

/// How a virtual user's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
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
    instances: u32,
    iterations: u64,
    traps_in_a_row: u32,
    /// The guest asked that no further iteration be started.
    stop_requested: bool,
    random: rand_chacha::ChaCha8Rng,
}

impl VirtualUser {
    fn new(cast: Arc<Cast>, vu: u32) -> VirtualUser {
        // Streams 0 and up are the guest's; the host draws from the last one.
        let random = crate::sandbox::random_stream(cast.env.seed, vu, u64::MAX);
        VirtualUser { cast, vu, instances: 0, iterations: 0, traps_in_a_row: 0, stop_requested: false, random }
    }

    fn recorder(&self) -> &Recorder {
        &self.cast.env.recorder
    }

    fn control(&self) -> &Control {
        &self.cast.env.control
    }

    /// One instance after another, until there is nothing more to do.
    async fn live(mut self) -> End {
        while self.has_more() {
            // Boxed, as `stop` below: rare and large, they would make every virtual user's task larger for good.
            match Box::pin(self.make_instance()).await {
                Ok(mut instance) => {
                    if self.iterate(&mut instance).await {
                        Box::pin(self.stop(instance)).await;
                        return End::Done;
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
        End::Done
    }

    async fn make_instance(&mut self) -> Result<Instance, NoInstance> {
        let identity = Identity { vu: self.vu, instance: self.instances };
        self.instances += 1;
        let cast = Arc::clone(&self.cast);
        let under_way = HookUnderWay { env: Some(&cast.env), hook: "start" };
        let made = async {
            let mut instance = Instance::new(&cast.scenario, Arc::clone(&cast.env), identity).await?;
            instance.set_iteration(u32::try_from(self.iterations).unwrap_or(u32::MAX));
            instance.start(&cast.setup_data).await?;
            Ok(instance)
        };
        let made = made.await;
        under_way.ended();
        made.map_err(|error| self.not_started(&error))
    }

    /// Runs iterations in that instance; false where it trapped and a fresh one is needed.
    async fn iterate(&mut self, instance: &mut Instance) -> bool {
        while self.may_start() {
            let cast = Arc::clone(&self.cast);
            let task = cast.tasks.as_ref().map(|tasks| tasks.choose(self.iterations, &mut self.random));
            self.iterations += 1;
            let began = Instant::now();
            let under_way = UnderWay(Some(&cast.env.recorder));
            let result = instance.iterate(task.map(|task| task.index)).await;
            under_way.ended();
            self.stop_requested |= instance.stop_requested();
            let trapped = self.record(task, began.elapsed(), result);
            if trapped {
                return false;
            }
            // Before the wait, which lies between two iterations: none follows the last one.
            if !self.has_more() {
                break;
            }
            match &cast.tasks {
                Some(tasks) => {
                    let time = tasks.wait(began, &mut self.random);
                    self.pause(time).await;
                }
                // A guest that never waits must leave its thread to the others now and then.
                None => tokio::task::coop::consume_budget().await,
            }
        }
        true
    }

    /// Whether there is another iteration to start; takes it out of the budget.
    fn may_start(&self) -> bool {
        self.has_more() && self.cast.budget.take()
    }

    /// Whether there may be another iteration to start.
    fn has_more(&self) -> bool {
        !self.stop_requested
            && !self.control().is_stopping()
            && self.cast.iterations_per_user.is_none_or(|bound| self.iterations < bound)
            && self.cast.budget.is_left()
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
        let under_way = HookUnderWay { env: Some(&cast.env), hook: "stop" };
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

impl HookUnderWay<'_> {
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
    use rand::SeedableRng;

    fn set(weights: &[u32], sequential: bool) -> TaskSet {
        let task = |(index, &weight): (usize, &u32)| Task {
            index: index as u32,
            name: format!("task {index}"),
            shown_name: format!("task {index}"),
            weight,
            tags: vec![format!("tag {index}")],
            shown_tags: vec![format!("tag {index}")],
        };
        TaskSet { tasks: weights.iter().enumerate().map(task).collect(), wait: WaitTime::None, sequential }
    }

    fn draw(table: &TaskTable, count: u64) -> Vec<u32> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        (0..count).map(|iteration| table.choose(iteration, &mut random).index).collect()
    }

    #[test]
    fn tasks_are_drawn_by_weight() {
        let table = TaskTable::new(set(&[70, 20, 10], false), &TaskFilter::default()).unwrap();
        let drawn = draw(&table, 100_000);
        for (index, share) in [(0, 0.7), (1, 0.2), (2, 0.1)] {
            let found = drawn.iter().filter(|&&task| task == index).count() as f64 / 100_000.0;
            // Five standard deviations of a share of 100,000 draws are less than this.
            assert!((found - share).abs() < 0.0075, "task {index}: {found}");
        }
    }

    #[test]
    fn sequential_tasks_come_in_order() {
        let table = TaskTable::new(set(&[1, 5, 1], true), &TaskFilter::default()).unwrap();
        assert_eq!(draw(&table, 5), [0, 1, 2, 0, 1]);
    }

    #[test]
    fn a_filter_leaves_tasks_out_and_keeps_their_index() {
        let filter = TaskFilter { exclude_tags: vec!["tag 0".into()], ..TaskFilter::default() };
        let table = TaskTable::new(set(&[1, 1, 1], true), &filter).unwrap();
        assert_eq!(draw(&table, 3), [1, 2, 1]);
        let filter = TaskFilter { names: vec!["nobody".into()], ..TaskFilter::default() };
        assert_eq!(TaskTable::new(set(&[1], false), &filter), None);
    }

    #[tokio::test(start_paused = true)]
    async fn pacing_waits_for_what_the_task_left() {
        let mut table = TaskTable::new(set(&[1], false), &TaskFilter::default()).unwrap();
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let began = Instant::now();
        tokio::time::advance(Duration::from_millis(300)).await;
        table.wait = WaitTime::Pacing(Duration::from_secs(1));
        assert_eq!(table.wait(began, &mut random), Duration::from_millis(700));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(table.wait(began, &mut random), Duration::ZERO);
        table.wait = WaitTime::Between(Duration::from_secs(1), Duration::from_secs(3));
        let waits: Vec<_> = (0..1000).map(|_| table.wait(began, &mut random).as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (1.0..=3.0).contains(wait)));
        assert!(waits.iter().any(|&wait| wait < 1.2) && waits.iter().any(|&wait| wait > 2.8));
    }

    #[test]
    fn a_budget_is_taken_once() {
        let budget = Budget::new(Some(2));
        assert!(budget.take() && budget.is_left() && budget.take());
        assert!(!budget.is_left() && !budget.take() && !budget.take());
        assert!((0..1000).all(|_| Budget::new(None).take()) && Budget::new(None).is_left());
    }
}
