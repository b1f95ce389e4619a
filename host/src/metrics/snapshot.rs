//! A run's state while it goes on: what a live view and a progress line are functions of.

use std::time::Duration;

use super::change::LoadChange;
use super::summary::{Distribution, FailureRow, SeriesRow, VuCounts};
use super::threshold::ThresholdOutcome;

/// The run as it stands, made once a second. It borrows the series and copies no histogram.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// From the start of the load until now.
    pub elapsed: Duration,
    /// Virtual users that run now.
    pub vus_running: u64,
    /// Virtual users so far.
    pub vus: VuCounts,
    /// The newest row of the series: the last second.
    pub latest: SeriesRow,
    /// All rows so far, the newest last.
    pub series: &'a [SeriesRow],
    /// Everything since the start.
    pub totals: Totals,
    /// The most frequent failures so far, at most [`Snapshot::TOP_FAILURES`]; the most frequent first.
    pub top_failures: Vec<FailureRow>,
    /// The thresholds that would fail if the run ended now, in the order of the plan. Those that found nothing to judge so
    /// far, and those on a count that still may be reached, are not among them.
    pub failing_thresholds: Vec<ThresholdOutcome>,
    /// The threshold that wants the run stopped, where one does.
    pub aborting_threshold: Option<String>,
    /// What a person changed about the load so far, the newest last.
    pub changes: &'a [LoadChange],
    /// Whether the load is paused by a person.
    pub paused: bool,
    /// The load is that many times the planned one; 1 unless a person changed it.
    pub factor: f64,
}

impl Snapshot<'_> {
    /// How many failures a snapshot lists at the most.
    pub const TOP_FAILURES: usize = 5;
}

/// Figures since the start of the load. Requests are those that the host timed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Requests, failed ones too.
    pub requests: u64,
    /// Failed requests.
    pub failures: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// The service time, in seconds.
    pub service_time: Distribution,
    /// Iterations that ended, failed ones too.
    pub iterations: u64,
    /// Failed iterations.
    pub iteration_failures: u64,
    /// Iterations that were due and never began.
    pub dropped_iterations: u64,
    /// Checks that passed.
    pub checks_passed: u64,
    /// Checks that failed.
    pub checks_failed: u64,
}
