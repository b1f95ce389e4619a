//! Guests that take from WASI what they can get.

use super::{Case, Fate, Places, assert_harmless};

const fn takes(case: &'static str) -> Case {
    Case { users: 2, iterations: 3, ..Case::new("hostile_wasi", case) }
}

#[test]
fn waits_without_end_are_cut_off() {
    let endless =
        |case| Case { iterations: 0, fate: Fate::CutOff, warnings: &["graceful-stop-elapsed"], ..takes(case) };
    assert_harmless(&[endless("sleep"), endless("sleep-0")]);
}

#[test]
fn what_is_never_given_back_is_bounded() {
    assert_harmless(&[
        Case { count: 200_000, fate: Fate::Trap("handles of WASI, under way"), ..takes("pollables") },
        Case { count: 1_000_000, users: 1, fate: Fate::Ended, keys: r#"max-cpu-time = "10s""#, ..takes("poll") },
        Case { fate: Fate::Trap("exceeds limit"), ..takes("random") },
    ]);
}

#[test]
fn leaving_is_a_trap() {
    assert_harmless(&[Case { fate: Fate::Trap("the guest exited with code 0"), ..takes("exit") }]);
}

#[test]
fn there_are_no_files() {
    assert_harmless(&[takes("files")]);
}

/// The harness sees that nobody was reached; here it is the target that is reached by the wrong way.
#[test]
fn there_are_no_sockets() {
    let places = Places::open();
    let plan = takes("sockets").plan().replace("count = \"1\"", &format!("port = \"{}\"", places.target.port()));
    assert!(plan.contains("port = "), "{plan}");
    let (ran, _) = places.run(&plan);
    let summary = ran.expect(0).summary();
    super::assert_fate("sockets", &takes("sockets"), &summary);
    super::assert_honest_ones_are_done("sockets", &summary);
    // One for each of the honest ones, which keep theirs.
    assert_eq!(places.target.connections() as u64, super::HONEST_USERS);
}

#[test]
fn what_is_printed_at_one_time_has_a_bound() {
    let fate = Fate::Trap("wrote more at one time than the stream had asked for");
    assert_harmless(&[Case { fate, iterations: 3, ..Case::new("prints_at_once", "") }]);
}
