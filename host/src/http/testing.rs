//! Scripted servers in memory, for tests on a paused clock.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::client::Client;
use super::config::Config;
use super::context::Context;
use super::error::Error;
use super::target::Origin;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Dial = dyn Fn(&Origin) -> BoxFuture<Result<DuplexStream, Error>> + Send + Sync;
type Script = Box<dyn FnOnce(Peer) -> BoxFuture<()> + Send>;

/// What a test's context connects with.
pub(super) struct Dialer(Box<Dial>);

impl Dialer {
    pub(super) fn dial(&self, origin: &Origin) -> BoxFuture<Result<DuplexStream, Error>> {
        (self.0)(origin)
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Dialer")
    }
}

/// A network on which each connection is served by the next script; without one it is refused.
#[derive(Clone, Default)]
pub(super) struct Network {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    requests: Arc<Mutex<Vec<String>>>,
    origins: Arc<Mutex<Vec<String>>>,
    pub(super) interrupted: Arc<AtomicU64>,
}

/// The server's side of a connection.
pub(super) struct Peer {
    pub(super) stream: DuplexStream,
    requests: Arc<Mutex<Vec<String>>>,
}

/// The room in each direction of a connection, in bytes.
pub(super) const ROOM: usize = 4096;

impl Network {
    /// Serves the next connection by a script.
    pub(super) fn accept<F: Future<Output = ()> + Send + 'static>(
        &self,
        script: impl FnOnce(Peer) -> F + Send + 'static,
    ) {
        let script: Script = Box::new(move |peer| Box::pin(script(peer)));
        self.scripts.lock().expect("not poisoned").push_back(script);
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
        let config = Config { insecure: true, ..config };
        let mut context = Context::build(config, Some("http://base.test")).expect("valid settings");
        let network = self.clone();
        context.dialer =
            Some(Dialer(Box::new(move |origin| Box::pin(network.clone().connect(origin.prefix.to_string())))));
        Client::new(Arc::new(context), Arc::clone(&self.interrupted))
    }

    async fn connect(self, origin: String) -> Result<DuplexStream, Error> {
        let script = self.scripts.lock().expect("not poisoned").pop_front();
        let script = script.ok_or_else(|| Error::Connect("no script".into()))?;
        self.origins.lock().expect("not poisoned").push(origin);
        let (near, far) = tokio::io::duplex(ROOM);
        tokio::spawn(script(Peer { stream: far, requests: Arc::clone(&self.requests) }));
        Ok(near)
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
