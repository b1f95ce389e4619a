//! Gathers what the threads recorded: once a second, and at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::blocks::{Grid, Placed};
use super::change::{Changes, LoadChange};
use super::label::ScenarioLabel;
use super::recorder::{Counts, Recorder};
use super::snapshot::{Snapshot, Totals};
use super::statistics::{Limits, ScenarioId, Statistics};
use super::summarize;
use super::summary::{Interrupted, RequestBlock, RunEnd, SeriesRow, Summary, VuCounts, Warning};
use super::table::Value;
use super::threshold::{Judge, Threshold};
use super::times::{self, Times};

/// Which part of a run's time virtual users may wait for their turn, all of them together, before that is worth a warning.
const HELD_BACK: f64 = 0.01;

/// The totals of a run. Made before its threads, which get one of its recorders each.
///
/// The owner calls [`Collector::collect`] once a second and [`Collector::finish`] when every thread has ended.
#[derive(Debug)]
pub struct Collector {
    scenarios: Vec<ScenarioLabel>,
    recorders: Vec<Arc<Recorder>>,
    counts: Arc<Counts>,
    totals: Statistics,
    /// Cleared; goes to the next recorder whose statistics are taken.
    spare: Statistics,
    /// The service time of all requests that the host timed.
    service_time: Times,
    /// The times since the last row. Kept only for their memory.
    interval: Interval,
    series: Vec<SeriesRow>,
    running: Totals,
    thresholds: Judge,
    changes: Changes,
    blocks: Grid,
}

/// The times of all requests that the host timed and that a row is of.
#[derive(Debug, Default)]
struct Interval {
    service_time: Times,
    /// None in a run without an open model, where it is the service time.
    response_time: Option<Times>,
}

impl Interval {
    fn clear(&mut self) {
        self.service_time.clear();
        self.response_time.iter_mut().for_each(Times::clear);
    }
}

/// What a summary says of a run that its statistics do not know.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The tool's version.
    pub version: String,
    /// When the load began, by the system's clock.
    pub started_at: SystemTime,
    /// From the start of the load until the last virtual user stopped.
    pub elapsed: Duration,
    /// Why the load ended.
    pub end: RunEnd,
    /// Seed of everything random in the run.
    pub seed: u64,
    /// Warnings, without those that follow from what was recorded: names over their limit, times clamped, virtual users
    /// failed, iterations or log lines dropped, no requests.
    pub warnings: Vec<Warning>,
}

impl Collector {
    /// A collector for a run of those scenarios, in the order of the plan, in so many threads, with those thresholds.
    pub fn new(scenarios: Vec<ScenarioLabel>, threads: usize, limits: Limits, thresholds: &[Threshold]) -> Self {
        let counts = Arc::new(Counts::default());
        let thresholds = Judge::new(thresholds, &scenarios);
        let statistics = || Statistics::with_selections(limits, thresholds.selections());
        let recorder = || Arc::new(Recorder::new(statistics(), Arc::clone(&counts)));
        let open_model = scenarios.iter().any(|scenario| scenario.open_model);
        Collector {
            scenarios,
            recorders: std::iter::repeat_with(recorder).take(threads).collect(),
            totals: statistics(),
            spare: statistics(),
            service_time: Times::default(),
            interval: Interval { response_time: open_model.then(Times::default), ..Interval::default() },
            series: Vec::new(),
            running: Totals::default(),
            counts,
            thresholds,
            changes: Changes::default(),
            blocks: Grid::default(),
        }
    }

    /// The recorders, one a thread.
    pub fn recorders(&self) -> &[Arc<Recorder>] {
        &self.recorders
    }

    /// Whether a threshold chooses requests by their tags. Where none does, samples need none.
    pub fn wants_tags(&self) -> bool {
        self.thresholds.wants_tags()
    }

    /// Says that a scenario's load began, at that time since the start of the run's load. As with [`Collector::load_ended`]
    /// and [`Collector::load_changed`] it is best said before the second of that time is collected: thresholds don't take
    /// back what they made of a window. Of several calls for a scenario the first holds.
    pub fn load_began(&mut self, scenario: ScenarioId, at: Duration) {
        self.thresholds.load_began(scenario, at);
    }

    /// Says that a scenario's load began to stop at that time since the start of the run's load, or that it will not begin
    /// any more. Thresholds that want much expect nothing of it from there on. Of several calls for a scenario the
    /// earliest time holds.
    pub fn load_ended(&mut self, scenario: ScenarioId, at: Duration) {
        self.thresholds.load_ended(scenario, at);
    }

    /// Says that a person changed the load.
    pub fn load_changed(&mut self, change: LoadChange) {
        self.changes.add(change);
        self.thresholds.pauses_were(self.changes.pauses());
    }

    /// Takes what was recorded since the last call into the totals, and makes a row of the series of it. `at` is the time
    /// since the start of the load.
    pub fn collect(&mut self, at: Duration) -> Snapshot<'_> {
        let row = self.take_row(at);
        self.series.push(row);
        let checks = || self.totals.checks.iter().map(|(_, share)| share);
        Snapshot {
            elapsed: at,
            vus_running: row.vus,
            vus: self.vus(),
            latest: row,
            series: &self.series,
            totals: Totals {
                checks_passed: checks().map(|share| share.hits).sum(),
                checks_failed: checks().map(|share| share.total - share.hits).sum(),
                ..self.running
            },
            top_failures: summarize::failures(&self.totals, &self.scenarios, Some(Snapshot::TOP_FAILURES)),
            failing_thresholds: self.thresholds.failing(),
            aborting_threshold: self.thresholds.aborting().map(str::to_owned),
            changes: &self.changes.list,
            paused: self.changes.paused,
            factor: self.changes.factor,
        }
    }

    /// Takes what is left and sums up the run. Nothing may be recorded afterwards.
    pub fn finish(mut self, ending: Ending) -> Summary {
        let row = self.take_row(ending.elapsed);
        // Nothing was left where the last row ended with the run.
        if !row.length.is_zero() || row.requests + row.iterations + row.dropped_iterations > 0 {
            self.series.push(row);
        }
        let (elapsed, scenarios, totals) = (ending.elapsed, &self.scenarios, &self.totals);
        let total = summarize::total(totals, elapsed);
        let warnings = self.warnings(&ending);
        let blocks = self.blocks.ends().to_vec();
        let mut requests = summarize::requests(totals, scenarios, elapsed);
        requests.iter_mut().for_each(|row| row.blocks.resize(blocks.len(), RequestBlock::default()));
        Summary {
            version: ending.version,
            started_at: ending.started_at,
            elapsed,
            end: ending.end,
            seed: ending.seed,
            vus: self.vus(),
            open_model: scenarios.iter().any(|scenario| scenario.open_model),
            dropped_iterations: self.running.dropped_iterations,
            total,
            start_delay: summarize::start_delay(totals),
            requests,
            iterations: summarize::iterations(totals, scenarios, elapsed),
            tasks: summarize::spans(&totals.tasks, scenarios, elapsed),
            transactions: summarize::spans(&totals.transactions, scenarios, elapsed),
            checks: summarize::checks(totals, scenarios),
            metrics: summarize::metrics(totals, scenarios, elapsed),
            failures: summarize::failures(totals, scenarios, None),
            traps: summarize::traps(totals, scenarios),
            interrupted: self.interrupted(),
            warnings,
            thresholds: self.thresholds.finish(elapsed, totals, scenarios),
            changes: self.changes.list,
            blocks,
            series: self.series,
            scenarios: self.scenarios,
        }
    }

    /// Takes what every thread recorded into the totals, and sums it up as the row that ends at `at`.
    fn take_row(&mut self, at: Duration) -> SeriesRow {
        let begin = self.series.last().map_or(Duration::ZERO, |row| row.at);
        let vus = load(&self.counts.vus_running);
        let length = at.saturating_sub(begin);
        let mut row = SeriesRow { at, length, vus, ..SeriesRow::default() };
        self.interval.clear();
        let Placed { join, place } = self.blocks.add(at);
        if join {
            self.totals.join_blocks();
        }
        for recorder in &self.recorders {
            recorder.swap(&mut self.spare);
            self.spare.recorded_at(at, place);
            add_to_row(&mut row, &mut self.interval, &self.spare);
            self.running.iteration_failures += self.spare.iterations.iter().map(|all| all.ended.failures).sum::<u64>();
            self.thresholds.gather(&self.spare);
            self.totals.merge(&self.spare);
            self.spare.clear();
        }
        self.service_time.merge(&self.interval.service_time);
        self.running.requests += row.requests;
        self.running.failures += row.failures;
        self.running.bytes_sent += row.bytes_sent;
        self.running.bytes_received += row.bytes_received;
        self.running.iterations += row.iterations;
        self.running.dropped_iterations += row.dropped_iterations;
        self.running.service_time = self.service_time.distribution();
        row.service_time = self.interval.service_time.distribution();
        row.response_time = self.interval.response_time.as_ref().map_or(row.service_time, Times::distribution);
        row.median_so_far = self.running.service_time.p50;
        self.thresholds.advance(at, length);
        row
    }

    fn vus(&self) -> VuCounts {
        VuCounts {
            started: load(&self.counts.vus_started),
            max: load(&self.counts.vus_max),
            failed: load(&self.counts.vus_failed),
        }
    }

    fn interrupted(&self) -> Interrupted {
        Interrupted {
            requests: load(&self.counts.requests_interrupted),
            iterations: load(&self.counts.iterations_interrupted),
        }
    }

    /// The warning that virtual users waited for their turn, where that was long in a run of that length.
    fn held_back(&self, elapsed: Duration) -> Option<Warning> {
        let (turns, waited) = (load(&self.counts.turns), load(&self.counts.turns_waited_nanos));
        let waited = Duration::from_nanos(waited);
        (waited > elapsed.mul_f64(HELD_BACK)).then_some(Warning::VusHeldBack { turns, waited })
    }

    fn warnings(&self, ending: &Ending) -> Vec<Warning> {
        let mut warnings = ending.warnings.clone();
        let over_limit = self.totals.over_limit();
        warnings.extend(over_limit.map(|(what, limit)| Warning::NamesOverLimit { what, limit }));
        let some = |count: u64| (count > 0).then_some(count);
        let clamped = summarize::clamped(&self.totals);
        warnings.extend(some(clamped).map(|count| Warning::TimesClamped { count, limit: times::LIMIT }));
        warnings.extend(some(load(&self.counts.vus_failed)).map(|count| Warning::VusFailed { count }));
        let missed = self.totals.iterations.iter().map(|all| all.missed).sum();
        let dropped = some(self.running.dropped_iterations);
        warnings.extend(dropped.map(|count| Warning::IterationsDropped { count, missed }));
        warnings.extend(some(summarize::denied(&self.totals)).map(|count| Warning::RequestsDenied { count }));
        warnings.extend(self.held_back(ending.elapsed));
        warnings.extend(some(load(&self.counts.log_lines_dropped)).map(|count| Warning::LogLinesDropped { count }));
        // Without load, that there were none goes without saying.
        let load_began = !matches!(ending.end, RunEnd::SetupFailed(_));
        let none_began = load(&self.counts.requests_interrupted) == 0;
        if load_began && none_began && self.totals.requests.iter().next().is_none() {
            warnings.push(Warning::NoRequests);
        }
        warnings
    }
}

fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// Adds what one thread recorded to a row, whose distributions are made of the interval when all threads are in.
fn add_to_row(row: &mut SeriesRow, interval: &mut Interval, recorded: &Statistics) {
    for requests in summarize::timed_by_host(recorded) {
        row.requests += requests.service_time.count();
        row.failures += requests.failures;
        row.bytes_sent += requests.bytes_sent;
        row.bytes_received += requests.bytes_received;
        interval.service_time.merge(&requests.service_time);
        if let Some(response_time) = &mut interval.response_time {
            response_time.merge(requests.response_time());
        }
    }
    for iterations in &recorded.iterations {
        row.iterations += iterations.ended.elapsed.count();
        row.dropped_iterations += iterations.dropped;
    }
}

#[cfg(test)]
mod tests;
