//! Servers that do with each connection what a test says, down to the byte: for peers that break the rules.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpSocket;

use super::server::{Request, parse};

/// The answer to all that has nothing special about it.
pub(crate) const FINE: &[u8] = b"HTTP/1.1 200 Fine\r\ncontent-length: 4\r\n\r\nfine";

/// A server on a loopback port, with a thread for each connection. It stops listening when dropped; its connections end
/// as their clients do.
pub(crate) struct Scripted {
    address: SocketAddr,
    peers: Arc<Mutex<Vec<SocketAddr>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    /// Does that with each connection, and then closes it; so it does after an error.
    pub(crate) fn start(serve: impl Fn(Peer<TcpStream>) -> io::Result<()> + Send + Sync + 'static) -> Scripted {
        Scripted::on(listen("127.0.0.1:0"), serve)
    }

    /// Answers `/bad` in that way, and then closes the connection. All else is fine.
    pub(crate) fn bad(
        answer: impl Fn(&mut Peer<TcpStream>, &Request) -> io::Result<()> + Send + Sync + 'static,
    ) -> Scripted {
        Scripted::start(move |mut peer| peer.serve(&answer))
    }

    /// As [`Scripted::start`], on that listener.
    pub(crate) fn on(
        listener: TcpListener,
        serve: impl Fn(Peer<TcpStream>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Scripted {
        let address = listener.local_addr().expect("a bound listener has an address");
        let (peers, stopping) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(AtomicBool::new(false)));
        let (seen, stop, serve) = (Arc::clone(&peers), Arc::clone(&stopping), Arc::new(serve));
        let thread = thread::spawn(move || {
            while let Ok((stream, peer)) = listener.accept() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                seen.lock().expect("no holder of this lock panics").push(peer);
                stream.set_nodelay(true).expect("a TCP stream has no delay if told so");
                let serve = Arc::clone(&serve);
                // What goes wrong with a connection shows at the client.
                thread::spawn(move || serve(Peer::new(stream)));
            }
        });
        Scripted { address, peers, stopping, thread: Some(thread) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL to give as `--host`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Who connected, in order.
    pub(crate) fn peers(&self) -> Vec<SocketAddr> {
        self.peers.lock().expect("no holder of this lock panics").clone()
    }

    /// Connections that were opened.
    pub(crate) fn connections(&self) -> usize {
        self.peers().len()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // Wakes the thread. Where this fails, it has ended.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and the test fails by what it did not see.
            let _ = thread.join();
        }
    }
}

/// A listener at that address.
#[track_caller]
pub(crate) fn listen(address: &str) -> TcpListener {
    TcpListener::bind(address).unwrap_or_else(|error| panic!("listening at {address}: {error}"))
}

/// A port of `127.0.0.1` at which nobody listens, for as long as this is kept.
pub(crate) fn deaf() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free loopback port");
    socket
}

/// A listener that takes no connection: its queue is full of those that come with it, and the system leaves further ones
/// without an answer.
#[track_caller]
pub(crate) fn unanswering(address: &str) -> (TcpListener, Vec<TcpStream>) {
    let address: SocketAddr = address.parse().expect("an address");
    let listener = in_a_runtime(|| {
        let socket = TcpSocket::new_v4()?;
        socket.bind(address)?;
        socket.listen(1)?.into_std()
    });
    let listener = listener.unwrap_or_else(|error| panic!("listening at {address}: {error}"));
    let address = listener.local_addr().expect("a bound listener has an address");
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "a queue of one connection has room for all of these");
    }
    (listener, waiting)
}

/// Where tokio's sockets can be made.
fn in_a_runtime<T>(make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    make()
}

/// The other end of a connection, for the server.
pub(crate) struct Peer<S> {
    pub(crate) stream: S,
    unread: Vec<u8>,
}

impl<S: Read + Write> Peer<S> {
    pub(crate) fn new(stream: S) -> Peer<S> {
        Peer { stream, unread: Vec::new() }
    }

    /// The next request; none where the client closed the connection.
    pub(crate) fn request(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some((request, length)) = parse(&self.unread) {
                self.unread.drain(..length);
                return Ok(Some(request));
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer)? {
                0 => return Ok(None),
                length => self.unread.extend_from_slice(&buffer[..length]),
            }
        }
    }

    /// Sends these bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Waits until the client has closed the connection.
    pub(crate) fn wait_for_end(&mut self) -> io::Result<()> {
        io::copy(&mut self.stream, &mut io::sink()).map(drop)
    }

    /// Answers `/bad` in that way, after which the connection is of no more use, and all else as fine.
    pub(crate) fn serve(&mut self, bad: impl Fn(&mut Peer<S>, &Request) -> io::Result<()>) -> io::Result<()> {
        while let Some(request) = self.request()? {
            if request.path == "/bad" {
                return bad(self, &request);
            }
            self.send(FINE)?;
        }
        Ok(())
    }
}

impl Peer<TcpStream> {
    /// Breaks the connection off: the client gets a reset, behind what it was sent.
    pub(crate) fn reset(&self) -> io::Result<()> {
        let stream = self.stream.try_clone()?;
        stream.set_nonblocking(true)?;
        in_a_runtime(|| tokio::net::TcpStream::from_std(stream)?.set_zero_linger())
    }
}
