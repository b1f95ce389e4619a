//! A server that answers by path and keeps what it saw: every request as it came over the wire, connections and bytes.
//!
//! It reads HTTP itself, since a framework would lower the case of headers and hide how many bytes there were.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, oneshot};

use super::processes::wait_until;

/// How many numbers there are in the list of `/large`, less one.
const LARGE: usize = 4 << 20;

/// A request, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// Names and values, in the order and case of the wire.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of the first header of that name, whatever its case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Holds requests back until `size` of them are under way at one time, then lets them go together: what passes was
/// concurrent, however fast the machine.
pub(crate) struct Gate {
    /// The paths whose requests it holds; none for all.
    pub(crate) paths: &'static [&'static str],
    pub(crate) size: usize,
    /// How many requests it holds in all; later ones pass. A multiple of the size.
    pub(crate) holds: usize,
}

impl Gate {
    /// Holds all requests, for as long as they come.
    pub(crate) const fn of(size: usize) -> Gate {
        Gate { paths: &[], size, holds: usize::MAX }
    }
}

/// A gate in use.
struct Turnstile {
    gate: Gate,
    barrier: Barrier,
    held: AtomicUsize,
}

impl Turnstile {
    async fn pass(&self, path: &str) {
        let concerned = self.gate.paths.is_empty() || self.gate.paths.contains(&path);
        if concerned && self.held.fetch_add(1, Ordering::Relaxed) < self.gate.holds {
            self.barrier.wait().await;
        }
    }
}

/// What the server saw.
#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

/// The server, on a free loopback port and a thread of its own; it ends as it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server that answers at once.
    pub(crate) fn start() -> Server {
        Server::launch(None, 200)
    }

    /// A server that answers with that status wherever its paths have no meaning of their own.
    pub(crate) fn with_status(status: u16) -> Server {
        Server::launch(None, status)
    }

    /// A server with a gate before its answers.
    pub(crate) fn gated(gate: Gate) -> Server {
        Server::launch(Some(gate), 200)
    }

    fn launch(gate: Option<Gate>, status: u16) -> Server {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let address = listener.local_addr().expect("a bound listener has an address");
        let seen = Arc::new(Seen::default());
        let gate = gate.map(|gate| Arc::new(Turnstile { barrier: Barrier::new(gate.size), gate, held: 0.into() }));
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, served, gate, status) => {}
                    _ = stopped => {}
                }
            });
        });
        Server { address, seen, stop: Some(stop), thread: Some(thread) }
    }

    /// The URL to give as `--host`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The `host` header that a client must send.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// The port that it listens at.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests so far, in the order in which they were read.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().expect("no holder of this lock panics").clone()
    }

    /// The one request that there was.
    #[track_caller]
    pub(crate) fn only_request(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.remove(0)
    }

    /// The paths that were asked for, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }

    /// How many requests there were for that path.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.paths().iter().filter(|other| *other == path).count()
    }

    /// Connections that were opened.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }

    /// Bytes that were read, of heads and bodies.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.seen.bytes_read.load(Ordering::Relaxed)
    }

    /// Bytes that were written, of heads and bodies.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.seen.bytes_written.load(Ordering::Relaxed)
    }

    /// Returns once there were that many requests.
    #[track_caller]
    pub(crate) fn wait_for(&self, requests: usize) {
        wait_until(&format!("{requests} requests have come"), || self.requests().len() >= requests);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and the test fails by what it did not see.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, seen: Arc<Seen>, gate: Option<Arc<Turnstile>>, status: u16) {
    let listener = TcpListener::from_std(listener).expect("a listener for tokio");
    while let Ok((stream, _)) = listener.accept().await {
        seen.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(serve(stream, Arc::clone(&seen), gate.clone(), status));
    }
}

/// Answers the requests of a connection until its peer closes it.
async fn serve(
    mut stream: TcpStream,
    seen: Arc<Seen>,
    gate: Option<Arc<Turnstile>>,
    status: u16,
) -> std::io::Result<()> {
    let mut unread = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut unread, &seen).await? {
        let (path, answer) = (request.path.clone(), answer(&request, status));
        seen.requests.lock().expect("no holder of this lock panics").push(request);
        if let Some(gate) = &gate {
            gate.pass(&path).await;
        }
        // Counted first: the client may be done with it, and its process gone, before this task goes on.
        seen.bytes_written.fetch_add(answer.len() as u64, Ordering::Relaxed);
        stream.write_all(&answer).await?;
    }
    Ok(())
}

/// The next request; none where the peer closed the connection.
async fn read_request(stream: &mut TcpStream, unread: &mut Vec<u8>, seen: &Seen) -> std::io::Result<Option<Request>> {
    loop {
        if let Some((request, length)) = parse(unread) {
            unread.drain(..length);
            return Ok(Some(request));
        }
        let read = stream.read_buf(unread).await?;
        seen.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        if read == 0 {
            return Ok(None);
        }
    }
}

/// The request at the beginning of these bytes and how long it is, once it is there as a whole.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Request, usize)> {
    let head_length = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_length - 4]).expect("a head of UTF-8");
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    assert_eq!((version, words.next()), (Some("HTTP/1.1"), None), "a malformed request line in {head:?}");
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("a malformed header in {head:?}")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map_or(0, |(_, value)| value.parse().expect("a content-length"));
    let body = bytes.get(head_length..head_length + length)?.to_vec();
    let target = target.unwrap_or_default();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
    let method = method.unwrap_or_default().to_owned();
    Some((Request { method, path: path.to_owned(), query, headers, body }, head_length + length))
}

/// What the server says to a request, head and body: nothing at all to `/never`, and `status` where the path says nothing.
/// `/redirect` leads to its query, as it stands there.
fn answer(request: &Request, status: u16) -> Vec<u8> {
    match request.path.as_str() {
        "/never" => Vec::new(),
        "/echo" => respond(200, &[], &request.body_or(b"nothing to echo")),
        "/redirect" => {
            let location = request.query.as_deref().unwrap_or("/landing?from=redirect");
            respond(302, &[("location", location)], b"")
        }
        "/set-cookie" => respond(200, &[("set-cookie", "session=s1; Path=/")], b"ok"),
        "/json" => respond(
            200,
            &[("Content-Type", "application/json"), ("X-Twice", "1"), ("X-Twice", "2")],
            r#"{"data":{"id":7,"name":"Malmö"}}"#.as_bytes(),
        ),
        "/large" => respond(200, &[], format!("[{}0]", "0,".repeat(LARGE)).as_bytes()),
        "/missing" => respond(404, &[], b"not here"),
        _ => respond(status, &[], b"ok"),
    }
}

impl Request {
    fn body_or(&self, default: &[u8]) -> Vec<u8> {
        if self.body.is_empty() { default.to_vec() } else { self.body.clone() }
    }
}

fn respond(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} Whatever\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
