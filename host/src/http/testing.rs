//! Scripted servers in memory, for tests on a paused clock.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::client::{Client, Request};
use super::config::{Config, TlsConfig};
use super::context::Context;
use super::error::Error;
use super::exchange::Exchange;
use super::reach::HostPattern;
use super::target::Origin;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Script = Box<dyn FnOnce(Peer) -> BoxFuture<()> + Send>;

/// How one connection is served.
struct Service {
    script: Script,
    /// HTTP/2 is spoken, as if TLS had agreed on it.
    http2: bool,
    /// How long connecting takes.
    connect: Duration,
}

/// A network on which each connection is served by the next script; without one it is refused.
#[derive(Clone, Default)]
pub(super) struct Network {
    services: Arc<Mutex<VecDeque<Service>>>,
    /// The scripts that were begun.
    begun: Arc<Mutex<Vec<JoinHandle<()>>>>,
    requests: Arc<Mutex<Vec<String>>>,
    origins: Arc<Mutex<Vec<String>>>,
    pub(super) interrupted: Arc<AtomicU64>,
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}

/// The server's side of a connection.
pub(super) struct Peer {
    pub(super) stream: DuplexStream,
    requests: Arc<Mutex<Vec<String>>>,
}

/// The room in each direction of a connection, in bytes.
pub(super) const ROOM: usize = 4096;

/// Performs a request.
pub(super) async fn send(client: &Client, request: &Request<'_>) -> Exchange {
    let start = Instant::now();
    let exchange = client.perform(client.prepare(request)).await;
    assert_eq!(exchange.phases.total(), start.elapsed(), "the phases add up to the service time");
    exchange
}

pub(super) async fn get(client: &Client, url: &str) -> Exchange {
    send(client, &Request::new("GET", url)).await
}

/// The body of an exchange that succeeded.
pub(super) fn body(exchange: &Exchange) -> &str {
    let response = exchange.outcome.as_ref().expect("a response");
    std::str::from_utf8(response.body()).expect("text")
}

/// The error of an exchange that failed.
pub(super) fn error(exchange: &Exchange) -> &Error {
    exchange.outcome.as_ref().expect_err("no response")
}

/// Leave for every host; the network has them all.
pub(super) fn any_host() -> [HostPattern; 1] {
    ["*".parse().expect("a pattern")]
}

impl Network {
    /// Serves the next connection by a script.
    pub(super) fn accept<F: Future<Output = ()> + Send + 'static>(
        &self,
        script: impl FnOnce(Peer) -> F + Send + 'static,
    ) {
        self.accept_late(Duration::ZERO, false, script);
    }

    /// Serves the next connection by a script, once connecting has taken so long.
    pub(super) fn accept_late<F: Future<Output = ()> + Send + 'static>(
        &self,
        connect: Duration,
        http2: bool,
        script: impl FnOnce(Peer) -> F + Send + 'static,
    ) {
        let script: Script = Box::new(move |peer| Box::pin(script(peer)));
        self.services.lock().expect("not poisoned").push_back(Service { script, http2, connect });
    }

    /// Serves the next connection with these responses, one per request, then keeps it open.
    pub(super) fn respond<const N: usize>(&self, responses: [&'static str; N]) {
        self.accept(move |mut peer| async move {
            for response in responses {
                peer.request().await;
                peer.send(response.as_bytes()).await;
            }
            peer.wait().await;
        });
    }

    pub(super) fn client(&self, config: Config) -> Client {
        // Nothing is encrypted here, so the system's certificates need not be read.
        let tls = TlsConfig { insecure: true, ..config.tls };
        let mut context = Context::build(
            Config { tls, ..config },
            Some("http://base.test"),
            crate::http::Hosts { allowed: &any_host(), public_target: false },
        )
        .expect("valid settings");
        context.network = Some(self.clone());
        Client::new(Arc::new(context), 1, Arc::clone(&self.interrupted), None)
    }

    /// A connection to the next script, and whether it speaks HTTP/2 unasked.
    pub(super) async fn connect(&self, origin: &Origin) -> Result<(DuplexStream, bool), Error> {
        let service = self.services.lock().expect("not poisoned").pop_front();
        let Service { script, http2, connect } = service.ok_or_else(|| Error::Connect("no script".into()))?;
        sleep(connect).await;
        self.origins.lock().expect("not poisoned").push(origin.prefix.to_string());
        let (near, far) = tokio::io::duplex(ROOM);
        let script = tokio::spawn(script(Peer { stream: far, requests: Arc::clone(&self.requests) }));
        self.begun.lock().expect("not poisoned").push(script);
        Ok((near, http2))
    }

    /// Closes the client's connections, and waits for the scripts to end, so that what they assert at their end counts.
    /// Exchanges hold their client, and have to be gone before.
    pub(super) async fn finish(self, client: Client) {
        drop(client);
        let begun = std::mem::take(&mut *self.begun.lock().expect("not poisoned"));
        for script in begun {
            let ended = timeout(Duration::from_secs(3600), script).await;
            ended.expect("the script ends with its connection").expect("the script's assertions hold");
        }
    }

    /// All requests that servers read, with their bodies.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }

    /// The origins that were connected to, in order.
    pub(super) fn origins(&self) -> Vec<String> {
        self.origins.lock().expect("not poisoned").clone()
    }

    pub(super) fn interruptions(&self) -> u64 {
        self.interrupted.load(Ordering::Relaxed)
    }
}

impl Peer {
    /// Reads one request, with a body of the length that it says; keeps its text. None where the client closed.
    pub(super) async fn request(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        let mut wanted = None;
        while wanted.is_none_or(|wanted| bytes.len() < wanted) {
            bytes.push(self.stream.read_u8().await.ok()?);
            if wanted.is_none() && bytes.ends_with(b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes).to_lowercase();
                let length =
                    head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
                wanted = Some(bytes.len() + length.unwrap_or(0));
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.requests.lock().expect("not poisoned").push(text.clone());
        Some(text)
    }

    /// Sends bytes; a client that closed doesn't get them.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Waits for the client to close.
    pub(super) async fn wait(mut self) {
        let _ = self.stream.read_to_end(&mut Vec::new()).await;
    }
}
