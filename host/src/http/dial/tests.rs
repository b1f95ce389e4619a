use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::http::meter::Meter;
use crate::http::target::Base;
use crate::sample::Phases;

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect(text)
}

fn dialer(config: &Config) -> Dialer {
    Dialer::new(config).expect("valid settings")
}

fn through(proxy: &str) -> Dialer {
    let proxies = Proxies { http: Some(parsed(proxy)), https: Some(parsed(proxy)), ..Proxies::default() };
    dialer(&Config { proxies, ..Config::default() })
}

fn origin(url: &str) -> Origin {
    Base::parse(url).expect(url).origin
}

fn clock() -> PhaseClock {
    Meter::start(&AtomicU64::new(0)).clock
}

async fn dial(dialer: &Dialer, url: &str) -> (Result<Dialed, Error>, Phases) {
    let mut clock = clock();
    let no_tls = async |_: &Host, _| Err(Error::Tls("no TLS here".into()));
    let origin = origin(url);
    let reach = Reach::new(Some(&origin), crate::http::Hosts::default());
    let dialed = dialer.dial(&origin, &reach, 0, &mut clock, no_tls).await;
    (dialed, clock.phases)
}

async fn failure(dialer: &Dialer, url: &str) -> String {
    dial(dialer, url).await.0.expect_err(url).to_string()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

/// A port at which nobody listens on any address, and what keeps it so.
fn silent() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([0, 0, 0, 0], 0).into()).expect("a free port");
    let port = socket.local_addr().expect("bound").port();
    (socket, port)
}

/// A server of one connection, played by a script.
async fn serve<F>(script: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("connected");
        script(stream).await;
    });
    address
}

/// Reads a request's head, sends an answer, and checks that the head has these lines.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, lines: &str, answer: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a whole head"));
    }
    assert_eq!(String::from_utf8(head).expect("text"), lines);
    stream.write_all(answer.as_bytes()).await.expect("sent");
    stream.shutdown().await.expect("closed");
}

async fn read_all(mut dialed: Dialed) -> String {
    let mut text = String::new();
    dialed.socket.read_to_string(&mut text).await.expect("text");
    text
}

#[tokio::test]
async fn a_literal_address_is_connected_to_without_a_lookup() {
    let (listener, address) = listen().await;
    let (dialed, phases) = dial(&dialer(&Config::default()), &format!("http://{address}")).await;
    let dialed = dialed.expect("it listens");
    let (_, peer) = listener.accept().await.expect("connected");
    assert_eq!((dialed.remote, dialed.local, dialed.via), (Some(address), Some(peer), None));
    let Socket::Tcp(stream) = &dialed.socket else { panic!("it is TCP") };
    assert_eq!(stream.nodelay().ok(), Some(true));
    assert_ne!(phases.connect, Duration::ZERO);
    assert_eq!(phases, Phases { connect: phases.connect, ..Phases::default() });
}

#[tokio::test]
async fn ipv6_is_connected_to() {
    // Where the machine has no IPv6 there is nothing to test.
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    let address = listener.local_addr().expect("bound");
    let (dialed, _) = dial(&dialer(&Config::default()), &format!("http://{address}")).await;
    assert_eq!(dialed.expect("it listens").remote, Some(address));
}

#[tokio::test]
async fn a_name_is_looked_up_in_a_phase_of_its_own() {
    let (_listener, address) = listen().await;
    let (dialed, phases) = dial(&dialer(&Config::default()), &format!("http://localhost:{}", address.port())).await;
    assert_eq!(dialed.expect("it listens").remote, Some(address));
    assert!(!phases.dns.is_zero() && !phases.connect.is_zero(), "{phases:?}");
}

#[tokio::test]
async fn given_addresses_are_tried_in_turn_and_not_looked_up() {
    let (_listener, address) = listen().await;
    let port = address.port();
    let resolve = vec![parsed(&format!("h.invalid:{port}:127.0.0.2,127.0.0.1"))];
    let dialer = dialer(&Config { resolve, ..Config::default() });
    let (dialed, phases) = dial(&dialer, &format!("https://h.invalid:{port}")).await;
    assert_eq!(dialed.expect("the second listens").remote, Some(address));
    assert_eq!(phases.dns, Duration::ZERO);
}

#[tokio::test]
async fn another_host_is_connected_to_and_may_have_given_addresses() {
    let (_listener, address) = listen().await;
    let connect_to = vec![parsed(&format!("h.invalid:80:other.invalid:{}", address.port()))];
    let resolve = vec![parsed("*:*:127.0.0.1")];
    let dialer = dialer(&Config { connect_to, resolve, ..Config::default() });
    let (dialed, phases) = dial(&dialer, "http://h.invalid").await;
    assert_eq!(dialed.expect("it listens").remote, Some(address));
    assert_eq!(phases.dns, Duration::ZERO);
}

#[tokio::test]
async fn failures_say_where() {
    let (_bound, port) = silent();
    let address = format!("127.0.0.1:{port}");
    let (refused, phases) = dial(&dialer(&Config::default()), &format!("http://{address}")).await;
    assert_eq!(refused.expect_err("refused"), Error::Connect(format!("{address}: connection refused").into()));
    assert!(!phases.connect.is_zero());

    let resolve = vec![parsed(&format!("h:{port}:127.0.0.1,127.0.0.2"))];
    let several = dialer(&Config { resolve, ..Config::default() });
    assert_eq!(
        failure(&several, &format!("http://h:{port}")).await,
        format!("no connection: 127.0.0.2:{port}: connection refused (the last of 2 addresses tried)")
    );
    for protocol in ["http", "socks5h"] {
        assert_eq!(
            failure(&through(&format!("{protocol}://u:p@{address}")), "https://h").await,
            format!("no connection: the proxy {protocol}://{address}: {address}: connection refused")
        );
    }
}

#[tokio::test]
async fn local_addresses_leave_out_what_they_cannot_reach() {
    let (listener, address) = listen().await;
    let local_addresses = vec![[127, 0, 0, 2].into()];
    let (_bound, port) = silent();
    let resolve = vec![
        parsed(&format!("h:{}:::1,127.0.0.1", address.port())),
        parsed("six:*:::1,::2"),
        parsed("refused:*:127.0.0.1,::1"),
    ];
    let dialer = dialer(&Config { local_addresses, resolve, ..Config::default() });
    let (dialed, _) = dial(&dialer, &format!("http://h:{}", address.port())).await;
    let (_, peer) = listener.accept().await.expect("connected");
    assert_eq!(dialed.expect("it listens").local, Some(peer));
    assert_eq!(peer.ip().to_string(), "127.0.0.2");
    assert_eq!(
        failure(&dialer, &format!("http://refused:{port}")).await,
        format!("no connection: 127.0.0.1:{port}: connection refused")
    );
    let unreachable = failure(&dialer, "http://six").await;
    assert!(unreachable.contains("none of the local addresses is IPv6"), "{unreachable}");
}

#[tokio::test]
async fn a_socket_in_the_file_system_takes_all_connections() {
    let path = std::env::temp_dir().join(format!("wasmload-dial-test-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a socket");
    let proxies = Proxies { http: Some(parsed("proxy.invalid")), ..Proxies::default() };
    let dialer = dialer(&Config { unix_socket: Some(path.clone()), proxies, ..Config::default() });
    let (dialed, phases) = dial(&dialer, "http://h.invalid").await;
    let dialed = dialed.expect("it listens");
    assert_eq!((dialed.remote, dialed.local), (None, None));
    assert_eq!(dialed.via.as_deref(), path.to_str());
    assert!(!phases.connect.is_zero() && phases.dns.is_zero());
    assert!(dialer.forward(Scheme::Http, &origin("http://h.invalid").host, 80).is_none());

    drop(listener);
    let refused = failure(&dialer, "http://h.invalid").await;
    std::fs::remove_file(&path).expect("it was made");
    assert_eq!(refused, format!("no connection: {}: connection refused", path.display()));
}

#[test]
fn a_path_that_can_be_no_sockets_is_refused_at_once() {
    let unix_socket = Some(PathBuf::from("x".repeat(200)));
    let refused = Dialer::new(&Config { unix_socket, ..Config::default() });
    assert!(matches!(refused, Err(DialError::UnixSocket { .. })), "{refused:?}");
}

#[test]
fn ways_are_chosen_as_curl_does() {
    let config = |proxy: &str| Config {
        proxies: Proxies {
            http: Some(parsed(proxy)),
            https: Some(parsed(proxy)),
            none_for: parsed("direct"),
            ..Proxies::default()
        },
        connect_to: vec![parsed("moved:::8080"), parsed("direct:::8081")],
        ..Config::default()
    };
    let shown = |dialer: &Dialer, url: &str| {
        let Origin { scheme, host, port, .. } = origin(url);
        let forwarded = dialer.forward(scheme, &host, port).is_some();
        let way = match dialer.way(scheme, End::of_url(&host, port)) {
            Way::Unix(path) => path.display().to_string(),
            Way::Direct(end) => authority(end.host, end.port),
            Way::Forward(_) => "forward".to_owned(),
            Way::Through(_, end) => format!("through to {}", authority(end.host, end.port)),
        };
        assert_eq!(forwarded, way == "forward", "{url}");
        way
    };
    for proxy in ["http://p", "https://p"] {
        let dialer = dialer(&config(proxy));
        assert_eq!(shown(&dialer, "http://h"), "forward");
        assert_eq!(shown(&dialer, "https://h"), "through to h:443");
        assert_eq!(shown(&dialer, "https://[::1]"), "through to [::1]:443");
        // The host that a request in absolute form names would be the old one.
        assert_eq!(shown(&dialer, "http://moved"), "through to moved:8080");
        assert_eq!(shown(&dialer, "http://direct"), "direct:8081");
        assert_eq!(shown(&dialer, "https://www.direct"), "www.direct:443");
    }
    for proxy in ["socks5://p", "socks5h://p"] {
        let dialer = dialer(&config(proxy));
        assert_eq!(shown(&dialer, "http://h"), "through to h:80");
        assert_eq!(shown(&dialer, "https://moved"), "through to moved:8080");
    }
    assert_eq!(shown(&dialer(&Config::default()), "http://h"), "h:80");
    // A proxy would have to speak HTTP/2 itself.
    let http2 = dialer(&Config { versions: Versions::Http2, ..config("http://p") });
    assert_eq!(shown(&http2, "http://h"), "through to h:80");
}

#[test]
fn a_forwarding_proxys_authorization_is_ready() {
    let line = |proxy: &str| {
        let forward = through(proxy).forward;
        forward.map(|forward| String::from_utf8(forward.authorization_line.into()).expect("text"))
    };
    assert_eq!(line("http://p").as_deref(), Some(""));
    assert_eq!(line("https://u:p@h").as_deref(), Some("proxy-authorization: Basic dTpw\r\n"));
    assert_eq!(line("socks5://u:p@h"), None);
}

#[tokio::test]
async fn plain_requests_go_to_the_proxy_itself() {
    let address = serve(|stream| answer(stream, "GET http://h/ HTTP/1.1\r\n\r\n", "forwarded")).await;
    let port = address.port();
    let proxies = Proxies { http: Some(parsed(&format!("p.invalid:{port}"))), ..Proxies::default() };
    let resolve = vec![parsed(&format!("p.invalid:{port}:127.0.0.1"))];
    let dialer = dialer(&Config { proxies, resolve, ..Config::default() });
    let mut dialed = dial(&dialer, "http://h").await.0.expect("it listens");
    assert_eq!((dialed.remote, dialed.via.clone()), (Some(address), Some(format!("http://p.invalid:{port}"))));
    dialed.socket.write_all(b"GET http://h/ HTTP/1.1\r\n\r\n").await.expect("sent");
    assert_eq!(read_all(dialed).await, "forwarded");
}

#[tokio::test]
async fn a_tunnel_goes_through_an_http_proxy() {
    let asked = "CONNECT h.invalid:443 HTTP/1.1\r\nhost: h.invalid:443\r\nproxy-authorization: Basic dTpw\r\n\r\n";
    let address = serve(move |stream| answer(stream, asked, "HTTP/1.1 200 OK\r\n\r\nfrom the server")).await;
    let (dialed, phases) = dial(&through(&format!("http://u:p@{address}")), "https://h.invalid").await;
    assert_eq!(read_all(dialed.expect("a tunnel")).await, "from the server");
    assert_eq!(phases, Phases { connect: phases.connect, ..Phases::default() });
}

#[tokio::test]
async fn a_refused_tunnel_is_told_with_the_proxys_answer() {
    let asked = "CONNECT [::1]:444 HTTP/1.1\r\nhost: [::1]:444\r\n\r\n";
    let address = serve(move |stream| answer(stream, asked, "HTTP/1.1 403 Not that\r\n\r\n")).await;
    assert_eq!(
        failure(&through(&format!("http://{address}")), "https://[::1]:444").await,
        format!("no connection: the proxy http://{address}: no way to [::1]:444: it answered 403 Not that")
    );
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_says_nothing_costs_connect_time() {
    let address = serve(async |_stream| std::future::pending().await).await;
    let dialer = through(&format!("http://{address}"));
    let mut clock = clock();
    let no_tls = async |_: &Host, _| Err(Error::Tls("no TLS here".into()));
    let target = origin("https://h");
    let reach = Reach::new(Some(&target), crate::http::Hosts::default());
    let dialing = dialer.dial(&target, &reach, 0, &mut clock, no_tls);
    assert!(tokio::time::timeout(Duration::from_secs(5), dialing).await.is_err());
    clock.cut();
    assert!(clock.phases.connect >= Duration::from_secs(5), "{:?}", clock.phases);
    assert_eq!(clock.phases, Phases { connect: clock.phases.connect, ..Phases::default() });
}

#[tokio::test]
async fn a_tunnel_goes_through_an_https_proxy_in_a_task() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["p.invalid".to_owned()]).expect("made");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key))
        .expect("valid");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a certificate");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("valid")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let asked = "CONNECT h.invalid:443 HTTP/1.1\r\nhost: h.invalid:443\r\n\r\n";
    let address = serve(async move |stream| {
        let stream = TlsAcceptor::from(Arc::new(server)).accept(stream).await.expect("a handshake");
        answer(stream, asked, "HTTP/1.1 200 OK\r\n\r\nfrom the server").await;
    })
    .await;

    let proxies =
        Proxies { https: Some(parsed(&format!("https://p.invalid:{}", address.port()))), ..Proxies::default() };
    let resolve = vec![parsed("p.invalid:*:127.0.0.1")];
    let dialer = dialer(&Config { proxies, resolve, ..Config::default() });
    // As connections are opened: in a task of its own, with TLS that is borrowed.
    let task = tokio::spawn(async move {
        let connector = TlsConnector::from(Arc::new(client));
        let (connector, mut clock) = (&connector, clock());
        let secure = async |host: &Host, tcp| {
            assert_eq!(*host, Host::Name("p.invalid".into()));
            let name = ServerName::try_from("p.invalid").expect("a name");
            connector.connect(name, tcp).await.map(Box::new).map_err(|error| Error::Tls(describe(&error)))
        };
        dialer.dial(&origin("https://h.invalid"), &Reach::default(), 0, &mut clock, secure).await
    });
    let dialed = task.await.expect("no panic").expect("a tunnel");
    assert!(matches!(dialed.socket, Socket::Tls(_)));
    assert_eq!(read_all(dialed).await, "from the server");
}

#[tokio::test]
async fn a_failed_handshake_with_a_proxy_is_the_proxys() {
    let (_listener, address) = listen().await;
    assert_eq!(
        failure(&through(&format!("https://{address}")), "http://h").await,
        format!("TLS handshake failed: the proxy https://{address}: no TLS here")
    );
}

/// A SOCKS5 proxy that wants `user` and `pass`, is asked for this destination, and gives this reply and more.
async fn socks(destination: &'static [u8], reply: &'static [u8]) -> SocketAddr {
    serve(async move |mut stream| {
        stream.expect(&[5, 2, 0, 2]).await;
        stream.write_all(&[5, 2]).await.expect("sent");
        stream.expect(b"\x01\x04user\x04pass").await;
        stream.write_all(&[1, 0]).await.expect("sent");
        stream.expect(&[5, 1, 0]).await;
        stream.expect(destination).await;
        stream.write_all(reply).await.expect("sent");
    })
    .await
}

trait Expect {
    async fn expect(&mut self, bytes: &[u8]);
}

impl Expect for TcpStream {
    /// Reads as many bytes, which must be these.
    async fn expect(&mut self, bytes: &[u8]) {
        let mut read = vec![0; bytes.len()];
        self.read_exact(&mut read).await.expect("so many bytes");
        assert_eq!(read, bytes);
    }
}

#[tokio::test]
async fn a_socks_proxy_looks_names_up_or_gets_addresses() {
    const CONNECTED: &[u8] = b"\x05\0\0\x01\0\0\0\0\0\0from the server";
    for (protocol, url, destination) in [
        ("socks5h", "http://h.invalid", &b"\x03\x09h.invalid\0\x50"[..]),
        ("socks5h", "https://[::1]", b"\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb"),
        ("socks5", "https://h.invalid", b"\x01\x0a\0\0\x09\x01\xbb"),
    ] {
        let address = socks(destination, CONNECTED).await;
        let proxy: Option<Proxy> = Some(parsed(&format!("{protocol}://user:pass@{address}")));
        let proxies = Proxies { http: proxy.clone(), https: proxy, ..Proxies::default() };
        // What the proxy looks up is not replaced here.
        let resolve = vec![parsed("h.invalid:*:10.0.0.9")];
        let (dialed, phases) = dial(&dialer(&Config { proxies, resolve, ..Config::default() }), url).await;
        let dialed = dialed.expect("a connection");
        assert_eq!(dialed.via, Some(format!("{protocol}://{address}")));
        assert_eq!(read_all(dialed).await, "from the server");
        assert_eq!(phases, Phases { connect: phases.connect, ..Phases::default() });
    }
}

/// What a proxy is told of its clients, its answers message by message, and what people are told.
const REFUSALS: [(&str, &[&[u8]], &str); 6] = [
    ("", &[b"\x05\xff"], "it wants to know its clients; give a user name and password"),
    ("user:wrong@", &[b"\x05\x02", b"\x01\x01"], "it refused the user name or password"),
    ("", &[b"HTTP/1.1 400 Bad Request\r\n\r\n"], "its answer is not SOCKS5"),
    ("", &[b"\x05"], "connection closed by the peer before the end"),
    ("", &[b"\x05\0", b"\x05\x02\0\x01"], "its rules forbid the connection"),
    ("", &[b"\x05\0", b"\x05\x7f\0\x01"], "its answer has a number that SOCKS5 doesn't know"),
];

#[tokio::test]
async fn what_a_socks_proxy_refuses_is_told() {
    let address = socks(b"\x03\x01h\x01\xbb", b"\x05\x05\0\x01\0\0\0\0\0\0").await;
    assert_eq!(
        failure(&through(&format!("socks5h://user:pass@{address}")), "https://h").await,
        format!("no connection: the proxy socks5h://{address}: no way to h:443: it answered: connection refused")
    );
    for (user_info, replies, reason) in REFUSALS {
        let address = serve(async move |mut stream| {
            for reply in replies {
                // Whatever it is asked.
                let _ = stream.read(&mut [0; 512]).await.expect("a message");
                stream.write_all(reply).await.expect("sent");
            }
            stream.shutdown().await.expect("closed");
            // Closing with something unread would be a reset.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let told = failure(&through(&format!("socks5h://{user_info}{address}")), "https://h").await;
        assert!(told.contains(&format!("no way to h:443: {reason}")), "{told}");
    }
    let long = Host::Name("x".repeat(256).into());
    let refused = socks::open(tokio::io::duplex(64).0, &long, 80, None).await;
    assert_eq!(refused.expect_err("too long"), "the name is too long for SOCKS");
}
