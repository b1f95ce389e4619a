//! A compiled scenario: linked, its exports found, ready to be given to virtual users.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use super::engine::{self, EngineOptions, Ticker};
use super::instance::{CallError, Instance};
use super::state::{Allowance, Environment, Identity, State};
use super::{LoadError, imports};
use crate::component::{self, Shape};

/// Where the functions of a component are, by its exports.
#[derive(Clone, Debug)]
pub(super) struct Exports {
    pub(super) entry: Entry,
    pub(super) lifecycle: Option<Lifecycle>,
}

/// What an iteration calls.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Iteration { run: ComponentExportIndex },
    Tasks { describe: ComponentExportIndex, run_task: ComponentExportIndex },
}

#[derive(Clone, Debug)]
pub(super) struct Lifecycle {
    pub(super) setup: ComponentExportIndex,
    pub(super) start: ComponentExportIndex,
    pub(super) stop: ComponentExportIndex,
    pub(super) teardown: ComponentExportIndex,
}

/// A scenario, compiled and linked; shared by the threads of a run.
pub struct Scenario {
    pub(super) pre: InstancePre<State>,
    pub(super) exports: Exports,
    engine: Engine,
}

impl Scenario {
    /// Compiles and links a component, or takes its code out of the cache.
    ///
    /// # Errors
    /// What keeps it from being a scenario; found here, before any load.
    pub fn load(bytes: &[u8], options: &EngineOptions) -> Result<Scenario, LoadError> {
        let shape = Shape::read(bytes)?;
        shape.check_imports()?;
        shape.check_size()?;
        if !options.wasi_p3 {
            shape.check_no_wasi_p3()?;
        }
        shape.check_memory(options.limits.max_memory_bytes)?;
        let entry = shape.entry()?;
        engine::check_room(&shape, options.run_vus)?;
        let engine = engine::build(&shape, options)?;
        let component = Component::new(&engine, bytes).map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        let mut linker = Linker::new(&engine);
        imports::add_to_linker(&mut linker, &shape).map_err(|error| LoadError::Engine(format!("{error:#}")))?;
        let pre = linker
            .instantiate_pre(&component)
            .map_err(|error| LoadError::Imports(format!("{error:#}; build it against the contract in wit/")))?;
        let exports = Exports::find(&component, &shape, &entry)?;
        Ok(Scenario { pre, exports, engine })
    }

    /// Starts what bounds the CPU time of these scenarios' guests; needed while any of them runs.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start_ticker<'a>(scenarios: impl IntoIterator<Item = &'a Scenario>) -> std::io::Result<Ticker> {
        Ticker::start(scenarios.into_iter().map(|scenario| &scenario.engine))
    }

    /// Whether the scenario has `setup`, `start`, `stop` and `teardown`.
    pub fn has_lifecycle(&self) -> bool {
        self.exports.lifecycle.is_some()
    }

    /// Whether the scenario is made of tasks.
    pub fn has_tasks(&self) -> bool {
        matches!(self.exports.entry, Entry::Tasks { .. })
    }

    /// Asks a scenario made of tasks for their description, in an instance of its own.
    ///
    /// # Errors
    /// The guest trapped.
    pub async fn describe(&self, env: Arc<Environment>) -> Result<TaskSet, CallError> {
        let (identity, own) = (Identity { vu: 0, instance: 0 }, Allowance::default());
        let asking = pin!(async { Instance::new(self, env, identity, own.clone()).await?.describe().await });
        own.account.charge_polls(asking).await
    }
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scenario").field("exports", &self.exports).finish_non_exhaustive()
    }
}

impl Exports {
    fn find(component: &Component, shape: &Shape, entry: &component::Entry) -> Result<Exports, LoadError> {
        let function = |interface: &str, name: &str| {
            let instance = component.get_export_index(None, interface);
            instance.and_then(|instance| component.get_export_index(Some(&instance), name)).ok_or_else(|| {
                LoadError::Export { export: format!("{interface}#{name}"), why: "it is missing".to_owned() }
            })
        };
        let entry = if entry.kind.has_tasks() {
            Entry::Tasks {
                describe: function(&entry.interface, "describe")?,
                run_task: function(&entry.interface, "run-task")?,
            }
        } else {
            Entry::Iteration { run: function(&entry.interface, "run")? }
        };
        let lifecycle = match shape.contract_export("lifecycle") {
            Some(interface) => Some(Lifecycle {
                setup: function(interface, "setup")?,
                start: function(interface, "start")?,
                stop: function(interface, "stop")?,
                teardown: function(interface, "teardown")?,
            }),
            None => None,
        };
        Ok(Exports { entry, lifecycle })
    }
}

/// A task of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its place in the guest's description.
    pub index: u32,
    /// Its name, as the guest gave it.
    pub name: String,
    /// Its name, ready to be shown.
    pub shown_name: String,
    /// How often it is drawn, in proportion to the others' weights; at least 1.
    pub weight: u32,
    /// What a run chooses tasks by, as the guest gave it.
    pub tags: Vec<String>,
    /// The tags, ready to be shown.
    pub shown_tags: Vec<String>,
}

/// The pause between two tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WaitTime {
    /// None.
    None,
    /// Always that long.
    Constant(Duration),
    /// Drawn evenly between the two.
    Between(Duration, Duration),
    /// Tasks start this far apart, where the task itself takes less.
    Pacing(Duration),
}

/// The tasks of a scenario, as it describes them.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSet {
    /// The tasks, in the guest's order.
    pub tasks: Vec<Task>,
    /// The pause between two of them.
    pub wait: WaitTime,
    /// In the order listed, instead of drawn by weight.
    pub sequential: bool,
}

#[cfg(test)]
mod tests;
