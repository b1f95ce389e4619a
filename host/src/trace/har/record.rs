//! A hop that outlives the request: what goes from the threads that make the load to the one that writes.

use std::mem::size_of;
use std::time::SystemTime;

use crate::http::{ConnectionInfo, Hop, Outcome, Response, SentAgain};
use crate::sample::Phases;

/// An owned copy of a [`Hop`], its bodies cut, its secrets still in it.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) vu: u32,
    pub(super) started: SystemTime,
    pub(super) redirected: bool,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) request_headers: Vec<(String, String)>,
    pub(super) request_body: Option<Body>,
    pub(super) outcome: Result<Answer, Failed>,
    pub(super) phases: Phases,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) connection: Option<ConnectionInfo>,
    pub(super) reused: bool,
    pub(super) sent_again: Option<SentAgain>,
}

/// Why there is no response.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    /// The kind, for programs.
    pub(super) kind: &'static str,
    /// The reason, for people.
    pub(super) reason: String,
}

/// What is kept of a response.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// As the server has it.
    pub(super) version: String,
    pub(super) reason: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) head_size: u64,
    pub(super) body: Body,
}

/// What is kept of a body.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// Its beginning.
    pub(super) bytes: Vec<u8>,
    /// Its whole size in bytes.
    pub(super) size: u64,
    /// Whether it was read and not kept, since nobody wanted it.
    pub(super) discarded: bool,
}

impl Body {
    /// That of no response.
    pub(super) const NOTHING: &'static Body = &Body { bytes: Vec::new(), size: 0, discarded: false };

    fn new(bytes: &[u8], size: u64, reach: usize) -> Self {
        let discarded = bytes.is_empty() && size > 0;
        Body { bytes: bytes[..bytes.len().min(reach)].to_vec(), size, discarded }
    }
}

impl Record {
    /// A copy with the first `reach` bytes of each body.
    pub(super) fn new(vu: u32, hop: &Hop<'_>, reach: usize) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Record {
            vu,
            started: hop.started,
            redirected: hop.redirected,
            method: hop.method.to_owned(),
            url: hop.url.to_owned(),
            request_headers: hop.request_headers.iter().map(own).collect(),
            request_body: hop.request_body.map(|body| Body::new(body, body.len() as u64, reach)),
            outcome: match hop.outcome {
                Outcome::Response(response) => Ok(Answer::new(response, reach)),
                Outcome::Failed(error) => Err(Failed { kind: error.kind().as_str(), reason: error.to_string() }),
                Outcome::CutOff => Err(Failed { kind: "cut-off", reason: "cut off".to_owned() }),
            },
            phases: hop.phases,
            bytes_sent: hop.bytes_sent,
            bytes_received: hop.bytes_received,
            connection: hop.connection.cloned(),
            reused: hop.reused,
            sent_again: hop.sent_again,
        }
    }

    /// About how many bytes of memory that copy takes.
    pub(super) fn size(hop: &Hop<'_>, reach: usize) -> u64 {
        let body = |bytes: &[u8]| bytes.len().min(reach);
        let header = |name: &str, value: &str| name.len() + value.len() + size_of::<(String, String)>();
        let sent: usize = hop.request_headers.iter().map(|(name, value)| header(name, value)).sum();
        let received = match hop.outcome {
            Outcome::Response(response) => {
                response.headers().map(|(name, value)| header(name, &value)).sum::<usize>() + body(response.body())
            }
            Outcome::Failed(_) | Outcome::CutOff => 0,
        };
        let certificate =
            hop.connection.and_then(|connection| connection.tls.as_ref()).map(|tls| tls.certificate.len());
        let fixed = size_of::<Self>() + hop.method.len() + hop.url.len() + certificate.unwrap_or_default();
        (fixed + sent + hop.request_body.map_or(0, body) + received) as u64
    }
}

impl Answer {
    fn new(response: &Response, reach: usize) -> Self {
        Answer {
            status: response.status(),
            version: response.version().to_owned(),
            reason: response.reason().into_owned(),
            headers: response.headers().map(|(name, value)| (name.to_owned(), value.into_owned())).collect(),
            head_size: response.head_size(),
            body: Body::new(response.body(), response.body_size(), reach),
        }
    }
}
