//! Proxies for tests: HTTP, HTTP over TLS, and SOCKS5. They write down what they were asked, and connect to a server of
//! the test's, whatever host they were told.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::support::scripted::listen;
use crate::support::server::{Request, parse};

/// What a proxy was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A request in absolute form, or for a tunnel.
    Request(Request),
    /// A SOCKS connection to that host and port, by a client of that name and password.
    Socks { host: String, port: u16, name: Option<(String, String)> },
}

/// What a proxy speaks with its clients.
pub(super) enum Kind {
    Http,
    Https(Arc<ServerConfig>),
    Socks,
}

/// What a proxy does with its clients.
pub(super) struct Rules {
    pub(super) kind: Kind,
    /// Where all connections lead.
    pub(super) target: SocketAddr,
    /// The `proxy-authorization`, or for SOCKS the name and password, without which there is no way through.
    pub(super) wants: Option<&'static str>,
}

/// A proxy on a loopback port and a thread of its own; it ends as it is dropped.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    book: Arc<Book>,
    _stop: oneshot::Sender<()>,
}

#[derive(Default)]
struct Book {
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<usize>,
}

impl Proxy {
    pub(super) fn start(rules: Rules) -> Proxy {
        let listener = listen("127.0.0.1:0");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (book, (stop, stopped)) = (Arc::<Book>::default(), oneshot::channel());
        let (written, rules) = (Arc::clone(&book), Arc::new(rules));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    _ = accept(listener, rules, written) => {}
                    _ = stopped => {}
                }
            });
        });
        Proxy { address, book, _stop: stop }
    }

    /// What it was asked so far, in order.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.book.seen.lock().expect("no holder of this lock panics").clone()
    }

    /// The requests among that.
    pub(super) fn requests(&self) -> Vec<Request> {
        let requests = self.seen().into_iter().filter_map(|seen| match seen {
            Seen::Request(request) => Some(request),
            Seen::Socks { .. } => None,
        });
        requests.collect()
    }

    /// Connections that clients opened to it.
    pub(super) fn connections(&self) -> usize {
        *self.book.connections.lock().expect("no holder of this lock panics")
    }
}

impl Book {
    fn write(&self, seen: Seen) {
        self.seen.lock().expect("no holder of this lock panics").push(seen);
    }
}

async fn accept(listener: std::net::TcpListener, rules: Arc<Rules>, book: Arc<Book>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        *book.connections.lock().expect("no holder of this lock panics") += 1;
        let (rules, book) = (Arc::clone(&rules), Arc::clone(&book));
        // What goes wrong with a connection shows at the client.
        tokio::spawn(async move {
            match &rules.kind {
                Kind::Http => serve_http(stream, &rules, &book).await,
                Kind::Https(config) => {
                    let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
                    serve_http(stream, &rules, &book).await
                }
                Kind::Socks => serve_socks(stream, &rules, &book).await,
            }
        });
    }
}

/// Hands requests in absolute form on, one after the other, or opens a tunnel.
async fn serve_http<S: AsyncRead + AsyncWrite + Unpin>(mut client: S, rules: &Rules, book: &Book) -> io::Result<()> {
    let mut unread = Vec::new();
    let mut server = None;
    while let Some(request) = read_request(&mut client, &mut unread).await? {
        book.write(Seen::Request(request.clone()));
        if rules.wants.is_some() && request.header("proxy-authorization") != rules.wants {
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
            client.write_all(refusal.as_bytes()).await?;
            client.flush().await?;
            continue;
        }
        let stream = match &mut server {
            Some(stream) => stream,
            None => server.insert(connect(rules).await?),
        };
        if request.method == "CONNECT" {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            client.flush().await?;
            return tokio::io::copy_bidirectional(&mut client, stream).await.map(drop);
        }
        let path = request.path.splitn(4, '/').nth(3).unwrap_or_default();
        let (method, host) = (&request.method, request.header("host").unwrap_or_default());
        stream.write_all(format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).await?;
        // Answers here are short, and come in one piece.
        let mut answer = vec![0; 64 * 1024];
        let length = stream.read(&mut answer).await?;
        client.write_all(&answer[..length]).await?;
        client.flush().await?;
    }
    Ok(())
}

async fn connect(rules: &Rules) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(rules.target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn read_request<S: AsyncRead + Unpin>(client: &mut S, unread: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        if let Some((request, length)) = parse(unread) {
            unread.drain(..length);
            return Ok(Some(request));
        }
        if client.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
}

const VERSION: u8 = 5;
const NO_METHOD: u8 = 0xff;
const BY_NAME_AND_PASSWORD: u8 = 2;

/// SOCKS5 (RFC 1928), with names and passwords (RFC 1929).
async fn serve_socks(mut client: TcpStream, rules: &Rules, book: &Book) -> io::Result<()> {
    assert_eq!(client.read_u8().await?, VERSION);
    let methods = read_bytes(&mut client).await?;
    let method = if rules.wants.is_some() { BY_NAME_AND_PASSWORD } else { 0 };
    if !methods.contains(&method) {
        return client.write_all(&[VERSION, NO_METHOD]).await;
    }
    client.write_all(&[VERSION, method]).await?;
    let mut name = None;
    if let Some(wanted) = rules.wants {
        assert_eq!(client.read_u8().await?, 1);
        let (user, password) = (read_text(&mut client).await?, read_text(&mut client).await?);
        let known = format!("{user}:{password}") == wanted;
        name = Some((user, password));
        client.write_all(&[1, u8::from(!known)]).await?;
        if !known {
            return Ok(());
        }
    }
    let mut head = [0; 3];
    client.read_exact(&mut head).await?;
    assert_eq!(head, [VERSION, 1, 0], "it wants a connection");
    let host = match client.read_u8().await? {
        1 => Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => read_text(&mut client).await?,
        4 => Ipv6Addr::from(client.read_u128().await?).to_string(),
        other => panic!("an address of the kind {other}"),
    };
    let port = client.read_u16().await?;
    book.write(Seen::Socks { host, port, name });
    let mut server = connect(rules).await?;
    client.write_all(&[VERSION, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// As many bytes as the first one says.
async fn read_bytes(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn read_text(client: &mut TcpStream) -> io::Result<String> {
    Ok(String::from_utf8(read_bytes(client).await?).expect("UTF-8"))
}
