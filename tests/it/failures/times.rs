//! Servers that take too long: against the run's bound on a request, and against the request's own.

use super::{Outcome, asks, assert_outlasts, fine};
use crate::support::program::Wasmload;
use crate::support::scripted::{FINE, Scripted, unanswering};

/// That URL outlasts both bounds, and has got as far as these phases.
#[track_caller]
fn assert_times_out(server: &Scripted, url: &str, phases: &[&str]) {
    assert_outlasts(|bound| asks(server, url).with("--timeout").arg(bound), |_| Outcome::timed_out(phases));
    let own = |bound: &str| {
        let seconds: f64 = bound.trim_end_matches('s').parse().expect("a number of seconds");
        asks(server, url).with("--var").arg(format!("timeout={}", seconds * 1000.0))
    };
    assert_outlasts(own, |_| Outcome::timed_out(phases));
}

#[test]
fn a_server_that_does_not_take_the_connection() {
    let (listener, _waiting) = unanswering("127.0.0.1:0");
    let address = listener.local_addr().expect("a bound listener has an address");
    assert_times_out(&fine(), &format!("http://{address}/"), &["connect"]);
}

#[test]
fn a_server_that_does_not_answer() {
    let server = Scripted::bad(|peer, _| peer.wait_for_end());
    assert_times_out(&server, "/bad", &["connect", "send", "wait"]);
}

#[test]
fn a_head_without_its_end() {
    let server = Scripted::bad(|peer, _| {
        peer.send(b"HTTP/1.1 200 OK\r\nserver: ")?;
        peer.wait_for_end()
    });
    assert_times_out(&server, "/bad", &["connect", "send", "wait", "receive"]);
}

#[test]
fn a_body_without_its_end() {
    let server = Scripted::bad(|peer, _| {
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome")?;
        peer.wait_for_end()
    });
    assert_times_out(&server, "/bad", &["connect", "send", "wait", "receive"]);
}

/// The bound is one on the whole exchange, and not on how long nothing comes.
#[test]
fn a_body_that_keeps_coming() {
    let server = Scripted::bad(|peer, _| {
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            peer.send(b"4\r\nmore\r\n")?;
        }
    });
    let program = |bound: &str| asks(&server, "/bad").with("--var discard=yes --timeout").arg(bound);
    assert_outlasts(program, |_| Outcome::timed_out(&["connect", "send", "wait", "receive"]));
}

/// The bound is one on all hops together.
#[test]
fn redirects_that_lead_to_a_server_that_does_not_answer() {
    let server = Scripted::start(|mut peer| {
        while let Some(request) = peer.request()? {
            match &*request.path {
                "/bad" => peer.send(b"HTTP/1.1 302 Found\r\nlocation: /worse\r\ncontent-length: 0\r\n\r\n")?,
                "/worse" => return peer.wait_for_end(),
                _ => peer.send(FINE)?,
            }
        }
        Ok(())
    });
    assert_outlasts(
        |bound| asks(&server, "/bad").with("--timeout").arg(bound),
        |_| Outcome::timed_out(&["connect", "send", "wait"]),
    );
}

fn slow_handshake() -> Scripted {
    Scripted::start(|mut peer| peer.wait_for_end())
}

#[test]
fn a_tls_handshake_that_does_not_go_on() {
    let (silent, server) = (slow_handshake(), fine());
    let url = format!("https://{}/", silent.address());
    assert_outlasts(
        |bound| asks(&server, &url).with("--connect-timeout").arg(bound),
        |seconds| {
            Outcome::told("tls", &format!("not done within {seconds} s (--connect-timeout)"), &["connect", "tls"])
        },
    );
    assert_times_out(&server, &url, &["connect", "tls"]);
}

#[test]
fn a_bound_on_connecting_is_none_on_the_rest() {
    let server = Scripted::bad(|peer, _| peer.wait_for_end());
    let program = |bound: &str| -> Wasmload {
        // Half of the request's own bound, so that the request goes on well beyond it.
        let seconds: f64 = bound.trim_end_matches('s').parse().expect("a number of seconds");
        asks(&server, "/bad").with(&format!("--connect-timeout {seconds}s --timeout {}s", 2.0 * seconds))
    };
    assert_outlasts(program, |_| Outcome::timed_out(&["connect", "send", "wait"]));
}
