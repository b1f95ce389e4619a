//! Requests that would be something else on their way: other hosts in headers and redirects, a second request inside the
//! first, and cookies of others.

use super::Verdict::{Denied, DeniedAfter, Invalid, Target};
use super::{Attempt, assert_verdicts};

#[test]
fn a_line_end_injects_nothing() {
    let rest = "\r\nx-injected: 1\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: {elsewhere}\r\n\r\n";
    let method = format!("GET / HTTP/1.1{rest}GET");
    let header = |name, value| Attempt::with("/header", &[("header", name), ("value", value)], Invalid);
    assert_verdicts(&[
        Attempt::with("/method", &[("method", &method)], Invalid),
        Attempt::with("/method", &[("method", "GET\r\nx-injected:")], Invalid),
        Attempt::with("/method", &[("method", "GE T")], Invalid),
        Attempt::with("/method", &[("method", "CONNECT")], Invalid),
        header("x\r\nx-injected", "1"),
        header("x-injected: 1\r\nx", "1"),
        header("x-injected:", "1"),
        header("x\0", "1"),
        header("x", "1\r\nx-injected: 1"),
        header("x", "1\nx-injected: 1"),
        header("x", "1\rx-injected: 1"),
        header("x", "1\0"),
        header("x", rest),
    ]);
}

#[test]
fn line_ends_in_a_url_are_no_line_ends() {
    assert_verdicts(&[
        Attempt::url("/line\r\nend", Target("/lineend")),
        Attempt::url("/line%0d%0aend", Target("/line%0d%0aend")),
        Attempt::url("/a HTTP/1.1\r\nx-injected: 1\r\n\r\nGET /b", Target("/a%20HTTP/1.1x-injected:%201GET%20/b")),
        Attempt::url("/\u{85}\u{2028}\0end", Target("/%C2%85%E2%80%A8%00end")),
    ]);
}

#[test]
fn bodies_end_where_they_end() {
    let body = "GET /smuggled HTTP/1.1\r\nx-injected: 1\r\n\r\n";
    let with = |name, value| {
        Attempt::with("/body", &[("method", "POST"), ("body", body), ("header", name), ("value", value)], Invalid)
    };
    assert_verdicts(&[
        with("content-length", "0"),
        with("Content-Length", "5"),
        with("content-length", "+42"),
        with("content-length", "42, 42"),
        with("content-length", "-1"),
        with("transfer-encoding", "chunked"),
        with("Transfer-Encoding", "identity"),
        Attempt::with("/body", &[("method", "POST"), ("body", body)], Target("/body")),
    ]);
}

/// A server that has several sites, or a proxy before it, goes by this header.
#[test]
fn a_header_leads_to_no_other_host() {
    let host = |value, verdict| Attempt::with("/host", &[("header", "Host"), ("value", value)], verdict);
    assert_verdicts(&[
        host("{elsewhere}", Denied),
        host("elsewhere.test", Denied),
        host("127.0.0.1:1", Denied),
        host("{target}@{elsewhere}", Denied),
        host("{target}, {elsewhere}", Denied),
        host("{target}", Target("/host")),
    ]);
}

#[test]
fn a_redirect_leads_nowhere_else() {
    let follow = |url| Attempt::url(url, DeniedAfter(url));
    let once =
        Attempt::with("/redirect?http://{elsewhere}/", &[("redirects", "0")], Target("/redirect?http://{elsewhere}/"));
    assert_verdicts(&[
        once,
        follow("/redirect?http://{elsewhere}/"),
        follow("/redirect?//{elsewhere}/"),
        follow(r"/redirect?\\{elsewhere}/"),
        follow(r"/redirect?http:/\{elsewhere}/"),
        follow(r"/redirect?http://{elsewhere}\@{target}/"),
        follow("/redirect?http://{target}@{elsewhere}/"),
        follow("/redirect?http://2130706434:{port}/"),
        follow("/redirect?http://elsewhere.test:{port}/"),
        follow("/redirect?https://{elsewhere}/"),
        follow("/redirect?http://localhost:{port}/"),
    ]);
}

#[test]
fn cookies_of_others_are_not_sent() {
    let cookie = |path, from, cookie| Attempt::with(path, &[("from", from), ("cookie", cookie)], Target(path));
    assert_verdicts(&[
        cookie("/of-another-address", "http://{elsewhere}/", "a=1"),
        cookie("/of-another-address-for-this", "http://{elsewhere}/", "a=1; domain=127.0.0.1"),
        cookie("/of-another-name", "http://elsewhere.test/", "a=1"),
        cookie("/of-another-name-for-all", "http://elsewhere.test/", "a=1; domain=test"),
        cookie("/for-another-name", "/", "a=1; domain=elsewhere.test"),
        cookie("/for-another-address", "/", "a=1; domain=127.0.0.2"),
        // What addresses end with is no domain.
        cookie("/for-the-end-of-an-address", "/", "a=1; domain=0.0.1"),
        cookie("/for-another-path", "/elsewhere/", "a=1; path=/elsewhere"),
        cookie("/of-nobody", "none:", "a=1"),
    ]);
}
