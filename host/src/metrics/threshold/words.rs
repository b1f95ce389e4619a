//! The vocabulary of rules: which metrics there are, which figures each has, and what it may be filtered by.

use super::{Aggregate, Comparison, Metric, ThresholdUnit};
use crate::metrics::quantiles::Figure;

/// The metrics' names; phases and custom metrics go by a name of their own after the point.
pub(super) const METRICS: [(&str, Metric); 11] = [
    ("response_time", Metric::ResponseTime),
    ("service_time", Metric::ServiceTime),
    ("phase", Metric::Phase(0)),
    ("requests", Metric::Requests),
    ("failure_rate", Metric::FailureRate),
    ("iterations", Metric::Iterations),
    ("tasks", Metric::Tasks),
    ("transactions", Metric::Transactions),
    ("dropped_iterations", Metric::DroppedIterations),
    ("checks", Metric::Checks),
    ("metric", Metric::Custom),
];

/// k6's words for them.
pub(super) const FOREIGN_METRICS: [(&str, &str); 10] = [
    ("http_req_duration", "service_time"),
    ("http_req_failed", "failure_rate"),
    ("http_reqs", "requests"),
    ("http_req_blocked", "phase.blocked"),
    ("http_req_connecting", "phase.connect"),
    ("http_req_tls_handshaking", "phase.tls"),
    ("http_req_sending", "phase.send"),
    ("http_req_waiting", "phase.wait"),
    ("http_req_receiving", "phase.receive"),
    ("iteration_duration", "iterations"),
];

pub(super) const FIGURES: [(&str, Aggregate); 11] = [
    ("count", Aggregate::Count),
    ("rate", Aggregate::Rate),
    ("failures", Aggregate::Failures),
    ("failure_rate", Aggregate::FailureRate),
    ("value", Aggregate::Value),
    ("mean", Aggregate::Of(Figure::Mean)),
    ("avg", Aggregate::Of(Figure::Mean)),
    ("min", Aggregate::Of(Figure::Min)),
    ("max", Aggregate::Of(Figure::Max)),
    ("median", Aggregate::Of(MEDIAN)),
    ("med", Aggregate::Of(MEDIAN)),
];

const MEDIAN: Figure = Figure::Percentile(5_000);

/// The longer ones first, which start as shorter ones do.
pub(super) const COMPARISONS: [(&str, Comparison); 7] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("===", Comparison::Equal),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// What the metric may be filtered by.
pub(super) fn filters(metric: Metric) -> &'static [&'static str] {
    match metric {
        Metric::Iterations | Metric::DroppedIterations => &["scenario"],
        Metric::Tasks | Metric::Transactions | Metric::Checks | Metric::Custom => &["scenario", "name"],
        _ => &["scenario", "name", "method", "status", "tag"],
    }
}

/// What is meant where no figure is written.
pub(super) fn default_figure(metric: Metric) -> Option<Aggregate> {
    match metric {
        Metric::FailureRate | Metric::Checks => Some(Aggregate::Rate),
        Metric::DroppedIterations => Some(Aggregate::Count),
        _ => None,
    }
}

/// The unit of the metric's figure; none where it has no such figure. The rate of a custom metric may be a share or a sum a
/// second, which its bound tells apart.
pub(super) fn unit(metric: Metric, figure: Aggregate) -> Option<ThresholdUnit> {
    match (metric, figure) {
        (Metric::Custom, Aggregate::Failures | Aggregate::FailureRate) => None,
        (Metric::Custom, _) => Some(ThresholdUnit::Number),
        (Metric::ServiceTime | Metric::ResponseTime | Metric::Phase(_), Aggregate::Of(_))
        | (Metric::Iterations | Metric::Tasks | Metric::Transactions, Aggregate::Of(_)) => Some(ThresholdUnit::Seconds),
        (Metric::Requests | Metric::Iterations | Metric::Tasks | Metric::Transactions, figure) => {
            unit_of_events(figure)
        }
        (Metric::DroppedIterations, Aggregate::Count | Aggregate::Rate) => unit_of_events(figure),
        (Metric::FailureRate | Metric::Checks, Aggregate::Rate) => Some(ThresholdUnit::Share),
        (Metric::Checks, Aggregate::Count | Aggregate::Failures) => Some(ThresholdUnit::Count),
        _ => None,
    }
}

/// The unit of a figure that counts events.
fn unit_of_events(figure: Aggregate) -> Option<ThresholdUnit> {
    match figure {
        Aggregate::Count | Aggregate::Failures => Some(ThresholdUnit::Count),
        Aggregate::Rate => Some(ThresholdUnit::PerSecond),
        Aggregate::FailureRate => Some(ThresholdUnit::Share),
        Aggregate::Value | Aggregate::Of(_) => None,
    }
}

/// The metric's figures in words.
pub(super) fn figures(metric: Metric) -> &'static str {
    match metric {
        Metric::Requests => "`count`, `rate`, `failures` or `failure_rate`",
        Metric::FailureRate => "`rate`, or nothing before the operator",
        Metric::Iterations | Metric::Tasks | Metric::Transactions => {
            "`mean`, `min`, `max`, `median`, a percentile such as `p95`, `count`, `rate`, `failures` or `failure_rate`"
        }
        Metric::DroppedIterations => "`count` or `rate`",
        Metric::Checks => "`rate`, `count` or `failures`",
        Metric::Custom => {
            "`count` or `rate` of a counter, `value`, `min` or `max` of a gauge, `rate` of a rate, `mean`, `min`, `max`, \
             `median` or a percentile such as `p95` of a trend"
        }
        _ => "`mean`, `min`, `max`, `median` or a percentile such as `p95`; `requests` has counts and rates",
    }
}

/// What names of metrics, filters and figures are made of.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
