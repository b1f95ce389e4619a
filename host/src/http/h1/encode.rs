//! A request as the bytes that go to the server: one buffer with its head and body.

use std::io::Write;
use std::ops::Range;

use crate::http::decode::Coding;
use crate::http::error::Error;
use crate::http::target::{OriginRef, Target};

/// What every request of a run carries where the guest says nothing else.
#[derive(Clone, Debug)]
pub(in crate::http) struct Defaults {
    accept_encoding: Vec<u8>,
    user_agent: Vec<u8>,
    connection: &'static [u8],
    /// All of the above behind each other, for the usual request.
    all: Vec<u8>,
}

impl Defaults {
    /// # Errors
    /// [`Error::InvalidRequest`] for a user agent that can't stand in a header.
    pub(in crate::http) fn new(user_agent: &str, keep_alive: bool) -> Result<Self, Error> {
        check_value("user-agent", user_agent)?;
        let accept_encoding = format!("accept-encoding: {}\r\n", Coding::ACCEPTED).into_bytes();
        let user_agent = format!("user-agent: {user_agent}\r\n").into_bytes();
        let connection: &[u8] = if keep_alive { b"" } else { b"connection: close\r\n" };
        let all = [&accept_encoding[..], &user_agent, connection].concat();
        Ok(Defaults { accept_encoding, user_agent, connection, all })
    }
}

/// A request's parts, unchecked but for its target.
#[derive(Debug)]
pub(in crate::http) struct Parts<'a> {
    pub(in crate::http) method: &'a str,
    pub(in crate::http) target: Target<'a>,
    /// What stands before the path in the request line: for a proxy that is sent the whole URL, that of the origin.
    pub(in crate::http) prefix: &'a str,
    /// The `host` header with its line end, where the guest gives none.
    pub(in crate::http) host_line: &'a [u8],
    pub(in crate::http) headers: &'a [(&'a str, &'a str)],
    pub(in crate::http) body: Option<&'a [u8]>,
    /// The cookies of the jar, where the guest gives none.
    pub(in crate::http) cookie: Option<&'a str>,
    /// A header for that proxy with its line end, where the guest gives none.
    pub(in crate::http) proxy_line: &'a [u8],
}

impl Parts<'_> {
    /// Bytes of what the guest says in the request's head, and of its cookies.
    pub(in crate::http) fn head_bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let cookie = self.cookie.map_or(0, |cookie| cookie.len() + 10);
        self.method.len() + self.target.path_and_query.len() + headers + cookie
    }
}

/// A request ready to be written. Its parts are found again in its bytes, so they are held once.
#[derive(Debug)]
pub(in crate::http) struct Encoded {
    pub(in crate::http) wire: Vec<u8>,
    pub(in crate::http) origin: OriginRef,
    method_length: usize,
    prefix_length: usize,
    target_length: usize,
    guest_headers: Range<usize>,
    head_length: usize,
    has_body: bool,
    /// The request asks the server to close the connection.
    pub(in crate::http) close: bool,
}

impl Encoded {
    pub(in crate::http) fn method(&self) -> &str {
        self.text(0..self.method_length)
    }

    /// The path with its query, as sent.
    pub(in crate::http) fn path_and_query(&self) -> &str {
        let start = self.method_length + 1 + self.prefix_length;
        self.text(start..start + self.target_length)
    }

    /// The headers that came from the guest.
    pub(in crate::http) fn guest_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text(self.guest_headers.clone()).split("\r\n").filter_map(|line| line.split_once(": "))
    }

    /// All headers that are sent, in order.
    pub(in crate::http) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text(0..self.head_length).split("\r\n").skip(1).filter_map(|line| line.split_once(": "))
    }

    pub(in crate::http) fn body(&self) -> Option<&[u8]> {
        self.has_body.then(|| &self.wire[self.head_length..])
    }

    /// Whether sending it twice does no more than sending it once (RFC 9110, section 9.2.2).
    pub(in crate::http) fn is_idempotent(&self) -> bool {
        matches!(self.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
    }

    /// The wire was made of text and its ranges lie on the bounds of that text's parts.
    fn text(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(&self.wire[range]).unwrap_or_default()
    }
}

/// Checks a request and puts it together. The guest's headers stand in their order and case; what the host adds stands
/// around them.
///
/// # Errors
/// [`Error::InvalidRequest`] for a method or header that HTTP has no room for, and headers that contradict the body.
pub(in crate::http) fn encode(parts: Parts<'_>, defaults: &Defaults) -> Result<Encoded, Error> {
    check_method(parts.method)?;
    let body = parts.body.unwrap_or_default();
    let mut wire = Vec::with_capacity(estimate(&parts, defaults) + body.len());
    for part in [parts.method, " ", parts.prefix, &parts.target.path_and_query, " HTTP/1.1\r\n"] {
        wire.extend_from_slice(part.as_bytes());
    }
    if !parts.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        wire.extend_from_slice(parts.host_line);
    }
    let guest_start = wire.len();
    let given = write_guest_headers(&mut wire, parts.headers, body.len())?;
    let guest_headers = guest_start..wire.len();
    write_host_headers(&mut wire, &parts, &given, defaults);
    wire.extend_from_slice(b"\r\n");
    let head_length = wire.len();
    wire.extend_from_slice(body);
    Ok(Encoded {
        method_length: parts.method.len(),
        prefix_length: parts.prefix.len(),
        target_length: parts.target.path_and_query.len(),
        guest_headers,
        head_length,
        has_body: parts.body.is_some(),
        close: given.close || !defaults.connection.is_empty() && !given.connection,
        origin: parts.target.origin,
        wire,
    })
}

/// An upper bound of the head's size.
fn estimate(parts: &Parts<'_>, defaults: &Defaults) -> usize {
    // The request line's fixed part, the empty line, and a content-length.
    const FIXED: usize = 64;
    let added = parts.prefix.len() + parts.host_line.len() + parts.proxy_line.len() + defaults.all.len();
    FIXED + parts.head_bytes() + added
}

/// Which of the headers that the host would add the guest gave itself.
#[derive(Debug, Default)]
struct Given {
    accept_encoding: bool,
    connection: bool,
    close: bool,
    content_length: bool,
    cookie: bool,
    proxy_authorization: bool,
    user_agent: bool,
}

fn write_guest_headers(wire: &mut Vec<u8>, headers: &[(&str, &str)], body_length: usize) -> Result<Given, Error> {
    let mut given = Given::default();
    for (name, value) in headers {
        check_name(name)?;
        check_value(name, value)?;
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            6 if is("cookie") => given.cookie = true,
            10 if is("connection") => {
                given.connection = true;
                given.close |= value.split(',').any(|token| token.trim_ascii().eq_ignore_ascii_case("close"));
            }
            10 if is("user-agent") => given.user_agent = true,
            14 if is("content-length") => {
                check_length(value, body_length)?;
                given.content_length = true;
            }
            15 if is("accept-encoding") => given.accept_encoding = true,
            17 if is("transfer-encoding") => {
                return Err(Error::invalid("a transfer-encoding header; bodies are sent with their length"));
            }
            19 if is("proxy-authorization") => given.proxy_authorization = true,
            _ => {}
        }
        for part in [name, ": ", value, "\r\n"] {
            wire.extend_from_slice(part.as_bytes());
        }
    }
    Ok(given)
}

fn write_host_headers(wire: &mut Vec<u8>, parts: &Parts<'_>, given: &Given, defaults: &Defaults) {
    if given.accept_encoding || given.user_agent || given.connection {
        let each = [
            (given.accept_encoding, &defaults.accept_encoding[..]),
            (given.user_agent, &defaults.user_agent),
            (given.connection, defaults.connection),
        ];
        for (_, line) in each.iter().filter(|(given, _)| !given) {
            wire.extend_from_slice(line);
        }
    } else {
        wire.extend_from_slice(&defaults.all);
    }
    if let Some(cookie) = parts.cookie.filter(|_| !given.cookie) {
        for part in ["cookie: ", cookie, "\r\n"] {
            wire.extend_from_slice(part.as_bytes());
        }
    }
    // Servers expect a length with these methods, body or not (RFC 9110, section 8.6).
    if !given.content_length && (parts.body.is_some() || matches!(parts.method, "POST" | "PUT" | "PATCH")) {
        let length = parts.body.map_or(0, <[u8]>::len);
        // Writing to a vector can't fail.
        let _ = write!(wire, "content-length: {length}\r\n");
    }
    if !given.proxy_authorization {
        wire.extend_from_slice(parts.proxy_line);
    }
}

fn check_method(method: &str) -> Result<(), Error> {
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(Error::invalid(format!("{method:?} is not an HTTP method")));
    }
    if method == "CONNECT" {
        return Err(Error::invalid("CONNECT asks for a tunnel, which is not supported"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Error> {
    if !name.is_empty() && name.bytes().all(is_token) {
        return Ok(());
    }
    Err(Error::invalid(format!("{name:?} is not a header's name")))
}

/// No control characters but the tab: a line end would begin another header.
fn check_value(name: &str, value: &str) -> Result<(), Error> {
    if value.bytes().all(|byte| byte >= b' ' && byte != 0x7f || byte == b'\t') {
        return Ok(());
    }
    Err(Error::invalid(format!("the value of the header {name} has a control character")))
}

fn check_length(value: &str, body_length: usize) -> Result<(), Error> {
    if value.bytes().all(|byte| byte.is_ascii_digit()) && value.parse() == Ok(body_length) {
        return Ok(());
    }
    Err(Error::invalid(format!("the content-length header is {value:?}, the body's size {body_length}")))
}

/// Whether a byte may stand in a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let marks = b"!#$%&'*+-.^_`|~";
        let mut byte = 0;
        while byte < 128 {
            table[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut mark = 0;
        while mark < marks.len() {
            table[marks[mark] as usize] = true;
            mark += 1;
        }
        table
    };
    TOKEN[usize::from(byte)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(method: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Result<Encoded, Error> {
        let defaults = Defaults::new("test/1", true)?;
        let target = Target { origin: OriginRef::Base, path_and_query: "/a?b=c".into() };
        let host_line = b"host: h:1\r\n";
        let parts =
            Parts { method, target, prefix: "", host_line, headers, body, cookie: Some("k=v"), proxy_line: b"" };
        encode(parts, &defaults)
    }

    fn text(method: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> String {
        let encoded = encoded(method, headers, body).expect("valid");
        String::from_utf8(encoded.wire).expect("text")
    }

    #[test]
    fn adds_what_the_guest_left_out() {
        let expected = "GET /a?b=c HTTP/1.1\r\nhost: h:1\r\nX-a: 1\r\nx-A: é\r\n\
            accept-encoding: gzip, deflate, br, zstd\r\nuser-agent: test/1\r\ncookie: k=v\r\n\r\n";
        assert_eq!(text("GET", &[("X-a", "1"), ("x-A", "é")], None), expected);
    }

    #[test]
    fn leaves_what_the_guest_gave() {
        let headers = [
            ("Accept-Encoding", "br"),
            ("USER-AGENT", "me"),
            ("cookie", "a=b"),
            ("Host", "other"),
            ("Content-Length", "2"),
            ("connection", "keep-alive"),
        ];
        let expected = "POST /a?b=c HTTP/1.1\r\nAccept-Encoding: br\r\nUSER-AGENT: me\r\ncookie: a=b\r\nHost: other\r\n\
            Content-Length: 2\r\nconnection: keep-alive\r\n\r\nhi";
        assert_eq!(text("POST", &headers, Some(b"hi")), expected);
    }

    #[test]
    fn lengths_go_with_bodies_and_with_methods_that_have_them() {
        for (method, body, expected) in [
            ("GET", None, None),
            ("DELETE", None, None),
            ("GET", Some(&b"abc"[..]), Some("3")),
            ("DELETE", Some(b""), Some("0")),
            ("POST", None, Some("0")),
            ("PUT", None, Some("0")),
            ("PATCH", Some(b"12345678901"), Some("11")),
        ] {
            let text = text(method, &[], body);
            let length = text.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
            assert_eq!(length, expected, "{text}");
        }
    }

    #[test]
    fn nothing_breaks_out_of_its_place() {
        let injections = ["a\r\nx: y", "a\nb", "a\rb", "a\0b", "\x7f", "\x1b[0m"];
        for text in injections {
            assert!(encoded("GET", &[("name", text)], None).is_err(), "{text:?} as a value");
        }
        for text in injections.into_iter().chain(["", "a b", "a:", "é", "a\t", "(a)"]) {
            assert!(encoded("GET", &[(text, "value")], None).is_err(), "{text:?} as a name");
            assert!(encoded(text, &[], None).is_err(), "{text:?} as a method");
        }
        assert!(encoded("GET", &[("name", "tab\there")], None).is_ok());
        assert!(Defaults::new("a\r\nb", true).is_err());
    }

    #[test]
    fn headers_may_not_contradict_the_body() {
        for headers in [
            [("transfer-encoding", "chunked")],
            [("Transfer-Encoding", "identity")],
            [("content-length", "3")],
            [("content-length", "+2")],
            [("content-length", "2, 2")],
            [("content-length", "")],
        ] {
            assert!(encoded("POST", &headers, Some(b"hi")).is_err(), "{headers:?}");
        }
        assert!(encoded("CONNECT", &[], None).is_err());
    }

    #[test]
    fn parts_are_found_again() {
        let encoded = encoded("PUT", &[("x", "a: b"), ("Y", "")], Some(b"body")).expect("valid");
        assert_eq!((encoded.method(), encoded.path_and_query()), ("PUT", "/a?b=c"));
        assert_eq!(encoded.guest_headers().collect::<Vec<_>>(), [("x", "a: b"), ("Y", "")]);
        assert_eq!(encoded.body(), Some(&b"body"[..]));
        assert!(encoded.is_idempotent());
    }

    #[test]
    fn closing_is_the_guests_or_the_runs_wish() {
        assert!(!encoded("GET", &[], None).expect("valid").close);
        assert!(encoded("GET", &[("Connection", "foo, Close")], None).expect("valid").close);
        let defaults = Defaults::new("test/1", false).expect("valid");
        let target = Target { origin: OriginRef::Base, path_and_query: "/".into() };
        let (headers, prefix) = (&[], "http://h:1");
        let proxy_line = b"proxy-authorization: Basic YTpi\r\n";
        let parts =
            Parts { method: "GET", target, prefix, host_line: b"", headers, body: None, cookie: None, proxy_line };
        let encoded = encode(parts, &defaults).expect("valid");
        assert!(encoded.close);
        let text = "GET http://h:1/ HTTP/1.1\r\naccept-encoding: gzip, deflate, br, zstd\r\nuser-agent: test/1\r\n\
            connection: close\r\nproxy-authorization: Basic YTpi\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&encoded.wire), text);
        assert_eq!((encoded.path_and_query(), encoded.headers().count()), ("/", 4));
    }

    #[test]
    fn credentials_for_the_proxy_that_the_guest_gave_replace_those_of_the_run() {
        let defaults = Defaults::new("test/1", true).expect("valid");
        let target = Target { origin: OriginRef::Base, path_and_query: "/".into() };
        let headers = &[("Proxy-Authorization", "Bearer x")];
        let (prefix, proxy_line) = ("http://h:1", b"proxy-authorization: Basic YTpi\r\n");
        let parts =
            Parts { method: "GET", target, prefix, host_line: b"", headers, body: None, cookie: None, proxy_line };
        let encoded = encode(parts, &defaults).expect("valid");
        let is_proxys = |name: &str| name.eq_ignore_ascii_case("proxy-authorization");
        let sent: Vec<_> = encoded.headers().filter(|(name, _)| is_proxys(name)).collect();
        assert_eq!(sent, headers);
    }
}
