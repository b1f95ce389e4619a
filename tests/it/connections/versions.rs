//! What is said over connections: the version of HTTP, and what the flags put into requests.

use super::{opened, passed};
use crate::support::figures::count;
use crate::support::http2;
use crate::support::program::Wasmload;
use crate::support::server::Server;

#[test]
fn http2_is_spoken_without_asking() {
    let server = http2::server();
    let program = Wasmload::run("request_shapes").with("--var case=batch --http2-prior-knowledge -u 2 --host");
    let summary = passed(program.arg(server.url()).with("--iterations-per-user 3 --max-concurrent-requests 10"));
    assert_eq!((count(&summary, "/total/count"), count(&summary, "/total/http2")), (60, 60));
    // One for each virtual user, whose requests share it.
    assert_eq!((server.connections(), opened(&summary)), (2, 2));
}

#[test]
fn http2_has_a_connection_for_each_request_without_keepalive() {
    let server = http2::server();
    let program = Wasmload::run("status_only").with("--http2-prior-knowledge --no-keepalive -i 5 --host");
    let summary = passed(program.arg(server.url()));
    assert_eq!((server.connections(), opened(&summary)), (5, 5));
    assert_eq!(count(&summary, "/total/http2"), 5);
}

#[test]
fn cleartext_is_http1_unless_said_otherwise() {
    for flags in ["", "--http1-only"] {
        let server = Server::start();
        let summary = passed(Wasmload::run("status_only").against(&server).with("-i 2").with(flags));
        assert_eq!((server.requests().len(), count(&summary, "/total/http2")), (2, 0));
    }
}

#[test]
fn the_user_agent_is_the_one_given() {
    let server = Server::start();
    passed(Wasmload::run("status_only").against(&server).with("-i 1 --user-agent").arg("shopper/2 (a test)"));
    assert_eq!(server.only_request().header("user-agent"), Some("shopper/2 (a test)"));
}

#[test]
fn no_cookies_are_kept_where_none_are_wanted() {
    let server = Server::start();
    let program = Wasmload::run("request_shapes").against(&server).with("-i 1 --no-cookies");
    passed(program.with("--var case=cookies"));
    assert_eq!(server.paths(), ["/set-cookie", "/echo", "/echo"]);
    assert!(server.requests().iter().all(|request| request.header("cookie").is_none()));
}
