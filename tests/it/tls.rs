//! TLS, held against nginx's access log: which requests opened a connection, which handshakes resumed a session, and where
//! the time went.

mod certificates;
mod resumption;
mod times;

use serde_json::Value;

use crate::support::figures::count;
use crate::support::nginx::{Line, Nginx, connections};
use crate::support::program::Wasmload;

/// The flags that choose a version of HTTP, and how nginx calls it.
const VERSIONS: [(&str, &str); 2] = [("--http1-only", "HTTP/1.1"), ("", "HTTP/2.0")];

/// Runs `status_only` against an nginx with these directives; none of its requests may fail.
#[track_caller]
fn run(directives: &str, flags: &str) -> (Value, Vec<Line>) {
    let nginx = Nginx::secure(&format!("{directives} location / {{ return 200 ok; }}"));
    let program = Wasmload::run("status_only").against_nginx(&nginx).with("-q").with(flags);
    let summary = program.output().expect(0).summary();
    assert_eq!(count(&summary, "/total/failures"), 0, "{flags}: {:#}", summary["failures"]);
    let log = nginx.into_log();
    assert_eq!(count(&summary, "/total/count"), log.len() as u64, "{flags}");
    (summary, log)
}

/// The connections that were opened, as often as the summary says it in different words.
#[track_caller]
fn opened(summary: &Value) -> u64 {
    let opened = count(summary, "/total/connections/opened");
    let handshakes = count(summary, "/total/connections/tls_full") + count(summary, "/total/connections/tls_resumed");
    assert_eq!(handshakes, opened);
    for phase in ["connect", "tls"] {
        assert_eq!(count(summary, &format!("/total/phases/{phase}/requests")), opened, "{phase}");
    }
    opened
}

#[test]
fn a_kept_connection_has_one_handshake() {
    for (flags, version) in VERSIONS {
        let (summary, log) = run("", &format!("-u 4 --iterations-per-user 50 {flags}"));
        assert!(log.iter().all(|line| line.request == format!("GET / {version}")), "{flags}");
        assert_eq!(opened(&summary), 4, "{flags}");
        assert_eq!(connections(&log), 4, "{flags}");
        assert_eq!(log.iter().map(|line| line.on_connection).max(), Some(50), "{flags}");
        assert_eq!(count(&summary, "/total/http2"), if flags.is_empty() { 200 } else { 0 }, "{flags}");
    }
}

#[test]
fn a_connection_that_the_server_ends_in_order_is_followed_by_another() {
    for (flags, _) in VERSIONS {
        let (summary, log) = run("keepalive_requests 10;", &format!("-u 4 --iterations-per-user 50 {flags}"));
        assert_eq!(opened(&summary), connections(&log) as u64, "{flags}");
        assert_eq!(connections(&log), 4 * 5, "{flags}");
        assert_eq!(log.iter().map(|line| line.on_connection).max(), Some(10), "{flags}");
        // Over HTTP/1.1 the last response says so itself; over HTTP/2 a request may cross the frame that says it.
        assert!(flags.is_empty() || count(&summary, "/total/connections/reconnects") == 0, "{flags}");
    }
}

#[test]
fn without_keepalive_every_request_has_a_handshake() {
    for (flags, _) in VERSIONS {
        let (summary, log) = run("", &format!("-u 4 -i 100 --no-keepalive {flags}"));
        assert_eq!(opened(&summary), 100, "{flags}");
        assert_eq!(connections(&log), 100, "{flags}");
        assert!(log.iter().all(|line| line.on_connection == 1), "{flags}");
    }
}

/// Over HTTP/1.1 there is nothing but requests and responses; what TLS adds is counted by neither side.
#[test]
fn bytes_are_those_that_nginx_read_and_sent() {
    let (summary, log) = run("", "-u 4 -i 200 --http1-only");
    let sum = |bytes: fn(&Line) -> u64| log.iter().map(bytes).sum::<u64>();
    assert_eq!(count(&summary, "/total/bytes_sent"), sum(|line| line.bytes_read));
    assert_eq!(count(&summary, "/total/bytes_received"), sum(|line| line.bytes_sent));
}
