//! One instance of a scenario: a store of its own, and the calls that go into it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, ComponentType, Instance as WasmInstance, Lift, Lower, TypedFunc,
};
use wasmtime::{CallHook, Store};

use super::imports::duration;
use super::scenario::{Entry, Scenario, Task, TaskSet, WaitTime};
use super::state::{Allowance, Environment, Identity, State};
use super::trap::Trap;
use crate::guards;
use crate::sample::{Failure, FailureKind};

/// How a call into a guest failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The guest said so: it returned an error, or marked its iteration as failed.
    Failed(String),
    /// The guest trapped; its instance can't be used any more.
    Trapped(Trap),
}

impl CallError {
    /// The failure that it counts as.
    pub fn failure(&self) -> Failure<'_> {
        match self {
            CallError::Failed(reason) => Failure { kind: FailureKind::Marked, reason },
            CallError::Trapped(trap) => Failure { kind: FailureKind::Trap, reason: &trap.message },
        }
    }

    /// Counts it as a failure of that hook.
    pub fn record_for_hook(&self, hook: &str, env: &Environment) {
        env.recorder.record(|statistics| {
            statistics.lifecycle_failure(env.scenario, hook, self.failure());
            if let CallError::Trapped(trap) = self {
                statistics.trap(env.scenario, &trap.message, &trap.backtrace);
            }
        });
    }
}

/// What an iteration or hook came to: an error's text, or nothing.
type Outcome = (Result<(), String>,);

/// A store that counts what its guest still held when it goes: after a call that was cut off in its midst, or an
/// instance that trapped as it was made.
struct CountingStore(Store<State>);

impl Drop for CountingStore {
    fn drop(&mut self) {
        self.0.data_mut().end();
    }
}

/// An instance of a scenario.
pub struct Instance {
    store: CountingStore,
    instance: WasmInstance,
    /// What an iteration calls; bound once, since it is called again and again.
    run: Run,
    lifecycle: Option<super::scenario::Lifecycle>,
}

enum Run {
    Iteration(TypedFunc<(), Outcome>),
    Tasks { describe: ComponentExportIndex, run_task: TypedFunc<(u32,), Outcome> },
}

impl Instance {
    /// Makes an instance of a scenario. What it takes comes from that allowance.
    ///
    /// # Errors
    /// The guest trapped as it was instantiated.
    pub async fn new(
        scenario: &Scenario,
        env: Arc<Environment>,
        identity: Identity,
        allowance: Allowance,
    ) -> Result<Instance, CallError> {
        // Who traps again and again is given instances no faster than others get their turn.
        env.turn_of(&allowance.account).await;
        let mut counting = CountingStore(Store::new(scenario.pre.engine(), State::new(env, identity, allowance)));
        let store = &mut counting.0;
        if guards::ON {
            bound(store);
        }
        store.data_mut().begin();
        let made = async {
            let instance = scenario.pre.instantiate_async(&mut *store).await?;
            let run = match &scenario.exports.entry {
                Entry::Iteration { run } => Run::Iteration(instance.get_typed_func(&mut *store, run)?),
                Entry::Tasks { describe, run_task } => {
                    Run::Tasks { describe: *describe, run_task: instance.get_typed_func(&mut *store, run_task)? }
                }
            };
            wasmtime::error::Ok((instance, run))
        };
        match made.await {
            Ok((instance, run)) => {
                counting.0.data_mut().made();
                Ok(Instance { store: counting, instance, run, lifecycle: scenario.exports.lifecycle.clone() })
            }
            Err(error) => Err(trapped(counting.0.data(), &error)),
        }
    }

    /// Runs an iteration, or the task of that index, which begins so long after it was due.
    ///
    /// # Errors
    /// The guest returned an error, marked the iteration as failed, or trapped.
    pub async fn iterate(&mut self, task: Option<u32>, delay: Duration) -> Result<(), CallError> {
        self.begin();
        self.store.0.data_mut().delay = delay;
        let store = &mut self.store.0;
        let result = match &self.run {
            Run::Iteration(run) => run.call_async(store, ()).await,
            Run::Tasks { run_task, .. } => run_task.call_async(store, (task.unwrap_or(0),)).await,
        };
        let result = self.finish(result.map(|(outcome,)| outcome));
        self.store.0.data_mut().iteration += 1;
        result
    }

    /// Asks a scenario made of tasks for their description.
    ///
    /// # Errors
    /// The guest trapped, or describes no tasks.
    pub async fn describe(&mut self) -> Result<TaskSet, CallError> {
        let Run::Tasks { describe, .. } = &self.run else {
            return Err(CallError::Failed("the scenario is not made of tasks".to_owned()));
        };
        let describe = *describe;
        let (description,): (Description,) = self.call(&describe, ()).await?;
        let state = self.store.0.data();
        description.into_task_set(|text| state.presentable(text).into_owned())
    }

    /// Calls `setup`; what it returns reaches every `start` and `teardown`. Empty without a lifecycle.
    ///
    /// # Errors
    /// As of `iterate`.
    pub async fn setup(&mut self) -> Result<String, CallError> {
        let Some(setup) = self.lifecycle.as_ref().map(|hooks| hooks.setup) else { return Ok(String::new()) };
        let (outcome,): (Result<String, String>,) = self.call(&setup, ()).await?;
        outcome.map_err(|reason| self.failed(&reason))
    }

    /// Calls `start`, if there is a lifecycle.
    ///
    /// # Errors
    /// As of `iterate`.
    pub async fn start(&mut self, setup_data: &str) -> Result<(), CallError> {
        let Some(start) = self.lifecycle.as_ref().map(|hooks| hooks.start) else { return Ok(()) };
        let (outcome,): Outcome = self.call(&start, (setup_data,)).await?;
        outcome.map_err(|reason| self.failed(&reason))
    }

    /// Calls `stop`, if there is a lifecycle.
    ///
    /// # Errors
    /// As of `iterate`.
    pub async fn stop(&mut self) -> Result<(), CallError> {
        let Some(stop) = self.lifecycle.as_ref().map(|hooks| hooks.stop) else { return Ok(()) };
        self.call::<(), ()>(&stop, ()).await
    }

    /// Calls `teardown`, if there is a lifecycle.
    ///
    /// # Errors
    /// As of `iterate`.
    pub async fn teardown(&mut self, setup_data: &str) -> Result<(), CallError> {
        let Some(teardown) = self.lifecycle.as_ref().map(|hooks| hooks.teardown) else { return Ok(()) };
        self.call::<_, ()>(&teardown, (setup_data,)).await
    }

    /// Whether the guest asked to be stopped after the iteration that it was in.
    pub fn stop_requested(&self) -> bool {
        self.store.0.data().stop_requested
    }

    /// Continues the iteration numbers of an instance that this one replaces.
    pub fn set_iteration(&mut self, iteration: u32) {
        self.store.0.data_mut().iteration = iteration;
    }

    async fn call<Params, Results>(
        &mut self,
        function: &ComponentExportIndex,
        params: Params,
    ) -> Result<Results, CallError>
    where
        Params: ComponentNamedList + Lower + Send + Sync,
        Results: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        self.begin();
        let result = match self.instance.get_typed_func::<Params, Results>(&mut self.store.0, function) {
            Ok(function) => function.call_async(&mut self.store.0, params).await,
            Err(error) => Err(error),
        };
        self.store.0.data_mut().end();
        result.map_err(|error| trapped(self.store.0.data(), &error))
    }

    fn begin(&mut self) {
        self.store.0.set_epoch_deadline(1);
        self.store.0.data_mut().begin();
    }

    /// Ends an iteration: what the guest marked comes before what it returned.
    fn finish(&mut self, result: wasmtime::Result<Result<(), String>>) -> Result<(), CallError> {
        let state = self.store.0.data_mut();
        state.end();
        let marked = state.failure.take();
        match (result, marked) {
            (Err(error), _) => Err(trapped(self.store.0.data(), &error)),
            (Ok(_), Some(reason)) => Err(CallError::Failed(reason)),
            (Ok(Err(reason)), None) => Err(self.failed(&reason)),
            (Ok(Ok(())), None) => Ok(()),
        }
    }

    fn failed(&self, reason: &str) -> CallError {
        CallError::Failed(self.store.0.data().presentable(reason).into_owned())
    }
}

/// Bounds a guest's memory and CPU time, and what wasmtime itself keeps for it: handles, what one call hands over, and
/// async calls under way.
fn bound(store: &mut Store<State>) {
    store.limiter(|state| state.memory_limiter());
    store.epoch_deadline_callback(|mut context| context.data_mut().tick());
    store.set_epoch_deadline(1);
    store.call_hook(|mut context, transition| match transition {
        CallHook::CallingHost => context.data_mut().leaves_guest(),
        _ => Ok(()),
    });
    let limits = store.data().limits().clone();
    store.set_max_component_handles(limits.max_handles);
    store.set_hostcall_fuel(limits.max_call_bytes);
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(limits.max_async_calls);
    }
}

/// What a trap says, ready to be shown.
fn trapped(state: &State, error: &wasmtime::Error) -> CallError {
    let mut trap = Trap::new(error, state.memory_denied());
    trap.message = state.presentable(&trap.message).into_owned();
    CallError::Trapped(trap)
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("identity", &self.store.0.data().identity).finish_non_exhaustive()
    }
}

/// `task-types.description`, as a guest hands it over.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Description {
    tasks: Vec<DescribedTask>,
    wait: DescribedWait,
    sequential: bool,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct DescribedTask {
    name: String,
    weight: u32,
    tags: Vec<String>,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
enum DescribedWait {
    #[component(name = "no-wait")]
    NoWait,
    #[component(name = "constant")]
    Constant(f64),
    #[component(name = "between")]
    Between((f64, f64)),
    #[component(name = "pacing")]
    Pacing(f64),
}

impl Description {
    /// The tasks; `presentable` makes what the guest calls them ready to be shown.
    fn into_task_set(self, presentable: impl Fn(&str) -> String) -> Result<TaskSet, CallError> {
        if self.tasks.is_empty() {
            return Err(CallError::Failed("the scenario describes no tasks".to_owned()));
        }
        let tasks = self.tasks.into_iter().zip(0..).map(|(task, index)| Task {
            index,
            shown_name: presentable(&task.name),
            name: task.name,
            weight: task.weight.max(1),
            shown_tags: task.tags.iter().map(|tag| presentable(tag)).collect(),
            tags: task.tags,
        });
        let wait = match self.wait {
            DescribedWait::NoWait => WaitTime::None,
            DescribedWait::Constant(time) => WaitTime::Constant(duration(time)),
            DescribedWait::Between((least, most)) => {
                let (least, most) = (duration(least), duration(most));
                WaitTime::Between(least.min(most), least.max(most))
            }
            DescribedWait::Pacing(time) => WaitTime::Pacing(duration(time)),
        };
        Ok(TaskSet { tasks: tasks.collect(), wait, sequential: self.sequential })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_keep_their_names_and_show_presentable_ones() {
        let task = DescribedTask { name: "buy s3cret".into(), weight: 0, tags: vec!["s3cret".into(), "slow".into()] };
        let description = Description { tasks: vec![task], wait: DescribedWait::NoWait, sequential: true };
        let set = description.into_task_set(|text| text.replace("s3cret", "***")).unwrap();
        let task = Task {
            index: 0,
            name: "buy s3cret".into(),
            shown_name: "buy ***".into(),
            weight: 1,
            tags: vec!["s3cret".into(), "slow".into()],
            shown_tags: vec!["***".into(), "slow".into()],
        };
        assert_eq!(set, TaskSet { tasks: vec![task], wait: WaitTime::None, sequential: true });
    }
}
