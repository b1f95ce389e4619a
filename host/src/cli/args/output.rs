//! Where results go, and what is shown.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

// Where results go, and what is shown.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct OutputArgs {
    /// Show neither progress nor summary
    #[arg(short, long)]
    pub(in crate::cli) quiet: bool,

    /// Write the summary and the time series to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) json: Option<PathBuf>,

    /// Write tables shaped as Locust's, to PREFIX_stats.csv, PREFIX_failures.csv, PREFIX_stats_history.csv and
    /// PREFIX_exceptions.csv
    #[arg(long, value_name = "PREFIX")]
    pub(in crate::cli) csv: Option<PathBuf>,

    /// Write the exchanges of the first virtual users to this file, as HAR 1.2, which browsers' developer tools open
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) har: Option<PathBuf>,

    /// How many virtual users the HAR file has the exchanges of
    #[arg(long, value_name = "N", default_value_t = 1, requires = "har", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) har_users: u32,

    /// The most exchanges in the HAR file
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "har", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) har_entries: u64,

    /// What to log: the program's own messages, and what scenarios log and print
    #[arg(short = 'L', long, value_name = "LEVEL", default_value = "info")]
    pub(in crate::cli) log_level: LogLevel,

    /// Log to this file, instead of standard error
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) log_file: Option<PathBuf>,
}

/// What is logged: messages of this weight and those of more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}
