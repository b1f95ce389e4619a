//! The verdicts as a person reads them: a table, how they came about, and the whole in a sentence.

use std::collections::HashSet;

use super::{is_grouped, show_change, show_points};
use crate::compare::measure::{Measure, Unit};
use crate::compare::names::NameFinding;
use crate::compare::seconds::Choice;
use crate::compare::verdict::{ALPHA, Change, Finding, Verdict};
use crate::compare::{Comparison, Sides};
use crate::report::Look;
use crate::report::table::{Cell, Column, Fit, Table};
use crate::report::words::{Tone, clean, paint, plural, wrap};
use crate::units::{show_count, show_number, show_rate, show_seconds, show_share};

/// Changes of names shown; the rest is counted.
const MOST_NAMES: usize = 30;

/// How a figure is written.
type Show = fn(f64) -> String;

/// What is judged, with its verdict.
pub(super) fn table(comparison: &Comparison) -> Table {
    let mut table = Table::new(vec![
        Column::left("", Fit::Middle(12)),
        Column::right("before", Fit::Drop(4)),
        Column::right("after", Fit::Drop(3)),
        Column::right("change", Fit::Keep),
        Column::right("95 % interval", Fit::Drop(5)),
        Column::right("p", Fit::Drop(6)),
        Column::left("", Fit::Wrap(12)),
    ]);
    table.section("Verdicts");
    let tolerance = comparison.tolerance.share();
    for finding in &comparison.judgement.findings {
        table.row(verdict_cells(Cell::from(measure_name(finding.measure)), finding, tolerance));
    }
    name_verdicts(&mut table, comparison);
    table
}

/// The verdicts on names that tell of a change; the others are counted.
fn name_verdicts(table: &mut Table, comparison: &Comparison) {
    let names = &comparison.judgement.names;
    if names.is_empty() {
        return;
    }
    table.section("By name");
    let is_change = |name: &&NameFinding| matches!(name.finding.verdict, Verdict::Worse | Verdict::Better);
    let changed: Vec<_> = names.iter().filter(is_change).collect();
    let grouped = is_grouped(comparison);
    for NameFinding { key, finding } in changed.iter().take(MOST_NAMES) {
        let scenario = if grouped { format!("{}: ", clean(&key.scenario)) } else { String::new() };
        let name = Cell::with_front(
            short_measure(finding.measure),
            &format!("{scenario}{} {}", clean(&key.method), clean(&key.name)),
        );
        table.row(verdict_cells(name, finding, comparison.tolerance.share()));
    }
    let mut rest = Vec::new();
    if changed.len() > MOST_NAMES {
        rest.push(format!("{} more of such changes", show_count((changed.len() - MOST_NAMES) as u64)));
    }
    let unchanged = (names.len() - changed.len()) as u64;
    if unchanged > 0 {
        rest.push(format!("{} without a change that is told apart", plural(unchanged, "measure")));
    }
    if !rest.is_empty() {
        table.text(Cell::new(rest.join("; ")).tone(Tone::Dim));
    }
}

fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::MeanResponseTime => "mean response time",
        Measure::P50ResponseTime => "p50 response time",
        Measure::P95ResponseTime => "p95 response time",
        Measure::MeanServiceTime => "mean service time",
        Measure::P50ServiceTime => "p50 service time",
        Measure::P95ServiceTime => "p95 service time",
        Measure::RequestRate => "requests per s",
        Measure::FailureRate => "failed",
        Measure::DroppedIterations => "dropped iterations",
    }
}

/// The same before a name, which needs the room.
fn short_measure(measure: Measure) -> &'static str {
    match measure {
        Measure::MeanResponseTime | Measure::MeanServiceTime => "mean of ",
        Measure::P50ResponseTime | Measure::P50ServiceTime => "p50 of ",
        Measure::P95ResponseTime | Measure::P95ServiceTime => "p95 of ",
        Measure::RequestRate => "per s of ",
        Measure::FailureRate => "failed of ",
        Measure::DroppedIterations => "dropped of ",
    }
}

fn verdict_cells(name: Cell, finding: &Finding, tolerance: f64) -> Vec<Cell> {
    let (figure, change): (Show, Show) = match finding.measure.unit() {
        Unit::Seconds => (show_seconds, show_change),
        Unit::PerSecond => (show_rate, show_change),
        // In billionths, which is more than the eye gets to see.
        Unit::Share => (|share| show_share((share * 1e9).round() as u64, 1_000_000_000), show_points),
    };
    let dash = || "-".to_owned();
    let average = |value: Option<f64>| Cell::from(value.map_or_else(dash, figure));
    let of_change = |show: &dyn Fn(&Change) -> Option<String>| {
        Cell::from(finding.change.as_ref().and_then(show).unwrap_or_else(dash))
    };
    vec![
        name,
        average(finding.averages.before),
        average(finding.averages.after),
        of_change(&|found| Some(change(found.size))),
        of_change(&|found| found.interval.map(|(low, high)| format!("{} to {}", change(low), change(high)))),
        of_change(&|found| Some(show_p(found.p))),
        verdict_cell(finding, tolerance),
    ]
}

fn show_p(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

fn verdict_cell(finding: &Finding, tolerance: f64) -> Cell {
    let (text, tone) = match finding.verdict {
        Verdict::Worse => (direction(finding.measure, true).to_owned(), Tone::Bad),
        Verdict::Better => (direction(finding.measure, false).to_owned(), Tone::Good),
        Verdict::WithinTolerance => (format!("same within {}", show_percent(tolerance)), Tone::Plain),
        Verdict::WithinNoise => ("same within noise".to_owned(), Tone::Plain),
        Verdict::TooShort => ("too short to tell".to_owned(), Tone::Caution),
        Verdict::TooFewRequests => ("too few requests a second to tell".to_owned(), Tone::Caution),
        Verdict::OtherLoad => ("not the same load".to_owned(), Tone::Caution),
    };
    Cell::new(text).tone(tone)
}

/// A change for the worse or for the better in one word or two.
fn direction(measure: Measure, is_worse: bool) -> &'static str {
    match (measure, is_worse) {
        (Measure::RequestRate, true) => "fewer requests",
        (Measure::RequestRate, false) => "more requests",
        (Measure::FailureRate, true) => "more failures",
        (Measure::FailureRate, false) => "fewer failures",
        (Measure::DroppedIterations, true) => "more iterations dropped",
        (Measure::DroppedIterations, false) => "fewer iterations dropped",
        (_, true) => "slower",
        (_, false) => "faster",
    }
}

/// A share as people set it: `5 %`, `2.5 %`.
fn show_percent(share: f64) -> String {
    format!("{} %", show_number(share * 100.0))
}

/// How the verdicts came about, and what they can't know.
pub(super) fn explanation(comparison: &Comparison, look: &Look) -> String {
    let judgement = &comparison.judgement;
    let Sides { before, after } = judgement.seconds.map(|seconds| show_count(*seconds as u64));
    let ramps = match judgement.choice {
        Sides { before: Choice::Steady, after: Choice::Steady } => ", without ramps",
        Sides { before: Choice::Load, after: Choice::Load } => ", ramps too",
        _ => "",
    };
    let names = if judgement.names.is_empty() {
        "Names have no verdict, because the runs have no name in common or their summaries no blocks of it."
    } else {
        "Names are judged likewise, with a chance as great of a false alarm in any of them."
    };
    let text = format!(
        "Averages over {before} seconds before and {after} after{ramps}. Welch's t-test on means of blocks of seconds, \
         widened for what neighbouring blocks have in common; a false alarm in any of these rows has a chance of {} (Holm). \
         A change of up to {} counts as none. Noise is what changed within the runs: what differs from run to run, \
         such as warm caches or neighbours on the machine, is not in it, so repeat both before you act. {names} pp are \
         percentage points.",
        show_percent(ALPHA),
        show_percent(comparison.tolerance.share()),
    );
    let lines = wrap(&text, look.width - 2);
    lines.iter().map(|line| format!("  {}\n", paint(line, Tone::Dim, look.color))).collect()
}

/// What is worse, times of a kind together.
fn worse_measures(findings: &[Finding]) -> Vec<String> {
    let worse = findings.iter().filter(|finding| finding.verdict == Verdict::Worse).map(|finding| finding.measure);
    let worse: Vec<Measure> = worse.collect();
    let slower = |kind: &str| {
        let figures = worse.iter().filter_map(|measure| measure_name(*measure).strip_suffix(kind));
        let figures: Vec<_> = figures.map(str::trim_end).collect();
        (!figures.is_empty()).then(|| format!("slower by {kind} ({})", figures.join(", ")))
    };
    let others = worse.iter().filter(|measure| measure.unit() != Unit::Seconds);
    let others = others.map(|measure| direction(*measure, true).to_owned());
    ["response time", "service time"].into_iter().filter_map(slower).chain(others).collect()
}

/// The verdict in one sentence.
pub(super) fn conclusion(comparison: &Comparison, look: &Look) -> String {
    let name = clean(&comparison.runs.after.name);
    let mut worse = worse_measures(&comparison.judgement.findings);
    let worse_names = comparison.judgement.names.iter().filter(|name| name.finding.verdict == Verdict::Worse);
    let worse_names = worse_names.map(|name| &name.key).collect::<HashSet<_>>().len() as u64;
    if worse_names > 0 {
        worse.push(plural(worse_names, "name"));
    }
    let (text, tone) = if !worse.is_empty() {
        (format!("{name} is worse: {}.", worse.join(", ")), Tone::Bad)
    } else if !comparison.judgement.can_tell() {
        (format!("Nothing can be told of {name}."), Tone::Caution)
    } else {
        (format!("Nothing tells against {name}."), Tone::Good)
    };
    wrap(&text, look.width).iter().map(|line| paint(line, tone, look.color) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_chances_are_not_told_to_the_digit() {
        assert_eq!((show_p(0.0004), show_p(0.0123)), ("<0.001".to_owned(), "0.012".to_owned()));
    }
}
