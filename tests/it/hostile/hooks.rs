//! Guests that are hostile before or after their iterations: as they are instantiated, in their hooks, and by what they
//! describe.

use serde_json::json;

use super::{Case, Fate, Places, assert_harmless, assert_honest_ones_are_done, failures_with, traps_with};
use crate::support::figures::count;
use crate::support::program::{counts, named};

const TOO_LONG: &str = "guest code ran longer than 100ms";

/// Three virtual users that are given up after two traps in a row, with a bound on CPU time that doesn't make the test
/// wait.
const fn hook(guest: &'static str, case: &'static str) -> Case {
    let keys = "max-cpu-time = \"100ms\"\nmax-traps = 2";
    let (fate, warnings) = (Fate::NoStart(TOO_LONG), &["vus-failed"]);
    Case { users: 3, iterations: 3, keys, fate, warnings, ..Case::new(guest, case) }
}

#[test]
fn guests_that_never_start_are_given_up() {
    assert_harmless(&[
        hook("instantiation_spins", ""),
        hook("hostile_work", "spin-in-start"),
        Case { fate: Fate::NoStart("unreachable"), ..hook("hostile_work", "trap-in-start") },
    ]);
}

#[test]
fn guests_that_never_stop_are_cut_off() {
    let places = Places::open();
    let (ran, _) = places.run(&hook("hostile_work", "spin-in-stop").plan());
    let summary = ran.expect(0).summary();
    assert_honest_ones_are_done("spin-in-stop", &summary);
    assert_eq!(counts(named(&summary["iterations"], "hostile")), (9, 0));
    assert_eq!(failures_with(&summary, "lifecycle", "trap", TOO_LONG), 3);
    assert_eq!(traps_with(&summary, TOO_LONG), 3);
}

/// A run whose `setup` fails makes no load, of honest scenarios neither: it is to end at once, and say why.
#[test]
fn a_setup_that_never_ends_ends_the_run() {
    let places = Places::open();
    let (ran, _) = places.run(&hook("hostile_work", "spin-in-setup").plan());
    let summary = ran.expect(107).summary();
    assert_eq!(summary["end"]["reason"], "setup-failed");
    assert!(summary["end"]["message"].as_str().is_some_and(|said| said.starts_with(&format!("hostile: {TOO_LONG}"))));
    assert_eq!((count(&summary, "/vus/started"), places.target.connections()), (0, 0));
}

/// A scenario may end the run; it can't do so twice, nor make others fail.
#[test]
fn a_run_is_ended_once() {
    let places = Places::open();
    let (ran, _) = places.run(&Case::new("hostile_work", "stop-test").plan());
    let summary = ran.expect(108).summary();
    assert_eq!(summary["end"], json!({"reason": "stopped-by-scenario", "message": "reason 0"}));
    assert_eq!(counts(named(&summary["iterations"], "hostile")), (1, 0));
    assert_eq!(count(&summary, "/total/failures") + count(&summary, "/interrupted/iterations"), 0);
}

#[test]
fn tasks_that_are_never_described_end_the_run() {
    for (case, said) in [
        ("spin", TOO_LONG),
        ("abort", "wasm `unreachable` instruction executed"),
        ("none", "the scenario describes no tasks"),
    ] {
        let places = Places::open();
        let (ran, _) = places.run(&hook("hostile_tasks", case).plan());
        let ran = ran.expect(104);
        assert!(ran.stderr.contains("read the tasks of scenario `hostile`"), "{case}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{case}: {}", ran.stderr);
        assert_eq!(places.target.connections(), 0, "{case}");
    }
}

#[test]
fn tasks_of_any_number_and_shape_are_run() {
    let tasks = |case, iterations| Case { users: 3, iterations, ..Case::new("hostile_tasks", case) };
    let over = &["names-over-limit"];
    assert_harmless(&[
        tasks("odd", 20),
        tasks("endless-wait", 0),
        tasks("long", 20),
        Case { warnings: over, ..tasks("many", 2_000) },
    ]);
}
