//! Scenarios made of tasks: which one is drawn, and how long a virtual user waits before the next.

use serde_json::{Value, json};

use crate::support::program::{Ran, Wasmload, named};
use crate::support::running::Running;
use crate::support::server::Server;

const PATHS: [&str; 3] = ["/browse", "/search", "/buy"];

fn run(server: &Server, arguments: &str) -> Ran {
    Wasmload::run("tasks").against(server).with("-q").with(arguments).output().expect(0)
}

/// The paths of the tasks that one virtual user ran, in their order.
fn drawn(arguments: &str) -> Vec<String> {
    let server = Server::start();
    run(&server, arguments);
    let mut paths = server.paths();
    assert_eq!(paths.remove(0), "/start");
    paths
}

#[test]
fn tasks_are_drawn_by_weight_and_counted_under_their_names() {
    let server = Server::start();
    let summary = run(&server, "-u 4 --iterations-per-user 500 --threads 2 --seed 7").summary();
    assert_eq!(server.count("/start"), 4);
    assert_eq!(named(&summary["iterations"], "tasks")["count"], 2000);
    // Five standard deviations of 2,000 draws; the seed is fixed, so these are the same draws each time.
    for (task, share, tolerance) in [("browse", 1400, 103), ("search", 400, 90), ("buy", 200, 68)] {
        let count = named(&summary["tasks"], task)["count"].as_u64().expect("a count");
        assert!(count.abs_diff(share) <= tolerance, "{task}: {count}");
        assert_eq!(server.count(&format!("/{task}")) as u64, count, "{task}");
    }
}

#[test]
fn the_same_seed_draws_the_same_tasks() {
    let first = drawn("-i 40 --seed 3");
    assert_eq!(first.len(), 40);
    assert_eq!(first, drawn("-i 40 --seed 3"));
    assert_ne!(first, drawn("-i 40 --seed 4"));
}

#[test]
fn sequential_tasks_run_in_their_order() {
    let expected: Vec<_> = PATHS.iter().cycle().take(7).collect();
    assert_eq!(drawn("-i 7 --var sequential=yes").iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_task_whose_name_is_a_secret_is_found_and_not_shown() {
    let server = Server::start();
    let ran = run(&server, "-i 1 --task browse --secret name=browse");
    assert_eq!(server.count("/browse"), 1);
    let summary = ran.summary();
    assert_eq!(named(&summary["tasks"], "***")["count"], 1);
    assert!(!summary.to_string().contains("browse"), "{summary:#}");
    let refused =
        Wasmload::run("tasks").against(&server).with("--task nothing --secret name=browse").output().expect(104);
    assert!(refused.stderr.contains("*** (read)") && !refused.stderr.contains("browse"), "{}", refused.stderr);
}

#[test]
fn tasks_are_chosen_by_name_and_tags() {
    for (arguments, chosen) in [
        ("--task buy", &["/buy"][..]),
        ("--task buy --task search", &["/search", "/buy"]),
        ("--tags read", &["/browse", "/search"]),
        ("--tags write,slow", &["/search", "/buy"]),
        ("--exclude-tags slow,write", &["/browse"]),
        ("--tags read --exclude-tags slow", &["/browse"]),
    ] {
        // In their order, a round of all that were chosen shows which these are.
        let arguments = format!("{arguments} -i {} --var sequential=yes", chosen.len());
        assert_eq!(drawn(&arguments), chosen, "{arguments}");
    }
}

#[test]
fn filters_that_leave_no_task_are_refused_with_the_names_that_there_are() {
    for arguments in ["--task nothing", "--tags nothing", "--tags write --exclude-tags write"] {
        let server = Server::start();
        let ran = Wasmload::run("tasks").against(&server).with("-i 1").with(arguments).output().expect(104);
        assert_eq!(server.connections(), 0, "{arguments}");
        for expected in ["--task", "browse (read)", "search (read, slow)", "buy (write)"] {
            assert!(ran.stderr.contains(expected), "{arguments}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_scenario_without_tasks_has_none_to_choose() {
    let server = Server::start();
    let ran = Wasmload::run("status_only").against(&server).with("-i 1 --task buy").output().expect(104);
    assert_eq!(server.connections(), 0);
    assert!(ran.stderr.contains("scenario `status_only` has none; leave --task"), "{}", ran.stderr);
}

#[test]
fn waits_lie_between_tasks() {
    // Five tasks have four waits between them. A run can always take longer, so only the least that it takes is sure.
    for wait in ["constant:0.03", "between:0.03:0.04"] {
        let (elapsed, tasks) = times_of_five(wait);
        assert!(elapsed - tasks >= 4.0 * 0.03, "{wait}: tasks took {tasks} of {elapsed}");
    }
}

#[test]
fn pacing_keeps_the_starts_of_tasks_apart() {
    let (elapsed, _) = times_of_five("pacing:0.03");
    assert!(elapsed >= 4.0 * 0.03, "{elapsed}");
}

/// The seconds that five tasks with that wait took, with what lay between them and without.
#[track_caller]
fn times_of_five(wait: &str) -> (f64, f64) {
    let server = Server::start();
    let summary = run(&server, &format!("-i 5 --var wait={wait}")).summary();
    assert_eq!(named(&summary["iterations"], "tasks")["count"], 5, "{wait}");
    let tasks = summary["tasks"].as_array().expect("a list").iter().map(total_seconds).sum();
    (summary["elapsed_seconds"].as_f64().expect("a time"), tasks)
}

fn total_seconds(span: &Value) -> f64 {
    let times = &span["elapsed_seconds"];
    times["mean"].as_f64().expect("a mean") * times["count"].as_f64().expect("a count")
}

#[test]
fn nothing_waits_after_the_last_task() {
    for (bound, tasks) in [("-i 1", 1), ("--iterations-per-user 1 -u 2", 2)] {
        let server = Server::start();
        let summary = run(&server, &format!("{bound} -t 20s --var wait=constant:3600")).summary();
        assert_eq!(server.requests().len(), 2 * tasks, "{bound}");
        // Only the run's time would have ended that wait.
        assert!(summary["elapsed_seconds"].as_f64().is_some_and(|seconds| seconds < 20.0), "{bound}");
        assert_eq!(summary["end"], json!({"reason": "completed"}), "{bound}");
    }
}

#[test]
fn a_wait_ends_when_the_run_stops() {
    let server = Server::start();
    let program = Wasmload::run("tasks").against(&server).with("-q -u 3 --var wait=constant:3600");
    let running = Running::start(program);
    // A start and a task of each; what follows is the wait.
    server.wait_for(6);
    running.interrupt();
    let summary = running.finish().expect(105).summary();
    assert_eq!(server.requests().len(), 6);
    assert_eq!(named(&summary["iterations"], "tasks")["count"], 3);
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}));
}
