//! Guests that flood the host: with names, log lines, cookies, headers, bodies, requests, and what they never give back.

use super::{Case, Fate, Places, assert_harmless};

/// How often a flood's guest does what it does, where a million takes too long for a test.
const MANY: u32 = 100_000;

/// What goes over the bound on names is told.
const OVER: &[&str] = &["names-over-limit"];

/// One iteration of so many, with all the CPU time that it wants between two calls of the host.
const fn flood(case: &'static str, count: u32) -> Case {
    Case { count, keys: r#"max-cpu-time = "60s""#, ..Case::new("hostile_floods", case) }
}

#[test]
fn names_are_bounded() {
    assert_harmless(&[
        // A million of them, of eight kinds.
        Case { warnings: OVER, fate: Fate::Failure(""), ..flood("names", 125_000) },
        Case { warnings: OVER, ..flood("requests", MANY) },
    ]);
}

#[test]
fn reasons_and_tags_are_bounded() {
    let rule = r#"threshold = ["failure_rate{tag.shop=1}: <= 100%"]"#;
    let reasons = Case { iterations: 10_000, fate: Fate::Failure(""), ..flood("iteration-reasons", 1) };
    assert_harmless(&[
        Case { warnings: OVER, ..flood("reasons", MANY) },
        Case { warnings: OVER, ..reasons },
        Case { run_keys: rule, ..flood("tags", MANY) },
        Case { run_keys: rule, iterations: 3, ..flood("tags-at-once", MANY) },
    ]);
}

/// Gigabytes of it, of which the log gets little, and says so.
#[test]
fn logs_are_bounded() {
    for case in [flood("log", 2_048), flood("log-lines", 256), flood("print", 65_536), flood("print-lines", 256)] {
        let case = Case { warnings: &["log-lines-dropped"], ..case };
        assert_harmless(&[case]);
        let (ran, _) = Places::open().run(&case.plan());
        let ran = ran.expect(0);
        let seconds = ran.summary()["elapsed_seconds"].as_f64().expect("a time");
        // A second's worth of lines for each second that was begun.
        let bytes = (seconds as usize + 2) << 20;
        assert!(ran.stderr.len() <= bytes, "{}: {} bytes in {seconds} s", case.case, ran.stderr.len());
    }
}

#[test]
fn cookies_are_bounded() {
    assert_harmless(&[flood("cookies", 20_000)]);
}

/// Handles that are never dropped, and what the host holds for them.
#[test]
fn handles_are_bounded() {
    assert_harmless(&[
        Case { fate: Fate::Trap("held more than"), ..flood("responses", 2 * MANY) },
        Case { fate: Fate::Trap("held more than"), ..flood("transactions", 2 * MANY) },
    ]);
}

/// What belongs to a response that is never dropped is the host's to keep: what was answered, what was asked, and why it
/// was refused.
const fn kept(case: &'static str) -> Case {
    Case { fate: Fate::Ended, mib: 448, ..flood(case, 600) }
}

#[test]
fn bodies_that_are_never_dropped_are_bounded() {
    assert_harmless(&[Case { fate: Fate::Trap("held responses of more than 256 MiB"), ..kept("bodies") }]);
}

#[test]
fn requests_that_are_never_dropped_are_bounded() {
    assert_harmless(&[kept("sent-bodies")]);
}

#[test]
fn refusals_that_are_never_dropped_are_bounded() {
    assert_harmless(&[kept("refused-urls")]);
}

#[test]
fn reasons_that_are_never_dropped_are_bounded() {
    assert_harmless(&[Case { warnings: &["requests-denied"], ..kept("refused-headers") }]);
}

#[test]
fn batches_are_bounded() {
    assert_harmless(&[flood("batch", MANY)]);
}

/// A head of 10 MiB is no request that a server takes.
#[test]
fn heads_are_bounded() {
    let heavy = |case, count| Case { iterations: 3, warnings: &["requests-denied"], ..flood(case, count) };
    assert_harmless(&[
        heavy("long-header", 10 << 20),
        heavy("headers", MANY),
        heavy("long-url", 10 << 20),
        heavy("long-method", 10 << 20),
    ]);
}

/// The guest has a memory of 2 GiB of which it never touched a page; what it asks the host to send is not copied.
#[test]
fn bodies_are_bounded() {
    let keys = "max-cpu-time = \"60s\"\nmax-memory = \"2GiB\"";
    let body = |count| Case { keys, iterations: 3, ..flood("body", count) };
    let too_much = Fate::Trap("too much data is being copied between the host and the guest");
    let denied = Case { warnings: &["requests-denied"], mib: 384, ..body(100 << 20) };
    assert_harmless(&[Case { fate: too_much, ..body(1 << 30) }, denied]);
}
