//! Servers that can't be reached.

use super::{Outcome, asks, assert_fails, assert_outlasts, fine, first};
use crate::support::figures::failures;
use crate::support::scripted::{deaf, unanswering};

#[test]
fn a_connection_that_is_refused() {
    let socket = deaf();
    let address = socket.local_addr().expect("a bound socket has an address");
    let expected = Outcome::told("connect", &format!("{address}: connection refused"), &["connect"]);
    let summary = assert_fails(asks(&fine(), &format!("http://{address}/")), &expected).summary();
    assert_eq!(first(&summary)["connections"]["opened"], 0);
}

#[test]
fn several_addresses_of_which_none_can_be_reached() {
    let socket = deaf();
    let port = socket.local_addr().expect("a bound socket has an address").port();
    let next = fine();
    let program = asks(&next, &format!("http://shop.test:{port}/"));
    let program = program.arg("--resolve").arg(format!("shop.test:{port}:127.255.255.255,127.0.0.1"));
    let text = format!("127.0.0.1:{port}: connection refused (the last of 2 addresses tried)");
    assert_fails(program, &Outcome::told("connect", &text, &["connect"]));
}

/// No connection leads to the broadcast address of the loopback network, and no packet leaves the machine for it.
#[test]
fn an_address_that_no_route_leads_to() {
    let expected = Outcome::told("connect", "127.255.255.255:80: network unreachable", &["connect"]);
    assert_fails(asks(&fine(), "http://127.255.255.255/"), &expected);
}

/// Names have parts of at most 63 letters, so this one is not even looked for.
#[test]
fn a_name_that_cannot_be_one() {
    let name = format!("{}.test", "x".repeat(64));
    let summary = asks(&fine(), &format!("http://{name}/")).output().expect(0).summary();
    let [("dns", reason, 1)] = failures(&summary, "request")[..] else { panic!("{:#}", summary["failures"]) };
    // How it goes on is the system's own wording.
    assert!(reason.starts_with(&format!("name not resolved: {name}: ")), "{reason}");
    assert_eq!(super::phases(first(&summary)), ["dns"]);
}

/// `invalid` is kept free of names for good. Who is to look it up may be out of reach where this test runs, and so may be
/// given up on; that is the same kind of failure.
#[test]
fn a_name_that_nobody_has() {
    let ran = asks(&fine(), "http://does-not-exist.invalid/").with("--connect-timeout 2s").output().expect(0);
    let outcome = Outcome::read(&ran);
    assert_eq!((&*outcome.kind, outcome.phases, outcome.next), ("dns", vec!["dns".to_owned()], (1, 0)));
    assert!(outcome.seen.starts_with("INFO scenario: HttpError::Dns("), "{}", outcome.seen);
}

#[test]
fn a_server_that_does_not_answer_is_given_up_on() {
    let (listener, _waiting) = unanswering("127.0.0.1:0");
    let url = format!("http://{}/", listener.local_addr().expect("a bound listener has an address"));
    let server = fine();
    assert_outlasts(
        |bound| asks(&server, &url).with("--connect-timeout").arg(bound),
        |seconds| Outcome::told("connect", &format!("no answer within {seconds} s (--connect-timeout)"), &["connect"]),
    );
}
