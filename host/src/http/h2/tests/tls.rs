//! What TLS says under HTTP/2, over real sockets.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::http::{Client, Config, Context, Error, Exchange, Request, TlsConfig};

/// The settings of a server that speaks HTTP/2 with those who show a certificate.
fn demanding() -> ServerConfig {
    let key = KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).expect("names").self_signed(&key).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .expect("a version with cipher suites")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
        .expect("a valid configuration");
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

#[tokio::test]
async fn a_refused_client_certificate_is_a_failure_of_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = format!("https://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(demanding()));
        while let Ok((stream, _)) = listener.accept().await {
            let Err((_, mut stream)) = acceptor.accept(stream).into_fallible().await else {
                panic!("the client has no certificate");
            };
            // Closed with bytes left unread, it would be reset, and the refusal might be lost.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    let tls = TlsConfig { insecure: true, ..TlsConfig::default() };
    let context = Context::new(Config { tls, ..Config::default() }, Some(&target), crate::http::Hosts::default())
        .expect("valid settings");
    let client = Client::new(context, 1, Arc::new(AtomicU64::new(0)), None);
    let one = || client.perform(client.prepare(&Request::new("GET", "/")));
    let exchanges: [Exchange; 3] = tokio::join!(one(), one(), one()).into();
    let reason = "the server requires a client certificate; give one with --client-cert FILE and --client-key FILE";
    for exchange in &exchanges {
        assert_eq!(exchange.outcome, Err(Error::Tls(reason.into())));
        assert_eq!(exchange.transport.reconnects, 0, "it would be refused again");
    }
}
