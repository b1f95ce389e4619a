//! `wasmload demo` and `wasmload target`: what a person tries first.

use serde_json::Value;

use crate::support::figures::{MISMATCH, count, failures, request, rows};
use crate::support::processes::get;
use crate::support::program::{Ran, Wasmload};
use crate::support::running::Running;

fn demo(flags: &str) -> Ran {
    Wasmload::new(["demo", "--json", "summary.json", "--seed", "1"]).with(flags).output().expect(0)
}

#[test]
fn the_demo_runs_without_failures() {
    let demo = demo("-u 20 -i 200");
    let summary = demo.summary();
    let counts = [("POST", "/auth/register", 20), ("POST", "/auth/token", 20), ("POST", "/cities", 200)];
    for (method, name, expected) in counts.into_iter().chain([("GET", "/cities/{id}", 200)]) {
        assert_eq!(count(request(&summary, method, name), "/count"), expected, "{method} {name}");
        let shown = demo.stdout.lines().any(|line| line.contains(method) && line.contains(name));
        assert!(shown, "{method} {name} is missing:\n{}", demo.stdout);
    }
    assert_eq!(count(&summary, "/total/count"), 440);
    assert_eq!(count(&summary, "/total/failures"), 0);
    assert_eq!(summary["seed"], "1");
    assert_eq!(rows(&summary, "failures"), [] as [Value; 0]);
    assert!(demo.stdout.contains("440 requests"), "{}", demo.stdout);
}

#[test]
fn an_error_rate_shows_as_failures_by_status() {
    // So many virtual users that one gets past `start`, which fails for a third of them.
    let summary = demo("-u 50 -i 500 --error-rate 0.2").summary();
    let found = failures(&summary, "request");
    let told: u64 = found.iter().map(|(_, _, count)| count).sum();
    for (kind, reason, _) in &found {
        assert_eq!(*kind, "marked");
        assert!(reason.starts_with("expected status 20") && reason.ends_with(", got 503"), "{reason}");
    }
    assert_eq!(count(&summary, "/total/failures"), told);
    // Of at least 500 requests: 0.1 and 0.3 are more than five standard deviations away.
    let share = told as f64 / count(&summary, "/total/count") as f64;
    assert!((0.1..0.3).contains(&share), "{share}");
}

#[test]
fn the_bug_shows_as_mismatches_for_many_virtual_users() {
    // The bug waits between knowing who asks and acting for them, so others come in between, however fast the machine.
    let summary = demo("-u 20 -i 400 --bug shared-user").summary();
    let found = failures(&summary, "request");
    let [("marked", MISMATCH, mismatches)] = found[..] else { panic!("{found:?}") };
    assert!(mismatches > 0);
    assert_eq!(count(request(&summary, "GET", "/cities/{id}"), "/failures"), mismatches);
    assert_eq!(count(request(&summary, "POST", "/cities"), "/failures"), 0);
}

#[test]
fn the_bug_does_not_show_for_one_virtual_user() {
    let summary = demo("-u 1 -i 100 --bug shared-user").summary();
    assert_eq!(count(&summary, "/total/count"), 202);
    assert_eq!(rows(&summary, "failures"), [] as [Value; 0]);
}

#[test]
fn the_target_alone_answers_until_it_is_interrupted() {
    let mut target = Running::start(Wasmload::new(["target", "--port", "0"]));
    let line = target.stdout_line("listening on http://127.0.0.1:");
    let address = line.split(['/', ';']).nth(2).expect("an address follows the scheme");
    let answer = get(address.parse().expect("an address and a port"), "/cities/1").expect("it answers");
    // Nobody is logged in.
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    target.interrupt();
    let ended = target.finish().expect(0);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
}
