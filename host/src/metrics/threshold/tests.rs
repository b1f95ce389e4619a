//! Rules against what a collector was given, second by second.

mod load;

use std::time::{Duration, SystemTime};

use super::*;
use crate::metrics::testing::{labels, sample};
use crate::metrics::{
    Collector, Ending, Limits, Recorder, RunEnd, ScenarioId, ScenarioLabel, Statistics, Summary, Warning,
};
use crate::sample::{Failure, FailureKind, Phases, Sample, Tags};

const SECOND: Duration = Duration::from_secs(1);
const BROWSE: ScenarioId = ScenarioId(0);
const BUY: ScenarioId = ScenarioId(1);
const FAILURE: Option<Failure<'static>> = Some(Failure { kind: FailureKind::Status, reason: "500" });

/// A run in two threads that goes on by calls.
struct Run {
    collector: Collector,
    at: Duration,
}

impl Run {
    /// One whose scenarios begin at once.
    fn new(rules: &[&str]) -> Run {
        let mut run = Run::without_load(rules);
        [BROWSE, BUY].iter().for_each(|scenario| run.collector.load_began(*scenario, Duration::ZERO));
        run
    }

    /// One of which no scenario has begun.
    fn without_load(rules: &[&str]) -> Run {
        let thresholds: Vec<Threshold> = rules.iter().map(|rule| rule.parse().expect("a threshold")).collect();
        let scenarios = scenarios();
        Run { collector: Collector::new(scenarios, 2, Limits::default(), &thresholds), at: Duration::ZERO }
    }

    fn recorder(&self) -> &Recorder {
        &self.collector.recorders()[1]
    }

    fn record(&self, record: impl FnOnce(&mut Statistics)) {
        self.recorder().record(record);
    }

    /// Records a request of `browse` in one thread and the same in the other.
    fn request(&self, sample: &Sample<'_>) {
        for recorder in self.collector.recorders() {
            recorder.record(|statistics| statistics.request(BROWSE, sample));
        }
    }

    /// Ends a second. The rules that fail then, with their figures; and whether one wants the run stopped.
    fn tick(&mut self) -> (Vec<(String, Option<f64>)>, bool) {
        self.at += SECOND;
        let snapshot = self.collector.collect(self.at);
        let failing = snapshot.failing_thresholds.into_iter().map(|outcome| (outcome.rule, outcome.observed)).collect();
        (failing, snapshot.aborting_threshold.is_some())
    }

    fn load_ended(&mut self, at: Duration) {
        [BROWSE, BUY].iter().for_each(|scenario| self.collector.load_ended(*scenario, at));
    }

    fn finish(self) -> Vec<ThresholdOutcome> {
        self.summary().thresholds
    }

    fn summary(self) -> Summary {
        self.collector.finish(Ending {
            version: "1.2.3".to_owned(),
            started_at: SystemTime::UNIX_EPOCH,
            elapsed: self.at,
            end: RunEnd::Completed,
            seed: 7,
            warnings: Vec::new(),
        })
    }
}

/// `browse` without tags, and `buy` of the team `checkout`, in the zone `east`.
fn scenarios() -> Vec<ScenarioLabel> {
    let mut scenarios = labels(&["browse", "buy"]);
    let tags = [("team", "checkout"), ("zone", "east")];
    scenarios[1].tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    scenarios
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What the only rule of a run observed, after a second in which `record` took place twice: once in each thread.
fn observed(rule: &str, record: impl Fn(&mut Statistics)) -> Option<f64> {
    let mut run = Run::new(&[rule]);
    run.collector.recorders().iter().for_each(|recorder| recorder.record(&record));
    run.tick();
    run.finish()[0].observed
}

fn problem(rule: &str, record: impl Fn(&mut Statistics)) -> String {
    let mut run = Run::new(&[rule]);
    run.record(record);
    run.tick();
    let [outcome] = &run.finish()[..] else { panic!("one rule has one outcome") };
    assert_eq!((outcome.passed, outcome.observed, outcome.failing_since), (false, None, None), "{rule}");
    outcome.problem.clone().expect("a problem")
}

#[test]
fn figures_of_requests_are_those_of_what_the_filter_chooses() {
    let tags = [("kind".to_owned(), "page".to_owned())];
    let record = |statistics: &mut Statistics| {
        let late = Sample { response_time: millis(90), ..sample("/a", millis(10)) };
        statistics.request(BROWSE, &late);
        statistics.request(BROWSE, &Sample { failure: FAILURE, status: 500, ..sample("/b", millis(20)) });
        let tags = Tags(&tags);
        statistics.request(BUY, &Sample { method: "POST", tags, status: 201, ..sample("/a", millis(40)) });
        statistics.request(BUY, &Sample { timed_by_guest: true, method: "SQL", status: 0, ..sample("/a", millis(80)) });
    };
    for (rule, expected) in [
        ("service_time: max < 1s", 0.04),
        ("service_time: min < 1s", 0.01),
        ("response_time: max < 1s", 0.09),
        ("response_time{name=/b}: max < 1s", 0.02),
        ("phase.wait: max < 1s", 0.04),
        ("phase.connect: max < 1s", 0.0),
        ("requests: count > 1", 6.0),
        ("requests: rate > 1", 6.0),
        ("requests: failures < 1", 2.0),
        ("requests{scenario=b*}: count > 1", 6.0),
        ("requests{scenario=buy}: count > 1", 2.0),
        ("requests{name=/a}: count > 1", 6.0),
        ("requests{name=/a, method=GET}: count > 1", 2.0),
        ("requests{method=SQL}: count > 1", 2.0),
        ("phase.wait{name=/a}: max < 1s", 0.04),
        ("requests{name=/*, status=2xx}: count > 1", 4.0),
        ("requests{status=500}: failure_rate > 0", 1.0),
        ("requests{status=404}: count == 0", 0.0),
        ("requests{tag.kind=pa*}: count > 1", 2.0),
        ("service_time{tag.kind=page, scenario=buy}: max < 1s", 0.04),
        ("service_time{tag.kind=page, status=201, name=/a}: max < 1s", 0.04),
        ("failure_rate{scenario=browse}: < 1 %", 0.5),
    ] {
        let found = observed(rule, record).unwrap_or_else(|| panic!("{rule} observed nothing"));
        assert!((found - expected).abs() <= expected * 0.001, "{rule}: {found}");
    }
}

#[test]
fn other_metrics_have_their_figures() {
    let record = |statistics: &mut Statistics| {
        statistics.iteration(BROWSE, millis(100), None);
        statistics.iteration(BUY, millis(300), FAILURE);
        statistics.task(BROWSE, "search", millis(50), None);
        statistics.transaction(BUY, "checkout", millis(200), FAILURE);
        (0..3).for_each(|at| statistics.check(BROWSE, "has a city", at > 0));
        statistics.add_counter(BROWSE, "orders", 2.5);
        statistics.add_rate(BROWSE, "hit", true);
        statistics.add_rate(BUY, "hit", false);
        [7.0, 3.0, 5.0].iter().zip(1..).for_each(|(value, at)| statistics.set_gauge(BUY, "depth", *value, at * SECOND));
        (1..=100).for_each(|value| statistics.add_trend(BUY, "cart", f64::from(value)));
    };
    for (rule, expected) in [
        ("iterations: max < 1s", 0.3),
        ("iterations{scenario=browse}: max < 1s", 0.1),
        ("iterations: rate > 1", 4.0),
        ("iterations: failure_rate < 1 %", 0.5),
        ("tasks{name=search}: mean < 1s", 0.05),
        ("transactions: failures < 1", 2.0),
        ("checks{name=\"has a city\"}: > 99 %", 4.0 / 6.0),
        ("checks: count > 1", 6.0),
        ("checks: failures < 1", 2.0),
        ("metric.orders: count > 1", 5.0),
        ("metric.orders: rate > 1", 5.0),
        ("metric.orders: rate > 1/s", 5.0),
        ("metric.hit: rate > 0.9", 0.5),
        ("metric.hit: rate > 90 %", 0.5),
        ("metric.hit{scenario=browse}: rate > 90 %", 1.0),
        ("metric.depth: value < 1", 5.0),
        ("metric.depth: min < 1", 3.0),
        ("metric.depth: max < 1", 7.0),
        ("metric.cart: p97 < 1", 97.0),
        ("metric.c*: mean < 1", 50.5),
    ] {
        assert_eq!(observed(rule, record), Some(expected), "{rule}");
    }
}

#[test]
fn dropped_iterations_are_counted_with_and_without_load() {
    let mut run = Run::new(&[
        "dropped_iterations: == 0",
        "dropped_iterations: rate < 5",
        "dropped_iterations{scenario=buy}: < 5",
        "dropped_iterations{scenario=browse}: < 5",
    ]);
    assert_eq!(run.tick(), (vec![], false));
    run.record(|statistics| statistics.dropped(BROWSE, 3));
    run.record(|statistics| statistics.dropped(BUY, 3));
    run.record(|statistics| statistics.missed(BUY, 2));
    let failing = run.tick().0;
    let expected = [("dropped_iterations: == 0", 8.0), ("dropped_iterations{scenario=buy}: < 5", 5.0)];
    assert_eq!(failing, expected.map(|(rule, observed)| (rule.to_owned(), Some(observed))));
    let summary = run.summary();
    let dropped: Vec<_> = summary.series.iter().map(|row| row.dropped_iterations).collect();
    assert_eq!((summary.dropped_iterations, dropped), (8, vec![0, 8]));
    assert_eq!(summary.iterations.iter().map(|row| row.dropped).collect::<Vec<_>>(), [3, 5]);
    let outcomes: Vec<_> = summary.thresholds.iter().map(|outcome| (outcome.passed, outcome.observed)).collect();
    assert_eq!(outcomes, [(false, Some(8.0)), (true, Some(4.0)), (false, Some(5.0)), (true, Some(3.0))]);
    assert!(summary.warnings.contains(&Warning::IterationsDropped { count: 8, missed: 2 }));
}

#[test]
fn tags_of_a_scenario_are_those_of_its_requests_unless_they_have_their_own() {
    let record = |statistics: &mut Statistics| {
        statistics.request(BROWSE, &sample("/a", millis(10)));
        statistics.request(BUY, &sample("/a", millis(20)));
        let tags = [("team".to_owned(), "search".to_owned())];
        let tags = Tags(&tags);
        statistics.request(BUY, &Sample { tags, ..sample("/a", millis(40)) });
        statistics.request(BROWSE, &Sample { tags, ..sample("/a", millis(80)) });
    };
    for (rule, expected) in [
        ("requests{tag.team=checkout}: count > 1", Some(2.0)),
        ("requests{tag.team=search}: count > 1", Some(4.0)),
        ("requests{tag.team=search, tag.zone=east}: count > 1", Some(2.0)),
        ("service_time{tag.zone=e*, scenario=buy}: max < 1s", Some(0.04)),
        ("requests{tag.zone=east, scenario=browse}: count > 1", None),
    ] {
        assert_eq!(observed(rule, record), expected, "{rule}");
    }
}

#[test]
fn a_rule_over_the_run_fails_since_its_last_failure_began() {
    let mut run = Run::new(&["failure_rate: < 50 %"]);
    for failure in [FAILURE, None, None, FAILURE, FAILURE, FAILURE] {
        run.request(&Sample { failure, ..sample("/a", SECOND) });
        run.tick();
    }
    // Failed until second 2 (1/1, 1/2), held at 3 and 4 (1/3, 2/4 is no less than half), failed from there on.
    let outcome = &run.finish()[0];
    assert_eq!((outcome.passed, outcome.observed), (false, Some(4.0 / 6.0)));
    assert_eq!((outcome.failing_since, outcome.windows), (Some(4 * SECOND), None));
}

#[test]
fn a_rule_that_holds_again_passes() {
    let mut run = Run::new(&["failure_rate: < 50 %"]);
    run.request(&Sample { failure: FAILURE, ..sample("/a", SECOND) });
    assert_eq!(run.tick().0.len(), 1);
    (0..2).for_each(|_| run.request(&sample("/a", SECOND)));
    assert_eq!(run.tick().0, []);
    let outcome = &run.finish()[0];
    assert_eq!((outcome.passed, outcome.failing_since), (true, None));
}

#[test]
fn a_count_to_be_reached_is_judged_at_the_end() {
    let rules = ["requests: count >= 4", "requests: count >= 5", "requests: count == 4", "requests: count != 4"];
    let mut run = Run::new(&rules);
    for _ in 0..2 {
        run.request(&sample("/a", SECOND));
        assert_eq!(run.tick().0, []);
    }
    let outcomes = run.finish();
    let passed: Vec<_> = outcomes.iter().map(|outcome| (outcome.passed, outcome.failing_since)).collect();
    assert_eq!(passed, [(true, None), (false, None), (true, None), (false, None)]);
}

#[test]
fn every_window_has_to_hold() {
    let mut run = Run::new(&["service_time: max < 100ms over 3s", "requests: rate >= 2/s over 3s"]);
    for time in [50, 50, 50, 150, 50, 50, 50, 60] {
        run.request(&sample("/a", millis(time)));
        run.tick();
    }
    let outcomes = run.finish();
    let [times, rate] = &outcomes[..] else { panic!("two rules have two outcomes") };
    // Windows end at seconds 3 to 8; those that end at 4, 5 and 6 have the slow one in them.
    assert_eq!(times.windows, Some(WindowCounts { judged: 6, failed: 3 }));
    assert_eq!((times.passed, times.observed, times.failing_since), (false, Some(0.15), Some(4 * SECOND)));
    assert_eq!((rate.passed, rate.observed, rate.failing_since), (true, Some(2.0), None));
    assert_eq!(rate.windows, Some(WindowCounts { judged: 6, failed: 0 }));
}

#[test]
fn windows_of_different_lengths_share_their_seconds() {
    let mut run =
        Run::new(&["service_time: max < 1s over 1s", "service_time: max < 1s over 4s", "service_time: max < 1s"]);
    for time in [30, 10, 20, 10, 10, 10] {
        run.request(&sample("/a", millis(time)));
        run.tick();
    }
    let judged = |outcome: &ThresholdOutcome| (outcome.windows.map(|windows| windows.judged), outcome.observed);
    let outcomes: Vec<_> = run.finish().iter().map(judged).collect();
    assert_eq!(outcomes, [(Some(6), Some(0.03)), (Some(3), Some(0.03)), (None, Some(0.03))]);
}

#[test]
fn a_run_shorter_than_the_window_is_one_window() {
    let mut run = Run::new(&["service_time: max < 100ms over 1m"]);
    run.request(&sample("/a", millis(150)));
    assert_eq!(run.tick().0, []);
    let outcome = &run.finish()[0];
    assert_eq!((outcome.passed, outcome.windows), (false, Some(WindowCounts { judged: 1, failed: 1 })));
}

#[test]
fn an_idle_window_fails_a_rate_and_says_nothing_of_times() {
    let mut run = Run::new(&["requests{name=/a}: rate > 1/s over 1s", "service_time{name=/a}: max < 1s over 1s"]);
    // Before the name occurred, nothing is judged.
    run.tick();
    for _ in 0..2 {
        run.request(&sample("/a", millis(10)));
        run.tick();
        run.tick();
    }
    let windows: Vec<_> = run.finish().iter().filter_map(|outcome| outcome.windows).collect();
    assert_eq!(windows, [WindowCounts { judged: 4, failed: 2 }, WindowCounts { judged: 2, failed: 0 }]);
}

#[test]
fn what_fades_at_the_end_fails_no_rule_that_wants_much() {
    let rules = ["requests: rate > 1/s over 1s", "requests: rate < 9/s over 1s", "service_time: max < 1s over 1s"];
    let mut run = Run::new(&rules);
    run.request(&sample("/a", millis(10)));
    run.tick();
    run.load_ended(SECOND);
    run.tick();
    let windows: Vec<_> = run.finish().iter().map(|outcome| outcome.windows.map(|windows| windows.judged)).collect();
    assert_eq!(windows, [Some(1), Some(2), Some(1)]);
}

#[test]
fn ticks_that_waver_make_neither_more_nor_fewer_windows() {
    let mut run = Run::new(&["requests: rate > 0/s over 2s"]);
    for at in [999, 2_001, 2_999, 4_000, 4_250] {
        run.request(&sample("/a", SECOND));
        run.collector.collect(millis(at));
        run.at = millis(at);
    }
    // Seconds 1 and 2, 2 and 3, 3 and 4, and these with the quarter of a second that is left.
    let outcome = &run.finish()[0];
    assert_eq!(outcome.windows, Some(WindowCounts { judged: 4, failed: 0 }));
}

#[test]
fn a_tick_at_the_very_end_judges_no_window_twice() {
    let mut run = Run::new(&["requests: rate > 100/s over 1s"]);
    run.request(&sample("/a", SECOND));
    run.tick();
    assert_eq!(run.finish()[0].windows, Some(WindowCounts { judged: 1, failed: 1 }));
}

#[test]
fn a_run_is_stopped_after_the_delay_and_while_the_rule_fails() {
    let mut run = Run::new(&["failure_rate: < 50 % abort after 3s", "failure_rate: < 1 %"]);
    let failures = [FAILURE, None, None, None, FAILURE, None, FAILURE, FAILURE, None];
    let aborts = failures.map(|failure| {
        run.request(&Sample { failure, ..sample("/a", SECOND) });
        run.tick().1
    });
    // Half of the requests had failed at the seconds 1, 2 and 8. What was asked for at 8 is not taken back.
    assert_eq!(aborts, [false, false, false, false, false, false, false, true, true]);
    let outcomes = run.finish();
    assert_eq!(outcomes.iter().map(|outcome| outcome.aborted).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_failing_window_stops_the_run_only_where_it_ends_after_the_delay() {
    let mut run = Run::new(&["service_time: max < 100ms over 1s abort after 2s"]);
    let ticks = [150, 50, 150].map(|time| {
        run.request(&sample("/a", millis(time)));
        run.tick().1
    });
    assert_eq!(ticks, [false, false, true]);
    let outcome = &run.finish()[0];
    assert_eq!((outcome.failing_since, outcome.aborted), (Some(SECOND), true));
}

#[test]
fn what_has_not_occurred_yet_stops_nothing() {
    let rules = ["service_time: max < 1s abort", "requests{name=/a}: rate > 1 abort", "checks: > 99 % abort"];
    let mut run = Run::new(&rules);
    run.request(&sample("/b", millis(10)));
    assert_eq!(run.tick(), (vec![], false));
}

#[test]
fn names_that_never_occurred_fail_with_near_ones() {
    let record = |statistics: &mut Statistics| {
        for name in ["/cities/{id}", "/cities", "/orders"] {
            statistics.request(BROWSE, &sample(name, millis(10)));
        }
        statistics.request(BUY, &Sample { method: "POST", ..sample("/orders", millis(10)) });
        statistics.check(BUY, "order has an id", true);
        statistics.transaction(BUY, "checkout", SECOND, None);
        statistics.set_gauge(BUY, "depth", 1.0, SECOND);
        statistics.add_counter(BUY, "orders", 1.0);
    };
    for (rule, expected) in [
        (
            r#"service_time{name="/citys/{id}"}: p95 < 1s"#,
            "no request was named `/citys/{id}`; did you mean `/cities/{id}`?",
        ),
        (
            "requests{name=/payments*}: count == 0",
            "no request was named `/payments*`; there were `/cities`, `/cities/{id}`, `/orders`",
        ),
        ("requests{method=get}: count > 1", "no request had the method `get`; did you mean `GET`?"),
        (
            "requests{method=POST, name=/cities}: count > 1",
            "there was no such request; name and method occurred, but never together",
        ),
        ("requests{scenario=buy, name=/cities}: rate > 1", "no request was named `/cities`; there were `/orders`"),
        ("requests{tag.kind=api*}: count > 1", "no such request had `tag.kind` `api*`"),
        (
            "requests{tag.zone=east, tag.team=chekcout}: count > 1",
            "no such request had `tag.zone` `east` and `tag.team` `chekcout`; did you mean `checkout`?",
        ),
        (
            "requests{tag.taem=checkout}: count > 1",
            "no such request had `tag.taem` `checkout`; did you mean `tag.team`?",
        ),
        ("requests{tag.taem=x, scenario=browse}: count > 1", "no such request had `tag.taem` `x`"),
        (
            "requests{name=/citie, tag.kind=api}: count > 1",
            "no request was named `/citie`; did you mean `/cities` or `/cities/{id}`?",
        ),
        ("service_time{status=500}: p95 < 1s", "no request came with such a status"),
        ("checks{name=\"order has id\"}: > 99 %", "no check was named `order has id`; did you mean `order has an id`?"),
        ("transactions{name=chekcout}: rate > 1", "no transaction was named `chekcout`; did you mean `checkout`?"),
        ("tasks{name=a}: rate > 1", "there was no task"),
        ("tasks: max < 1s", "there was no task"),
        ("iterations: max < 1s", "there was no iteration"),
        ("metric.order: count > 1", "no metric was named `order`; did you mean `orders`?"),
        ("metric.depth: mean > 1", "this metric is a gauge, which has `value`, `min` and `max`"),
        ("metric.orders: p95 > 1", "this metric is a counter, which has `count` and `rate`"),
        ("metric.orders: rate > 1 %", "this metric is a counter, which has `count` and `rate`"),
    ] {
        assert_eq!(problem(rule, record), expected, "{rule}");
    }
    assert_eq!(problem("failure_rate: < 1 %", |_| {}), "there was no request");
    assert_eq!(problem("requests{status=5xx}: count == 0", |_| {}), "there was no request");
    assert_eq!(problem("metric.a: value < 1", |_| {}), "there was no metric");
}

#[test]
fn many_names_are_not_all_listed() {
    let problem = problem("service_time{name=/x}: max < 1s", |statistics| {
        (0..1_001).for_each(|id| statistics.request(BROWSE, &sample(&format!("/things/{id:04}"), SECOND)));
    });
    let expected = "no request was named `/x`; there were `/things/0000`, `/things/0001`, `/things/0002`, `/things/0003`, \
                    `/things/0004` and 995 more; it may be among `(other)`, for there were too many names";
    assert_eq!(problem, expected);
}

#[test]
fn response_times_are_whole_though_only_some_differ() {
    let mut run = Run::new(&["response_time: min < 1s", "service_time: max < 1s"]);
    run.request(&sample("/a", millis(10)));
    run.tick();
    run.request(&Sample { response_time: millis(500), ..sample("/a", millis(20)) });
    run.tick();
    run.request(&sample("/b", millis(30)));
    run.tick();
    let summary = run.summary();
    let times = |stats: &crate::metrics::RequestStats| {
        let times = [stats.service_time, stats.response_time];
        times.map(|times| (times.count, times.min, times.max))
    };
    assert_eq!(times(&summary.total), [(6, 0.01, 0.03), (6, 0.01, 0.5)]);
    assert_eq!(times(&summary.requests[0].stats), [(4, 0.01, 0.02), (4, 0.01, 0.5)]);
    assert_eq!(times(&summary.requests[1].stats), [(2, 0.03, 0.03); 2]);
    assert_eq!(summary.thresholds.iter().map(|outcome| outcome.observed).collect::<Vec<_>>(), [Some(0.01), Some(0.03)]);
}

/// Bytes that rules hold after so many seconds, each with as many requests of other times.
fn held(rules: &[&str], seconds: u32) -> usize {
    let thresholds: Vec<Threshold> = rules.iter().map(|rule| rule.parse().expect("a threshold")).collect();
    let mut judge = Judge::new(&thresholds, &scenarios());
    let mut second = Statistics::with_selections(Limits::default(), judge.selections());
    for at in 1..=seconds {
        for request in 0..100 {
            let phases = Phases { wait: millis(1 + request), ..Phases::default() };
            second.request(BROWSE, &Sample { phases, ..sample("/a", millis(1 + request)) });
        }
        judge.gather(&second);
        judge.advance(at * SECOND, SECOND);
        second.clear();
    }
    judge.heap_bytes()
}

#[test]
fn memory_is_that_of_the_longest_window() {
    let rules = ["service_time: p95 < 1s", "service_time: p95 < 1s over 5s", "service_time: p99 < 1s over 10s"];
    assert_eq!(held(&rules, 30), held(&rules, 300));
    assert_eq!(held(&rules, 30), held(&rules[2..], 30), "shorter windows and the run are had from the same");
    assert!(held(&rules, 30) > 5 * held(&rules[..1], 300));
    assert_eq!(held(&[], 300), 0);
    assert_eq!(held(&["checks: > 1 % over 10m"], 300), 0, "requests are not kept for rules on others");
}
