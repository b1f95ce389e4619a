//! Resident memory a virtual user, each with a connection open and asleep most of the time.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::Bench;
use super::process;
use super::report::median;
use super::tool::{Bound, Count, SLEEPER};
use crate::project::say;

/// How often memory is read.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);

/// What a run may take beyond its time: to start and to stop thousands of virtual users.
const GRACE: Duration = Duration::from_secs(120);

/// Of a run with one number of virtual users.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Footprint {
    pub(super) vus: u32,
    /// The whole process at its steady state.
    pub(super) resident_kib: f64,
    pub(super) resident_kib_per_vu: f64,
    /// What each virtual user more than in the smaller run before it added; none for the first.
    pub(super) resident_kib_per_further_vu: Option<f64>,
    pub(super) requests: u64,
    pub(super) failures: u64,
}

impl Footprint {
    /// Whether every virtual user made its request: else memory of connections is missing from the figure.
    pub(super) fn is_complete(&self) -> bool {
        self.failures == 0 && self.requests >= u64::from(self.vus)
    }
}

/// Runs the numbers of virtual users one after another, the smallest first.
///
/// # Errors
/// Where a run fails or ends too early to be looked at.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Footprint>> {
    let mut sizes = bench.args.vus.clone();
    sizes.sort_unstable();
    sizes.dedup();
    let mut footprints: Vec<Footprint> = Vec::new();
    for vus in sizes {
        say(&format!("measuring memory, {vus} VUs"));
        let (resident_kib, count) = run(bench, vus)?;
        footprints.push(footprint(vus, resident_kib, count, footprints.last()));
    }
    Ok(footprints)
}

fn footprint(vus: u32, resident_kib: f64, count: Count, smaller: Option<&Footprint>) -> Footprint {
    let further = smaller.map(|smaller| (resident_kib - smaller.resident_kib) / f64::from(vus - smaller.vus));
    Footprint {
        vus,
        resident_kib,
        resident_kib_per_vu: resident_kib / f64::from(vus),
        resident_kib_per_further_vu: further,
        requests: count.requests,
        failures: count.failures,
    }
}

/// Resident KiB at the steady state, and what the virtual users did meanwhile.
fn run(bench: &Bench, vus: u32) -> anyhow::Result<(f64, Count)> {
    let seconds = bench.args.memory_seconds;
    let command = bench.wasmload.command(&bench.load, SLEEPER, vus, Bound::Seconds(seconds));
    let time = Duration::from_secs(seconds.into());
    let mut samples: Vec<(Duration, u64)> = Vec::new();
    process::run(command, time + GRACE, |elapsed, id| {
        if samples.last().is_none_or(|(last, _)| elapsed >= *last + SAMPLE_EVERY) {
            samples.extend(resident_kib(id).map(|resident| (elapsed, resident)));
        }
    })?;
    let resident = steady(&samples, time).with_context(|| format!("{vus} VUs ended before {} s", seconds / 2))?;
    Ok((resident, bench.wasmload.count()?))
}

/// The median of what was seen in the second half of the run's time: the virtual users started in the first, and stop
/// after it.
fn steady(samples: &[(Duration, u64)], time: Duration) -> Option<f64> {
    let half: Vec<f64> =
        samples.iter().filter(|(at, _)| (time / 2..time).contains(at)).map(|(_, resident)| *resident as f64).collect();
    (!half.is_empty()).then(|| median(half))
}

/// None where the process has just ended.
fn resident_kib(id: u32) -> Option<u64> {
    parse_resident(&fs::read_to_string(format!("/proc/{id}/status")).ok()?)
}

/// `VmRSS` of proc(5)'s `status`, in its unit, which it calls kB and which is 1,024 bytes.
fn parse_resident(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::super::tool::Count;
    use super::{Footprint, footprint, parse_resident, resident_kib, steady};

    pub(in super::super) fn footprints() -> Vec<Footprint> {
        let count = |requests| Count { requests, failures: 0, seconds: 12.0 };
        let small = footprint(1_000, 61_000.0, count(12_000), None);
        let large = footprint(5_000, 221_000.0, count(4_999), Some(&small));
        vec![small, large]
    }

    #[test]
    fn memory_is_told_in_all_by_vu_and_by_further_vu() {
        let footprints = footprints();
        assert_eq!(footprints[0].resident_kib_per_vu, 61.0);
        assert_eq!(footprints[0].resident_kib_per_further_vu, None);
        assert_eq!(footprints[1].resident_kib_per_further_vu, Some(40.0));
        assert!(footprints[0].is_complete());
        assert!(!footprints[1].is_complete(), "a VU of the 5,000 made no request");
    }

    #[test]
    fn resident_memory_is_read_from_proc() {
        let status = "Name:\twasmload\nVmHWM:\t  225000 kB\nVmRSS:\t  221000 kB\nRssAnon:\t  1 kB\n";
        assert_eq!(parse_resident(status), Some(221_000));
        assert_eq!(parse_resident("Name:\twasmload\nState:\tZ (zombie)\n"), None);
        assert!(resident_kib(std::process::id()).is_some_and(|kib| kib > 100), "this test takes more than 100 KiB");
    }

    #[test]
    fn the_steady_state_is_the_second_half() {
        let at = |seconds: u64, resident| (Duration::from_secs(seconds), resident);
        let samples = [at(1, 10), at(5, 900), at(6, 100), at(8, 104), at(11, 300), at(12, 1), at(13, 1)];
        assert_eq!(steady(&samples, Duration::from_secs(12)), Some(104.0));
        assert_eq!(steady(&samples[..2], Duration::from_secs(12)), None);
    }
}
