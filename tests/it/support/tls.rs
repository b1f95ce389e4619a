//! The server's side of TLS, over a connection of a scripted server.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ALL_VERSIONS, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::certificates::Identity;
use super::scripted::{Peer, Scripted};

/// A stream that TLS secures.
pub(crate) type TlsStream = StreamOwned<ServerConnection, TcpStream>;

/// A server with that certificate, in any version of TLS.
pub(crate) fn server(identity: &Identity) -> Arc<ServerConfig> {
    server_of(identity, ALL_VERSIONS)
}

/// A server with that certificate, in these versions of TLS.
pub(crate) fn server_of(identity: &Identity, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions with cipher suites")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.expect("a key that fits the certificate"))
}

impl Scripted {
    /// Does that with each connection, behind a TLS handshake, and then closes it.
    pub(crate) fn secure(
        config: Arc<ServerConfig>,
        serve: impl Fn(Peer<TlsStream>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Scripted {
        Scripted::start(move |peer| serve(Peer::new(secured(Arc::clone(&config), peer.stream))))
    }
}

/// That stream, on which the handshake takes place with what is first read or written.
pub(crate) fn secured(config: Arc<ServerConfig>, stream: TcpStream) -> TlsStream {
    StreamOwned::new(ServerConnection::new(config).expect("a valid configuration"), stream)
}
