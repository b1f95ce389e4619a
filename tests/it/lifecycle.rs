//! The hooks around a virtual user's iterations, and around a run.

use serde_json::json;

use crate::support::figures::failures;
use crate::support::program::{Wasmload, counts, named};
use crate::support::server::Server;

#[test]
fn hooks_run_once_a_run_or_once_a_virtual_user() {
    let server = Server::start();
    let program = Wasmload::run("lifecycle").against(&server).with("-q -u 3 --iterations-per-user 2 --threads 2");
    let ran = program.output().expect(0);
    let summary = ran.summary();
    for (path, times) in [("/setup", 1), ("/start", 3), ("/iteration", 6), ("/stop", 3), ("/teardown", 1)] {
        assert_eq!(server.count(path), times, "{path}");
        assert_eq!(counts(named(&summary["requests"], path)), (times as u64, 0), "{path}");
    }
    assert_eq!(counts(&summary["total"]), (14, 0));
    assert_eq!(named(&summary["iterations"], "lifecycle")["count"], 6);
    assert_eq!(ran.log(), [""; 0]);
    let paths = server.paths();
    assert_eq!(
        (paths.first().map(String::as_str), paths.last().map(String::as_str)),
        (Some("/setup"), Some("/teardown"))
    );
}

#[test]
fn what_setup_returned_reaches_all_other_hooks() {
    let server = Server::start();
    Wasmload::run("lifecycle").against(&server).with("-q -u 2 -i 4").output().expect(0);
    for request in server.requests() {
        let expected = if request.path == "/setup" { "none yet" } else { "made in setup" };
        assert_eq!(request.header("x-setup-data"), Some(expected), "{}", request.path);
    }
    assert_eq!(server.count("/teardown"), 1);
}

#[test]
fn a_virtual_user_starts_before_its_iterations_and_stops_after_them() {
    let server = Server::start();
    Wasmload::run("lifecycle").against(&server).with("-q -i 2").output().expect(0);
    assert_eq!(server.paths(), ["/setup", "/start", "/iteration", "/iteration", "/stop", "/teardown"]);
}

#[test]
fn a_setup_that_fails_ends_the_run_before_any_load() {
    let server = Server::start();
    let summary = Wasmload::run("setup_fails").against(&server).with("-q -u 3 -i 9").output().expect(107).summary();
    assert_eq!(server.connections(), 0);
    assert_eq!(summary["end"], json!({"reason": "setup-failed", "message": "the database is not empty"}));
    assert_eq!(summary["vus"]["started"], 0);
    assert_eq!(summary["total"]["count"], 0);
    assert_eq!(named(&summary["failures"], "setup")["scope"], "lifecycle");
    assert_eq!(failures(&summary, "lifecycle"), [("marked", "the database is not empty", 1)]);
}

#[test]
fn a_virtual_user_whose_start_fails_stops_and_the_others_go_on() {
    let server = Server::start();
    let program =
        Wasmload::run("start_fails").against(&server).with("-q -u 4 --iterations-per-user 3 --var failing=2,3");
    let summary = program.output().expect(0).summary();
    assert_eq!(server.paths(), vec!["/"; 6]);
    assert_eq!((&summary["vus"]["started"], &summary["vus"]["failed"]), (&json!(4), &json!(2)));
    assert_eq!(named(&summary["iterations"], "start_fails")["count"], 6);
    assert_eq!(named(&summary["failures"], "start")["scope"], "lifecycle");
    assert_eq!(failures(&summary, "lifecycle"), [("marked", "no account left", 2)]);
    assert_eq!(summary["warnings"], json!([{"kind": "vus-failed", "count": 2}]));
}

#[test]
fn a_run_whose_virtual_users_all_fail_to_start_has_an_exit_code_of_its_own() {
    let server = Server::start();
    let program = Wasmload::run("start_fails").against(&server).with("-q -u 2 -i 9 --var failing=1,2");
    let summary = program.output().expect(107).summary();
    assert_eq!(server.connections(), 0);
    assert_eq!((&summary["vus"]["started"], &summary["vus"]["failed"]), (&json!(2), &json!(2)));
    assert_eq!(named(&summary["iterations"], "start_fails")["count"], 0);
    assert_eq!(failures(&summary, "lifecycle"), [("marked", "no account left", 2)]);
}
