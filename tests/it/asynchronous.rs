//! Scenarios with async functions: one virtual user has several requests under way at one time.

use crate::support::program::{Wasmload, counts, named};
use crate::support::server::{Gate, Server};

#[test]
fn requests_of_an_async_iteration_overlap() {
    // No answer until all three are there: where they came one after another, the first would time out.
    let server = Server::gated(Gate::of(3));
    let summary = Wasmload::run("async_iteration").against(&server).with("-q -i 4").output().expect(0).summary();
    let iterations = named(&summary["iterations"], "async_iteration");
    assert_eq!(counts(iterations), (4, 0));
    for path in ["/a", "/b", "/c"] {
        assert_eq!(server.count(path), 4);
        let request = named(&summary["requests"], path);
        assert_eq!(counts(request), (4, 0), "{path}");
    }
    // A connection for each request under way, kept from one iteration to the next.
    assert_eq!(server.connections(), 3);
    // The guest also sleeps 10 ms at the same time.
    assert!(iterations["elapsed_seconds"]["min"].as_f64().is_some_and(|seconds| seconds >= 0.01), "{iterations:#}");
}

#[test]
fn async_virtual_users_run_side_by_side() {
    let server = Server::gated(Gate::of(12));
    let program = Wasmload::run("async_iteration").against(&server).with("-q -u 4 --threads 2 --iterations-per-user 3");
    let summary = program.output().expect(0).summary();
    assert_eq!(server.requests().len(), 36);
    assert_eq!(counts(&summary["total"]), (36, 0));
    assert_eq!(named(&summary["iterations"], "async_iteration")["failures"], 0);
}

#[test]
fn requests_of_an_async_task_overlap() {
    let server = Server::gated(Gate { paths: &["/left", "/right"], ..Gate::of(2) });
    let program = Wasmload::run("async_tasks").against(&server).with("-q -u 3 --iterations-per-user 20 --seed 5");
    let summary = program.with("--threads 1").output().expect(0).summary();
    let (pair, late) = (named(&summary["tasks"], "pair"), named(&summary["tasks"], "late"));
    let (pairs, lates) = (server.count("/left"), server.count("/late"));
    // The seed is fixed, so it draws both each time.
    assert!(lates > 0 && pairs > lates && pairs + lates == 60, "{pairs} pairs, {lates} late");
    assert_eq!(server.count("/right"), pairs);
    assert_eq!((counts(pair), counts(late)), ((pairs as u64, 0), (lates as u64, 0)));
    assert_eq!(summary["total"]["failures"], 0);
}

#[test]
fn an_async_task_is_chosen_by_name() {
    let server = Server::start();
    let summary =
        Wasmload::run("async_tasks").against(&server).with("-q -i 3 --task late").output().expect(0).summary();
    assert_eq!(server.paths(), vec!["/late"; 3]);
    let late = named(&summary["tasks"], "late");
    assert_eq!(late["count"], 3);
    // It sleeps 10 ms before its request.
    assert!(late["elapsed_seconds"]["min"].as_f64().is_some_and(|seconds| seconds >= 0.01), "{late:#}");
}
