//! The command line. A flag's doc comment is its help.

mod http;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::data::DataSource;
use crate::source::Source;
use crate::units;

pub(super) use http::{ConnectionArgs, GivenProxy, HttpArgs, TlsArgs};

/// Load tests whose scenarios are WebAssembly components
#[derive(Debug, Parser)]
#[command(name = "wasmload", version, propagate_version = true, max_term_width = 110)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a scenario with some virtual users against a target
    Run(Box<RunArgs>),
    /// Try a scenario: one virtual user, one iteration, or each task once
    Check(Box<CheckArgs>),
    /// See it work: run a built-in scenario against a built-in target
    Demo(Box<DemoArgs>),
    /// Serve the demo's target alone
    Target(TargetArgs),
    /// Look after the compiled code that is kept on disk
    Cache(CacheArgs),
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The scenario: a component's path, or an https URL that ends in #sha256= and its digest
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: Source,

    /// The target that a scenario's paths are resolved against, for example http://127.0.0.1:8080
    #[arg(short = 'H', long, value_name = "URL", help_heading = "Load", value_parser = parse_host)]
    pub(super) host: Option<url::Url>,

    #[command(flatten)]
    pub(super) load: LoadArgs,
    #[command(flatten)]
    pub(super) scenario_args: ScenarioArgs,
    #[command(flatten)]
    pub(super) http: HttpArgs,
    #[command(flatten)]
    pub(super) sandbox: SandboxArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The scenario: a component's path, or an https URL that ends in #sha256= and its digest
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: Source,

    /// The target that a scenario's paths are resolved against, for example http://127.0.0.1:8080
    #[arg(short = 'H', long, value_name = "URL", value_parser = parse_host)]
    pub(super) host: Option<url::Url>,

    /// Show each request and its response on standard error, as curl does
    #[arg(short, long)]
    pub(super) verbose: bool,

    /// Iterations [default: 1; of a scenario made of tasks, each of them once]
    #[arg(short, long, value_name = "N")]
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
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(super) struct LoadArgs {
    /// Virtual users [default: 1; of the demo, 200]
    #[arg(short, long, value_name = "N")]
    pub(super) users: Option<u32>,

    /// Virtual users started a second [default: all at once]
    #[arg(short = 'r', long, value_name = "N")]
    pub(super) spawn_rate: Option<f64>,

    /// How long iterations are started, for example 90s or 1m30s; a bare number is seconds [default: until Ctrl-C, or
    /// until the iterations are done; of the demo, 10s]
    #[arg(short = 't', long, value_name = "TIME", value_parser = units::parse_duration)]
    pub(super) run_time: Option<Duration>,

    /// Iterations of all virtual users together [default: no bound]
    #[arg(short, long, value_name = "N")]
    pub(super) iterations: Option<u64>,

    /// Iterations of each virtual user [default: no bound]
    #[arg(long, value_name = "N")]
    pub(super) iterations_per_user: Option<u64>,

    /// How long iterations get to finish after the end of the load
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::parse_duration)]
    pub(super) graceful_stop: Duration,

    /// Threads that make the load [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) threads: Option<u32>,

    /// Seed of everything random in the run [default: drawn, and shown in the report]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Scenario")]
pub(super) struct ScenarioArgs {
    /// A value for the scenario, and for its environment; may be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub(super) variables: Vec<(String, String)>,

    /// A value for the scenario that is hidden wherever it is printed: NAME=env:VARIABLE, NAME=file:PATH or NAME=VALUE
    /// (which other people on this machine can see in the list of processes)
    #[arg(long = "secret", value_name = "NAME=SOURCE", value_parser = parse_pair)]
    pub(super) secrets: Vec<(String, String)>,

    /// Rows for the scenario out of a CSV file or, by the ending .jsonl, JSON lines; in a circle unless it ends in :once
    /// or :random
    #[arg(long, value_name = "NAME=FILE[:ORDER]")]
    pub(super) data: Vec<DataSource>,

    /// Run only the task of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(super) task: Vec<String>,

    /// Run only tasks with one of these tags, separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub(super) tags: Vec<String>,

    /// Run no tasks with any of these tags, separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub(super) exclude_tags: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Sandbox")]
pub(super) struct SandboxArgs {
    /// Memory of one virtual user's guest
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::parse_size)]
    pub(super) max_memory: u64,

    /// CPU time of a guest between two calls of the host; what runs longer is trapped
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = units::parse_duration)]
    pub(super) max_cpu_time: Duration,

    /// Traps in a row after which a virtual user stops
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_traps: u32,

    /// Compile anew, and keep no compiled code on disk
    #[arg(long)]
    pub(super) no_cache: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Show neither progress nor summary
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// Write the summary and the time series to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Write tables shaped as Locust's, to PREFIX_stats.csv, PREFIX_failures.csv, PREFIX_stats_history.csv and
    /// PREFIX_exceptions.csv
    #[arg(long, value_name = "PREFIX")]
    pub(super) csv: Option<PathBuf>,

    /// Write the exchanges of the first virtual users to this file, as HAR 1.2, which browsers' developer tools open
    #[arg(long, value_name = "FILE")]
    pub(super) har: Option<PathBuf>,

    /// How many virtual users the HAR file has the exchanges of
    #[arg(long, value_name = "N", default_value_t = 1, requires = "har", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) har_users: u32,

    /// The most exchanges in the HAR file
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "har", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) har_entries: u64,

    /// What to log: the program's own messages, and what scenarios log and print
    #[arg(short = 'L', long, value_name = "LEVEL", default_value = "info")]
    pub(super) log_level: LogLevel,

    /// Log to this file, instead of standard error
    #[arg(long, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    pub(super) load: LoadArgs,
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

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("'{text}' is not NAME=VALUE")),
    }
}

fn parse_host(text: &str) -> Result<url::Url, String> {
    text.parse().map_err(|error| format!("{error}; write for example http://127.0.0.1:8080"))
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
    fn a_host_without_its_scheme_says_what_it_wants() {
        assert_eq!(parse_host("https://example.org").map(|host| host.to_string()), Ok("https://example.org/".into()));
        let error = parse_host("127.0.0.1:8080").unwrap_err();
        assert!(error.ends_with("write for example http://127.0.0.1:8080"), "{error}");
    }

    #[test]
    fn pairs_and_shares_say_what_they_want() {
        assert_eq!(parse_pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(parse_pair("=b").unwrap_err().contains("NAME=VALUE"));
        assert_eq!(parse_share("0.25"), Ok(0.25));
        assert!(parse_share("25").unwrap_err().contains("from 0 to 1"));
    }
}
