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
mod shape;
mod state;
mod trap;
mod turns;

pub use engine::{EngineOptions, Ticker};
pub use instance::{CallError, Instance};
pub use scenario::{Scenario, Task, TaskSet, WaitTime};
pub(crate) use state::random_stream;
pub use state::{Environment, Identity};
pub use trap::Trap;

/// Why a component can't be a scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is not well-formed.
    #[error("read the component: {0}; was the file cut short, or made by a newer toolchain?")]
    Malformed(String),
    /// It imports what the host does not offer.
    #[error("link the component's imports: {0}")]
    Imports(String),
    /// It exports nothing that can be run.
    #[error(
        "find what to run: the component exports {found}; export one of wasmload:scenario/iteration, tasks, async-iteration or async-tasks (version 0.1)"
    )]
    NoEntry {
        /// What it exports instead.
        found: String,
    },
    /// It exports several things that can be run.
    #[error("tell what to run: the component exports both {0} and {1}; export one of them")]
    SeveralEntries(&'static str, &'static str),
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
    /// Its memory starts larger than a virtual user may have.
    #[error("give the component its memory: it starts with {:.1} MiB, and --max-memory allows {:.1} MiB; raise that", mib(*starts_with_bytes), mib(*limit_bytes as u64))]
    Memory {
        /// What it starts with, in bytes.
        starts_with_bytes: u64,
        /// The bound, in bytes.
        limit_bytes: usize,
    },
    /// It has more parts than a virtual user can be given.
    #[error(
        "give the component its parts: it has {count} {what}, and at most {most} are allowed; no toolchain makes so many"
    )]
    TooManyParts {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: u32,
        /// The bound.
        most: u32,
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

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
