//! What came of thresholds, in the document.

use serde::Serialize;

use crate::metrics::{ThresholdOutcome, ThresholdUnit, WindowCounts};

#[derive(Serialize)]
pub(super) struct Threshold<'a> {
    rule: &'a str,
    passed: bool,
    observed: Option<f64>,
    bound: f64,
    unit: &'static str,
    failing_since_seconds: Option<f64>,
    windows: Option<Windows>,
    aborted: bool,
    problem: Option<&'a str>,
}

#[derive(Serialize)]
struct Windows {
    judged: u64,
    failed: u64,
}

impl<'a> Threshold<'a> {
    pub(super) fn new(outcome: &'a ThresholdOutcome) -> Self {
        Threshold {
            rule: &outcome.rule,
            passed: outcome.passed,
            observed: outcome.observed,
            bound: outcome.bound,
            unit: match outcome.unit {
                ThresholdUnit::Seconds => "seconds",
                ThresholdUnit::Share => "share",
                ThresholdUnit::PerSecond => "per-second",
                ThresholdUnit::Count => "count",
                ThresholdUnit::Number => "number",
            },
            failing_since_seconds: outcome.failing_since.map(|since| since.as_secs_f64()),
            windows: outcome.windows.map(|WindowCounts { judged, failed }| Windows { judged, failed }),
            aborted: outcome.aborted,
            problem: outcome.problem.as_deref(),
        }
    }
}
