//! What threads recorded, row by row and in the end.

use super::*;
use crate::metrics::testing::{labels, sample};
use crate::metrics::{FailureScope, ScenarioId, TransportCounts};
use crate::sample::{Failure, FailureKind, Sample, Transport};

const SECOND: Duration = Duration::from_secs(1);

fn collector(threads: usize) -> Collector {
    Collector::new(labels(&["browse", "buy"]), threads, Limits::default(), &[])
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
fn names_have_their_part_of_every_block() {
    let mut collector = collector(2);
    let failure = Some(Failure { kind: FailureKind::Status, reason: "status 500" });
    for second in 1..=125 {
        for thread in [0, 1] {
            request(&collector, thread, &Sample { failure, ..sample("/all", second * SECOND) });
        }
        if second == 3 {
            request(&collector, 0, &sample("/once", SECOND));
        }
        collector.collect(second * SECOND);
    }
    let summary = collector.finish(ending(125 * SECOND));
    let ends = [2, 4, 122, 124, 125].map(|end| end * SECOND);
    assert_eq!((summary.blocks.len(), &summary.blocks[..2], &summary.blocks[60..]), (63, &ends[..2], &ends[2..]));
    let block = |count, failures, mean_service_time| RequestBlock { count, failures, mean_service_time };
    let [all, once] = &summary.requests[..] else { panic!("two names") };
    assert_eq!((all.blocks[0], all.blocks[62]), (block(4, 4, 1.5), block(2, 2, 125.0)));
    assert_eq!(once.blocks.len(), 63);
    assert_eq!(once.blocks[..3], [block(0, 0, 0.0), block(1, 0, 1.0), block(0, 0, 0.0)]);
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
    let rows: Vec<_> = summary.requests.iter().map(|row| (row.timed_by_guest, row.stats.service_time.max)).collect();
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

    let all = TransportCounts { connections: 3, tls_full: 1, tls_resumed: 1, reconnects: 1, redirects: 1, http2: 2 };
    let at_b = TransportCounts { connections: 1, reconnects: 1, ..TransportCounts::default() };
    assert_eq!(summary.total.transport, all);
    assert_eq!(summary.requests[1].stats.transport, at_b);
}

#[test]
fn scenarios_of_the_open_model_tell_how_late_they_began_and_what_they_dropped() {
    let mut scenarios = labels(&["browse", "buy", "closed"]);
    scenarios[2].open_model = false;
    let mut collector = Collector::new(scenarios, 2, Limits::default(), &[]);
    for recorder in collector.recorders() {
        recorder.record(|statistics| {
            statistics.started_late(ScenarioId(0), SECOND);
            statistics.dropped(ScenarioId(1), 3);
        });
    }
    assert_eq!(collector.collect(SECOND).totals.dropped_iterations, 6);
    collector.recorders()[0].record(|statistics| {
        statistics.started_late(ScenarioId(1), 3 * SECOND);
        statistics.dropped(ScenarioId(0), 1);
    });
    let summary = collector.finish(ending(2 * SECOND));
    let late = |times: &crate::metrics::Distribution| (times.count, times.max);
    let rows: Vec<_> = summary.iterations.iter().map(|row| (row.dropped, row.start_delay.as_ref().map(late))).collect();
    assert_eq!(rows, [(1, Some((2, 1.0))), (6, Some((1, 3.0))), (0, None)]);
    assert_eq!((summary.open_model, summary.dropped_iterations, late(&summary.start_delay)), (true, 7, (3, 3.0)));
    assert_eq!(summary.series.iter().map(|row| row.dropped_iterations).collect::<Vec<_>>(), [6, 1]);
    assert!(summary.is_open_model("buy") && !summary.is_open_model("closed") && !summary.is_open_model("other"));
}

#[test]
fn rows_of_a_run_with_an_open_model_have_response_times_of_their_own() {
    let rows = |open_model: bool| {
        let mut scenarios = labels(&["browse", "buy"]);
        scenarios.iter_mut().for_each(|scenario| scenario.open_model = open_model && scenario.name == "buy");
        let mut collector = Collector::new(scenarios, 2, Limits::default(), &[]);
        let response_time = if open_model { 3 * SECOND } else { SECOND };
        request(&collector, 0, &Sample { response_time, ..sample("/a", SECOND) });
        request(&collector, 1, &sample("/b", SECOND));
        collector.collect(SECOND);
        request(&collector, 0, &sample("/a", SECOND));
        let rows = collector.finish(ending(2 * SECOND)).series;
        rows.iter().map(|row| (row.response_time.count, row.response_time.mean)).collect::<Vec<_>>()
    };
    assert_eq!(rows(true), [(2, 2.0), (1, 1.0)]);
    assert_eq!(rows(false), [(2, 1.0), (1, 1.0)]);
}

#[test]
fn what_a_person_changes_is_told_at_once_and_in_the_end() {
    use crate::metrics::LoadChanged::{Factor, Paused, Stopped};
    let mut collector = collector(1);
    let snapshot = collector.collect(SECOND);
    assert_eq!((snapshot.changes, snapshot.paused, snapshot.factor), (&[][..], false, 1.0));
    let changes = [(1, Factor(1.5)), (2, Paused), (3, Stopped)].map(|(at, what)| LoadChange { at: at * SECOND, what });
    changes[..2].iter().for_each(|change| collector.load_changed(*change));
    let snapshot = collector.collect(2 * SECOND);
    assert_eq!((snapshot.changes, snapshot.paused, snapshot.factor), (&changes[..2], true, 1.5));
    collector.load_changed(changes[2]);
    assert_eq!(collector.finish(ending(3 * SECOND)).changes, changes);
}

#[test]
fn what_was_counted_leads_to_warnings() {
    let limits = Limits { names: 1, ..Limits::default() };
    let collector = Collector::new(labels(&["only"]), 1, limits, &[]);
    let recorder = &collector.recorders()[0];
    recorder.record(|statistics| {
        statistics.request(ScenarioId(0), &sample("/a", 2 * times::LIMIT));
        statistics.request(ScenarioId(0), &sample("/b", SECOND));
    });
    recorder.vu_failed();
    recorder.log_lines_dropped(3);
    recorder.waited_for_turn(SECOND);
    recorder.waited_for_turn(2 * SECOND);
    let given = Warning::GracefulStopElapsed { iterations: 1 };
    let summary = collector.finish(Ending { warnings: vec![given.clone()], ..ending(SECOND) });
    let expected = [
        given,
        Warning::NamesOverLimit { what: "requests", limit: 1 },
        Warning::TimesClamped { count: 1, limit: times::LIMIT },
        Warning::VusFailed { count: 1 },
        Warning::VusHeldBack { turns: 2, waited: 3 * SECOND },
        Warning::LogLinesDropped { count: 3 },
    ];
    assert_eq!(summary.warnings, expected);
}

#[test]
fn short_waits_for_a_turn_are_not_worth_a_warning() {
    let warnings = |waited| {
        let collector = collector(1);
        collector.recorders()[0].waited_for_turn(waited);
        collector.finish(ending(10 * SECOND)).warnings
    };
    assert_eq!(warnings(SECOND / 10), [Warning::NoRequests]);
    assert!(warnings(SECOND / 5).contains(&Warning::VusHeldBack { turns: 1, waited: SECOND / 5 }));
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
