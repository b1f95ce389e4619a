//! What the host measured: plain data, no behaviour beyond arithmetic.
//!
//! This module knows nothing of how a sample was taken, where it is kept or how it is shown.

use std::time::Duration;

/// The parts of one exchange, in the order in which they happen. Each is zero where the exchange had no such part: a
/// request on a kept connection has no `dns`, `connect` and `tls`. With redirects, the sum over all hops.
///
/// The parts add up to the service time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Waiting for a connection that others of the same virtual user have: until one of those is free, until an HTTP/2
    /// server allows one more stream, or until it is known which version of HTTP the server speaks.
    pub blocked: Duration,
    /// Looking the name up.
    pub dns: Duration,
    /// The TCP handshake.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// Writing the request, from its start to its last byte handed to the system.
    pub send: Duration,
    /// From there to the first byte of the response.
    pub wait: Duration,
    /// From there to the last byte of its body.
    pub receive: Duration,
}

impl Phases {
    /// The names of the phases, in order; as reports spell them.
    pub const NAMES: [&'static str; 7] = ["blocked", "dns", "connect", "tls", "send", "wait", "receive"];

    /// The phases in the order of [`Phases::NAMES`].
    pub fn as_array(&self) -> [Duration; 7] {
        [self.blocked, self.dns, self.connect, self.tls, self.send, self.wait, self.receive]
    }

    /// What came since an earlier state of the same phases.
    pub fn since(&self, earlier: &Phases) -> Phases {
        Phases {
            blocked: self.blocked - earlier.blocked,
            dns: self.dns - earlier.dns,
            connect: self.connect - earlier.connect,
            tls: self.tls - earlier.tls,
            send: self.send - earlier.send,
            wait: self.wait - earlier.wait,
            receive: self.receive - earlier.receive,
        }
    }

    /// The sum of all phases: the service time.
    pub fn total(&self) -> Duration {
        self.as_array().iter().sum()
    }
}

/// What a request did with connections: counts, over all hops and tries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// Connections that were opened for it.
    pub connections: u32,
    /// TLS handshakes that were taken in full.
    pub tls_full: u32,
    /// TLS handshakes that resumed an earlier session of the same virtual user.
    pub tls_resumed: u32,
    /// How many times a kept connection turned out to be dead, and the request went over another one.
    pub reconnects: u32,
    /// Redirects that were followed.
    pub redirects: u32,
    /// Requests that went over HTTP/2; the others went over HTTP/1.1.
    pub http2: u32,
}

/// Why a request, iteration, task, transaction or event counts as failed: the kind, for programs to tell apart. The
/// reason beside it is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureKind {
    /// The request could not be sent as it was given.
    InvalidRequest,
    /// The run's policy forbids the request.
    Denied,
    /// The host's name did not resolve.
    Dns,
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The exchange outlasted its bound.
    Timeout,
    /// The peer closed the connection or sent what is not HTTP.
    Protocol,
    /// The body is larger than the run allows.
    BodyTooLarge,
    /// More redirects than allowed.
    TooManyRedirects,
    /// A response came with a status of 400 or above.
    Status,
    /// The scenario said so: `mark-failure`, an error from an iteration, a failed transaction or event.
    Marked,
    /// The guest trapped.
    Trap,
    /// None of these.
    Other,
}

impl FailureKind {
    /// The word for it in reports and output formats.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::InvalidRequest => "invalid-request",
            FailureKind::Denied => "denied",
            FailureKind::Dns => "dns",
            FailureKind::Connect => "connect",
            FailureKind::Tls => "tls",
            FailureKind::Timeout => "timeout",
            FailureKind::Protocol => "protocol",
            FailureKind::BodyTooLarge => "body-too-large",
            FailureKind::TooManyRedirects => "too-many-redirects",
            FailureKind::Status => "status",
            FailureKind::Marked => "marked",
            FailureKind::Trap => "trap",
            FailureKind::Other => "other",
        }
    }
}

/// A failure's kind and the reason that groups it in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Failure<'a> {
    /// The kind.
    pub kind: FailureKind,
    /// The reason, for people.
    pub reason: &'a str,
}

/// Labels that a guest gave a request: keys with their values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tags<'a>(pub &'a [(String, String)]);

impl<'a> Tags<'a> {
    /// The value under a key; the last of several holds.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(its, _)| its == key).map(|(_, value)| value.as_str())
    }
}

/// One request, as measured.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The HTTP method, or the kind of request for one that the guest timed.
    pub method: &'a str,
    /// The name that statistics are kept under.
    pub name: &'a str,
    /// From the request's start to the last byte of its body.
    pub service_time: Duration,
    /// From when the request was due to the last byte of its body. Longer than the service time where an arrival waited
    /// for a virtual user; the same in the closed model, and where the guest did the timing.
    pub response_time: Duration,
    /// The parts of the service time; all zero where the guest did the timing.
    pub phases: Phases,
    /// Bytes written to the connection: head and body, over all hops.
    pub bytes_sent: u64,
    /// Bytes read from the connection: heads and bodies as they crossed the wire, over all hops.
    pub bytes_received: u64,
    /// What it did with connections; all zero where the guest made the request itself.
    pub transport: Transport,
    /// The response's status; 0 where there was no response, or the guest made the request itself.
    pub status: u16,
    /// The labels that thresholds may filter by.
    pub tags: Tags<'a>,
    /// Why it failed; none for a success.
    pub failure: Option<Failure<'a>>,
    /// The guest made and timed this request itself.
    pub timed_by_guest: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_tag_holds() {
        let tags = [("kind", "page"), ("kind", "api")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!([Tags(&tags).get("kind"), Tags(&tags).get("zone")], [Some("api"), None]);
        assert_eq!(Tags::default().get("kind"), None);
    }
}
