//! From statistics to the rows of a summary.

use std::cmp::Reverse;
use std::time::Duration;

use super::label::{ScenarioLabel, name_of};
use super::statistics::{ByName, ScenarioId, Statistics};
use super::summary::{
    CheckRow, Distribution, FailureRow, FailureScope, IterationRow, MetricRow, RequestRow, RequestStats, SpanRow,
    TrapRow,
};
use super::table::{Key, Value};
use super::times::Times;
use super::values::{Failures, Iterations, Metric, Requests, Share, Spans, rate};
use crate::sample::FailureKind;

/// Requests that the host timed.
pub(crate) fn timed_by_host(statistics: &Statistics) -> impl Iterator<Item = &Requests> {
    statistics.requests.iter().filter(|(key, _)| !key.tag.1).map(|(_, requests)| requests)
}

/// All of them together.
pub(crate) fn total(statistics: &Statistics, elapsed: Duration) -> RequestStats {
    let mut total = Requests::default();
    timed_by_host(statistics).for_each(|requests| total.merge(requests));
    total.stats(elapsed)
}

/// A row for each scenario, method and name, in that order.
pub(crate) fn requests(statistics: &Statistics, scenarios: &[ScenarioLabel], elapsed: Duration) -> Vec<RequestRow> {
    let mut found: Vec<_> = statistics.requests.iter().collect();
    found.sort_unstable_by_key(|(key, _)| (key.tag.0, &key.texts, key.tag.1));
    let row = |(key, requests): (&Key<_, 2>, &Requests)| {
        let ((scenario, timed_by_guest), [method, name]) = (key.tag, &key.texts);
        RequestRow {
            scenario: name_of(scenarios, scenario),
            method: method.to_string(),
            name: name.to_string(),
            timed_by_guest,
            stats: requests.stats(elapsed),
            blocks: requests.blocks.rows(),
        }
    };
    found.into_iter().map(row).collect()
}

/// A row for each scenario, also one that had no iteration.
pub(crate) fn iterations(statistics: &Statistics, scenarios: &[ScenarioLabel], elapsed: Duration) -> Vec<IterationRow> {
    let none = Iterations::default();
    let row = |(place, label): (usize, &ScenarioLabel)| {
        let Iterations { ended, dropped, delays, .. } = statistics.iterations.get(place).unwrap_or(&none);
        IterationRow {
            ended: span_row(label.name.clone(), &label.name, ended, elapsed),
            dropped: *dropped,
            start_delay: label.open_model.then(|| delays.distribution()),
        }
    };
    scenarios.iter().enumerate().map(row).collect()
}

/// How long after they were due iterations began, over all scenarios.
pub(crate) fn start_delay(statistics: &Statistics) -> Distribution {
    let mut delays = Times::default();
    statistics.iterations.iter().for_each(|iterations| delays.merge(&iterations.delays));
    delays.distribution()
}

/// A row for each scenario and name, in that order.
pub(crate) fn spans(table: &ByName<Spans>, scenarios: &[ScenarioLabel], elapsed: Duration) -> Vec<SpanRow> {
    let row = |(scenario, name, spans): (ScenarioId, &str, &Spans)| {
        span_row(name_of(scenarios, scenario), name, spans, elapsed)
    };
    sorted(table).into_iter().map(row).collect()
}

/// A row for each scenario and name, in that order.
pub(crate) fn checks(statistics: &Statistics, scenarios: &[ScenarioLabel]) -> Vec<CheckRow> {
    let found = sorted(&statistics.checks).into_iter();
    let row = |(scenario, name, share): (ScenarioId, &str, &Share)| CheckRow {
        scenario: name_of(scenarios, scenario),
        name: name.to_string(),
        passed: share.hits,
        failed: share.total - share.hits,
    };
    found.map(row).collect()
}

/// A row for each scenario, name and kind, in that order.
pub(crate) fn metrics(statistics: &Statistics, scenarios: &[ScenarioLabel], elapsed: Duration) -> Vec<MetricRow> {
    let mut rows = metric_rows(&statistics.counters, elapsed);
    rows.extend(metric_rows(&statistics.gauges, elapsed));
    rows.extend(metric_rows(&statistics.rates, elapsed));
    rows.extend(metric_rows(&statistics.trends, elapsed));
    // Stable, so rows of one name stay in the order of their kinds.
    rows.sort_by(|(a, x), (b, y)| (a, &x.name).cmp(&(b, &y.name)));
    let named = |(scenario, row)| MetricRow { scenario: name_of(scenarios, scenario), ..row };
    rows.into_iter().map(named).collect()
}

/// The most frequent failures, the most frequent first; at most `limit` where there is one.
pub(crate) fn failures(statistics: &Statistics, scenarios: &[ScenarioLabel], limit: Option<usize>) -> Vec<FailureRow> {
    let mut found: Vec<_> = statistics.failures.iter().collect();
    found.sort_unstable_by_key(|(key, failures)| (Reverse(failures.count), *key));
    found.truncate(limit.unwrap_or(usize::MAX));
    let row = |(key, failures): (&Key<_, 3>, &Failures)| {
        let ((scope, scenario, kind), [method, name, reason]) = (key.tag, &key.texts);
        let scenario = name_of(scenarios, scenario);
        let name = if scope == FailureScope::Iteration { scenario.clone() } else { name.to_string() };
        let (first_seen, last_seen) = failures.first_and_last();
        let (method, reason, count) = (method.to_string(), reason.to_string(), failures.count);
        FailureRow { scope, scenario, method, name, kind, reason, count, first_seen, last_seen }
    };
    found.into_iter().map(row).collect()
}

/// The traps, the most frequent first.
pub(crate) fn traps(statistics: &Statistics, scenarios: &[ScenarioLabel]) -> Vec<TrapRow> {
    let mut found: Vec<_> = statistics.traps.iter().collect();
    found.sort_unstable_by_key(|(key, count)| (Reverse(**count), *key));
    let row = |(key, count): (&Key<_, 2>, &u64)| {
        let [backtrace, message] = &key.texts;
        TrapRow {
            scenario: name_of(scenarios, key.tag),
            message: message.to_string(),
            backtrace: backtrace.to_string(),
            count: *count,
        }
    };
    found.into_iter().map(row).collect()
}

/// How many requests the run did not allow.
pub(crate) fn denied(statistics: &Statistics) -> u64 {
    let is_denied = |scope, kind| scope == FailureScope::Request && kind == FailureKind::Denied;
    let failures = statistics.failures.iter().filter(|(key, _)| is_denied(key.tag.0, key.tag.2));
    failures.map(|(_, failures)| failures.count).sum()
}

/// How many times of requests, iterations, tasks and transactions were longer than percentiles tell apart.
pub(crate) fn clamped(statistics: &Statistics) -> u64 {
    let requests = statistics.requests.iter().map(|(_, requests)| requests.clamped());
    let iterations =
        statistics.iterations.iter().flat_map(|iterations| [&iterations.ended.elapsed, &iterations.delays]);
    let named = [&statistics.tasks, &statistics.transactions].into_iter().flat_map(ByName::iter);
    requests.chain(iterations.chain(named.map(|(_, spans)| &spans.elapsed)).map(Times::clamped)).sum()
}

fn span_row(scenario: String, name: &str, spans: &Spans, elapsed: Duration) -> SpanRow {
    let count = spans.elapsed.count();
    SpanRow {
        scenario,
        name: name.to_string(),
        count,
        failures: spans.failures,
        rate: rate(count as f64, elapsed),
        elapsed: spans.elapsed.distribution(),
    }
}

/// Rows of one kind, without their scenarios' names.
fn metric_rows<V: Metric>(table: &ByName<V>, elapsed: Duration) -> Vec<(ScenarioId, MetricRow)> {
    let row = |(scenario, name, metric): (ScenarioId, &str, &V)| {
        (scenario, MetricRow { scenario: String::new(), name: name.to_string(), value: metric.value(elapsed) })
    };
    sorted(table).into_iter().map(row).collect()
}

/// A table's rows by scenario and name.
fn sorted<V: Value>(table: &ByName<V>) -> Vec<(ScenarioId, &str, &V)> {
    let mut rows: Vec<_> = table.iter().map(|(key, value)| (key.tag, &*key.texts[0], value)).collect();
    rows.sort_unstable_by_key(|(scenario, name, _)| (*scenario, *name));
    rows
}
