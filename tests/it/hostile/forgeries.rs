//! Guests that call the host below its bindings, with what they never got or do not have: each call traps, and only that.

use super::{Case, Fate, assert_harmless};

#[track_caller]
fn assert_trapped(cases: &[(&'static str, &'static str)]) {
    for (case, message) in cases {
        let forges = Case::new("hostile_forgeries", case);
        assert_harmless(&[Case { users: 2, iterations: 3, fate: Fate::Trap(message), ..forges }]);
    }
}

#[test]
fn handles_that_the_guest_does_not_have() {
    assert_trapped(&[
        ("unknown-handle", "unknown handle index 77777"),
        ("handle-0", "unknown handle index 0"),
        ("negative-handle", "unknown handle index 4294967295"),
        ("mark-unknown-handle", "unknown handle index 77777"),
        ("drop-unknown-handle", "unknown handle index 77777"),
    ]);
}

#[test]
fn handles_that_the_guest_has_no_more() {
    assert_trapped(&[
        ("drop-twice", "unknown handle index"),
        ("use-dropped-handle", "unknown handle index"),
        ("drop-transaction-twice", "unknown handle index"),
    ]);
}

#[test]
fn handles_of_something_else() {
    assert_trapped(&[("transaction-as-response", "handle index"), ("response-as-transaction", "handle index")]);
}

#[test]
fn texts_that_are_not_in_memory() {
    assert_trapped(&[
        ("text-beyond-memory", "string pointer/length out of bounds of memory"),
        ("text-across-the-end", "string pointer/length out of bounds of memory"),
        ("text-around-the-end", "string pointer/length out of bounds of memory"),
        ("text-of-2-gib", "string pointer/length out of bounds of memory"),
        ("url-beyond-memory", "string pointer/length out of bounds of memory"),
    ]);
}

#[test]
fn texts_that_are_no_texts() {
    assert_trapped(&[
        ("broken-utf-8", "utf-8"),
        ("surrogate", "utf-8"),
        ("overlong-utf-8", "utf-8"),
        ("cut-utf-8", "utf-8"),
        ("unknown-level", "unexpected discriminant: 99"),
    ]);
}

#[test]
fn places_for_results_that_are_none() {
    assert_trapped(&[
        ("result-beyond-memory", "pointer out of bounds"),
        ("result-out-of-place", "pointer not aligned"),
    ]);
    let lies = Case { users: 2, iterations: 3, fate: Fate::Trap("realloc"), ..Case::new("realloc_lies", "x") };
    assert_harmless(&[lies]);
}

#[test]
fn requests_that_are_not_in_memory() {
    assert_trapped(&[
        ("request-beyond-memory", "pointer out of bounds"),
        ("request-out-of-place", "pointer not aligned"),
        ("headers-beyond-memory", "list pointer/length out of bounds of memory"),
        ("headers-without-end", "list pointer/length out of bounds of memory"),
        ("headers-around-the-end", "list pointer/length out of bounds of memory"),
        ("unknown-option", "invalid option discriminant"),
        ("batch-beyond-memory", "list pointer/length out of bounds of memory"),
        ("batch-without-end", "list pointer/length out of bounds of memory"),
    ]);
}

#[test]
fn a_time_that_is_no_number_is_no_time() {
    assert_harmless(&[Case { users: 2, iterations: 3, ..Case::new("hostile_forgeries", "endless-nan") }]);
}
