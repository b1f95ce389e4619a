//! One request, and what its response may look like.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::sleep;

use super::frames::{CONTINUATION, END_HEADERS, END_STREAM, Frame, HEADERS, RST_STREAM, Wire};
use super::{answer, http2, milliseconds, ok, read, reply, serve};
use crate::http::testing::{Network, body, error, get, send};
use crate::http::{Config, Error, Exchange, Request, Response};
use crate::sample::Phases;

/// What comes of a request that is answered with these frames, to stream 1, in one piece.
async fn answered_with(config: Config, method: &str, frames: Vec<Frame>) -> Exchange {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        wire.request().await;
        wire.send(&frames).await;
        wire.rest().await;
    });
    let client = network.client(config);
    send(&client, &Request::new(method, "/")).await
}

#[tokio::test(start_paused = true)]
async fn an_exchange_says_what_was_asked_and_measured() {
    let network = Network::default();
    network.accept(|peer| {
        serve(peer, h2::server::Builder::new(), async |request: super::Asked, answering| {
            let asked = (request.method().as_str(), request.uri().to_string());
            assert_eq!(asked, ("POST", "http://base.test/a/b?c=d".to_owned()));
            assert_eq!(request.headers()["content-length"], "4");
            assert_eq!(request.headers()["x-own"], "1");
            assert_eq!(read(request.into_body()).await, b"body");
            sleep(milliseconds(30)).await;
            let mut stream = answer(answering, ok().header("X-Case", "Kept"), false);
            sleep(milliseconds(5)).await;
            stream.send_data("ok".into(), true).expect("the client listens");
        })
    });
    let client = network.client(http2());
    let request = Request { headers: &[("X-Own", "1")], body: Some(b"body"), ..Request::new("POST", "/a/b?c=d#e") };
    let exchange = send(&client, &request).await;
    let (wait, receive) = (milliseconds(30), milliseconds(5));
    assert_eq!(exchange.phases, Phases { wait, receive, ..Phases::default() });
    assert_eq!((exchange.transport.connections, exchange.transport.http2), (1, 1));
    assert_eq!(body(&exchange), "ok");
    let response = exchange.outcome.expect("a response");
    assert_eq!((response.status(), response.header("x-case").as_deref()), (200, Some("Kept")));
}

#[tokio::test(start_paused = true)]
async fn a_body_larger_than_all_windows_goes_both_ways() {
    let network = Network::default();
    network.accept(|peer| {
        serve(peer, h2::server::Builder::new(), async |request: super::Asked, answering| {
            let body = read(request.into_body()).await;
            let mut stream = answer(answering, ok(), false);
            // The crate keeps what the client doesn't take yet.
            stream.send_data(body.into(), true).expect("the client listens");
        })
    });
    let client = network.client(http2());
    let large = "0123456789".repeat(600 << 10);
    let exchange = send(&client, &Request { body: Some(large.as_bytes()), ..Request::new("PUT", "/") }).await;
    assert!(body(&exchange) == large);
}

#[tokio::test(start_paused = true)]
async fn responses_end_where_their_heads_and_frames_say() {
    let head = |flags, status, headers: &[_]| Frame::head(1, flags, status, headers);
    let data = |flags, text| Frame::data(1, flags, text);
    let cases = [
        ("GET", 200, "", vec![head(END_STREAM, "200", &[])]),
        ("GET", 200, "ok", vec![head(0, "200", &[("content-length", "2")]), data(END_STREAM, "ok")]),
        ("GET", 204, "", vec![head(END_STREAM, "204", &[])]),
        ("GET", 304, "", vec![head(END_STREAM, "304", &[("content-length", "99")])]),
        ("HEAD", 200, "", vec![head(END_STREAM, "200", &[("content-length", "99")])]),
        ("GET", 200, "ok", vec![head(0, "200", &[]), data(0, ""), data(0, "ok"), data(0, ""), data(END_STREAM, "")]),
        (
            "GET",
            200,
            "ok",
            vec![
                head(0, "200", &[]),
                data(0, "ok"),
                Frame::new(HEADERS, END_STREAM | END_HEADERS, 1, b"\0\x05x-end\x011"),
            ],
        ),
        (
            "GET",
            200,
            "ok",
            vec![
                head(0, "103", &[("link", "</style.css>")]),
                head(0, "103", &[]),
                head(0, "200", &[]),
                data(END_STREAM, "ok"),
            ],
        ),
    ];
    for (method, status, text, frames) in cases {
        let context = format!("{method} {frames:?}");
        let exchange = answered_with(http2(), method, frames).await;
        assert_eq!(body(&exchange), text, "{context}");
        assert_eq!(exchange.outcome.as_ref().map(Response::status), Ok(status), "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_contradicts_itself_is_no_response() {
    let head = |flags, status, headers: &[_]| Frame::head(1, flags, status, headers);
    let data = |flags, text| Frame::data(1, flags, text);
    let length = [("content-length", "5")];
    let bad_head = "the response's head is malformed, or larger than 65536 bytes (PROTOCOL_ERROR)";
    let bad_body = "the response's body is not as its head says (PROTOCOL_ERROR)";
    for (reason, frames) in [
        (bad_head, vec![head(END_STREAM, "200", &length)]),
        (bad_head, vec![head(0, "200", &[("content-length", "five")])]),
        (bad_head, vec![head(0, "200", &[("content-length", "5"), ("content-length", "6")])]),
        (bad_head, vec![head(0, "200", &[("connection", "close")])]),
        (bad_head, vec![Frame::new(HEADERS, END_HEADERS, 1, b"\0\x01a\x01b")]),
        (bad_body, vec![head(0, "200", &length), data(END_STREAM, "four")]),
        (bad_body, vec![head(0, "200", &length), data(END_STREAM, "sixsix")]),
    ] {
        let context = format!("{frames:?}");
        let exchange = answered_with(http2(), "GET", frames).await;
        assert_eq!(error(&exchange), &Error::protocol(reason), "{context}");
    }
}

/// A head of that many headers of about 100 bytes, in pieces of 16 KiB.
fn large_head(headers: usize) -> Vec<Frame> {
    let value = "v".repeat(90);
    let headers: Vec<_> = (0..headers).map(|_| ("x-large", value.as_str())).collect();
    let whole = Frame::head(1, 0, "200", &headers);
    let pieces = whole.payload.chunks(16 << 10);
    let last = pieces.len() - 1;
    let pieces = pieces.enumerate().map(|(number, piece)| {
        let kind = if number == 0 { HEADERS } else { CONTINUATION };
        Frame::new(kind, if number == last { END_HEADERS } else { 0 }, 1, piece)
    });
    pieces.chain([Frame::data(1, END_STREAM, "ok")]).collect()
}

#[tokio::test(start_paused = true)]
async fn heads_may_come_in_pieces_and_are_bounded() {
    let large = answered_with(http2(), "GET", large_head(400)).await;
    assert_eq!(body(&large), "ok");
    assert_eq!(large.outcome.expect("a response").headers().count(), 400);
    let max_head_bytes = 10_000;
    let small = || Config { max_head_bytes, ..http2() };
    let exchange = answered_with(small(), "GET", large_head(100)).await;
    let reason = format!("the response's head is malformed, or larger than {max_head_bytes} bytes (PROTOCOL_ERROR)");
    assert_eq!(error(&exchange), &Error::protocol(reason));
    // One that is far too large is not even read to its end.
    let exchange = answered_with(small(), "GET", large_head(2000)).await;
    let reason = "the server broke the rules of HTTP/2 (COMPRESSION_ERROR)";
    assert_eq!(error(&exchange), &Error::protocol(reason));
}

fn gzipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

#[tokio::test(start_paused = true)]
async fn bodies_are_decoded() {
    let coded = gzipped(&b"0123456789".repeat(1000));
    let length = coded.len().to_string();
    let headers = [("content-encoding", "gzip"), ("content-length", &*length)];
    let frames =
        vec![Frame::head(1, 0, "200", &headers), Frame::new(super::frames::DATA, END_STREAM, 1, coded.clone())];
    let exchange = answered_with(http2(), "GET", frames).await;
    assert_eq!(body(&exchange), "0123456789".repeat(1000));
    let cut =
        vec![Frame::head(1, 0, "200", &headers[..1]), Frame::new(super::frames::DATA, END_STREAM, 1, &coded[..20])];
    let exchange = answered_with(http2(), "GET", cut).await;
    assert_eq!(error(&exchange), &Error::protocol("the gzip body is corrupt or cut short"));
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_ends_its_stream_alone() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        for coded in [vec![b'x'; 1001], gzipped(&vec![0; 1 << 20])] {
            let stream = wire.request().await;
            let coding = if coded[0] == b'x' { "identity" } else { "gzip" };
            let head = Frame::head(stream, 0, "200", &[("content-encoding", coding)]);
            wire.send(&[head, Frame::new(super::frames::DATA, 0, stream, coded)]).await;
            let reset = wire.wait_for(RST_STREAM).await.expect("the client lives");
            assert_eq!((reset.stream, reset.code()), (stream, super::frames::CANCEL));
        }
        let stream = wire.request().await;
        wire.reply(stream, "ok").await;
        wire.rest().await;
    });
    let client = network.client(Config { max_body_bytes: 1000, ..http2() });
    for _ in 0..2 {
        assert_eq!(error(&get(&client, "/").await), &Error::BodyTooLarge(1000));
        // Time for the reset to go out before the next request.
        sleep(milliseconds(1)).await;
    }
    assert_eq!(body(&get(&client, "/").await), "ok");
    assert_eq!(network.origins().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_discarded_body_is_counted_and_keeps_no_memory() {
    let network = Network::default();
    network.accept(|peer| {
        serve(peer, h2::server::Builder::new(), async |_, answering| reply(answering, ok(), &[b'x'; 10_000]))
    });
    let client = network.client(Config { max_body_bytes: 1, ..http2() });
    let exchange = send(&client, &Request { discard_body: true, ..Request::new("GET", "/") }).await;
    let response = exchange.outcome.expect("a response");
    assert_eq!((response.body_size(), response.body().len()), (10_000, 0));
    assert!(response.capacity() < 1000);
    assert!(exchange.bytes_received > 10_000);
}
