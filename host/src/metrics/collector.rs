//! Gathers what the threads recorded: once a second, and at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::recorder::{Counts, Recorder};
use super::snapshot::{Snapshot, Totals};
use super::statistics::{Limits, Statistics};
use super::summarize;
use super::summary::{Interrupted, RunEnd, SeriesRow, Summary, VuCounts, Warning};
use super::table::Value;
use super::times::{self, Times};

/// The totals of a run. Made before its threads, which get one of its recorders each.
///
/// The owner calls [`Collector::collect`] once a second and [`Collector::finish`] when every thread has ended.
#[derive(Debug)]
pub struct Collector {
    scenarios: Vec<String>,
    recorders: Vec<Arc<Recorder>>,
    counts: Arc<Counts>,
    totals: Statistics,
    /// Cleared; goes to the next recorder whose statistics are taken.
    spare: Statistics,
    /// The service time of all requests that the host timed.
    service_time: Times,
    /// The same since the last row. Kept only for its memory.
    interval_service_time: Times,
    series: Vec<SeriesRow>,
    running: Totals,
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
    /// failed, log lines dropped, no requests.
    pub warnings: Vec<Warning>,
}

impl Collector {
    /// A collector for a run of those scenarios, in the order of the plan, in so many threads.
    pub fn new(scenarios: Vec<String>, threads: usize, limits: Limits) -> Self {
        let counts = Arc::new(Counts::default());
        let recorder = || Arc::new(Recorder::new(limits, Arc::clone(&counts)));
        Collector {
            scenarios,
            recorders: std::iter::repeat_with(recorder).take(threads).collect(),
            totals: Statistics::new(limits),
            spare: Statistics::new(limits),
            service_time: Times::default(),
            interval_service_time: Times::default(),
            series: Vec::new(),
            running: Totals::default(),
            counts,
        }
    }

    /// The recorders, one a thread.
    pub fn recorders(&self) -> &[Arc<Recorder>] {
        &self.recorders
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
        }
    }

    /// Takes what is left and sums up the run. Nothing may be recorded afterwards.
    pub fn finish(mut self, ending: Ending) -> Summary {
        let row = self.take_row(ending.elapsed);
        // Nothing was left where the last row ended with the run.
        if !row.length.is_zero() || row.requests > 0 || row.iterations > 0 {
            self.series.push(row);
        }
        let (elapsed, scenarios, totals) = (ending.elapsed, &self.scenarios, &self.totals);
        let total = summarize::total(totals, elapsed);
        let warnings = self.warnings(&ending);
        Summary {
            version: ending.version,
            started_at: ending.started_at,
            elapsed,
            end: ending.end,
            seed: ending.seed,
            vus: self.vus(),
            total,
            requests: summarize::requests(totals, scenarios, elapsed),
            iterations: summarize::iterations(totals, scenarios, elapsed),
            tasks: summarize::spans(&totals.tasks, scenarios, elapsed),
            transactions: summarize::spans(&totals.transactions, scenarios, elapsed),
            checks: summarize::checks(totals, scenarios),
            metrics: summarize::metrics(totals, scenarios, elapsed),
            failures: summarize::failures(totals, scenarios, None),
            traps: summarize::traps(totals, scenarios),
            interrupted: self.interrupted(),
            warnings,
            series: self.series,
            scenarios: self.scenarios,
        }
    }

    /// Takes what every thread recorded into the totals, and sums it up as the row that ends at `at`.
    fn take_row(&mut self, at: Duration) -> SeriesRow {
        let begin = self.series.last().map_or(Duration::ZERO, |row| row.at);
        let vus = load(&self.counts.vus_running);
        let mut row = SeriesRow { at, length: at.saturating_sub(begin), vus, ..SeriesRow::default() };
        self.interval_service_time.clear();
        for recorder in &self.recorders {
            recorder.swap(&mut self.spare);
            self.spare.recorded_at(at);
            add_to_row(&mut row, &mut self.interval_service_time, &self.spare);
            self.running.iteration_failures += self.spare.iterations.iter().map(|spans| spans.failures).sum::<u64>();
            self.totals.merge(&self.spare);
            self.spare.clear();
        }
        self.service_time.merge(&self.interval_service_time);
        self.running.requests += row.requests;
        self.running.failures += row.failures;
        self.running.bytes_sent += row.bytes_sent;
        self.running.bytes_received += row.bytes_received;
        self.running.iterations += row.iterations;
        self.running.service_time = self.service_time.distribution();
        row.service_time = self.interval_service_time.distribution();
        row.median_so_far = self.running.service_time.p50;
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

    fn warnings(&self, ending: &Ending) -> Vec<Warning> {
        let mut warnings = ending.warnings.clone();
        let over_limit = self.totals.over_limit();
        warnings.extend(over_limit.map(|(what, limit)| Warning::NamesOverLimit { what, limit }));
        let some = |count: u64| (count > 0).then_some(count);
        let clamped = summarize::clamped(&self.totals);
        warnings.extend(some(clamped).map(|count| Warning::TimesClamped { count, limit: times::LIMIT }));
        warnings.extend(some(load(&self.counts.vus_failed)).map(|count| Warning::VusFailed { count }));
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

/// Adds what one thread recorded to a row, whose distribution is made of `service_time` when all threads are in.
fn add_to_row(row: &mut SeriesRow, service_time: &mut Times, recorded: &Statistics) {
    for requests in summarize::timed_by_host(recorded) {
        row.requests += requests.service_time.count();
        row.failures += requests.failures;
        row.bytes_sent += requests.bytes_sent;
        row.bytes_received += requests.bytes_received;
        service_time.merge(&requests.service_time);
    }
    row.iterations += recorded.iterations.iter().map(|spans| spans.elapsed.count()).sum::<u64>();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::sample;
    use crate::metrics::{FailureScope, ScenarioId, TransportCounts};
    use crate::sample::{Failure, FailureKind, Sample, Transport};

    const SECOND: Duration = Duration::from_secs(1);

    fn collector(threads: usize) -> Collector {
        Collector::new(vec!["browse".to_string(), "buy".to_string()], threads, Limits::default())
    }

    fn ending(elapsed: Duration) -> Ending {
        Ending {
            version: "1.2.3".to_string(),
            started_at: SystemTime::UNIX_EPOCH,
            elapsed,
            end: RunEnd::Completed,
            seed: 7,
            warnings: Vec::new(),
        }
    }

    fn request(collector: &Collector, thread: usize, sample: &Sample<'_>) {
        collector.recorders()[thread].record(|statistics| statistics.request(ScenarioId(1), sample));
    }

    #[test]
    fn a_row_is_made_of_its_interval_and_totals_of_all() {
        let mut collector = collector(2);
        request(&collector, 0, &sample("/a", Duration::from_millis(10)));
        request(&collector, 1, &sample("/b", Duration::from_millis(20)));
        assert_eq!(collector.collect(SECOND).latest.requests, 2);

        let reason = "status 500";
        let failure = Some(Failure { kind: FailureKind::Status, reason });
        request(&collector, 1, &Sample { failure, ..sample("/a", Duration::from_millis(30)) });
        collector.recorders()[0].record(|statistics| {
            statistics.iteration(ScenarioId(0), SECOND, failure);
            statistics.check(ScenarioId(0), "is right", false);
        });
        let snapshot = collector.collect(2 * SECOND);
        let row = snapshot.latest;
        assert_eq!((row.at, row.length, row.requests, row.failures, row.iterations), (2 * SECOND, SECOND, 1, 1, 1));
        assert_eq!((row.service_time.count, row.service_time.p50), (1, 0.03));
        assert!((row.median_so_far - 0.02).abs() <= 0.02 * 0.001);
        let totals = snapshot.totals;
        assert_eq!((totals.requests, totals.failures, totals.bytes_sent, totals.bytes_received), (3, 1, 300, 900));
        assert_eq!((totals.iterations, totals.iteration_failures, totals.service_time.count), (1, 1, 3));
        assert_eq!((totals.checks_passed, totals.checks_failed), (0, 1));
        assert_eq!(snapshot.series.len(), 2);
        assert_eq!(snapshot.top_failures.len(), 2);
        let first = &snapshot.top_failures[0];
        assert_eq!((first.scope, first.first_seen, first.last_seen), (FailureScope::Request, 2 * SECOND, 2 * SECOND));
    }

    #[test]
    fn a_summary_takes_what_the_last_row_left() {
        let mut collector = collector(1);
        request(&collector, 0, &sample("/a", Duration::from_millis(10)));
        collector.collect(SECOND);
        request(&collector, 0, &sample("/a", Duration::from_millis(30)));
        let summary = collector.finish(ending(SECOND * 5 / 4));
        assert_eq!((summary.total.count, summary.total.rate), (2, 1.6));
        assert_eq!(summary.requests.len(), 1);
        assert_eq!((summary.requests[0].scenario.as_str(), summary.requests[0].stats.count), ("buy", 2));
        let rows: Vec<_> = summary.series.iter().map(|row| (row.length, row.requests)).collect();
        assert_eq!(rows, [(SECOND, 1), (SECOND / 4, 1)]);
        assert_eq!(summary.iterations.len(), 2);
        assert_eq!((summary.warnings, summary.seed), (vec![], 7));
    }

    #[test]
    fn a_failure_is_seen_from_its_first_row_to_its_last() {
        let mut collector = collector(1);
        let failure = Some(Failure { kind: FailureKind::Status, reason: "status 500" });
        for second in 1..=4 {
            if second != 1 {
                request(&collector, 0, &Sample { failure, ..sample("/a", SECOND) });
            }
            collector.collect(second * SECOND);
        }
        let failures = collector.finish(ending(5 * SECOND)).failures;
        let seen = (failures[0].count, failures[0].first_seen, failures[0].last_seen);
        assert_eq!(seen, (3, 2 * SECOND, 4 * SECOND));
    }

    #[test]
    fn nothing_is_lost_or_counted_twice_while_threads_record() {
        const EACH: u64 = 20_000;
        let mut collector = collector(2);
        let recorders = collector.recorders().to_vec();
        std::thread::scope(|scope| {
            for (name, recorder) in ["/a", "/b"].into_iter().zip(&recorders) {
                scope.spawn(move || {
                    for micros in 1..=EACH {
                        let sample = sample(name, Duration::from_micros(micros));
                        recorder.record(|statistics| statistics.request(ScenarioId(0), &sample));
                    }
                });
            }
            let mut at = SECOND;
            while collector.collect(at).totals.requests < 2 * EACH {
                at += SECOND;
            }
        });
        let elapsed = SECOND + collector.series.last().map_or(SECOND, |row| row.at);
        let summary = collector.finish(ending(elapsed));
        let counts: Vec<_> = summary.requests.iter().map(|row| (row.name.as_str(), row.stats.count)).collect();
        assert_eq!(counts, [("/a", EACH), ("/b", EACH)]);
        assert_eq!(summary.series.iter().map(|row| row.requests).sum::<u64>(), 2 * EACH);
        assert_eq!(summary.total.service_time.max, EACH as f64 / 1e6);
    }

    #[test]
    fn a_run_that_ends_with_a_row_has_no_empty_one_behind_it() {
        let mut collector = collector(1);
        collector.collect(SECOND);
        assert_eq!(collector.finish(ending(SECOND)).series.len(), 1);
    }

    #[test]
    fn what_the_guest_timed_has_rows_of_its_own_and_is_in_no_total() {
        let mut collector = collector(1);
        request(&collector, 0, &sample("/a", Duration::from_millis(10)));
        request(&collector, 0, &Sample { timed_by_guest: true, ..sample("/a", Duration::from_millis(30)) });
        assert_eq!(collector.collect(SECOND).latest.requests, 1);
        let summary = collector.finish(ending(SECOND));
        assert_eq!(summary.total.count, 1);
        let rows: Vec<_> =
            summary.requests.iter().map(|row| (row.timed_by_guest, row.stats.service_time.max)).collect();
        assert_eq!(rows, [(false, 0.01), (true, 0.03)]);
    }

    #[test]
    fn phases_count_requests_without_them_as_zero() {
        let collector = collector(1);
        let mut first = sample("/a", Duration::from_millis(10));
        first.phases.connect = Duration::from_millis(4);
        request(&collector, 0, &first);
        for _ in 0..3 {
            request(&collector, 0, &sample("/a", Duration::from_millis(10)));
        }
        let total = collector.finish(ending(SECOND)).total;
        assert_eq!(total.phase_counts, [0, 0, 1, 0, 0, 4, 0]);
        let connect = total.phases[2];
        assert_eq!((connect.count, connect.min, connect.p75, connect.max, connect.mean), (4, 0.0, 0.0, 0.004, 0.001));
    }

    #[test]
    fn what_requests_did_with_connections_adds_up_over_threads_and_rows() {
        let mut collector = collector(2);
        let first = Transport { connections: 2, tls_full: 1, tls_resumed: 1, redirects: 1, http2: 2, reconnects: 0 };
        let kept = Transport { http2: 1, ..Transport::default() };
        let reopened = Transport { connections: 1, reconnects: 1, ..Transport::default() };
        request(&collector, 0, &Sample { transport: first, ..sample("/a", SECOND) });
        collector.collect(SECOND);
        request(&collector, 0, &Sample { transport: kept, ..sample("/a", SECOND) });
        request(&collector, 1, &Sample { transport: reopened, ..sample("/b", SECOND) });
        let summary = collector.finish(ending(2 * SECOND));

        let all =
            TransportCounts { connections: 3, tls_full: 1, tls_resumed: 1, reconnects: 1, redirects: 1, http2: 2 };
        let at_b = TransportCounts { connections: 1, reconnects: 1, ..TransportCounts::default() };
        assert_eq!(summary.total.transport, all);
        assert_eq!(summary.requests[1].stats.transport, at_b);
    }

    #[test]
    fn what_was_counted_leads_to_warnings() {
        let limits = Limits { names: 1, ..Limits::default() };
        let collector = Collector::new(vec!["only".to_string()], 1, limits);
        let recorder = &collector.recorders()[0];
        recorder.record(|statistics| {
            statistics.request(ScenarioId(0), &sample("/a", 2 * times::LIMIT));
            statistics.request(ScenarioId(0), &sample("/b", SECOND));
        });
        recorder.vu_failed();
        recorder.log_lines_dropped(3);
        let given = Warning::GracefulStopElapsed { iterations: 1 };
        let summary = collector.finish(Ending { warnings: vec![given.clone()], ..ending(SECOND) });
        let expected = [
            given,
            Warning::NamesOverLimit { what: "requests", limit: 1 },
            Warning::TimesClamped { count: 1, limit: times::LIMIT },
            Warning::VusFailed { count: 1 },
            Warning::LogLinesDropped { count: 3 },
        ];
        assert_eq!(summary.warnings, expected);
    }

    #[test]
    fn a_run_without_requests_says_so_unless_it_had_no_load() {
        assert_eq!(collector(1).finish(ending(SECOND)).warnings, [Warning::NoRequests]);
        let end = RunEnd::SetupFailed("no".to_string());
        assert_eq!(collector(1).finish(Ending { end, ..ending(SECOND) }).warnings, []);
    }

    #[test]
    fn interrupted_work_is_counted_apart() {
        let collector = collector(1);
        collector.recorders()[0].iteration_interrupted();
        collector.recorders()[0].requests_interrupted().fetch_add(2, Ordering::Relaxed);
        let summary = collector.finish(ending(SECOND));
        assert_eq!(summary.interrupted, Interrupted { requests: 2, iterations: 1 });
        assert_eq!(summary.total.count, 0);
    }
}
