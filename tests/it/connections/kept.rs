//! How many connections a virtual user has, and how long it keeps them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{opened, passed};
use crate::support::figures::count;
use crate::support::processes::wait_until;
use crate::support::program::Wasmload;
use crate::support::running::Running;
use crate::support::scripted::{FINE, Scripted};
use crate::support::server::{Gate, Server};

/// Ten requests at once of one virtual user.
fn batch(server: &Server) -> Wasmload {
    Wasmload::run("request_shapes").against(server).with("-i 1 --var case=batch --max-concurrent-requests 10")
}

#[test]
fn requests_beyond_the_connections_to_a_host_wait() {
    for (connections, holds) in [(3, 9), (1, 10), (10, 10)] {
        // As many at one time as there may be connections; the tenth of three at a time is on its own.
        let server = Server::gated(Gate { holds, ..Gate::of(connections) });
        let summary = passed(batch(&server).arg(format!("--max-connections-per-host={connections}")));
        assert_eq!(server.requests().len(), 10);
        assert_eq!(server.connections(), connections);
        assert_eq!(opened(&summary), connections as u64);
        let waited = count(&summary, "/total/phases/blocked/requests");
        assert_eq!(waited, 10 - connections as u64, "all the others waited");
    }
}

#[test]
fn the_bound_is_one_for_each_host() {
    let (one, other) = (Server::start(), Server::start());
    let program =
        Wasmload::run("asks").against(&one).with("-i 5 --max-connections-per-host 1 --allow-host 127.0.0.1 --var");
    let summary = passed(program.arg(format!("then={}/", other.url())));
    // Neither takes the place of the other, though requests go to both by turns.
    assert_eq!((one.requests().len(), other.requests().len()), (5, 5));
    assert_eq!((one.connections(), other.connections(), opened(&summary)), (1, 1, 2));
}

#[test]
fn without_keepalive_each_request_has_a_connection_of_its_own() {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("-u 3 -i 30 --no-keepalive");
    let summary = passed(program);
    assert_eq!(server.connections(), 30);
    assert_eq!(opened(&summary), 30);
    assert_eq!(count(&summary, "/total/phases/connect/requests"), 30);
    assert_eq!(count(&summary, "/total/connections/reconnects"), 0);
    assert!(server.requests().iter().all(|request| request.header("connection") == Some("close")));
}

#[test]
fn an_idle_connection_is_closed_while_its_virtual_user_sleeps() {
    let closed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&closed);
    let server = Scripted::start(move |mut peer| {
        while peer.request()?.is_some() {
            peer.send(FINE)?;
        }
        seen.store(true, Ordering::Release);
        Ok(())
    });
    let program = Wasmload::run("sleeper").with("-q --var sleep=86400 --idle-timeout 50ms --host");
    let run = Running::start(program.arg(server.url()));
    // Nothing else ends it: the virtual user sleeps for a day.
    wait_until("the client closes its connection", || closed.load(Ordering::Acquire));
    run.interrupt();
    let summary = run.finish().expect(105).summary();
    assert_eq!((opened(&summary), count(&summary, "/total/failures")), (1, 0));
}

#[test]
fn a_connection_that_may_not_wait_is_closed_at_once() {
    let server = Server::start();
    let summary = passed(Wasmload::run("status_only").against(&server).with("-i 5 --idle-timeout 0"));
    assert_eq!((server.connections(), opened(&summary)), (5, 5));
}
