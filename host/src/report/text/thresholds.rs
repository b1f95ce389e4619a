//! The section of thresholds: which held, which did not, by how much and since when.

use crate::metrics::{Summary, ThresholdOutcome, ThresholdUnit};
use crate::report::words::{Look, Tone, clean, paint, plural, width, wrap};
use crate::units::{show_clock, show_count, show_number, show_rate, show_seconds, show_share};

/// Columns before a rule: its indentation and its mark. What is said of it stands a little further right where it has a line
/// of its own.
const BEFORE: usize = 4;

/// Columns between a rule and what is said of it.
const BETWEEN: usize = 2;

/// Each threshold with its outcome: beside the rules where all find room there, or below each.
pub(super) fn section(summary: &Summary, look: &Look) -> String {
    if summary.thresholds.is_empty() {
        return String::new();
    }
    let rows: Vec<_> =
        summary.thresholds.iter().map(|outcome| (outcome, clean(&outcome.rule), words(outcome))).collect();
    let widest = |of: fn(&(&ThresholdOutcome, String, String)) -> usize| rows.iter().map(of).max().unwrap_or_default();
    let (rules, said) = (widest(|row| width(&row.1)), widest(|row| width(&row.2)));
    let beside = BEFORE + rules + BETWEEN + said <= look.width;
    let mut text = format!("{}\n", paint("Thresholds", Tone::Strong, look.color));
    for (outcome, rule, words) in &rows {
        let (mark, tone) = if outcome.passed { ("✓", Tone::Good) } else { ("✗", Tone::Bad) };
        let marked = |mark: &str, line: &str| format!("  {}", paint(&format!("{mark} {line}"), tone, look.color));
        if beside {
            let gap = " ".repeat(rules - width(rule) + BETWEEN);
            text.push_str(&format!("{}{gap}{words}\n", marked(mark, rule)));
            continue;
        }
        for (at, line) in wrap(rule, look.width - BEFORE).iter().enumerate() {
            text.push_str(&format!("{}\n", marked(if at == 0 { mark } else { " " }, line)));
        }
        for line in wrap(words, look.width - BEFORE - BETWEEN) {
            text.push_str(&format!("{}{line}\n", " ".repeat(BEFORE + BETWEEN)));
        }
    }
    text
}

/// Each threshold that failed, in one line.
pub fn failed_thresholds(summary: &Summary) -> impl Iterator<Item = String> {
    let failed = summary.thresholds.iter().filter(|outcome| !outcome.passed);
    failed.map(|outcome| format!("{} ({})", clean(&outcome.rule), words(outcome)))
}

/// What was observed, how far from the bound, since when it fails and in how many windows; or why there was nothing to
/// judge.
pub(crate) fn words(outcome: &ThresholdOutcome) -> String {
    let Some(observed) = outcome.observed else {
        return clean(outcome.problem.as_deref().unwrap_or("there was nothing to judge"));
    };
    let mut parts = vec![figure(observed, outcome.unit), distance(observed, outcome.bound, outcome.unit)];
    parts.extend(outcome.failing_since.map(|since| format!("since {}", show_clock(since))));
    if let Some(windows) = outcome.windows {
        let judged = plural(windows.judged, "window");
        parts.push(match windows.failed {
            0 => format!("the worst of {judged}"),
            failed => format!("in {} of {judged}", show_count(failed)),
        });
    }
    if outcome.aborted {
        parts.push("stopped the run".to_owned());
    }
    parts.join(", ")
}

fn figure(value: f64, unit: ThresholdUnit) -> String {
    match unit {
        ThresholdUnit::Seconds => show_seconds(value),
        ThresholdUnit::Share => percent(value),
        ThresholdUnit::PerSecond => format!("{}/s", show_rate(value)),
        ThresholdUnit::Count | ThresholdUnit::Number => show_number(value),
    }
}

/// How far a figure is from its bound, and on which side.
fn distance(value: f64, bound: f64, unit: ThresholdUnit) -> String {
    let side = if value > bound { "above" } else { "below" };
    let apart = (value - bound).abs();
    match unit {
        _ if value == bound => "which is the bound".to_owned(),
        // Percent of percent would be read as points.
        ThresholdUnit::Share => format!("{} points {side}", percent(apart).trim_end_matches(" %")),
        unit => format!("{} {side}", figure(apart, unit)),
    }
}

/// A share, in billionths, which is more than the eye gets to see.
fn percent(share: f64) -> String {
    show_share((share * 1e9).round() as u64, 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::WindowCounts;
    use crate::report::fixture;

    /// What is said of each outcome of the fixture, changed by `change`.
    fn said(change: impl Fn(&mut ThresholdOutcome)) -> Vec<String> {
        let mut outcomes = fixture::thresholds();
        outcomes.iter_mut().for_each(change);
        outcomes.iter().map(words).collect()
    }

    #[test]
    fn distances_are_in_the_figure_s_unit() {
        let apart = |observed: f64, bound: f64| {
            said(|outcome| {
                (outcome.observed, outcome.bound) = (Some(observed), bound);
                (outcome.windows, outcome.failing_since) = (None, None);
            })
        };
        let found = apart(0.75, 0.5);
        assert_eq!(found[0], "750 ms, 250 ms above");
        assert_eq!(found[2], "0.75/s, 0.25/s above");
        assert_eq!(found[3], "75.0 %, 25.0 points above");
        assert_eq!(found[4], "0.750, 0.250 above");
        assert_eq!(apart(2.0, 3.0)[4..6], ["2, 1 below", "2, 1 below"]);
        assert_eq!(apart(1.0, 1.0)[3], "100 %, which is the bound");
    }

    #[test]
    fn windows_and_the_stop_are_told() {
        let found = said(|outcome| {
            outcome.windows = Some(WindowCounts { judged: 1_200, failed: 1 });
            outcome.failing_since = Some(Duration::from_secs(75));
            outcome.aborted = true;
        });
        assert_eq!(found[4], "312, 312 above, since 01:15, in 1 of 1,200 windows, stopped the run");
        let found = said(|outcome| outcome.windows = Some(WindowCounts { judged: 1, failed: 0 }));
        assert_eq!(found[0], "8.19 ms, 192 ms below, the worst of 1 window");
    }

    #[test]
    fn what_is_said_stands_below_where_it_finds_no_room_beside() {
        let summary = fixture::open();
        let rendered = |width| section(&summary, &Look { width, ..Look::default() });
        let rule = "dropped_iterations: rate < 1/s abort after 10s";
        let words = "3.00/s, 2.00/s above, since 00:01, stopped the run";
        assert_eq!(rendered(102), format!("Thresholds\n  ✗ {rule}  {words}\n"));
        assert_eq!(rendered(101), format!("Thresholds\n  ✗ {rule}\n      {words}\n"));
        let narrow = "Thresholds\n  ✗ dropped_iterations: rate < 1/s abort\n    after 10s\n      3.00/s, 2.00/s above, since 00:01,\n      \
                      stopped the run\n";
        assert_eq!(rendered(42), narrow);
    }

    #[test]
    fn what_names_say_is_cleaned() {
        let mut outcome = fixture::thresholds().remove(6);
        outcome.problem = Some("no check was named `a`; there were `\x1b[31m`".to_owned());
        assert_eq!(words(&outcome), "no check was named `a`; there were `\\u{1b}[31m`");
    }
}
