//! Rules in a run whose scenarios come and go, and pause.

use super::*;
use crate::metrics::{LoadChange, LoadChanged};

impl Run {
    /// Goes on for some seconds, with so many requests of a scenario in each; whether a rule wants the run stopped then.
    fn go_on(&mut self, seconds: u32, scenario: ScenarioId, requests: u32) -> bool {
        let mut second = || {
            let request = |statistics: &mut Statistics| statistics.request(scenario, &sample("/a", millis(10)));
            (0..requests).for_each(|_| self.record(request));
            self.tick().1
        };
        (0..seconds).map(|_| second()).last().unwrap_or_default()
    }

    fn paused(&mut self, at: Duration) {
        self.collector.load_changed(LoadChange { at, what: LoadChanged::Paused });
    }

    fn resumed(&mut self, at: Duration) {
        self.collector.load_changed(LoadChange { at, what: LoadChanged::Resumed });
    }
}

/// Whether each rule passed, what it observed, and how many windows of it were judged.
fn passed(outcomes: &[ThresholdOutcome]) -> Vec<(bool, Option<f64>, Option<u64>)> {
    let judged = |outcome: &ThresholdOutcome| outcome.windows.map(|windows| windows.judged);
    outcomes.iter().map(|outcome| (outcome.passed, outcome.observed, judged(outcome))).collect()
}

#[test]
fn a_scenario_that_starts_late_has_its_rate_from_there_on() {
    let mut run = Run::without_load(&[
        "requests{scenario=buy}: rate > 1/s over 2s",
        "requests{scenario=buy}: rate > 1/s abort",
        "requests{scenario=buy}: rate < 9/s over 2s",
        "requests: rate > 1/s over 2s abort",
        "requests: rate > 1/s",
    ]);
    run.collector.load_began(BROWSE, Duration::ZERO);
    assert!(!run.go_on(3, BROWSE, 2));
    // It is told within the second in which it happened, and nothing is wanted of the rest of that.
    run.collector.load_began(BUY, millis(3_900));
    assert!(!run.go_on(1, BROWSE, 2));
    run.collector.load_ended(BROWSE, 4 * SECOND);
    assert!(!run.go_on(2, BUY, 3));
    let expected = [
        (true, Some(3.0), Some(1)),
        (true, Some(6.0 / 2.1), None),
        (true, Some(3.0), Some(5)),
        (true, Some(2.0), Some(4)),
        (true, Some(14.0 / 6.0), None),
    ];
    assert_eq!(passed(&run.finish()), expected);
}

#[test]
fn a_rate_is_missed_where_there_was_load_for_it() {
    let rules = ["requests{scenario=buy}: rate > 4/s over 2s", "requests{scenario=buy}: rate > 4/s abort"];
    let mut run = Run::without_load(&rules);
    run.collector.load_began(BROWSE, Duration::ZERO);
    assert!(!run.go_on(4, BROWSE, 9));
    run.collector.load_began(BUY, 4 * SECOND);
    assert!(run.go_on(2, BUY, 3));
    let outcomes = run.finish();
    assert_eq!(passed(&outcomes), [(false, Some(3.0), Some(1)), (false, Some(3.0), None)]);
    let since: Vec<_> = outcomes.iter().map(|outcome| outcome.failing_since).collect();
    assert_eq!(since, [Some(6 * SECOND), Some(5 * SECOND)]);
}

#[test]
fn nothing_is_wanted_of_a_pause() {
    let mut run = Run::new(&[
        "requests: rate > 15/s",
        "requests: rate > 15/s abort",
        "requests: count > 30 over 2s abort",
        "requests: rate < 30/s over 2s",
        "requests{status=500}: count == 0 over 2s",
    ]);
    run.go_on(3, BROWSE, 20);
    run.paused(3 * SECOND);
    assert!(!run.go_on(4, BROWSE, 0));
    run.resumed(8 * SECOND);
    assert!(!run.go_on(1, BROWSE, 0));
    assert!(!run.go_on(3, BROWSE, 20));
    let expected = [
        (true, Some(20.0), None),
        (true, Some(20.0), None),
        (true, Some(40.0), Some(4)),
        (true, Some(20.0), Some(10)),
        (true, Some(0.0), Some(10)),
    ];
    assert_eq!(passed(&run.finish()), expected);
}

#[test]
fn nothing_is_wanted_of_the_graceful_stop() {
    let mut run = Run::new(&[
        "requests: rate > 15/s abort",
        "requests: rate > 15/s over 2s abort",
        "metric.orders: rate > 1 over 2s",
        "requests{status=200}: count == 0 over 2s",
    ]);
    for _ in 0..4 {
        run.record(|statistics| statistics.add_counter(BROWSE, "orders", 2.0));
        run.go_on(1, BROWSE, 20);
    }
    run.load_ended(4 * SECOND);
    assert!(!run.go_on(3, BROWSE, 1));
    let expected = [
        (true, Some(83.0 / 4.0), None),
        (true, Some(20.0), Some(3)),
        (true, Some(2.0), Some(3)),
        (false, Some(40.0), Some(6)),
    ];
    assert_eq!(passed(&run.finish()), expected);
}

#[test]
fn a_custom_rate_without_a_unit_is_a_share_where_shares_were_recorded() {
    let mut run = Run::new(&["metric.hit: rate > 0.5 over 1s"]);
    run.record(|statistics| statistics.add_rate(BROWSE, "hit", true));
    run.tick();
    run.load_ended(SECOND);
    run.record(|statistics| statistics.add_rate(BROWSE, "hit", false));
    run.tick();
    assert_eq!(passed(&run.finish()), [(false, Some(0.0), Some(2))]);
}

#[test]
fn windows_none_of_which_had_load_throughout_are_the_whole_run() {
    let mut run = Run::new(&["requests: rate > 15/s over 4s"]);
    run.go_on(2, BROWSE, 20);
    run.paused(2 * SECOND);
    run.resumed(3 * SECOND);
    run.go_on(1, BROWSE, 0);
    run.go_on(2, BROWSE, 20);
    run.load_ended(5 * SECOND);
    run.go_on(1, BROWSE, 0);
    assert_eq!(passed(&run.finish()), [(true, Some(20.0), Some(1))]);
}

#[test]
fn without_load_there_is_no_rate() {
    let rules = ["requests: rate > 1/s abort", "dropped_iterations: rate < 1/s abort"];
    let mut run = Run::without_load(&rules);
    assert_eq!(run.tick(), (vec![], false));
    assert_eq!(passed(&run.finish()), [(false, Some(0.0), None), (true, Some(0.0), None)]);
}

#[test]
fn a_rule_that_stopped_the_run_has_failed() {
    let mut run = Run::new(&["failure_rate: < 50 % abort", "failure_rate: < 50 %"]);
    run.request(&sample("/a", SECOND));
    assert!(!run.tick().1);
    run.request(&Sample { failure: FAILURE, ..sample("/a", SECOND) });
    assert!(run.tick().1);
    run.load_ended(run.at);
    run.request(&sample("/a", SECOND));
    let (failing, aborts) = run.tick();
    assert_eq!((failing, aborts), (vec![("failure_rate: < 50 % abort".to_owned(), Some(0.5))], true));
    let outcomes = run.finish();
    assert_eq!(passed(&outcomes), [(false, Some(0.5), None), (true, Some(1.0 / 3.0), None)]);
    assert_eq!((outcomes[0].failing_since, outcomes[0].aborted), (Some(2 * SECOND), true));
}

#[test]
fn a_run_that_stops_already_is_not_stopped_by_a_rule() {
    let mut run = Run::new(&["failure_rate: < 50 % abort"]);
    run.request(&sample("/a", SECOND));
    run.tick();
    run.load_ended(run.at);
    run.request(&Sample { failure: FAILURE, ..sample("/a", SECOND) });
    assert!(!run.tick().1);
    let outcome = &run.finish()[0];
    assert_eq!((outcome.passed, outcome.aborted), (false, false));
}

#[test]
fn tags_are_wanted_where_a_rule_chooses_by_them() {
    let wanted = |rules: &[&str]| Run::new(rules).collector.wants_tags();
    assert!(!wanted(&[]));
    assert!(!wanted(&["requests{status=5xx}: count == 0", "service_time{name=/a}: p95 < 1s"]));
    assert!(wanted(&["requests{status=5xx}: count == 0", "requests{tag.kind=page}: count > 1"]));
}
