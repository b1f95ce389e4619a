//! HTTP/2 with nginx, held against its access log: many requests on one connection, connections that nginx ends while
//! requests are under way, and bodies of any size.

mod endings;
mod transfers;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::figures::count;
use crate::support::nginx::{Line, Nginx, Site, Speaks, connections};
use crate::support::program::Wasmload;

/// Runs a guest against an nginx that does that, over HTTP/2; nothing may fail.
#[track_caller]
fn run(guest: &str, directives: &str, flags: &str) -> (Value, Vec<Line>) {
    let nginx = Nginx::secure(&format!("{directives} location / {{ return 200 ok; }}"));
    let program = Wasmload::run(guest).against_nginx(&nginx).with("-q").with(flags);
    let summary = program.output().expect(0).summary();
    assert_went_well(&summary);
    let log = nginx.into_log();
    assert!(log.iter().all(|line| line.request.ends_with(" HTTP/2.0")), "{flags}");
    assert_eq!(count(&summary, "/total/count"), log.len() as u64, "{flags}");
    assert_eq!(count(&summary, "/total/connections/opened"), connections(&log) as u64, "{flags}");
    (summary, log)
}

/// There were requests and iterations, none failed, and all requests went over HTTP/2.
#[track_caller]
fn assert_went_well(summary: &Value) {
    assert_eq!(summary["failures"].as_array().map(Vec::len), Some(0), "{:#}", summary["failures"]);
    assert!(count(summary, "/iterations/0/count") > 0);
    assert!(count(summary, "/total/count") > 0);
    assert_eq!(count(summary, "/total/http2"), count(summary, "/total/count"));
}

/// For each connection, which of its requests are in the log.
fn by_connection(log: &[Line]) -> BTreeMap<u64, BTreeSet<u64>> {
    let mut connections: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in log {
        connections.entry(line.connection).or_default().insert(line.on_connection);
    }
    connections
}

/// A batch has ten requests, of which six are under way at one time.
const BATCHES: &str = "-u 4 --iterations-per-user 10 --var case=batch";

#[test]
fn the_batches_of_a_virtual_user_share_its_connection() {
    let (summary, log) = run("request_shapes", "", BATCHES);
    let connections = by_connection(&log);
    assert_eq!(connections.len(), 4);
    assert!(connections.values().all(|requests| requests.iter().copied().eq(1..=100)), "{connections:?}");
    // Five of the first six wait for the connection that the sixth opens, and nobody waits thereafter.
    assert_eq!(count(&summary, "/total/phases/blocked/requests"), 4 * 5);
    assert_eq!(count(&summary, "/total/phases/connect/requests"), 4);
    assert_eq!(count(&summary, "/total/phases/tls/requests"), 4);
}

/// What is begun before nginx has said that it allows one stream is refused by it, and sent again.
#[test]
fn requests_wait_for_a_stream_where_nginx_allows_one_at_a_time() {
    let (summary, log) = run("request_shapes", "http2_max_concurrent_streams 1;", BATCHES);
    assert_eq!(by_connection(&log).len(), 4);
    assert_eq!(count(&summary, "/total/connections/reconnects"), 0);
    // Of each batch at least five find the stream taken.
    assert!(count(&summary, "/total/phases/blocked/requests") >= 4 * 10 * 5, "{:#}", summary["total"]["phases"]);
}

#[test]
fn without_keepalive_each_request_has_a_connection() {
    let (summary, log) = run("request_shapes", "", &format!("{BATCHES} --no-keepalive"));
    assert!(by_connection(&log).values().all(|requests| requests.iter().copied().eq(1..=1)));
    assert_eq!(count(&summary, "/total/phases/tls/requests"), 400);
}

#[test]
fn cleartext_is_spoken_with_prior_knowledge() {
    let directives = "location / { return 200 ok; }";
    let nginx = Nginx::serve(Site { speaks: Speaks::Http2, directives, ..Site::default() });
    let program = Wasmload::run("request_shapes").against_nginx(&nginx).with("-q --http2-prior-knowledge");
    let summary = program.with(BATCHES).output().expect(0).summary();
    assert_went_well(&summary);
    assert_eq!(count(&summary, "/total/phases/tls/requests"), 0);
    let connections = by_connection(&nginx.into_log());
    assert_eq!(connections.len(), 4);
    assert!(connections.values().all(|requests| requests.len() == 100), "{connections:?}");
}

/// The summary counts what crosses a connection, and nginx what belongs to a response. Beside these there are a
/// connection's own frames: from nginx its settings, that it has seen the client's, its window, and why it ends.
#[test]
fn bytes_are_those_of_responses_and_of_the_connection_s_own_frames() {
    /// More than nginx's own frames of a short connection take, in bytes.
    const OWN_FRAMES: u64 = 128;
    let (summary, log) = run("status_only", "keepalive_requests 10;", "-u 4 --iterations-per-user 50");
    let responses = log.iter().map(|line| line.bytes_sent).sum::<u64>();
    let received = count(&summary, "/total/bytes_received");
    let most = responses + OWN_FRAMES * connections(&log) as u64;
    assert!((responses..=most).contains(&received), "{received} bytes, of which {responses} in responses");
}
