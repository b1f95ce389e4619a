//! From statistics to the rows of a summary.

use std::cmp::Reverse;
use std::time::Duration;

use super::statistics::{ByName, ScenarioId, Statistics};
use super::summary::{CheckRow, FailureRow, FailureScope, MetricRow, RequestRow, RequestStats, SpanRow, TrapRow};
use super::table::{Key, Value};
use super::values::{Failures, Metric, Requests, Share, Spans, rate};

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
pub(crate) fn requests(statistics: &Statistics, scenarios: &[String], elapsed: Duration) -> Vec<RequestRow> {
    let mut found: Vec<_> = statistics.requests.iter().collect();
    found.sort_unstable_by_key(|(key, _)| (key.tag.0, &key.texts, key.tag.1));
    let row = |(key, requests): (&Key<_, 2>, &Requests)| {
        let ((scenario, timed_by_guest), [method, name]) = (key.tag, &key.texts);
        RequestRow {
            scenario: scenario_name(scenarios, scenario),
            method: method.to_string(),
            name: name.to_string(),
            timed_by_guest,
            stats: requests.stats(elapsed),
        }
    };
    found.into_iter().map(row).collect()
}

/// A row for each scenario, also one that had no iteration.
pub(crate) fn iterations(statistics: &Statistics, scenarios: &[String], elapsed: Duration) -> Vec<SpanRow> {
    let none = Spans::default();
    let of = |place: usize| statistics.iterations.get(place).unwrap_or(&none);
    scenarios.iter().enumerate().map(|(place, name)| span_row(name.clone(), name, of(place), elapsed)).collect()
}

/// A row for each scenario and name, in that order.
pub(crate) fn spans(table: &ByName<Spans>, scenarios: &[String], elapsed: Duration) -> Vec<SpanRow> {
    let row = |(scenario, name, spans): (ScenarioId, &str, &Spans)| {
        span_row(scenario_name(scenarios, scenario), name, spans, elapsed)
    };
    sorted(table).into_iter().map(row).collect()
}

/// A row for each scenario and name, in that order.
pub(crate) fn checks(statistics: &Statistics, scenarios: &[String]) -> Vec<CheckRow> {
    let found = sorted(&statistics.checks).into_iter();
    let row = |(scenario, name, share): (ScenarioId, &str, &Share)| CheckRow {
        scenario: scenario_name(scenarios, scenario),
        name: name.to_string(),
        passed: share.hits,
        failed: share.total - share.hits,
    };
    found.map(row).collect()
}

/// A row for each scenario, name and kind, in that order.
pub(crate) fn metrics(statistics: &Statistics, scenarios: &[String], elapsed: Duration) -> Vec<MetricRow> {
    let mut rows = metric_rows(&statistics.counters, elapsed);
    rows.extend(metric_rows(&statistics.gauges, elapsed));
    rows.extend(metric_rows(&statistics.rates, elapsed));
    rows.extend(metric_rows(&statistics.trends, elapsed));
    // Stable, so rows of one name stay in the order of their kinds.
    rows.sort_by(|(a, x), (b, y)| (a, &x.name).cmp(&(b, &y.name)));
    let named = |(scenario, row)| MetricRow { scenario: scenario_name(scenarios, scenario), ..row };
    rows.into_iter().map(named).collect()
}

/// The most frequent failures, the most frequent first; at most `limit` where there is one.
pub(crate) fn failures(statistics: &Statistics, scenarios: &[String], limit: Option<usize>) -> Vec<FailureRow> {
    let mut found: Vec<_> = statistics.failures.iter().collect();
    found.sort_unstable_by_key(|(key, failures)| (Reverse(failures.count), *key));
    found.truncate(limit.unwrap_or(usize::MAX));
    let row = |(key, failures): (&Key<_, 3>, &Failures)| {
        let ((scope, scenario, kind), [method, name, reason]) = (key.tag, &key.texts);
        let scenario = scenario_name(scenarios, scenario);
        let name = if scope == FailureScope::Iteration { scenario.clone() } else { name.to_string() };
        let (first_seen, last_seen) = failures.first_and_last();
        let (method, reason, count) = (method.to_string(), reason.to_string(), failures.count);
        FailureRow { scope, scenario, method, name, kind, reason, count, first_seen, last_seen }
    };
    found.into_iter().map(row).collect()
}

/// The traps, the most frequent first.
pub(crate) fn traps(statistics: &Statistics, scenarios: &[String]) -> Vec<TrapRow> {
    let mut found: Vec<_> = statistics.traps.iter().collect();
    found.sort_unstable_by_key(|(key, count)| (Reverse(**count), *key));
    let row = |(key, count): (&Key<_, 2>, &u64)| {
        let [backtrace, message] = &key.texts;
        TrapRow {
            scenario: scenario_name(scenarios, key.tag),
            message: message.to_string(),
            backtrace: backtrace.to_string(),
            count: *count,
        }
    };
    found.into_iter().map(row).collect()
}

/// How many times of requests, iterations, tasks and transactions were longer than percentiles tell apart.
pub(crate) fn clamped(statistics: &Statistics) -> u64 {
    let requests = statistics.requests.iter().map(|(_, requests)| requests.service_time.clamped());
    let named = [&statistics.tasks, &statistics.transactions];
    let spans = named.into_iter().flat_map(ByName::iter).map(|(_, spans)| spans).chain(&statistics.iterations);
    requests.chain(spans.map(|spans| spans.elapsed.clamped())).sum()
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

fn scenario_name(scenarios: &[String], id: ScenarioId) -> String {
    scenarios.get(usize::from(id.0)).cloned().unwrap_or_default()
}
