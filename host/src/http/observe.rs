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
pub trait Observer: Debug + Send + Sync {
    /// A hop that is over. Called on the path of requests, so it had better be quick.
    fn hop(&self, hop: &Hop<'_>);
}

/// Says which virtual users are observed, and by whom.
pub trait Watch: Debug + Send + Sync {
    /// Who observes the virtual user of that number (from 1; 0 for what runs once), if anybody does.
    fn observer(&self, vu: u32) -> Option<Arc<dyn Observer>>;
}

/// One request over one connection, and what came of it.
#[derive(Debug)]
pub struct Hop<'a> {
    /// When it began.
    pub started: SystemTime,
    /// Whether it follows a redirect.
    pub redirected: bool,
    /// The method.
    pub method: &'a str,
    /// The absolute URL; as the scenario gave it, where the request could not be sent.
    pub url: &'a str,
    /// The headers that were sent, in order, those that the client added included; over HTTP/2 as HTTP/1.1 would have
    /// them. Empty where the request could not be sent.
    pub request_headers: &'a [(&'a str, &'a str)],
    /// The body that was sent.
    pub request_body: Option<&'a [u8]>,
    /// The response, or why there is none.
    pub outcome: Result<&'a Response, &'a Error>,
    /// Where the time of this hop went.
    pub phases: Phases,
    /// Bytes of heads and bodies that were sent.
    pub bytes_sent: u64,
    /// Bytes of heads and bodies that came, as coded.
    pub bytes_received: u64,
    /// The connection; none where there was none.
    pub connection: Option<&'a ConnectionInfo>,
    /// Whether the connection had served an earlier request.
    pub reused: bool,
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
