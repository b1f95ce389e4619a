//! Whole exchanges with scripted servers, on a paused clock.

use std::pin::pin;

use tokio::io::AsyncReadExt;
use tokio::time::{advance, sleep};

use super::*;
use crate::http::Config;
use crate::http::testing::{Network, ROOM, body, error, get, send};
use crate::sample::{FailureKind, Phases};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn second() -> Duration {
    Duration::from_secs(1)
}

#[test]
fn futures_can_be_sent_and_stay_small() {
    fn check<F: Future + Send>(_: &F) {}
    let client = Network::default().client(Config::default());
    let future = client.perform(client.prepare(&Request::new("GET", "/")));
    check(&future);
    assert!(size_of_val(&future) <= 1664, "{}", size_of_val(&future));
}

#[tokio::test(start_paused = true)]
async fn a_connection_serves_one_request_after_the_other() {
    let network = Network::default();
    network.respond([OK, OK, OK]);
    let client = network.client(Config::default());
    for path in ["/a?b=c", "http://base.test/d", "HTTP://BASE.test:80/../e"] {
        let exchange = get(&client, path).await;
        assert_eq!(body(&exchange), "ok");
        assert_eq!(client.kept_connections(), 1);
        assert_eq!(exchange.transport.reconnects, 0);
    }
    assert_eq!(network.origins(), ["http://base.test"]);
    let lines: Vec<_> =
        network.requests().iter().map(|request| request.lines().next().unwrap_or("").to_owned()).collect();
    assert_eq!(lines, ["GET /a?b=c HTTP/1.1", "GET /d HTTP/1.1", "GET /e HTTP/1.1"]);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_says_what_was_asked_and_measured() {
    let network = Network::default();
    network.accept(|mut peer| async move {
        peer.request().await;
        sleep(Duration::from_millis(30)).await;
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").await;
        sleep(Duration::from_millis(5)).await;
        peer.send(b"k").await;
        peer.wait().await;
    });
    let client = network.client(Config::default());
    let request = Request { body: Some(b"body"), ..Request::new("POST", "/a/b?c=d#e") };
    let exchange = send(&client, &request).await;
    assert_eq!((exchange.method(), exchange.default_name()), ("POST", "/a/b"));
    assert_eq!(exchange.url(), "http://base.test/a/b?c=d");
    let (wait, receive) = (Duration::from_millis(30), Duration::from_millis(5));
    assert_eq!(exchange.phases, Phases { wait, receive, ..Phases::default() });
    assert_eq!(exchange.bytes_sent, network.requests()[0].len() as u64);
    assert_eq!(exchange.bytes_received, OK.len() as u64);
    let response = exchange.outcome.expect("a response");
    assert_eq!(response.header("Content-Length").as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn several_requests_at_once_use_a_connection_each() {
    let network = Network::default();
    for _ in 0..3 {
        network.respond([OK]);
    }
    let client = network.client(Config { max_idle_connections: 2, ..Config::default() });
    let exchanges = tokio::join!(get(&client, "/1"), get(&client, "/2"), get(&client, "/3"));
    for exchange in [exchanges.0, exchanges.1, exchanges.2] {
        assert_eq!(body(&exchange), "ok");
    }
    assert_eq!(client.kept_connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn connections_are_not_kept_where_either_side_closes_them() {
    let network = Network::default();
    network.respond(["HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"]);
    network.respond([OK]);
    network.respond(["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok, and more"]);
    let client = network.client(Config::default());
    get(&client, "/").await;
    send(&client, &Request { headers: &[("Connection", "close")], ..Request::new("GET", "/") }).await;
    get(&client, "/").await;
    assert_eq!(client.kept_connections(), 0);
    assert_eq!(network.origins().len(), 3);

    let network = Network::default();
    network.respond([OK]);
    let client = network.client(Config { keepalive: false, ..Config::default() });
    get(&client, "/").await;
    assert_eq!(client.kept_connections(), 0);
    assert!(network.requests()[0].contains("connection: close\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_closed_while_idle_is_noticed_before_it_is_used() {
    let network = Network::default();
    network.accept(|mut peer| async move {
        peer.request().await;
        peer.send(OK.as_bytes()).await;
    });
    network.respond([OK]);
    let client = network.client(Config::default());
    get(&client, "/").await;
    sleep(second()).await;
    let post = send(&client, &Request::new("POST", "/")).await;
    assert_eq!((body(&post), post.transport.reconnects), ("ok", 1));
}

/// A server that closes its connection as the second request reaches it.
async fn closes_under_the_second_request(method: &str) -> (Exchange, Network) {
    let network = Network::default();
    network.accept(|mut peer| async move {
        peer.request().await;
        peer.send(OK.as_bytes()).await;
        peer.request().await;
    });
    network.respond([OK]);
    let client = network.client(Config::default());
    get(&client, "/").await;
    let exchange = send(&client, &Request::new(method, "/")).await;
    (exchange, network)
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_dies_is_replaced_once_for_an_idempotent_request() {
    let (exchange, network) = closes_under_the_second_request("GET").await;
    assert_eq!((body(&exchange), exchange.transport.reconnects), ("ok", 1));
    assert_eq!(network.origins().len(), 2);
    assert_eq!(exchange.bytes_sent, 2 * network.requests()[1].len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_post_is_never_sent_twice() {
    let (exchange, network) = closes_under_the_second_request("POST").await;
    assert_eq!(error(&exchange).kind(), FailureKind::Protocol);
    assert_eq!((exchange.transport.reconnects, network.origins().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fresh_connection_that_dies_is_an_error() {
    let network = Network::default();
    network.accept(|mut peer| async move {
        peer.request().await;
    });
    let client = network.client(Config::default());
    let exchange = get(&client, "/").await;
    assert_eq!(error(&exchange), &Error::protocol("the connection was closed without a response"));
    assert_eq!(network.interruptions(), 0);
    assert_eq!(error(&get(&client, "/").await).kind(), FailureKind::Connect);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_bounds_the_whole_exchange() {
    let network = Network::default();
    network.accept(|mut peer| async move {
        peer.request().await;
        loop {
            // Never silent for as long as the timeout.
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\n").await;
            sleep(second() / 2).await;
        }
    });
    let client = network.client(Config { timeout: 3 * second(), ..Config::default() });
    let exchange = get(&client, "/").await;
    assert_eq!(error(&exchange), &Error::Timeout);
    let total = exchange.phases.total();
    assert!(total >= 3 * second() && total < 3 * second() + Duration::from_millis(2), "{total:?}");
    assert_eq!(exchange.phases.receive, total, "the time belongs to the phase that it ran out in");
    assert_eq!(client.kept_connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_request_has_its_own_timeout_on_a_kept_connection() {
    let network = Network::default();
    network.accept(|mut peer| async move {
        for _ in 0..3 {
            peer.request().await;
            sleep(Duration::from_secs(20)).await;
            peer.send(OK.as_bytes()).await;
        }
        peer.request().await;
        peer.wait().await;
    });
    let client = network.client(Config::default());
    // The third one crosses the instant at which the first one's timeout would have been.
    for _ in 0..3 {
        assert_eq!(body(&get(&client, "/").await), "ok");
    }
    let short = send(&client, &Request { timeout: Some(second()), ..Request::new("GET", "/") }).await;
    assert_eq!(error(&short), &Error::Timeout);
    assert!(short.phases.wait >= second() && short.phases.wait < second() + Duration::from_millis(2));
    assert_eq!(short.transport.reconnects, 0);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_is_dropped_under_way_is_counted() {
    let network = Network::default();
    network.accept(|mut peer| async move {
        peer.request().await;
        peer.wait().await;
    });
    network.respond([OK]);
    let client = network.client(Config::default());
    drop(client.perform(client.prepare(&Request::new("GET", "/"))));
    assert_eq!(network.interruptions(), 0);
    let waiting = client.perform(client.prepare(&Request::new("GET", "/")));
    assert!(tokio::time::timeout(second(), waiting).await.is_err());
    assert_eq!(network.interruptions(), 1);
    get(&client, "/").await;
    assert_eq!(network.interruptions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_may_go_while_its_exchange_is_under_way() {
    let network = Network::default();
    network.respond([OK]);
    let client = network.client(Config::default());
    let future = client.perform(client.prepare(&Request::new("GET", "/")));
    drop(client);
    assert_eq!(body(&future.await), "ok");
}

#[tokio::test(start_paused = true)]
async fn a_response_before_the_end_of_the_request_is_read() {
    let network = Network::default();
    network.accept(|mut peer| async move {
        let mut some = [0; ROOM];
        peer.stream.read_exact(&mut some).await.expect("more than that is sent");
        peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await;
        std::future::pending::<()>().await;
    });
    let client = network.client(Config::default());
    let large = vec![b'x'; 100 * ROOM];
    let exchange = send(&client, &Request { body: Some(&large), ..Request::new("POST", "/") }).await;
    assert_eq!(exchange.outcome.as_ref().map(Response::status), Ok(413));
    assert!(exchange.bytes_sent < large.len() as u64);
    assert_eq!(client.kept_connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_response_is_read_though_writing_failed() {
    let network = Network::default();
    network.accept(|mut peer| async move {
        let mut some = [0; ROOM];
        peer.stream.read_exact(&mut some).await.expect("more than that is sent");
        peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await;
    });
    network.accept(|mut peer| async move {
        let mut some = [0; ROOM];
        peer.stream.read_exact(&mut some).await.expect("more than that is sent");
    });
    let client = network.client(Config::default());
    let large = vec![b'x'; 100 * ROOM];
    let request = Request { body: Some(&large), ..Request::new("POST", "/") };
    let answered = send(&client, &request).await;
    assert_eq!(answered.outcome.as_ref().map(Response::status), Ok(413));
    let unanswered = send(&client, &request).await;
    assert_eq!(error(&unanswered), &Error::protocol("connection closed by the peer"));
    assert_eq!(client.kept_connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_large_request_goes_through_a_narrow_stream_both_ways() {
    let network = Network::default();
    network.accept(|mut peer| async move {
        let text = peer.request().await.expect("a request");
        let (_, body) = text.split_once("\r\n\r\n").expect("a head");
        peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
        peer.wait().await;
    });
    let client = network.client(Config::default());
    let large = "0123456789".repeat(10 * ROOM);
    let exchange = send(&client, &Request { body: Some(large.as_bytes()), ..Request::new("PUT", "/") }).await;
    assert!(body(&exchange) == large);
    assert_eq!(client.kept_connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn redirects_are_followed_with_what_may_go_along() {
    let network = Network::default();
    network.respond(["HTTP/1.1 302 Found\r\nlocation: /two\r\ncontent-length: 3\r\n\r\nbye", OK]);
    let client = network.client(Config::default());
    let headers = [("Authorization", "secret"), ("Content-Type", "text/plain")];
    let request = Request { headers: &headers, body: Some(b"data"), ..Request::new("POST", "/one") };
    let exchange = send(&client, &request).await;
    assert_eq!((body(&exchange), network.origins().len()), ("ok", 1));
    let requests = network.requests();
    assert!(requests[1].starts_with("GET /two HTTP/1.1\r\n") && requests[1].contains("Authorization: secret\r\n"));
    assert!(!requests[1].contains("Content-Type") && requests[1].ends_with("\r\n\r\n"));
}

#[tokio::test(start_paused = true)]
async fn secrets_stay_with_their_origin() {
    let network = Network::default();
    network.respond(["HTTP/1.1 307 Temporary\r\nlocation: http://base.test/two\r\ncontent-length: 0\r\n\r\n"]);
    network.respond(["HTTP/1.1 303 See Other\r\nlocation: three?x#y\r\ncontent-length: 0\r\n\r\n", OK]);
    let client = network.client(Config::default());
    let headers = [
        ("Authorization", "secret"),
        ("Cookie", "a=b"),
        ("Content-Type", "text/plain"),
        ("X-Own", "kept"),
        ("Host", "me"),
    ];
    let request = Request { headers: &headers, body: Some(b"data"), ..Request::new("POST", "http://other.test/one?q") };
    let exchange = send(&client, &request).await;
    assert_eq!(body(&exchange), "ok");
    assert_eq!((exchange.default_name(), exchange.url()), ("/one", "http://base.test/three?x".to_owned()));
    assert_eq!(network.origins(), ["http://other.test", "http://base.test"]);
    let requests = network.requests();
    assert_eq!(exchange.bytes_sent, requests.iter().map(|request| request.len() as u64).sum::<u64>());
    for secret in ["Authorization: secret", "Cookie: a=b", "Host: me"] {
        let seen: Vec<_> = requests.iter().map(|request| request.contains(secret)).collect();
        assert_eq!(seen, [true, false, false], "{secret}");
    }
    assert!(
        requests[1].starts_with("POST /two HTTP/1.1\r\nhost: base.test\r\n") && requests[1].ends_with("\r\n\r\ndata")
    );
    assert!(requests[2].starts_with("GET /three?x HTTP/1.1\r\n") && requests[2].ends_with("\r\n\r\n"));
    assert!(requests[2].contains("X-Own: kept") && !requests[2].contains("Content-Type"));
}

#[tokio::test(start_paused = true)]
async fn redirects_are_bounded_and_may_be_handed_over() {
    const AROUND: &str = "HTTP/1.1 301 Moved\r\nlocation: /\r\ncontent-length: 0\r\n\r\n";
    let network = Network::default();
    network.respond([AROUND; 8]);
    let client = network.client(Config::default());
    let bounded = send(&client, &Request { max_redirects: Some(2), ..Request::new("GET", "/") }).await;
    assert_eq!(error(&bounded), &Error::TooManyRedirects(2));
    assert_eq!(network.requests().len(), 3);
    let handed_over = send(&client, &Request { max_redirects: Some(0), ..Request::new("GET", "/") }).await;
    assert_eq!(handed_over.outcome.as_ref().map(Response::status), Ok(301));
    assert_eq!(network.requests().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn cookies_come_back_at_every_hop() {
    let network = Network::default();
    network.respond([
        "HTTP/1.1 302 Found\r\nset-cookie: one=1\r\nset-cookie: two=2\r\nlocation: /x/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nset-cookie: one=; path=/; max-age=0\r\ncontent-length: 0\r\n\r\n",
        OK,
        OK,
        OK,
    ]);
    let client = network.client(Config::default());
    client.set_cookie("/", "three=3; path=/x");
    get(&client, "/login").await;
    let names = |url| client.cookies(url).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("/"), ["two"]);
    assert_eq!(names("/x").len(), 2);
    get(&client, "/").await;
    send(&client, &Request { headers: &[("cookie", "own=0")], ..Request::new("GET", "/") }).await;
    client.clear_cookies();
    get(&client, "/").await;
    let sent: Vec<_> = (network.requests().iter())
        .map(|request| {
            let line = request.lines().find_map(|line| line.strip_prefix("cookie: ")).unwrap_or("");
            let mut cookies: Vec<_> = line.split("; ").map(str::to_owned).collect();
            cookies.sort();
            cookies.join(" ")
        })
        .collect();
    assert_eq!(sent, ["", "one=1 three=3 two=2", "two=2", "own=0", ""]);
}

#[tokio::test(start_paused = true)]
async fn a_run_without_cookies_has_none() {
    let network = Network::default();
    network.respond(["HTTP/1.1 200 OK\r\nset-cookie: one=1\r\ncontent-length: 0\r\n\r\n", OK]);
    let client = network.client(Config { cookies: false, ..Config::default() });
    client.set_cookie("/", "two=2");
    get(&client, "/").await;
    get(&client, "/").await;
    assert!(client.cookies("/").is_empty() && !network.requests()[1].contains("cookie"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_is_data() {
    let client = Network::default().client(Config::default());
    let injection = [("a", "b\r\nc: d")];
    for request in [
        Request::new("G T", "/path?query"),
        Request::new("GET", "ftp://base.test/path"),
        Request { headers: &injection, ..Request::new("GET", "/path") },
    ] {
        let exchange = send(&client, &request).await;
        assert_eq!(error(&exchange).kind(), FailureKind::InvalidRequest);
        assert_eq!((exchange.method(), exchange.phases), (request.method, Phases::default()));
        assert!(exchange.default_name().ends_with("/path"));
        assert_eq!(exchange.url(), request.url);
    }
    let denied = client.refuse(&Request::new("GET", "/x"), Error::Denied("by rule".into()));
    assert_eq!(client.perform(denied).await.outcome, Err(Error::Denied("by rule".into())));
}

#[tokio::test(start_paused = true)]
async fn offline_nothing_is_sent() {
    let network = Network::default();
    let client = network.client(Config { offline: true, ..Config::default() });
    for url in ["/", "http://other.test/", "https://other.test/", "ftp://other.test/"] {
        assert_eq!(error(&get(&client, url).await).kind(), FailureKind::Denied, "{url}");
    }
    assert!(network.origins().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bodies_are_bounded_or_counted() {
    let network = Network::default();
    network.respond([OK]);
    network.respond([OK]);
    let client = network.client(Config { max_body_bytes: 1, ..Config::default() });
    assert_eq!(error(&get(&client, "/").await), &Error::BodyTooLarge(1));
    assert_eq!(client.kept_connections(), 0);
    let counted = send(&client, &Request { discard_body: true, ..Request::new("GET", "/") }).await;
    assert_eq!(body(&counted), "");
    assert_eq!(counted.outcome.as_ref().map(Response::body_size), Ok(2));
    assert_eq!(client.kept_connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn head_has_no_body_and_keeps_its_connection() {
    let network = Network::default();
    network.respond(["HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", OK]);
    let client = network.client(Config::default());
    let head = send(&client, &Request::new("HEAD", "/")).await;
    assert_eq!(head.outcome.as_ref().map(Response::body_size), Ok(0));
    assert_eq!(body(&get(&client, "/").await), "ok");
    assert_eq!(network.origins().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_clock_starts_when_the_future_is_first_polled() {
    let network = Network::default();
    network.respond([OK]);
    let client = network.client(Config::default());
    let mut future = pin!(client.perform(client.prepare(&Request::new("GET", "/"))));
    advance(second()).await;
    assert_eq!(future.as_mut().await.phases.total(), Duration::ZERO);
}
