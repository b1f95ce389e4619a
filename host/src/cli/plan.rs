//! From flags to a plan.

mod http;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;

use super::args::{HttpArgs, LoadArgs, SandboxArgs, ScenarioArgs};
use super::maintain;
use crate::metrics;
use crate::plan::{Limits, Plan, ScenarioPlan, TaskFilter};
use crate::profile::ClosedModel;
use crate::source::Source;

/// Virtual users and run time where the flags don't say.
pub(super) struct Defaults {
    pub(super) users: u32,
    pub(super) run_time: Option<std::time::Duration>,
}

/// The parts of a command line that a plan is made of.
pub(super) struct Flags<'a> {
    pub(super) source: Source,
    pub(super) host: Option<url::Url>,
    pub(super) load: &'a LoadArgs,
    pub(super) scenario: &'a ScenarioArgs,
    pub(super) http: &'a HttpArgs,
    pub(super) sandbox: &'a SandboxArgs,
    pub(super) defaults: Defaults,
}

/// Makes the plan.
///
/// # Errors
/// A secret that can't be read.
pub(super) fn plan(flags: Flags<'_>) -> anyhow::Result<Plan> {
    let Flags { source, host, load, scenario, http, sandbox, defaults } = flags;
    let bounded = load.run_time.is_some() || load.iterations.is_some() || load.iterations_per_user.is_some();
    Ok(Plan {
        scenario: scenario_plan(source, host, scenario)?,
        model: ClosedModel {
            users: load.users.unwrap_or(defaults.users),
            spawn_rate: load.spawn_rate,
            run_time: if bounded { load.run_time } else { defaults.run_time },
            iterations: load.iterations,
            iterations_per_user: load.iterations_per_user,
        },
        threads: load.threads.unwrap_or_else(cores),
        seed: load.seed.unwrap_or_else(rand::random),
        graceful_stop: load.graceful_stop,
        max_traps: sandbox.max_traps,
        http: http::config(http)?,
        limits: limits(http, sandbox)?,
        names: metrics::Limits::default(),
        cache: cache_directory(sandbox),
    })
}

fn scenario_plan(source: Source, host: Option<url::Url>, args: &ScenarioArgs) -> anyhow::Result<ScenarioPlan> {
    Ok(ScenarioPlan {
        name: source.scenario_name(),
        source,
        host,
        variables: args.variables.iter().cloned().collect(),
        secrets: secrets(&args.secrets)?,
        data: args.data.clone(),
        tasks: TaskFilter {
            names: args.task.clone(),
            tags: args.tags.clone(),
            exclude_tags: args.exclude_tags.clone(),
            each_once: false,
        },
    })
}

/// The values of secrets, out of the environment, files or the command line.
fn secrets(given: &[(String, String)]) -> anyhow::Result<BTreeMap<String, String>> {
    let value = |name: &str, source: &str| {
        if let Some(variable) = source.strip_prefix("env:") {
            std::env::var(variable)
                .with_context(|| format!("read the secret '{name}' from the environment variable {variable}"))
        } else if let Some(path) = source.strip_prefix("file:") {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("read the secret '{name}' from {path}"))?;
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        } else {
            Ok(source.to_owned())
        }
    };
    given.iter().map(|(name, source)| Ok((name.clone(), value(name, source)?))).collect()
}

fn limits(http: &HttpArgs, sandbox: &SandboxArgs) -> anyhow::Result<Limits> {
    // wasm memories are made of pages of 64 KiB.
    let max_memory_bytes = usize::try_from(sandbox.max_memory.next_multiple_of(64 << 10)).unwrap_or(usize::MAX);
    anyhow::ensure!(
        (1 << 16..=1 << 32).contains(&max_memory_bytes),
        "use --max-memory: it wants between 64KiB and 4GiB, the most that a 32-bit guest can use"
    );
    Ok(Limits {
        max_memory_bytes,
        max_cpu_time: sandbox.max_cpu_time,
        max_concurrent_requests: http.max_concurrent_requests as usize,
        ..Limits::default()
    })
}

/// Where compiled code is kept. Without a home there is nowhere, and code is compiled anew.
fn cache_directory(args: &SandboxArgs) -> Option<PathBuf> {
    if args.no_cache { None } else { maintain::cache_directory().ok() }
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}
