//! The corpus through hyper's client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::hyper::client::conn::http1;
use ::hyper::rt::{Read, ReadBufCursor, Write};
use http_body_util::{BodyExt, Empty};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::time::timeout;

use super::{Bytes, Case, Failure, Outcome, Taken, corpus};
use crate::http::decode::{Codings, Decoder, Sink};

/// Longer than anything takes: it passes when nothing moves any more, since the clock is paused.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn hyper_agrees_or_the_difference_is_known() {
    let mut wrong = Vec::new();
    for case in corpus() {
        let outcome = exchange(&case).await.unwrap_or(Outcome::Failure(Failure::Fails));
        wrong.extend(case.judge("hyper", case.hyper.as_ref(), &outcome));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One request and what comes of it; none where it fails.
async fn exchange(case: &Case) -> Option<Outcome> {
    let (near, far) = tokio::io::duplex(4 << 20);
    let (mut sender, connection) = http1::handshake(Io(near)).await.ok()?;
    let connection = tokio::spawn(connection);
    let server = tokio::spawn(serve(far, case.wire.0.clone(), case.close));
    let request = http::Request::builder().method(case.method.as_str()).uri("/").header("host", "a");
    let request = request.body(Empty::<bytes::Bytes>::new()).expect("a valid request");
    let response = timeout(LONG, sender.send_request(request)).await.ok()?.ok()?;
    let (head, body) = response.into_parts();
    let body = timeout(LONG, body.collect()).await.ok()?.ok()?.to_bytes();
    let body = decode(&head.headers, &body)?;
    // Where it closes the connection, that takes no time.
    let keep_alive = timeout(LONG, connection).await.is_err();
    drop(server.await);
    Some(Outcome::Response(Taken { status: head.status.as_u16(), body: Bytes(body), keep_alive }))
}

/// Hyper leaves codings to those who use it, so they are undone here.
fn decode(headers: &http::HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    let codings = Codings::of(headers.get_all("content-encoding").iter().map(|value| value.as_bytes()));
    let sink = Sink::new(b"", 0, codings, Some(u64::MAX)).ok()?;
    let mut decoder = Decoder::new(codings, sink);
    decoder.write(body).ok()?;
    Some(decoder.finish().ok()?.bytes)
}

/// Reads a request and answers it; gives the connection back where it stays open.
async fn serve(mut stream: DuplexStream, wire: Vec<u8>, close: bool) -> Option<DuplexStream> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    stream.write_all(&wire).await.ok()?;
    (!close).then_some(stream)
}

/// A stream of tokio's as hyper wants it.
struct Io(DuplexStream);

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = vec![0; cursor.remaining()];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer))?;
        cursor.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
