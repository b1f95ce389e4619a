//! What a run comes to: plain data that every output is a function of.

use std::time::{Duration, SystemTime};

use super::change::LoadChange;
use super::label::ScenarioLabel;
use super::threshold::ThresholdOutcome;
use crate::sample::{FailureKind, Phases};

/// Everything that a run measured, ready to be shown.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The tool's version.
    pub version: String,
    /// When the load began, by the system's clock.
    pub started_at: SystemTime,
    /// From the start of the load until the last virtual user stopped.
    pub elapsed: Duration,
    /// Why the load ended.
    pub end: RunEnd,
    /// The scenarios, in the order of the plan.
    pub scenarios: Vec<ScenarioLabel>,
    /// Seed of everything random in the run.
    pub seed: u64,
    /// Virtual users: how many were started, and the most at one time.
    pub vus: VuCounts,
    /// Whether iterations started at a rate, in one of the scenarios at least; only then do response times differ from
    /// service times.
    pub open_model: bool,
    /// Iterations that were due and never began: no virtual user was free, or a thread did not come to them in time.
    pub dropped_iterations: u64,
    /// What came of the thresholds, in the order of the plan.
    pub thresholds: Vec<ThresholdOutcome>,
    /// All requests that the host timed, over all names.
    pub total: RequestStats,
    /// How long after they were due iterations began, in seconds; empty in the closed model.
    pub start_delay: Distribution,
    /// Requests per scenario, method and name, in that order; those that the guest timed too.
    pub requests: Vec<RequestRow>,
    /// Iterations of each scenario, in the order of the plan.
    pub iterations: Vec<IterationRow>,
    /// Tasks of each `tasks` scenario, by name.
    pub tasks: Vec<SpanRow>,
    /// Transactions, by name.
    pub transactions: Vec<SpanRow>,
    /// Checks, by name.
    pub checks: Vec<CheckRow>,
    /// What the scenarios measured besides their requests, by name.
    pub metrics: Vec<MetricRow>,
    /// Failures grouped by where, kind and reason; the most frequent first.
    pub failures: Vec<FailureRow>,
    /// Distinct traps; the most frequent first.
    pub traps: Vec<TrapRow>,
    /// One row a second.
    pub series: Vec<SeriesRow>,
    /// When the blocks of [`RequestRow::blocks`] end, from the start of the load: of a second each in a short run, of equal
    /// length but for the last one in any, and never more than 120.
    pub blocks: Vec<Duration>,
    /// What a person changed about the load, in order: the load is the plan's only up to the first.
    pub changes: Vec<LoadChange>,
    /// What was under way when the run was cut short.
    pub interrupted: Interrupted,
    /// What a reader should know before believing the figures.
    pub warnings: Vec<Warning>,
}

impl Summary {
    /// Whether that scenario's iterations started at a rate.
    pub fn is_open_model(&self, scenario: &str) -> bool {
        self.scenarios.iter().any(|label| label.open_model && label.name == scenario)
    }
}

/// Why the load ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All that was planned was done.
    Completed,
    /// A signal asked for it; `forced` when a second one cut the graceful stop short.
    Interrupted {
        /// The second signal came, and what was under way was dropped.
        forced: bool,
    },
    /// A scenario called `stop-test`, with this reason.
    StoppedByScenario(String),
    /// This threshold did not hold, and was to stop the run then.
    ThresholdFailed(String),
    /// `setup` failed, with this reason; there was no load.
    SetupFailed(String),
}

/// Counts of virtual users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VuCounts {
    /// How many started.
    pub started: u64,
    /// The most that ran at one time.
    pub max: u64,
    /// How many were stopped because they failed: `start` returned an error, or too many traps in a row.
    pub failed: u64,
}

/// What was under way when the run was cut short; not part of any other figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interrupted {
    /// Requests begun, whose response had not arrived in full.
    pub requests: u64,
    /// Iterations begun and not ended.
    pub iterations: u64,
}

/// A distribution of times or values. All zero where `count` is 0.
///
/// Percentiles are nearest-rank: the p-th percentile is the least value that at least p % of all values do not exceed.
/// It is read from a histogram, and right to 0.1 % of its value (for times, or half a microsecond where that is more).
/// `min`, `mean` and `max` are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distribution {
    /// How many values.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// The 66th percentile.
    pub p66: f64,
    /// The 75th percentile.
    pub p75: f64,
    /// The 80th percentile.
    pub p80: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 98th percentile.
    pub p98: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p99_9: f64,
    /// The 99.99th percentile.
    pub p99_99: f64,
    /// The greatest.
    pub max: f64,
}

/// Statistics of requests. Distributions are in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestStats {
    /// How many requests, failed ones too.
    pub count: u64,
    /// How many of them failed.
    pub failures: u64,
    /// `count` a second of the run's elapsed time.
    pub rate: f64,
    /// Bytes written: heads and bodies.
    pub bytes_sent: u64,
    /// Bytes read: heads and bodies, as on the wire.
    pub bytes_received: u64,
    /// What they did with connections.
    pub transport: TransportCounts,
    /// The service time, failed requests too.
    pub service_time: Distribution,
    /// The response time, from when a request was due; failed requests too. The service time's in the closed model.
    pub response_time: Distribution,
    /// The phases, in the order of [`Phases::NAMES`], each over all requests: a request without the phase counts as 0.
    pub phases: [Distribution; Phases::NAMES.len()],
    /// How many requests had the phase at all (for example opened a connection), in the same order.
    pub phase_counts: [u64; Phases::NAMES.len()],
}

/// What requests did with connections, over all their hops and tries. All zero for those that the guest made itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransportCounts {
    /// Connections that were opened.
    pub connections: u64,
    /// TLS handshakes that were taken in full.
    pub tls_full: u64,
    /// TLS handshakes that resumed an earlier session of the same virtual user.
    pub tls_resumed: u64,
    /// How many times a kept connection turned out to be dead, and the request went over another one.
    pub reconnects: u64,
    /// Redirects that were followed.
    pub redirects: u64,
    /// How many requests went over HTTP/2, with all their hops or with some. A request counts once, however many hops it
    /// had, so that this is a share of [`RequestStats::count`].
    pub http2: u64,
}

/// Requests of one scenario, method and name.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRow {
    /// The scenario's name.
    pub scenario: String,
    /// The method, or the kind of request for one that the guest timed.
    pub method: String,
    /// The name.
    pub name: String,
    /// The guest made and timed these itself.
    pub timed_by_guest: bool,
    /// The figures.
    pub stats: RequestStats,
    /// What they came to in each of [`Summary::blocks`].
    pub blocks: Vec<RequestBlock>,
}

/// Requests of one name in one block of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RequestBlock {
    /// How many requests, failed ones too.
    pub count: u64,
    /// How many of them failed.
    pub failures: u64,
    /// Their mean service time in seconds; 0 where there were none.
    pub mean_service_time: f64,
}

/// Iterations of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct IterationRow {
    /// Those that ended.
    pub ended: SpanRow,
    /// Those that were due and never began.
    pub dropped: u64,
    /// How long after they were due they began, in seconds; none in the closed model.
    pub start_delay: Option<Distribution>,
}

/// Iterations, tasks or transactions of one name. The distribution is in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanRow {
    /// The scenario's name.
    pub scenario: String,
    /// The task's or transaction's name; for iterations, the scenario's.
    pub name: String,
    /// How many ended, failed ones too.
    pub count: u64,
    /// How many of them failed.
    pub failures: u64,
    /// `count` a second of the run's elapsed time.
    pub rate: f64,
    /// How long they took.
    pub elapsed: Distribution,
}

/// Outcomes of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRow {
    /// The scenario's name.
    pub scenario: String,
    /// The check's name.
    pub name: String,
    /// How often it passed.
    pub passed: u64,
    /// How often it failed.
    pub failed: u64,
}

/// A custom metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow {
    /// The scenario's name.
    pub scenario: String,
    /// The metric's name.
    pub name: String,
    /// Its kind, with what was kept.
    pub value: MetricValue,
}

/// What was kept of a custom metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricValue {
    /// A sum.
    Counter {
        /// The sum.
        sum: f64,
        /// The sum a second of the run's elapsed time.
        rate: f64,
    },
    /// The last, least and greatest value.
    Gauge {
        /// The last value set, over all virtual users.
        last: f64,
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// A share of `true`.
    Rate {
        /// How many values were true.
        hits: u64,
        /// How many values there were.
        total: u64,
    },
    /// A distribution.
    Trend(Distribution),
}

/// Where a failure happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureScope {
    /// A request.
    Request,
    /// An iteration.
    Iteration,
    /// A task.
    Task,
    /// A transaction.
    Transaction,
    /// `setup`, `start`, `stop` or `teardown`.
    Lifecycle,
}

/// Failures of one place, kind and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRow {
    /// What failed.
    pub scope: FailureScope,
    /// The scenario's name.
    pub scenario: String,
    /// The request's method; empty for the other scopes.
    pub method: String,
    /// The name of the request, task, transaction or hook; for iterations, the scenario's.
    pub name: String,
    /// The kind.
    pub kind: FailureKind,
    /// The reason.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// When the first was recorded, from the start of the load; to the second, as the end of its [`SeriesRow`].
    pub first_seen: Duration,
    /// When the last was recorded, likewise.
    pub last_seen: Duration,
}

/// A distinct trap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrapRow {
    /// The scenario's name.
    pub scenario: String,
    /// What happened, in one line.
    pub message: String,
    /// The wasm backtrace, a frame a line.
    pub backtrace: String,
    /// How often.
    pub count: u64,
}

/// One second of the run. Distributions are in seconds, of the requests recorded in that second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SeriesRow {
    /// From the start of the load to the end of this row.
    pub at: Duration,
    /// How long this row is: a second, and less for the last one.
    pub length: Duration,
    /// Virtual users at the end of it.
    pub vus: u64,
    /// Requests recorded in it.
    pub requests: u64,
    /// Failed requests in it.
    pub failures: u64,
    /// Iterations that ended in it.
    pub iterations: u64,
    /// Iterations that were due in it and never began.
    pub dropped_iterations: u64,
    /// Bytes sent in it.
    pub bytes_sent: u64,
    /// Bytes received in it.
    pub bytes_received: u64,
    /// The service time in it.
    pub service_time: Distribution,
    /// The response time in it. The service time's in a run without an open model.
    pub response_time: Distribution,
    /// The median service time of all requests from the start of the load to the end of this row.
    pub median_so_far: f64,
}

/// What a reader should know before believing the figures. Each says what to try.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// The threads that make the load had no time left: figures may show the generator's limit, not the target's.
    GeneratorSaturated {
        /// The share of the run, from 0 to 1, in which a thread was busy for more than 90 % of a second.
        busy_share: f64,
    },
    /// Names went over their bound and were counted under `(other)`.
    NamesOverLimit {
        /// Of what: `requests`, `tasks`, `transactions`, `checks`, `metrics`, `failure reasons`, `traps`.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// Fewer files can be open than the virtual users may need.
    OpenFileLimit {
        /// The limit in force.
        limit: u64,
        /// What the run may need.
        needed: u64,
    },
    /// Virtual users failed and were not replaced.
    VusFailed {
        /// How many.
        count: u64,
    },
    /// Iterations were due and never began, so that the load was lower than planned.
    IterationsDropped {
        /// How many.
        count: u64,
        /// Of these, how many a thread of the load did not come to in time; the others found no free virtual user.
        missed: u64,
    },
    /// Requests were to go where they may not, or were larger than one may be, and were not sent.
    RequestsDenied {
        /// How many; they are among the failed ones.
        count: u64,
    },
    /// Requests waited because of the run's bound on their rate.
    RequestsHeldBack {
        /// How many.
        count: u64,
        /// How long they waited together, which is in no time of theirs.
        waited: Duration,
    },
    /// Virtual users took turns, because their guests computed so much that others of their thread would have had to wait
    /// for it.
    VusHeldBack {
        /// How often one of them waited for its turn.
        turns: u64,
        /// How long they waited together. Within an iteration that is in its time; a request has it only where a guest with
        /// async functions had it under way.
        waited: Duration,
    },
    /// What a scenario logged or printed went over its bound, and was dropped.
    LogLinesDropped {
        /// How many lines.
        count: u64,
    },
    /// Iterations were still under way when the graceful stop ended, and were cut off.
    GracefulStopElapsed {
        /// How many.
        iterations: u64,
    },
    /// Times longer than the greatest that percentiles tell apart were counted as that; their means and extremes are exact.
    TimesClamped {
        /// How many.
        count: u64,
        /// The greatest time that percentiles tell apart.
        limit: Duration,
    },
    /// Threads that make the load died of a bug in wasmload, and their virtual users with them.
    ThreadsLost {
        /// How many.
        count: u64,
    },
    /// The file of exchanges (`--har`) has not all that it was to have, because they were too many.
    ExchangesNotKept {
        /// How many it has: the first ones, unless some were too fast.
        kept: u64,
        /// How many it has not.
        left_out: u64,
        /// Of these, how many came faster than they could be written.
        too_fast: u64,
        /// Of these, how many there was no room for in the file.
        over_size: u64,
    },
    /// No request was made in the whole run.
    NoRequests,
}
