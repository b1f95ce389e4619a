//! Guests that trap, run away or ask for too much: they hurt nobody but themselves, and the report says what happened.

use serde_json::{Value, json};

use crate::support::figures::{count, failures};
use crate::support::program::{Wasmload, counts, named};
use crate::support::running::Running;
use crate::support::server::Server;

/// How many iterations there were of that scenario, and how many failed.
fn iterations(summary: &Value, scenario: &str) -> (u64, u64) {
    counts(named(&summary["iterations"], scenario))
}

/// The value that the guest sent with each request: how many iterations its instance had run.
fn iterations_here(server: &Server) -> Vec<String> {
    server.requests().iter().filter_map(|request| request.header("x-iterations-here").map(str::to_owned)).collect()
}

#[test]
fn a_trap_fails_its_iteration_and_the_next_has_a_fresh_instance() {
    let server = Server::start();
    let ran = Wasmload::run("traps").against(&server).with("-i 6 --var every=3").output().expect(0);
    let summary = ran.summary();
    assert_eq!(iterations(&summary, "traps"), (6, 2));
    // `start` ran again in each instance; without it the guest has no state and its iterations fail.
    assert_eq!(iterations_here(&server), ["0", "1", "2", "0", "1", "2"]);
    assert_eq!(counts(&summary["total"]), (6, 0));
    assert_eq!((&summary["vus"]["started"], &summary["vus"]["failed"]), (&json!(1), &json!(0)));
    let message = "wasm trap: wasm `unreachable` instruction executed";
    assert_eq!(failures(&summary, "iteration"), [("trap", message, 2)]);
    assert_eq!(failures(&summary, "request"), []);
}

#[test]
fn the_backtrace_of_a_trap_is_shown_once() {
    let server = Server::start();
    let program =
        Wasmload::run("traps").against(&server).with("-u 3 --iterations-per-user 4 --var every=2 --threads 2");
    let ran = program.output().expect(0);
    assert_eq!(server.requests().len(), 12);
    let traps = &ran.summary()["traps"];
    assert_eq!(traps.as_array().map(Vec::len), Some(1), "{traps:#}");
    assert_eq!(traps[0]["count"], 6);
    assert!(traps[0]["message"].as_str().is_some_and(|message| message.contains("unreachable")), "{traps:#}");
    let backtrace = traps[0]["backtrace"].as_str().expect("a backtrace");
    assert!(backtrace.lines().count() >= 2, "{backtrace}");
    for frame in backtrace.lines().map(str::trim) {
        assert_eq!(ran.stdout.matches(frame).count(), 1, "{frame} in {}", ran.stdout);
    }
}

#[test]
fn each_kind_of_trap_says_what_happened_and_what_to_try() {
    for (how, expected) in [
        ("abort", &["unreachable"][..]),
        ("panic", &["unreachable"]),
        // The guest's stack lies at the bottom of its memory.
        ("stack", &["out of bounds memory access"]),
        ("memory", &["--max-memory", "32.0 MiB"]),
    ] {
        let server = Server::start();
        let program =
            Wasmload::run("traps").against(&server).with("-q -i 2 --max-memory 32MiB --max-cpu-time 1h --var");
        let ran = program.arg(format!("how={how}")).output().expect(0);
        let summary = ran.summary();
        assert_eq!(iterations(&summary, "traps"), (2, 2), "{how}");
        assert_eq!(iterations_here(&server), ["0", "0"], "{how}");
        let message = summary["traps"][0]["message"].as_str().expect("a message");
        assert!(expected.iter().all(|text| message.contains(text)), "{how}: {message}");
        assert_eq!(summary["traps"][0]["count"], 2, "{how}");
        let panics = ran.log().iter().filter(|line| line.contains("a deliberate panic")).count();
        assert_eq!(panics, if how == "panic" { 2 } else { 0 }, "{how}: {:#?}", ran.log());
    }
}

#[test]
fn a_virtual_user_stops_after_so_many_traps_in_a_row() {
    let server = Server::start();
    // Nothing else ends this run.
    let ran = Wasmload::run("traps").against(&server).with("-q -u 2 --max-traps 3").output().expect(107);
    let summary = ran.summary();
    assert_eq!(server.requests().len(), 6);
    assert_eq!(iterations(&summary, "traps"), (6, 6));
    assert_eq!((&summary["vus"]["started"], &summary["vus"]["failed"]), (&json!(2), &json!(2)));
    assert_eq!(ran.stderr.matches("stopped after 3 traps in a row").count(), 2, "{}", ran.stderr);
}

#[test]
fn an_iteration_that_goes_well_ends_a_row_of_traps() {
    let server = Server::start();
    let program = Wasmload::run("traps").against(&server).with("-q -i 9 --max-traps 2 --var every=2");
    let summary = program.output().expect(0).summary();
    assert_eq!(iterations(&summary, "traps"), (9, 4));
    assert_eq!(server.requests().len(), 9);
    assert_eq!(summary["vus"]["failed"], 0);
}

#[test]
fn a_guest_that_computes_without_end_is_cut_off() {
    let server = Server::start();
    let program = Wasmload::run("spins").against(&server).with("-q -u 2 --threads 1 --iterations-per-user 5");
    let summary = program.with("--max-cpu-time 100ms --var user=1 --var at=2").output().expect(0).summary();
    assert_eq!(server.paths(), vec!["/"; 10]);
    assert_eq!(iterations(&summary, "spins"), (10, 1));
    assert_eq!(counts(&summary["total"]), (10, 0));
    let message = "guest code ran longer than 100ms without calling the host; --max-cpu-time raises this bound";
    assert_eq!(failures(&summary, "iteration"), [("trap", message, 1)]);
    assert_eq!(summary["vus"]["failed"], 0);
}

#[test]
fn virtual_users_go_on_beside_one_that_computes_without_end() {
    let server = Server::start();
    let program = Wasmload::run("spins").against(&server).with("-q -u 2 --threads 1 --iterations-per-user 200");
    let program = program.with("--max-cpu-time 1h --graceful-stop 0s --var user=1 --var at=0");
    let running = Running::start(program);
    // One of the guest that spins from then on, and all of the other one on the same thread.
    server.wait_for(201);
    running.interrupt();
    let summary = running.finish().expect(105).summary();
    assert_eq!(server.requests().len(), 201);
    // The iteration that spins is cut off; the other one's last may be too, and its request with it.
    let interrupted = |what: &str| count(&summary, &format!("/interrupted/{what}"));
    assert_eq!(count(&summary, "/total/count") + interrupted("requests"), 201);
    assert_eq!(iterations(&summary, "spins").0 + interrupted("iterations"), 201);
    assert!(interrupted("iterations") >= 1, "the one that spins ended");
    assert_eq!((iterations(&summary, "spins").1, count(&summary, "/vus/failed")), (0, 0));
}

#[test]
fn an_unknown_import_is_refused_before_any_virtual_user_starts() {
    let server = Server::start();
    let ran = Wasmload::run("imports_unknown").against(&server).with("-u 3 -i 3").output().expect(104);
    assert_eq!(server.connections(), 0);
    for expected in ["`evil:corp/secrets@1.0.0`", "nothing of that name is offered", "build it without this import"] {
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
    assert!(!ran.directory.path().join("summary.json").exists(), "there was a run to sum up");
}
