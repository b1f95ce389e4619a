//! The sections that show what was measured: times, phases, checks, custom metrics.

use crate::metrics::{
    CheckRow, Distribution, IterationRow, MetricRow, MetricValue, RequestRow, RequestStats, SpanRow, Summary,
};
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
    if summary.open_model {
        response_times(&mut table, summary);
    }
    let grouped = summary.scenarios.len() > 1;
    spans(&mut table, "Iterations", summary.iterations.iter().map(|row| &row.ended), false);
    spans(&mut table, "Tasks", &summary.tasks, grouped);
    spans(&mut table, "Transactions", &summary.transactions, grouped);
    table.render(look)
}

fn requests(table: &mut Table, summary: &Summary) {
    if summary.requests.is_empty() {
        return;
    }
    table.section("Requests");
    request_rows(table, &summary.requests, summary.scenarios.len() > 1, |label, stats| {
        timing_cells(label, [stats.count, stats.failures], stats.rate, &stats.service_time, Tone::Plain)
    });
    let total = &summary.total;
    if summary.requests.iter().filter(|row| !row.timed_by_guest).count() > 1 {
        let label = Cell::new("all").tone(Tone::Strong);
        table.row(timing_cells(label, [total.count, total.failures], total.rate, &total.service_time, Tone::Strong));
    }
    if summary.requests.iter().any(|row| row.timed_by_guest) {
        table.text(Cell::new("* made and timed by the scenario itself; not in any total").tone(Tone::Dim));
    }
}

/// The requests of the open model, from when they were due. Those that the guest timed were due when they were made.
fn response_times(table: &mut Table, summary: &Summary) {
    let rows: Vec<_> = summary
        .requests
        .iter()
        .filter(|row| !row.timed_by_guest && summary.is_open_model(&row.scenario))
        .cloned()
        .collect();
    if rows.is_empty() {
        return;
    }
    table.section("Response times");
    let cells = |label, times, tone| {
        let mut cells = vec![label, Cell::default(), Cell::default(), Cell::default(), Cell::default()];
        cells.extend(time_cells(times, tone));
        cells
    };
    request_rows(table, &rows, summary.scenarios.len() > 1, |label, stats| {
        cells(label, &stats.response_time, Tone::Plain)
    });
    // The total has the requests of all scenarios, so it stands here only where all of them are of the open model.
    if rows.len() > 1 && summary.scenarios.iter().all(|scenario| scenario.open_model) {
        table.row(cells(Cell::new("all").tone(Tone::Strong), &summary.total.response_time, Tone::Strong));
    }
    table.text(Cell::new("from when a request was due; those above are from when it was made").tone(Tone::Dim));
}

/// A row for each of those requests, under its scenario's name where there are several.
fn request_rows<'a>(
    table: &mut Table,
    rows: &'a [RequestRow],
    grouped: bool,
    cells: impl Fn(Cell, &'a RequestStats) -> Vec<Cell>,
) {
    let indent = if grouped { "  " } else { "" };
    let methods: Vec<String> = rows.iter().map(method).collect();
    let method_width = methods.iter().map(|method| width(method)).max().unwrap_or_default();
    let mut scenario = None;
    for (row, method) in rows.iter().zip(&methods) {
        if grouped && scenario != Some(&row.scenario) {
            table.text(Cell::new(clean(&row.scenario)).tone(Tone::Dim));
            scenario = Some(&row.scenario);
        }
        let padding = " ".repeat(method_width - width(method) + 1);
        let label = Cell::with_front(&format!("{indent}{method}{padding}"), &clean(&row.name));
        table.row(cells(label, &row.stats));
    }
}

/// The method, marked where the host did not do the timing.
fn method(row: &RequestRow) -> String {
    format!("{}{}", clean(&row.method), if row.timed_by_guest { "*" } else { "" })
}

/// A section of spans, under their scenarios' names where that needs saying.
fn spans<'a>(table: &mut Table, title: &'static str, rows: impl IntoIterator<Item = &'a SpanRow>, grouped: bool) {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return;
    }
    table.section(title);
    let mut last = None;
    for row in rows {
        let owner = grouped.then_some(row.scenario.as_str());
        if let Some(name) = owner.filter(|_| owner != last) {
            table.text(Cell::new(clean(name)).tone(Tone::Dim));
        }
        last = owner;
        let label = Cell::with_front(if owner.is_some() { "  " } else { "" }, &clean(&row.name));
        table.row(timing_cells(label, [row.count, row.failures], row.rate, &row.elapsed, Tone::Plain));
    }
}

/// How the open model kept to its rate: iterations by scenario, those that were dropped, and how late the others began.
pub(super) fn starts(summary: &Summary, look: &Look) -> String {
    let rows: Vec<_> =
        summary.iterations.iter().filter_map(|row| row.start_delay.as_ref().map(|delay| (row, delay))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new(vec![
        Column::left("", Fit::Middle(12)),
        Column::right("due", Fit::Keep),
        Column::right("dropped", Fit::Keep),
        Column::right("", Fit::Drop(6)),
        Column::right("mean", Fit::Drop(4)),
        Column::right("p50", Fit::Drop(2)),
        Column::right("p90", Fit::Drop(5)),
        Column::right("p95", Fit::Keep),
        Column::right("p99", Fit::Drop(1)),
        Column::right("max", Fit::Drop(3)),
    ]);
    table.section("Starts");
    for (IterationRow { ended, dropped, .. }, delay) in &rows {
        table.row(start_cells(Cell::from(clean(&ended.scenario)), *dropped, delay, Tone::Plain));
    }
    if rows.len() > 1 {
        let label = Cell::new("all").tone(Tone::Strong);
        table.row(start_cells(label, summary.dropped_iterations, &summary.start_delay, Tone::Strong));
    }
    table.text(Cell::new("times are how long after they were due iterations began").tone(Tone::Dim));
    table.render(look)
}

fn start_cells(label: Cell, dropped: u64, delay: &Distribution, tone: Tone) -> Vec<Cell> {
    let due = delay.count + dropped;
    let lost = if dropped > 0 { Tone::Caution } else { tone };
    let mut cells = vec![
        label,
        Cell::new(show_count(due)).tone(tone),
        Cell::new(show_count(dropped)).tone(lost),
        Cell::new(show_share(dropped, due)).tone(lost),
    ];
    cells.extend(time_cells(delay, tone));
    cells
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
    cells.extend(time_cells(times, tone));
    cells
}

fn time_cells(times: &Distribution, tone: Tone) -> [Cell; 6] {
    let shown = [times.mean, times.p50, times.p90, times.p95, times.p99, times.max];
    shown.map(|seconds| Cell::new(if times.count == 0 { "-".to_owned() } else { show_seconds(seconds) }).tone(tone))
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
