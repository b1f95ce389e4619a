//! What the summary counts, held against nginx's access log, to the last line.

mod gate;

use std::collections::BTreeMap;

use crate::support::figures::{count, failures};
use crate::support::nginx::{Line, Nginx, by_status, connections};
use crate::support::processes::wait_until;
use crate::support::program::Wasmload;
use crate::support::running::Running;

use gate::Gate;

/// `wasmload run status_only` with 64 virtual users.
fn load(nginx: &Nginx, bounds: &str) -> Wasmload {
    Wasmload::run("status_only").against_nginx(nginx).with("-u 64").with(bounds)
}

/// Ends an nginx, and reads what it wrote down of this load.
fn log(nginx: Nginx) -> Vec<Line> {
    let log = nginx.into_log();
    assert_eq!(log.iter().find(|line| line.request != "GET / HTTP/1.1").map(|line| &*line.request), None);
    log
}

#[test]
fn every_request_of_100_000_is_in_the_access_log() {
    let nginx = Nginx::start(
        "location / {
             if ($kind = missing) { return 404; }
             if ($kind = busy) { return 503; }
             return 200 ok;
         }",
    );
    let summary = load(&nginx, "-i 100000").output().expect(0).summary();
    let log = log(nginx);
    assert_eq!(log.len(), 100_000);
    assert_eq!(count(&summary, "/total/count"), 100_000);
    assert_eq!(count(&summary, "/interrupted/requests"), 0);

    let mut logged = by_status(&log);
    let fine = logged.remove(&200).expect("four fifths are fine");
    assert_eq!(100_000 - count(&summary, "/total/failures"), fine);
    let told = failures(&summary, "request").into_iter().map(|(kind, reason, count)| {
        assert_eq!(kind, "status");
        (reason.parse().expect("the reason is the status"), count)
    });
    assert_eq!(told.collect::<BTreeMap<u16, u64>>(), logged);
    assert_eq!(logged.into_keys().collect::<Vec<_>>(), [404, 503]);

    let sum = |bytes: fn(&Line) -> u64| log.iter().map(bytes).sum::<u64>();
    assert_eq!(count(&summary, "/total/bytes_sent"), sum(|line| line.bytes_read));
    assert_eq!(count(&summary, "/total/bytes_received"), sum(|line| line.bytes_sent));
    assert_eq!(connections(&log), 64, "each virtual user keeps its connection");
    assert_eq!(count(&summary, "/total/phases/connect/requests"), 64);
}

#[test]
fn a_run_interrupted_at_full_speed_has_counted_what_was_answered() {
    let nginx = Nginx::start("location / { return 200 ok; }");
    let run = Running::start(load(&nginx, ""));
    wait_until("there is load", || nginx.status().requests > 5_000);
    run.interrupt();
    let summary = run.finish().expect(105).summary();
    let logged = by_status(&log(nginx));
    assert_eq!(logged, BTreeMap::from([(200, count(&summary, "/total/count"))]));
    assert_eq!(count(&summary, "/total/failures"), 0);
    assert_eq!(count(&summary, "/interrupted/requests"), 0);
    assert_eq!(count(&summary, "/interrupted/iterations"), 0);
}

/// Answered at once, before the gate holds what comes.
const AT_ONCE: u64 = 500;

/// A run whose 64 virtual users all wait for an answer, behind nginx at the gate.
fn run_at_the_gate() -> (Gate, Nginx, Running) {
    let gate = Gate::start(AT_ONCE);
    let nginx = Nginx::start(&format!("location / {{ proxy_pass http://{}; }}", gate.address));
    let run = Running::start(load(&nginx, ""));
    wait_until("all virtual users wait", || gate.held() == 64);
    (gate, nginx, run)
}

#[test]
fn an_interrupt_lets_what_is_under_way_end() {
    let (gate, nginx, mut run) = run_at_the_gate();
    run.interrupt();
    run.stderr_line("stopping: iterations under way may end");
    gate.open();
    let summary = run.finish().expect(105).summary();
    assert_eq!(summary["end"]["reason"], "interrupted");
    assert_eq!(summary["end"]["forced"], false);
    assert_eq!(count(&summary, "/total/count"), AT_ONCE + 64);
    assert_eq!(count(&summary, "/total/failures"), 0);
    assert_eq!(count(&summary, "/iterations/0/count"), AT_ONCE + 64);
    assert_eq!(count(&summary, "/interrupted/requests"), 0);
    assert_eq!(count(&summary, "/interrupted/iterations"), 0);
    assert_eq!(by_status(&log(nginx)), BTreeMap::from([(200, AT_ONCE + 64)]));
}

/// Lines with status 200 are the summary's requests. Those with 499, nginx's own for a client that closed the connection
/// before it had its answer, are the summary's interrupted requests. There are no others.
#[test]
fn a_second_interrupt_cuts_off_what_is_under_way() {
    let (_gate, nginx, mut run) = run_at_the_gate();
    run.interrupt();
    run.stderr_line("stopping: iterations under way may end");
    run.interrupt();
    let summary = run.finish().expect(105).summary();
    // The connection that asks is open too.
    wait_until("nginx has seen all connections close", || nginx.status().active == 1);
    assert_eq!(summary["end"]["reason"], "interrupted");
    assert_eq!(summary["end"]["forced"], true);
    assert_eq!(count(&summary, "/total/count"), AT_ONCE);
    assert_eq!(count(&summary, "/total/failures"), 0);
    assert_eq!(count(&summary, "/interrupted/requests"), 64);
    assert_eq!(count(&summary, "/interrupted/iterations"), 64);
    assert_eq!(by_status(&log(nginx)), BTreeMap::from([(200, AT_ONCE), (499, 64)]));
}
