//! Guests that never end, or ask for more of the machine than they may have.

use crate::support::figures::{count, number, rows};

use super::{Case, Fate, Places, assert_harmless};

/// What a guest hears that computes for too long.
const TOO_LONG: Fate = Fate::Trap("guest code ran longer than 100ms without calling the host; --max-cpu-time");

/// Three iterations, with a bound on CPU time that doesn't make the test wait.
const fn work(guest: &'static str, case: &'static str) -> Case {
    Case { iterations: 3, keys: r#"max-cpu-time = "100ms""#, fate: TOO_LONG, ..Case::new(guest, case) }
}

/// One virtual user that is to go on for as long as the run.
const fn endless(case: &'static str) -> Case {
    let warnings = &["graceful-stop-elapsed"];
    Case { iterations: 0, fate: Fate::CutOff, warnings, ..work("hostile_work", case) }
}

#[test]
fn guests_that_compute_without_end_are_trapped() {
    assert_harmless(&[
        Case { users: 3, ..work("hostile_work", "spin") },
        work("tail_calls", ""),
        work("fills_memory", ""),
        work("realloc_spins", ""),
    ]);
}

/// Nothing makes such a guest give way, so it is ended.
#[test]
fn guests_that_call_the_host_without_a_loop_are_trapped() {
    let fate =
        Fate::Trap("called the host for longer than 100ms without a loop or a function of its own; --max-cpu-time");
    assert_harmless(&[
        Case { fate, ..work("calls_straight_on", "") },
        Case { fate, ..work("looks_up_straight_on", "") },
        Case {
            fate: Fate::Trap("called the host for longer than 20ms without a loop or a function of its own"),
            keys: r#"max-cpu-time = "20ms""#,
            ..work("streams_straight_on", "")
        },
    ]);
}

/// Each of them has less than a virtual user may have of its thread, and all of them together next to everything.
#[test]
fn many_guests_that_compute_without_end_take_their_turns() {
    let nibbles = Case { users: 20, ..endless("nibble") };
    assert_harmless(&[Case { users: 20, iterations: 1, ..work("hostile_work", "spin") }, nibbles]);
}

#[test]
fn the_summary_says_who_had_to_wait_for_a_turn() {
    let (ran, _) = Places::open().run(&Case { users: 3, ..work("hostile_work", "spin") }.plan());
    let summary = ran.expect(0).summary();
    let warning = rows(&summary, "warnings").iter().find(|row| row["kind"] == "vus-held-back");
    match warning {
        Some(warning) => {
            assert!(count(warning, "/turns") > 0 && number(warning, "/waited_seconds") > 0.0, "{warning}");
        }
        // They computed for 0.3 s each: on a machine this slow that is less than a sixteenth of a thread.
        None => assert!(number(&summary, "/elapsed_seconds") > 16.0 * 0.2, "{summary:#}"),
    }
}

#[test]
fn guests_that_give_way_in_words_alone_take_their_turns() {
    assert_harmless(&[
        endless("identify"),
        endless("variable"),
        endless("nibble"),
        Case { users: 3, ..endless("nibble") },
    ]);
}

/// It takes the host's time and memory, and not the guest's, to read a body again and again.
#[test]
fn guests_that_have_the_host_work_take_their_turns() {
    assert_harmless(&[endless("json")]);
}

#[test]
fn guests_that_sleep_for_ever_wake_up_at_the_end() {
    let sleeps = Case { users: 5, iterations: 0, ..Case::new("hostile_work", "sleep") };
    assert_harmless(&[sleeps]);
}

#[test]
fn memory_has_a_bound() {
    let denied = Fate::Trap("denied more than 64.0 MiB of memory, of which its start took ");
    // The kernel's time for its pages is the guest's.
    let keys = r#"max-cpu-time = "30s""#;
    let hoards = |case| Case { fate: denied, keys, ..work("hostile_work", case) };
    assert_harmless(&[
        hoards("memory"),
        hoards("untouched-memory"),
        Case { iterations: 9, ..hoards("memory") },
        Case { fate: denied, ..work("grows_memory", "") },
    ]);
}

#[test]
fn tables_and_handles_have_bounds() {
    assert_harmless(&[
        work("grows_tables", ""),
        Case { fate: Fate::Trap("after it was denied more than 64.0 MiB"), ..work("grows_uncounted", "") },
        Case { fate: Fate::Trap("store handle limit exceeded"), ..work("makes_handles", "") },
    ]);
}

#[test]
fn the_stack_has_a_bound() {
    assert_harmless(&[Case { fate: Fate::Trap("call stack exhausted"), ..work("recurses", "") }]);
}

#[test]
fn a_guest_that_always_traps_stops() {
    let aborts = Fate::Trap("wasm `unreachable` instruction executed");
    assert_harmless(&[
        Case { fate: aborts, ..work("hostile_work", "abort") },
        Case { iterations: 10, fate: aborts, warnings: &["vus-failed"], ..work("hostile_work", "abort") },
    ]);
}

#[test]
fn what_a_guest_says_about_itself_a_million_times_is_heard_once() {
    assert_harmless(&[
        Case { iterations: 0, ..Case::new("hostile_work", "stop-user") },
        Case { fate: Fate::Failure("reason 0"), ..Case::new("hostile_work", "mark-failure") },
    ]);
}
