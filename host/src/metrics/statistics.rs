//! What is recorded of a run, or of a second of it in one thread.

use std::sync::Arc;
use std::time::Duration;

use super::floats::Floats;
use super::summary::FailureScope;
use super::table::{KeyRef, Table, Value};
use super::threshold::Selection;
use super::values::{Counter, Failures, Gauge, Iterations, Picked, Requests, Share, Spans};
use crate::sample::{Failure, FailureKind, Sample};

/// A scenario, by its place in the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScenarioId(pub u16);

/// Bounds on what a run keeps of names and texts, which guests choose. What goes over a count is counted under `(other)`; a
/// text that is too long is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many names there may be of each: requests (with their methods), tasks, transactions, checks, and each kind of
    /// metric. Default 1000.
    pub names: usize,
    /// How many failures may be told apart, by where they happened, kind and reason. Default 1000.
    pub reasons: usize,
    /// How many traps may be told apart. Default 100.
    pub traps: usize,
    /// The longest name or reason, in bytes. Default 1024.
    pub text_bytes: usize,
    /// The longest backtrace of a trap, in bytes. Default 16 KiB.
    pub backtrace_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { names: 1000, reasons: 1000, traps: 100, text_bytes: 1024, backtrace_bytes: 16 * 1024 }
    }
}

/// Figures of one scenario's name: tasks, transactions, checks, metrics.
pub(crate) type ByName<V> = Table<ScenarioId, V, 1>;

/// Whose requests: the scenario's, and whether the guest timed them.
pub(crate) type RequestTag = (ScenarioId, bool);

/// What failed, in which scenario, and the kind.
pub(crate) type FailureTag = (FailureScope, ScenarioId, FailureKind);

/// Everything recorded. It is data without a clock, and two of them merge into what one would have become that had recorded
/// all of both.
///
/// Recording takes constant time, and allocates only for a name that is new.
#[derive(Clone, Debug)]
pub struct Statistics {
    pub(crate) limits: Limits,
    /// By method and name.
    pub(crate) requests: Table<RequestTag, Requests, 2>,
    /// By scenario.
    pub(crate) iterations: Vec<Iterations>,
    pub(crate) tasks: ByName<Spans>,
    pub(crate) transactions: ByName<Spans>,
    pub(crate) checks: ByName<Share>,
    pub(crate) counters: ByName<Counter>,
    pub(crate) gauges: ByName<Gauge>,
    pub(crate) rates: ByName<Share>,
    pub(crate) trends: ByName<Floats>,
    /// By method, name and reason.
    pub(crate) failures: Table<FailureTag, Failures, 3>,
    /// By backtrace and message.
    pub(crate) traps: Table<ScenarioId, u64, 2>,
    /// What thresholds pick out by status and tags, which no table keeps.
    selections: Arc<[Selection]>,
    /// What was picked, for each selection.
    pub(crate) picked: Vec<Picked>,
}

impl Statistics {
    /// Nothing recorded yet.
    pub fn new(limits: Limits) -> Self {
        Statistics::with_selections(limits, Arc::default())
    }

    /// Nothing recorded yet, and requests of those selections are to be counted apart, too.
    pub(crate) fn with_selections(limits: Limits, selections: Arc<[Selection]>) -> Self {
        Statistics {
            limits,
            requests: Table::new(limits.names),
            iterations: Vec::new(),
            tasks: Table::new(limits.names),
            transactions: Table::new(limits.names),
            checks: Table::new(limits.names),
            counters: Table::new(limits.names),
            gauges: Table::new(limits.names),
            rates: Table::new(limits.names),
            trends: Table::new(limits.names),
            failures: Table::new(limits.reasons),
            traps: Table::new(limits.traps),
            picked: vec![Picked::default(); selections.len()],
            selections,
        }
    }

    /// Counts a request, and its failure where it failed.
    pub fn request(&mut self, scenario: ScenarioId, sample: &Sample<'_>) {
        let texts = [self.clip(sample.method), self.clip(sample.name)];
        let key = KeyRef { tag: (scenario, sample.timed_by_guest), texts };
        self.requests.update(key, |requests| requests.record(sample));
        for (selection, picked) in self.selections.iter().zip(&mut self.picked) {
            if selection.has_sample(scenario, sample) {
                picked.of_any_status += 1;
                if selection.has_status(sample.status) {
                    picked.requests.record(sample);
                }
            }
        }
        if let Some(failure) = sample.failure {
            self.fail(FailureScope::Request, scenario, texts, failure);
        }
    }

    /// Counts an iteration that ended.
    pub fn iteration(&mut self, scenario: ScenarioId, elapsed: Duration, failure: Option<Failure<'_>>) {
        self.iterations_of(scenario).ended.record(elapsed, failure.is_some());
        if let Some(failure) = failure {
            self.fail(FailureScope::Iteration, scenario, ["", ""], failure);
        }
    }

    /// Counts that an iteration of the open model began, so long after it was due.
    pub fn started_late(&mut self, scenario: ScenarioId, delay: Duration) {
        self.iterations_of(scenario).delays.record(delay);
    }

    /// Counts iterations that were due and found no free virtual user.
    pub fn dropped(&mut self, scenario: ScenarioId, count: u64) {
        self.iterations_of(scenario).dropped += count;
    }

    /// Counts iterations that were due, and that the thread which was to start them did not come to in time. They are
    /// dropped ones, too.
    pub fn missed(&mut self, scenario: ScenarioId, count: u64) {
        self.dropped(scenario, count);
        self.iterations_of(scenario).missed += count;
    }

    /// Counts a task that ended.
    pub fn task(&mut self, scenario: ScenarioId, name: &str, elapsed: Duration, failure: Option<Failure<'_>>) {
        let key = self.named(scenario, name);
        self.tasks.update(key, |spans| spans.record(elapsed, failure.is_some()));
        if let Some(failure) = failure {
            self.fail(FailureScope::Task, scenario, ["", name], failure);
        }
    }

    /// Counts a transaction that ended.
    pub fn transaction(&mut self, scenario: ScenarioId, name: &str, elapsed: Duration, failure: Option<Failure<'_>>) {
        let key = self.named(scenario, name);
        self.transactions.update(key, |spans| spans.record(elapsed, failure.is_some()));
        if let Some(failure) = failure {
            self.fail(FailureScope::Transaction, scenario, ["", name], failure);
        }
    }

    /// Counts a failure of `setup`, `start`, `stop` or `teardown`; `hook` says which.
    pub fn lifecycle_failure(&mut self, scenario: ScenarioId, hook: &str, failure: Failure<'_>) {
        self.fail(FailureScope::Lifecycle, scenario, ["", hook], failure);
    }

    /// Counts a check.
    pub fn check(&mut self, scenario: ScenarioId, name: &str, passed: bool) {
        let key = self.named(scenario, name);
        self.checks.update(key, |share| share.record(passed));
    }

    /// Adds to a counter. A value that is not finite is left out, as for all metrics.
    pub fn add_counter(&mut self, scenario: ScenarioId, name: &str, value: f64) {
        if value.is_finite() {
            let key = self.named(scenario, name);
            self.counters.update(key, |counter| counter.add(value));
        }
    }

    /// Sets a gauge. `at` is the time since the start of the load; over all threads, the value set last is the one with the
    /// greatest.
    pub fn set_gauge(&mut self, scenario: ScenarioId, name: &str, value: f64, at: Duration) {
        if value.is_finite() {
            let key = self.named(scenario, name);
            self.gauges.update(key, |gauge| gauge.set(value, at));
        }
    }

    /// Adds to a rate.
    pub fn add_rate(&mut self, scenario: ScenarioId, name: &str, value: bool) {
        let key = self.named(scenario, name);
        self.rates.update(key, |share| share.record(value));
    }

    /// Adds to a trend.
    pub fn add_trend(&mut self, scenario: ScenarioId, name: &str, value: f64) {
        if value.is_finite() {
            let key = self.named(scenario, name);
            self.trends.update(key, |floats| floats.record(value));
        }
    }

    /// Counts a trap: what happened, in one line, and the wasm backtrace, a frame a line. The failure of what trapped is
    /// counted apart from it.
    pub fn trap(&mut self, scenario: ScenarioId, message: &str, backtrace: &str) {
        let texts = [clip(backtrace, self.limits.backtrace_bytes), self.clip(message)];
        self.traps.update(KeyRef { tag: scenario, texts }, |count| *count += 1);
    }

    /// Adds what the other one recorded. The order of merges makes no difference but for the rounding of sums of `f64`, and
    /// for which names are counted under `(other)` where there are too many.
    pub fn merge(&mut self, other: &Self) {
        for (scenario, iterations) in other.iterations() {
            self.iterations_of(scenario).merge(iterations);
        }
        self.requests.merge(&other.requests);
        self.tasks.merge(&other.tasks);
        self.transactions.merge(&other.transactions);
        self.checks.merge(&other.checks);
        self.counters.merge(&other.counters);
        self.gauges.merge(&other.gauges);
        self.rates.merge(&other.rates);
        self.trends.merge(&other.trends);
        self.failures.merge(&other.failures);
        self.traps.merge(&other.traps);
        self.picked.iter_mut().zip(&other.picked).for_each(|(mine, theirs)| mine.merge(theirs));
    }

    /// Forgets what was recorded. Names keep their memory, for they will come again; those that have not come for a while
    /// are dropped.
    pub fn clear(&mut self) {
        self.iterations.iter_mut().for_each(Iterations::clear);
        self.requests.clear();
        self.tasks.clear();
        self.transactions.clear();
        self.checks.clear();
        self.counters.clear();
        self.gauges.clear();
        self.rates.clear();
        self.trends.clear();
        self.failures.clear();
        self.traps.clear();
        self.picked.iter_mut().for_each(Picked::clear);
    }

    /// Bytes held on the heap, but for what allocators add.
    pub fn heap_bytes(&self) -> usize {
        let iterations = self.iterations.iter().map(Iterations::heap_bytes).sum::<usize>();
        iterations
            + self.iterations.capacity() * size_of::<Iterations>()
            + self.requests.heap_bytes()
            + self.tasks.heap_bytes()
            + self.transactions.heap_bytes()
            + self.checks.heap_bytes()
            + self.counters.heap_bytes()
            + self.gauges.heap_bytes()
            + self.rates.heap_bytes()
            + self.trends.heap_bytes()
            + self.failures.heap_bytes()
            + self.traps.heap_bytes()
            + self.picked.capacity() * size_of::<Picked>()
            + self.picked.iter().map(Picked::heap_bytes).sum::<usize>()
    }

    /// The iterations of each scenario.
    pub(crate) fn iterations(&self) -> impl Iterator<Item = (ScenarioId, &Iterations)> {
        (0..).map(ScenarioId).zip(&self.iterations)
    }

    /// Says when everything in here was recorded, from the start of the load, and in which block of the run. What records
    /// has no clock, so that this is to the second.
    pub(crate) fn recorded_at(&mut self, at: Duration, block: usize) {
        self.failures.values_mut().for_each(|failures| failures.seen_at(at));
        self.requests.values_mut().for_each(|requests| requests.seen_in(block));
    }

    /// Makes one of each two blocks of the run.
    pub(crate) fn join_blocks(&mut self) {
        self.requests.values_mut().for_each(|requests| requests.blocks.join());
    }

    /// For each of what went over its bound: what it is, as [`super::Warning::NamesOverLimit`] says it, and the bound.
    pub(crate) fn over_limit(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let Limits { names, reasons, traps, .. } = self.limits;
        let metrics = self.counters.overflowed()
            || self.gauges.overflowed()
            || self.rates.overflowed()
            || self.trends.overflowed();
        let all = [
            (self.requests.overflowed(), "requests", names),
            (self.tasks.overflowed(), "tasks", names),
            (self.transactions.overflowed(), "transactions", names),
            (self.checks.overflowed(), "checks", names),
            (metrics, "metrics", names),
            (self.failures.overflowed(), "failure reasons", reasons),
            (self.traps.overflowed(), "traps", traps),
        ];
        all.into_iter().filter(|(over, ..)| *over).map(|(_, what, limit)| (what, limit))
    }

    fn fail(&mut self, scope: FailureScope, scenario: ScenarioId, [method, name]: [&str; 2], failure: Failure<'_>) {
        let texts = [method, name, failure.reason].map(|text| self.clip(text));
        let key = KeyRef { tag: (scope, scenario, failure.kind), texts };
        self.failures.update(key, Failures::record);
    }

    fn iterations_of(&mut self, scenario: ScenarioId) -> &mut Iterations {
        let place = usize::from(scenario.0);
        if self.iterations.len() <= place {
            self.iterations.resize_with(place + 1, Iterations::default);
        }
        &mut self.iterations[place]
    }

    fn named<'a>(&self, scenario: ScenarioId, name: &'a str) -> KeyRef<'a, ScenarioId, 1> {
        KeyRef { tag: scenario, texts: [self.clip(name)] }
    }

    fn clip<'a>(&self, text: &'a str) -> &'a str {
        clip(text, self.limits.text_bytes)
    }
}

/// The text, or the start of it that fits into so many bytes.
#[inline]
fn clip(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes { text } else { &text[..text.floor_char_boundary(bytes)] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::summarize;
    use crate::metrics::testing::{Random, labels, sample, statistics};

    const ELAPSED: Duration = Duration::from_secs(10);

    /// All that can be seen of statistics.
    fn shown(statistics: &Statistics) -> String {
        let scenarios = labels(&["x", "y", "z"]);
        format!(
            "{:#?}",
            (
                summarize::requests(statistics, &scenarios, ELAPSED),
                summarize::iterations(statistics, &scenarios, ELAPSED),
                summarize::spans(&statistics.tasks, &scenarios, ELAPSED),
                summarize::spans(&statistics.transactions, &scenarios, ELAPSED),
                summarize::checks(statistics, &scenarios),
                summarize::metrics(statistics, &scenarios, ELAPSED),
                summarize::failures(statistics, &scenarios, None),
                summarize::traps(statistics, &scenarios),
                statistics.over_limit().collect::<Vec<_>>(),
            )
        )
    }

    fn merged(parts: &[&Statistics]) -> Statistics {
        let mut merged = Statistics::new(parts[0].limits);
        parts.iter().for_each(|part| merged.merge(part));
        merged
    }

    #[test]
    fn merging_is_associative_and_commutative() {
        for seed in 0..20 {
            let sizes = [seed * 7, 300, 20 * seed];
            let [a, b, c] = [0, 1, 2].map(|part| statistics(3 * seed + part, sizes[part as usize], Limits::default()));
            let left = shown(&merged(&[&merged(&[&a, &b]), &c]));
            assert_eq!(left, shown(&merged(&[&a, &merged(&[&b, &c])])));
            assert_eq!(left, shown(&merged(&[&c, &b, &a])));
            assert_eq!(shown(&a), shown(&merged(&[&a])));
        }
    }

    #[test]
    fn what_goes_over_the_limits_is_counted_whatever_the_order() {
        let limits = Limits { names: 2, reasons: 3, traps: 1, ..Limits::default() };
        let parts = [1, 2, 3].map(|seed| statistics(seed, 400, limits));
        let unlimited = [1, 2, 3].map(|seed| statistics(seed, 400, Limits::default()));
        let all = merged(&unlimited.each_ref());
        let counts = |statistics: &Statistics| {
            (
                statistics.requests.iter().map(|(_, requests)| requests.service_time.count()).sum::<u64>(),
                statistics.checks.iter().map(|(_, share)| share.total).sum::<u64>(),
                statistics.failures.iter().map(|(_, failures)| failures.count).sum::<u64>(),
                statistics.traps.iter().map(|(_, count)| count).sum::<u64>(),
            )
        };
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let merged = merged(&order.map(|part| &parts[part]));
            assert_eq!(counts(&merged), counts(&all));
            let over = merged.over_limit().collect::<Vec<_>>();
            let names = ["requests", "tasks", "transactions", "checks", "metrics"].map(|what| (what, 2));
            assert_eq!(over[..5], names);
            assert_eq!(over[5..], [("failure reasons", 3), ("traps", 1)]);
        }
    }

    #[test]
    fn a_thousand_names_have_figures_of_their_own_and_the_rest_share_one() {
        let mut statistics = Statistics::new(Limits::default());
        for id in 0..1500 {
            statistics.request(ScenarioId(0), &sample(&format!("/things/{id}"), Duration::from_millis(1)));
        }
        let rows = summarize::requests(&statistics, &labels(&["x"]), ELAPSED);
        assert_eq!(rows.len(), 1001);
        let other = rows.iter().find(|row| row.name == "(other)").expect("the rest has a row");
        assert_eq!((other.method.as_str(), other.stats.count, rows[1].stats.count), ("", 500, 1));
        assert_eq!(statistics.over_limit().collect::<Vec<_>>(), [("requests", 1000)]);
    }

    #[test]
    fn memory_held_does_not_grow_with_what_is_recorded() {
        let names: Vec<String> = (0..50).map(|name| format!("/cities/{name}")).collect();
        let mut random = Random::new(7);
        let mut total = Statistics::new(Limits::default());
        let mut second = Statistics::new(Limits::default());
        let mut held = Vec::new();
        for recorded in 1..=2_000_000 {
            let name = &names[random.below(50) as usize];
            let wait = Duration::from_micros(100 + random.below(60_000));
            second.request(ScenarioId(0), &sample(name, wait));
            if recorded % 20_000 == 0 {
                total.merge(&second);
                second.clear();
            }
            if [200_000, 2_000_000].contains(&recorded) {
                held.push(total.heap_bytes() + second.heap_bytes());
            }
        }
        assert_eq!(held[0], held[1]);
        assert!(held[0] > 50 * 2 * 2048 * size_of::<u64>(), "{held:?} is too little to be true");
    }

    #[test]
    fn cleared_statistics_show_nothing_and_take_up_again() {
        let mut used = statistics(1, 5_000, Limits { names: 3, ..Limits::default() });
        used.clear();
        assert_eq!(shown(&used), shown(&Statistics::new(Limits::default())));
        let fresh = statistics(2, 5_000, Limits::default());
        used.limits = Limits::default();
        let mut again = statistics(1, 5_000, Limits::default());
        again.clear();
        again.merge(&fresh);
        assert_eq!(shown(&again), shown(&fresh));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let limits = Limits { text_bytes: 4, backtrace_bytes: 2, ..Limits::default() };
        let mut statistics = Statistics::new(limits);
        statistics.check(ScenarioId(0), "abcü", true);
        statistics.trap(ScenarioId(0), "unreachable", "frame");
        let scenarios = labels(&["x"]);
        assert_eq!(summarize::checks(&statistics, &scenarios)[0].name, "abc");
        let trap = &summarize::traps(&statistics, &scenarios)[0];
        assert_eq!((trap.message.as_str(), trap.backtrace.as_str()), ("unre", "fr"));
    }

    #[test]
    fn values_that_are_not_finite_are_left_out() {
        let mut statistics = Statistics::new(Limits::default());
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            statistics.add_counter(ScenarioId(0), "counter", value);
            statistics.set_gauge(ScenarioId(0), "gauge", value, ELAPSED);
            statistics.add_trend(ScenarioId(0), "trend", value);
        }
        assert!(summarize::metrics(&statistics, &[], ELAPSED).is_empty());
    }

    #[test]
    fn the_latest_gauge_is_the_last_in_whatever_order_it_comes() {
        let set = |value: f64, at: u64| {
            let mut statistics = Statistics::new(Limits::default());
            statistics.set_gauge(ScenarioId(0), "gauge", value, Duration::from_nanos(at));
            statistics
        };
        let (first, last) = (set(9.0, 1), set(4.0, 2));
        for parts in [[&first, &last], [&last, &first]] {
            let rows = summarize::metrics(&merged(&parts), &labels(&["x"]), ELAPSED);
            assert_eq!(rows[0].value, crate::metrics::MetricValue::Gauge { last: 4.0, min: 4.0, max: 9.0 });
        }
    }
}
