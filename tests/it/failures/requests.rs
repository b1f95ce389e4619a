//! Requests that can't be sent as they are, and redirects that lead nowhere.

use super::{Outcome, asks, assert_fails, first};
use crate::support::program::counts;
use crate::support::scripted::{FINE, Scripted, deaf};

/// Asks for `/bad` in a way that can't be sent, and the reason that is told.
#[track_caller]
fn assert_invalid(variables: &[&str], text: &str) {
    let server = Scripted::bad(|_, _| Ok(()));
    let mut program = asks(&server, "/bad");
    for variable in variables {
        program = program.arg("--var").arg(variable);
    }
    assert_fails(program, &Outcome::told("invalid-request", text, &[]));
    // The second request is the only one that came.
    assert_eq!(server.connections(), 1, "{variables:?}");
}

#[test]
fn headers_that_would_be_something_else() {
    for value in ["1\r\nx-injected: 2", "1\nx-injected: 2", "1\rx-injected: 2", "\u{7f}"] {
        assert_invalid(&[&format!("header=x-a: {value}")], "the value of the header x-a has a control character");
    }
    for name in ["x-a\r\nx-b", "x a", "ü", ""] {
        assert_invalid(&[&format!("header={name}: 1")], &format!("{name:?} is not a header's name"));
    }
    assert_invalid(
        &["header=transfer-encoding: chunked", "body=text"],
        "a transfer-encoding header; bodies are sent with their length",
    );
}

#[test]
fn methods_that_would_be_something_else() {
    for method in ["", "GE T", "GET / HTTP/1.1\r\nx-injected: 2", "GËT"] {
        assert_invalid(&[&format!("method={method}")], &format!("{method:?} is not an HTTP method"));
    }
    assert_invalid(&["method=CONNECT"], "CONNECT asks for a tunnel, which is not supported");
}

#[test]
fn urls_that_lead_nowhere() {
    for (url, text) in [
        ("ftp://127.0.0.1/bad", "the URL's scheme is ftp; http and https are supported"),
        ("http://", "malformed URL: empty host"),
        ("http://127.0.0.1:65536/", "malformed URL: invalid port number"),
        ("http://[::1/", "malformed URL: invalid IPv6 address"),
    ] {
        assert_invalid(&[&format!("url={url}")], text);
    }
}

/// Redirects `/bad` there, and answers all else.
fn redirecting(location: &str) -> Scripted {
    let answer = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes();
    Scripted::start(move |mut peer| {
        while let Some(request) = peer.request()? {
            peer.send(if request.path == "/bad" { &answer } else { FINE })?;
        }
        Ok(())
    })
}

/// The phases of a request that was redirected.
const REDIRECTED: [&str; 4] = ["connect", "send", "wait", "receive"];

#[test]
fn redirects_in_a_circle() {
    for (flags, limit) in [("", 10), ("--max-redirects 3", 3), ("--var redirects=1", 1)] {
        let server = redirecting("/bad");
        let expected = Outcome::of(
            "too-many-redirects",
            &format!("more than {limit} redirects"),
            &format!("TooManyRedirects({limit})"),
            &REDIRECTED[..3],
        );
        let summary = assert_fails(asks(&server, "/bad").with(flags), &expected).summary();
        assert_eq!(first(&summary)["redirects"], limit);
        assert_eq!(counts(first(&summary)), (1, 1), "all hops are one request");
        assert_eq!(server.connections(), 1);
    }
}

#[test]
fn redirects_to_where_nobody_listens() {
    let socket = deaf();
    let address = socket.local_addr().expect("a bound socket has an address");
    let server = redirecting(&format!("http://{address}/elsewhere"));
    let expected = Outcome::told("connect", &format!("{address}: connection refused"), &REDIRECTED[..3]);
    let summary = assert_fails(asks(&server, "/bad"), &expected).summary();
    assert_eq!(first(&summary)["redirects"], 1);
}

#[test]
fn redirects_to_what_is_not_http() {
    for (location, text) in [
        ("ftp://127.0.0.1/", r#"redirect that leads nowhere, neither http nor https: "ftp://127.0.0.1/""#),
        ("http://", r#"redirect that leads nowhere, empty host: "http://""#),
        ("javascript:alert(1)", r#"redirect that leads nowhere, neither http nor https: "javascript:alert(1)""#),
    ] {
        let server = redirecting(location);
        assert_fails(asks(&server, "/bad"), &Outcome::told("protocol", text, &REDIRECTED[..3]));
        assert_eq!(server.connections(), 1, "{location}");
    }
}
