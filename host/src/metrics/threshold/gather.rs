//! What rules need of a stretch of a run, and nothing else of it.

use std::time::Duration;

use super::{Aggregate, Metric, Selection, Threshold, ThresholdUnit};
use crate::metrics::floats::Floats;
use crate::metrics::statistics::{ByName, Statistics};
use crate::metrics::summary::MetricValue;
use crate::metrics::table::Value;
use crate::metrics::times::Times;
use crate::metrics::values::{Counter, Gauge, Metric as _, Picked, Requests, Share, Spans, rate};

/// What was recorded of one metric and selection. Two of them merge into that of both stretches.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// How many: requests, spans, checks, dropped iterations.
    count: u64,
    /// How many of them failed.
    failures: u64,
    /// How many there were whatever their status.
    of_any_status: u64,
    /// Of those that took time; the others took none.
    times: Times,
    custom: Custom,
}

/// What was recorded under one name, which may stand for a metric of each kind.
#[derive(Debug, Default)]
struct Custom {
    counter: Option<Counter>,
    gauge: Option<Gauge>,
    rate: Option<Share>,
    trend: Option<Floats>,
}

impl Gathered {
    /// Adds what was recorded. `picked` is what samples told, for a selection that tables can't make.
    pub(super) fn add(
        &mut self,
        metric: Metric,
        selection: &Selection,
        recorded: &Statistics,
        picked: Option<&Picked>,
    ) {
        match metric {
            Metric::Iterations => {
                let chosen = recorded.iterations().filter(|(scenario, _)| selection.has_scenario(*scenario));
                chosen.for_each(|(_, iterations)| self.add_spans(&iterations.ended));
            }
            Metric::Tasks => chosen(&recorded.tasks, selection).for_each(|spans| self.add_spans(spans)),
            Metric::Transactions => chosen(&recorded.transactions, selection).for_each(|spans| self.add_spans(spans)),
            Metric::Checks => chosen(&recorded.checks, selection).for_each(|share| self.add_checks(share)),
            Metric::Custom => self.custom.add(selection, recorded),
            Metric::DroppedIterations => {
                let chosen = recorded.iterations().filter(|(scenario, _)| selection.has_scenario(*scenario));
                self.count += chosen.map(|(_, iterations)| iterations.dropped).sum::<u64>();
            }
            _ => match picked {
                Some(picked) => {
                    self.of_any_status += picked.of_any_status;
                    self.add_requests(metric, &picked.requests);
                }
                None => {
                    let all = recorded.requests.iter().filter(|(key, _)| selection.has_requests(key));
                    for (_, requests) in all {
                        self.of_any_status += requests.service_time.count();
                        self.add_requests(metric, requests);
                    }
                }
            },
        }
    }

    fn add_requests(&mut self, metric: Metric, requests: &Requests) {
        self.count += requests.service_time.count();
        self.failures += requests.failures;
        match metric {
            Metric::ServiceTime => self.times.merge(&requests.service_time),
            Metric::ResponseTime => self.times.merge(requests.response_time()),
            Metric::Phase(place) => self.times.merge(requests.phase(place)),
            _ => {}
        }
    }

    fn add_spans(&mut self, spans: &Spans) {
        self.count += spans.elapsed.count();
        self.of_any_status += spans.elapsed.count();
        self.failures += spans.failures;
        self.times.merge(&spans.elapsed);
    }

    fn add_checks(&mut self, share: &Share) {
        self.count += share.total;
        self.of_any_status += share.total;
        self.failures += share.total - share.hits;
    }

    /// Adds what another stretch had.
    pub(super) fn merge(&mut self, other: &Gathered) {
        self.count += other.count;
        self.failures += other.failures;
        self.of_any_status += other.of_any_status;
        self.times.merge(&other.times);
        self.custom.merge(&other.custom);
    }

    /// Goes back to nothing, and keeps memory that is likely to be wanted again.
    pub(super) fn clear(&mut self) {
        let mut times = std::mem::take(&mut self.times);
        times.clear();
        *self = Gathered { times, ..Gathered::default() };
    }

    /// Whether nothing was recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && !self.occurred()
    }

    /// Whether there was anything of the chosen names and tags, whatever its status.
    pub(super) fn occurred(&self) -> bool {
        self.of_any_status > 0 || !self.custom.kinds().is_empty()
    }

    /// The kinds of custom metrics that there were, with their figures.
    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.custom.kinds()
    }

    /// Whether there was a custom rate, whose figure is a share.
    pub(super) fn has_shares(&self) -> bool {
        self.custom.rate.is_some()
    }

    /// The figure that a rule is on, for a stretch of that length; none where there is none.
    pub(super) fn figure(&self, threshold: &Threshold, length: Duration) -> Option<f64> {
        let share = |part: u64| (self.count > 0).then(|| part as f64 / self.count as f64);
        match (threshold.metric, threshold.aggregate) {
            (Metric::Custom, aggregate) => self.custom.figure(aggregate, threshold.unit, length),
            (Metric::Checks, Aggregate::Rate) => share(self.count - self.failures),
            (Metric::FailureRate, _) | (_, Aggregate::FailureRate) => share(self.failures),
            (_, Aggregate::Count) => Some(self.count as f64),
            (_, Aggregate::Rate) => Some(rate(self.count as f64, length)),
            (_, Aggregate::Failures) => Some(self.failures as f64),
            (_, Aggregate::Of(figure)) => self.times.figure_with_zeros(self.count - self.times.count(), figure),
            (_, Aggregate::Value) => None,
        }
    }

    /// Bytes held on the heap.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.times.heap_bytes() + self.custom.trend.as_ref().map_or(0, Floats::heap_bytes)
    }
}

impl Custom {
    fn add(&mut self, selection: &Selection, recorded: &Statistics) {
        chosen(&recorded.counters, selection).for_each(|counter| merge(&mut self.counter, counter));
        chosen(&recorded.gauges, selection).for_each(|gauge| merge(&mut self.gauge, gauge));
        chosen(&recorded.rates, selection).for_each(|share| merge(&mut self.rate, share));
        chosen(&recorded.trends, selection).for_each(|floats| merge(&mut self.trend, floats));
    }

    fn merge(&mut self, other: &Custom) {
        other.counter.iter().for_each(|counter| merge(&mut self.counter, counter));
        other.gauge.iter().for_each(|gauge| merge(&mut self.gauge, gauge));
        other.rate.iter().for_each(|share| merge(&mut self.rate, share));
        other.trend.iter().for_each(|floats| merge(&mut self.trend, floats));
    }

    fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            self.counter.as_ref().map(|_| "a counter, which has `count` and `rate`"),
            self.gauge.as_ref().map(|_| "a gauge, which has `value`, `min` and `max`"),
            self.rate.as_ref().map(|_| "a rate, which has `rate`, a share"),
            self.trend.as_ref().map(|_| "a trend, which has `mean`, `min`, `max`, `median` and percentiles"),
        ];
        kinds.into_iter().flatten().collect()
    }

    /// The figure of the kind that has it; where two have, of a rate and not a counter, of a trend and not a gauge.
    fn figure(&self, aggregate: Aggregate, unit: ThresholdUnit, length: Duration) -> Option<f64> {
        use crate::metrics::quantiles::Figure::{Max, Min};
        let share = || match self.rate?.value(length) {
            MetricValue::Rate { hits, total } => Some(hits as f64 / total as f64),
            _ => None,
        };
        let counted = |of: fn(f64, f64) -> f64| match self.counter?.value(length) {
            MetricValue::Counter { sum, rate } => Some(of(sum, rate)),
            _ => None,
        };
        let gauged = |of: fn(f64, f64, f64) -> f64| match self.gauge?.value(length) {
            MetricValue::Gauge { last, min, max } => Some(of(last, min, max)),
            _ => None,
        };
        match aggregate {
            Aggregate::Count => counted(|sum, _| sum),
            Aggregate::Rate => match unit {
                ThresholdUnit::Share => share(),
                ThresholdUnit::PerSecond => counted(|_, rate| rate),
                _ => share().or_else(|| counted(|_, rate| rate)),
            },
            Aggregate::Value => gauged(|last, _, _| last),
            Aggregate::Of(figure) => {
                self.trend.as_ref().and_then(|floats| floats.figure(figure)).or_else(|| match figure {
                    Min => gauged(|_, min, _| min),
                    Max => gauged(|_, _, max| max),
                    _ => None,
                })
            }
            Aggregate::Failures | Aggregate::FailureRate => None,
        }
    }
}

fn merge<V: Value>(mine: &mut Option<V>, theirs: &V) {
    mine.get_or_insert_default().merge(theirs);
}

/// The values that a selection chooses.
fn chosen<'a, V: Value>(table: &'a ByName<V>, selection: &Selection) -> impl Iterator<Item = &'a V> {
    table.iter().filter(|(key, _)| selection.has_name(key.tag, &key.texts[0])).map(|(_, value)| value)
}
