//! TLS under a whole client.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::http::{Client, Context, Exchange, Request};

/// A server that answers two requests on each connection; its URL and its certificate.
async fn serve() -> (String, Identity) {
    let identity = Identity::self_signed(&params(&["127.0.0.1"]));
    let mut config = identity.server(&ALL);
    config.alpn_protocols = vec![HTTP1.to_vec()];
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
    (format!("https://{address}"), identity)
}

fn client(config: TlsConfig, target: &str) -> Client {
    let config = Config { tls: config, ..Config::default() };
    let context = Context::new(config, Some(target), crate::http::Hosts::default()).expect("valid settings");
    Client::new(context, 1, Arc::new(AtomicU64::new(0)), None)
}

async fn get(client: &Client) -> Exchange {
    client.perform(client.prepare(&Request::new("GET", "/"))).await
}

#[tokio::test]
async fn an_unknown_certificate_fails_the_handshake_unless_that_is_asked_for() {
    let (target, _) = serve().await;
    let refused = get(&client(TlsConfig::default(), &target)).await;
    assert!(matches!(refused.outcome, Err(Error::Tls(_))), "{refused:?}");
    assert_ne!(refused.phases.tls, Duration::ZERO);
    assert_eq!((refused.phases.send, refused.bytes_sent), (Duration::ZERO, 0));

    let taken = get(&client(TlsConfig { insecure: true, ..TlsConfig::default() }, &target)).await;
    assert_eq!(taken.outcome.expect("a response").body(), b"http/1.1");
}

#[tokio::test]
async fn a_connection_under_a_given_authority_is_kept() {
    let (target, identity) = serve().await;
    let file = File::new(&identity.certificate_pem);
    let client = client(TlsConfig { ca_certificates: vec![file.path()], ..TlsConfig::default() }, &target);
    // All files are read at the start.
    drop(file);

    let first = get(&client).await;
    assert_eq!(first.outcome.expect("a response").body(), b"http/1.1");
    assert_eq!(first.phases.dns, Duration::ZERO);
    // The server's session tickets have come by now, and don't pass for a response.
    let second = get(&client).await;
    assert!(second.outcome.is_ok());
    assert_eq!(
        (second.phases.connect, second.phases.tls, second.transport.reconnects),
        (Duration::ZERO, Duration::ZERO, 0)
    );
}

#[tokio::test]
async fn virtual_users_resume_their_own_sessions_alone() {
    let (target, _) = serve().await;
    let tls = TlsConfig { insecure: true, ..TlsConfig::default() };
    let config = Config { tls, keepalive: false, ..Config::default() };
    let context = Context::new(config, Some(&target), crate::http::Hosts::default()).expect("valid settings");
    for vu in 1..=2 {
        let client = Client::new(Arc::clone(&context), vu, Arc::new(AtomicU64::new(0)), None);
        for (tls_full, tls_resumed) in [(1, 0), (0, 1), (0, 1)] {
            let exchange = get(&client).await;
            assert_eq!((exchange.transport.tls_full, exchange.transport.tls_resumed), (tls_full, tls_resumed));
        }
    }
}
