//! A connection: its stream, and how it is opened, phase by phase.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::context::Context;
use super::deadline::{Deadline, Timer};
use super::error::{Error, describe};
use super::meter::{Phase, PhaseClock};
use super::target::{Host, Origin, OriginRef, Scheme};

/// An open connection. It speaks HTTP/1.1; another version would be told apart here, out of sight of the client.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: Stream,
    /// Bounds the exchanges on this connection.
    pub(super) timer: Timer,
    pub(super) origin: OriginRef,
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    /// [`Error::Dns`], [`Error::Connect`], [`Error::Tls`], [`Error::Timeout`].
    pub(super) async fn open(
        context: &Context,
        origin: OriginRef,
        deadline: Deadline,
        mut clock: PhaseClock,
    ) -> (Result<Box<Self>, Error>, PhaseClock) {
        let mut timer = Timer::default();
        let stream = Stream::open(context, &origin, &mut timer, deadline, &mut clock).await;
        (stream.map(|stream| Box::new(Connection { stream, timer, origin })), clock)
    }

    /// Whether an idle connection may serve a request: it hasn't ended, and nothing came that nobody asked for. Costs
    /// no system call where nothing happened to it.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        if let Stream::Tcp(stream) = &self.stream {
            return matches!(stream.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        }
        // TLS has messages of its own that may have come in the meantime.
        let mut nobody = TaskContext::from_waker(Waker::noop());
        self.stream.poll_read(&mut nobody, &mut ReadBuf::new(&mut byte)).is_pending()
    }
}

/// Finds the server's addresses and connects to the first that takes the connection.
async fn connect(
    context: &Context,
    server: &Origin,
    timer: &mut Timer,
    deadline: Deadline,
    clock: &mut PhaseClock,
) -> Result<TcpStream, Error> {
    let resolved;
    let addresses = match &server.host {
        Host::Address(address) => std::slice::from_ref(address),
        Host::Name(name) => {
            let result = timer.bound(deadline, Box::pin(context.resolver.resolve(name))).await;
            clock.end(Phase::Dns);
            resolved = result??;
            &resolved
        }
    };
    let result = timer.bound(deadline, connect_any(addresses, server.port)).await;
    clock.end(Phase::Connect);
    result?
}

/// Tries each address in turn. The last failure is told.
async fn connect_any(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Error> {
    let mut failure = Error::Connect("the name has no address".into());
    for address in addresses {
        let address = SocketAddr::new(*address, port);
        // Small requests must not wait for the acknowledgement of what went before.
        match TcpStream::connect(address).await.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Error::Connect(format!("{address}: {}", describe(&error)).into()),
        }
    }
    Err(failure)
}

/// What a connection reads from and writes to.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(test)]
    Memory(tokio::io::DuplexStream),
}

impl Stream {
    async fn open(
        context: &Context,
        origin: &OriginRef,
        timer: &mut Timer,
        deadline: Deadline,
        clock: &mut PhaseClock,
    ) -> Result<Self, Error> {
        let server = context.origin(origin)?;
        #[cfg(test)]
        if let Some(dialer) = &context.dialer {
            let dialed = timer.bound(deadline, dialer.dial(server)).await;
            clock.end(Phase::Connect);
            return Ok(Stream::Memory(dialed??));
        }
        let tcp = connect(context, server, timer, deadline, clock).await?;
        match server.scheme {
            Scheme::Http => Ok(Stream::Tcp(tcp)),
            Scheme::Https => {
                // Boxed, as the lookup below: large, and most connections have neither.
                let handshake = timer.bound(deadline, Box::pin(context.tls.handshake(&server.host, tcp))).await;
                clock.end(Phase::Tls);
                Ok(Stream::Tls(Box::new(handshake??)))
            }
        }
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(test)]
            Stream::Memory(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }

    pub(super) fn poll_write(&mut self, context: &mut TaskContext<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, data),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, data),
            #[cfg(test)]
            Stream::Memory(stream) => Pin::new(stream).poll_write(context, data),
        }
    }

    pub(super) fn poll_flush(&mut self, context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
            #[cfg(test)]
            Stream::Memory(stream) => Pin::new(stream).poll_flush(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

    #[tokio::test]
    async fn addresses_are_tried_in_turn() {
        let listener = TcpListener::bind((HERE, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let stream = connect_any(&[ELSEWHERE, HERE], port).await.expect("the second listens");
        assert_eq!(stream.peer_addr().map(|address| address.ip()).ok(), Some(HERE));
        assert_eq!(stream.nodelay().ok(), Some(true));
        drop(listener);
        let refused = connect_any(&[HERE, ELSEWHERE], port).await.expect_err("nobody listens");
        assert_eq!(refused, Error::Connect(format!("127.0.0.2:{port}: connection refused").into()));
    }

    #[tokio::test]
    async fn a_connection_is_quiet_until_something_happens_to_it() {
        let listener = TcpListener::bind((HERE, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        for speaks in [true, false] {
            let stream = connect_any(&[HERE], port).await.expect("it listens");
            let (far, _) = listener.accept().await.expect("connected");
            let mut connection =
                Connection { stream: Stream::Tcp(stream), timer: Timer::default(), origin: OriginRef::Base };
            assert!(connection.is_quiet());
            if speaks {
                far.try_write(b"HTTP/1.1 408 Request Timeout\r\n\r\n").expect("there is room");
            } else {
                drop(far);
            }
            let Stream::Tcp(stream) = &connection.stream else { panic!("it is TCP") };
            stream.readable().await.expect("it learns of it");
            assert!(!connection.is_quiet());
        }
    }
}
