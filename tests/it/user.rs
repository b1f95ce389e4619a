//! What a virtual user knows of itself, what it does to itself, and to its run.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::figures::failures;
use crate::support::program::{Ran, Wasmload, counts, named};
use crate::support::running::Running;
use crate::support::server::Server;

/// A value that must not be found anywhere.
const SECRET: &str = "hunter2-correct-horse";

/// A run of `user_control`.
fn play(server: &Server, case: &str) -> Wasmload {
    Wasmload::run("user_control").against(server).with("-q --var").arg(format!("case={case}"))
}

/// How many iterations there were, and how many failed.
fn iterations(summary: &Value) -> (u64, u64) {
    counts(named(&summary["iterations"], "user_control"))
}

#[test]
fn virtual_users_have_ids_of_their_own_over_all_threads() {
    let server = Server::start();
    let ran = play(&server, "identify").with("-u 5 --threads 2 --iterations-per-user 3").output().expect(0);
    assert_eq!(server.paths(), vec!["/"; 15]);
    let expected: BTreeSet<String> = (1..=5)
        .flat_map(|id| (0..3).map(move |iteration| (id, iteration)))
        .map(|(id, iteration)| format!("INFO scenario: id {id}, iteration {iteration}, scenario user_control vu={id}"))
        .collect();
    assert_eq!(ran.log().len(), 15);
    assert_eq!(ran.log().into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
}

#[test]
fn a_virtual_user_that_stops_itself_stops_alone() {
    let server = Server::start();
    let program = play(&server, "stop-user").with("-u 2 --iterations-per-user 4 --var user=2");
    let summary = program.output().expect(0).summary();
    assert_eq!(server.requests().len(), 5);
    assert_eq!(iterations(&summary), (5, 0));
    assert_eq!((&summary["vus"]["started"], &summary["vus"]["failed"]), (&json!(2), &json!(0)));
    assert_eq!(summary["end"], json!({"reason": "completed"}));
}

#[test]
fn a_scenario_can_end_the_whole_run_for_a_reason() {
    let server = Server::start();
    // Without its word, nothing else would end this run.
    let ran = play(&server, "stop-test").with("--var at=3").output().expect(108);
    let summary = ran.summary();
    assert_eq!(summary["end"], json!({"reason": "stopped-by-scenario", "message": "the disk is full"}));
    // The iteration that says so still ends.
    assert_eq!(iterations(&summary), (4, 0));
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn the_reason_for_the_end_is_in_the_report() {
    let server = Server::start();
    let arguments = ["--var", "case=stop-test", "-u", "3", "--threads", "2"];
    let ran = arguments.iter().fold(Wasmload::run("user_control").against(&server), Wasmload::arg).output().expect(108);
    assert!(ran.stdout.contains("the disk is full"), "{}", ran.stdout);
    assert_eq!(iterations(&ran.summary()).0, server.requests().len() as u64);
}

#[test]
fn variables_are_those_of_the_command_line() {
    let server = Server::start();
    let ran = play(&server, "variables").with("-i 1 --var").arg("present=a=b c").output().expect(0);
    assert_eq!(ran.log(), [r#"INFO scenario: present Some("a=b c"), absent None vu=1"#]);
    assert_eq!(server.paths(), ["/"]);
}

/// Runs a case with the secret, given in each of the ways; what it printed never has it.
fn with_secret(case: &str, way: &str) -> Ran {
    let server = Server::start();
    let mut program = play(&server, case).with("-i 1 --csv table --secret").arg(format!("key={way}"));
    program.command.env("THE_SECRET", SECRET);
    let ran = program.output().expect(0);
    assert!(!ran.everything().contains(SECRET), "{way}: {}", ran.everything());
    assert_eq!(server.paths(), ["/"]);
    ran
}

#[test]
fn secrets_are_hidden_in_the_log() {
    for way in [SECRET, "env:THE_SECRET"] {
        assert_eq!(with_secret("secret", way).log(), ["INFO scenario: the secret is *** vu=1"], "{way}");
    }
}

#[test]
fn secrets_are_hidden_in_reasons() {
    let summary = with_secret("secret-in-a-reason", SECRET).summary();
    assert_eq!(iterations(&summary), (1, 1));
    assert_eq!(failures(&summary, "iteration"), [("marked", "refused: ***", 1)]);
}

#[test]
fn secrets_are_hidden_in_what_the_host_says_of_requests() {
    // The path is a request's name, and what is wrong with a header is the reason of its failure.
    for (case, secret, name) in [("body", "echo", "/***"), ("broken-header", "x-a", "/echo")] {
        let server = Server::start();
        let program = Wasmload::run("request_shapes").against(&server).with("-q -i 1 --csv table --var");
        let ran = program.arg(format!("case={case}")).arg("--secret").arg(format!("key={secret}")).output().expect(0);
        let failed = u64::from(case == "broken-header");
        assert_eq!(counts(named(&ran.summary()["requests"], name)), (1, failed), "{case}");
        assert!(ran.everything().contains("***"), "{case}: {}", ran.everything());
        assert!(!ran.everything().contains(secret), "{case}: {}", ran.everything());
    }
}

#[test]
fn a_secret_can_come_from_a_file() {
    let server = Server::start();
    let program = play(&server, "secret").with("-i 1 --secret key=file:key.txt");
    let file = program.directory.path().join("key.txt");
    std::fs::write(&file, format!("{SECRET}\n")).expect("the run's directory takes a file");
    let ran = program.output().expect(0);
    assert_eq!(ran.log(), ["INFO scenario: the secret is *** vu=1"]);
    std::fs::remove_file(file).expect("the file is there");
    assert!(!ran.everything().contains(SECRET));
}

#[test]
fn the_log_has_what_its_level_lets_through() {
    let lines = [
        ("trace", "TRACE scenario: a line at trace vu=1"),
        ("debug", "DEBUG scenario: a line at debug vu=1"),
        ("info", "INFO scenario: a line at info vu=1"),
        ("warn", "WARN scenario: a line at warn vu=1"),
        // Each line of a message is marked, so that none can pass for another's.
        ("error", "ERROR scenario: a line at error vu=1"),
        ("error", "ERROR scenario: and a second line vu=1"),
    ];
    let server = Server::start();
    for level in ["trace", "debug", "info", "warn", "error"] {
        let ran = play(&server, "log").with("-i 1 --log-level").arg(level).output().expect(0);
        let from = lines.iter().position(|(name, _)| *name == level).expect("a level");
        assert_eq!(ran.log(), lines[from..].iter().map(|(_, line)| *line).collect::<Vec<_>>(), "{level}");
    }
    let ran = play(&server, "log").with("-i 1 -L off").output().expect(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn an_iteration_that_is_marked_goes_on_and_fails_once() {
    let server = Server::start();
    let summary = play(&server, "mark-failure").with("-i 2").output().expect(0).summary();
    assert_eq!(server.paths(), ["/", "/after", "/", "/after"]);
    assert_eq!(iterations(&summary), (2, 2));
    assert_eq!(counts(&summary["total"]), (4, 0));
    assert_eq!(failures(&summary, "iteration"), [("marked", "half of it failed", 2)]);
    assert_eq!(summary["failures"].as_array().map(Vec::len), Some(1), "{:#}", summary["failures"]);
}

#[test]
fn a_sleep_ends_when_the_run_stops() {
    let server = Server::start();
    let program = Wasmload::run("sleeper").against(&server).with("-q -u 4 --threads 2 --var sleep=86400");
    let running = Running::start(program);
    server.wait_for(4);
    running.interrupt();
    let summary = running.finish().expect(105).summary();
    assert_eq!(server.paths(), vec!["/"; 4]);
    let iterations = named(&summary["iterations"], "sleeper");
    assert_eq!(counts(iterations), (4, 0));
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}));
    assert_eq!(summary["end"], json!({"reason": "interrupted", "forced": false}));
}
