//! Targets that must be left alone.

use std::io::ErrorKind;
use std::net::TcpListener;

use super::program::{Wasmload, guest};

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

/// Runs `status_only` with these flags, which must be refused with exactly this message.
#[track_caller]
pub(crate) fn assert_refused(flags: &str, message: &str) {
    let target = Untouched::new();
    let program = Wasmload::new(["run".as_ref(), guest("status_only").as_os_str()]).with(flags);
    let ran = program.arg("--host").arg(target.url()).output().expect(104);
    target.assert_untouched();
    assert_eq!(ran.stdout, "", "an error is no result");
    assert!(ran.stderr.starts_with(&format!("error: {message}\n")), "{flags}: {}", ran.stderr);
}
