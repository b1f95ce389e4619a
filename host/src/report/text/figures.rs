//! The sections that show what was measured: times, phases, checks, custom metrics.

use crate::metrics::{CheckRow, Distribution, MetricRow, MetricValue, RequestRow, SpanRow, Summary};
use crate::report::table::{Cell, Column, Fit, Table};
use crate::report::words::{Look, Tone, clean, width};
use crate::sample::Phases;
use crate::units::{show_count, show_number, show_rate, show_seconds, show_share};

/// Columns of the bar that shows a phase's share.
const BAR: usize = 20;

/// Requests, iterations, tasks and transactions, in one set of columns.
pub(super) fn timings(summary: &Summary, look: &Look) -> String {
    let mut table = Table::new(vec![
        Column::left("", Fit::Middle(12)),
        Column::right("count", Fit::Keep),
        Column::right("failed", Fit::Keep),
        Column::right("", Fit::Drop(6)),
        Column::right("per s", Fit::Drop(4)),
        Column::right("mean", Fit::Drop(7)),
        Column::right("p50", Fit::Drop(2)),
        Column::right("p90", Fit::Drop(8)),
        Column::right("p95", Fit::Keep),
        Column::right("p99", Fit::Drop(3)),
        Column::right("max", Fit::Drop(5)),
    ]);
    requests(&mut table, summary);
    let plain_iterations = summary.scenarios.len() == 1;
    spans(&mut table, "Iterations", &summary.iterations, |_| None);
    spans(&mut table, "Tasks", &summary.tasks, |row| (!plain_iterations).then_some(row.scenario.as_str()));
    spans(&mut table, "Transactions", &summary.transactions, |row| {
        (!plain_iterations).then_some(row.scenario.as_str())
    });
    table.render(look)
}

fn requests(table: &mut Table, summary: &Summary) {
    if summary.requests.is_empty() {
        return;
    }
    table.section("Requests");
    let grouped = summary.scenarios.len() > 1;
    let indent = if grouped { "  " } else { "" };
    let methods: Vec<String> = summary.requests.iter().map(method).collect();
    let method_width = methods.iter().map(|method| width(method)).max().unwrap_or_default();
    let mut scenario = None;
    for (row, method) in summary.requests.iter().zip(&methods) {
        if grouped && scenario != Some(&row.scenario) {
            table.text(Cell::new(clean(&row.scenario)).tone(Tone::Dim));
            scenario = Some(&row.scenario);
        }
        let padding = " ".repeat(method_width - width(method) + 1);
        let label = Cell::with_front(&format!("{indent}{method}{padding}"), &clean(&row.name));
        let stats = &row.stats;
        table.row(timing_cells(label, [stats.count, stats.failures], stats.rate, &stats.service_time, Tone::Plain));
    }
    let total = &summary.total;
    if summary.requests.iter().filter(|row| !row.timed_by_guest).count() > 1 {
        let label = Cell::new("all").tone(Tone::Strong);
        table.row(timing_cells(label, [total.count, total.failures], total.rate, &total.service_time, Tone::Strong));
    }
    if summary.requests.iter().any(|row| row.timed_by_guest) {
        table.text(Cell::new("* made and timed by the scenario itself; not in any total").tone(Tone::Dim));
    }
}

/// The method, marked where the host did not do the timing.
fn method(row: &RequestRow) -> String {
    format!("{}{}", clean(&row.method), if row.timed_by_guest { "*" } else { "" })
}

/// A section of spans; `owner` says under which scenario's name a row stands, where that needs saying.
fn spans<'a>(
    table: &mut Table,
    title: &'static str,
    rows: &'a [SpanRow],
    owner: impl Fn(&'a SpanRow) -> Option<&'a str>,
) {
    if rows.is_empty() {
        return;
    }
    table.section(title);
    let mut last = None;
    for row in rows {
        let owner = owner(row);
        if let Some(name) = owner.filter(|_| owner != last) {
            table.text(Cell::new(clean(name)).tone(Tone::Dim));
        }
        last = owner;
        let label = Cell::with_front(if owner.is_some() { "  " } else { "" }, &clean(&row.name));
        table.row(timing_cells(label, [row.count, row.failures], row.rate, &row.elapsed, Tone::Plain));
    }
}

fn timing_cells(label: Cell, [count, failures]: [u64; 2], rate: f64, times: &Distribution, tone: Tone) -> Vec<Cell> {
    let failed = if failures > 0 { Tone::Bad } else { tone };
    let mut cells = vec![
        label,
        Cell::new(show_count(count)).tone(tone),
        Cell::new(show_count(failures)).tone(failed),
        Cell::new(show_share(failures, count)).tone(failed),
        Cell::new(show_rate(rate)).tone(tone),
    ];
    let shown = [times.mean, times.p50, times.p90, times.p95, times.p99, times.max];
    cells.extend(
        shown.map(|seconds| Cell::new(if count == 0 { "-".to_owned() } else { show_seconds(seconds) }).tone(tone)),
    );
    cells
}

/// Where the time of the requests went. Nothing where no phase was timed.
pub(super) fn phases(summary: &Summary, look: &Look) -> String {
    let total = &summary.total;
    let sum: f64 = total.phases.iter().map(|phase| phase.mean).sum();
    if sum <= 0.0 {
        return String::new();
    }
    let mut table = Table::new(vec![
        Column::left("", Fit::Keep),
        Column::right("mean", Fit::Keep),
        Column::right("p95", Fit::Keep),
        Column::right("requests", Fit::Drop(1)),
        Column::right("share", Fit::Keep),
        Column::left("", Fit::Drop(2)),
    ]);
    table.section("Phases");
    for ((name, phase), count) in Phases::NAMES.iter().zip(&total.phases).zip(total.phase_counts) {
        if count == 0 {
            continue;
        }
        let share = phase.mean / sum;
        table.row(vec![
            Cell::from(*name),
            Cell::from(show_seconds(phase.mean)),
            Cell::from(show_seconds(phase.p95)),
            Cell::from(show_count(count)),
            // In millionths, which is more than the eye gets to see.
            Cell::from(show_share((share * 1e6).round() as u64, 1_000_000)),
            Cell::from("█".repeat((share * BAR as f64).round() as usize)).tone(Tone::Dim),
        ]);
    }
    table.render(look)
}

/// Each check with its outcome.
pub(super) fn checks(summary: &Summary, look: &Look) -> String {
    if summary.checks.is_empty() {
        return String::new();
    }
    let mut table = Table::new(vec![
        Column::left("", Fit::Middle(12)),
        Column::right("passed", Fit::Keep),
        Column::right("failed", Fit::Keep),
        Column::right("", Fit::Keep),
    ]);
    table.section("Checks");
    let grouped = summary.scenarios.len() > 1;
    for row in &summary.checks {
        table.row(check_cells(row, grouped));
    }
    table.render(look)
}

fn check_cells(row: &CheckRow, grouped: bool) -> Vec<Cell> {
    let (mark, tone) = if row.failed == 0 { ("✓ ", Tone::Good) } else { ("✗ ", Tone::Bad) };
    vec![
        Cell::with_front(mark, &owned(&row.scenario, &row.name, grouped)).tone(tone),
        Cell::from(show_count(row.passed)),
        Cell::new(show_count(row.failed)).tone(if row.failed == 0 { Tone::Plain } else { Tone::Bad }),
        Cell::from(show_share(row.passed, row.passed + row.failed)),
    ]
}

/// The custom metrics. Their values have no unit.
pub(super) fn custom_metrics(summary: &Summary, look: &Look) -> String {
    if summary.metrics.is_empty() {
        return String::new();
    }
    let mut table = Table::new(vec![
        Column::left("", Fit::Middle(12)),
        Column::left("", Fit::Drop(1)),
        Column::left("", Fit::End(24)),
    ]);
    table.section("Metrics");
    let grouped = summary.scenarios.len() > 1;
    for row in &summary.metrics {
        let (kind, value) = metric(row);
        table.row(vec![
            Cell::from(owned(&row.scenario, &row.name, grouped)),
            Cell::new(kind).tone(Tone::Dim),
            Cell::from(value),
        ]);
    }
    table.render(look)
}

fn metric(row: &MetricRow) -> (&'static str, String) {
    match row.value {
        MetricValue::Counter { sum, rate } => ("counter", format!("{}  {} per s", show_number(sum), show_number(rate))),
        MetricValue::Gauge { last, min, max } => {
            ("gauge", format!("{}  min {}  max {}", show_number(last), show_number(min), show_number(max)))
        }
        MetricValue::Rate { hits, total } => {
            ("rate", format!("{}  {} of {}", show_share(hits, total), show_count(hits), show_count(total)))
        }
        MetricValue::Trend(values) => {
            let figures = [
                ("mean", values.mean),
                ("p50", values.p50),
                ("p95", values.p95),
                ("p99", values.p99),
                ("max", values.max),
            ];
            ("trend", figures.map(|(name, value)| format!("{name} {}", show_number(value))).join("  "))
        }
    }
}

/// A name, behind its scenario's where there are several.
fn owned(scenario: &str, name: &str, grouped: bool) -> String {
    if grouped { format!("{}: {}", clean(scenario), clean(name)) } else { clean(name) }
}
