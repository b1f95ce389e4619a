//! The keys of a plan file, which are flags without a command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};

use super::{LimitArgs, LoadArgs, PaceArgs, RunFlags, ScenarioArgs};
use crate::source::Source;
use crate::units;

// The keys at the top of a plan file.
#[derive(Debug, Parser)]
#[command(name = "plan", no_binary_name = true, disable_help_flag = true)]
pub(in crate::cli) struct PlanKeys {
    #[command(flatten)]
    pub(in crate::cli) identity: IdentityArgs,
    #[command(flatten)]
    pub(in crate::cli) flags: RunFlags,
}

// The keys of one `[[scenario]]`.
#[derive(Debug, Parser)]
#[command(name = "scenario", no_binary_name = true, disable_help_flag = true)]
pub(in crate::cli) struct ScenarioKeys {
    #[command(flatten)]
    pub(in crate::cli) identity: IdentityArgs,

    /// How long after the start of the run's load this scenario's own starts [default: 0s]
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
    pub(in crate::cli) start: Option<Duration>,

    /// Its share of the load at the top of the file, beside the weights of the others that share it [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(in crate::cli) weight: Option<u32>,

    #[command(flatten)]
    pub(in crate::cli) scenario_args: ScenarioArgs,
    #[command(flatten)]
    pub(in crate::cli) load: LoadArgs,
    #[command(flatten)]
    pub(in crate::cli) pace: PaceArgs,
    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,
}

// What a scenario is.
#[derive(Debug, Args)]
pub(in crate::cli) struct IdentityArgs {
    /// The scenario: a component's path or https URL, with #sha256= and its digest behind it (a path can do without)
    #[arg(long, value_name = "FILE|URL")]
    pub(in crate::cli) component: Option<Source>,

    /// The scenario's name in reports [default: the component's file name, without its ending]
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(in crate::cli) name: Option<String>,
}

/// The texts of the flags that stand on the command line, by the flags' ids.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Given(pub(in crate::cli) BTreeMap<String, Vec<OsString>>);

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Given, clap::Error> {
        let given = matches.ids().map(clap::Id::as_str).filter_map(|id| {
            let on_command_line = matches.value_source(id) == Some(ValueSource::CommandLine);
            let texts = matches.get_raw(id).filter(|_| on_command_line)?;
            Some((id.to_owned(), texts.map(ToOwned::to_owned).collect()))
        });
        Ok(Given(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Given::from_arg_matches(matches)?;
        Ok(())
    }
}

/// It looks at the flags of others, and has none.
impl Args for Given {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}
