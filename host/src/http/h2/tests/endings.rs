//! How streams and connections end before their time.

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use super::frames::{
    CANCEL, CONTINUATION, DATA, END_STREAM, ENHANCE_YOUR_CALM, Frame, HEADERS, INTERNAL_ERROR, NO_ERROR, PING,
    PROTOCOL_ERROR, REFUSED_STREAM, SETTINGS, Wire,
};
use super::{http2, milliseconds};
use crate::http::h2::FAREWELL;
use crate::http::testing::{Network, body, error, get, send};
use crate::http::{Client, Error, Exchange, Request};
use crate::sample::FailureKind;

const CLOSED: &str = "the connection was closed without a response";

/// A connection that answers that many requests, and goes on with a script.
fn after<F: Future<Output = ()> + Send + 'static>(
    network: &Network,
    requests: usize,
    script: impl FnOnce(Wire) -> F + Send + 'static,
) {
    network.accept(move |peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        for _ in 0..requests {
            let stream = wire.request().await;
            wire.reply(stream, "ok").await;
        }
        script(wire).await;
    });
}

async fn post(client: &Client) -> Exchange {
    send(client, &Request { body: Some(b"body"), ..Request::new("POST", "/") }).await
}

/// What comes of a request on a connection that served one before and goes on with a script, and on another one that
/// would answer; how many were opened in all.
async fn on_a_kept_one<F: Future<Output = ()> + Send + 'static>(
    method: &str,
    script: impl FnOnce(Wire) -> F + Send + 'static,
) -> (Exchange, usize) {
    let network = Network::default();
    after(&network, 1, script);
    after(&network, 1, async |mut wire| drop(wire.rest().await));
    let client = network.client(http2());
    get(&client, "/").await;
    (send(&client, &Request::new(method, "/")).await, network.origins().len())
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_a_goaway_go_over_another_connection() {
    let network = Network::default();
    after(&network, 1, async |mut wire| {
        let served = wire.request().await;
        wire.request().await;
        wire.send(&[Frame::go_away(served, NO_ERROR)]).await;
        sleep(milliseconds(20)).await;
        wire.reply(served, "served").await;
        wire.rest().await;
    });
    after(&network, 2, async |mut wire| drop(wire.rest().await));
    let client = network.client(http2());
    get(&client, "/").await;
    let (served, again) = tokio::join!(post(&client), post(&client));
    assert_eq!((body(&served), served.phases.wait), ("served", milliseconds(20)));
    assert_eq!((served.transport.connections, served.transport.reconnects), (0, 0));
    assert_eq!(body(&again), "ok");
    assert_eq!((again.transport.connections, again.transport.reconnects, again.transport.http2), (1, 1, 2));
    assert_eq!(body(&get(&client, "/").await), "ok");
    assert_eq!(network.origins().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_goaway_in_advance_lets_what_is_under_way_finish() {
    let network = Network::default();
    after(&network, 1, async |mut wire| {
        let stream = wire.request().await;
        // As servers do that close gracefully: first for no stream in particular, then for the last one that came.
        wire.send(&[Frame::go_away(0x7fff_ffff, NO_ERROR)]).await;
        sleep(milliseconds(20)).await;
        wire.send(&[Frame::go_away(stream, NO_ERROR)]).await;
        wire.reply(stream, "served").await;
        wire.rest().await;
    });
    after(&network, 1, async |mut wire| drop(wire.rest().await));
    let client = network.client(http2());
    get(&client, "/").await;
    let later = async {
        sleep(milliseconds(10)).await;
        post(&client).await
    };
    let (served, later) = tokio::join!(post(&client), later);
    assert_eq!((body(&served), served.phases.wait), ("served", milliseconds(20)));
    assert_eq!((body(&later), later.phases.total(), later.transport.reconnects), ("ok", milliseconds(0), 0));
    assert_eq!(network.origins().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_goaway_between_requests_is_no_failure_and_no_reconnect() {
    for code in [NO_ERROR, ENHANCE_YOUR_CALM] {
        let (exchange, connections) = on_a_kept_one("POST", async move |mut wire| {
            wire.send(&[Frame::go_away(1, code)]).await;
            // Whether the server closes too or leaves that to the client is all the same.
            wire.rest().await;
        })
        .await;
        assert_eq!((body(&exchange), exchange.transport.reconnects, connections), ("ok", 0, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_turns_everything_away_is_an_error() {
    let network = Network::default();
    for _ in 0..2 {
        after(&network, 0, async |mut wire| {
            wire.request().await;
            wire.send(&[Frame::go_away(0, ENHANCE_YOUR_CALM)]).await;
            wire.rest().await;
        });
    }
    let client = network.client(http2());
    let exchange = post(&client).await;
    assert_eq!(error(&exchange), &Error::protocol("the server is closing the connection (ENHANCE_YOUR_CALM)"));
    assert_eq!((network.origins().len(), exchange.transport.reconnects), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_goaway_with_an_error_ends_what_it_served_with_the_connection() {
    let (exchange, connections) = on_a_kept_one("POST", async |mut wire| {
        let stream = wire.request().await;
        wire.send(&[Frame::go_away(stream, INTERNAL_ERROR)]).await;
    })
    .await;
    assert_eq!(error(&exchange), &Error::protocol(CLOSED));
    assert_eq!((exchange.transport.reconnects, connections), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_refused_stream_is_tried_once_more() {
    for method in ["GET", "POST"] {
        let (exchange, connections) = on_a_kept_one(method, async |mut wire| {
            let stream = wire.request().await;
            wire.send(&[Frame::reset(stream, REFUSED_STREAM)]).await;
            let stream = wire.request().await;
            wire.reply(stream, "served").await;
            wire.rest().await;
        })
        .await;
        assert_eq!((body(&exchange), connections), ("served", 1));
        assert_eq!(
            (exchange.transport.reconnects, exchange.transport.http2),
            (0, 2),
            "the connection is as good as ever"
        );
    }
    let (exchange, connections) = on_a_kept_one("GET", async |mut wire| {
        for _ in 0..2 {
            let stream = wire.request().await;
            wire.send(&[Frame::reset(stream, REFUSED_STREAM)]).await;
        }
        wire.rest().await;
    })
    .await;
    assert_eq!(error(&exchange), &Error::protocol("the server reset the stream (REFUSED_STREAM)"));
    assert_eq!(connections, 1);
}

#[tokio::test(start_paused = true)]
async fn a_reset_stream_is_an_error_and_leaves_the_connection() {
    let codes = [
        (NO_ERROR, "NO_ERROR"),
        (CANCEL, "CANCEL"),
        (INTERNAL_ERROR, "INTERNAL_ERROR"),
        (PROTOCOL_ERROR, "PROTOCOL_ERROR"),
    ];
    for (code, name) in codes {
        for answered in [false, true] {
            let network = Network::default();
            after(&network, 1, async move |mut wire| {
                let stream = wire.request().await;
                let head = [Frame::head(stream, 0, "200", &[]), Frame::data(stream, 0, "o")];
                wire.send(if answered { &head } else { &[] }).await;
                sleep(milliseconds(10)).await;
                wire.send(&[Frame::reset(stream, code)]).await;
                let stream = wire.request().await;
                wire.reply(stream, "next").await;
                wire.rest().await;
            });
            let client = network.client(http2());
            get(&client, "/").await;
            let exchange = get(&client, "/").await;
            assert_eq!(error(&exchange), &Error::protocol(format!("the server reset the stream ({name})")));
            assert_eq!(exchange.phases.total(), milliseconds(10));
            assert_eq!((exchange.transport.reconnects, exchange.transport.http2), (0, 1));
            assert_eq!(body(&get(&client, "/").await), "next");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_closed_between_requests_is_replaced() {
    let (exchange, connections) = on_a_kept_one("POST", async |wire| drop(wire)).await;
    assert_eq!((body(&exchange), exchange.transport.reconnects, connections), ("ok", 0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_connection_closed_under_a_request_is_replaced_where_that_is_safe() {
    let closes = async |mut wire: Wire| {
        wire.request().await;
    };
    let (exchange, connections) = on_a_kept_one("GET", closes).await;
    assert_eq!((body(&exchange), exchange.transport.reconnects, connections), ("ok", 1, 2));
    let (exchange, connections) = on_a_kept_one("POST", closes).await;
    assert_eq!((error(&exchange), connections), (&Error::protocol(CLOSED), 1));
    // A response had begun.
    let (exchange, connections) = on_a_kept_one("GET", async |mut wire| {
        let stream = wire.request().await;
        wire.send(&[Frame::head(stream, 0, "200", &[]), Frame::data(stream, 0, "o")]).await;
        sleep(milliseconds(10)).await;
    })
    .await;
    assert_eq!(error(&exchange), &Error::protocol("the connection was closed within the response's body"));
    assert_eq!((exchange.phases.receive, exchange.transport.reconnects, connections), (milliseconds(10), 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_nothing_does_not_hold_its_connection() {
    let network = Network::default();
    let (tell, told) = tokio::sync::oneshot::channel();
    after(&network, 1, async move |mut wire| {
        // The client's answers to these fill its way out.
        let ping = Frame::new(PING, 0, 0, *b"12345678");
        let mut before = 0;
        while wire.sent > before {
            before = wire.sent;
            wire.send(std::slice::from_ref(&ping)).await;
        }
        tell.send(Instant::now()).expect("someone waits");
    });
    let client = network.client(http2());
    get(&client, "/").await;
    sleep(milliseconds(5000)).await;
    let closed = Instant::now();
    network.finish(client).await;
    let taken = told.await.expect("the connection ended") - closed;
    assert!(taken >= FAREWELL && taken < FAREWELL + milliseconds(2), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn malformed_responses_leave_their_connection_to_the_others() {
    const MANY: usize = 2000;
    let network = Network::default();
    after(&network, 0, async |mut wire| {
        for _ in 0..MANY {
            let stream = wire.request().await;
            wire.send(&[Frame::head(stream, END_STREAM, "200", &[("connection", "close")])]).await;
        }
        let stream = wire.request().await;
        wire.reply(stream, "ok").await;
        wire.rest().await;
    });
    let client = network.client(http2());
    for _ in 0..MANY {
        let exchange = get(&client, "/").await;
        let reason = "the response's head is malformed, or larger than 65536 bytes (PROTOCOL_ERROR)";
        assert_eq!(error(&exchange), &Error::protocol(reason));
    }
    assert_eq!((body(&get(&client, "/").await), network.origins().len()), ("ok", 1));
}

#[tokio::test(start_paused = true)]
async fn a_fresh_connection_that_dies_is_an_error() {
    let network = Network::default();
    after(&network, 0, async |mut wire| {
        wire.request().await;
    });
    let client = network.client(http2());
    let exchange = get(&client, "/").await;
    assert_eq!((error(&exchange), network.origins().len()), (&Error::protocol(CLOSED), 1));
    assert_eq!(error(&get(&client, "/").await).kind(), FailureKind::Connect);
}

/// What comes of a request to a server that sends these bytes in pieces of that size, whatever the client says.
async fn babble(bytes: Vec<u8>, piece: usize) -> Exchange {
    let network = Network::default();
    network.accept(move |mut peer| async move {
        for piece in bytes.chunks(piece) {
            if peer.stream.write_all(piece).await.is_err() {
                return;
            }
        }
        peer.wait().await;
    });
    get(&network.client(http2()), "/").await
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_http_1_is_told_so() {
    let reason = "the server answers in HTTP/1, not HTTP/2 (try without --http2-prior-knowledge)";
    for text in ["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", "HTTP/1.0 505 No\r\n\r\n"] {
        for piece in [1, 5, 1000] {
            let exchange = babble(text.into(), piece).await;
            assert_eq!(error(&exchange), &Error::protocol(reason), "{text} in pieces of {piece}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_http_2_is_an_error() {
    let settings = Frame::settings(&[]).bytes();
    let then = |bytes: &[u8]| [&settings, bytes].concat();
    for (code, bytes) in [
        ("FRAME_SIZE_ERROR", b"220 smtp.test ESMTP ready\r\n".to_vec()),
        ("FRAME_SIZE_ERROR", then(&[0xff; 100])),
        ("PROTOCOL_ERROR", then(&Frame::new(PING, 0, 0, *b"short").bytes())),
        ("PROTOCOL_ERROR", Frame::new(SETTINGS, 0, 0, b"12345").bytes()),
        ("PROTOCOL_ERROR", then(&Frame::data(0, 0, "to nobody").bytes())),
        ("PROTOCOL_ERROR", then(&Frame::new(CONTINUATION, 0, 1, b"of nothing").bytes())),
        ("PROTOCOL_ERROR", then(&Frame::head(2, END_STREAM, "200", &[]).bytes())),
        ("PROTOCOL_ERROR", then(&Frame::reset(99, CANCEL).bytes())),
        ("PROTOCOL_ERROR", then(&Frame::new(super::frames::WINDOW_UPDATE, 0, 0, [0; 4]).bytes())),
        ("PROTOCOL_ERROR", then(&Frame::head(1, 0, "200", &[("Upper", "case")]).bytes())),
        ("PROTOCOL_ERROR", then(&Frame::new(HEADERS, super::frames::END_HEADERS, 1, [0xff; 10]).bytes())),
    ] {
        let exchange = babble(bytes.clone(), 1000).await;
        let reason = format!("the server broke the rules of HTTP/2 ({code})");
        assert_eq!(error(&exchange), &Error::protocol(reason), "{:?}", String::from_utf8_lossy(&bytes));
    }
}

/// What comes of a request that is answered with a flood, and how much of it the client took in, in bytes.
async fn flooded(first: Frame, again: Frame) -> (Exchange, u64) {
    let network = Network::default();
    let (tell, told) = tokio::sync::oneshot::channel();
    after(&network, 0, async move |mut wire| {
        wire.request().await;
        wire.send(&[first]).await;
        let mut before = 0;
        while wire.sent > before && wire.sent < 64 << 20 {
            before = wire.sent;
            wire.send(std::slice::from_ref(&again)).await;
        }
        tell.send(wire.sent).expect("someone waits");
    });
    let exchange = get(&network.client(http2()), "/").await;
    (exchange, told.await.expect("the flood ended"))
}

#[tokio::test(start_paused = true)]
async fn a_flood_ends_the_connection() {
    let begun = Frame { flags: 0, ..Frame::head(1, 0, "200", &[]) };
    let literal = Frame::head(1, 0, "200", &[("x-large", &"v".repeat(100))]).payload;
    for (first, again) in [
        (begun.clone(), Frame::new(CONTINUATION, 0, 1, [])),
        (begun, Frame::new(CONTINUATION, 0, 1, literal[13..].repeat(10))),
    ] {
        let (exchange, sent) = flooded(first, again.clone()).await;
        let reason = "the server broke the rules of HTTP/2 (ENHANCE_YOUR_CALM)";
        assert_eq!(error(&exchange), &Error::protocol(reason), "{}", again.kind);
        assert!(sent < 16 << 20, "{sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn resets_of_a_stream_that_is_over_change_nothing() {
    let network = Network::default();
    after(&network, 1, async |mut wire| {
        for _ in 0..10_000 {
            wire.send(&[Frame::reset(1, CANCEL)]).await;
        }
        let stream = wire.request().await;
        wire.send(&[Frame::head(stream, 0, "200", &[]), Frame::new(DATA, END_STREAM, stream, *b"ok")]).await;
        wire.rest().await;
    });
    let client = network.client(http2());
    for _ in 0..2 {
        assert_eq!(body(&get(&client, "/").await), "ok");
    }
    assert_eq!(network.origins().len(), 1);
}
