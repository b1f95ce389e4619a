//! Targets that must be left alone.

use std::io::ErrorKind;
use std::net::TcpListener;

/// A listener on a loopback port that takes no connection, and knows of each that was tried.
pub(crate) struct Untouched(TcpListener);

impl Untouched {
    pub(crate) fn new() -> Untouched {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        Untouched(listener)
    }

    /// The URL to give as `--host`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("a bound socket has an address"))
    }

    /// The kernel keeps a connection for whoever asks, so none escapes this.
    #[track_caller]
    pub(crate) fn assert_untouched(&self) {
        let accepted = self.0.accept().map(|(_, peer)| peer);
        assert!(accepted.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "there was a connection");
    }
}
