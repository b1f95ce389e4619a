//! The sections that show what went wrong: failures, traps, what was cut off.

use crate::metrics::{FailureRow, FailureScope, Summary, TrapRow};
use crate::report::table::{Cell, Column, Fit, Table};
use crate::report::words::{Look, Tone, clean, paint, plural, shorten_end, wrap};
use crate::units::{show_clock, show_count};

/// Groups of failures shown; the rest is counted in one line.
const MOST_FAILURES: usize = 20;
/// Distinct traps shown.
const MOST_TRAPS: usize = 5;
/// Frames of a backtrace shown.
const MOST_FRAMES: usize = 24;

/// Failures by how many, where and why.
pub(super) fn failures(summary: &Summary, look: &Look) -> String {
    if summary.failures.is_empty() {
        return String::new();
    }
    let mut table = Table::new(vec![
        Column::left("", Fit::Keep),
        Column::left("where", Fit::Middle(12)),
        Column::left("kind", Fit::Drop(1)),
        Column::left("when", Fit::Drop(2)),
        Column::left("reason", Fit::Wrap(12)),
    ]);
    table.section("Failures");
    let digits = show_count(summary.failures.iter().map(|row| row.count).max().unwrap_or_default()).len();
    let grouped = summary.scenarios.len() > 1;
    for row in summary.failures.iter().take(MOST_FAILURES) {
        table.row(vec![
            Cell::new(format!("{:>digits$}", show_count(row.count))).tone(Tone::Bad),
            Cell::from(place(row, grouped)),
            Cell::new(row.kind.as_str()).tone(Tone::Dim),
            Cell::new(when(row)).tone(Tone::Dim),
            Cell::from(clean(&row.reason)),
        ]);
    }
    if let Some(rest) = summary.failures.get(MOST_FAILURES..).filter(|rest| !rest.is_empty()) {
        let count: u64 = rest.iter().map(|row| row.count).sum();
        let text = format!("and {} in {} more", plural(count, "failure"), plural(rest.len() as u64, "group"));
        table.text(Cell::new(text).tone(Tone::Dim));
    }
    table.render(look)
}

/// What failed, in words that the other tables use.
pub(crate) fn place(row: &FailureRow, grouped: bool) -> String {
    let name = clean(&row.name);
    let place = match row.scope {
        FailureScope::Request => format!("{} {name}", clean(&row.method)),
        FailureScope::Iteration => return format!("iteration of {}", clean(&row.scenario)),
        FailureScope::Task => format!("task {name}"),
        FailureScope::Transaction => format!("transaction {name}"),
        FailureScope::Lifecycle => name,
    };
    if grouped { format!("{}: {place}", clean(&row.scenario)) } else { place }
}

/// From the first to the last, from the start of the load.
fn when(row: &FailureRow) -> String {
    let (first, last) = (show_clock(row.first_seen), show_clock(row.last_seen));
    if first == last { first } else { format!("{first} to {last}") }
}

/// Distinct traps with their backtraces.
pub(super) fn traps(summary: &Summary, look: &Look) -> String {
    if summary.traps.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", paint("Traps", Tone::Strong, look.color));
    for row in summary.traps.iter().take(MOST_TRAPS) {
        text.push_str(&trap(row, look));
    }
    if let Some(rest) = summary.traps.get(MOST_TRAPS..).filter(|rest| !rest.is_empty()) {
        let count = rest.iter().map(|row| row.count).sum();
        let line = format!("  and {} of {} more", plural(count, "trap"), plural(rest.len() as u64, "kind"));
        text.push_str(&format!("{}\n", paint(&line, Tone::Dim, look.color)));
    }
    text
}

fn trap(row: &TrapRow, look: &Look) -> String {
    let message = format!("{} in {}: {}", plural(row.count, "time"), clean(&row.scenario), clean(&row.message));
    let mut text = String::new();
    for line in wrap(&message, look.width.saturating_sub(2)) {
        text.push_str(&format!("  {}\n", paint(&line, Tone::Bad, look.color)));
    }
    let frames: Vec<String> = row.backtrace.lines().map(clean).filter(|frame| !frame.is_empty()).collect();
    let mut frame = |frame: &str| {
        let frame = shorten_end(frame, look.width.saturating_sub(4));
        text.push_str(&format!("    {}\n", paint(&frame, Tone::Dim, look.color)));
    };
    frames.iter().take(MOST_FRAMES).for_each(|line| frame(line));
    if frames.len() > MOST_FRAMES {
        frame(&format!("and {}", plural((frames.len() - MOST_FRAMES) as u64, "more frame")));
    }
    text
}

/// What was under way when the run was cut short.
pub(super) fn interrupted(summary: &Summary, look: &Look) -> String {
    let cut = summary.interrupted;
    let parts: Vec<String> = [(cut.requests, "request"), (cut.iterations, "iteration")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| plural(count, noun))
        .collect();
    if parts.is_empty() {
        return String::new();
    }
    let verb = if cut.requests + cut.iterations == 1 { "was" } else { "were" };
    let text = format!("{} {verb} cut off under way; no figure counts them.", parts.join(" and "));
    let mut section = format!("{}\n", paint("Interrupted", Tone::Strong, look.color));
    for line in wrap(&text, look.width.saturating_sub(2)) {
        section.push_str(&format!("  {line}\n"));
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn what_is_not_shown_is_counted() {
        let mut summary = fixture::rich();
        let row = summary.failures[0].clone();
        summary.failures = vec![FailureRow { count: 10, ..row }; MOST_FAILURES + 3];
        summary.traps = vec![summary.traps[0].clone(); MOST_TRAPS + 1];
        let frames = (0..MOST_FRAMES + 2).map(|at| format!("{at}: frame\n")).collect::<String>();
        summary.traps[0].backtrace = frames;
        assert!(failures(&summary, &Look::default()).ends_with("  and 30 failures in 3 groups more\n"));
        let traps = traps(&summary, &Look::default());
        assert!(traps.contains("    23: frame\n    and 2 more frames\n"), "{traps}");
        assert!(traps.ends_with("  and 14 traps of 1 kind more\n"), "{traps}");
    }
}
