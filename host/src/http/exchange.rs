//! What came of a request: the response or the error, and what was measured.

use std::borrow::Cow;

use crate::sample::{Phases, Transport};

use super::client::{Client, Subject};
use super::error::Error;
use super::h1::Encoded;

/// A request that is over, with its outcome and its measurements.
#[derive(Debug)]
pub struct Exchange {
    /// The last hop's response, or why there is none.
    pub outcome: Result<Response, Error>,
    /// Where the time went, over all hops. The phases add up to the service time, for failures too: the time until a
    /// failure belongs to the phase that failed.
    pub phases: Phases,
    /// Bytes of heads and bodies handed to connections, before TLS, over all hops and tries.
    pub bytes_sent: u64,
    /// Bytes of heads and bodies that came from connections, as coded, after TLS, over all hops.
    pub bytes_received: u64,
    /// What it did with connections, over all hops and tries.
    pub transport: Transport,
    /// The request as first sent, or what there was of it.
    pub(super) subject: Subject,
    /// The request that the last redirect led to.
    pub(super) last: Option<Box<Encoded>>,
    pub(super) client: Client,
}

impl Exchange {
    /// The request's method, as given.
    pub fn method(&self) -> &str {
        self.subject.method()
    }

    /// The name that statistics are kept under where the guest gave none: the URL's path, without its query. A request
    /// that could not be sent has what its URL says before a query, unparsed.
    pub fn default_name(&self) -> &str {
        self.subject.default_name()
    }

    /// Memory that request and response take, in bytes.
    pub fn heap_bytes(&self) -> usize {
        let response = self.outcome.as_ref().map_or_else(Error::heap_bytes, Response::capacity);
        response + self.subject.heap_bytes() + self.last.as_ref().map_or(0, |request| request.wire.capacity())
    }

    /// The URL that answered, after redirects, or would have. Put together when asked for.
    pub fn url(&self) -> String {
        match (&self.last, &self.subject) {
            (Some(request), _) => self.client.url_of(request),
            (None, Subject::Request(request)) => self.client.url_of(request),
            (None, Subject::Refused(refused)) => refused.url.clone(),
        }
    }
}

/// A whole response. It is kept as its bytes came: reading only its status costs no more than that.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    /// The head as it came, then the decoded body.
    bytes: Vec<u8>,
    head_length: usize,
    body_size: u64,
    sets_cookies: bool,
}

impl Response {
    pub(crate) fn new(status: u16, bytes: Vec<u8>, head_length: usize, body_size: u64, sets_cookies: bool) -> Self {
        Response { status, bytes, head_length, body_size, sets_cookies }
    }

    /// The status, from 200.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The version that the server says it speaks: `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub fn version(&self) -> &str {
        std::str::from_utf8(self.status_line().next().unwrap_or_default()).unwrap_or_default()
    }

    /// The reason phrase beside the status; empty where the server sent none, as over HTTP/2.
    pub fn reason(&self) -> Cow<'_, str> {
        let phrase = self.status_line().nth(2).unwrap_or_default();
        String::from_utf8_lossy(phrase.trim_ascii())
    }

    /// The size of the head as it came, in bytes, up to the empty line and with it.
    pub fn head_size(&self) -> u64 {
        self.head_length as u64
    }

    /// The headers in the order and case in which they came. What isn't UTF-8 in a value becomes U+FFFD.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.lines().map(|(name, value)| (name, String::from_utf8_lossy(value)))
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.lines().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(value))
    }

    /// The body, decoded; empty where it was discarded.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.head_length..).unwrap_or_default()
    }

    /// The decoded body's size in bytes, also where it was discarded.
    pub fn body_size(&self) -> u64 {
        self.body_size
    }

    /// The memory that this response holds, in bytes.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn sets_cookies(&self) -> bool {
        self.sets_cookies
    }

    /// The head's first line: version, status, reason.
    fn status_line(&self) -> impl Iterator<Item = &[u8]> {
        let head = self.bytes.get(..self.head_length).unwrap_or_default().trim_ascii_start();
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        line.trim_ascii_end().splitn(3, |byte| *byte == b' ')
    }

    /// The head's lines behind its first. The head was parsed when it came, so they are well formed.
    fn lines(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let head = self.bytes.get(..self.head_length).unwrap_or_default().trim_ascii_start();
        head.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let (name, value) = line.split_at(colon);
            Some((std::str::from_utf8(name).ok()?, value[1..].trim_ascii()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_from_the_head() {
        let head = b"\r\nHTTP/1.1 200 a: b\r\nX-One:  1 \r\nempty:\nx-one: two: 2\r\nbin: \xff\r\n\r\n";
        let bytes = [&head[..], b"not: a header\r\n"].concat();
        let response = Response::new(200, bytes, head.len(), 15, false);
        let headers: Vec<_> = response.headers().collect();
        let expected = [("X-One", "1"), ("empty", ""), ("x-one", "two: 2"), ("bin", "\u{fffd}")];
        assert_eq!(headers, expected.map(|(name, value)| (name, Cow::from(value))));
        assert_eq!((response.reason().as_ref(), response.head_size()), ("a: b", head.len() as u64));
        assert_eq!(response.version(), "HTTP/1.1");
        assert_eq!(response.header("x-one").as_deref(), Some("1"));
        assert_eq!(response.header("EMPTY").as_deref(), Some(""));
        assert_eq!(response.header("not"), None);
        assert_eq!(response.body(), b"not: a header\r\n");
    }
}
