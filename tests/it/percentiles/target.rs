//! A server that waits before it answers, and keeps how long each request took it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// How long the answer to the nth request is delayed.
type Delay = fn(usize) -> Duration;

/// The server, in a thread of its own.
pub(super) struct Target {
    address: SocketAddr,
    seen: Arc<Seen>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// How long the delayed requests took, each in ascending order.
pub(super) struct Times {
    /// From a request's arrival to its answer.
    pub(super) inner: Vec<Duration>,
    /// From the answer before it to the arrival of the request after it, on its connection.
    pub(super) outer: Vec<Duration>,
}

struct Seen {
    delayed_path: &'static str,
    delay: Delay,
    delayed: AtomicUsize,
    connections: Mutex<Vec<Vec<Exchange>>>,
}

/// A request and its answer.
#[derive(Clone, Copy)]
struct Exchange {
    delayed: bool,
    arrived: Instant,
    answered: Instant,
}

impl Target {
    /// A server that delays the answers to requests for that path, and gives all others at once.
    pub(super) fn start(delayed_path: &'static str, delay: Delay) -> Target {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        let address = listener.local_addr().expect("a bound socket has an address");
        let seen = Arc::new(Seen { delayed_path, delay, delayed: AtomicUsize::new(0), connections: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn({
            let seen = Arc::clone(&seen);
            move || serve(listener, &seen, stopped)
        });
        Target { address, seen, stop, thread }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it, once its clients are gone, and puts together what it recorded.
    pub(super) fn into_times(self) -> Times {
        // An error is a thread that has ended, and joining it says why.
        let _ = self.stop.send(());
        self.thread.join().expect("the target served to the end");
        let connections = self.seen.connections.lock().expect("nobody panics while holding it");
        let mut times = Times { inner: Vec::new(), outer: Vec::new() };
        for exchanges in connections.iter() {
            assert!(!exchanges.first().is_some_and(|first| first.delayed), "no request before a delayed one");
            assert!(!exchanges.last().is_some_and(|last| last.delayed), "no request after a delayed one");
            for around in exchanges.windows(3).filter(|around| around[1].delayed) {
                times.inner.push(around[1].answered - around[1].arrived);
                times.outer.push(around[2].arrived - around[0].answered);
            }
        }
        times.inner.sort_unstable();
        times.outer.sort_unstable();
        times
    }
}

fn serve(listener: std::net::TcpListener, seen: &Arc<Seen>, mut stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("the runtime takes the socket");
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                accepted = listener.accept() => {
                    let (stream, _) = accepted.expect("a connection can be accepted");
                    connections.spawn(converse(stream, Arc::clone(seen)));
                }
            }
        }
        // Each ends where its client closed the connection, which its exchanges are complete at.
        for ended in connections.join_all().await {
            ended.expect("a connection breaks only between exchanges");
        }
    });
}

/// Answers the requests of one connection, until its client closes it.
async fn converse(mut stream: TcpStream, seen: Arc<Seen>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut unread, mut exchanges) = (Vec::new(), Vec::new());
    while let Some(path) = read_path(&mut stream, &mut unread).await? {
        let arrived = Instant::now();
        let delayed = path == seen.delayed_path;
        if delayed {
            tokio::time::sleep((seen.delay)(seen.delayed.fetch_add(1, Ordering::Relaxed))).await;
        }
        // Before it is written: the client may have it before this thread goes on.
        exchanges.push(Exchange { delayed, arrived, answered: Instant::now() });
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
    }
    seen.connections.lock().expect("nobody panics while holding it").push(exchanges);
    Ok(())
}

/// Reads a request without a body, and gives its path; none where the client closed the connection.
async fn read_path(stream: &mut TcpStream, unread: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    while !unread.ends_with(b"\r\n\r\n") {
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
    let head = String::from_utf8_lossy(unread);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    unread.clear();
    Ok(Some(path))
}
