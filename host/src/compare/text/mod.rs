//! The comparison as a person reads it: what the runs were, each name before and after, and the verdicts last, next to
//! the prompt.

mod verdicts;

use super::input::Times;
use super::{Comparison, Figures, Key, Pair, Sides};
use crate::report::Look;
use crate::report::table::{Cell, Column, Fit, Table};
use crate::report::words::{Tone, clean, paint, plural, to_ascii, wrap};
use crate::units::{show_count, show_number, show_rate, show_seconds, show_share};

pub(super) fn render(comparison: &Comparison, look: Look) -> String {
    let look = Look { width: look.width.max(40), ..look };
    let sections = [
        heading(comparison, &look),
        notes(comparison, &look),
        figures(comparison).render(&look),
        verdicts::table(comparison).render(&look),
        verdicts::explanation(comparison, &look),
        verdicts::conclusion(comparison, &look),
    ];
    let text = sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n");
    if look.unicode { text } else { to_ascii(&text) }
}

/// Each run on a line.
fn heading(comparison: &Comparison, look: &Look) -> String {
    let line = |side: &str, run: &super::Run| {
        let summary = &run.summary;
        let parts = [
            clean(&run.name),
            clean(&summary.scenarios.join(", ")),
            plural(summary.vus.max, "VU"),
            show_seconds(summary.elapsed_seconds),
            clean(&summary.started_at),
        ];
        let lines = wrap(&parts.join(" · "), look.width - 8);
        paragraph(&format!("{side:<8}"), Tone::Dim, &lines, look)
    };
    line("before", &comparison.runs.before) + &line("after", &comparison.runs.after)
}

/// Where the runs did not do the same.
fn notes(comparison: &Comparison, look: &Look) -> String {
    if comparison.notes.is_empty() {
        return String::new();
    }
    let mut text = paint("The runs were not alike", Tone::Strong, look.color) + "\n";
    // What has a comma itself would run into what comes next.
    let quoted = |text: &String| if text.contains(", ") { format!("\"{text}\"") } else { text.clone() };
    for note in &comparison.notes {
        let Sides { before, after } = note.found.map(quoted);
        let line = format!("{}: {before} before, {after} after", note.what.label());
        text.push_str(&paragraph("  ! ", Tone::Caution, &wrap(&line, look.width - 4), look));
    }
    text
}

/// Lines behind a mark, or below it.
fn paragraph(mark: &str, tone: Tone, lines: &[String], look: &Look) -> String {
    let blank = " ".repeat(mark.len());
    let marks = std::iter::once(paint(mark, tone, look.color)).chain(std::iter::repeat(blank));
    lines.iter().zip(marks).map(|(line, mark)| format!("{mark}{line}\n")).collect()
}

/// Every name's figures: before, after, and their change.
fn figures(comparison: &Comparison) -> Table {
    let mut table = Table::new(vec![
        Column::left("", Fit::Middle(12)),
        Column::left("", Fit::Keep),
        Column::right("count", Fit::Drop(8)),
        Column::right("failed", Fit::Drop(1)),
        Column::right("per s", Fit::Drop(4)),
        Column::right("mean", Fit::Drop(6)),
        Column::right("p50", Fit::Drop(2)),
        Column::right("p90", Fit::Drop(7)),
        Column::right("p95", Fit::Keep),
        Column::right("p99", Fit::Drop(3)),
        Column::right("max", Fit::Drop(5)),
    ]);
    let grouped = is_grouped(comparison);
    let tolerance = comparison.tolerance.share();
    let mut section = |title, pairs: &[Pair], grouped, total: Option<&Pair>| {
        if pairs.is_empty() {
            return;
        }
        table.section(title);
        let mut scenario = None;
        for pair in pairs.iter().chain(total) {
            let owner = pair.key.as_ref().map(|key| &key.scenario).filter(|_| grouped);
            if let Some(name) = owner.filter(|_| owner != scenario) {
                table.text(Cell::new(clean(name)).tone(Tone::Dim));
            }
            scenario = owner;
            lines(pair, owner.is_some(), tolerance).into_iter().for_each(|line| table.row(line));
        }
        if pairs.iter().any(|pair| pair.key.as_ref().is_some_and(|key| key.timed_by_guest)) {
            table.text(Cell::new("* made and timed by the scenario itself; not in any total").tone(Tone::Dim));
        }
    };
    section("Requests", &comparison.requests, grouped, Some(&comparison.total));
    section("Iterations", &comparison.iterations, false, None);
    section("Tasks", &comparison.tasks, grouped, None);
    section("Transactions", &comparison.transactions, grouped, None);
    table
}

/// Whether names have to say whose they are.
fn is_grouped(comparison: &Comparison) -> bool {
    let Sides { before, after } = comparison.runs.map(|run| run.summary.scenarios.len());
    before.max(after) > 1
}

/// The lines of a name: three where both runs have it.
fn lines(pair: &Pair, indented: bool, tolerance: f64) -> Vec<Vec<Cell>> {
    let label = pair.key.as_ref().map_or(Cell::new("all").tone(Tone::Strong), |key| label(key, indented));
    let mut lines = match &pair.figures {
        Sides { before: Some(before), after: Some(after) } => {
            vec![one_side("before", before), one_side("after", after), changes(before, after, tolerance)]
        }
        Sides { before: Some(before), after: None } => vec![one_side("only before", before)],
        Sides { before: None, after: Some(after) } => vec![one_side("only after", after)],
        Sides { before: None, after: None } => Vec::new(),
    };
    let labels = std::iter::once(label).chain(std::iter::repeat(Cell::default()));
    lines.iter_mut().zip(labels).for_each(|(line, label)| line.insert(0, label));
    lines
}

fn label(key: &Key, indented: bool) -> Cell {
    let mark = if key.timed_by_guest { "*" } else { "" };
    let method = if key.method.is_empty() { String::new() } else { format!("{}{mark} ", clean(&key.method)) };
    Cell::with_front(&format!("{}{method}", if indented { "  " } else { "" }), &clean(&key.name))
}

/// The times that are shown, in the order of their columns.
fn shown(times: &Times) -> [f64; 6] {
    [times.mean, times.p50, times.p90, times.p95, times.p99, times.max]
}

fn one_side(side: &str, figures: &Figures) -> Vec<Cell> {
    let failed = if figures.failures > 0 { Tone::Bad } else { Tone::Plain };
    let mut cells = vec![
        Cell::new(side).tone(Tone::Dim),
        Cell::from(show_count(figures.count)),
        Cell::new(show_share(figures.failures, figures.count)).tone(failed),
        Cell::from(show_rate(figures.rate_per_second)),
    ];
    let time = |seconds| if figures.count == 0 { "-".to_owned() } else { show_seconds(seconds) };
    cells.extend(shown(&figures.times).map(|seconds| Cell::from(time(seconds))));
    cells
}

/// The changes, those above the tolerance brighter: they have no verdict, so they are neither good nor bad.
fn changes(before: &Figures, after: &Figures, tolerance: f64) -> Vec<Cell> {
    let relative = |before: f64, after: f64| {
        let Some(change) = (Sides { before, after }).change() else { return Cell::new("-").tone(Tone::Dim) };
        Cell::new(show_change(change)).tone(if change.abs() > tolerance { Tone::Strong } else { Tone::Dim })
    };
    let mut cells = vec![
        Cell::new("change").tone(Tone::Dim),
        relative(before.count as f64, after.count as f64),
        Cell::new(show_points(after.failure_share() - before.failure_share())).tone(Tone::Dim),
        relative(before.rate_per_second, after.rate_per_second),
    ];
    let timed = before.count > 0 && after.count > 0;
    let times = shown(&before.times).into_iter().zip(shown(&after.times));
    cells.extend(times.map(
        |(before, after)| {
            if timed { relative(before, after) } else { Cell::new("-").tone(Tone::Dim) }
        },
    ));
    cells
}

/// A relative change in percent: `+12.3 %`, `-0.4 %`, `+1,234 %`; `0 %` below half a thousandth, and no more than a
/// hundredfold.
fn show_change(change: f64) -> String {
    let percent = change.abs() * 100.0;
    if percent >= 9_999.5 {
        return ">+9,999 %".to_owned();
    }
    let size = if percent < 99.95 { format!("{percent:.1}") } else { show_count(percent.round() as u64) };
    signed(change, if size == "0.0" { "0" } else { &size }, "%")
}

/// A difference of shares in percentage points: `+0.123 pp`.
fn show_points(difference: f64) -> String {
    signed(difference, &show_number(difference.abs() * 100.0), "pp")
}

fn signed(value: f64, size: &str, unit: &str) -> String {
    let sign = match size {
        "0" => "",
        _ if value < 0.0 => "-",
        _ => "+",
    };
    format!("{sign}{size} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_a_sign_and_a_unit() {
        for (change, expected) in [
            (0.1234, "+12.3 %"),
            (-0.004, "-0.4 %"),
            (0.0004, "0 %"),
            (-0.0004, "0 %"),
            (12.344, "+1,234 %"),
            (-1.0, "-100 %"),
            (f64::INFINITY, ">+9,999 %"),
        ] {
            assert_eq!(show_change(change), expected);
        }
        assert_eq!(show_points(0.00123), "+0.123 pp");
        assert_eq!(show_points(-0.25), "-25 pp");
        assert_eq!(show_points(0.0), "0 pp");
    }
}
