//! What a scenario gets of WASI: clocks, chance, its variables, and a log to print into; in several patch versions.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::program::{Ran, Wasmload, named};

fn run(arguments: &str) -> Ran {
    let mut program = Wasmload::run("wasi").with("-q").with(arguments);
    program.command.env("WASMLOAD_TEST_MARKER", "of the process");
    let ran = program.output().expect(0);
    // The guest looks at the clocks itself, and fails where they are wrong.
    assert_eq!(named(&ran.summary()["iterations"], "wasi")["failures"], 0, "{:#}", ran.summary()["failures"]);
    ran
}

/// The lines that begin like this, by virtual user, in order.
fn lines_by_vu(ran: &Ran, beginning: &str) -> BTreeMap<String, Vec<String>> {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in ran.log() {
        let (message, vu) = line.split_once(" vu=").expect("each line has its virtual user");
        if let Some(text) = message.strip_prefix("INFO scenario: ").and_then(|text| text.strip_prefix(beginning)) {
            lines.entry(vu.to_owned()).or_default().push(text.to_owned());
        }
    }
    lines
}

#[test]
fn what_a_guest_prints_is_logged_line_by_line_with_its_virtual_user() {
    let ran = run("-u 2 --iterations-per-user 2");
    for (stream, vu) in [("stdout", 1), ("stdout", 2), ("stderr", 1), ("stderr", 2)] {
        let line = format!("INFO scenario: printed to {stream} vu={vu} stream=\"{stream}\"");
        assert_eq!(ran.log().iter().filter(|other| **other == line).count(), 2, "{line} in {:#?}", ran.log());
    }
    assert_eq!(named(&ran.summary()["iterations"], "wasi")["count"], 4);
}

#[test]
fn the_environment_is_what_the_command_line_gave() {
    let lines = lines_by_vu(&run("-i 1"), "environment: ");
    assert_eq!(lines["1"], ["[]"]);
    let lines = lines_by_vu(&run("-i 1 --var one=1 --var two=2"), "environment: ");
    assert_eq!(lines["1"], [r#"[("one", "1"), ("two", "2")]"#]);
}

#[test]
fn secrets_are_not_in_the_environment() {
    let lines = lines_by_vu(&run("-i 1 --secret key=value"), "environment: ");
    assert_eq!(lines["1"], ["[]"]);
}

#[test]
fn chance_repeats_with_the_seed_and_differs_from_one_virtual_user_to_the_next() {
    let draw = |arguments: &str| lines_by_vu(&run(&format!("-u 3 --iterations-per-user 2 {arguments}")), "random: ");
    let first = draw("--seed 1 --threads 1");
    let all: BTreeSet<_> = first.values().flatten().collect();
    assert_eq!((first.len(), all.len()), (3, 6), "{first:#?}");
    assert_eq!(first, draw("--seed 1 --threads 2"));
    let other = draw("--seed 2 --threads 1");
    assert!(other.values().flatten().all(|bytes| !all.contains(bytes)), "{other:#?}");
}

#[test]
fn without_a_seed_each_run_has_chance_of_its_own_and_says_its_seed() {
    let (one, other) = (run("-i 1"), run("-i 1"));
    assert_ne!(lines_by_vu(&one, "random: "), lines_by_vu(&other, "random: "));
    let seed = one.summary()["seed"].as_str().expect("a seed").to_owned();
    assert_eq!(lines_by_vu(&one, "random: "), lines_by_vu(&run(&format!("-i 1 --seed {seed}")), "random: "));
}
