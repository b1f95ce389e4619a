//! The command line. A flag's doc comment is its help.
//!
//! Flags stand in groups, each written once: a command is made of those that it takes, and so are the keys of a plan
//! file ([`PlanKeys`], [`ScenarioKeys`]). What a group is for stands in a plain comment: clap would take a doc comment
//! for the help of each command that has the group.

mod compare;
mod hidden;
mod http;
mod inspect;
mod keys;
mod load;
mod output;
mod policy;
mod scenario;

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::source::Source;
use crate::units;

use hidden::source;

pub(super) use compare::CompareArgs;
pub(super) use http::{ConnectionArgs, GivenProxy, HttpArgs, TlsArgs};
pub(super) use inspect::InspectArgs;
pub(super) use keys::{Given, IdentityArgs, PlanKeys, ScenarioKeys};
pub(super) use load::{LoadArgs, PaceArgs, PolicyArgs};
pub(super) use output::{LogLevel, OutputArgs};
pub(super) use policy::PolicyFileArgs;
pub(super) use scenario::{LimitArgs, SandboxArgs, ScenarioArgs, Secret, SecretSource};

/// Load tests whose scenarios are WebAssembly components
#[derive(Debug, Parser)]
#[command(name = "wasmload", version, propagate_version = true, max_term_width = 110)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a scenario, or a plan file with several of them, with some virtual users against a target
    Run(Box<RunArgs>),
    /// Try each scenario: one virtual user, one iteration, or each task once
    Check(Box<CheckArgs>),
    /// Look into a scenario before it is run: what it asks for, what it is made of, and whether a run would take it
    Inspect(InspectArgs),
    /// Look a run over without making it: whether it is in order, and with --print what it amounts to
    Plan(Box<ShowArgs>),
    /// Compare the summaries of two runs: what got better, and what worse
    Compare(CompareArgs),
    /// See it work: run a built-in scenario against a built-in target
    Demo(Box<DemoArgs>),
    /// Serve the demo's target alone
    Target(TargetArgs),
    /// Look after the compiled code that is kept on disk
    Cache(CacheArgs),
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    // Before the others, which take their values away.
    #[command(flatten)]
    pub(super) given: Given,

    /// The scenario: a component's path or https URL, with #sha256= and its digest behind it (a path can do without); or
    /// a plan file, whose name ends in .toml
    #[arg(value_name = "SCENARIO", value_parser = source())]
    pub(super) scenario: Source,

    #[command(flatten)]
    pub(super) flags: RunFlags,

    #[command(flatten)]
    pub(super) policy: PolicyFileArgs,
}

// The flags of a run.
#[derive(Clone, Debug, Args)]
pub(super) struct RunFlags {
    #[command(flatten)]
    pub(super) scenario_args: ScenarioArgs,
    #[command(flatten)]
    pub(super) load: LoadArgs,
    #[command(flatten)]
    pub(super) pace: PaceArgs,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    #[command(flatten)]
    pub(super) http: HttpArgs,
    #[command(flatten)]
    pub(super) sandbox: SandboxArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    // Before the others, which take their values away.
    #[command(flatten)]
    pub(super) given: Given,

    /// The scenario: a component's path or https URL, with #sha256= and its digest behind it (a path can do without); or
    /// a plan file, whose name ends in .toml, for each of its scenarios
    #[arg(value_name = "SCENARIO", value_parser = source())]
    pub(super) scenario: Source,

    /// Show each request and its response on standard error, as curl does
    #[arg(short, long)]
    pub(super) verbose: bool,

    /// Iterations of each scenario [default: 1; of a scenario made of tasks, each of them once]
    #[arg(id = "check_iterations", short = 'i', long = "iterations", value_name = "N")]
    pub(super) iterations: Option<u64>,

    /// Seed of everything random [default: drawn, and shown in the report]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    #[command(flatten)]
    pub(super) scenario_args: ScenarioArgs,
    #[command(flatten)]
    pub(super) http: HttpArgs,
    #[command(flatten)]
    pub(super) sandbox: SandboxArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) policy: PolicyFileArgs,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    // Before the others, which take their values away.
    #[command(flatten)]
    pub(super) given: Given,

    /// The scenario or the plan file, as `run` takes it
    #[arg(value_name = "SCENARIO", value_parser = source(), required_unless_present = "schema")]
    pub(super) scenario: Option<Source>,

    /// Print the plan as a plan file, with its load over time in pictures
    #[arg(long)]
    pub(super) print: bool,

    /// Print a JSON schema of plan files, for editors
    #[arg(long, exclusive = true)]
    pub(super) schema: bool,

    #[command(flatten)]
    pub(super) flags: RunFlags,

    #[command(flatten)]
    pub(super) policy: PolicyFileArgs,
}

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    pub(super) load: LoadArgs,
    #[command(flatten)]
    pub(super) pace: PaceArgs,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    #[command(flatten)]
    pub(super) target: BehaviourArgs,
    #[command(flatten)]
    pub(super) http: HttpArgs,
    #[command(flatten)]
    pub(super) sandbox: SandboxArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// The port on 127.0.0.1; 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) port: u16,

    #[command(flatten)]
    pub(super) behaviour: BehaviourArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(super) struct BehaviourArgs {
    /// Time added to each answer
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = units::parse_duration)]
    pub(super) latency: Duration,

    /// Share of requests that are answered with status 503, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    pub(super) error_rate: f64,

    /// A mistake in the target, for the scenario to find
    #[arg(long, value_name = "BUG")]
    pub(super) bug: Option<Bug>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Bug {
    /// Requests share the current user, so that a concurrent one overwrites it, and cities get a wrong owner
    SharedUser,
}

#[derive(Debug, Args)]
pub(super) struct CacheArgs {
    #[command(subcommand)]
    pub(super) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum CacheCommand {
    /// Remove all compiled code
    Clean,
    /// Print the directory
    Dir,
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| format!("'{text}' is not a number"))?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(format!("{text} is not from 0 to 1")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn shares_say_what_they_want() {
        assert_eq!(parse_share("0.25"), Ok(0.25));
        assert!(parse_share("25").unwrap_err().contains("from 0 to 1"));
    }
}
