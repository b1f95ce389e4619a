//! HTTP/1.1 over a stream: writes a request's bytes and reads its response, at the same time where the server answers
//! early.

mod chunked;
#[cfg(test)]
mod corpus;
mod encode;
#[cfg(any(test, fuzzing))]
pub(in crate::http) mod fuzz;
mod head;
mod reader;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

pub(super) use encode::{Defaults, Encoded, Parts, encode};
use reader::Reader;
pub(super) use reader::Rules;

use super::connection::Connection;
use super::deadline::Deadline;
use super::error::{Error, Failure};
use super::exchange::Response;
use super::meter::{Meter, Phase};
use super::tls;

/// The size of the buffer that streams are read into, in bytes.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    /// What streams are read into: taken only while a read is polled, so a connection that waits holds no buffer.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// Sends a request and reads its whole response. Says too whether the connection may serve another request.
///
/// # Errors
/// [`Error::Timeout`], [`Error::Protocol`] and [`Error::BodyTooLarge`]; the connection is then of no more use.
pub(super) async fn exchange(
    connection: &mut Connection,
    request: &Encoded,
    rules: Rules,
    deadline: Deadline,
    meter: &mut Meter<'_>,
) -> Result<(Response, bool), Failure> {
    let mut run = Run { written: 0, flushed: false, write_error: None, first_byte: None, reader: Reader::new(rules) };
    let wire = &request.wire;
    let result = poll_fn(|context| run.poll(context, connection, wire, deadline, meter)).await;
    let whole = run.written == wire.len();
    match result.and_then(|()| run.reader.finish()) {
        Ok((response, keep_alive)) => Ok((response, keep_alive && whole && !request.close)),
        Err(error) => {
            let broken = matches!(error, Error::Protocol(_));
            meter.end(run_phase(whole, run.first_byte));
            let unanswered = broken && run.first_byte.is_none();
            Err(Failure { error, unanswered, unsent: run.written == 0, refused: false })
        }
    }
}

/// The phase that an exchange is in.
fn run_phase(whole: bool, first_byte: Option<Instant>) -> Phase {
    match (first_byte, whole) {
        (Some(_), _) => Phase::Receive,
        (None, true) => Phase::Wait,
        (None, false) => Phase::Send,
    }
}

/// The state of one exchange between polls.
struct Run {
    written: usize,
    flushed: bool,
    /// Writing failed. The server may have answered before it closed the connection, so that is looked for first.
    write_error: Option<io::Error>,
    first_byte: Option<Instant>,
    reader: Reader,
}

impl Run {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        connection: &mut Connection,
        wire: &[u8],
        deadline: Deadline,
        meter: &mut Meter<'_>,
    ) -> Poll<Result<(), Error>> {
        if !self.flushed && self.write_error.is_none() {
            self.poll_write(context, connection, wire, meter);
        }
        match self.poll_read(context, connection, wire, meter) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => connection.timer.poll_expired(context, deadline).map(|()| Err(Error::Timeout)),
        }
    }

    /// Writes as much as the stream takes.
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        connection: &mut Connection,
        wire: &[u8],
        meter: &mut Meter<'_>,
    ) {
        while self.written < wire.len() {
            match Pin::new(&mut connection.stream).poll_write(context, &wire[self.written..]) {
                Poll::Ready(Ok(0)) => return self.write_error = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(length)) => {
                    self.written += length;
                    meter.sent(length);
                }
                Poll::Ready(Err(error)) => return self.write_error = Some(error),
                Poll::Pending => return,
            }
        }
        match Pin::new(&mut connection.stream).poll_flush(context) {
            Poll::Ready(Ok(())) => self.flushed = true,
            Poll::Ready(Err(error)) => self.write_error = Some(error),
            Poll::Pending => return,
        }
        if self.first_byte.is_none() {
            meter.end(Phase::Send);
        }
    }

    /// Reads until the response is complete.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        connection: &mut Connection,
        wire: &[u8],
        meter: &mut Meter<'_>,
    ) -> Poll<Result<(), Error>> {
        READ_BUFFER.with_borrow_mut(|scratch| {
            loop {
                let mut buffer = ReadBuf::new(scratch);
                if let Err(error) = ready!(Pin::new(&mut connection.stream).poll_read(context, &mut buffer)) {
                    return Poll::Ready(Err(self.broken(&error)));
                }
                let data = buffer.filled();
                if data.is_empty() {
                    return Poll::Ready(self.ended(meter));
                }
                meter.bytes_received += data.len() as u64;
                let first = self.first_byte.is_none();
                if first {
                    let now = Instant::now();
                    self.first_byte = Some(now);
                    meter.end_at(run_phase(self.written == wire.len(), None), now);
                }
                if self.reader.feed(data)? {
                    // A response that came in one piece took no time to receive.
                    if !first {
                        meter.end(Phase::Receive);
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        })
    }

    /// The stream ended.
    fn ended(&mut self, meter: &mut Meter<'_>) -> Result<(), Error> {
        self.reader.end().map_err(|error| match (&self.write_error, self.first_byte) {
            (Some(write_error), None) => Error::broken(write_error),
            _ => error,
        })?;
        meter.end(Phase::Receive);
        Ok(())
    }

    /// The stream failed. What failed first says the most, but for what TLS has to say.
    fn broken(&self, error: &io::Error) -> Error {
        let first = self.write_error.as_ref().filter(|_| self.first_byte.is_none()).unwrap_or(error);
        tls::broken(error).unwrap_or_else(|| Error::broken(first))
    }
}
