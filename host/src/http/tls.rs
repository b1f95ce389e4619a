//! TLS: what the client trusts, and the handshake. The configuration is made once for a run.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::Config;
use super::context::ContextError;
use super::error::{Error, describe};
use super::target::Host;

/// Makes TLS connections.
pub(super) struct Tls {
    /// The connector, or why no server's certificate can be verified. That is no error until a request needs it.
    connector: Result<TlsConnector, rustls::Error>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").field("usable", &self.connector.is_ok()).finish()
    }
}

impl Tls {
    /// # Errors
    /// For CA certificates that can't be read.
    pub(super) fn new(config: &Config) -> Result<Self, ContextError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let extra = read_certificates(&config.ca_certificates)?;
        let verifier: Result<Arc<dyn ServerCertVerifier>, rustls::Error> = if config.insecure {
            Ok(Arc::new(Unverified(Arc::clone(&provider))))
        } else {
            Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map(|verifier| Arc::new(verifier) as _)
        };
        let connector = verifier.and_then(|verifier| connector(provider, verifier));
        if let Err(error) = &connector {
            tracing::warn!("https requests will fail: {error}");
        }
        Ok(Tls { connector })
    }

    /// Takes the handshake over a connection.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub(super) async fn handshake(&self, host: &Host, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
        let connector = self.connector.as_ref().map_err(|error| Error::Tls(error.to_string().into()))?;
        let name = match host {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.to_string())
                .map_err(|_| Error::Tls(format!("{name} can't stand in a certificate").into()))?,
        };
        connector.connect(name, stream).await.map_err(|error| Error::Tls(describe(&error)))
    }
}

fn connector(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<TlsConnector, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn read_certificates(paths: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, ContextError> {
    let mut certificates = Vec::new();
    for path in paths {
        let failed = |source| ContextError::CaCertificate { path: path.clone(), source };
        let before = certificates.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
            certificates.push(certificate.map_err(failed)?);
        }
        if certificates.len() == before {
            return Err(ContextError::NoCaCertificate { path: path.clone() });
        }
    }
    Ok(certificates)
}

/// Takes any certificate. The handshake is still checked to come from whoever holds its key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::http::{Client, Context, Exchange, Request};

    /// A server that answers two requests on each connection; its address and its certificate as PEM.
    async fn serve() -> (String, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key))
            .expect("a valid configuration");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that doesn't trust the server breaks off.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                for _ in 0..2 {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { break };
                        request.push(byte);
                    }
                    let alpn = stream.get_ref().1.alpn_protocol().map(String::from_utf8_lossy).unwrap_or_default();
                    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{alpn}", alpn.len());
                    if stream.write_all(response.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                        break;
                    }
                }
            }
        });
        (format!("https://{address}"), cert.pem())
    }

    fn client(config: Config, target: &str) -> Client {
        Client::new(Context::new(config, Some(target)).expect("valid settings"), Arc::new(AtomicU64::new(0)))
    }

    async fn get(client: &Client) -> Exchange {
        client.perform(client.prepare(&Request::new("GET", "/"))).await
    }

    #[tokio::test]
    async fn an_unknown_certificate_fails_the_handshake_unless_that_is_asked_for() {
        let (target, _) = serve().await;
        let refused = get(&client(Config::default(), &target)).await;
        assert!(matches!(refused.outcome, Err(Error::Tls(_))), "{refused:?}");
        assert_ne!(refused.phases.tls, Duration::ZERO);
        assert_eq!((refused.phases.send, refused.bytes_sent), (Duration::ZERO, 0));

        let taken = get(&client(Config { insecure: true, ..Config::default() }, &target)).await;
        assert_eq!(taken.outcome.expect("a response").body(), b"http/1.1");
    }

    #[tokio::test]
    async fn a_connection_under_a_given_authority_is_kept() {
        let (target, pem) = serve().await;
        let path = std::env::temp_dir().join(format!("wasmload-tls-test-{}.pem", std::process::id()));
        std::fs::write(&path, pem).expect("a file for the certificate");
        let client = client(Config { ca_certificates: vec![path.clone()], ..Config::default() }, &target);
        std::fs::remove_file(&path).expect("it was written");

        let first = get(&client).await;
        assert_eq!(first.outcome.expect("a response").body(), b"http/1.1");
        assert_eq!(first.phases.dns, Duration::ZERO);
        // The server's session tickets have come by now, and don't pass for a response.
        let second = get(&client).await;
        assert!(second.outcome.is_ok());
        assert_eq!((second.phases.connect, second.phases.tls, second.reconnects), (Duration::ZERO, Duration::ZERO, 0));
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let path = std::env::temp_dir().join(format!("wasmload-empty-test-{}.pem", std::process::id()));
        std::fs::write(&path, "nothing here").expect("a file");
        let result = read_certificates(std::slice::from_ref(&path));
        std::fs::remove_file(&path).expect("it was written");
        assert!(matches!(result, Err(ContextError::NoCaCertificate { .. })), "{result:?}");
    }
}
