//! What is compared, and by what.

use std::path::PathBuf;

use clap::Args;

use crate::compare::Tolerance;

#[derive(Debug, Args)]
pub(in crate::cli) struct CompareArgs {
    /// The summary of the run to compare with, which --json of that run wrote
    #[arg(value_name = "BEFORE")]
    pub(in crate::cli) before: PathBuf,

    /// The summary of the run that is judged
    #[arg(value_name = "AFTER")]
    pub(in crate::cli) after: PathBuf,

    /// The greatest change that counts as none, for example 5% or 2.5%
    #[arg(long, value_name = "PERCENT", default_value = "5%")]
    pub(in crate::cli) tolerance: Tolerance,

    /// Show nothing: the exit code and --json say it all
    #[arg(short, long, help_heading = "Output")]
    pub(in crate::cli) quiet: bool,

    /// Write the comparison to this file, as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(in crate::cli) json: Option<PathBuf>,
}
