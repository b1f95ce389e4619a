//! `wasmload check`: tries each scenario with one virtual user, and says by its exit code whether all was well.

use super::args::CheckArgs;
use super::execute::{self, Progress};
use super::exit;
use super::plan_file::{self, Loads};
use crate::metrics::{RunEnd, Summary};

/// Tries what a command line or its plan file has. Results go where the command line says: those of the last run, which
/// the file may name, stay as they are.
pub(super) fn check(args: &CheckArgs) -> anyhow::Result<u8> {
    let loaded = plan_file::load(&args.scenario, &args.given, &args.policy, Loads::Tried(args.iterations))?;
    let progress = if args.verbose { Progress::Exchanges } else { Progress::Hidden };
    let summary = execute::execute(&loaded.plan, &args.output, progress)?;
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
