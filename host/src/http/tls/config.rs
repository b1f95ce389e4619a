//! The configuration of rustls, made once for a run.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

use super::error::TlsError;
use super::pem;
use super::verify::{Unverified, Verified};
use crate::http::config::{TlsConfig, TlsVersion};

/// What connections are made with. Neither resumes sessions: a virtual user makes a copy that does.
pub(super) struct Clients {
    pub(super) server: Arc<ClientConfig>,
    /// As for servers, but without the client certificate.
    pub(super) proxy: Arc<ClientConfig>,
}

impl Clients {
    /// What is wrong with the settings is the outer error; the inner one says that this system can't verify servers.
    pub(super) fn new(config: &TlsConfig) -> Result<Result<Self, rustls::Error>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = versions(config.min_version, config.max_version)?;
        let authorities = pem::authorities(&config.ca_certificates)?;
        let certificate = match &config.client_certificate {
            Some(files) => Some(pem::client_certificate(files, &provider)?),
            None => None,
        };
        Ok(verifier(config.insecure, authorities, &provider).and_then(|verifier| {
            let mut proxy = ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&versions)?
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth();
            proxy.resumption = Resumption::disabled();
            let mut server = proxy.clone();
            if let Some(certificate) = certificate {
                server.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certificate));
            }
            Ok(Clients { server: Arc::new(server), proxy: Arc::new(proxy) })
        }))
    }
}

fn versions(oldest: TlsVersion, newest: TlsVersion) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    match (oldest, newest) {
        (TlsVersion::Tls12, TlsVersion::Tls12) => Ok(vec![&TLS12]),
        (TlsVersion::Tls12, TlsVersion::Tls13) => Ok(vec![&TLS13, &TLS12]),
        (TlsVersion::Tls13, TlsVersion::Tls13) => Ok(vec![&TLS13]),
        (TlsVersion::Tls13, TlsVersion::Tls12) => Err(TlsError::Versions),
    }
}

fn verifier(
    insecure: bool,
    authorities: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    if insecure {
        return Ok(Arc::new(Unverified::new(provider)));
    }
    Ok(Arc::new(Verified::new(authorities, provider)?))
}
