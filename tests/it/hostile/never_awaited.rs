//! Guests that start thousands of calls and never wait for one.

use super::{Case, Fate, assert_harmless};

/// What is started stays under way from one iteration to the next, until there is too much of it.
const TOO_MANY: Fate = Fate::Traps("too many calls of async functions");

const fn starts(case: &'static str, count: u32) -> Case {
    Case { count, iterations: 30, keys: r#"max-cpu-time = "10s""#, ..Case::new("hostile_async", case) }
}

#[test]
fn sleeps_that_nobody_waits_for_are_bounded() {
    assert_harmless(&[Case { fate: TOO_MANY, ..starts("sleeps", 2_000) }, starts("naps", 100)]);
}

#[test]
fn requests_that_nobody_waits_for_are_bounded() {
    assert_harmless(&[
        Case { fate: TOO_MANY, ..starts("requests", 2_000) },
        starts("refused", 100),
        Case { iterations: 3, ..starts("awaited", 2_000) },
    ]);
}
