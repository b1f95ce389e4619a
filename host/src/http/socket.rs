//! What HTTP or TLS is spoken over: a byte stream to the server, or to what stands before it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// A connected byte stream.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    /// A socket in the file system.
    Unix(UnixStream),
    /// TLS with a proxy; what is spoken with the server goes inside.
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(test)]
    Memory(tokio::io::DuplexStream),
}

impl Socket {
    /// Whether an idle connection may serve a request: it hasn't ended, and nothing came that nobody asked for. Costs
    /// no system call where nothing happened to it.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        let read = match self {
            Socket::Tcp(stream) => stream.try_read(&mut byte),
            Socket::Unix(stream) => stream.try_read(&mut byte),
            // TLS has messages of its own that may have come in the meantime.
            _ => {
                let mut nobody = Context::from_waker(Waker::noop());
                return Pin::new(self).poll_read(&mut nobody, &mut ReadBuf::new(&mut byte)).is_pending();
            }
        };
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Calls a method of whichever stream it is.
macro_rules! delegate {
    ($socket:expr, $method:ident $(, $argument:expr)*) => {
        match $socket.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Socket::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Socket::Tls(stream) => Pin::new(stream).$method($($argument),*),
            #[cfg(test)]
            Socket::Memory(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_read, context, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write, context, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write_vectored, context, data)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Socket::Tcp(stream) => stream.is_write_vectored(),
            Socket::Unix(stream) => stream.is_write_vectored(),
            Socket::Tls(stream) => stream.is_write_vectored(),
            #[cfg(test)]
            Socket::Memory(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_flush, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_shutdown, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Two connected ends of each kind that needs no TLS.
    async fn pairs() -> [(Socket, Socket); 3] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let near = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
        let (far, _) = listener.accept().await.expect("connected");
        let unix = UnixStream::pair().expect("two sockets");
        let memory = tokio::io::duplex(64);
        [
            (Socket::Tcp(near), Socket::Tcp(far)),
            (Socket::Unix(unix.0), Socket::Unix(unix.1)),
            (Socket::Memory(memory.0), Socket::Memory(memory.1)),
        ]
    }

    /// Waits until something happened to a socket, and reads nothing.
    async fn stirred(socket: &Socket) {
        match socket {
            Socket::Tcp(stream) => stream.readable().await.expect("it learns of it"),
            Socket::Unix(stream) => stream.readable().await.expect("it learns of it"),
            _ => {}
        }
    }

    #[tokio::test]
    async fn bytes_go_both_ways() {
        for (mut near, mut far) in pairs().await {
            near.write_all(b"ping").await.expect("sent");
            near.flush().await.expect("sent");
            let mut four = [0; 4];
            far.read_exact(&mut four).await.expect("received");
            assert_eq!(&four, b"ping");
            far.write_all(b"pong").await.expect("sent");
            far.shutdown().await.expect("closed");
            let mut rest = Vec::new();
            near.read_to_end(&mut rest).await.expect("received");
            assert_eq!(rest, b"pong");
        }
    }

    #[tokio::test]
    async fn several_pieces_are_written_at_once() {
        for (mut near, mut far) in pairs().await {
            assert!(near.is_write_vectored(), "{near:?}");
            let written = near.write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")]).await;
            assert_eq!(written.expect("there is room"), 8, "{near:?}");
            let mut eight = [0; 8];
            far.read_exact(&mut eight).await.expect("received");
            assert_eq!(&eight, b"headbody");
        }
    }

    #[tokio::test]
    async fn a_socket_is_quiet_until_something_happens_to_it() {
        for (mut near, mut far) in pairs().await {
            assert!(near.is_quiet() && near.is_quiet(), "{near:?}");
            far.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.expect("there is room");
            stirred(&near).await;
            assert!(!near.is_quiet(), "{near:?}");
        }
        for (mut near, far) in pairs().await {
            drop(far);
            stirred(&near).await;
            assert!(!near.is_quiet(), "{near:?}");
        }
    }
}
