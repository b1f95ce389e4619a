//! DNS that leads a name elsewhere, tried with real sockets.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::http::{Client, Config, Context, Error, Request, TlsConfig};

/// Answers each connection's first request, and closes it.
async fn serve(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole head"));
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("sent");
    }
}

/// Listeners on two of this machine's addresses, with one port.
async fn neighbours() -> (TcpListener, TcpListener, u16) {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = first.local_addr().expect("bound").port();
        // The port may be taken there.
        if let Ok(second) = TcpListener::bind(("127.0.0.2", port)).await {
            return (first, second, port);
        }
    }
}

/// The status that a request to the target comes to.
async fn visit(client: &Client) -> Result<u16, Error> {
    let exchange = client.perform(client.prepare(&Request::new("GET", "/"))).await;
    exchange.outcome.map(|response| response.status())
}

/// A client of a target whose name is looked up for each request, and found at those addresses in turn.
fn client(target: &str, answers: &[&str]) -> Client {
    let tls = TlsConfig { insecure: true, ..TlsConfig::default() };
    let config = Config { tls, keepalive: false, dns_ttl: Duration::ZERO, ..Config::default() };
    let context = Context::build(config, Some(target), crate::http::Hosts::default()).expect("valid settings");
    let found = |text: &&str| -> Arc<[IpAddr]> { Arc::new([text.parse().expect(text)]) };
    context.dialer.resolver().scripted.lock().expect("not poisoned").extend(answers.iter().map(found));
    Client::new(Arc::new(context), 1, Arc::new(AtomicU64::new(0)), None)
}

#[tokio::test]
async fn a_name_that_moves_into_this_machine_is_not_followed() {
    let (first, second, port) = neighbours().await;
    tokio::spawn(serve(first));
    let client = client(&format!("http://shop.test:{port}"), &["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.1"]);
    for _ in 0..2 {
        assert_eq!(visit(&client).await, Ok(200));
    }
    let Err(Error::DeniedAddress(reason)) = visit(&client).await else { panic!("it was not denied") };
    assert!(reason.starts_with("shop.test had other addresses at first, and now is 127.0.0.2"), "{reason}");
    assert_eq!(visit(&client).await, Ok(200));
    let came = tokio::time::timeout(Duration::ZERO, second.accept()).await;
    assert!(came.is_err(), "there was a connection to the other address");
}

#[tokio::test]
async fn no_answer_leads_to_metadata() {
    let (first, _second, port) = neighbours().await;
    let client = client(&format!("http://shop.test:{port}"), &["127.0.0.1", "169.254.169.254"]);
    tokio::spawn(serve(first));
    assert_eq!(visit(&client).await, Ok(200));
    let Err(Error::DeniedAddress(reason)) = visit(&client).await else { panic!("it was not denied") };
    assert!(reason.contains("169.254.169.254, a link-local address"), "{reason}");
}
