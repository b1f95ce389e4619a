//! Flags in, exit code out. Below this module nobody sees a flag, and nothing prints.

mod args;
mod check;
mod compare;
mod demo;
mod execute;
pub mod exit;
mod files;
mod inspect;
mod keys;
mod logging;
mod look;
mod maintain;
mod plan;
mod plan_file;
mod show;

use std::process::ExitCode;

use clap::Parser;

use crate::guards;
use crate::run::RunError;
use crate::terminal::is_harmful;
use args::{Arguments, Command};
#[cfg(any(test, fuzzing))]
pub(crate) use plan_file::fuzz::check as check_plan_file;
#[cfg(any(test, fuzzing))]
pub(crate) use plan_file::policy::fuzz::check as check_policy;

/// A runtime for everything but the load, which has threads of its own.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Refuses to work in a build whose guests have no bounds, but for the benchmark that it is made for.
#[expect(clippy::print_stderr, reason = "nothing else is set up yet")]
fn refuse_without_guards() -> Option<ExitCode> {
    if guards::ON || std::env::var_os(guards::OVERRIDE).is_some() {
        return None;
    }
    eprintln!("error: this build has no bounds for guests, and is for benchmarks alone; build it without the feature");
    Some(ExitCode::from(exit::FAILURE))
}

/// The whole program: reads the command line and returns the exit code; [`exit`] lists them.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(code) = refuse_without_guards() {
        return code;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where standard output is closed nobody reads it either.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::INVALID_CONFIG } else { exit::SUCCESS });
        }
    };
    // Only one provider is compiled in; naming it here keeps what fetches and what loads on the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let result = match arguments.command {
        Command::Run(args) => execute::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Plan(args) => show::show(&args),
        Command::Target(args) => demo::target(&args),
        Command::Cache(args) => maintain::cache(&args),
    };
    ExitCode::from(result.unwrap_or_else(|error| report_error(&error)))
}

#[expect(clippy::print_stderr, reason = "this is where errors reach the person")]
fn report_error(error: &anyhow::Error) -> u8 {
    // Names out of a component may stand in it, and must not steer the terminal. Mistakes in a plan file come one a line.
    let lines = error.is::<plan_file::PlanFileError>();
    let shown = |c: char| if is_harmful(c) && !(lines && c == '\n') { ' ' } else { c };
    let text: String = format!("{error:#}").chars().map(shown).collect();
    eprintln!("error: failed to {text}");
    match error.downcast_ref::<RunError>() {
        Some(RunError::Interrupted) => exit::INTERRUPTED,
        _ if error.is::<execute::AfterLoad>() || error.is::<compare::Unwritten>() => exit::FAILURE,
        _ => exit::INVALID_CONFIG,
    }
}
