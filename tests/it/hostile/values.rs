//! Guests that hand the host values that make no sense.

use super::{Case, Places, assert_harmless};

const fn values(case: &'static str) -> Case {
    Case { users: 2, iterations: 3, ..Case::new("hostile_values", case) }
}

#[test]
fn odd_times_and_numbers_are_taken_for_something() {
    assert_harmless(&[Case { warnings: &["times-clamped"], ..values("times") }, values("numbers")]);
}

#[test]
fn odd_texts_are_only_texts() {
    assert_harmless(&[values("texts"), values("long-texts"), values("nested-json")]);
}

#[test]
fn odd_texts_steer_no_terminal() {
    let (ran, _) = Places::open().run(&values("texts").plan());
    let ran = ran.expect(0);
    let printed = [&*ran.stdout, &ran.stderr].concat();
    assert!(!printed.contains(['\u{1b}', '\0', '\u{202e}']), "{printed}");
    assert!(!printed.lines().any(|line| line.starts_with("INFO scenario: forged")), "{printed}");
}
