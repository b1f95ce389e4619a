//! Verdicts: each request is counted once, as what the guest said of it last, and without a word of it by its status.

use serde_json::{Value, json};

use crate::support::figures::{failures, rows};
use crate::support::program::{Ran, Wasmload, counts, named};
use crate::support::server::Server;

/// How often the guest plays its case.
const TIMES: u64 = 3;

/// Plays a case of `verdicts`; its summary, and the paths that the server saw.
#[track_caller]
fn play(case: &str) -> (Value, Vec<String>) {
    let server = Server::start();
    let program = Wasmload::run("verdicts").against(&server).with("-q --var").arg(format!("case={case}"));
    let summary = program.arg(format!("--iterations={TIMES}")).output().expect(0).summary();
    let iterations = named(&summary["iterations"], "verdicts");
    assert_eq!(counts(iterations), (TIMES, 0), "{case}");
    (summary, server.paths())
}

/// Asserts that all requests of that name are counted once, and as failures for exactly that reason where there is one.
#[track_caller]
fn assert_verdict(summary: &Value, name: &str, failure: Option<(&str, &str)>) {
    let failed = if failure.is_some() { TIMES } else { 0 };
    assert_eq!(counts(named(&summary["requests"], name)), (TIMES, failed), "{name}");
    let own: Vec<_> = rows(summary, "failures").iter().filter(|row| row["name"] == name).cloned().collect();
    let own = json!({ "failures": own });
    let expected: Vec<_> = failure.iter().map(|(kind, reason)| (*kind, *reason, TIMES)).collect();
    assert_eq!(failures(&own, "request"), expected, "{name}");
}

#[test]
fn a_request_moves_once_however_often_it_is_marked() {
    for (case, failure) in [
        ("failure-then-success", None),
        ("success-then-failure", Some(("marked", "a second thought"))),
        ("two-failures", Some(("marked", "second reason"))),
    ] {
        let (summary, paths) = play(case);
        assert_eq!(paths, ["/", "/", "/"], "{case}");
        assert_eq!(summary["total"]["count"], TIMES, "{case}");
        assert_verdict(&summary, "/", failure);
    }
}

#[test]
fn without_a_word_of_the_guest_the_status_decides() {
    let (summary, paths) = play("unexpected-404");
    assert_eq!(paths, ["/missing", "/missing", "/missing"]);
    assert_verdict(&summary, "/missing", Some(("status", "404")));

    let (summary, paths) = play("expected-404");
    assert_eq!(paths, ["/missing", "/missing", "/missing"]);
    assert_verdict(&summary, "/missing", None);
}

#[test]
fn statuses_from_400_on_are_failures() {
    for status in [200, 299, 399, 400, 401, 500, 599] {
        let server = Server::with_status(status);
        let summary = Wasmload::run("status_only").against(&server).with("-q -i 2").output().expect(0).summary();
        assert_eq!(server.paths(), ["/", "/"]);
        let reason = status.to_string();
        let expected: &[_] = if status >= 400 { &[("status", reason.as_str(), 2)] } else { &[] };
        assert_eq!(failures(&summary, "request"), expected, "{status}");
        assert_eq!(counts(&summary["total"]), (2, if status >= 400 { 2 } else { 0 }), "{status}");
        // The guest says nothing against it.
        assert_eq!(counts(named(&summary["iterations"], "status_only")), (2, 0), "{status}");
    }
}

#[test]
fn a_verdict_belongs_to_its_own_request_in_whatever_order_responses_are_dropped() {
    for case in ["dropped-before-the-next", "dropped-in-reverse"] {
        let (summary, paths) = play(case);
        assert_eq!(paths, ["/first", "/second"].repeat(TIMES as usize), "{case}");
        assert_verdict(&summary, "/first", Some(("marked", "first was wrong")));
        assert_verdict(&summary, "/second", None);
    }
}

#[test]
fn of_a_batch_only_the_marked_request_fails() {
    let (summary, paths) = play("several");
    assert_eq!(paths.len() as u64, 3 * TIMES);
    assert_eq!(counts(&summary["total"]), (3 * TIMES, TIMES));
    assert_verdict(&summary, "/a", None);
    assert_verdict(&summary, "/b", Some(("marked", "b was wrong")));
    assert_verdict(&summary, "/c", None);
}

#[test]
fn responses_that_are_never_dropped_are_counted_all_the_same_and_once() {
    let (summary, paths) = play("kept");
    assert_eq!(paths.len() as u64, TIMES);
    assert_verdict(&summary, "/", Some(("marked", "kept, and wrong")));

    let (summary, paths) = play("forgotten");
    assert_eq!(paths.len() as u64, TIMES);
    assert_verdict(&summary, "/", None);
}

#[test]
fn an_iteration_fails_for_its_own_reason_and_leaves_its_requests_alone() {
    let server = Server::start();
    let summary = Wasmload::run("iteration_fails").against(&server).with("-q -i 4").output().expect(0).summary();
    assert_eq!(server.paths(), vec!["/"; 4]);
    assert_eq!(counts(&summary["total"]), (4, 0));
    assert_eq!(counts(named(&summary["iterations"], "iteration_fails")), (4, 4));
    assert_eq!(failures(&summary, "iteration"), [("marked", "the cart is empty", 4)]);
    assert_eq!(failures(&summary, "request"), []);
}

/// Keeps a response beyond its iteration, and calls it in the next.
#[track_caller]
fn call_late(call: &str) -> Ran {
    let server = Server::start();
    let program = Wasmload::run("use_after_end").against(&server).with("-q -i 2 --var").arg(format!("call={call}"));
    let ran = program.output().expect(0);
    assert_eq!(server.paths(), ["/"]);
    // Counted when its iteration ended, and not again.
    let summary = ran.summary();
    assert_eq!(counts(&summary["total"]), (1, 0));
    ran
}

#[test]
fn a_response_is_gone_when_its_iteration_ended() {
    for call in ["text", "mark-failure"] {
        let summary = call_late(call).summary();
        assert_eq!(counts(named(&summary["iterations"], "use_after_end")), (2, 1), "{call}");
        let expected = format!("used a response's {call} after its iteration ended; its body is gone then");
        assert_eq!(failures(&summary, "iteration"), [("trap", expected.as_str(), 1)]);
        assert_eq!((&summary["traps"][0]["message"], &summary["traps"][0]["count"]), (&json!(expected), &json!(1)));
    }
}

#[test]
fn status_and_error_of_a_response_outlive_its_iteration() {
    for (call, message) in [("status", "status: 200"), ("error", "error: None")] {
        let ran = call_late(call);
        assert_eq!(ran.summary()["traps"], json!([]), "{call}");
        assert_eq!(ran.log(), [format!("INFO scenario: {message} vu=1")]);
    }
}
