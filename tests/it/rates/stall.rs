//! What a stall of the server looks like in either model: the reason to use rates.

use std::time::Duration;

use serde_json::Value;

use crate::support::figures::{count, number};
use crate::support::program::Wasmload;
use crate::support::stalling::Stall;

/// How long the server stalls, in seconds.
const STALL: f64 = 1.0;

/// What is surely seen of it.
const MOST: f64 = 0.8 * STALL;

/// The summary of a run over four seconds against a server that stalls in its midst.
#[track_caller]
fn run(load: &str) -> Value {
    let server = Stall { after: 300, lasts: Duration::from_secs_f64(STALL) }.serve();
    let program = Wasmload::run("status_only").with("-q -t 4s").with(load).arg("--host").arg(server.url());
    let summary = program.output().expect(0).summary();
    assert_eq!(count(&summary, "/total/failures"), 0);
    assert!(number(&summary, "/total/service_time_seconds/max") >= MOST, "there was no stall: {summary:#}");
    summary
}

#[test]
fn the_open_model_shows_it() {
    let summary = run("--rate 200/s");
    // All that were owed were made, those of the stall too: a quarter of them had to wait.
    assert_eq!(count(&summary, "/total/count") + count(&summary, "/dropped_iterations"), 800);
    assert_eq!(count(&summary, "/dropped_iterations"), 0);
    assert!(number(&summary, "/total/response_time_seconds/p99") >= MOST, "{:#}", summary["total"]);
    assert!(number(&summary, "/total/response_time_seconds/p90") >= STALL / 4.0, "{:#}", summary["total"]);
}

#[test]
fn the_closed_model_hides_it() {
    let summary = run("-u 4");
    // Only one request of each virtual user met it, among all that were made before and after.
    assert!(number(&summary, "/total/service_time_seconds/p99") < 0.1, "{:#}", summary["total"]);
    assert_eq!(summary["total"]["response_time_seconds"], Value::Null);
}
