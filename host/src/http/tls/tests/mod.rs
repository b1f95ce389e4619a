//! Servers of the tests: rustls behind a pipe in memory, or behind a real socket where that matters.

mod client;
mod failures;
mod handshake;
mod resumption;
mod settings;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::DuplexStream;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::http::config::{ClientCertificate, TlsConfig};

/// All versions that there are, for servers.
const ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// The server that most tests ask for.
const NAME: &str = "server.test";

type Met = Result<Secured<DuplexStream>, Error>;
type Accepted = io::Result<tokio_rustls::server::TlsStream<DuplexStream>>;

/// Who certifies servers and clients.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// One with a name of its own.
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Authority::named(&format!("authority {}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Certifies these names and addresses.
    fn issue(&self, names: &[&str]) -> Identity {
        self.sign(&params(names))
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key }
    }

    /// The settings of a client that trusts this authority; and its file, which must outlive them.
    fn trusted(&self) -> (TlsConfig, File) {
        let file = File::new(&self.0.pem());
        (TlsConfig { ca_certificates: vec![file.path()], ..TlsConfig::default() }, file)
    }
}

/// A certificate and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
}

impl Identity {
    fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Identity { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key }
    }

    fn server(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        self.server_of_clients(versions, None)
    }

    /// A server that wants to see the client's certificate where an authority for that is given, and may refuse those
    /// without.
    fn server_of_clients(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        clients: Option<(&Authority, bool)>,
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .expect("versions with cipher suites");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some((authority, required)) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).expect("a certificate");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key");
        builder.with_single_cert(vec![self.certificate.clone()], key).expect("a valid configuration")
    }
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names")
}

/// A file that is removed in the end.
struct File(PathBuf);

impl File {
    fn new(contents: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wasmload-tls-test-{}-{number}.pem", std::process::id()));
        fs::write(&path, contents).expect("a file");
        File(path)
    }

    fn path(&self) -> PathBuf {
        self.0.clone()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A file that is left behind in the directory for such is no failure.
        let _ = fs::remove_file(&self.0);
    }
}

/// What connects with these settings.
fn tls(config: TlsConfig) -> Tls {
    Tls::new(&Config { tls: config, ..Config::default() }).expect("valid settings")
}

/// The settings of a client that trusts an authority and shows a certificate of it, with their files.
fn certified(authority: &Authority, identity: &Identity) -> (TlsConfig, [File; 3]) {
    let (config, trust) = authority.trusted();
    let certificate = File::new(&identity.certificate_pem);
    let key = File::new(&identity.key.serialize_pem());
    let files = ClientCertificate { certificate: certificate.path(), key: key.path() };
    (TlsConfig { client_certificate: Some(files), ..config }, [trust, certificate, key])
}

fn name(name: &str) -> Host {
    Host::Name(name.into())
}

/// Takes the handshake from both ends.
async fn meet(tls: &Tls, sessions: &Sessions, host: &Host, server: ServerConfig) -> (Met, Accepted) {
    meet_again(tls, sessions, host, &Arc::new(server)).await
}

/// As [`meet`], with a server that knows its earlier sessions.
async fn meet_again(tls: &Tls, sessions: &Sessions, host: &Host, server: &Arc<ServerConfig>) -> (Met, Accepted) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    tokio::join!(tls.handshake(sessions, host, near), TlsAcceptor::from(Arc::clone(server)).accept(far))
}

/// Why a handshake failed.
fn reason<T>(met: Result<T, Error>) -> String {
    match met {
        Err(Error::Tls(reason)) => reason.into_owned(),
        Err(other) => panic!("another failure: {other}"),
        Ok(_) => panic!("the handshake succeeded"),
    }
}
