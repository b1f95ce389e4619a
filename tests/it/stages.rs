//! The closed model over time: stages, profiles out of files, and what lies between two iterations.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::figures::{count, number};
use crate::support::program::{Ran, Wasmload, counts, named};
use crate::support::running::Running;
use crate::support::server::{Gate, Server};
use crate::support::untouched::{Untouched, assert_refused};

/// Iterations of a run that came to its end as planned.
#[track_caller]
fn ended(summary: &Value, scenario: &str) -> u64 {
    assert_eq!(summary["end"], json!({"reason": "completed"}));
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}));
    counts(named(&summary["iterations"], scenario)).0
}

#[test]
fn as_many_virtual_users_start_as_the_highest_stage_wants_and_all_stop() {
    for threads in [1, 2] {
        let server = Server::start();
        let stages = "--stages 100ms:6,900ms:6,100ms:2,100ms:0 --pacing 20ms";
        let program = Wasmload::run("lifecycle").against(&server).with("-q").with(stages);
        let summary = program.arg(format!("--threads={threads}")).output().expect(0).summary();
        assert_eq!(summary["vus"], json!({"started": 6, "max": 6, "failed": 0}), "{threads}");
        assert_eq!((server.count("/start"), server.count("/stop")), (6, 6), "{threads}");
        assert_eq!((server.count("/setup"), server.count("/teardown")), (1, 1), "{threads}");
        assert_eq!(ended(&summary, "lifecycle"), server.count("/iteration") as u64, "{threads}");
    }
}

#[test]
fn virtual_users_that_a_stage_begins_with_run_side_by_side() {
    // No answer until all five have asked, and none to a sixth, as nobody is left to ask with it.
    let server = Server::gated(Gate::of(5));
    let program = Wasmload::run("status_only").against(&server).with("-q -u 5 --stages 1h:5 --iterations-per-user 2");
    let summary = program.output().expect(0).summary();
    assert_eq!((server.requests().len(), server.connections()), (10, 5));
    // The load was over long before its time.
    assert_eq!(ended(&summary, "status_only"), 10);
    assert_eq!(summary["vus"], json!({"started": 5, "max": 5, "failed": 0}));
}

#[test]
fn a_stage_of_no_time_jumps() {
    let server = Server::gated(Gate::of(4));
    let program = Wasmload::run("status_only").against(&server).with("-q --stages 0s:4,1h:4 -i 40 --threads 2");
    let summary = program.output().expect(0).summary();
    assert_eq!((server.requests().len(), server.connections()), (40, 4));
    assert_eq!(ended(&summary, "status_only"), 40);
}

#[test]
fn a_run_is_over_with_its_last_stage_unless_it_is_longer() {
    let elapsed = |arguments: &str| {
        let server = Server::start();
        let program = Wasmload::run("sleeper").against(&server).with("-q --var sleep=86400 --stages 200ms:2,200ms:2");
        let summary = program.with(arguments).output().expect(0).summary();
        assert_eq!(ended(&summary, "sleeper"), server.requests().len() as u64);
        summary["elapsed_seconds"].as_f64().expect("a time")
    };
    assert!(elapsed("") >= 0.4);
    assert!(elapsed("-t 700ms") >= 0.7);
}

#[test]
fn bounds_of_iterations_hold_with_stages() {
    for (bounds, expected) in
        [("--iterations-per-user 4", 12), ("-i 5", 5), ("--iterations-per-user 4 -i 11", 11), ("-i 2 -t 1h", 2)]
    {
        let server = Server::start();
        let program = Wasmload::run("status_only").against(&server).with("-q --stages 0s:3,1h:3 --threads 2");
        let summary = program.with(bounds).output().expect(0).summary();
        assert_eq!(server.requests().len(), expected, "{bounds}");
        assert_eq!(ended(&summary, "status_only"), expected as u64, "{bounds}");
    }
}

#[test]
fn a_load_is_over_with_its_iterations_though_more_virtual_users_would_come() {
    for flags in ["-u 15 --spawn-rate 1 -i 10", "-u 1 --stages 1h:100 -i 10"] {
        for threads in [1, 2] {
            let server = Server::start();
            let program = Wasmload::run("status_only").against(&server).with("-q").with(flags);
            let running = Running::start(program.arg(format!("--threads={threads}")));
            let summary = running.finish().expect(0).summary();
            assert_eq!((ended(&summary, "status_only"), server.requests().len()), (10, 10), "{flags}");
            // The last of the virtual users would come after 14 s, and after almost an hour.
            let elapsed = number(&summary, "/elapsed_seconds");
            assert!(elapsed < 5.0, "{flags}, {threads} threads: {elapsed}");
        }
    }
}

#[test]
fn nobody_waits_for_a_next_iteration_that_there_is_not() {
    // The first of them waits when the second, which comes after 1 s, takes the last iteration.
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("-q -u 2 --spawn-rate 1 -i 2 --wait 1h");
    let summary = Running::start(program).finish().expect(0).summary();
    assert_eq!((ended(&summary, "status_only"), server.requests().len()), (2, 2));
}

/// Messages that a virtual user logs in three iterations, with that wait between them: it is there for a second, gone for
/// another one, and then back for as long as it likes.
#[track_caller]
fn said_in_two_spells(program: Wasmload, wait: &str) -> Vec<String> {
    let stages = "-q --stages 0s:1,1s:1,0s:0,1s:0,0s:1,1h:1 --iterations-per-user 3 --wait";
    let ran = Running::start(program.with(stages).arg(wait)).finish().expect(0);
    ran.log().into_iter().map(str::to_owned).collect()
}

#[test]
fn a_virtual_user_that_comes_back_goes_on_counting_its_iterations() {
    let expected =
        [0, 1, 2].map(|iteration| format!("INFO scenario: id 1, iteration {iteration}, scenario user_control vu=1"));
    // All of them in its first spell, and only some of them.
    for wait in ["300ms", "600ms"] {
        let server = Server::start();
        let program = Wasmload::run("user_control").against(&server).with("--var case=identify");
        assert_eq!(said_in_two_spells(program, wait), expected, "{wait}");
        assert_eq!(server.requests().len(), 3, "{wait}");
    }
}

#[test]
fn a_virtual_user_that_comes_back_does_not_draw_the_same_again() {
    let said = said_in_two_spells(Wasmload::run("wasi").with("--seed 7"), "600ms");
    let drawn: Vec<_> = said.iter().filter(|line| line.contains("random: ")).collect();
    assert_eq!(drawn.len(), 3, "{said:#?}");
    assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 3, "{drawn:#?}");
}

/// Iterations of three virtual users in a second, with that between them.
#[track_caller]
fn in_a_second(flags: &str) -> usize {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("-q -u 3 -t 1s --threads 2").with(flags);
    let summary = program.output().expect(0).summary();
    assert_eq!(ended(&summary, "status_only"), server.requests().len() as u64, "{flags}");
    server.requests().len()
}

#[test]
fn pacing_and_waits_bound_how_many_iterations_there_are() {
    for (flags, most_of_each) in [
        ("--pacing 200ms", 5),
        ("--wait 200ms", 5),
        ("--wait 200ms..300ms", 5),
        // The longer of the two lies between the starts.
        ("--pacing 300ms --wait 50ms", 4),
        ("--pacing 50ms --wait 300ms", 4),
        // Nobody waits for what lies beyond the end of the run.
        ("--wait 1h", 1),
        ("--pacing 1h", 1),
    ] {
        let iterations = in_a_second(flags);
        assert!((3..=3 * most_of_each).contains(&iterations), "{flags}: {iterations}");
    }
    // Each waits a tenth of a second at the most, so that even a slow machine makes more than one.
    assert!(in_a_second("--wait 50ms..100ms") > 3);
}

#[test]
fn a_wait_of_the_run_takes_the_place_of_the_scenario_s_own() {
    let server = Server::start();
    let program = Wasmload::run("tasks").against(&server).with("-q --iterations-per-user 3 --var wait=constant:86400");
    let summary = program.with("--wait 1ms").output().expect(0).summary();
    assert_eq!(ended(&summary, "tasks"), 3);
    assert_eq!(server.requests().len(), 4, "a start and three tasks");
}

#[test]
fn no_wait_follows_the_last_iteration() {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("-q -u 2 -i 2 --wait 24h --pacing 24h");
    assert_eq!(ended(&program.output().expect(0).summary(), "status_only"), 2);
    assert_eq!(server.requests().len(), 2);
}

/// A run of `status_only` by that profile.
fn by_profile(server_url: &str, profile: &str, flags: &str) -> Ran {
    let program = Wasmload::run("status_only").file("load.csv", profile).with("-q --profile load.csv").with(flags);
    program.arg("--host").arg(server_url).output()
}

#[test]
fn a_file_can_say_how_many_virtual_users_there_are_over_time() {
    let server = Server::gated(Gate::of(3));
    let profile = "# seen on a Monday\nseconds,vus\n0,3\n3600,3\n";
    let summary = by_profile(&server.url(), profile, "-i 30").expect(0).summary();
    assert_eq!(ended(&summary, "status_only"), 30);
    assert_eq!((server.requests().len(), server.connections()), (30, 3));
    assert_eq!((&summary["vus"]["max"], &summary["open_model"]), (&json!(3), &json!(false)));
}

#[test]
fn a_file_can_say_the_rate_over_time() {
    let server = Server::start();
    let profile = "rate,seconds\n0,0\n100,0.5\n20,0.5\n20,1\n";
    let summary = by_profile(&server.url(), profile, "").expect(0).summary();
    let (ended, dropped) = (ended(&summary, "status_only"), count(&summary, "/dropped_iterations"));
    assert_eq!(ended + dropped, 25 + 10);
    // The last ones, where a slow machine has no time left for them.
    assert!(dropped <= 10, "{dropped}");
    assert_eq!(summary["open_model"], true);
}

#[test]
fn what_is_wrong_with_a_profile_is_named_with_its_line() {
    for (profile, message) in [
        (
            "seconds,users\n0,1\n5\n",
            "read load.csv, line 3: it has 1 column; write a time and a value, for example 60,100",
        ),
        (
            "# of May\nseconds,hits\n0,1\n",
            "read load.csv, line 2: the columns are `seconds,hits`; write `seconds,users` for virtual users or \
             `seconds,rate` for a rate",
        ),
        (
            "seconds,users\n0,3\n10,3\n5,3\n",
            "read load.csv, line 4: its seconds are 5, after 10 in the row before; sort the rows by time",
        ),
        (
            "seconds,users\n7,3\n10,3\n",
            "read load.csv, line 2: the first row is at 7; begin at 0, or subtract 7 from the seconds of all rows",
        ),
        (
            "seconds,users\n0,many\n",
            "read load.csv, line 2: `many` is no number of virtual users; write for example 100",
        ),
        (
            "seconds,rate\n0,5/d\n",
            "read load.csv, line 2: read `5/d` as a rate: `d` is no period; periods are s, m and h; write for example \
             500/s, 30/m, 2/h, 1.5k/s, or 500 for 500/s",
        ),
        ("", "read load.csv: it has no rows; write a header line, a row for 0 and one for the end at least"),
    ] {
        let target = Untouched::new();
        let ran = by_profile(&target.url(), profile, "").expect(104);
        target.assert_untouched();
        assert_eq!(ran.stderr, format!("error: failed to {message}\n"), "{profile}");
    }
}

#[test]
fn stages_that_make_no_load() {
    let form = "write TIME:TARGET, for example 30s:100 for virtual users or 30s:100/s for a rate";
    for (stages, what) in [
        ("30s:1,5m", format!("read stage 2 of `30s:1,5m`: `5m` has no target; {form}")),
        ("100", format!("read stage 1 of `100`: `100` has no time; {form}")),
        ("30s:1,", format!("read stage 2 of `30s:1,`: it is empty; {form}")),
        (
            "1s:5,9s:5/s",
            "read stage 2 of `1s:5,9s:5/s`: `5/s` is a rate, but the stages before have numbers of virtual users; give \
             all of them a rate, or none"
                .to_owned(),
        ),
    ] {
        assert_refused(
            &format!("--stages {stages}"),
            &format!("invalid value '{stages}' for '--stages <TIME:VALUE,...>': {what}"),
        );
    }
    assert_refused(
        "--stages 30s:10 --spawn-rate 5",
        "failed to use both --spawn-rate and stages; a stage says itself how fast virtual users start; leave one of them out",
    );
    assert_refused(
        "--stages 30s:0",
        "failed to plan a run without virtual users; --users, --max-vus or the greatest of --stages has to be at least \
         1, and large enough to be shared by weight",
    );
    assert_refused(
        "--profile missing.csv",
        "failed to read missing.csv, given with --profile: No such file or directory (os error 2)",
    );
    assert_refused(
        "--wait 3s..1s",
        "invalid value '3s..1s' for '--wait <TIME[..TIME]>': read `3s..1s` as a think time: the longer time comes first; give the shorter one first, for example 1s..3s",
    );
}
