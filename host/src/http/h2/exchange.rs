//! One request and its response on a connection that others use at the same time.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};

use super::message::{self, Head};
use super::{Channel, UnderWay};
use crate::http::deadline::{Deadline, Timer};
use crate::http::decode::{Decoder, Sink};
use crate::http::error::{Error, Failure};
use crate::http::exchange::Response;
use crate::http::h1::{Encoded, Rules};
use crate::http::meter::{Meter, Phase};

/// Sends a request and reads its whole response. `prefix` is the absolute URL of its origin.
///
/// # Errors
/// [`Error::Timeout`], [`Error::Protocol`], [`Error::BodyTooLarge`] and [`Error::InvalidRequest`]; where the connection
/// is then of no more use, it says so itself.
pub(in crate::http) async fn exchange(
    channel: &Channel,
    request: &Encoded,
    prefix: &str,
    rules: Rules,
    deadline: Deadline,
    meter: &mut Meter<'_>,
) -> Result<Response, Failure> {
    let shared = &*channel.shared;
    let _under_way = UnderWay::new(shared);
    let heard = shared.traffic.received();
    let mut answered = false;
    meter.clock.enter(Phase::Send);
    let exchange = perform(channel, request, prefix, rules, meter, &mut answered);
    let ended = match Timer::default().bound(deadline, exchange).await {
        Ok(ended) => ended,
        Err(timeout) => {
            shared.silent.fetch_or(shared.traffic.received() == heard, Ordering::Relaxed);
            Err(timeout.into())
        }
    };
    shared.traffic.charge(meter);
    ended.map_err(|broken| {
        meter.clock.cut();
        let max_head_bytes = rules.max_head_bytes;
        if shared.traffic.is_http1() {
            return speaks_http1();
        }
        broken.into_failure(shared.traffic.tls_failure(), answered, max_head_bytes)
    })
}

/// Why there is no response.
enum Broken {
    /// The stream or the connection failed. Whether that was before anything was sent.
    Http2 { error: h2::Error, unsent: bool },
    /// Anything else.
    Other(Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Broken::Other(error)
    }
}

impl From<h2::Error> for Broken {
    fn from(error: h2::Error) -> Self {
        Broken::Http2 { error, unsent: false }
    }
}

impl Broken {
    fn into_failure(self, tls_failure: Option<Error>, answered: bool, max_head_bytes: usize) -> Failure {
        let (error, unsent) = match self {
            Broken::Http2 { error, unsent } => (error, unsent),
            Broken::Other(error) => return Failure { error, unanswered: false, unsent: false, refused: false },
        };
        // What TLS failed of ended the connection; what became of the stream says less.
        let tls_failure = tls_failure.filter(|_| error.is_io());
        // A certificate that was refused would be so again.
        let untrusted = matches!(tls_failure, Some(Error::Tls(_)));
        // A server that closes the connection serves the streams that it says it will, and did nothing for the others.
        let turned_away = error.is_remote() && error.is_go_away();
        let refused = error.is_remote() && error.reason() == Some(Reason::REFUSED_STREAM);
        Failure {
            unanswered: !answered && !untrusted && (error.is_io() || turned_away || unsent),
            unsent,
            refused: !answered && (turned_away || refused),
            error: tls_failure.unwrap_or_else(|| worded(&error, answered, max_head_bytes)),
        }
    }
}

/// The error, in words for reports.
fn worded(error: &h2::Error, answered: bool, max_head_bytes: usize) -> Error {
    if let Some(error) = error.get_io() {
        return match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof if answered => {
                Error::protocol("the connection was closed within the response's body")
            }
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                Error::protocol("the connection was closed without a response")
            }
            _ => Error::broken(error),
        };
    }
    let Some(reason) = error.reason() else {
        return Error::Other(error.to_string().into());
    };
    let code = format!("{reason:?}");
    Error::protocol(match (error.is_remote(), error.is_go_away()) {
        (true, true) => format!("the server is closing the connection ({code})"),
        (true, false) => format!("the server reset the stream ({code})"),
        (false, true) => format!("the server broke the rules of HTTP/2 ({code})"),
        (false, false) if answered => format!("the response's body is not as its head says ({code})"),
        (false, false) => format!("the response's head is malformed, or larger than {max_head_bytes} bytes ({code})"),
    })
}

fn speaks_http1() -> Failure {
    let error = Error::protocol("the server answers in HTTP/1, not HTTP/2 (try without --http2-prior-knowledge)");
    Failure { error, unanswered: false, unsent: false, refused: false }
}

async fn perform(
    channel: &Channel,
    request: &Encoded,
    prefix: &str,
    rules: Rules,
    meter: &mut Meter<'_>,
    answered: &mut bool,
) -> Result<Response, Broken> {
    let head = message::request(request, prefix)?;
    let body = request.body().map(Bytes::copy_from_slice).unwrap_or_default();
    let mut sender = channel.sender.clone();
    let begun = sender.send_request(head, body.is_empty());
    let (response, stream) = begun.map_err(|error| Broken::Http2 { error, unsent: true })?;
    opened(&mut sender, meter).await;
    // From here on the request may be on its way.
    meter.sent(0);
    let mut sending = pin!(send(stream, body));
    let mut sent = false;
    let mut response = pin!(response);
    let head = poll_fn(|context| {
        if !sent && sending.as_mut().poll(context).is_ready() {
            sent = true;
            meter.end(Phase::Send);
            meter.clock.enter(Phase::Wait);
        }
        response.as_mut().poll(context)
    });
    let (parts, mut stream) = head.await?.into_parts();
    *answered = true;
    meter.end(if sent { Phase::Wait } else { Phase::Send });
    meter.clock.enter(Phase::Receive);
    let mut body = Body::new(Head::new(&parts), rules)?;
    let mut later = false;
    loop {
        let data = poll_fn(|context| {
            // The server may answer while it is still being sent to.
            sent = sent || sending.as_mut().poll(context).is_ready();
            let data = stream.poll_data(context);
            later |= data.is_pending();
            data
        });
        match data.await {
            Some(data) => body.take(&data?, &mut stream)?,
            None => break,
        }
    }
    // A response that came in one piece took no time to receive.
    if later {
        meter.end(Phase::Receive);
    }
    Ok(body.finish()?)
}

/// Waits until the server allows the stream that was asked for. Whether it ever will, the response says.
async fn opened(sender: &mut h2::client::SendRequest<Bytes>, meter: &mut Meter<'_>) {
    let mut waited = false;
    meter.clock.enter(Phase::Blocked);
    // An error here is about streams to come.
    let _ = poll_fn(|context| {
        let opened = sender.poll_ready(context);
        waited |= opened.is_pending();
        opened
    })
    .await;
    if waited {
        meter.end(Phase::Blocked);
    }
    meter.clock.enter(Phase::Send);
}

/// Hands a body to the connection, as fast as the server takes it. Where that fails, the response says why, or came
/// nevertheless.
async fn send(mut stream: SendStream<Bytes>, mut body: Bytes) {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let capacity = poll_fn(|context| stream.poll_capacity(context)).await;
        let Some(Ok(capacity)) = capacity else { return };
        let piece = body.split_to(capacity.min(body.len()));
        if stream.send_data(piece, body.is_empty()).is_err() {
            return;
        }
    }
}

/// A response's body on its way in.
struct Body {
    status: u16,
    head_length: usize,
    sets_cookies: bool,
    decoder: Decoder,
}

impl Body {
    fn new(head: Head, rules: Rules) -> Result<Self, Error> {
        let Head { status, text, codings, length, sets_cookies } = head;
        let announced = length.filter(|_| !rules.without_body && !matches!(status, 204 | 304)).unwrap_or(0);
        let sink = Sink::new(&text, announced, codings, rules.max_body_bytes)?;
        Ok(Body { status, head_length: text.len(), sets_cookies, decoder: Decoder::new(codings, sink) })
    }

    fn take(&mut self, data: &Bytes, stream: &mut RecvStream) -> Result<(), Broken> {
        stream.flow_control().release_capacity(data.len())?;
        Ok(self.decoder.write(data)?)
    }

    fn finish(self) -> Result<Response, Error> {
        let sink = self.decoder.finish()?.trimmed();
        Ok(Response::new(self.status, sink.bytes, self.head_length, sink.size, self.sets_cookies))
    }
}
