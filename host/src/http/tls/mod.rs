//! TLS: what the client trusts and shows, the handshake, and the sessions that virtual users resume.
//!
//! It owns the configuration, which is made and validated once for a run, and the words for what goes wrong. It must
//! not know what carries a connection, nor what is spoken over it beyond the name that ALPN agrees on.

mod config;
mod describe;
mod error;
mod pem;
mod sessions;
#[cfg(test)]
mod tests;
mod verify;

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::config::Clients;
use self::describe::Peer;
use super::config::{Config, Versions};
use super::error::Error;
use super::observe::TlsInfo;
use super::target::Host;

pub(super) use describe::broken;
pub use error::TlsError;
pub(super) use sessions::Sessions;

/// The names that ALPN has for versions of HTTP.
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

/// Makes TLS connections, for all virtual users.
pub(super) struct Tls {
    /// What connections are made with, or why no server's certificate can be verified. That is no error until a request
    /// needs it.
    clients: Result<Clients, rustls::Error>,
    versions: Versions,
    resumption: bool,
}

/// A connection after its handshake.
#[derive(Debug)]
pub(super) struct Secured<S> {
    pub(super) stream: TlsStream<S>,
    /// Whether an earlier session was resumed.
    pub(super) resumed: bool,
    /// Whether HTTP/2 was agreed on; else HTTP/1.1 is spoken.
    pub(super) http2: bool,
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").field("usable", &self.clients.is_ok()).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads and validates all that the configuration names.
    ///
    /// # Errors
    /// For files that can't be used, and for bounds that leave no version of TLS. That the system has no certificate
    /// authorities is none: requests over TLS will fail, the others not.
    pub(super) fn new(config: &Config) -> Result<Self, TlsError> {
        let clients = Clients::new(&config.tls)?;
        if let Err(error) = &clients {
            tracing::warn!("https requests will fail: {}", describe::no_authorities(error));
        }
        Ok(Tls { clients, versions: config.versions, resumption: config.tls.resumption })
    }

    /// Takes the handshake with a server over a connection. `sessions` are those of the virtual user that makes it.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub(super) async fn handshake<S>(&self, sessions: &Sessions, host: &Host, socket: S) -> Result<Secured<S>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let shared = &self.clients()?.server;
        let config = if self.resumption { sessions.config(shared) } else { Arc::clone(shared) };
        let offered: &[&[u8]] = match self.versions {
            Versions::Negotiated => &[HTTP2, HTTP1],
            Versions::Http1 => &[HTTP1],
            Versions::Http2 => &[HTTP2],
        };
        let stream = connect(config, offered, Peer::Server, host, socket).await?;
        let session = stream.get_ref().1;
        let http2 = session.alpn_protocol() == Some(HTTP2);
        if self.versions == Versions::Http2 && !http2 {
            return Err(Error::Tls(
                "the server chose no protocol by ALPN, so it speaks HTTP/1.1; leave --http2-prior-knowledge out".into(),
            ));
        }
        let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
        Ok(Secured { stream, resumed, http2 })
    }

    /// Takes the handshake with a proxy: with the same trust and versions, but it is shown no client certificate, and
    /// sessions are not resumed.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub(super) async fn to_proxy(&self, host: &Host, tcp: TcpStream) -> Result<Box<TlsStream<TcpStream>>, Error> {
        let config = Arc::clone(&self.clients()?.proxy);
        connect(config, &[HTTP1], Peer::Proxy, host, tcp).await.map(Box::new)
    }

    /// What a connection's handshake agreed on, for people. `resumed` is what [`Secured`] said.
    pub(super) fn info<S>(stream: &TlsStream<S>, resumed: bool) -> TlsInfo {
        let session = stream.get_ref().1;
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            // Nothing else is offered.
            _ => "",
        };
        let cipher_suite = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        TlsInfo {
            version: version.to_owned(),
            cipher_suite: cipher_suite.unwrap_or_default().to_owned(),
            alpn: String::from_utf8_lossy(session.alpn_protocol().unwrap_or_default()).into_owned(),
            resumed,
            certificate: session
                .peer_certificates()
                .and_then(<[_]>::first)
                .map(|first| first.to_vec())
                .unwrap_or_default(),
        }
    }

    fn clients(&self) -> Result<&Clients, Error> {
        self.clients.as_ref().map_err(|error| Error::Tls(describe::no_authorities(error).into()))
    }
}

async fn connect<S>(
    config: Arc<ClientConfig>,
    offered: &[&[u8]],
    peer: Peer,
    host: &Host,
    socket: S,
) -> Result<TlsStream<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = match host {
        Host::Address(address) => ServerName::from(*address),
        Host::Name(name) => ServerName::try_from(name.to_string())
            .map_err(|_| Error::Tls(format!("{name} can't stand in a certificate").into()))?,
    };
    // Handed over here and not kept in the configuration, of which each virtual user has a copy.
    let offered = offered.iter().map(|protocol| protocol.to_vec()).collect();
    let connection = TlsConnector::from(config).with_alpn(offered).connect(name, socket);
    connection.await.map_err(|error| Error::Tls(describe::handshake(&error, peer, host)))
}
