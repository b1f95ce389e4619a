//! Of which time thresholds speak: that of the load, and not what comes before it or after.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{outcome, with_rules};
use crate::support::figures::{count, number};
use crate::support::program::{Wasmload, counts};
use crate::support::scripted::{FINE, Scripted};
use crate::support::server::Server;
use crate::support::stalling::Stall;

/// Asserts that this rule held over all of its windows, of which there were some.
#[track_caller]
fn assert_held(summary: &Value, rule: &str) {
    let held = outcome(summary, rule);
    assert_eq!((&held["passed"], &held["windows"]["failed"]), (&json!(true), &json!(0)), "{held:#}");
    assert!(count(held, "/windows/judged") >= 1, "{held:#}");
}

#[test]
fn windows_do_not_reach_into_the_graceful_stop() {
    // The last ten requests, from 2.8 s on, are answered when the load has been over for long.
    let server = Stall { after: 140, lasts: Duration::from_secs(3) }.serve();
    let program = Wasmload::run("status_only").with("-q --rate 50/s -t 3s --max-vus 150 --host").arg(server.url());
    let rule = "requests: rate > 20/s over 2s";
    let summary = with_rules(program, &[rule]).output().expect(0).summary();
    assert!(number(&summary, "/elapsed_seconds") >= 5.5, "there was no stall: {summary:#}");
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}));
    assert_held(&summary, rule);
}

#[test]
fn windows_of_a_scenario_begin_with_it() {
    let plan = r#"
        [[scenario]]
        name = "a"
        component = "guests/status_only.wasm"
        rate = "20/s"
        run-time = "4s"
        [[scenario]]
        name = "b"
        component = "guests/status_only.wasm"
        rate = "20/s"
        start = "2s"
        run-time = "2s"
    "#;
    let server = Server::start();
    let rules = ["requests{scenario=b}: rate > 1/s over 1s", "requests{scenario=a}: rate > 1/s over 1s"];
    let program = Wasmload::run_plan(plan).against(&server).with("-q");
    let summary = with_rules(program, &rules).output().expect(0).summary();
    assert!(number(&summary, "/elapsed_seconds") >= 4.0, "{summary:#}");
    for rule in rules {
        assert_held(&summary, rule);
    }
}

/// A server that fails the first two requests, and answers all others well, but no sooner than 3 s after the first one.
fn recovering() -> Scripted {
    let (asked, begun) = (AtomicUsize::new(0), OnceLock::new());
    Scripted::start(move |mut peer| {
        while peer.request()?.is_some() {
            let recovers = *begun.get_or_init(Instant::now) + Duration::from_secs(3);
            if asked.fetch_add(1, Ordering::Relaxed) < 2 {
                peer.send("HTTP/1.1 503 Broken\r\ncontent-length: 0\r\n\r\n")?;
            } else {
                thread::sleep(recovers.saturating_duration_since(Instant::now()));
                peer.send(FINE)?;
            }
        }
        Ok(())
    })
}

#[test]
fn what_stopped_the_run_has_failed_though_it_held_in_the_end() {
    let server = recovering();
    let program = Wasmload::run("status_only").with("-u 8 --iterations-per-user 3 --host").arg(server.url());
    let rule = "failure_rate: < 50% abort";
    let ran = with_rules(program, &[rule]).output().expect(99);
    let summary = ran.summary();
    // One request of each virtual user was under way when the first two had failed, and came to a good end.
    assert_eq!(counts(&summary["total"]), (10, 2));
    assert_eq!(summary["end"], json!({"reason": "threshold-failed", "message": rule}));
    let outcome = outcome(&summary, rule);
    assert_eq!((&outcome["passed"], &outcome["aborted"]), (&json!(false), &json!(true)), "{outcome:#}");
    assert!(ran.stdout.contains(&format!("  ✗ {rule}")), "{}", ran.stdout);
}
