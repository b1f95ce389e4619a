//! Who gets which connection, and who waits how long: by whole exchanges on a paused clock, and by the pool alone.

use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::io::DuplexStream;
use tokio::time::sleep;

use super::*;
use crate::http::connection::Stream;
use crate::http::socket::Socket;
use crate::http::target::Target;
use crate::http::testing::{Network, body, error, get, send};
use crate::http::{Client, Config, Error, Exchange, Request};
use crate::sample::FailureKind;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// Serves as many connections with HTTP/1.1, each request after 10 ms, once connecting has taken so long.
fn serve(network: &Network, connections: usize, connect: Duration) {
    for _ in 0..connections {
        network.accept_late(connect, false, |mut peer| async move {
            while peer.request().await.is_some() {
                sleep(milliseconds(10)).await;
                peer.send(OK).await;
            }
        });
    }
}

/// A client that may have that many connections to an origin, and its network.
fn bounded(max_connections_per_host: usize) -> (Client, Network) {
    let network = Network::default();
    serve(&network, max_connections_per_host, Duration::ZERO);
    (network.client(Config { max_connections_per_host, ..Config::default() }), network)
}

#[tokio::test(start_paused = true)]
async fn requests_wait_their_turn_where_there_are_as_many_connections_as_allowed() {
    let (client, network) = bounded(2);
    let one = || get(&client, "/");
    let exchanges: [Exchange; 5] = tokio::join!(one(), one(), one(), one(), one()).into();
    let phases = exchanges.map(|exchange| {
        assert_eq!(body(&exchange), "ok");
        (exchange.phases.blocked, exchange.phases.wait)
    });
    let served_after = |blocked| (milliseconds(blocked), milliseconds(10));
    assert_eq!(phases, [0, 0, 10, 10, 20].map(served_after));
    assert_eq!((network.origins().len(), client.kept_connections()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn who_asks_again_at_once_does_not_overtake_those_who_wait() {
    let (client, _network) = bounded(1);
    let greedy = async {
        let mut blocked = Vec::new();
        for _ in 0..3 {
            blocked.push(get(&client, "/").await.phases.blocked);
        }
        blocked
    };
    let (greedy, first, second) = tokio::join!(greedy, get(&client, "/"), get(&client, "/"));
    assert_eq!((first.phases.blocked, second.phases.blocked), (milliseconds(10), milliseconds(20)));
    assert_eq!(greedy, [0, 20, 0].map(milliseconds));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_gives_up_waiting_leaves_its_turn_to_the_next() {
    let (client, network) = bounded(1);
    let impatient = Request { timeout: Some(milliseconds(5)), ..Request::new("GET", "/") };
    let dropped = async { tokio::time::timeout(milliseconds(7), get(&client, "/")).await.is_err() };
    let (_, impatient, dropped, last) =
        tokio::join!(get(&client, "/"), send(&client, &impatient), dropped, get(&client, "/"));
    assert_eq!((error(&impatient), impatient.phases.blocked), (&Error::Timeout, impatient.phases.total()));
    assert!(dropped);
    assert_eq!((body(&last), last.phases.blocked), ("ok", milliseconds(10)));
    assert_eq!(network.interruptions(), 0, "nothing was sent for those who gave up");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_gives_its_place_back() {
    let (client, network) = bounded(1);
    serve(&network, 1, Duration::ZERO);
    let dropped = async { tokio::time::timeout(milliseconds(5), get(&client, "/")).await.is_err() };
    let (dropped, next) = tokio::join!(dropped, get(&client, "/"));
    assert!(dropped);
    assert_eq!((body(&next), next.phases.blocked), ("ok", milliseconds(5)));
    assert_eq!((next.transport.connections, network.interruptions()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn where_opening_fails_the_next_one_tries() {
    for url in ["http://plain.test/", "https://secure.test/"] {
        let network = Network::default();
        serve(&network, 1, Duration::from_secs(60));
        serve(&network, 1, Duration::ZERO);
        let bounds = Config { max_connections_per_host: 1, connect_timeout: milliseconds(20), ..Config::default() };
        let client = network.client(bounds);
        let (failed, next) = tokio::join!(get(&client, url), get(&client, url));
        assert_eq!(error(&failed), &Error::Connect("no answer within 0.02 s (--connect-timeout)".into()));
        assert_eq!(failed.phases.connect, failed.phases.total());
        assert_eq!((body(&next), next.phases.blocked), ("ok", failed.phases.total()));
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_first_opening_fails_the_others_do_not_wait_for_each_other() {
    for (max_connections_per_host, expected) in [(6, [20, 40, 40, 40]), (2, [20, 40, 40, 60])] {
        let network = Network::default();
        serve(&network, 4, Duration::from_secs(60));
        let connect_timeout = milliseconds(20);
        let client = network.client(Config { max_connections_per_host, connect_timeout, ..Config::default() });
        let one = || get(&client, "https://secure.test/");
        let exchanges: [Exchange; 4] = tokio::join!(one(), one(), one(), one()).into();
        for (exchange, total) in exchanges.iter().zip(expected) {
            assert_eq!((error(exchange).kind(), exchange.phases.total()), (FailureKind::Connect, milliseconds(total)));
            assert_eq!(exchange.phases.connect, connect_timeout);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_those_who_opened_at_once_one_shares_its_http_2_connection() {
    let network = Network::default();
    let ended = Arc::new(Mutex::new(Vec::new()));
    serve(&network, 1, Duration::from_secs(60));
    let start = Instant::now();
    for connect in [5, 6, 7] {
        let ended = Arc::clone(&ended);
        network.accept_late(milliseconds(connect), true, async move |peer| {
            let mut connection = h2::server::handshake(peer.stream).await.expect("the client speaks HTTP/2");
            while let Some(Ok((_, mut answer))) = connection.accept().await {
                let mut body = answer.send_response(http::Response::new(()), false).expect("the client listens");
                body.send_data(bytes::Bytes::from_static(b"ok"), true).expect("the client listens");
            }
            ended.lock().expect("not poisoned").push(start.elapsed());
        });
    }
    let client = network.client(Config { connect_timeout: milliseconds(20), ..Config::default() });
    let one = || get(&client, "https://secure.test/");
    let exchanges: [Exchange; 4] = tokio::join!(one(), one(), one(), one()).into();
    assert_eq!(error(&exchanges[0]).kind(), FailureKind::Connect);
    for (exchange, connect) in exchanges[1..].iter().zip([5, 6, 7].map(milliseconds)) {
        let expected = (milliseconds(20), connect, milliseconds(20) + connect);
        assert_eq!(body(exchange), "ok");
        assert_eq!((exchange.phases.blocked, exchange.phases.connect, exchange.phases.total()), expected);
    }
    sleep(milliseconds(100)).await;
    assert_eq!(client.kept_connections(), 1);
    assert_eq!(*ended.lock().expect("not poisoned"), [26, 27].map(milliseconds), "surplus ones end with their request");
    assert_eq!(one().await.transport.connections, 0);
}

#[tokio::test(start_paused = true)]
async fn origins_do_not_wait_for_each_other() {
    let network = Network::default();
    serve(&network, 2, Duration::ZERO);
    let client = network.client(Config { max_connections_per_host: 1, ..Config::default() });
    let (one, other) = tokio::join!(get(&client, "/"), get(&client, "http://other.test/"));
    assert_eq!((one.phases.blocked, other.phases.blocked), (Duration::ZERO, Duration::ZERO));
    assert_eq!(client.kept_connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_to_connect_shows_which_version_is_spoken() {
    let network = Network::default();
    serve(&network, 4, milliseconds(40));
    let client = network.client(Config::default());
    let one = || get(&client, "https://secure.test/");
    let exchanges: [Exchange; 3] = tokio::join!(one(), one(), one()).into();
    let phases = exchanges.map(|exchange| (exchange.phases.blocked, exchange.phases.connect));
    let (none, connect) = (milliseconds(0), milliseconds(40));
    assert_eq!(phases, [(none, connect), (connect, connect), (connect, connect)]);
    // It is known now.
    let exchanges: [Exchange; 4] = tokio::join!(one(), one(), one(), one()).into();
    assert!(exchanges.iter().all(|exchange| exchange.phases.blocked.is_zero()));
}

#[tokio::test(start_paused = true)]
async fn what_may_wait_for_no_time_is_not_kept() {
    for unkept in [
        Config { idle_timeout: Duration::ZERO, ..Config::default() },
        Config { max_idle_connections: 0, ..Config::default() },
    ] {
        let network = Network::default();
        serve(&network, 2, Duration::ZERO);
        let client = network.client(unkept);
        for _ in 0..2 {
            assert_eq!(get(&client, "/").await.transport.connections, 1);
            assert_eq!(client.kept_connections(), 0);
        }
    }
}

fn pool(per_origin: usize, idle: usize) -> Pool {
    Pool::new(Bounds { per_origin, idle, idle_timeout: Duration::from_secs(2), keep: true })
}

fn origin(name: &str) -> OriginRef {
    Target::resolve(None, &format!("https://{name}.test/")).expect("valid").origin
}

fn wish(origin: &OriginRef) -> Wish<'_> {
    Wish { origin, may_share: false, fresh: false, waited: false, now: Instant::now() }
}

/// A connection, with the server's end of it.
fn connection() -> (Box<Connection>, DuplexStream) {
    let (near, far) = tokio::io::duplex(64);
    (Box::new(Connection::new(Stream::Plain(Socket::Memory(near)), None)), far)
}

/// As [`connection`], for HTTP/2.
async fn channel() -> (Channel, DuplexStream) {
    let (near, far) = tokio::io::duplex(1024);
    let stream = Stream::Plain(Socket::Memory(near));
    (Channel::open(stream, &Config::default(), None).await.expect("it listens"), far)
}

fn opening(grant: Grant<'_>) -> Lease<'_> {
    match grant {
        Grant::Open(lease) => lease,
        other => panic!("{other:?}"),
    }
}

type Waiting = Pin<Box<OwnedNotified>>;

/// Begins to wait.
fn waiting(grant: Grant<'_>) -> Waiting {
    match grant {
        Grant::Wait(woken) => {
            let mut waiting = Box::pin(woken);
            assert!(!is_woken(&mut waiting));
            waiting
        }
        other => panic!("{other:?}"),
    }
}

fn is_woken(waiting: &mut Waiting) -> bool {
    waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_that_nobody_takes_goes_to_the_next() {
    let (pool, origin) = (pool(1, 8), origin("one"));
    let lease = opening(pool.take(wish(&origin)));
    let first = waiting(pool.take(wish(&origin)));
    let mut second = waiting(pool.take(wish(&origin)));
    drop(lease);
    assert!(!is_woken(&mut second));
    drop(first);
    assert!(is_woken(&mut second));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_not_forgotten_while_other_origins_come_and_go() {
    let (pool, one) = (pool(1, 8), origin("one"));
    let lease = opening(pool.take(wish(&one)));
    let mut first = waiting(pool.take(wish(&one)));
    let mut second = waiting(pool.take(wish(&one)));
    drop(lease);
    // No connection to the first origin is left, and who was woken hasn't asked again yet.
    drop(pool.take(wish(&origin("two"))));
    assert!(is_woken(&mut first));
    drop(first);
    let lease = opening(pool.take(Wish { waited: true, ..wish(&one) }));
    assert!(!is_woken(&mut second));
    drop(lease);
    assert!(is_woken(&mut second));
}

#[tokio::test(start_paused = true)]
async fn a_dead_connection_is_replaced_by_a_fresh_one_within_the_bound() {
    let (pool, origin) = (pool(2, 8), origin("one"));
    let leases = [opening(pool.take(wish(&origin))), opening(pool.take(wish(&origin)))];
    let mut far = Vec::new();
    for lease in leases {
        let (connection, end) = connection();
        lease.keep(connection, Instant::now());
        far.push(end);
    }
    let lease = opening(pool.take(Wish { fresh: true, ..wish(&origin) }));
    assert_eq!(pool.kept(), 1);
    // The one that was kept last is left, and the only one.
    assert!(matches!(pool.take(wish(&origin)), Grant::Kept(..)));
    drop(lease);
    assert_eq!(pool.lock().entries[0].open, 0);
}

#[tokio::test(start_paused = true)]
async fn what_waited_longest_makes_room_whichever_origin_it_is_to() {
    let pool = pool(6, 2);
    let origins = [origin("one"), origin("two"), origin("three")];
    let mut far = Vec::new();
    for origin in &origins[..2] {
        let (connection, end) = connection();
        opening(pool.take(wish(origin))).keep(connection, Instant::now());
        far.push(end);
        sleep(milliseconds(1)).await;
    }
    let (channel, _far) = channel().await;
    opening(pool.take(wish(&origins[2]))).share(&channel, Instant::now());
    drop(channel);
    assert_eq!(pool.kept(), 2);
    assert!(matches!(pool.take(wish(&origins[0])), Grant::Open(_)));
    assert!(matches!(pool.take(wish(&origins[2])), Grant::Shared(_)));
    let Grant::Kept(connection, lease) = pool.take(wish(&origins[1])) else { panic!("it is kept") };
    lease.keep(connection, Instant::now() + milliseconds(1));
    // Of these two, the one for HTTP/2 waited longer.
    let (connection, _end) = self::connection();
    opening(pool.take(wish(&origins[0]))).keep(connection, Instant::now() + milliseconds(1));
    assert!(matches!(pool.take(wish(&origins[2])), Grant::Open(_)));
}

/// A request in the random walk below, and its origin's number.
enum Asked<'a> {
    Waiting(Waiting),
    Opening(Lease<'a>),
    Using(Box<Connection>, Lease<'a>),
}

/// Requests that begin, end, fail and give up in a random order, and servers that close connections.
struct Walk<'a> {
    pool: &'a Pool,
    origins: [OriginRef; 3],
    requests: Vec<(usize, Asked<'a>)>,
    far: Vec<DuplexStream>,
    random: u64,
}

impl<'a> Walk<'a> {
    /// A number below the bound (xorshift).
    fn below(&mut self, bound: usize) -> usize {
        for (left, by) in [(true, 13), (false, 7), (true, 17)] {
            self.random ^= if left { self.random << by } else { self.random >> by };
        }
        usize::try_from(self.random % bound as u64).expect("below the bound")
    }

    /// Asks for a connection; what shares one is over at once.
    fn ask(&mut self, number: usize, fresh: bool, waited: bool) {
        // Only the last two origins may speak HTTP/2.
        let origin = &self.origins[number];
        let wish = Wish { origin, may_share: number > 0, fresh, waited, now: Instant::now() };
        let asked = match self.pool.take(wish) {
            Grant::Kept(connection, lease) => Asked::Using(connection, lease),
            Grant::Open(lease) => Asked::Opening(lease),
            Grant::Shared(_) => return,
            Grant::Wait(woken) => Asked::Waiting(Box::pin(woken)),
        };
        self.requests.push((number, asked));
    }

    /// One request goes on, in one of the ways that there are for it.
    async fn go_on(&mut self) {
        if self.requests.is_empty() {
            return;
        }
        let place = self.below(self.requests.len());
        let (number, asked) = self.requests.remove(place);
        let way = self.below(4);
        match asked {
            Asked::Waiting(waiting) if way > 0 => self.requests.insert(place, (number, Asked::Waiting(waiting))),
            Asked::Opening(lease) if way == 1 && number > 0 => {
                let (channel, far) = channel().await;
                self.far.push(far);
                lease.share(&channel, Instant::now());
            }
            Asked::Opening(mut lease) if way > 1 => {
                let (connection, far) = connection();
                self.far.push(far);
                lease.opened();
                self.requests.push((number, Asked::Using(connection, lease)));
            }
            Asked::Using(connection, lease) if way > 0 => drop(lease.keep(connection, Instant::now())),
            Asked::Waiting(_) | Asked::Opening(_) | Asked::Using(..) => {}
        }
    }

    async fn step(&mut self) {
        match self.below(8) {
            0..4 => {
                let (number, fresh) = (self.below(3), self.below(8) == 0);
                self.ask(number, fresh, false);
            }
            4..6 => self.go_on().await,
            6 => {
                let time = self.below(1500) as u64;
                sleep(milliseconds(time)).await;
                self.pool.reap(Instant::now());
            }
            _ => {
                let server = self.below(self.far.len() + 1);
                self.far.drain(server..);
                sleep(milliseconds(1)).await;
            }
        }
    }

    /// Everyone who was woken asks again.
    fn settle(&mut self) {
        let mut place = 0;
        while place < self.requests.len() {
            let woken = match &mut self.requests[place].1 {
                Asked::Waiting(waiting) => is_woken(waiting),
                _ => false,
            };
            if woken {
                let (number, waiting) = self.requests.swap_remove(place);
                drop(waiting);
                self.ask(number, false, true);
                place = 0;
            } else {
                place += 1;
            }
        }
    }

    fn check(&self) {
        let state = self.pool.lock();
        let bounds = self.pool.bounds;
        assert!(state.entries.iter().map(Entry::idle_count).sum::<usize>() <= bounds.idle);
        for (number, origin) in self.origins.iter().enumerate() {
            let of_this = || self.requests.iter().filter(|(other, _)| *other == number);
            let waiting = of_this().filter(|(_, asked)| matches!(asked, Asked::Waiting(_))).count();
            let leased = of_this().count() - waiting;
            let opening = of_this().any(|(_, asked)| matches!(asked, Asked::Opening(_)));
            let Some(entry) = state.entries.iter().find(|entry| entry.origin == *origin) else {
                assert_eq!(waiting + leased, 0);
                continue;
            };
            assert_eq!(entry.open, entry.idle.len() + leased);
            assert!(entry.open <= bounds.per_origin);
            assert!(opening || !entry.deciding, "whoever decides is about to");
            assert_eq!(entry.is_awaited(), waiting > 0);
            let full = entry.open == bounds.per_origin && entry.idle.is_empty();
            assert!(waiting == 0 || entry.channel.is_none() && (entry.deciding || full), "nobody waits without need");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn places_add_up_and_nobody_waits_while_there_is_room() {
    for seed in 1..=20 {
        let pool = pool(1 + seed as usize % 3, 4);
        let origins = ["one", "two", "three"].map(origin);
        let mut walk = Walk { pool: &pool, origins, requests: Vec::new(), far: Vec::new(), random: seed };
        for _ in 0..1000 {
            walk.step().await;
            // Others may come before who was woken asks again.
            if walk.below(4) > 0 {
                walk.settle();
                walk.check();
            }
        }
        walk.settle();
        while !walk.requests.is_empty() {
            walk.requests.pop();
            walk.settle();
            walk.check();
        }
    }
}
