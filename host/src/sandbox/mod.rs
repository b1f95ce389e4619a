//! The sandbox: compiles a scenario, gives each virtual user an instance and a store of its own, and answers what it
//! imports. The guest is trusted with nothing: not with time, not with counts, not with memory.
//!
//! This is the one module that names wasmtime. It must not know when iterations are due, nor how many there are.

mod bindings;
mod cpu;
mod engine;
mod imports;
mod instance;
mod log;
mod memory;
mod responses;
mod scenario;
mod state;
mod trap;
mod turns;

pub use cpu::{Account, Ticks};
pub use engine::{EngineOptions, Ticker};
pub use instance::{CallError, Instance};
pub use log::LogBudget;
pub use scenario::{Scenario, Task, TaskSet, WaitTime};
pub(crate) use state::random_stream;
pub use state::{Allowance, Environment, Identity};
pub use trap::Trap;

use crate::component::ComponentError;

/// Why a component can't be a scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// What its outside says forbids it.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// Its imports have other types than those that the host offers.
    #[error("link the component's imports: {0}")]
    Imports(String),
    /// wasmtime can't compile it.
    #[error("compile the component: {0}")]
    Compile(String),
    /// An export has another type than the contract says.
    #[error("bind the component's export `{export}`: {why}; build it against the contract in wit/")]
    Export {
        /// The export.
        export: String,
        /// What differs.
        why: String,
    },
    /// The kernel has no room for so many sandboxes.
    #[error(
        "give {vus} virtual users a sandbox each: the kernel's vm.max_map_count has room for {room}; use fewer, or raise it (for example `sysctl -w vm.max_map_count=1000000`)"
    )]
    TooManyVus {
        /// Virtual users planned.
        vus: u32,
        /// How many fit.
        room: u64,
    },
    /// wasmtime can't run here.
    #[error("prepare wasmtime: {0}")]
    Engine(String),
    /// The cache's directory can't be used.
    #[error("use the cache of compiled code: {0}; --no-cache does without it")]
    Cache(String),
}
