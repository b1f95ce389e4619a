//! What is inspected, and how it is shown.

use clap::Args;

use super::hidden::source;
use crate::source::Source;

#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArgs {
    /// The scenario: a component's path or https URL, with #sha256= and its digest behind it (a path can do without)
    #[arg(value_name = "SCENARIO", value_parser = source())]
    pub(in crate::cli) scenario: Source,

    /// Only read it: neither compile it nor ask it for its tasks
    #[arg(long)]
    pub(in crate::cli) no_run: bool,

    /// Compile anew, and keep no compiled code on disk
    #[arg(long)]
    pub(in crate::cli) no_cache: bool,

    /// Print what was found as JSON
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) json: bool,

    /// Print its WIT instead: what it imports and exports, with all types
    #[arg(long, help_heading = "Output", conflicts_with_all = ["json", "no_run", "no_cache"])]
    pub(in crate::cli) wit: bool,
}
