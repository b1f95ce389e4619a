//! Flow control, settings, pings, and what servers may do while a request is still being sent.

use tokio::time::sleep;

use super::frames::{
    ACK, CANCEL, DATA, END_STREAM, Frame, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, NO_ERROR, PING, REFUSED_STREAM,
    RST_STREAM, SETTINGS, Wire,
};
use super::{http2, milliseconds};
use crate::http::testing::{Network, body, get, send};
use crate::http::{Client, Exchange, Request, Response};
use crate::sample::Phases;

async fn post(client: &Client, body: &[u8]) -> Exchange {
    send(client, &Request { body: Some(body), ..Request::new("POST", "/") }).await
}

#[tokio::test(start_paused = true)]
async fn a_window_of_zero_is_time_of_sending() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[(INITIAL_WINDOW_SIZE, 0)]).await;
        let warm_up = wire.request().await;
        wire.reply(warm_up, "").await;
        let stream = wire.request().await;
        sleep(milliseconds(40)).await;
        wire.send(&[Frame::window_update(stream, 3)]).await;
        assert_eq!(wire.wait_for(DATA).await, Some(Frame::data(stream, 0, "bod")));
        sleep(milliseconds(2)).await;
        wire.send(&[Frame::settings(&[(INITIAL_WINDOW_SIZE, 10)])]).await;
        assert_eq!(wire.wait_for(DATA).await, Some(Frame::data(stream, END_STREAM, "y")));
        sleep(milliseconds(3)).await;
        wire.reply(stream, "ok").await;
        wire.rest().await;
    });
    let client = network.client(http2());
    get(&client, "/").await;
    let exchange = post(&client, b"body").await;
    assert_eq!(body(&exchange), "ok");
    let (send, wait) = (milliseconds(42), milliseconds(3));
    assert_eq!(exchange.phases, Phases { send, wait, ..Phases::default() });
    drop(exchange);
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn the_window_of_the_connection_is_shared_by_its_requests() {
    const WINDOW: usize = 65_535;
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[(INITIAL_WINDOW_SIZE, 1 << 20)]).await;
        let warm_up = wire.request().await;
        wire.reply(warm_up, "").await;
        let mut streams = [wire.request().await, 0];
        let mut taken = 0;
        while taken < WINDOW || streams[1] == 0 {
            let frame = wire.next().await.expect("the client lives");
            match frame.kind {
                DATA => taken += frame.payload.len(),
                _ => streams[1] = frame.stream,
            }
        }
        assert_eq!(taken, WINDOW);
        sleep(milliseconds(40)).await;
        wire.send(&[Frame::window_update(0, 2 * 40_000)]).await;
        while taken < 2 * 40_000 {
            taken += wire.wait_for(DATA).await.expect("the client lives").payload.len();
        }
        for stream in streams {
            wire.reply(stream, "ok").await;
        }
        wire.rest().await;
    });
    let client = network.client(http2());
    get(&client, "/").await;
    let large = [b'x'; 40_000];
    let exchanges: [Exchange; 2] = tokio::join!(post(&client, &large), post(&client, &large)).into();
    for exchange in &exchanges {
        assert_eq!((body(exchange), exchange.phases.total()), ("ok", milliseconds(40)));
    }
    let sending = exchanges.map(|exchange| exchange.phases.send);
    assert!(sending.contains(&milliseconds(40)), "{sending:?}");
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_a_stream_where_one_is_allowed_at_once() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[(MAX_CONCURRENT_STREAMS, 1)]).await;
        let warm_up = wire.request().await;
        wire.reply(warm_up, "").await;
        for text in ["1", "2", "3"] {
            let stream = wire.request().await;
            sleep(milliseconds(10)).await;
            wire.reply(stream, text).await;
        }
        assert!(wire.rest().await.iter().all(|frame| frame.kind != RST_STREAM));
    });
    let client = network.client(http2());
    get(&client, "/").await;
    let exchanges: [Exchange; 3] = tokio::join!(get(&client, "/"), get(&client, "/"), get(&client, "/")).into();
    for (number, exchange) in (1..).zip(&exchanges) {
        assert_eq!(body(exchange), number.to_string());
        let (blocked, wait) = (milliseconds(10 * (number - 1)), milliseconds(10));
        assert_eq!(exchange.phases, Phases { blocked, wait, ..Phases::default() });
        assert_eq!((exchange.transport.connections, exchange.transport.reconnects), (0, 0));
    }
    drop(exchanges);
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_a_limit_not_known_yet_are_sent_again() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::begin(peer).await;
        let streams = [wire.request().await, wire.request().await, wire.request().await];
        wire.send(&[Frame::settings(&[(MAX_CONCURRENT_STREAMS, 1)])]).await;
        wire.send(&[1, 2].map(|refused| Frame::reset(streams[refused], REFUSED_STREAM))).await;
        let mut stream = streams[0];
        for number in 0..3 {
            sleep(milliseconds(10)).await;
            wire.reply(stream, "ok").await;
            if number < 2 {
                stream = wire.request().await;
            }
        }
        wire.rest().await;
    });
    let client = network.client(http2());
    let request = Request::new("POST", "/");
    let exchanges: [Exchange; 3] =
        tokio::join!(send(&client, &request), send(&client, &request), send(&client, &request)).into();
    let tries: Vec<_> = exchanges.iter().map(|exchange| exchange.transport.http2).collect();
    assert_eq!(tries, [1, 2, 2], "the server refuses what came before its settings were known");
    for (number, exchange) in (0..).zip(&exchanges) {
        assert_eq!((body(exchange), exchange.transport.reconnects), ("ok", 0));
        assert_eq!((exchange.phases.blocked, exchange.phases.wait), (milliseconds(10 * number), milliseconds(10)));
    }
    assert_eq!(network.origins().len(), 1);
    drop(exchanges);
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_may_be_lowered_while_requests_are_under_way() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        let first = [wire.request().await, wire.request().await];
        wire.send(&[Frame::settings(&[(MAX_CONCURRENT_STREAMS, 1)])]).await;
        sleep(milliseconds(10)).await;
        for stream in first {
            wire.reply(stream, "first").await;
            sleep(milliseconds(10)).await;
        }
        for _ in 0..2 {
            let stream = wire.request().await;
            sleep(milliseconds(10)).await;
            wire.reply(stream, "later").await;
        }
        wire.rest().await;
    });
    let client = network.client(http2());
    let later = async || {
        sleep(milliseconds(5)).await;
        get(&client, "/").await
    };
    let exchanges: [Exchange; 4] = tokio::join!(get(&client, "/"), get(&client, "/"), later(), later()).into();
    assert_eq!(exchanges.each_ref().map(body), ["first", "first", "later", "later"]);
    // The first two end after 10 and 20 ms; the third one begins then, and is looked at 10 ms later.
    let mut blocked = exchanges.map(|exchange| exchange.phases.blocked);
    blocked.sort();
    assert_eq!(blocked, [0, 0, 15, 35].map(milliseconds));
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn pings_and_settings_are_acknowledged() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[]).await;
        let stream = wire.request().await;
        let ping = Frame::new(PING, 0, 0, *b"12345678");
        wire.send(std::slice::from_ref(&ping)).await;
        assert_eq!(wire.wait_for(PING).await, Some(Frame { flags: ACK, ..ping }));
        wire.send(&[Frame::settings(&[])]).await;
        assert_eq!(wire.wait_for(SETTINGS).await, Some(Frame::new(SETTINGS, ACK, 0, [])));
        wire.reply(stream, "ok").await;
        wire.rest().await;
    });
    let client = network.client(http2());
    assert_eq!(body(&get(&client, "/").await), "ok");
    network.finish(client).await;
}

#[tokio::test(start_paused = true)]
async fn a_response_before_the_end_of_the_request_ends_the_exchange() {
    let network = Network::default();
    network.accept(|peer| async move {
        let mut wire = Wire::open(peer, &[(INITIAL_WINDOW_SIZE, 10)]).await;
        let warm_up = wire.request().await;
        wire.reply(warm_up, "").await;
        for graceful in [true, false] {
            let stream = wire.request().await;
            wire.wait_for(DATA).await;
            sleep(milliseconds(7)).await;
            let mut frames = vec![Frame::head(stream, 0, "413", &[]), Frame::data(stream, END_STREAM, "no")];
            frames.extend(graceful.then(|| Frame::reset(stream, NO_ERROR)));
            wire.send(&frames).await;
            if !graceful {
                let reset = wire.wait_for(RST_STREAM).await.expect("the client lives");
                assert_eq!((reset.stream, reset.code()), (stream, CANCEL));
            }
        }
        let stream = wire.request().await;
        wire.reply(stream, "ok").await;
        wire.rest().await;
    });
    let client = network.client(http2());
    let large = vec![b'x'; 100_000];
    get(&client, "/").await;
    for _ in 0..2 {
        let exchange = post(&client, &large).await;
        assert_eq!((exchange.outcome.as_ref().map(Response::status), body(&exchange)), (Ok(413), "no"));
        assert_eq!(exchange.phases, Phases { send: milliseconds(7), ..Phases::default() });
        // Time for the reset to go out before the next request.
        sleep(milliseconds(1)).await;
    }
    assert_eq!(body(&get(&client, "/").await), "ok");
    assert_eq!(network.origins().len(), 1);
    network.finish(client).await;
}
