//! Plan files: what they mean, how flags win over them, what `wasmload plan` and `wasmload check` make of them.

mod mistakes;
mod printed;

use serde_json::{Value, json};

use crate::support::program::{Wasmload, counts, guest, named};
use crate::support::server::Server;

/// Runs that plan with these flags against a server; the paths that it saw, and the summary.
#[track_caller]
fn run(plan: &str, flags: &str) -> (Vec<String>, Value) {
    let server = Server::start();
    let summary = Wasmload::run_plan(plan).against(&server).with("-q").with(flags).output().expect(0).summary();
    (server.paths(), summary)
}

#[test]
fn a_plan_of_one_scenario_needs_no_table() {
    let plan = "component = \"guests/status_only.wasm\"\nname = \"front\"\nusers = 2\niterations-per-user = 3\n";
    let (paths, summary) = run(plan, "");
    assert_eq!(paths, ["/"; 6]);
    assert_eq!((&summary["scenarios"], &summary["vus"]["started"]), (&json!(["front"]), &json!(2)));
}

#[test]
fn a_scenario_without_a_name_is_called_as_its_file() {
    let (_, summary) = run("iterations = 1\n[[scenario]]\ncomponent = \"guests/status_only.wasm\"\n", "");
    assert_eq!(summary["scenarios"], json!(["status_only"]));
}

#[test]
fn keys_are_flags_and_their_values_are_what_flags_take() {
    let plan = r#"
        component = "guests/asks.wasm"
        users = 2
        iterations = 5
        threads = 2
        seed = 18446744073709551615
        graceful-stop = "1s"
        quiet = true
        user-agent = "planned/1"
        no-keepalive = true
        json = "summary.json"
        var = { url = "/planned", then = "/again" }
    "#;
    let server = Server::start();
    // No flag but the target.
    let ran = Wasmload::with_plan("run", plan).against(&server).output().expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert_eq!(ran.summary()["seed"], "18446744073709551615");
    assert_eq!((server.count("/planned"), server.count("/again"), server.connections()), (5, 5, 10));
    assert!(server.requests().iter().all(|request| request.header("user-agent") == Some("planned/1")));
}

#[test]
fn flags_win() {
    let plan = "iterations = 100\nvar = { url = \"/top\", then = \"/then\" }\n[[scenario]]\n\
                component = \"guests/asks.wasm\"\nhost = \"http://127.0.0.1:1\"\nvar = { url = \"/own\" }\n";
    let once = |flags: &str| {
        let (paths, summary) = run(plan, flags);
        assert_eq!(summary["total"]["failures"], 0);
        paths
    };
    assert_eq!(once("-i 1"), ["/own", "/then"]);
    assert_eq!(once("-i 1 --var url=/flag"), ["/flag", "/then"]);
    assert_eq!(once("-i 1 --var then=/flag"), ["/own", "/flag"]);
}

#[test]
fn a_load_by_flags_takes_the_place_of_the_file_s() {
    let scenario = "[[scenario]]\ncomponent = \"guests/status_only.wasm\"\n";
    for (load, flags, expected) in [
        ("rate = \"100/s\"\nmax-vus = 7\nrun-time = \"1h\"\n", "-u 2 --iterations-per-user 3", 6),
        ("stages = \"1h:5\"\nusers = 3\n", "-u 2 -i 7", 7),
        ("users = 3\nspawn-rate = 0.001\n", "--rate 1000/s -i 4", 4),
        ("users = 3\npacing = \"1h\"\n", "--rate 1000/s -i 4", 4),
        ("iterations = 1000\n", "-i 4", 4),
    ] {
        let (paths, _) = run(&format!("{load}{scenario}"), flags);
        assert_eq!(paths.len(), expected, "{load}{flags}");
    }
}

#[test]
fn a_scenario_s_own_load_stands_whatever_the_flags() {
    let plan = "[[scenario]]\nname = \"shares\"\ncomponent = \"guests/status_only.wasm\"\n\
                [[scenario]]\nname = \"own\"\ncomponent = \"guests/status_only.wasm\"\nusers = 1\niterations = 2\n";
    let (_, summary) = run(plan, "-u 3 --iterations-per-user 5");
    assert_eq!(counts(named(&summary["iterations"], "shares")), (15, 0));
    assert_eq!(counts(named(&summary["iterations"], "own")), (2, 0));
}

#[test]
fn a_scenario_s_keys_win_over_those_at_the_top() {
    let plan = r#"
        iterations = 2
        user-agent = "top"
        task = ["browse"]
        var = { url = "/top", then = "/then" }
        [[scenario]]
        component = "guests/asks.wasm"
        task = []
        var = { url = "/own" }
        [[scenario]]
        component = "guests/tasks.wasm"
    "#;
    let (mut paths, _) = run(plan, "");
    paths.sort_unstable();
    assert_eq!(paths, ["/browse", "/own", "/start", "/then"]);
}

#[test]
fn paths_are_relative_to_the_plan_s_folder() {
    let plan = r#"
        iterations = 2
        json = "results/summary.json"
        profile = "load.csv"
        [[scenario]]
        component = "../guests/data.wasm"
        data = { rows = "rows.csv" }
        secret = { key = "file:key.txt" }
    "#;
    let server = Server::start();
    let program = Wasmload::with_plan("run", "").file("plans/mine.toml", plan);
    let program = program.file("plans/rows.csv", "id\n7\n").file("plans/load.csv", "seconds,users\n0,1\n3600,1\n");
    let directory = program.file("plans/key.txt", "hunter2").file("plans/results/.keep", "").directory;
    let mut program = Wasmload::new(["run", "plans/mine.toml", "-q"]).against(&server);
    program.command.current_dir(directory.path());
    program.output().expect(0);
    let asked: Vec<_> = server.requests().into_iter().filter_map(|request| request.query).collect();
    assert_eq!(asked, ["id=7", "id=7"]);
    assert!(directory.path().join("plans/results/summary.json").exists());
}

#[test]
fn paths_in_flags_are_relative_to_where_the_program_runs() {
    let server = Server::start();
    let plan = "iterations = 1\ncomponent = \"../guests/data.wasm\"\ndata = { rows = \"none.csv\" }\n";
    let program = Wasmload::with_plan("run", "").file("plans/mine.toml", plan).file("rows.csv", "id\n8\n");
    let directory = program.directory;
    let mut program = Wasmload::new(["run", "plans/mine.toml", "-q", "--data", "rows=rows.csv"]).against(&server);
    program.command.current_dir(directory.path());
    program.output().expect(0);
    assert_eq!(server.only_request().query.as_deref(), Some("id=8"));
}

#[test]
fn secrets_at_the_top_are_everybody_s() {
    let plan = r#"
        iterations = 2
        secret = { key = "env:THE_SECRET" }
        var = { case = "secret" }
        [[scenario]]
        name = "one"
        component = "guests/user_control.wasm"
        [[scenario]]
        name = "two"
        component = "guests/user_control.wasm"
    "#;
    let server = Server::start();
    let mut program = Wasmload::run_plan(plan).against(&server).with("-q");
    program.command.env("THE_SECRET", "hunter2-correct-horse");
    let ran = program.output().expect(0);
    assert_eq!(server.paths(), ["/", "/"]);
    let log = ran.log();
    assert!(
        log.iter().all(|line| line.starts_with("INFO scenario: the secret is *** vu=")) && log.len() == 2,
        "{log:?}"
    );
    assert!(!ran.stderr.contains("hunter2") && !ran.summary().to_string().contains("hunter2"));
}

#[test]
fn check_tries_each_scenario_once_whatever_its_load() {
    let plan = r#"
        rate = "1000/s"
        run-time = "1h"
        threshold = "requests: count > 1000"
        [[scenario]]
        component = "guests/asks.wasm"
        weight = 9
        [[scenario]]
        component = "guests/tasks.wasm"
        [[scenario]]
        component = "guests/async_iteration.wasm"
        start = "30m"
        users = 50
    "#;
    let server = Server::start();
    Wasmload::with_plan("check", plan).against(&server).output().expect(0);
    for (path, times) in [("/", 1), ("/start", 1), ("/browse", 1), ("/search", 1), ("/buy", 1), ("/a", 1)] {
        assert_eq!(server.count(path), times, "{path}: {:?}", server.paths());
    }
    assert_eq!(server.requests().len(), 8);
}

#[test]
fn check_fails_where_one_of_the_scenarios_does() {
    let plan = "[[scenario]]\ncomponent = \"guests/status_only.wasm\"\n\
                [[scenario]]\ncomponent = \"guests/iteration_fails.wasm\"\n";
    let server = Server::start();
    let ran = Wasmload::with_plan("check", plan).against(&server).output().expect(107);
    assert_eq!(server.paths(), ["/", "/"]);
    assert!(ran.stdout.contains("the cart is empty"), "{}", ran.stdout);
}

#[test]
fn a_component_is_no_plan_and_a_plan_is_no_component() {
    let server = Server::start();
    let ran = Wasmload::new(["run", "missing.toml"]).against(&server).output().expect(104);
    let message = "error: failed to read the plan file missing.toml: No such file or directory (os error 2)\n";
    assert_eq!(ran.stderr, message);
    let program = Wasmload::new(["run".as_ref(), guest("status_only").as_os_str(), "-i".as_ref(), "1".as_ref()]);
    program.against(&server).with("-q").output().expect(0);
    assert_eq!(server.requests().len(), 1);
}
