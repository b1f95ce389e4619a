//! What is judged of two runs, and what each second of a run has to say of it.

use serde::Serialize;

use super::Sides;
use super::input::{Second, Summary, Times};

/// Requests above a percentile in a second, on average, for the second's percentile to be one: with fewer it depends on
/// how many requests there were, and runs of different rates would differ by that alone.
const BEYOND_PERCENTILE: f64 = 5.0;

/// What is judged: averages over the seconds that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Measure {
    /// The response time of all requests.
    MeanResponseTime,
    /// The average of the seconds' medians.
    P50ResponseTime,
    /// The average of the seconds' 95th percentiles.
    P95ResponseTime,
    /// The service time, likewise.
    MeanServiceTime,
    P50ServiceTime,
    P95ServiceTime,
    /// Requests a second.
    RequestRate,
    /// The share of requests that failed.
    FailureRate,
    /// The share of due iterations that found no free virtual user.
    DroppedIterations,
}

/// What a measure is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    PerSecond,
    /// From 0 to 1. Its changes are differences, since a share of nothing has no relative change.
    Share,
}

impl Measure {
    /// What is judged of every two runs.
    pub(super) const OF_ALL: [Self; 5] =
        [Self::MeanServiceTime, Self::P50ServiceTime, Self::P95ServiceTime, Self::RequestRate, Self::FailureRate];

    /// What is judged of these two. Only in the open model do response times differ from service times, and are
    /// iterations due whatever the target does.
    pub(super) fn of(runs: &Sides<&Summary>) -> Vec<Self> {
        let mut measures = Vec::new();
        let is_open = runs.all(|run| run.open_model);
        if is_open && runs.all(|run| run.series.iter().all(|second| second.response_times.is_some())) {
            measures.extend([Self::MeanResponseTime, Self::P50ResponseTime, Self::P95ResponseTime]);
        }
        measures.extend(Self::OF_ALL);
        measures.extend(is_open.then_some(Self::DroppedIterations));
        measures
    }

    pub(super) fn unit(self) -> Unit {
        match self {
            Measure::MeanResponseTime | Measure::P50ResponseTime | Measure::P95ResponseTime => Unit::Seconds,
            Measure::MeanServiceTime | Measure::P50ServiceTime | Measure::P95ServiceTime => Unit::Seconds,
            Measure::RequestRate => Unit::PerSecond,
            Measure::FailureRate | Measure::DroppedIterations => Unit::Share,
        }
    }

    /// What a second adds to the sum and to the divisor of the average; none where it has nothing to say.
    pub(super) fn terms(self, second: &Second) -> Option<(f64, f64)> {
        let requests = second.requests as f64;
        let dropped = second.dropped_iterations as f64;
        let service = Some(&second.times);
        let response = second.response_times.as_ref();
        match self {
            Measure::MeanResponseTime => mean(response),
            Measure::P50ResponseTime => percentile(response, |times| times.p50),
            Measure::P95ResponseTime => percentile(response, |times| times.p95),
            Measure::MeanServiceTime => mean(service),
            Measure::P50ServiceTime => percentile(service, |times| times.p50),
            Measure::P95ServiceTime => percentile(service, |times| times.p95),
            Measure::RequestRate => Some((requests, second.length_seconds)),
            Measure::FailureRate => Some((second.failures as f64, requests)),
            Measure::DroppedIterations => Some((dropped, second.iterations as f64 + dropped)),
        }
    }

    /// Requests that a second needs for its figure to be sound, on average.
    pub(super) fn least_requests(self) -> f64 {
        match self {
            Measure::P50ResponseTime | Measure::P50ServiceTime => BEYOND_PERCENTILE / 0.5,
            Measure::P95ResponseTime | Measure::P95ServiceTime => BEYOND_PERCENTILE / 0.05,
            Measure::MeanResponseTime | Measure::MeanServiceTime => 0.0,
            Measure::RequestRate | Measure::FailureRate | Measure::DroppedIterations => 0.0,
        }
    }
}

/// A mean weighs by how many it is of.
fn mean(times: Option<&Times>) -> Option<(f64, f64)> {
    let times = times.filter(|times| times.count > 0)?;
    Some((times.mean * times.count as f64, times.count as f64))
}

/// Of percentiles each second's has the same weight.
fn percentile(times: Option<&Times>, of: fn(&Times) -> f64) -> Option<(f64, f64)> {
    times.filter(|times| times.count > 0).map(|times| (of(times), 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::{even, summary};

    #[test]
    fn what_is_judged_depends_on_the_models_of_both_runs() {
        let closed = summary(even(3, 100, 0, 0.1));
        let mut open = closed.clone();
        open.open_model = true;
        let older = open.clone();
        open.series.iter_mut().for_each(|second| second.response_times = Some(second.times));
        let of = |before, after| Measure::of(&Sides { before, after });
        assert_eq!(of(&closed, &closed), Measure::OF_ALL);
        assert_eq!(of(&closed, &open), Measure::OF_ALL);
        assert_eq!((of(&open, &open).len(), of(&open, &open)[0]), (9, Measure::MeanResponseTime));
        let without = of(&older, &open);
        assert_eq!((&without[..5], &without[5..]), (&Measure::OF_ALL[..], &[Measure::DroppedIterations][..]));
    }

    #[test]
    fn a_share_of_iterations_is_of_those_that_were_due() {
        let second = Second { iterations: 30, dropped_iterations: 10, ..even(1, 0, 0, 0.0)[0] };
        assert_eq!(Measure::DroppedIterations.terms(&second), Some((10.0, 40.0)));
        let response_times = Some(Times { count: 4, mean: 0.5, p95: 0.75, ..Times::default() });
        let second = Second { response_times, ..second };
        assert_eq!(Measure::MeanResponseTime.terms(&second), Some((2.0, 4.0)));
        assert_eq!(Measure::P95ResponseTime.terms(&second), Some((0.75, 1.0)));
        assert_eq!(Measure::MeanServiceTime.terms(&second), None);
    }
}
