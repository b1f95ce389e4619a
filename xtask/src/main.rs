//! The project's own chores: `cargo xtask CHORE`.

mod bench;
mod demo;
mod deny;
mod digest;
mod fuzz;
mod golden;
mod guests;
mod layers;
mod lint;
mod packages;
mod project;
mod python;
mod test;
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Builds the test guests and the examples into target/guests
    Guests(guests::Args),
    /// Prepares what the tests need, and runs them all
    Test,
    /// Checks formatting, lints, documentation and layers
    Lint,
    /// Refreshes the golden files
    Golden,
    /// Rebuilds the scenario that is built into wasmload from examples/cities
    DemoComponent,
    Deny(deny::Args),
    Bench(bench::Args),
    /// Feeds a fuzz target with anything, for a while
    Fuzz {
        /// The target, of those in fuzz/fuzz_targets
        target: String,
        /// How long, in seconds
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
}

fn main() -> ExitCode {
    match fuzz::become_rustc().and_then(|()| run(Cli::parse().chore)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With its causes, and never with a backtrace: a chore's failure is seldom the chore's own.
            project::say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> anyhow::Result<()> {
    match chore {
        Chore::Guests(args) => guests::run(&args),
        Chore::Test => test::run(),
        Chore::Lint => lint::run(),
        Chore::Golden => golden::run(),
        Chore::DemoComponent => demo::rebuild(),
        Chore::Deny(args) => deny::run(&args),
        Chore::Bench(args) => bench::run(args),
        Chore::Fuzz { target, seconds } => fuzz::run(&target, seconds),
    }
}
