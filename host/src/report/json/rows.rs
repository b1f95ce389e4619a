//! The rows of the document's lists.

use serde::Serialize;

use crate::metrics::{
    CheckRow, Distribution, FailureRow, FailureScope, IterationRow, MetricRow, MetricValue, RequestBlock, RequestRow,
    RequestStats, SeriesRow, SpanRow, TransportCounts, TrapRow,
};
use crate::sample::Phases;

/// A [`Distribution`]. The unit is in the name of the field that holds it.
#[derive(Serialize)]
pub(super) struct Values {
    count: u64,
    min: f64,
    mean: f64,
    p50: f64,
    p66: f64,
    p75: f64,
    p80: f64,
    p90: f64,
    p95: f64,
    p98: f64,
    p99: f64,
    p99_9: f64,
    p99_99: f64,
    max: f64,
}

impl Values {
    pub(super) fn new(from: &Distribution) -> Self {
        let Distribution { count, min, mean, p50, p66, p75, p80, p90, p95, p98, p99, p99_9, p99_99, max } = *from;
        Values { count, min, mean, p50, p66, p75, p80, p90, p95, p98, p99, p99_9, p99_99, max }
    }
}

#[derive(Serialize)]
pub(super) struct Requests {
    count: u64,
    failures: u64,
    rate_per_second: f64,
    bytes_sent: u64,
    bytes_received: u64,
    connections: Connections,
    redirects: u64,
    http2: u64,
    service_time_seconds: Values,
    /// None in the closed model, where it is the service time.
    response_time_seconds: Option<Values>,
    phases: PhaseTimes,
}

impl Requests {
    pub(super) fn new(stats: &RequestStats, open_model: bool) -> Self {
        Requests {
            count: stats.count,
            failures: stats.failures,
            rate_per_second: stats.rate,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
            connections: Connections::new(&stats.transport),
            redirects: stats.transport.redirects,
            http2: stats.transport.http2,
            service_time_seconds: Values::new(&stats.service_time),
            response_time_seconds: open_model.then(|| Values::new(&stats.response_time)),
            phases: PhaseTimes::new(stats),
        }
    }
}

#[derive(Serialize)]
struct Connections {
    opened: u64,
    tls_full: u64,
    tls_resumed: u64,
    reconnects: u64,
}

impl Connections {
    fn new(counts: &TransportCounts) -> Self {
        let TransportCounts { connections: opened, tls_full, tls_resumed, reconnects, .. } = *counts;
        Connections { opened, tls_full, tls_resumed, reconnects }
    }
}

#[derive(Serialize)]
struct PhaseTimes {
    blocked: Phase,
    dns: Phase,
    connect: Phase,
    tls: Phase,
    send: Phase,
    wait: Phase,
    receive: Phase,
}

impl PhaseTimes {
    pub(super) fn new(stats: &RequestStats) -> Self {
        const { assert!(Phases::NAMES.len() == 7, "a field for each phase") };
        let phase = |place: usize| Phase {
            requests: stats.phase_counts[place],
            time_seconds: Values::new(&stats.phases[place]),
        };
        PhaseTimes {
            blocked: phase(0),
            dns: phase(1),
            connect: phase(2),
            tls: phase(3),
            send: phase(4),
            wait: phase(5),
            receive: phase(6),
        }
    }
}

#[derive(Serialize)]
struct Phase {
    requests: u64,
    time_seconds: Values,
}

#[derive(Serialize)]
pub(super) struct Request<'a> {
    scenario: &'a str,
    method: &'a str,
    name: &'a str,
    timed_by_guest: bool,
    #[serde(flatten)]
    stats: Requests,
    blocks: Blocks,
}

/// Lists of one value for each block, which take less room than a list of objects.
#[derive(Serialize)]
struct Blocks {
    count: Vec<u64>,
    failures: Vec<u64>,
    mean_seconds: Vec<f64>,
}

impl Blocks {
    fn new(blocks: &[RequestBlock]) -> Self {
        Blocks {
            count: blocks.iter().map(|block| block.count).collect(),
            failures: blocks.iter().map(|block| block.failures).collect(),
            mean_seconds: blocks.iter().map(|block| block.mean_service_time).collect(),
        }
    }
}

impl<'a> Request<'a> {
    pub(super) fn new(row: &'a RequestRow, open_model: bool) -> Self {
        Request {
            scenario: &row.scenario,
            method: &row.method,
            name: &row.name,
            timed_by_guest: row.timed_by_guest,
            stats: Requests::new(&row.stats, open_model),
            blocks: Blocks::new(&row.blocks),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Span<'a> {
    scenario: &'a str,
    name: &'a str,
    count: u64,
    failures: u64,
    rate_per_second: f64,
    elapsed_seconds: Values,
}

impl<'a> Span<'a> {
    pub(super) fn new(row: &'a SpanRow) -> Self {
        Span {
            scenario: &row.scenario,
            name: &row.name,
            count: row.count,
            failures: row.failures,
            rate_per_second: row.rate,
            elapsed_seconds: Values::new(&row.elapsed),
        }
    }
}

/// Iterations of a scenario.
#[derive(Serialize)]
pub(super) struct Iterations<'a> {
    #[serde(flatten)]
    ended: Span<'a>,
    dropped: u64,
    /// None in the closed model.
    start_delay_seconds: Option<Values>,
}

impl<'a> Iterations<'a> {
    pub(super) fn new(row: &'a IterationRow) -> Self {
        Iterations {
            ended: Span::new(&row.ended),
            dropped: row.dropped,
            start_delay_seconds: row.start_delay.as_ref().map(Values::new),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Check<'a> {
    scenario: &'a str,
    name: &'a str,
    passed: u64,
    failed: u64,
}

impl<'a> Check<'a> {
    pub(super) fn new(row: &'a CheckRow) -> Self {
        Check { scenario: &row.scenario, name: &row.name, passed: row.passed, failed: row.failed }
    }
}

#[derive(Serialize)]
pub(super) struct Metric<'a> {
    scenario: &'a str,
    name: &'a str,
    #[serde(flatten)]
    value: Measure,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Measure {
    Counter { sum: f64, rate_per_second: f64 },
    Gauge { last: f64, min: f64, max: f64 },
    Rate { hits: u64, total: u64 },
    Trend { values: Values },
}

impl<'a> Metric<'a> {
    pub(super) fn new(row: &'a MetricRow) -> Self {
        let value = match row.value {
            MetricValue::Counter { sum, rate } => Measure::Counter { sum, rate_per_second: rate },
            MetricValue::Gauge { last, min, max } => Measure::Gauge { last, min, max },
            MetricValue::Rate { hits, total } => Measure::Rate { hits, total },
            MetricValue::Trend(values) => Measure::Trend { values: Values::new(&values) },
        };
        Metric { scenario: &row.scenario, name: &row.name, value }
    }
}

#[derive(Serialize)]
pub(super) struct Failure<'a> {
    scope: &'static str,
    scenario: &'a str,
    method: &'a str,
    name: &'a str,
    kind: &'static str,
    reason: &'a str,
    count: u64,
    first_seen_seconds: f64,
    last_seen_seconds: f64,
}

impl<'a> Failure<'a> {
    pub(super) fn new(row: &'a FailureRow) -> Self {
        Failure {
            scope: match row.scope {
                FailureScope::Request => "request",
                FailureScope::Iteration => "iteration",
                FailureScope::Task => "task",
                FailureScope::Transaction => "transaction",
                FailureScope::Lifecycle => "lifecycle",
            },
            scenario: &row.scenario,
            method: &row.method,
            name: &row.name,
            kind: row.kind.as_str(),
            reason: &row.reason,
            count: row.count,
            first_seen_seconds: row.first_seen.as_secs_f64(),
            last_seen_seconds: row.last_seen.as_secs_f64(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Trap<'a> {
    scenario: &'a str,
    message: &'a str,
    backtrace: &'a str,
    count: u64,
}

impl<'a> Trap<'a> {
    pub(super) fn new(row: &'a TrapRow) -> Self {
        Trap { scenario: &row.scenario, message: &row.message, backtrace: &row.backtrace, count: row.count }
    }
}

#[derive(Serialize)]
pub(super) struct Row {
    at_seconds: f64,
    length_seconds: f64,
    vus: u64,
    requests: u64,
    failures: u64,
    iterations: u64,
    dropped_iterations: u64,
    bytes_sent: u64,
    bytes_received: u64,
    service_time_seconds: Values,
    /// None in a run without an open model, where it is the service time.
    response_time_seconds: Option<Values>,
    median_so_far_seconds: f64,
}

impl Row {
    pub(super) fn new(row: &SeriesRow, open_model: bool) -> Self {
        Row {
            at_seconds: row.at.as_secs_f64(),
            length_seconds: row.length.as_secs_f64(),
            vus: row.vus,
            requests: row.requests,
            failures: row.failures,
            iterations: row.iterations,
            dropped_iterations: row.dropped_iterations,
            bytes_sent: row.bytes_sent,
            bytes_received: row.bytes_received,
            service_time_seconds: Values::new(&row.service_time),
            response_time_seconds: open_model.then(|| Values::new(&row.response_time)),
            median_so_far_seconds: row.median_so_far,
        }
    }
}
