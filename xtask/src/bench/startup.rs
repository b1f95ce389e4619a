//! CPU time to start virtual users, each with one request of its own.

use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;

use super::Bench;
use super::process::{self, Cpu};
use super::report::median;
use super::tool::{Bound, STATUS_ONLY};
use crate::project::say;

/// How many virtual users are started.
pub(super) const VUS: u32 = 1_000;

/// Starting them takes far less than a second.
const BOUND: Duration = Duration::from_secs(60);

/// What starting [`VUS`] virtual users costs beyond starting one: the program's own start is no part of it, one
/// connection and one request of each are.
#[derive(Debug, Serialize)]
pub(super) struct Startup {
    pub(super) vus: u32,
    /// The median over the rounds of each.
    pub(super) cpu: Cpu,
    pub(super) microseconds_per_vu: f64,
}

/// In each round, runs one virtual user and then all, one iteration each.
///
/// # Errors
/// Where a run fails, or makes another number of requests than its virtual users.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Startup> {
    say("measuring starting virtual users");
    // Fills caches, as for the throughput.
    start(bench, 1)?;
    let mut rounds = Vec::new();
    for _ in 0..bench.args.rounds {
        let one = start(bench, 1)?;
        rounds.push(start(bench, VUS)?.minus(one));
    }
    Ok(summarize(&rounds))
}

fn start(bench: &Bench, vus: u32) -> anyhow::Result<Cpu> {
    let command = bench.wasmload.command(&bench.load, STATUS_ONLY, vus, Bound::IterationsEach(1));
    let finished = process::run(command, BOUND, |_, _| ())?;
    let count = bench.wasmload.count()?;
    ensure!(
        count.requests == u64::from(vus) && count.failures == 0,
        "{vus} VUs with one iteration each made {} requests, {} of them failed",
        count.requests,
        count.failures
    );
    Ok(finished.cpu)
}

fn summarize(rounds: &[Cpu]) -> Startup {
    let cpu = Cpu {
        user_seconds: median(rounds.iter().map(|cpu| cpu.user_seconds)),
        system_seconds: median(rounds.iter().map(|cpu| cpu.system_seconds)),
    };
    // Of the sums, not the sum of the medians: a tick that the kernel books as user time in one round is system time in
    // another.
    let total = median(rounds.iter().map(|cpu| cpu.total()));
    Startup { vus: VUS, cpu, microseconds_per_vu: total * 1e6 / f64::from(VUS) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Cpu, Startup, summarize};

    pub(in super::super) fn startup() -> Startup {
        let cpu = |user_seconds, system_seconds| Cpu { user_seconds, system_seconds };
        summarize(&[cpu(0.5, 0.125), cpu(0.25, 0.25), cpu(0.375, 0.5)])
    }

    #[test]
    fn the_cost_of_a_vu_is_that_of_the_median_round() {
        let startup = startup();
        assert_eq!(startup.cpu, Cpu { user_seconds: 0.375, system_seconds: 0.25 });
        assert_eq!(startup.microseconds_per_vu, 625.0);
    }
}
