//! Thresholds: which of them hold, what is said of those that don't, and what comes of it.

mod filters;
mod times;

use serde_json::{Value, json};

use crate::support::figures::{count, number, rows};
use crate::support::program::{Ran, Wasmload, counts, guest, named};
use crate::support::running::Running;
use crate::support::server::{Gate, Server};
use crate::support::untouched::Untouched;

/// The program with these thresholds.
fn with_rules(program: Wasmload, rules: &[&str]) -> Wasmload {
    rules.iter().fold(program, |program, rule| program.arg("--threshold").arg(rule))
}

/// What came of that threshold.
#[track_caller]
fn outcome<'a>(summary: &'a Value, rule: &str) -> &'a Value {
    let outcome = rows(summary, "thresholds").iter().find(|outcome| outcome["rule"] == rule);
    outcome.unwrap_or_else(|| panic!("no outcome of {rule} in {:#}", summary["thresholds"]))
}

/// Runs three virtual users of `metrics` on two threads, with four iterations each, under these thresholds.
#[track_caller]
fn measure(rules: &[&str], code: i32) -> Ran {
    let server = Server::start();
    let program = Wasmload::run("metrics").against(&server).with("-u 3 --iterations-per-user 4 --threads 2");
    let ran = with_rules(program, rules).output().expect(code);
    assert_eq!(server.requests().len(), 12);
    ran
}

/// A rule of each family, the text of its observed figure where that is not a matter of time, and its contrary.
const FAMILIES: [(&str, Option<f64>, &str); 19] = [
    ("service_time: max < 1h", None, "service_time: max > 1h"),
    ("response_time: p99.9 <= 1h", None, "response_time: p99.9 > 1h"),
    ("phase.wait{name=\"/\"}: p95 < 1h", None, "phase.wait{name=\"/\"}: p95 > 1h"),
    ("phase.tls: max == 0s", Some(0.0), "phase.tls: max > 0s"),
    ("requests: count == 12", Some(12.0), "requests: count > 12"),
    ("requests: rate > 0/s", None, "requests: rate < 0.001/s"),
    ("failure_rate: < 1%", Some(0.0), "failure_rate: > 0 %"),
    ("iterations: count >= 12", Some(12.0), "iterations: count < 12"),
    ("dropped_iterations: == 0", Some(0.0), "dropped_iterations: > 0"),
    ("checks{name=always}: == 100%", Some(1.0), "checks{name=always}: < 100%"),
    ("checks{name=\"first iteration only\"}: failures == 9", Some(9.0), "checks{name=\"first*\"}: failures < 9"),
    ("checks: rate >= 60 %", Some(0.625), "checks: rate >= 63 %"),
    ("transactions{name=ended}: count == 12", Some(12.0), "transactions{name=ended}: failures > 0"),
    ("transactions{name=failed}: failure_rate == 1", Some(1.0), "transactions{name=failed}: failure_rate < 1"),
    ("metric.items: count == 30", Some(30.0), "metric.items: count < 30"),
    ("metric.queue: max <= 3", Some(3.0), "metric.queue: max < 3"),
    ("metric.hits: rate == 50%", Some(0.5), "metric.hits: rate > 50%"),
    ("metric.price: max < 31", Some(30.0), "metric.price: max < 30"),
    ("service_time{method=SQL, name=\"select*\"}: max <= 12.1ms", None, "service_time{method=SQL}: min > 13ms"),
];

#[test]
fn each_family_has_thresholds_that_hold() {
    let ran = measure(&FAMILIES.map(|(rule, ..)| rule), 0);
    let summary = ran.summary();
    assert_eq!(summary["end"], json!({"reason": "completed"}));
    for (rule, observed, _) in FAMILIES {
        let outcome = outcome(&summary, rule);
        assert_eq!(
            (&outcome["passed"], &outcome["failing_since_seconds"]),
            (&json!(true), &Value::Null),
            "{outcome:#}"
        );
        assert!(outcome["observed"].is_number() && outcome["problem"].is_null(), "{outcome:#}");
        if let Some(observed) = observed {
            assert_eq!(outcome["observed"], observed, "{rule}");
        }
        assert!(ran.stdout.contains(&format!("  ✓ {rule}")), "{rule}:\n{}", ran.stdout);
    }
}

#[test]
fn each_family_has_thresholds_that_fail() {
    let ran = measure(&FAMILIES.map(|(.., contrary)| contrary), 99);
    let summary = ran.summary();
    // A rule that does not hold is no reason to stop, unless it says so.
    assert_eq!(summary["end"], json!({"reason": "completed"}));
    for (_, _, rule) in FAMILIES {
        let outcome = outcome(&summary, rule);
        assert_eq!((&outcome["passed"], &outcome["aborted"]), (&json!(false), &json!(false)), "{outcome:#}");
        assert!(outcome["observed"].is_number() && outcome["problem"].is_null(), "{outcome:#}");
        assert!(ran.stdout.contains(&format!("  ✗ {rule}")), "{rule}:\n{}", ran.stdout);
    }
}

#[test]
fn one_threshold_that_fails_is_enough() {
    measure(&["requests: count == 12", "failure_rate: > 0", "checks{name=always}: > 99%"], 99);
}

#[test]
fn the_summary_says_by_how_much_and_since_when() {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("--rate 10/s -i 30");
    // The sixteenth request is due after 1.5 s, and seconds are judged as they end.
    let ran = with_rules(program, &["requests: count <= 15", "requests: count >= 31"]).output().expect(99);
    assert_eq!(server.requests().len(), 30);
    let (summary, rule) = (ran.summary(), "requests: count <= 15");
    let outcome = outcome(&summary, rule);
    assert_eq!(
        (&outcome["observed"], &outcome["bound"], &outcome["unit"]),
        (&json!(30.0), &json!(15.0), &json!("count"))
    );
    let since = number(outcome, "/failing_since_seconds");
    assert!((2.0..3.0).contains(&since), "{since}");
    let line = |rule: &str| ran.stdout.lines().find(|line| line.contains(rule)).unwrap_or_default();
    assert_eq!(line(rule), format!("  ✗ {rule}  30, 15 above, since 00:02"));
    // What has to be reached by the end did not cease to hold at any time.
    assert_eq!(line("requests: count >= 31"), "  ✗ requests: count >= 31  30, 1 below");
}

#[test]
fn a_threshold_can_stop_the_run() {
    let rule = "requests{status=200}: count < 10 abort";
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("--rate 100/s -t 1h");
    let ran = with_rules(program, &["failure_rate: < 1%", rule]).output().expect(99);
    let summary = ran.summary();
    let made = count(&summary, "/total/count");
    assert!((10..10_000).contains(&made), "{made} of 360,000");
    assert_eq!(made, server.requests().len() as u64);
    assert_eq!(summary["end"], json!({"reason": "threshold-failed", "message": rule}));
    assert_eq!(
        (&outcome(&summary, rule)["aborted"], &outcome(&summary, rule)["passed"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(outcome(&summary, "failure_rate: < 1%")["passed"], true);
    // Iterations under way got their time.
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}));
    assert!(ran.stdout.contains(&format!("Stopped early by the threshold {rule}")), "{}", ran.stdout);
    assert!(ran.stdout.contains(", stopped the run"), "{}", ran.stdout);
}

#[test]
fn a_threshold_can_wait_before_it_stops_the_run() {
    let server = Server::with_status(503);
    let program = Wasmload::run("status_only").against(&server).with("-q -u 2 -t 1h --pacing 20ms");
    let summary = with_rules(program, &["failure_rate: < 50% abort after 2s"]).output().expect(99).summary();
    assert!(number(&summary, "/elapsed_seconds") >= 2.0, "{summary:#}");
    assert!(number(&summary, "/thresholds/0/failing_since_seconds") < 2.0, "{summary:#}");
    assert_eq!(summary["thresholds"][0]["observed"], 1.0);
}

#[test]
fn a_threshold_that_would_stop_a_run_that_is_over_changes_no_end() {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("-q -i 3");
    let summary = with_rules(program, &["requests: count < 3 abort"]).output().expect(99).summary();
    assert_eq!(summary["end"], json!({"reason": "completed"}));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn windows_see_what_the_whole_run_hides() {
    let server = Server::start();
    // Ten in the first second and in the last, thirty between.
    let burst = "--rate 10/s --stages 1s:10/s,0s:30/s,1s:30/s,0s:10/s,1s:10/s";
    let program = Wasmload::run("status_only").against(&server).with("-q").with(burst);
    let rules = ["requests: rate < 21/s", "requests: rate < 21/s over 1s", "requests: count < 100 over 2s"];
    let summary = with_rules(program, &rules).output().expect(99).summary();
    assert_eq!(server.requests().len() as u64 + count(&summary, "/dropped_iterations"), 50);
    assert_eq!(
        (&outcome(&summary, rules[0])["passed"], &outcome(&summary, rules[0])["windows"]),
        (&json!(true), &json!(null))
    );
    let failed = outcome(&summary, rules[1]);
    assert_eq!(failed["windows"]["failed"], 1, "{failed:#}");
    assert!(count(failed, "/windows/judged") >= 3, "{failed:#}");
    assert!((25.0..35.0).contains(&number(failed, "/observed")), "{failed:#}");
    assert!((2.0..3.0).contains(&number(failed, "/failing_since_seconds")), "{failed:#}");
    let held = outcome(&summary, rules[2]);
    assert_eq!((&held["passed"], &held["windows"]["failed"]), (&json!(true), &json!(0)), "{held:#}");
}

#[test]
fn dropped_iterations_and_late_ones_have_thresholds() {
    let server = Server::gated(Gate::of(1_000));
    let program = Wasmload::run("status_only").against(&server).with("--rate 50/s -t 500ms --max-vus 1");
    let rules = ["dropped_iterations: count < 10", "dropped_iterations: rate < 1/s"];
    let ran = with_rules(program, &rules).with("--graceful-stop 0s").output().expect(99);
    let summary = ran.summary();
    assert_eq!(server.requests().len(), 1);
    assert_eq!(outcome(&summary, rules[0])["observed"], 24.0);
    assert!(ran.stdout.contains("24, 14 above"), "{}", ran.stdout);
    assert_eq!(outcome(&summary, rules[1])["unit"], "per-second");
}

#[test]
fn a_threshold_on_what_never_occurred_fails_and_names_what_is_near() {
    let rules = [
        (
            "service_time{name=checkout}: p95 < 1s",
            "no request was named `checkout`; there were `/`, `insert city`, `select city`",
        ),
        (
            "service_time{name=\"select cities\"}: p95 < 1s",
            "no request was named `select cities`; did you mean `select city`?",
        ),
        ("requests{method=PUT}: count < 100", "no request had the method `PUT`; did you mean "),
        ("checks{name=allways}: > 99%", "no check was named `allways`; did you mean `always`?"),
        ("metric.prize: p95 < 100", "no metric was named `prize`; did you mean `price`?"),
        ("metric.items: p95 < 100", "this metric is a counter"),
        ("transactions{name=endet}: count > 1", "no transaction was named `endet`; did you mean `ended`?"),
        ("requests{tag.page=home}: count >= 0", "no such request had `tag.page` `home`"),
        ("tasks{name=browse}: count > 1", "there was no task"),
    ];
    let ran = measure(&rules.map(|(rule, _)| rule), 99);
    let summary = ran.summary();
    for (rule, problem) in rules {
        let outcome = outcome(&summary, rule);
        assert_eq!((&outcome["passed"], &outcome["observed"]), (&json!(false), &Value::Null), "{outcome:#}");
        let said = outcome["problem"].as_str().unwrap_or_default();
        assert!(said.starts_with(problem), "{rule}: {said}");
    }
    assert!(ran.stdout.contains("did you mean `select city`?"), "{}", ran.stdout);
}

#[test]
fn a_threshold_of_a_run_whose_requests_all_fail_is_judged() {
    let server = Server::with_status(500);
    let program = Wasmload::run("status_only").against(&server).with("-q -i 4");
    let rules = ["failure_rate: <= 50%", "service_time: max < 1h"];
    let summary = with_rules(program, &rules).output().expect(99).summary();
    assert_eq!(counts(&summary["total"]), (4, 4));
    assert_eq!(outcome(&summary, rules[0])["observed"], 1.0);
    assert_eq!(outcome(&summary, rules[1])["passed"], true);
}

#[test]
fn an_interrupted_run_with_a_threshold_that_fails_says_so_by_its_exit_code() {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("-q --rate 50/s -t 1h");
    let running = Running::start(with_rules(program, &["requests: count < 1"]));
    server.wait_for(3);
    running.interrupt();
    let summary = running.finish().expect(99).summary();
    assert_eq!(summary["end"], json!({"reason": "interrupted", "forced": false}));
    assert_eq!(summary["thresholds"][0]["passed"], false);
}

#[test]
fn texts_that_are_no_threshold_are_refused() {
    for (rule, reason) in [
        (
            "service_tim: p95 < 200ms",
            "at character 1 (`service_tim: p95 < 200ms`): `service_tim` is no metric; did you mean `service_time`?",
        ),
        ("http_req_duration: p95 < 200", "`http_req_duration` is no metric; `service_time` comes closest to it"),
        ("service_time: p95 < 200", "a time wants its unit; write `200ms` or `200s`"),
        ("service_time p95 < 200ms", "a `:` is missing"),
        ("service_time{nam=x}: p95 < 200ms", "requests can't be chosen by `nam`"),
        ("requests: count > 5 abort", "so it can't abort"),
        (
            "service_time{scenario=other}: p95 < 1s",
            "no scenario of the run is named `other`; the run has `status_only`",
        ),
    ] {
        let target = Untouched::new();
        let program = Wasmload::new(["run".as_ref(), guest("status_only").as_os_str()]).with("-i 1");
        let ran = with_rules(program, &[rule]).arg("--host").arg(target.url()).output().expect(104);
        target.assert_untouched();
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(rule), "{}", ran.stderr);
        assert!(ran.stderr.contains(reason), "`{reason}` is missing: {}", ran.stderr);
    }
}

#[test]
fn thresholds_stand_in_plan_files_too() {
    let plan = r#"
        threshold = ["requests: count == 3", "service_time{scenario=named}: max < 1h"]
        iterations = 3
        [[scenario]]
        name = "named"
        component = "guests/status_only.wasm"
    "#;
    for (more, code) in [("", 0), ("failure_rate: > 0", 99)] {
        let server = Server::start();
        let program = Wasmload::run_plan(plan).against(&server).with("-q");
        let program = if more.is_empty() { program } else { with_rules(program, &[more]) };
        let summary = program.output().expect(code).summary();
        assert_eq!(server.requests().len(), 3);
        assert_eq!(named(&summary["iterations"], "named")["count"], 3);
    }
}
