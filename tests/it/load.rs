//! How much load is made: iterations to the last one, over virtual users and threads.

use serde_json::{Value, json};

use crate::support::program::{Wasmload, counts, named};
use crate::support::running::Running;
use crate::support::server::{Gate, Server};

/// The summary of a run of `status_only`, whose counts must be what the server saw.
#[track_caller]
fn run(arguments: &str) -> Value {
    let server = Server::start();
    let summary = Wasmload::run("status_only").against(&server).with("-q").with(arguments).output().expect(0).summary();
    assert_eq!(summary["total"]["count"], server.requests().len(), "{arguments}");
    assert_eq!(named(&summary["iterations"], "status_only")["count"], server.requests().len(), "{arguments}");
    assert_eq!(summary["total"]["failures"], 0, "{arguments}");
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}), "{arguments}");
    summary
}

#[test]
fn iterations_are_made_to_the_last_one() {
    for threads in [1, 2, 3] {
        for (arguments, expected) in [
            ("-u 7 -i 500", 500),
            ("-u 7 -i 3", 3),
            ("-u 7 --iterations-per-user 20", 140),
            ("-u 7 -i 100 --iterations-per-user 20", 100),
            ("-u 7 -i 500 --iterations-per-user 20", 140),
        ] {
            let summary = run(&format!("{arguments} --threads {threads}"));
            assert_eq!(summary["total"]["count"], expected, "{arguments}, {threads} threads");
            assert_eq!((&summary["vus"]["started"], &summary["vus"]["failed"]), (&json!(7), &json!(0)), "{arguments}");
            assert_eq!(summary["end"], json!({"reason": "completed"}), "{arguments}");
        }
    }
}

#[test]
fn iterations_of_each_virtual_user_are_bounded_one_by_one() {
    let server = Server::start();
    let program = Wasmload::run("user_control").against(&server).with("-q -u 5 --threads 2 --iterations-per-user 6");
    let ran = program.with("--var case=identify").output().expect(0);
    assert_eq!(server.requests().len(), 30);
    for vu in 1..=5 {
        let own = format!("vu={vu}");
        assert_eq!(ran.log().iter().filter(|line| line.ends_with(&own)).count(), 6, "{own}");
    }
}

#[test]
fn without_a_number_there_is_one_virtual_user() {
    let summary = run("-i 2");
    assert_eq!(summary["vus"], json!({"started": 1, "max": 1, "failed": 0}));
}

#[test]
fn virtual_users_run_side_by_side_each_over_a_connection_of_its_own() {
    for threads in [1, 2] {
        // No answer until all eight have asked.
        let server = Server::gated(Gate::of(8));
        let program = Wasmload::run("status_only").against(&server).with("-q -u 8 --iterations-per-user 3");
        let summary = program.arg(format!("--threads={threads}")).output().expect(0).summary();
        assert_eq!(server.requests().len(), 24);
        assert_eq!(server.connections(), 8);
        assert_eq!(summary["total"]["failures"], 0);
        assert_eq!(summary["vus"], json!({"started": 8, "max": 8, "failed": 0}), "{threads}");
    }
}

#[test]
fn virtual_users_start_one_after_another_at_the_spawn_rate() {
    let summary = run("-u 4 -r 100 --iterations-per-user 2 --threads 2");
    assert_eq!((&summary["vus"]["started"], &summary["total"]["count"]), (&json!(4), &json!(8)));
    // The fourth is due 30 ms after the first.
    assert!(summary["elapsed_seconds"].as_f64().is_some_and(|seconds| seconds >= 0.03), "{summary:#}");
}

#[test]
fn virtual_users_that_are_not_due_yet_never_start() {
    let server = Server::start();
    // The second is due in a quarter of an hour; the first ends the run.
    let program = Wasmload::run("user_control").against(&server).with("-q -u 3 -r 0.001 --threads 1");
    let summary = program.with("--var case=stop-test").output().expect(108).summary();
    assert_eq!(summary["vus"], json!({"started": 1, "max": 1, "failed": 0}));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn virtual_users_of_other_threads_that_are_not_due_yet_never_start() {
    let server = Server::start();
    let program = Wasmload::run("user_control").against(&server).with("-q -u 4 -r 0.001 --threads 2");
    let summary = program.with("--var case=stop-test").output().expect(108).summary();
    assert_eq!(summary["vus"]["started"], 1);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_run_lasts_as_long_as_it_says() {
    let server = Server::start();
    let program = Wasmload::run("sleeper").against(&server).with("-q -u 3 -t 200ms --var sleep=86400");
    let summary = program.output().expect(0).summary();
    assert!(summary["elapsed_seconds"].as_f64().is_some_and(|seconds| seconds >= 0.2), "{summary:#}");
    assert_eq!(summary["end"], json!({"reason": "completed"}));
    // The sleeps ended with the run, and none was cut off.
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}));
    assert_eq!(counts(named(&summary["iterations"], "sleeper")), (server.requests().len() as u64, 0));
}

#[test]
fn what_outlasts_the_graceful_stop_is_cut_off_and_counted_apart() {
    // Three requests that no answer comes to: the gate waits for a fourth.
    let server = Server::gated(Gate::of(4));
    let program = Wasmload::run("status_only").against(&server).with("-q -u 3 --threads 2 --graceful-stop 0s");
    let running = Running::start(program);
    server.wait_for(3);
    running.interrupt();
    let summary = running.finish().expect(105).summary();
    assert_eq!(server.requests().len(), 3);
    assert_eq!(summary["interrupted"], json!({"requests": 3, "iterations": 3}));
    assert_eq!(counts(&summary["total"]), (0, 0));
    assert_eq!(counts(named(&summary["iterations"], "status_only")), (0, 0));
    assert_eq!(summary["end"], json!({"reason": "interrupted", "forced": false}));
    let warnings = summary["warnings"].as_array().expect("a list");
    assert!(warnings.contains(&json!({"kind": "graceful-stop-elapsed", "iterations": 3})), "{warnings:#?}");
}

#[test]
fn the_number_of_threads_changes_no_draw() {
    let draws = |arguments: &str| {
        let server = Server::start();
        let program = Wasmload::run("tasks").against(&server).with("-q -u 5 --iterations-per-user 40 --seed 11");
        let summary = program.with(arguments).output().expect(0).summary();
        ["browse", "search", "buy"].map(|task| {
            assert_eq!(named(&summary["tasks"], task)["count"], server.count(&format!("/{task}")));
            named(&summary["tasks"], task)["count"].as_u64().expect("a count")
        })
    };
    let one = draws("--threads 1");
    assert_eq!(one.iter().sum::<u64>(), 200);
    assert_eq!(one, draws("--threads 2"));
}

#[test]
fn the_seed_of_a_run_is_in_its_summary() {
    assert_eq!(run("-i 1 --seed 18446744073709551615")["seed"], "18446744073709551615");
}
