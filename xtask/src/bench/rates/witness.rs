//! A server that notes when each request reaches it, and knows nothing of who sends them.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a thread of a connection needs of a stack, with much to spare.
const STACK_BYTES: usize = 128 * 1024;

/// More than a request of the bench: a GET with some headers.
const REQUEST_BYTES: usize = 8 * 1024;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A running server. A thread a connection, asleep until something comes: nothing stands between the kernel that wakes
/// it and the look at the clock, and no two of them share anything. The standard library lets 128 connections wait to be
/// taken. Were both cores away for longer than it takes to owe so many, the kernel of further clients would try again a
/// second later, and iterations might be dropped: the report then has no lags, rather than wrong ones.
pub(super) struct Witness {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    acceptor: JoinHandle<io::Result<Vec<Duration>>>,
}

impl Witness {
    /// Starts it on a free loopback port. Its threads run where the calling thread may.
    ///
    /// # Errors
    /// Where there is no port or no thread for it.
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopping);
        let acceptor = thread::Builder::new().name("witness".to_owned()).spawn(move || serve(&listener, &seen))?;
        Ok(Self { address, stopping, acceptor })
    }

    /// Its root, without a final slash; it answers every request alike.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it once its clients have closed their connections. When the first byte of each request came, from the
    /// server's start, in order.
    ///
    /// # Errors
    /// Where a connection could not be taken.
    pub(super) fn finish(self) -> io::Result<Vec<Duration>> {
        self.stopping.store(true, Ordering::Release);
        // Ends the wait for one more. Where it fails, the acceptor has ended with the error that says why.
        drop(TcpStream::connect(self.address));
        joined(self.acceptor)?
    }
}

/// Takes connections until `stopping`, and waits for the end of each.
fn serve(listener: &TcpListener, stopping: &AtomicBool) -> io::Result<Vec<Duration>> {
    let start = Instant::now();
    let mut connections = Vec::new();
    loop {
        let (stream, _) = listener.accept()?;
        if stopping.load(Ordering::Acquire) {
            break;
        }
        let name = format!("witness-{}", connections.len());
        let thread = thread::Builder::new().name(name).stack_size(STACK_BYTES);
        connections.push(thread.spawn(move || answer(stream, start))?);
    }
    let mut stamps = Vec::new();
    for connection in connections {
        stamps.extend(joined(connection)?);
    }
    stamps.sort_unstable();
    Ok(stamps)
}

/// Answers one request after another, until the client closes or resets the connection: either is its right.
fn answer(mut stream: TcpStream, start: Instant) -> Vec<Duration> {
    let mut stamps = Vec::new();
    let mut buffer = [0; REQUEST_BYTES];
    let mut filled = 0;
    while let Ok(length @ 1..) = stream.read(&mut buffer[filled..]) {
        if filled == 0 {
            stamps.push(start.elapsed());
        }
        filled += length;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            if stream.write_all(ANSWER).is_err() {
                break;
            }
        }
    }
    stamps
}

fn joined<T>(thread: JoinHandle<T>) -> io::Result<T> {
    thread.join().map_err(|_| io::Error::other("a thread of the server panicked"))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};
    use std::net::TcpStream;

    use super::{ANSWER, Witness};

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    fn await_answer(stream: &mut TcpStream) -> io::Result<()> {
        let mut found = [0; ANSWER.len()];
        stream.read_exact(&mut found)?;
        assert_eq!(found, ANSWER);
        Ok(())
    }

    #[test]
    fn every_request_of_every_connection_is_noted_once() -> io::Result<()> {
        let witness = Witness::start()?;
        let mut streams = [TcpStream::connect(witness.address)?, TcpStream::connect(witness.address)?];
        for _ in 0..2 {
            for stream in &mut streams {
                stream.write_all(REQUEST)?;
                await_answer(stream)?;
            }
        }
        drop(streams);
        let stamps = witness.finish()?;
        assert_eq!(stamps.len(), 4);
        assert!(stamps.is_sorted());
        Ok(())
    }

    #[test]
    fn a_request_in_pieces_is_one() -> io::Result<()> {
        let witness = Witness::start()?;
        let mut stream = TcpStream::connect(witness.url().trim_start_matches("http://"))?;
        stream.set_nodelay(true)?;
        for byte in REQUEST {
            stream.write_all(&[*byte])?;
        }
        await_answer(&mut stream)?;
        drop(stream);
        assert_eq!(witness.finish()?.len(), 1);
        Ok(())
    }

    #[test]
    fn nobody_need_come() -> io::Result<()> {
        assert_eq!(Witness::start()?.finish()?, []);
        Ok(())
    }
}
