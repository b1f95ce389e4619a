//! Between the exports that the host calls and the traits that a scenario implements. For the macros of this crate only.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::PanicHookInfo;
use std::sync::Once;
use std::time::Duration;

use crate::bindings::{iteration_export, lifecycle_export, tasks_export};
use crate::failure::{Failure, Outcome};
use crate::scenario::{Scenario, Task, TaskScenario, Wait};
use crate::user::{self, LogLevel};

pub use crate::bindings::iteration_export::export_iteration;
pub use crate::bindings::lifecycle_export::export_lifecycle;
pub use crate::bindings::tasks_export::export_tasks;

thread_local! {
    /// The state of the virtual user that this instance is, from its start on.
    static USER: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// What each export calls first: a panic, which ends as a trap, then leaves its message and place in the run's log.
pub fn enter() {
    static ENTERED: Once = Once::new();
    ENTERED.call_once(|| std::panic::set_hook(Box::new(log_panic)));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    user::log(LogLevel::Error, &panic.to_string());
}

/// Runs an iteration that is a plain function.
pub fn run(iteration: fn() -> Outcome) -> Result<(), String> {
    enter();
    iteration().map_err(Failure::into_reason)
}

/// The exports of a [`Scenario`].
pub struct ScenarioExports<S>(PhantomData<S>);

impl<S: Scenario> lifecycle_export::Guest for ScenarioExports<S> {
    fn setup() -> Result<String, String> {
        enter();
        S::setup().map_err(Failure::into_reason)
    }

    fn start(setup_data: String) -> Result<(), String> {
        enter();
        keep_user(S::start(&setup_data))
    }

    fn stop() {
        with_user(S::stop);
    }

    fn teardown(setup_data: String) {
        enter();
        S::teardown(&setup_data);
    }
}

impl<S: Scenario> iteration_export::Guest for ScenarioExports<S> {
    fn run() -> Result<(), String> {
        with_user(S::iteration).unwrap_or_else(not_started).map_err(Failure::into_reason)
    }
}

/// The exports of a [`TaskScenario`].
pub struct TaskExports<S>(PhantomData<S>);

impl<S: TaskScenario> lifecycle_export::Guest for TaskExports<S> {
    fn setup() -> Result<String, String> {
        enter();
        S::setup().map_err(Failure::into_reason)
    }

    fn start(setup_data: String) -> Result<(), String> {
        enter();
        keep_user(S::start(&setup_data).map(|user| Tasked { user, tasks: S::tasks() }))
    }

    fn stop() {
        with_user(|tasked: &mut Tasked<S>| tasked.user.stop());
    }

    fn teardown(setup_data: String) {
        enter();
        S::teardown(&setup_data);
    }
}

impl<S: TaskScenario> tasks_export::Guest for TaskExports<S> {
    fn describe() -> tasks_export::task_types::Description {
        enter();
        tasks_export::task_types::Description {
            tasks: S::tasks().iter().map(describe_task).collect(),
            wait: describe_wait(S::wait()),
            sequential: S::sequential(),
        }
    }

    fn run_task(index: u32) -> Result<(), String> {
        let run = |tasked: &mut Tasked<S>| match tasked.tasks.get(index as usize) {
            Some(task) => (task.run)(&mut tasked.user),
            None => Err(Failure::new("the host asked for a task that is not described")),
        };
        with_user(run).unwrap_or_else(not_started).map_err(Failure::into_reason)
    }
}

/// A virtual user and its tasks, which are put together once.
struct Tasked<S> {
    user: S,
    tasks: Vec<Task<S>>,
}

fn keep_user<U: 'static>(started: Outcome<U>) -> Result<(), String> {
    let user = started.map_err(Failure::into_reason)?;
    USER.set(Some(Box::new(user)));
    Ok(())
}

/// None where no user of this type started.
fn with_user<U: 'static, T>(act: impl FnOnce(&mut U) -> T) -> Option<T> {
    USER.with_borrow_mut(|user| user.as_mut()?.downcast_mut().map(act))
}

fn not_started() -> Outcome {
    Err(Failure::new("the host ran an iteration before `lifecycle.start`"))
}

fn describe_task<S>(task: &Task<S>) -> tasks_export::task_types::Task {
    tasks_export::task_types::Task {
        name: task.name.to_owned(),
        weight: task.weight,
        tags: task.tags.iter().map(|tag| (*tag).to_owned()).collect(),
    }
}

fn describe_wait(wait: Wait) -> tasks_export::task_types::WaitTime {
    use tasks_export::task_types::WaitTime;
    let seconds = |time: Duration| time.as_secs_f64();
    match wait {
        Wait::None => WaitTime::NoWait,
        Wait::Constant(time) => WaitTime::Constant(seconds(time)),
        Wait::Between(least, most) => WaitTime::Between((seconds(least), seconds(most))),
        Wait::Pacing(time) => WaitTime::Pacing(seconds(time)),
    }
}

/// Exports a function `fn() -> Outcome` as the scenario's iteration: the least that a scenario can be.
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// fn visit() -> Outcome {
///     get("/").send().expect_status(200)
/// }
///
/// iteration!(visit);
/// ```
#[macro_export]
macro_rules! iteration {
    ($function:path) => {
        const _: () = {
            struct Exports;

            impl $crate::bindings::iteration_export::Guest for Exports {
                fn run() -> ::core::result::Result<(), ::std::string::String> {
                    $crate::exports::run($function)
                }
            }

    $crate::exports::export_iteration!(Exports with_types_in $crate::bindings::iteration_export);
        };
    };
}

/// Exports a type that implements [`Scenario`](crate::Scenario).
#[macro_export]
macro_rules! scenario {
    ($user:ty) => {
        const _: () = {
            type Exports = $crate::exports::ScenarioExports<$user>;
    $crate::exports::export_lifecycle!(Exports with_types_in $crate::bindings::lifecycle_export);
    $crate::exports::export_iteration!(Exports with_types_in $crate::bindings::iteration_export);
        };
    };
}

/// Exports a type that implements [`TaskScenario`](crate::TaskScenario).
#[macro_export]
macro_rules! tasks {
    ($user:ty) => {
        const _: () = {
            type Exports = $crate::exports::TaskExports<$user>;
    $crate::exports::export_lifecycle!(Exports with_types_in $crate::bindings::lifecycle_export);
    $crate::exports::export_tasks!(Exports with_types_in $crate::bindings::tasks_export);
        };
    };
}
