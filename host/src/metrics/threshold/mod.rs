//! Thresholds: rules over a run's statistics that hold or do not.
//!
//! A [`Threshold`] is parsed from its text at once, and what it could not answer is refused there. During the run a [`Judge`]
//! gathers second by second what the rules speak of and nothing else, judges them, and in the end says what came of each:
//! a [`ThresholdOutcome`].
//!
//! This module must not know how a run is stopped, nor how outcomes are shown.

mod absent;
mod cursor;
mod filter;
mod gather;
mod judge;
mod outcome;
mod parse;
mod presence;
#[cfg(test)]
mod tests;
mod value;
mod words;

use std::fmt;
use std::time::Duration;

use super::quantiles::Figure;
use crate::near;
use filter::Filter;
use gather::Gathered;

pub use outcome::{ThresholdOutcome, ThresholdUnit, WindowCounts};
pub use parse::ThresholdError;

pub(crate) use filter::Selection;
pub(crate) use judge::Judge;
pub(crate) use presence::Stretch;

/// A rule over a run's statistics, for example `response_time{name="/cities/{id}"}: p95 < 200ms`.
///
/// Its text is `METRIC[{FILTER, ...}]: [FIGURE] OPERATOR VALUE [over WINDOW] [abort [after TIME]]`:
///
/// | metric | figures | filters |
/// | --- | --- | --- |
/// | `response_time`, `service_time`, `phase.wait` and so on | `mean`, `min`, `max`, `median`, `p95` | `scenario`, `name`, `method`, `status`, `tag.KEY` |
/// | `requests` | `count`, `rate`, `failures`, `failure_rate` | the same |
/// | `failure_rate` (of requests) | `rate`, which may be left out | the same |
/// | `iterations` | those of times and of requests | `scenario` |
/// | `tasks`, `transactions` | the same | `scenario`, `name` |
/// | `dropped_iterations` | `count` (may be left out), `rate` | `scenario` |
/// | `checks` | `rate` (the share that passed; may be left out), `count`, `failures` | `scenario`, `name` |
/// | `metric.NAME` | counter: `count`, `rate`; gauge: `value`, `min`, `max`; rate: `rate`; trend: those of times | `scenario`, `name` |
///
/// - Operators are `<`, `<=`, `>`, `>=`, `==` and `!=`.
/// - Percentiles may have two decimals, and may be written `p(95)`; `avg` and `med` stand for `mean` and `median`.
/// - A filter's value may stand in quotes; where it ends with `*`, any rest matches. A status may be a class: `5xx`.
/// - Tags are those of the request, and those of its scenario that it has not itself.
/// - Requests that a guest timed itself count only where `name` or `method` chooses them, and never for phases.
///
/// Without `over`, the rule is one over the whole run. With `over 10s` it is one over every ten seconds of it, which begin
/// at each second; a run shorter than that is one window. With `abort`, the run is stopped in the first second, at or after
/// TIME, in which the rule does not hold over the run so far, or over the newest window. Such a rule has failed, whatever
/// the graceful stop makes of its figure.
///
/// What needs load is judged where there was load. A rate over the whole run is one over the time in which at least one of
/// the scenarios that the rule chooses had load, without pauses, and is judged from the first half second of it on. A
/// count or rate that has to be great is looked for only in windows all through which one of these scenarios had load, and
/// that no pause overlaps; where there was no such window, it is looked for in the whole run. A scenario has load from its
/// start until it begins to stop.
///
/// A rule that finds nothing to judge does not hold in the end: one whose name, method, tag or metric never occurred, and one
/// on the times of no request. Only what has a status may be wanted not to occur.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    metric: Metric,
    filter: Filter,
    aggregate: Aggregate,
    comparison: Comparison,
    bound: f64,
    unit: ThresholdUnit,
    window: Option<Duration>,
    abort_after: Option<Duration>,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    ServiceTime,
    ResponseTime,
    /// By its place in [`crate::sample::Phases::NAMES`].
    Phase(usize),
    Requests,
    FailureRate,
    Iterations,
    Tasks,
    Transactions,
    DroppedIterations,
    Checks,
    Custom,
}

impl Metric {
    /// What one of those is called that it is a figure of.
    fn noun(self) -> &'static str {
        match self {
            Metric::Iterations => "iteration",
            Metric::Tasks => "task",
            Metric::Transactions => "transaction",
            Metric::DroppedIterations => "dropped iteration",
            Metric::Checks => "check",
            Metric::Custom => "metric",
            _ => "request",
        }
    }
}

/// Which figure of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    /// How many; the sum of a counter.
    Count,
    /// How many a second, or a share.
    Rate,
    /// How many failed.
    Failures,
    /// The share that failed.
    FailureRate,
    /// A gauge's last value.
    Value,
    /// A figure of a distribution.
    Of(Figure),
}

/// How the figure has to compare with the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Comparison::Less => value < bound,
            Comparison::LessOrEqual => value <= bound,
            Comparison::Greater => value > bound,
            Comparison::GreaterOrEqual => value >= bound,
            Comparison::Equal => value == bound,
            Comparison::NotEqual => value != bound,
        }
    }

    /// How far the value is on the wrong side of the bound; negative on the right one.
    fn excess(self, value: f64, bound: f64) -> f64 {
        match self {
            Comparison::Less | Comparison::LessOrEqual => value - bound,
            Comparison::Greater | Comparison::GreaterOrEqual => bound - value,
            Comparison::Equal => (value - bound).abs(),
            Comparison::NotEqual => -(value - bound).abs(),
        }
    }
}

impl Threshold {
    /// The rule's text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Checks the rule against the names of the run's scenarios, which its text alone does not tell.
    ///
    /// # Errors
    /// Where it is about a scenario that the run has not.
    pub fn check_scenarios(&self, scenarios: &[String]) -> Result<(), ThresholdError> {
        let Some(pattern) = &self.filter.scenario else { return Ok(()) };
        if scenarios.iter().any(|name| pattern.matches(name)) {
            return Ok(());
        }
        let names: Vec<_> = scenarios.iter().map(String::as_str).collect();
        let near = near::nearest(pattern.text(), names.iter().copied());
        let advice = if near.is_empty() {
            format!("the run has {}", near::either(&names))
        } else {
            format!("did you mean {}?", near::either(&near))
        };
        Err(ThresholdError::UnknownScenario { text: self.text.clone(), scenario: pattern.text().to_owned(), advice })
    }

    /// Whether it is on what adds up.
    fn is_sum(&self) -> bool {
        matches!(self.aggregate, Aggregate::Count | Aggregate::Failures)
    }

    /// Whether it is too early to judge before the end: a count only grows, and one below its least is no failure yet.
    fn waits_for_end(&self) -> bool {
        let grows = self.is_sum() && self.window.is_none();
        grows && !self.is_bounded_above()
    }

    /// Whether less of what is counted can't fail it.
    fn is_bounded_above(&self) -> bool {
        match self.comparison {
            Comparison::Less | Comparison::LessOrEqual => true,
            Comparison::Equal => self.bound == 0.0,
            Comparison::Greater | Comparison::GreaterOrEqual | Comparison::NotEqual => false,
        }
    }

    /// Whether it is on so many a second. The rate of a custom metric, which may have no unit, is that of a counter unless
    /// shares were recorded in all.
    fn is_per_second(&self, total: &Gathered) -> bool {
        match self.unit {
            ThresholdUnit::PerSecond => true,
            ThresholdUnit::Number => self.aggregate == Aggregate::Rate && !total.has_shares(),
            _ => false,
        }
    }

    /// Whether it says nothing where nothing of what it chooses occurred, whatever its status.
    fn wants_occurrence(&self) -> bool {
        self.chooses_names() || self.filter.status.is_some()
    }

    /// Whether it names what a run may not have.
    fn chooses_names(&self) -> bool {
        self.filter.name.is_some() || self.filter.method.is_some() || !self.filter.tags.is_empty()
    }

    /// Whether it is on what there is less of without load, and is not content with less.
    fn wants_much(&self, total: &Gathered) -> bool {
        (self.is_sum() || self.is_per_second(total)) && !self.is_bounded_above()
    }

    fn holds(&self, value: f64) -> bool {
        self.comparison.holds(value, self.bound)
    }

    fn excess(&self, value: f64) -> f64 {
        self.comparison.excess(value, self.bound)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
