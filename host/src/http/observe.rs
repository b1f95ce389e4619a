//! What a curious party may see of each exchange while it is made: whole requests and responses, hop by hop.
//!
//! Nobody is curious by default, and then none of this costs anything.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use super::error::Error;
use super::exchange::Response;
use crate::sample::Phases;

/// Is told of each hop of one virtual user's requests: the request itself, and those that redirects lead to.
///
/// All is called on the path of requests, so it had better be quick.
pub trait Observer: Debug + Send + Sync {
    /// A hop that has its connection, and is sent now. Told once more where it is sent again, and not at all where it
    /// never got that far.
    fn begun(&self, _hop: &Begun<'_>) {}

    /// A hop that is over. Each is told of, also one that is dropped before it has an outcome.
    fn hop(&self, hop: &Hop<'_>);
}

/// Says which virtual users are observed, and by whom.
pub trait Watch: Debug + Send + Sync {
    /// Who observes the virtual user of that number (from 1; 0 for what runs once), if anybody does.
    fn observer(&self, vu: u32) -> Option<Arc<dyn Observer>>;
}

/// One request over one connection that is about to be sent.
#[derive(Debug)]
pub struct Begun<'a> {
    /// As [`Hop::number`].
    pub number: u64,
    /// As [`Hop::redirected`].
    pub redirected: bool,
    /// As [`Hop::method`].
    pub method: &'a str,
    /// As [`Hop::url`].
    pub url: &'a str,
    /// As [`Hop::request_headers`].
    pub request_headers: &'a [(&'a str, &'a str)],
    /// As [`Hop::request_body`].
    pub request_body: Option<&'a [u8]>,
    /// As [`Hop::connection`].
    pub connection: Option<&'a ConnectionInfo>,
    /// As [`Hop::reused`].
    pub reused: bool,
    /// As [`Hop::sent_again`].
    pub sent_again: Option<SentAgain>,
}

/// One request over one connection, and what came of it.
#[derive(Debug)]
pub struct Hop<'a> {
    /// Its number among those that are observed in this process, from 1.
    pub number: u64,
    /// When it began.
    pub started: SystemTime,
    /// Whether it follows a redirect.
    pub redirected: bool,
    /// The method.
    pub method: &'a str,
    /// The absolute URL; as the scenario gave it, where the request could not be sent.
    pub url: &'a str,
    /// The headers that were sent, in order, those that the client added included; over HTTP/2 the host stands among
    /// them. The credentials of a proxy are hidden. Empty where the request could not be sent.
    pub request_headers: &'a [(&'a str, &'a str)],
    /// The body that was sent.
    pub request_body: Option<&'a [u8]>,
    /// What came of it.
    pub outcome: Outcome<'a>,
    /// Where the time of this hop went.
    pub phases: Phases,
    /// Bytes of heads and bodies that were sent, over all tries.
    pub bytes_sent: u64,
    /// Bytes of heads and bodies that came, as coded.
    pub bytes_received: u64,
    /// The connection; none where there was none.
    pub connection: Option<&'a ConnectionInfo>,
    /// Whether the connection had served an earlier request.
    pub reused: bool,
    /// Why it was sent again, over this connection, where it was.
    pub sent_again: Option<SentAgain>,
}

/// What came of a hop.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// The response.
    Response(&'a Response),
    /// Why there is none.
    Failed(&'a Error),
    /// Nobody waited any longer: the run was cut off, or the scenario gave the request up.
    CutOff,
}

/// Why a request was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentAgain {
    /// The server had closed the connection that was kept.
    Closed,
    /// The server said that it did nothing for the request.
    Refused,
}

impl SentAgain {
    /// In words.
    pub fn reason(self) -> &'static str {
        match self {
            SentAgain::Closed => "the kept connection was closed",
            SentAgain::Refused => "the server turned the request away",
        }
    }
}

/// A connection, as people want to see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its number in this process, from 1.
    pub id: u64,
    /// Whether it speaks HTTP/2; else HTTP/1.1.
    pub http2: bool,
    /// The other end's address; none for a socket in the file system.
    pub remote: Option<SocketAddr>,
    /// This end's.
    pub local: Option<SocketAddr>,
    /// The proxy or the socket in the file system that it goes through, for people to read.
    pub via: Option<String>,
    /// What TLS agreed on; none in cleartext.
    pub tls: Option<TlsInfo>,
}

/// What a TLS handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsInfo {
    /// For example `TLSv1.3`.
    pub version: String,
    /// For example `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// The protocol that ALPN chose; empty where it chose none.
    pub alpn: String,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The server's certificate, in DER; empty where it showed none.
    pub certificate: Vec<u8>,
}
