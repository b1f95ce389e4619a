//! Connections that nginx ends: after so many requests, and when it is reloaded. That is no failure.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{assert_went_well, by_connection, run};
use crate::support::figures::count;
use crate::support::nginx::{Line, Nginx, Site, Speaks, by_status, connections};
use crate::support::processes::wait_until;
use crate::support::program::Wasmload;
use crate::support::running::Running;

#[test]
fn connections_that_end_after_100_requests_fail_none_of_20_000() {
    for (guest, flags) in [
        ("status_only", "-u 8 -i 20000"),
        // Ten requests each.
        ("request_shapes", "-u 8 -i 2000 --var case=batch"),
    ] {
        let (summary, log) = run(guest, "keepalive_requests 100;", flags);
        assert_eq!(count(&summary, "/total/count"), 20_000, "{guest}");
        let connections = by_connection(&log);
        assert!(connections.values().all(|requests| requests.last() <= Some(&100)), "{guest}");
        assert!(connections.len() >= 200, "{guest}: {} connections", connections.len());
    }
}

#[test]
fn connections_of_http_1_that_end_after_100_requests_fail_none_of_20_000() {
    let nginx = Nginx::secure("keepalive_requests 100; location / { return 200 ok; }");
    let program = Wasmload::run("status_only").against_nginx(&nginx).with("-q -u 8 -i 20000 --http1-only");
    let summary = program.output().expect(0).summary();
    let log = nginx.into_log();
    assert_eq!(by_status(&log), BTreeMap::from([(200, 20_000)]));
    assert_eq!((count(&summary, "/total/count"), count(&summary, "/total/failures")), (20_000, 0));
    assert_eq!(count(&summary, "/total/connections/opened"), connections(&log) as u64);
    assert_eq!(count(&summary, "/total/connections/reconnects"), 0);
}

/// A reload ends connections while requests are on their way; they go over the connections that follow. The run goes on
/// until this has happened twice, however long it takes.
#[test]
fn reloads_in_the_middle_of_a_run_fail_nothing() {
    for (guest, flags) in [("status_only", ""), ("request_shapes", "--var case=batch")] {
        let (summary, log) = run_with_reloads(guest, flags);
        assert_went_well(&summary);
        assert!(log.iter().all(|line| line.request.ends_with(" HTTP/2.0")), "{guest}");
    }
    let (summary, _) = run_with_reloads("status_only", "--http1-only");
    assert_eq!(summary["failures"].as_array().map(Vec::len), Some(0), "{:#}", summary["failures"]);
}

const USERS: u64 = 8;

fn run_with_reloads(guest: &str, flags: &str) -> (Value, Vec<Line>) {
    let directives = "location / { return 200 ok; }";
    let nginx = Nginx::serve(Site { speaks: Speaks::Tls, directives, reloadable: true, ..Site::default() });
    let program = Wasmload::run(guest).against_nginx(&nginx).with(&format!("-q -u {USERS}")).with(flags);
    let run = Running::start(program);
    wait_until("there is load", || nginx.status().requests > 1_000);
    reload(&nginx);
    reload(&nginx);
    run.interrupt();
    let summary = run.finish().expect(105).summary();
    let log = nginx.into_log();
    assert_eq!(by_status(&log), BTreeMap::from([(200, count(&summary, "/total/count"))]), "{guest} {flags}");
    assert!(connections(&log) as u64 >= 3 * USERS, "{guest} {flags}: {} connections", connections(&log));
    (summary, log)
}

/// Reloads it, and waits until each virtual user has a connection to the process that took over.
#[track_caller]
fn reload(nginx: &Nginx) {
    let former = Path::new("/proc").join(nginx.status().worker.to_string());
    nginx.reload();
    wait_until("the process that worked has ended", || !former.exists());
    // The connection that asks is open too.
    wait_until("all virtual users are connected again", || nginx.status().active == USERS + 1);
}
