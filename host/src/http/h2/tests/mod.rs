//! Whole exchanges over HTTP/2 with servers in memory, on a paused clock.

mod endings;
mod flow;
mod frames;
mod responses;
mod shared;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};

use crate::http::config::{Config, Versions};
use crate::http::testing::Peer;

/// Speaks HTTP/2 unasked.
fn http2() -> Config {
    Config { versions: Versions::Http2, ..Config::default() }
}

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

type Asked = http::Request<RecvStream>;
type Answer = SendResponse<Bytes>;

/// Serves all requests of a connection as the crate's own server does, each in a task of its own.
async fn serve<F>(peer: Peer, settings: server::Builder, handler: impl Fn(Asked, Answer) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connection = settings.handshake::<_, Bytes>(peer.stream).await.expect("the client speaks HTTP/2");
    while let Some(Ok((request, answer))) = connection.accept().await {
        tokio::spawn(handler(request, answer));
    }
}

/// Sends a response's head.
fn answer(mut answer: Answer, response: http::response::Builder, ends: bool) -> SendStream<Bytes> {
    answer.send_response(response.body(()).expect("valid"), ends).expect("the client listens")
}

/// Sends a whole response, as far as the client takes it.
fn reply(answering: Answer, response: http::response::Builder, body: &'static [u8]) {
    let mut stream = answer(answering, response, false);
    stream.send_data(Bytes::from_static(body), true).expect("the client listens");
}

/// Reads a request's body to its end.
async fn read(mut body: RecvStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.expect("the client sends its body");
        body.flow_control().release_capacity(data.len()).expect("that much was taken");
        bytes.extend_from_slice(&data);
    }
    bytes
}

fn ok() -> http::response::Builder {
    http::Response::builder().status(200)
}
