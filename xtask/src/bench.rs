//! `cargo xtask bench`: what wasmload costs, side by side with wrk (and oha, where it is installed) in one run.
//!
//! The load runs on one core and a loopback nginx on another, so that what is compared is the generators. Four parts:
//! requests a second and CPU time a request, resident memory a virtual user, CPU time to start virtual users, and load
//! at a rate, which is wasmload's alone. Two more are measured where they are asked for: what
//! hostile guests take from honest virtual users, and what the bounds of guests cost.
//! Figures of a shared machine move from minute to minute: tools take turns within a round, and ratios are taken within
//! one.

mod guards;
mod hostile;
mod memory;
mod nginx;
mod process;
mod rates;
mod report;
mod startup;
mod throughput;
mod tool;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::ValueEnum;

use crate::project;
use nginx::Nginx;
use report::Report;
use tool::{Load, Wasmload};

/// Measures wasmload beside wrk: throughput, CPU time, memory; and how well it keeps to a rate.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Rounds, in each of which every tool has its turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// How long a tool's turn is, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,

    /// How many connections, or virtual users, the tools are compared with
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,

    /// The numbers of virtual users whose memory is measured
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 5_000, 15_000],
        value_parser = clap::value_parser!(u32).range(1..))]
    vus: Vec<u32>,

    /// How long memory is watched, in seconds; the second half of it counts
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(2..))]
    memory_seconds: u32,

    /// How long a server watches starts at 1,000 iterations a second, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    punctuality_seconds: u32,

    /// The iterations a second that one core is asked for
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 200_000],
        value_parser = clap::value_parser!(u32).range(1..))]
    rates: Vec<u32>,

    /// How long each of those rates is kept, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rate_seconds: u32,

    /// How long a turn beside a hostile guest is, in seconds
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    hostile_seconds: u32,

    /// The core that makes the load
    #[arg(long, default_value_t = 0)]
    load_core: usize,

    /// The core that nginx answers on
    #[arg(long, default_value_t = 1)]
    server_core: usize,

    /// Which parts to measure
    #[arg(long, value_enum, value_delimiter = ',',
        default_values_t = [Part::Throughput, Part::Memory, Part::Startup, Part::Rates])]
    parts: Vec<Part>,

    /// The wasmload to measure [default: target/release/wasmload]
    #[arg(long, value_name = "FILE")]
    wasmload: Option<PathBuf>,

    /// Where the test guests are [default: target/guests]
    #[arg(long, value_name = "DIRECTORY")]
    guests: Option<PathBuf>,

    /// Writes the figures to this file as JSON, with each round's
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Requests a second and CPU time a request
    Throughput,
    /// Resident memory a virtual user
    Memory,
    /// CPU time to start virtual users
    Startup,
    /// Whether iterations at a rate start when they are due
    Rates,
    /// What hostile guests leave of the load of others
    Hostile,
    /// What it costs that guests have bounds; builds wasmload without them
    Guards,
}

/// Measures what `args` ask for, prints it as a table and writes it where they say.
///
/// # Errors
/// Where a program or a guest is missing, with how to get it; where a tool fails; where a file can't be written.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let bench = Bench::prepare(args)?;
    let report = bench.measure()?;
    write!(io::stdout(), "{report}")?;
    if let Some(path) = &bench.args.json {
        let text = serde_json::to_string_pretty(&report)?;
        fs::write(path, text + "\n").with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

/// Everything that the parts share: where the tools are, and a server that runs until this is dropped.
struct Bench {
    args: Args,
    load: Load,
    wasmload: Wasmload,
    /// Looked for where it is measured.
    wrk: Option<PathBuf>,
    oha: Option<PathBuf>,
    _nginx: Nginx,
}

impl Bench {
    fn prepare(args: Args) -> anyhow::Result<Self> {
        ensure!(
            args.load_core != args.server_core,
            "--load-core and --server-core are the same: they'd share its time"
        );
        let measures_wrk = args.parts.contains(&Part::Throughput);
        let wrk = measures_wrk.then(|| process::require("wrk", "wrk")).transpose()?;
        let nginx = process::require("nginx", "nginx")?;
        process::require("taskset", "util-linux")?;
        // Looking on, and noting arrivals, takes no time of the load's core.
        process::pin_self(args.server_core)?;
        let wasmload = Wasmload::prepare(&args)?;
        let most_vus = args.vus.iter().copied().fold(startup::VUS.max(rates::MAX_VUS), u32::max);
        let connections = args.connections.max(most_vus);
        process::raise_file_limit(u64::from(connections) + FILES_BESIDE_CONNECTIONS)?;
        let nginx = Nginx::start(&nginx, args.server_core, connections)?;
        let load = Load { core: args.load_core, url: nginx.url(), connections: args.connections };
        Ok(Self { args, load, wasmload, wrk, oha: project::find_program("oha"), _nginx: nginx })
    }

    fn measure(&self) -> anyhow::Result<Report> {
        let mut report = Report::new(&self.args);
        for part in &self.args.parts {
            match part {
                Part::Throughput => report.throughput = Some(throughput::measure(self)?),
                Part::Memory => report.memory = memory::measure(self)?,
                Part::Startup => report.startup = Some(startup::measure(self)?),
                Part::Rates => report.rates = Some(rates::measure(self)?),
                Part::Hostile => report.hostile = Some(hostile::measure(self)?),
                Part::Guards => report.guards = Some(guards::measure(self)?),
            }
        }
        Ok(report)
    }
}

/// What a process opens besides its connections: standard streams, libraries, sockets, the event loop.
const FILES_BESIDE_CONNECTIONS: u64 = 256;
