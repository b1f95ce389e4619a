//! Several scenarios in one run: who makes which share of the load, and that each is on its own.

mod hooks;
mod threads;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Value, json};

use crate::support::figures::{count, failures, rows};
use crate::support::program::{Ran, Wasmload, counts, named};
use crate::support::server::{Gate, Server};

/// Three scenarios that share by weight, each of which asks for the path of its name.
const SHARES: &str = r#"
    [[scenario]]
    name = "browse"
    component = "guests/asks.wasm"
    weight = 70
    var = { url = "/browse" }

    [[scenario]]
    name = "search"
    component = "guests/asks.wasm"
    weight = 20
    var = { url = "/search" }

    [[scenario]]
    name = "buy"
    component = "guests/asks.wasm"
    weight = 10
    var = { url = "/buy" }
"#;

/// Runs that plan against a server; its paths, counted, and the summary.
#[track_caller]
fn run(plan: &str, flags: &str) -> (BTreeMap<String, u64>, Value) {
    let server = Server::start();
    let summary = Wasmload::run_plan(plan).against(&server).with("-q").with(flags).output().expect(0).summary();
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}));
    let mut asked = BTreeMap::new();
    for path in server.paths() {
        *asked.entry(path).or_default() += 1;
    }
    (asked, summary)
}

/// How many iterations of each scenario there were, in the order of the plan.
fn iterations(summary: &Value) -> Vec<(&str, u64)> {
    let rows = rows(summary, "iterations").iter();
    rows.map(|row| (row["name"].as_str().expect("a name"), count(row, "/count"))).collect()
}

#[test]
fn arrivals_are_dealt_by_weight() {
    for threads in [1, 2] {
        let (asked, summary) = run(SHARES, &format!("--rate 500/s -t 2s --threads {threads}"));
        for (name, owed) in [("browse", 700), ("search", 200), ("buy", 100)] {
            let row = named(&summary["iterations"], name);
            assert_eq!(count(row, "/count"), asked[&format!("/{name}")], "{name}");
            // Where the machine was too slow for the last ones, they were dropped.
            assert_eq!(count(row, "/count") + count(row, "/dropped"), owed, "{name}, {threads} threads");
            assert!(count(row, "/dropped") <= owed / 4, "{name}, {threads} threads: {row:#}");
        }
        assert_eq!(summary["scenarios"], json!(["browse", "search", "buy"]));
    }
}

#[test]
fn a_bound_of_iterations_is_dealt_by_weight() {
    for load in ["-u 20", "--rate 1000/s"] {
        let (_, summary) = run(SHARES, &format!("{load} -i 200"));
        let dropped = count(&summary, "/dropped_iterations");
        assert_eq!(dropped, 0, "{load}");
        assert_eq!(iterations(&summary), [("browse", 140), ("search", 40), ("buy", 20)], "{load}");
    }
}

#[test]
fn virtual_users_are_dealt_by_weight() {
    let (asked, summary) = run(SHARES, "-u 10 --iterations-per-user 3 --threads 2");
    assert_eq!(asked, [("/browse", 21), ("/buy", 3), ("/search", 6)].map(|(path, n)| (path.into(), n)).into());
    assert_eq!(summary["vus"]["started"], 10);
}

#[test]
fn the_virtual_users_for_a_rate_are_shared_and_what_each_scenario_drops_is_its_own() {
    // It never answers, so that each virtual user starts one iteration.
    let server = Server::gated(Gate::of(1_000));
    let flags = "-q --rate 100/s -t 1s --max-vus 10 --graceful-stop 0s --threads 2";
    let program = Wasmload::run_plan(SHARES).against(&server).with(flags).arg("--threshold");
    let summary = program.arg("dropped_iterations{scenario=search}: == 18").output().expect(0).summary();
    for (name, started, dropped) in [("browse", 7, 63), ("search", 2, 18), ("buy", 1, 9)] {
        assert_eq!(server.count(&format!("/{name}")), started, "{name}");
        assert_eq!(named(&summary["iterations"], name)["dropped"], dropped, "{name}");
    }
    assert_eq!(summary["dropped_iterations"], 90);
}

#[test]
fn virtual_users_that_are_fixed_come_beside_those_that_are_shared() {
    let plan = format!(
        r#"
        users = 10
        iterations-per-user = 1
        {SHARES}
        [[scenario]]
        name = "report"
        component = "guests/asks.wasm"
        users = 3
        iterations-per-user = 4
        var = {{ url = "/report" }}
        "#
    );
    let (asked, summary) = run(&plan, "");
    assert_eq!(iterations(&summary), [("browse", 7), ("search", 2), ("buy", 1), ("report", 12)]);
    assert_eq!(asked["/report"], 12);
    assert_eq!(summary["vus"]["started"], 13);
}

#[test]
fn virtual_users_have_ids_of_their_own_over_all_scenarios() {
    let plan = r#"
        users = 6
        iterations-per-user = 1
        var = { case = "identify" }
        [[scenario]]
        name = "one"
        component = "guests/user_control.wasm"
        weight = 2
        [[scenario]]
        name = "two"
        component = "guests/user_control.wasm"
    "#;
    let server = Server::start();
    let ran = Wasmload::run_plan(plan).against(&server).with("-q --threads 2").output().expect(0);
    let log = ran.log();
    let of = |name: &str| log.iter().filter(|line| line.contains(&format!("scenario {name} "))).count();
    assert_eq!((of("one"), of("two"), log.len()), (4, 2, 6), "{log:?}");
    let ids: BTreeSet<_> = log.iter().filter_map(|line| line.rsplit_once("vu=")).map(|(_, id)| id).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6"].into());
}

#[test]
fn a_rate_and_virtual_users_go_side_by_side() {
    let plan = r#"
        [[scenario]]
        name = "open"
        component = "guests/asks.wasm"
        rate = "20/s"
        iterations = 10
        [[scenario]]
        name = "closed"
        component = "guests/async_iteration.wasm"
        users = 2
        iterations-per-user = 5
    "#;
    let (asked, summary) = run(plan, "");
    assert_eq!(iterations(&summary), [("open", 10), ("closed", 10)]);
    assert_eq!((asked["/"], asked["/a"]), (10, 10));
    assert_eq!(summary["open_model"], true);
    // Only those that were due at a rate could be late.
    assert_eq!(summary["start_delay_seconds"]["count"], 10);
}

#[test]
fn a_scenario_can_start_later() {
    let plan = r#"
        [[scenario]]
        name = "early"
        component = "guests/asks.wasm"
        rate = "20/s"
        iterations = 10
        var = { url = "/early" }
        [[scenario]]
        name = "late"
        component = "guests/asks.wasm"
        start = "1500ms"
        users = 2
        iterations-per-user = 2
        var = { url = "/late" }
        [[scenario]]
        name = "last"
        component = "guests/asks.wasm"
        start = "3s"
        rate = "20/s"
        iterations = 2
        var = { url = "/last" }
    "#;
    let server = Server::start();
    let summary = Wasmload::run_plan(plan).against(&server).with("-q").output().expect(0).summary();
    let expected: Vec<_> = [("/early", 10), ("/late", 4), ("/last", 2)]
        .into_iter()
        .flat_map(|(path, times)| std::iter::repeat_n(path, times))
        .collect();
    assert_eq!(server.paths(), expected);
    assert!(summary["elapsed_seconds"].as_f64().is_some_and(|seconds| seconds >= 3.0), "{summary:#}");
}

#[test]
fn each_scenario_can_have_a_target_of_its_own() {
    let (first, second) = (Server::start(), Server::start());
    let plan = format!(
        r#"
        host = "{}"
        iterations = 4
        [[scenario]]
        name = "first"
        component = "guests/status_only.wasm"
        [[scenario]]
        name = "second"
        component = "guests/status_only.wasm"
        host = "{}"
        users = 2
        iterations-per-user = 3
        "#,
        first.url(),
        second.url()
    );
    let summary = Wasmload::run_plan(&plan).with("-q").output().expect(0).summary();
    assert_eq!((first.requests().len(), second.requests().len()), (4, 6));
    assert_eq!(iterations(&summary), [("first", 4), ("second", 6)]);
    assert_eq!(summary["total"]["failures"], 0);
}

#[test]
fn scenarios_of_every_kind_go_together() {
    let plan = r#"
        users = 8
        iterations-per-user = 5
        seed = 3
        [[scenario]]
        component = "guests/asks.wasm"
        [[scenario]]
        component = "guests/async_iteration.wasm"
        [[scenario]]
        component = "guests/tasks.wasm"
        task = ["search"]
        [[scenario]]
        component = "guests/async_tasks.wasm"
    "#;
    let (asked, summary) = run(plan, "--threads 2");
    let names = ["asks", "async_iteration", "tasks", "async_tasks"];
    assert_eq!(iterations(&summary), names.map(|name| (name, 10)));
    assert_eq!(rows(&summary, "failures"), [] as [Value; 0]);
    assert_eq!((asked["/"], asked["/a"], asked["/search"], asked["/start"]), (10, 10, 10, 2));
    assert_eq!(asked.get("/browse"), None, "that task was not chosen");
    assert_eq!((asked.get("/left"), asked.get("/a")), (asked.get("/right"), asked.get("/c")));
    let rows = rows(&summary, "requests");
    assert!(rows.iter().any(|row| row["scenario"] == "async_tasks" && row["name"] == "/left"), "{rows:#?}");
    assert!(rows.iter().any(|row| row["scenario"] == "tasks" && row["name"] == "/search"), "{rows:#?}");
}

#[test]
fn twenty_scenarios_start_and_are_reported() {
    let mut plan = "users = 40\niterations-per-user = 2\n".to_owned();
    for number in 1..=20 {
        let table = format!("[[scenario]]\nname = \"s{number:02}\"\ncomponent = \"guests/asks.wasm\"\n");
        writeln!(plan, "{table}var = {{ url = \"/{number:02}\" }}").expect("a text takes a text");
    }
    let server = Server::start();
    let ran = Wasmload::run_plan(&plan).against(&server).with("--threads 2").output().expect(0);
    let summary = ran.summary();
    assert_eq!(server.requests().len(), 80);
    assert_eq!(rows(&summary, "scenarios").len(), 20);
    for number in 1..=20 {
        let (name, path) = (format!("s{number:02}"), format!("/{number:02}"));
        assert_eq!(server.count(&path), 4, "{name}");
        assert_eq!(counts(named(&summary["iterations"], &name)), (4, 0));
        let request = named(&summary["requests"], &path);
        assert_eq!((&request["scenario"], counts(request)), (&json!(name), (4, 0)));
        assert!(ran.stdout.contains(&name) && ran.stdout.contains(&path), "{name}:\n{}", ran.stdout);
    }
}

/// A run of two scenarios of `user_control`, whose tables in the plan end with these lines, and that of the first iteration.
fn two_that_speak(first: &str, second: &str) -> Ran {
    let plan = format!(
        r#"
        iterations = 2
        [[scenario]]
        name = "first"
        component = "guests/user_control.wasm"
        {first}
        [[scenario]]
        name = "second"
        component = "guests/user_control.wasm"
        {second}
        "#
    );
    let server = Server::start();
    let ran = Wasmload::run_plan(&plan).against(&server).with("-q").output().expect(0);
    assert_eq!(server.paths(), ["/", "/"]);
    ran
}

#[test]
fn variables_reach_only_their_scenario() {
    let (first, second) = (r#"var = { case = "variables", present = "yes" }"#, r#"var = { case = "variables" }"#);
    let ran = two_that_speak(first, second);
    let log: BTreeSet<_> =
        ran.log().into_iter().filter_map(|line| line.rsplit_once(" vu=")).map(|(said, _)| said).collect();
    let expected =
        [r#"INFO scenario: present Some("yes"), absent None"#, r#"INFO scenario: present None, absent None"#];
    assert_eq!(log, expected.into());
}

#[test]
fn secrets_reach_only_their_scenario() {
    let secret = "hunter2-correct-horse";
    let first = format!(r#"var = {{ case = "secret" }}{}secret = {{ key = "{secret}" }}"#, "\n");
    let ran = two_that_speak(&first, r#"var = { case = "secret" }"#);
    assert_eq!(ran.log(), ["INFO scenario: the secret is *** vu=1"]);
    let summary = ran.summary();
    let reason = "give the secret with --secret key=...";
    assert_eq!(failures(&summary, "iteration"), [("marked", reason, 1)]);
    assert_eq!(named(&summary["failures"], "second")["reason"], reason);
    assert!(!ran.stderr.contains(secret) && !summary.to_string().contains(secret));
}

#[test]
fn data_reaches_only_its_scenario() {
    let plan = r#"
        iterations-per-user = 2
        users = 2
        [[scenario]]
        name = "first"
        component = "guests/data.wasm"
        data = { rows = "first.csv" }
        [[scenario]]
        name = "second"
        component = "guests/data.wasm"
        data = { rows = "second.csv" }
    "#;
    let program = Wasmload::run_plan(plan).file("first.csv", "id\n1\n").file("second.csv", "id\n2\n3\n");
    let server = Server::start();
    program.against(&server).with("-q").output().expect(0);
    let mut asked: Vec<_> = server.requests().into_iter().filter_map(|request| request.query).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["id=1", "id=1", "id=2", "id=3"]);
}

#[test]
fn a_scenario_that_ends_the_run_ends_it_for_all() {
    let plan = r#"
        [[scenario]]
        name = "endless"
        component = "guests/sleeper.wasm"
        users = 2
        var = { sleep = "86400" }
        [[scenario]]
        name = "stops"
        component = "guests/user_control.wasm"
        users = 1
        start = "500ms"
        var = { case = "stop-test" }
    "#;
    let server = Server::start();
    let summary = Wasmload::run_plan(plan).against(&server).with("-q").output().expect(108).summary();
    assert_eq!(summary["end"], json!({"reason": "stopped-by-scenario", "message": "the disk is full"}));
    assert_eq!(iterations(&summary), [("endless", 2), ("stops", 1)]);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn virtual_users_that_end_in_one_scenario_leave_the_others() {
    let plan = r#"
        iterations-per-user = 3
        users = 4
        [[scenario]]
        name = "fails"
        component = "guests/start_fails.wasm"
        var = { failing = "1,2,3,4" }
        [[scenario]]
        name = "works"
        component = "guests/status_only.wasm"
    "#;
    let (asked, summary) = run(plan, "");
    assert_eq!(asked["/"], 6);
    assert_eq!(iterations(&summary), [("fails", 0), ("works", 6)]);
    assert_eq!((&summary["vus"]["started"], &summary["vus"]["failed"]), (&json!(4), &json!(2)));
    assert_eq!(failures(&summary, "lifecycle"), [("marked", "no account left", 2)]);
}
