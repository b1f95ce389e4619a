//! What is kept under one name.

use std::time::Duration;

use super::blocks::{Block, Blocks};
use super::floats::Floats;
use super::summary::{MetricValue, RequestStats, TransportCounts};
use super::table::Value;
use super::times::Times;
use crate::sample::{Phases, Sample, Transport};

/// Requests of one scenario, method and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    pub(crate) failures: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    transport: TransportCounts,
    pub(crate) service_time: Times,
    /// Only where one of them differs from its service time, which none does in the closed model.
    response_time: Option<Box<Times>>,
    /// Only those that are not zero: most requests have no `blocked`, `dns`, `connect` and `tls`.
    phases: [Times; Phases::NAMES.len()],
    /// The place of the run's block that all of these are in; none until the collector says.
    block: Option<usize>,
    /// Of what was merged, that which the collector had placed.
    pub(crate) blocks: Blocks,
}

impl Requests {
    /// Counts one.
    #[inline]
    pub(crate) fn record(&mut self, sample: &Sample<'_>) {
        if self.response_time.is_some() || sample.response_time != sample.service_time {
            self.separate_response_time().record(sample.response_time);
        }
        self.failures += u64::from(sample.failure.is_some());
        self.bytes_sent += sample.bytes_sent;
        self.bytes_received += sample.bytes_received;
        self.transport.record(&sample.transport);
        self.service_time.record(sample.service_time);
        for (times, phase) in self.phases.iter_mut().zip(sample.phases.as_array()) {
            if !phase.is_zero() {
                times.record(phase);
            }
        }
    }

    /// The response times of all of them.
    pub(crate) fn response_time(&self) -> &Times {
        self.response_time.as_deref().unwrap_or(&self.service_time)
    }

    /// Those of them that took the phase some time, in the order of [`Phases::NAMES`].
    pub(crate) fn phase(&self, place: usize) -> &Times {
        &self.phases[place]
    }

    /// Says in which block of the run all of these were.
    pub(crate) fn seen_in(&mut self, block: usize) {
        self.block = Some(block);
    }

    /// How many of their times were longer than percentiles tell apart.
    pub(crate) fn clamped(&self) -> u64 {
        self.service_time.clamped() + self.response_time.as_ref().map_or(0, |times| times.clamped())
    }

    /// Response times of their own: until here they were the service times.
    fn separate_response_time(&mut self) -> &mut Times {
        self.response_time.get_or_insert_with(|| Box::new(self.service_time.clone()))
    }

    /// The figures, as of a run that took `elapsed`.
    pub(crate) fn stats(&self, elapsed: Duration) -> RequestStats {
        let count = self.service_time.count();
        let service_time = self.service_time.distribution();
        RequestStats {
            count,
            failures: self.failures,
            rate: rate(count as f64, elapsed),
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            transport: self.transport,
            service_time,
            response_time: self.response_time.as_ref().map_or(service_time, |times| times.distribution()),
            phases: self.phases.each_ref().map(|times| times.distribution_with_zeros(count - times.count())),
            phase_counts: self.phases.each_ref().map(Times::count),
        }
    }
}

impl Value for Requests {
    fn merge(&mut self, other: &Self) {
        if self.response_time.is_some() || other.response_time.is_some() {
            self.separate_response_time().merge(other.response_time());
        }
        self.failures += other.failures;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.transport.merge(&other.transport);
        self.service_time.merge(&other.service_time);
        for (times, theirs) in self.phases.iter_mut().zip(&other.phases) {
            times.merge(theirs);
        }
        if let Some(place) = other.block {
            let (times, failures) = (&other.service_time, other.failures);
            self.blocks.add(place, &Block { count: times.count(), failures, nanos: times.sum_nanos() });
        }
        self.blocks.merge(&other.blocks);
    }

    fn clear(&mut self) {
        (self.failures, self.bytes_sent, self.bytes_received) = (0, 0, 0);
        self.transport = TransportCounts::default();
        self.service_time.clear();
        self.response_time.iter_mut().for_each(|times| times.clear());
        self.phases.iter_mut().for_each(Times::clear);
        self.block = None;
        self.blocks.clear();
    }

    fn heap_bytes(&self) -> usize {
        let response_time = self.response_time.as_ref().map_or(0, |times| size_of::<Times>() + times.heap_bytes());
        let phases = self.phases.iter().map(Times::heap_bytes).sum::<usize>();
        self.service_time.heap_bytes() + response_time + phases + self.blocks.heap_bytes()
    }
}

impl TransportCounts {
    /// Counts a request's.
    #[inline]
    fn record(&mut self, request: &Transport) {
        let Transport { connections, tls_full, tls_resumed, reconnects, redirects, http2 } = *request;
        self.connections += u64::from(connections);
        self.tls_full += u64::from(tls_full);
        self.tls_resumed += u64::from(tls_resumed);
        self.reconnects += u64::from(reconnects);
        self.redirects += u64::from(redirects);
        self.http2 += u64::from(http2 > 0);
    }

    fn merge(&mut self, other: &Self) {
        let TransportCounts { connections, tls_full, tls_resumed, reconnects, redirects, http2 } = *other;
        self.connections += connections;
        self.tls_full += tls_full;
        self.tls_resumed += tls_resumed;
        self.reconnects += reconnects;
        self.redirects += redirects;
        self.http2 += http2;
    }
}

/// Iterations, tasks or transactions of one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    pub(crate) failures: u64,
    pub(crate) elapsed: Times,
}

impl Spans {
    /// Counts one.
    pub(crate) fn record(&mut self, elapsed: Duration, failed: bool) {
        self.failures += u64::from(failed);
        self.elapsed.record(elapsed);
    }
}

impl Value for Spans {
    fn merge(&mut self, other: &Self) {
        self.failures += other.failures;
        self.elapsed.merge(&other.elapsed);
    }

    fn clear(&mut self) {
        self.failures = 0;
        self.elapsed.clear();
    }

    fn heap_bytes(&self) -> usize {
        self.elapsed.heap_bytes()
    }
}

/// Iterations of one scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Iterations {
    pub(crate) ended: Spans,
    /// Of the open model: those that were due and never began.
    pub(crate) dropped: u64,
    /// Of these, those that the thread did not come to in time; the others found no free virtual user.
    pub(crate) missed: u64,
    /// Of the open model: how long after they were due they began.
    pub(crate) delays: Times,
}

impl Value for Iterations {
    fn merge(&mut self, other: &Self) {
        self.ended.merge(&other.ended);
        self.dropped += other.dropped;
        self.missed += other.missed;
        self.delays.merge(&other.delays);
    }

    fn clear(&mut self) {
        self.ended.clear();
        (self.dropped, self.missed) = (0, 0);
        self.delays.clear();
    }

    fn heap_bytes(&self) -> usize {
        self.ended.heap_bytes() + self.delays.heap_bytes()
    }
}

/// Failures of one place, kind and reason.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    /// When the first and the last were seen, from the start of the load; none until the collector says.
    seen: Option<(Duration, Duration)>,
}

impl Failures {
    /// Counts one.
    pub(crate) fn record(&mut self) {
        self.count += 1;
    }

    /// Says when all of them were seen.
    pub(crate) fn seen_at(&mut self, at: Duration) {
        self.seen = Some((at, at));
    }

    /// When the first and the last were seen.
    pub(crate) fn first_and_last(&self) -> (Duration, Duration) {
        self.seen.unwrap_or_default()
    }
}

impl Value for Failures {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.seen = match (self.seen, other.seen) {
            (Some((first, last)), Some((their_first, their_last))) => {
                Some((first.min(their_first), last.max(their_last)))
            }
            (mine, theirs) => mine.or(theirs),
        };
    }

    fn clear(&mut self) {
        *self = Failures::default();
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

/// Requests that a threshold picks out by what tables don't tell apart: their status and tags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Picked {
    pub(crate) requests: Requests,
    /// How many there were, whatever their status.
    pub(crate) of_any_status: u64,
}

impl Value for Picked {
    fn merge(&mut self, other: &Self) {
        self.requests.merge(&other.requests);
        self.of_any_status += other.of_any_status;
    }

    fn clear(&mut self) {
        self.requests.clear();
        self.of_any_status = 0;
    }

    fn heap_bytes(&self) -> usize {
        self.requests.heap_bytes()
    }
}

/// How often something was so, and how often it was asked: a check, or a rate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) hits: u64,
    pub(crate) total: u64,
}

impl Share {
    /// Counts one.
    pub(crate) fn record(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.total += 1;
    }
}

impl Value for Share {
    fn merge(&mut self, other: &Self) {
        self.hits += other.hits;
        self.total += other.total;
    }

    fn clear(&mut self) {
        *self = Share::default();
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

/// A custom metric. Each kind has a table of its own, so a name may stand for several.
pub(crate) trait Metric: Value {
    /// What was kept, as of a run that took `elapsed`.
    fn value(&self, elapsed: Duration) -> MetricValue;
}

/// A sum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counter {
    sum: f64,
}

impl Counter {
    /// Adds to it.
    pub(crate) fn add(&mut self, value: f64) {
        self.sum += value;
    }
}

impl Value for Counter {
    fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
    }

    fn clear(&mut self) {
        *self = Counter::default();
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

impl Metric for Counter {
    fn value(&self, elapsed: Duration) -> MetricValue {
        MetricValue::Counter { sum: self.sum, rate: rate(self.sum, elapsed) }
    }
}

/// The last, least and greatest value; none before the first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauge(Option<Extremes>);

#[derive(Clone, Copy, Debug)]
struct Extremes {
    last: f64,
    /// When `last` was set, from the start of the load.
    at: Duration,
    min: f64,
    max: f64,
}

impl Gauge {
    /// Sets it.
    pub(crate) fn set(&mut self, value: f64, at: Duration) {
        self.join(Extremes { last: value, at, min: value, max: value });
    }

    fn join(&mut self, new: Extremes) {
        self.0 = Some(match self.0 {
            None => new,
            Some(old) => {
                // Of two set at the same nanosecond, the greater: any rule would do that does not depend on their order.
                let newer = new.at.cmp(&old.at).then(new.last.total_cmp(&old.last)).is_gt();
                let Extremes { last, at, .. } = if newer { new } else { old };
                Extremes { last, at, min: old.min.min(new.min), max: old.max.max(new.max) }
            }
        });
    }
}

impl Value for Gauge {
    fn merge(&mut self, other: &Self) {
        if let Some(extremes) = other.0 {
            self.join(extremes);
        }
    }

    fn clear(&mut self) {
        *self = Gauge::default();
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

impl Metric for Gauge {
    fn value(&self, _elapsed: Duration) -> MetricValue {
        match self.0 {
            Some(Extremes { last, min, max, .. }) => MetricValue::Gauge { last, min, max },
            None => MetricValue::Gauge { last: 0.0, min: 0.0, max: 0.0 },
        }
    }
}

impl Metric for Share {
    fn value(&self, _elapsed: Duration) -> MetricValue {
        MetricValue::Rate { hits: self.hits, total: self.total }
    }
}

impl Metric for Floats {
    fn value(&self, _elapsed: Duration) -> MetricValue {
        MetricValue::Trend(self.distribution())
    }
}

/// An amount a second; zero where no time passed.
pub(crate) fn rate(amount: f64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { amount / elapsed.as_secs_f64() }
}
