//! Whether a change of one name is more than noise, by the blocks of both runs.
//!
//! It owns which blocks are compared and which measures names have. Tests and verdicts are those of `verdict`.

use std::collections::HashMap;

use super::input::{Blocks, Key, Row, Second, Summary, Times};
use super::measure::Measure;
use super::verdict::{self, Finding};
use super::{Sides, Tolerance};

/// What blocks tell of a name: they have no percentiles, and no response times, since the wait for a virtual user is an
/// iteration's and no name's own.
const MEASURES: [Measure; 3] = [Measure::MeanServiceTime, Measure::RequestRate, Measure::FailureRate];

/// A finding on the requests of one name.
#[derive(Clone, Debug)]
pub(super) struct NameFinding {
    pub(super) key: Key,
    pub(super) finding: Finding,
}

/// The findings on all names that both runs have, in the order of the first; none where a summary has no blocks.
/// `chosen` says of each second whether it is compared. The chance of a false alarm is that of one family of tests,
/// over all of them.
pub(super) fn findings(
    runs: &Sides<&Summary>,
    chosen: &Sides<&[bool]>,
    same_load: bool,
    tolerance: Tolerance,
) -> Vec<NameFinding> {
    let compared =
        Sides { before: compared_blocks(runs.before, chosen.before), after: compared_blocks(runs.after, chosen.after) };
    let after: HashMap<&Key, &Row> = runs.after.requests.iter().map(|row| (&row.key, row)).collect();
    let mut found = Vec::new();
    for row in &runs.before.requests {
        let Some(other) = after.get(&row.key) else { continue };
        let before = blocks(&row.blocks, &compared.before);
        let after = blocks(&other.blocks, &compared.after);
        if before.is_empty() || after.is_empty() {
            continue;
        }
        let sides = Sides { before: before.as_slice(), after: after.as_slice() };
        let of_name = MEASURES.map(|measure| verdict::finding(measure, &sides, same_load));
        found.extend(of_name.map(|finding| NameFinding { key: row.key.clone(), finding }));
    }
    verdict::decide_all(found.iter_mut().map(|name| &mut name.finding), tolerance);
    found
}

/// A block of the run that is compared: its place, and its length in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Compared {
    place: usize,
    length: f64,
}

/// The blocks whose seconds are all compared.
fn compared_blocks(run: &Summary, chosen: &[bool]) -> Vec<Compared> {
    let mut seconds = run.series.iter().zip(chosen).peekable();
    let (mut begin, mut at) = (0.0, 0.0);
    let mut blocks = Vec::new();
    for (place, end) in run.block_ends_seconds.iter().enumerate() {
        let (mut count, mut chosen) = (0, 0);
        // The middle of a second tells its block, whatever was lost in rounding.
        while let Some((second, is_chosen)) = seconds.next_if(|(second, _)| at + second.length_seconds / 2.0 < *end) {
            at += second.length_seconds;
            count += 1;
            chosen += usize::from(*is_chosen);
        }
        if count > 0 && count == chosen {
            blocks.push(Compared { place, length: end - begin });
        }
        begin = *end;
    }
    blocks
}

/// Those blocks of a name, as seconds of a run; none where there are fewer than it says.
fn blocks(of: &Blocks, compared: &[Compared]) -> Vec<Second> {
    let block = |block: &Compared| {
        let place = block.place;
        let (requests, failures) = (*of.count.get(place)?, *of.failures.get(place)?);
        let times = Times { count: requests, mean: *of.mean_seconds.get(place)?, ..Times::default() };
        Some(Second { length_seconds: block.length, requests, failures, times, ..Second::default() })
    };
    compared.iter().map(block).collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::seconds;
    use crate::compare::testing::{Noise, Process, even, summary};
    use crate::compare::verdict::Verdict;

    /// A run of so many names, each of which wavers by itself around `time`.
    fn run(noise: &mut Noise, names: usize, seconds: usize, time: f64) -> Summary {
        let mut summary = summary(even(seconds, 0, 0, 0.0));
        summary.block_ends_seconds = (1..=seconds).map(|end| end as f64).collect();
        let row = summary.requests[0].clone();
        summary.requests = (0..names)
            .map(|name| {
                let mut row = row.clone();
                row.key.name = name.to_string();
                let wave = noise.series(Process { memory: 0.6, slow_share: 1.0 }, seconds);
                row.blocks.mean_seconds = wave.iter().map(|wave| time * (1.0 + 0.1 * wave).max(0.1)).collect();
                row.blocks.count = (0..seconds).map(|_| 2 + noise.poisson(8.0)).collect();
                row.blocks.failures = (0..seconds).map(|_| noise.poisson(0.05)).collect();
                row
            })
            .collect();
        summary
    }

    fn found(before: &Summary, after: &Summary, tolerance: f64) -> Vec<NameFinding> {
        let runs = Sides { before, after };
        let chosen = runs.map(|run| seconds::choose(run).rows);
        findings(&runs, &chosen.map(Vec::as_slice), true, Tolerance(tolerance))
    }

    #[test]
    fn false_alarms_are_rare_over_all_names() {
        let mut noise = Noise::new(3);
        let mut run = || run(&mut noise, 10, 60, 0.1);
        let is_alarm = |name: &NameFinding| matches!(name.finding.verdict, Verdict::Worse | Verdict::Better);
        let alarms = (0..200).filter(|_| found(&run(), &run(), 0.0).iter().any(is_alarm)).count();
        assert!(alarms <= 10, "{alarms} of 200");
    }

    #[test]
    fn a_name_that_changed_is_found_and_no_other() {
        let mut noise = Noise::new(5);
        let (before, mut after) = (run(&mut noise, 10, 120, 0.1), run(&mut noise, 10, 120, 0.1));
        after.requests[7].blocks.mean_seconds.iter_mut().for_each(|mean| *mean *= 1.3);
        let changed = |name: &NameFinding| {
            let is_worse = name.finding.verdict == Verdict::Worse;
            is_worse.then(|| (name.key.name.clone(), name.finding.measure))
        };
        let found = found(&before, &after, 0.05);
        assert_eq!(found.iter().filter_map(changed).collect::<Vec<_>>(), [("7".to_owned(), Measure::MeanServiceTime)]);
        assert_eq!(found.len(), 30);
    }

    #[test]
    fn only_names_and_blocks_of_both_runs_are_judged() {
        let mut noise = Noise::new(9);
        let before = run(&mut noise, 2, 60, 0.1);
        let mut after = before.clone();
        after.requests[0].key.name = "other".to_owned();
        assert_eq!(found(&before, &after, 0.05).len(), MEASURES.len());
        after.requests[1].blocks = Blocks::default();
        assert_eq!(found(&before, &after, 0.05).len(), 0);
        let mut older = before.clone();
        older.block_ends_seconds.clear();
        assert_eq!(found(&before, &older, 0.05).len(), 0);
    }

    #[test]
    fn blocks_with_a_second_of_a_ramp_are_left_out() {
        let vus = [5, 10, 20, 20, 20, 20, 20, 20, 20, 20, 20, 7];
        let mut run = summary(vus.map(|vus| Second { vus, ..even(1, 0, 0, 0.0)[0] }).into());
        // The seconds 4 to 10 are steady: the first and the last one with all VUs are left out too.
        let chosen = seconds::choose(&run).rows;
        let mut of = |ends: &[f64]| {
            run.block_ends_seconds = ends.into();
            compared_blocks(&run, &chosen)
        };
        let block = |place, length| Compared { place, length };
        assert_eq!(of(&[2.0, 4.0, 6.0, 8.0, 10.0, 12.0]), [block(2, 2.0), block(3, 2.0), block(4, 2.0)]);
        assert_eq!(of(&[3.0, 6.0, 9.0, 12.0]), [block(1, 3.0), block(2, 3.0)]);
        assert_eq!(of(&[]), []);
    }
}
