//! What a scenario measures besides its requests.

use serde_json::{Value, json};

use crate::support::figures::failures;
use crate::support::program::{Wasmload, counts, named};
use crate::support::server::Server;

/// The summary of three virtual users on two threads, with four iterations each.
fn measured() -> Value {
    let server = Server::start();
    let program = Wasmload::run("metrics").against(&server).with("-q -u 3 --iterations-per-user 4 --threads 2");
    let summary = program.output().expect(0).summary();
    assert_eq!(server.paths(), vec!["/"; 12]);
    assert_eq!(counts(named(&summary["iterations"], "metrics")), (12, 0));
    summary
}

#[track_caller]
fn assert_near(value: &Value, expected: f64) {
    let found = value.as_f64().expect("a number");
    assert!((found - expected).abs() <= expected * 0.001, "{found} is not {expected}");
}

#[test]
fn checks_count_what_passed_and_what_failed() {
    let summary = measured();
    let always = named(&summary["checks"], "always");
    assert_eq!((&always["passed"], &always["failed"]), (&json!(12), &json!(0)));
    let first = named(&summary["checks"], "first iteration only");
    assert_eq!((&first["passed"], &first["failed"]), (&json!(3), &json!(9)));
}

#[test]
fn counters_gauges_rates_and_trends_are_kept_over_all_virtual_users() {
    let summary = measured();
    let metrics = &summary["metrics"];
    let items = named(metrics, "items");
    assert_eq!((&items["kind"], &items["sum"]), (&json!("counter"), &json!(30.0)));
    let queue = named(metrics, "queue");
    assert_eq!((&queue["kind"], &queue["min"], &queue["max"]), (&json!("gauge"), &json!(0.0), &json!(3.0)));
    let hits = named(metrics, "hits");
    assert_eq!((&hits["kind"], &hits["hits"], &hits["total"]), (&json!("rate"), &json!(6), &json!(12)));
    let price = named(metrics, "price");
    assert_eq!((&price["kind"], &price["values"]["count"]), (&json!("trend"), &json!(12)));
    assert_eq!((&price["values"]["min"], &price["values"]["max"]), (&json!(0.0), &json!(30.0)));
    // Of 0, 10, 20 and 30, three times each.
    assert_near(&price["values"]["mean"], 15.0);
    assert_near(&price["values"]["p50"], 10.0);
    assert_near(&price["values"]["p75"], 20.0);
    assert_near(&price["values"]["p90"], 30.0);
}

#[test]
fn a_gauge_keeps_the_last_least_and_greatest_value() {
    let server = Server::start();
    let summary = Wasmload::run("metrics").against(&server).with("-q -i 3").output().expect(0).summary();
    let queue = named(&summary["metrics"], "queue");
    assert_eq!((&queue["last"], &queue["min"], &queue["max"]), (&json!(2.0), &json!(0.0), &json!(2.0)));
    assert_eq!(server.count("/"), 3);
}

#[test]
fn events_are_marked_as_timed_by_the_guest_and_kept_out_of_the_total() {
    let summary = measured();
    let select = named(&summary["requests"], "select city");
    assert_eq!((&select["method"], &select["timed_by_guest"]), (&json!("SQL"), &json!(true)));
    assert_eq!(counts(select), (12, 0));
    assert_eq!((&select["bytes_sent"], &select["bytes_received"]), (&json!(0), &json!(12 * 512)));
    assert_near(&select["service_time_seconds"]["p50"], 0.012);
    assert_near(&select["service_time_seconds"]["mean"], 0.012);

    let insert = named(&summary["requests"], "insert city");
    assert_eq!(counts(insert), (12, 12));
    assert_near(&insert["service_time_seconds"]["p50"], 0.03);
    assert_eq!(failures(&summary, "request"), [("marked", "deadlock", 12)]);

    assert_eq!(named(&summary["requests"], "/")["timed_by_guest"], false);
    assert_eq!(counts(&summary["total"]), (12, 0));
}

#[test]
fn transactions_count_once_however_they_end() {
    let summary = measured();
    for (name, reason) in [
        ("ended", None),
        ("failed", Some("out of stock")),
        ("dropped", Some("dropped before its end")),
        ("left open", Some("left open when the iteration ended")),
    ] {
        let failures = if reason.is_some() { 12 } else { 0 };
        let row = named(&summary["transactions"], name);
        assert_eq!(counts(row), (12, failures), "{name}");
        if let Some(reason) = reason {
            let failure = named(&summary["failures"], name);
            assert_eq!((&failure["scope"], &failure["reason"]), (&json!("transaction"), &json!(reason)));
            assert_eq!(failure["count"], 12, "{name}");
        }
    }
    // It spans the request that was made in it.
    let request = &named(&summary["requests"], "/")["service_time_seconds"]["min"];
    let ended = &named(&summary["transactions"], "ended")["elapsed_seconds"]["min"];
    assert!(ended.as_f64() >= request.as_f64(), "{ended} is less than {request}");
}
