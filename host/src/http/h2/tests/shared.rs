//! Several requests on one connection, one after the other and at once.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Instant, sleep, timeout};

use super::frames::{CANCEL, DATA, END_STREAM, Frame, GOAWAY, HEADERS, NO_ERROR, RST_STREAM, Wire};
use super::{http2, milliseconds, ok, reply, serve};
use crate::http::testing::{Network, body, error, get, send};
use crate::http::{Config, Error, Exchange, Request};

/// Serves the next connection as the crate's own server does, each request after 10 ms.
fn serve_slowly(network: &Network) {
    network.accept(|peer| {
        serve(peer, h2::server::Builder::new(), async |_, answering| {
            sleep(milliseconds(10)).await;
            reply(answering, ok(), b"ok");
        })
    });
}

#[tokio::test(start_paused = true)]
async fn requests_at_once_share_one_connection() {
    let network = Network::default();
    serve_slowly(&network);
    let client = network.client(Config { max_connections_per_host: 1, ..http2() });
    let exchanges: [Exchange; 3] = tokio::join!(get(&client, "/"), get(&client, "/"), get(&client, "/")).into();
    assert_eq!(exchanges.each_ref().map(|exchange| exchange.transport.connections), [1, 0, 0]);
    for exchange in &exchanges {
        assert_eq!((body(exchange), exchange.phases.total()), ("ok", milliseconds(10)));
    }
    assert_eq!((network.origins().len(), client.kept_connections()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_first_to_connect_connects_for_all() {
    let network = Network::default();
    network.accept_late(milliseconds(40), true, |peer| {
        serve(peer, h2::server::Builder::new(), async |_, answering| reply(answering, ok(), b"ok"))
    });
    let client = network.client(Config::default());
    let url = "https://secure.test/";
    let exchanges: [Exchange; 3] = tokio::join!(get(&client, url), get(&client, url), get(&client, url)).into();
    let phases = exchanges.each_ref().map(|exchange| (exchange.phases.connect, exchange.phases.blocked));
    let (none, connect) = (milliseconds(0), milliseconds(40));
    assert_eq!(phases, [(connect, none), (none, connect), (none, connect)]);
    assert_eq!(exchanges.map(|exchange| exchange.transport.connections), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn without_keeping_each_request_has_its_own_connection() {
    let network = Network::default();
    for _ in 0..4 {
        serve_slowly(&network);
    }
    let client = network.client(Config { keepalive: false, max_connections_per_host: 2, ..http2() });
    let exchanges: [Exchange; 3] = tokio::join!(get(&client, "/"), get(&client, "/"), get(&client, "/")).into();
    for exchange in &exchanges {
        assert_eq!((body(exchange), exchange.transport.connections), ("ok", 1));
    }
    let blocked = exchanges.map(|exchange| exchange.phases.blocked);
    assert_eq!(blocked, [0, 0, 10].map(milliseconds), "and there are no more of them than allowed");
    assert_eq!(get(&client, "/").await.transport.connections, 1);
    assert_eq!((network.origins().len(), client.kept_connections()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn bytes_are_those_of_the_whole_connection() {
    let network = Network::default();
    let (tell, told) = tokio::sync::oneshot::channel();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        for number in 0..5 {
            let stream = wire.request().await;
            wire.wait_for(DATA).await;
            wire.reply(stream, &"x".repeat(100 * number)).await;
        }
        // What the client says at its end belongs to no request.
        let rest = wire.rest().await;
        let unasked: u64 = rest.iter().map(|frame| frame.bytes().len() as u64).sum();
        tell.send((wire.received - unasked, wire.sent)).expect("someone waits");
    });
    let client = network.client(http2());
    let mut measured = (0, 0);
    for _ in 0..5 {
        // Large enough to be written beside its frame's head and not copied behind it.
        let exchange = send(&client, &Request { body: Some(&[b'x'; 1000]), ..Request::new("POST", "/") }).await;
        assert!(exchange.bytes_sent > 0 && exchange.bytes_received > 0);
        measured = (measured.0 + exchange.bytes_sent, measured.1 + exchange.bytes_received);
    }
    drop(client);
    assert_eq!(measured, told.await.expect("the server counted"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_is_cancelled_and_leaves_the_others() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        let streams = [wire.request().await, wire.request().await];
        let reset = wire.wait_for(RST_STREAM).await.expect("the client lives");
        assert_eq!((reset.stream, reset.code()), (streams[0], CANCEL));
        wire.reply(streams[1], "ok").await;
        wire.rest().await;
    });
    let client = network.client(http2());
    let dropped = async { timeout(milliseconds(10), get(&client, "/")).await.is_err() };
    let (dropped, other) = tokio::join!(dropped, get(&client, "/"));
    assert!(dropped);
    assert_eq!((body(&other), network.interruptions()), ("ok", 1));
    drop(other);
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_dropped_before_its_stream_began_is_cancelled_with_its_head() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[(super::frames::MAX_CONCURRENT_STREAMS, 1)]).await;
        for _ in 0..2 {
            let stream = wire.request().await;
            sleep(milliseconds(20)).await;
            wire.reply(stream, "ok").await;
        }
        // The crate keeps the head once it has it, as a number that was given to a stream can't be left out.
        let rest = wire.rest().await;
        let seen: Vec<_> = rest.iter().map(|frame| (frame.kind, frame.stream)).collect();
        assert_eq!(seen, [(HEADERS, 5), (RST_STREAM, 5), (GOAWAY, 0)], "{rest:?}");
        assert_eq!(rest[1].code(), CANCEL);
    });
    let client = network.client(http2());
    get(&client, "/").await;
    let dropped = async { timeout(milliseconds(10), get(&client, "/")).await.is_err() };
    assert!(tokio::join!(get(&client, "/"), dropped).1);
    assert_eq!(network.interruptions(), 0);
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_leaves_the_connection_to_the_others() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        let streams = [wire.request().await, wire.request().await];
        wire.send(&[Frame::head(streams[1], 0, "200", &[])]).await;
        let reset = wire.wait_for(RST_STREAM).await.expect("the client lives");
        assert_eq!((reset.stream, reset.code()), (streams[0], CANCEL));
        wire.send(&[Frame::data(streams[1], END_STREAM, "ok")]).await;
        let stream = wire.request().await;
        wire.reply(stream, "next").await;
        wire.rest().await;
    });
    let client = network.client(http2());
    let short = Request { timeout: Some(milliseconds(10)), ..Request::new("GET", "/") };
    let (short, other) = tokio::join!(send(&client, &short), get(&client, "/"));
    assert_eq!(error(&short), &Error::Timeout);
    assert_eq!(short.phases.wait, short.phases.total());
    assert_eq!(body(&other), "ok");
    assert_eq!(body(&get(&client, "/").await), "next");
    assert_eq!((network.origins().len(), network.interruptions()), (1, 0));
    drop((short, other));
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fell_silent_gets_no_further_request() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        let stream = wire.request().await;
        wire.reply(stream, "ok").await;
        let other = [wire.request().await, wire.request().await][1];
        sleep(milliseconds(500)).await;
        wire.reply(other, "late").await;
        wire.rest().await;
    });
    serve_slowly(&network);
    let client = network.client(http2());
    get(&client, "/").await;
    let short = Request { timeout: Some(milliseconds(10)), ..Request::new("GET", "/") };
    let (short, other) = tokio::join!(
        async {
            let exchange = send(&client, &short).await;
            assert_eq!(body(&get(&client, "/").await), "ok");
            exchange
        },
        get(&client, "/")
    );
    assert_eq!((error(&short), body(&other)), (&Error::Timeout, "late"));
    assert_eq!((network.origins().len(), client.kept_connections()), (2, 1));
    drop((short, other));
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn redirects_and_cookies_stay_on_the_connection() {
    let network = Network::default();
    network.accept(|peer| {
        serve(peer, h2::server::Builder::new(), async |request: super::Asked, answering| {
            let moved = || http::Response::builder().status(302).header("location", "/two").header("set-cookie", "a=b");
            match request.uri().path() {
                "/two" if request.headers()["cookie"] == "a=b" => reply(answering, ok(), b"ok"),
                _ => reply(answering, moved(), b"moved"),
            }
        })
    });
    let client = network.client(http2());
    let exchange = get(&client, "/one").await;
    assert_eq!((body(&exchange), exchange.url()), ("ok", "http://base.test/two".to_owned()));
    let transport = exchange.transport;
    assert_eq!((transport.connections, transport.redirects, transport.http2), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_connection_header_is_of_no_effect() {
    let network = Network::default();
    network.accept(|peer| {
        serve(peer, h2::server::Builder::new(), async |request: super::Asked, answering| {
            assert!(!request.headers().contains_key("connection"));
            reply(answering, ok(), b"ok");
        })
    });
    let client = network.client(http2());
    for _ in 0..2 {
        let request = Request { headers: &[("Connection", "close")], ..Request::new("GET", "/") };
        assert_eq!(body(&send(&client, &request).await), "ok");
    }
    assert_eq!((network.origins().len(), client.kept_connections()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_in_time_and_one_in_use_is_not() {
    let network = Network::default();
    let ended = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&ended);
    let start = Instant::now();
    network.accept(move |peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        // Longer than the idle timeout.
        for _ in 0..2 {
            let stream = wire.request().await;
            sleep(milliseconds(2500)).await;
            wire.send(&[Frame::head(stream, 0, "200", &[]), Frame::new(DATA, END_STREAM, stream, *b"ok")]).await;
        }
        let last = wire.rest().await.pop().expect("a word of farewell");
        assert_eq!((last.kind, last.code()), (GOAWAY, NO_ERROR));
        told.store(u64::try_from(start.elapsed().as_millis()).expect("short"), Ordering::Relaxed);
    });
    let client = network.client(Config { idle_timeout: milliseconds(1000), ..http2() });
    get(&client, "/").await;
    sleep(milliseconds(900)).await;
    get(&client, "/").await;
    assert_eq!((start.elapsed(), client.kept_connections()), (milliseconds(5900), 1));
    sleep(milliseconds(2000)).await;
    assert_eq!((ended.load(Ordering::Relaxed), client.kept_connections()), (6900, 0));
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn the_clock_starts_when_the_future_is_first_polled() {
    let network = Network::default();
    serve_slowly(&network);
    let client = network.client(http2());
    let mut future = pin!(client.perform(client.prepare(&Request::new("GET", "/"))));
    sleep(milliseconds(50)).await;
    assert_eq!(future.as_mut().await.phases.total(), milliseconds(10));
}
