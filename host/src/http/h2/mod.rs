//! HTTP/2 over a stream, by the crate `h2`: one connection for many requests at once.
//!
//! The connection is driven by a task of its own. The crate sees to frames, flow control, pings and changed settings;
//! what is here is where time goes, which bytes a request is charged, and which failures say that a request may be sent
//! again.

mod exchange;
mod message;
mod wire;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Connection, SendRequest};
use tokio::sync::oneshot;
use tokio::time::Instant;

pub(super) use exchange::exchange;
pub(super) use message::belongs_to_connection;
#[cfg(any(test, fuzzing))]
pub(super) use message::request as head_of;
use wire::{Counted, Traffic};

use super::config::Config;
use super::connection::Stream;
use super::deadline::{Deadline, Timer};
use super::error::{Error, describe};
use super::observe::ConnectionInfo;

/// How much of one response a server may send ahead of its reader, in bytes; as browsers allow.
const STREAM_WINDOW: u32 = 2 << 20;

/// The same for all responses of a connection.
const CONNECTION_WINDOW: u32 = 5 << 20;

/// How much of one request's body is taken before the stream takes it, in bytes: enough to keep a fast one busy, and
/// little beside what a system's own buffers take.
const SEND_BUFFER: usize = 64 << 10;

/// How many requests may begin before the server has said how many it allows at once; as browsers do.
const INITIAL_MAX_STREAMS: usize = 100;

/// How many malformed responses a connection may have, each of which the client answers by resetting its stream. By the
/// crate's own bound, the 1,024 that a faulty handler sends in an hour would end the requests beside the next one. A
/// flood is still bounded by the requests that are made, but for frames to streams that are over: so there is a bound.
const MAX_ERROR_RESETS: usize = 1 << 20;

/// How long the end of a connection may take that nobody uses any more: its last frames have to be taken by the server.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection that speaks HTTP/2; a clone is the same connection. It is closed when the last clone is gone.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    sender: SendRequest<Bytes>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    traffic: Arc<Traffic>,
    /// Requests under way.
    active: AtomicUsize,
    idle_since: Mutex<Instant>,
    /// A request timed out on it while not a byte came: the server may be gone without a word.
    silent: AtomicBool,
    info: Option<Box<ConnectionInfo>>,
    /// Tells the connection's task, by being dropped, that nobody uses the connection any more.
    _in_use: oneshot::Sender<()>,
}

impl Channel {
    /// Begins to speak HTTP/2 on a stream.
    ///
    /// # Errors
    /// [`Error::Connect`] where the stream fails.
    pub(super) async fn open(
        stream: Stream,
        config: &Config,
        info: Option<Box<ConnectionInfo>>,
    ) -> Result<Self, Error> {
        let traffic = Arc::new(Traffic::default());
        let counted = Counted::new(stream, Arc::clone(&traffic));
        let begun = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(INITIAL_MAX_STREAMS)
            .max_send_buffer_size(SEND_BUFFER)
            .max_local_error_reset_streams(Some(MAX_ERROR_RESETS))
            .max_header_list_size(u32::try_from(config.max_head_bytes).unwrap_or(u32::MAX))
            .handshake(counted)
            .await;
        let (sender, connection) = begun.map_err(|error| match (traffic.tls_failure(), error.get_io()) {
            (Some(failure), _) => failure,
            (None, Some(error)) => Error::Connect(describe(error)),
            (None, None) => Error::Connect(error.to_string().into()),
        })?;
        let (in_use, unused) = oneshot::channel();
        // How it ends, those learn who use it.
        tokio::spawn(Driver { connection, unused, farewell: None, timer: Timer::default() });
        let info = info.map(|info| Box::new(ConnectionInfo { http2: true, ..*info }));
        let (active, silent) = (AtomicUsize::new(0), AtomicBool::new(false));
        let idle_since = Mutex::new(Instant::now());
        let shared = Shared { traffic, active, idle_since, silent, info, _in_use: in_use };
        Ok(Channel { sender, shared: Arc::new(shared) })
    }

    /// Whether a request may begin on it: it hasn't ended, the server hasn't said that it will, and seems to be there.
    pub(super) fn is_usable(&mut self) -> bool {
        if self.shared.silent.load(Ordering::Relaxed) {
            return false;
        }
        let mut nobody = TaskContext::from_waker(Waker::noop());
        !matches!(self.sender.poll_ready(&mut nobody), Poll::Ready(Err(_)))
    }

    /// Since when no request is under way; none while one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.shared.active.load(Ordering::Relaxed) == 0).then(|| *self.shared.since())
    }

    /// For an observer, if there is one.
    pub(super) fn info(&self) -> Option<&ConnectionInfo> {
        self.shared.info.as_deref()
    }
}

impl Shared {
    fn since(&self) -> MutexGuard<'_, Instant> {
        self.idle_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of a connection: moves its frames until it ends.
struct Driver {
    connection: Connection<Counted, Bytes>,
    unused: oneshot::Receiver<()>,
    /// The instant at which it is given up, once nobody uses it.
    farewell: Option<Deadline>,
    timer: Timer,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<()> {
        let driver = &mut *self;
        if Pin::new(&mut driver.connection).poll(context).is_ready() {
            return Poll::Ready(());
        }
        // Where the server reads nothing, the last frames stay, and with them the task, the socket and its buffers.
        if driver.farewell.is_none() && Pin::new(&mut driver.unused).poll(context).is_ready() {
            driver.farewell = Some(Deadline::after(Instant::now(), FAREWELL));
        }
        match driver.farewell {
            Some(deadline) => driver.timer.poll_expired(context, deadline),
            None => Poll::Pending,
        }
    }
}

/// A request under way on a connection.
struct UnderWay<'a>(&'a Shared);

impl<'a> UnderWay<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.active.fetch_add(1, Ordering::Relaxed);
        UnderWay(shared)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *self.0.since() = Instant::now();
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
