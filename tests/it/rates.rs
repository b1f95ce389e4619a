//! The open model: iterations start at a rate, whether or not earlier ones ended.

mod refusals;
mod stall;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::figures::{count, number, rows};
use crate::support::processes::wait_until;
use crate::support::program::{Wasmload, counts, named};
use crate::support::running::Running;
use crate::support::server::{Gate, Server};

/// A server that answers nothing, however long it is asked.
fn mute() -> Server {
    Server::gated(Gate::of(1_000_000))
}

/// The summary of a run of `status_only` against a server that answers at once, with what it made counted up: iterations
/// that ended, and dropped ones. Those are none, but for what a slow machine has no time left for as the load's own time
/// is over.
#[track_caller]
fn run(arguments: &str) -> (Value, u64) {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("-q").with(arguments);
    let summary = program.output().expect(0).summary();
    let (ended, failed) = counts(named(&summary["iterations"], "status_only"));
    assert_eq!((ended, failed), (server.requests().len() as u64, 0), "{arguments}");
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}), "{arguments}");
    let dropped = count(&summary, "/dropped_iterations");
    assert!(dropped <= ended / 3, "{arguments}: {dropped} of {}", ended + dropped);
    (summary, ended + dropped)
}

#[test]
fn a_rate_owes_as_many_iterations_as_it_says() {
    for (arguments, expected) in [
        ("--rate 50/s -t 2s", 100),
        ("--rate 3000/m -t 1s", 50),
        ("--rate 50/s -t 1h -i 20", 20),
        // The last one would be due as the time is over.
        ("--rate 10/s -t 500ms", 5),
        // One is due at once, however slow the rate.
        ("--rate 1/h -t 200ms", 1),
    ] {
        for threads in [1, 3] {
            let (summary, owed) = run(&format!("{arguments} --threads {threads}"));
            assert_eq!(owed, expected, "{arguments}, {threads} threads");
            assert_eq!(summary["open_model"], true, "{arguments}");
            assert_eq!(summary["end"], json!({"reason": "completed"}), "{arguments}");
        }
    }
}

#[test]
fn what_a_server_answers_at_once_is_not_dropped() {
    // No time ends these loads, so that even a slow machine makes all of them.
    for arguments in [
        "--rate 50/s -i 50",
        "--rate 50/s -i 50 --arrivals poisson",
        "--rate 0/s --stages 1s:100/s,1h:100/s -i 60",
        // Threads without a virtual user made ahead, and more threads than virtual users.
        "--rate 20/s -i 20 --threads 16",
        "--rate 4/s -i 6 --threads 8 --max-vus 1",
    ] {
        assert_eq!(run(arguments).0["dropped_iterations"], 0, "{arguments}");
    }
}

#[test]
fn a_load_at_a_rate_lasts_as_long_as_it_says() {
    for arguments in ["--rate 2/s -t 1s", "--rate 4/s --stages 500ms:4/s,0s:0/s,500ms:0/s"] {
        let summary = run(arguments).0;
        // The last iteration is due after half of that time, and rates are over all of it.
        assert_eq!(summary["total"]["count"], 2, "{arguments}");
        assert!(number(&summary, "/elapsed_seconds") >= 1.0, "{arguments}: {}", summary["elapsed_seconds"]);
        assert!(number(&summary, "/total/rate_per_second") <= 2.0, "{arguments}: {}", summary["total"]);
    }
}

#[test]
fn a_rate_that_changes_owes_the_area_under_it() {
    for (arguments, expected) in [
        ("--rate 0/s --stages 1s:100/s", 50),
        ("--rate 0/s --stages 500ms:100/s,500ms:100/s,500ms:0/s", 100),
        ("--rate 100/s --stages 1s:0/s", 50),
        // A jump takes no time, and makes nothing.
        ("--rate 20/s --stages 500ms:20/s,0s:100/s,500ms:100/s", 60),
        // Behind its last stage a load ends, unless the run is longer.
        ("--rate 40/s --stages 500ms:40/s -t 1s", 40),
        ("--rate 40/s --stages 2h:40/s -t 500ms", 20),
        // Stages of a rate are enough.
        ("--stages 1s:40/s", 20),
    ] {
        assert_eq!(run(arguments).1, expected, "{arguments}");
    }
}

#[test]
fn iterations_that_find_no_virtual_user_are_dropped_counted_and_warned_of() {
    for threads in [1, 2] {
        let server = mute();
        let program = Wasmload::run("status_only").against(&server).with("--rate 50/s -t 2s --max-vus 3");
        let ran = program.with("--graceful-stop 0s --threads").arg(threads.to_string()).output().expect(0);
        let summary = ran.summary();
        assert_eq!(server.requests().len(), 3);
        assert_eq!(summary["vus"], json!({"started": 3, "max": 3, "failed": 0}));
        assert_eq!(summary["interrupted"], json!({"requests": 3, "iterations": 3}));
        assert_eq!(summary["dropped_iterations"], 97);
        let in_seconds: u64 = rows(&summary, "series").iter().map(|row| count(row, "/dropped_iterations")).sum();
        assert_eq!(in_seconds, 97);
        let warning = json!({"kind": "iterations-dropped", "count": 97, "missed": 0});
        assert!(rows(&summary, "warnings").contains(&warning), "{:#}", summary["warnings"]);
        let words = "97 iterations had no free VU when due, so the load was lower than planned";
        assert!(ran.stdout.contains(words), "{}", ran.stdout);
        assert!(ran.stdout.contains("`--max-vus`"), "{}", ran.stdout);
    }
}

#[test]
fn one_free_virtual_user_is_enough_for_iterations_that_are_short() {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("-q --rate 10/s -i 10 --preallocated-vus 4");
    let summary = program.with("--threads 1").output().expect(0).summary();
    assert_eq!(server.requests().len(), 10);
    // Who came last goes first, so the others keep their connections for when they are needed.
    assert_eq!(summary["vus"]["started"], 4);
    assert_eq!(summary["dropped_iterations"], 0);
}

#[test]
fn the_same_seed_gives_the_same_arrivals_and_another_one_others() {
    let owed = |seed: u64| run(&format!("--rate 100/s -t 1s --arrivals poisson --seed {seed}")).1;
    let seventh = owed(7);
    assert_eq!(owed(7), seventh);
    assert_ne!(owed(8), seventh);
    assert_ne!(seventh, 100, "they would be evenly spaced");
    // So does the number of threads change nothing.
    assert_eq!(run("--rate 100/s -t 1s --arrivals poisson --seed 7 --threads 3").1, seventh);
}

#[test]
fn virtual_users_made_ahead_have_started_before_the_first_iteration() {
    for threads in [1, 2] {
        let server = Server::start();
        let program = Wasmload::run("lifecycle").against(&server).with("-q --rate 20/s -i 6");
        let program = program.with("--preallocated-vus 5 --max-vus 5 --threads").arg(threads.to_string());
        let summary = program.output().expect(0).summary();
        let paths = server.paths();
        assert_eq!(paths[..6], ["/setup", "/start", "/start", "/start", "/start", "/start"], "{paths:?}");
        assert_eq!((server.count("/start"), server.count("/stop"), server.count("/teardown")), (5, 5, 1));
        let (ended, _) = counts(named(&summary["iterations"], "lifecycle"));
        assert_eq!((ended, server.count("/iteration")), (6, 6));
        assert_eq!(summary["dropped_iterations"], 0);
        assert_eq!(summary["vus"]["started"], 5);
    }
}

#[test]
fn response_times_count_from_when_requests_were_due() {
    let (summary, owed) = run("--rate 100/s -t 1s");
    let started = owed - count(&summary, "/dropped_iterations");
    assert_eq!(count(&summary, "/start_delay_seconds/count"), started);
    let total = &summary["total"];
    for figures in [total, named(&summary["requests"], "/")] {
        assert_eq!(count(figures, "/response_time_seconds/count"), started);
        for figure in ["min", "mean", "p50", "p90", "p99", "max"] {
            let response = number(figures, &format!("/response_time_seconds/{figure}"));
            let service = number(figures, &format!("/service_time_seconds/{figure}"));
            // Percentiles of the two are rounded to buckets of the same bounds.
            assert!(response >= service, "{figure}: {response} is below {service}");
        }
    }
    // Each iteration is one request, which is due with it: what lies between the two times is the delay.
    let mean = |pointer: &str| number(&summary, &format!("{pointer}/mean"));
    let between = mean("/total/response_time_seconds") - mean("/total/service_time_seconds");
    assert!(between >= mean("/start_delay_seconds") - 2e-6, "{between} is below {}", mean("/start_delay_seconds"));
}

#[test]
fn without_a_rate_nothing_is_due() {
    let server = Server::start();
    let summary = Wasmload::run("status_only").against(&server).with("-q -i 3").output().expect(0).summary();
    assert_eq!(server.requests().len(), 3);
    assert_eq!((&summary["open_model"], &summary["dropped_iterations"]), (&json!(false), &json!(0)));
    assert_eq!(summary["start_delay_seconds"], Value::Null);
    assert_eq!(summary["total"]["response_time_seconds"], Value::Null);
}

#[test]
fn iterations_under_way_may_end_when_no_more_are_due() {
    // No answer until all four have asked.
    let server = Server::gated(Gate { paths: &[], size: 4, holds: 4 });
    let (program, rate) = (Wasmload::run("status_only").against(&server), "-q --rate 20/s -t 200ms --max-vus 4");
    let summary = program.with(rate).output().expect(0).summary();
    assert_eq!(server.requests().len(), 4);
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}));
    assert_eq!(counts(named(&summary["iterations"], "status_only")), (4, 0));
}

#[test]
fn what_was_due_while_the_machine_stood_still_is_counted() {
    let signal = |name: &str, running: &Running| {
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &running.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "no signal {name}");
    };
    let server = Server::start();
    let running = Running::start(Wasmload::run("status_only").against(&server).with("-q --rate 100/s -t 1s"));
    server.wait_for(1);
    signal("STOP", &running);
    // Beyond the end of the load, that is.
    let stopped = Instant::now();
    wait_until("the time of the load is over", || stopped.elapsed() > Duration::from_millis(1200));
    signal("CONT", &running);
    let summary = running.finish().expect(0).summary();
    let (ended, _) = counts(named(&summary["iterations"], "status_only"));
    let cut_off = count(&summary, "/interrupted/iterations");
    assert_eq!(ended + cut_off + count(&summary, "/dropped_iterations"), 100, "{:#}", summary["iterations"]);
}

#[test]
fn a_rate_beyond_the_machine_ends_in_time_and_counts_what_it_owed() {
    let server = Server::start();
    let flags = "-q --rate 1000000/s -t 1s --graceful-stop 1s --max-vus 10";
    let summary =
        Running::start(Wasmload::run("status_only").against(&server).with(flags)).finish().expect(0).summary();
    let (ended, failed) = counts(named(&summary["iterations"], "status_only"));
    let started = ended + count(&summary, "/interrupted/iterations");
    assert!(ended > 0, "{summary:#}");
    assert_eq!((started + count(&summary, "/dropped_iterations"), failed), (1_000_000, 0));
    assert_eq!(summary["end"], json!({"reason": "completed"}));
}

#[test]
fn an_interrupt_ends_the_wait_for_virtual_users_that_do_not_start() {
    let server = Server::gated(Gate { paths: &["/start"], size: 1_000, holds: usize::MAX });
    let flags = "-q --rate 20/s -t 1h --preallocated-vus 2 --graceful-stop 0s";
    let running = Running::start(Wasmload::run("lifecycle").against(&server).with(flags));
    server.wait_for(3);
    running.interrupt();
    let summary = running.finish().expect(105).summary();
    assert_eq!(server.paths(), ["/setup", "/start", "/start", "/teardown"]);
    assert_eq!(summary["end"], json!({"reason": "interrupted", "forced": false}));
    // Nothing was due, as the load had not begun.
    assert_eq!(summary["dropped_iterations"], 0);
}

#[test]
fn an_interrupt_ends_the_arrivals() {
    let server = Server::start();
    let running = Running::start(Wasmload::run("status_only").against(&server).with("-q --rate 50/s -t 1h"));
    server.wait_for(5);
    running.interrupt();
    let summary = running.finish().expect(105).summary();
    assert_eq!(summary["end"], json!({"reason": "interrupted", "forced": false}));
    assert_eq!(counts(&summary["total"]), (server.requests().len() as u64, 0));
}

#[test]
fn a_load_is_over_when_all_virtual_users_have_failed() {
    // Each of them traps in its first iteration.
    let server = Server::start();
    let program = Wasmload::run("traps").against(&server).with("-q --rate 50/s --max-vus 10 --max-traps 1");
    let summary = Running::start(program).finish().expect(107).summary();
    assert_eq!(summary["vus"], json!({"started": 10, "max": summary["vus"]["max"], "failed": 10}));
}
