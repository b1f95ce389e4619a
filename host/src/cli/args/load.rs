//! How much load is made, and by which rules the run is held.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::metrics::Threshold;
use crate::profile::{Arrivals, Shape, Wait};
use crate::units;

// The load itself, which scenarios may share.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Load")]
pub(in crate::cli) struct LoadArgs {
    /// Virtual users; where --stages follow, those at the start [default: 1, before stages 0; of the demo, 200]
    #[arg(short, long, value_name = "N")]
    pub(in crate::cli) users: Option<u32>,

    /// Virtual users started a second [default: all at once]
    #[arg(short = 'r', long, value_name = "N")]
    pub(in crate::cli) spawn_rate: Option<f64>,

    /// Start iterations at this rate, whether or not earlier ones ended, for example 500/s, 90/m or 10/h; where --stages
    /// follow, the one at the start
    #[arg(long, value_name = "RATE", conflicts_with_all = ["users", "spawn_rate", "iterations_per_user", "pacing", "wait"])]
    pub(in crate::cli) rate: Option<units::Rate>,

    /// How the number of virtual users, or the rate, changes: each stage a time and what it comes to at its end, for
    /// example 30s:100,5m:100,30s:0 or 1m:500/s,10m:500/s; 0s jumps, and 10m:100~50@2m is a wave around 100
    #[arg(long, value_name = "TIME:VALUE,...", conflicts_with = "profile")]
    pub(in crate::cli) stages: Option<Shape>,

    /// The same from a CSV file, with the columns `seconds` and `vus`, or `seconds` and `rate` (a second)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["users", "rate", "spawn_rate"])]
    pub(in crate::cli) profile: Option<PathBuf>,

    /// How iterations at a rate are spaced: evenly, or at random as those of independent users are
    #[arg(long, value_name = "even|poisson")]
    pub(in crate::cli) arrivals: Option<Arrivals>,

    /// The most virtual users that iterations at a rate may keep busy; one that is due and finds none is dropped
    /// [default: those of 5 s at the greatest rate, at least 10 and at most 10000]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max_vus: Option<u32>,

    /// Virtual users that are made before iterations start at a rate [default: those of 0.1 s, at least 1]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) preallocated_vus: Option<u32>,

    /// Iterations of all virtual users together [default: no bound]
    #[arg(short, long, value_name = "N")]
    pub(in crate::cli) iterations: Option<u64>,

    /// Iterations of each virtual user [default: no bound]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) iterations_per_user: Option<u64>,
}

// How virtual users go about their iterations, and for how long: of a load that is shared, each scenario has its own.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Load")]
pub(in crate::cli) struct PaceArgs {
    /// The least time between the starts of two iterations of one virtual user
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
    pub(in crate::cli) pacing: Option<Duration>,

    /// How long a virtual user waits after each iteration, for example 1s, or 1s..3s for a time in between [default: as
    /// the scenario says]
    #[arg(long, value_name = "TIME[..TIME]")]
    pub(in crate::cli) wait: Option<Wait>,

    /// How long iterations are started, for example 90s or 1m30s; a bare number is seconds [default: until Ctrl-C, or
    /// until the iterations are done; of the demo, 10s]
    #[arg(short = 't', long, value_name = "TIME", value_parser = units::parse_duration)]
    pub(in crate::cli) run_time: Option<Duration>,
}

// What is said of a run as a whole.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run")]
pub(in crate::cli) struct PolicyArgs {
    /// A rule that the run has to keep, for example 'service_time: p95 < 200ms' or 'failure_rate: < 1 %'; may be given
    /// several times
    #[arg(long = "threshold", value_name = "RULE")]
    pub(in crate::cli) thresholds: Vec<Threshold>,

    /// How long iterations get to finish after the end of the load
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::parse_duration)]
    pub(in crate::cli) graceful_stop: Duration,

    /// Threads that make the load [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(in crate::cli) threads: Option<u32>,

    /// Seed of everything random in the run [default: drawn, and shown in the report]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) seed: Option<u64>,
}
