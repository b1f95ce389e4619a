//! The policy that a run is held to.

use std::path::PathBuf;

use clap::Args;

// It is no key of plan files: it belongs to the person who runs them, and not to who wrote them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Policy")]
pub(in crate::cli) struct PolicyFileArgs {
    /// Hold the run to this file: where requests may go, what virtual users may use, which secrets scenarios are
    /// granted, which components may be run, and where they may be fetched from; flags and plan files can't go beyond it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) policy: Option<PathBuf>,

    /// Refuse what the policy does not name: components, hosts and secrets, limits above their defaults, and --insecure
    #[arg(long, requires = "policy")]
    pub(in crate::cli) locked: bool,
}
