//! `wasmload check`: tries a scenario with one virtual user, and says by its exit code whether all was well.

use std::time::Duration;

use super::args::{CheckArgs, LoadArgs};
use super::execute::{self, Progress};
use super::exit;
use super::plan::{Defaults, Flags, plan};
use crate::metrics::{RunEnd, Summary};

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<u8> {
    let load = LoadArgs {
        users: Some(1),
        spawn_rate: None,
        run_time: None,
        iterations: args.iterations,
        iterations_per_user: None,
        graceful_stop: Duration::from_secs(30),
        threads: Some(1),
        seed: args.seed,
    };
    let mut plan = plan(Flags {
        source: args.scenario.clone(),
        host: args.host.clone(),
        load: &load,
        scenario: &args.scenario_args,
        http: &args.http,
        sandbox: &args.sandbox,
        defaults: Defaults { users: 1, run_time: None },
    })?;
    plan.scenario.tasks.each_once = true;
    let progress = if args.verbose { Progress::Exchanges } else { Progress::Hidden };
    let summary = execute::execute(&plan, &args.output, progress)?;
    Ok(match execute::exit_code(&summary) {
        exit::SUCCESS if !passed(&summary) => exit::SCENARIO_FAILED,
        code => code,
    })
}

/// Whether nothing failed.
fn passed(summary: &Summary) -> bool {
    summary.end == RunEnd::Completed
        && summary.failures.is_empty()
        && summary.checks.iter().all(|check| check.failed == 0)
}
