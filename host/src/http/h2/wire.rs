//! Counts the bytes of a connection that several requests share.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::connection::Stream;
use crate::http::error::Error;
use crate::http::meter::Meter;
use crate::http::tls;

/// Bytes that crossed a connection and that no request was charged yet.
///
/// Frames of several requests, and of none, share a connection: a request that ends is charged all that crossed it since
/// the one before ended. So sums are exact, headers as compressed and the connection's own frames included; a single
/// request's figure is exact where no other was under way.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    sent: Count,
    received: Count,
    /// The server's first bytes were those of a response of HTTP/1.
    http1: AtomicBool,
    /// What TLS failed of. The crate `h2` keeps of an error no more than its text, which tells nothing apart.
    tls_failure: OnceLock<Box<Error>>,
}

/// The bytes of one direction.
#[derive(Debug, Default)]
struct Count {
    total: AtomicU64,
    charged: AtomicU64,
}

impl Traffic {
    /// Charges a request that ended.
    pub(super) fn charge(&self, meter: &mut Meter<'_>) {
        meter.bytes_sent += self.sent.charge();
        meter.bytes_received += self.received.charge();
    }

    /// How many bytes ever came.
    pub(super) fn received(&self) -> u64 {
        self.received.total.load(Ordering::Relaxed)
    }

    /// Whether the server answers as one that speaks HTTP/1.
    pub(super) fn is_http1(&self) -> bool {
        self.http1.load(Ordering::Relaxed)
    }

    /// What TLS failed of, if it did.
    pub(super) fn tls_failure(&self) -> Option<Error> {
        self.tls_failure.get().map(|error| Error::clone(error))
    }
}

impl Count {
    fn add(&self, bytes: usize) {
        self.total.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn charge(&self) -> u64 {
        let total = self.total.load(Ordering::Relaxed);
        total - self.charged.swap(total, Ordering::Relaxed)
    }
}

/// What every response of HTTP/1 begins with, and no frame of HTTP/2: it would be one of 4 MiB, more than the client allows.
const HTTP_1: &[u8] = b"HTTP/1.";

/// A stream whose bytes are counted, below HTTP/2 and above TLS.
#[derive(Debug)]
pub(super) struct Counted {
    stream: Stream,
    traffic: Arc<Traffic>,
    /// What is left of [`HTTP_1`] to be compared; none once it's decided.
    left: Option<&'static [u8]>,
}

impl Counted {
    pub(super) fn new(stream: Stream, traffic: Arc<Traffic>) -> Self {
        Counted { stream, traffic, left: Some(HTTP_1) }
    }

    /// Keeps the first failure that is one of TLS.
    fn note<T>(&self, polled: &Poll<io::Result<T>>) {
        if let Poll::Ready(Err(error)) = polled
            && let Some(failure) = tls::broken(error)
        {
            self.traffic.tls_failure.get_or_init(|| Box::new(failure));
        }
    }

    /// Counts what was written.
    fn count(&self, polled: &Poll<io::Result<usize>>) {
        self.note(polled);
        if let Poll::Ready(Ok(length)) = polled {
            self.traffic.sent.add(*length);
        }
    }

    /// Compares the first bytes that come with those that HTTP/1 begins with.
    fn compare(&mut self, data: &[u8]) {
        let Some(left) = self.left else { return };
        let (next, rest) = left.split_at(left.len().min(data.len()));
        let agrees = data.starts_with(next);
        self.left = Some(rest).filter(|rest| agrees && !rest.is_empty());
        if agrees && rest.is_empty() {
            self.traffic.http1.store(true, Ordering::Relaxed);
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.note(&polled);
        let data = &buffer.filled()[before..];
        self.traffic.received.add(data.len());
        self.compare(data);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, data);
        self.count(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, data);
        self.count(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
