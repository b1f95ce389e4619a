//! Requests a second, and CPU time a request, of the tools side by side.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;

use super::Bench;
use super::process::{self, Cpu};
use super::report::median;
use super::tool::{Count, Tool};
use crate::project::say;

/// What a tool may take beyond its time: to start, to stop, to write its report.
const GRACE: Duration = Duration::from_secs(60);

/// The tools' figures; the first, of the usual comparison wrk, is what the others are compared with.
#[derive(Debug, Serialize)]
pub(super) struct Throughput {
    pub(super) tools: Vec<ToolFigures>,
}

#[derive(Debug, Serialize)]
pub(super) struct ToolFigures {
    pub(super) name: &'static str,
    /// The median of each figure over the rounds.
    pub(super) median: Figures,
    /// The median over the rounds of this tool's figure divided by that of the first tool in the same round.
    pub(super) to_first: Ratios,
    pub(super) failures: u64,
    pub(super) rounds: Vec<Figures>,
}

/// Of one turn of one tool.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Figures {
    pub(super) requests_per_second: f64,
    pub(super) user_microseconds_per_request: f64,
    pub(super) system_microseconds_per_request: f64,
    /// User and system together.
    pub(super) cpu_microseconds_per_request: f64,
    /// The share of its core's time that the tool used. Well below 1, and the server or the neighbours set the rate.
    pub(super) busy: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Ratios {
    pub(super) requests_per_second: f64,
    pub(super) cpu_per_request: f64,
}

/// Compares wasmload with wrk, and with oha where that is there.
///
/// # Errors
/// As [`compare`].
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Throughput> {
    let wrk = bench.wrk.as_deref().context("wrk was not looked for")?;
    let mut tools = vec![Tool::Wrk(wrk), Tool::Wasmload(&bench.wasmload)];
    tools.extend(bench.oha.as_deref().map(Tool::Oha));
    compare(bench, &tools)
}

/// Gives each tool one short turn to warm up, then a turn in each round.
///
/// # Errors
/// Where a tool fails or makes no request.
pub(super) fn compare(bench: &Bench, tools: &[Tool<'_>]) -> anyhow::Result<Throughput> {
    for tool in tools {
        // Fills caches: the disk's, and wasmload's of compiled scenarios.
        take_turn(bench, tool, 1)?;
    }
    let mut turns: Vec<Vec<(Count, Cpu)>> = tools.iter().map(|_| Vec::new()).collect();
    for round in 0..bench.args.rounds as usize {
        say(&format!("measuring throughput, round {} of {}", round + 1, bench.args.rounds));
        // Everybody is first in turn, so that nobody always follows the same neighbour.
        for offset in 0..tools.len() {
            let index = (round + offset) % tools.len();
            turns[index].push(take_turn(bench, &tools[index], bench.args.seconds)?);
        }
    }
    Ok(summarize(tools.iter().map(Tool::name).zip(turns)))
}

fn take_turn(bench: &Bench, tool: &Tool<'_>, seconds: u32) -> anyhow::Result<(Count, Cpu)> {
    let bound = Duration::from_secs(seconds.into()) + GRACE;
    let finished = process::run(tool.command(&bench.load, seconds), bound, |_, _| ())?;
    let count = tool.count(&finished.stdout)?;
    ensure!(count.requests > 0 && count.seconds > 0.0, "{} made no request", tool.name());
    Ok((count, finished.cpu))
}

fn summarize(tools: impl Iterator<Item = (&'static str, Vec<(Count, Cpu)>)>) -> Throughput {
    let mut summaries: Vec<ToolFigures> = Vec::new();
    for (name, turns) in tools {
        let rounds: Vec<Figures> = turns.iter().map(|(count, cpu)| Figures::new(*count, *cpu)).collect();
        let failures = turns.iter().map(|(count, _)| count.failures).sum();
        let base = summaries.first().map_or(&rounds, |first| &first.rounds);
        let to_first = Ratios {
            requests_per_second: median_ratio(&rounds, base, |figures| figures.requests_per_second),
            cpu_per_request: median_ratio(&rounds, base, |figures| figures.cpu_microseconds_per_request),
        };
        summaries.push(ToolFigures { name, median: Figures::median(&rounds), to_first, failures, rounds });
    }
    Throughput { tools: summaries }
}

fn median_ratio(rounds: &[Figures], base: &[Figures], figure: impl Fn(&Figures) -> f64) -> f64 {
    median(rounds.iter().zip(base).map(|(mine, theirs)| figure(mine) / figure(theirs)))
}

impl Figures {
    fn new(count: Count, cpu: Cpu) -> Self {
        let each = |seconds: f64| seconds * 1e6 / count.requests as f64;
        Self {
            requests_per_second: count.requests as f64 / count.seconds,
            user_microseconds_per_request: each(cpu.user_seconds),
            system_microseconds_per_request: each(cpu.system_seconds),
            cpu_microseconds_per_request: each(cpu.total()),
            busy: cpu.total() / count.seconds,
        }
    }

    fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure));
        Self {
            requests_per_second: of(|figures| figures.requests_per_second),
            user_microseconds_per_request: of(|figures| figures.user_microseconds_per_request),
            system_microseconds_per_request: of(|figures| figures.system_microseconds_per_request),
            cpu_microseconds_per_request: of(|figures| figures.cpu_microseconds_per_request),
            busy: of(|figures| figures.busy),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::process::Cpu;
    use super::super::tool::Count;
    use super::{Throughput, summarize};

    fn turn(requests: u64, user_seconds: f64, system_seconds: f64) -> (Count, Cpu) {
        (Count { requests, failures: 1, seconds: 5.0 }, Cpu { user_seconds, system_seconds })
    }

    /// Three rounds, of which the second had a neighbour that halved all rates.
    pub(in super::super) fn throughput() -> Throughput {
        let wrk = vec![turn(600_000, 0.5, 4.5), turn(300_000, 0.5, 4.5), turn(500_000, 0.5, 4.5)];
        let wasmload = vec![turn(300_000, 2.0, 3.0), turn(150_000, 2.0, 3.0), turn(300_000, 2.0, 3.0)];
        summarize([("wrk", wrk), ("wasmload", wasmload)].into_iter())
    }

    #[test]
    fn figures_are_medians_over_the_rounds() {
        let Throughput { tools } = throughput();
        let wrk = &tools[0];
        assert_eq!(wrk.median.requests_per_second, 100_000.0);
        assert_eq!(wrk.median.user_microseconds_per_request, 1.0);
        assert_eq!(wrk.median.system_microseconds_per_request, 9.0);
        assert_eq!(wrk.median.cpu_microseconds_per_request, 10.0);
        assert_eq!(wrk.median.busy, 1.0);
        assert_eq!((wrk.rounds.len(), wrk.failures), (3, 3));
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let Throughput { tools } = throughput();
        assert_eq!(tools[0].to_first.requests_per_second, 1.0);
        assert_eq!(tools[1].to_first.requests_per_second, 0.5);
        assert_eq!(tools[1].to_first.cpu_per_request, 2.0);
    }
}
