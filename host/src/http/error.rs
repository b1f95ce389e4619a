//! Why an exchange has no response.

use std::borrow::Cow;
use std::io;

use super::tls;
use crate::sample::FailureKind;

/// Why there is no response. The text is for people; programs match the variant, or [`Error::kind`].
///
/// The variants are those of the contract's `http-error`, which has one for the two kinds of denial.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request can't be sent as it is: its method, URL or a header is malformed.
    #[error("invalid request: {0}")]
    InvalidRequest(Cow<'static, str>),
    /// The run's policy forbids the request.
    #[error("denied: {0}")]
    Denied(Cow<'static, str>),
    /// The run's policy forbids the address that the host's name has. The text has that address in it, which is not for
    /// the guest: it could look up the names of the network that the run is made from.
    #[error("denied: {0}")]
    DeniedAddress(Cow<'static, str>),
    /// The host's name did not resolve.
    #[error("name not resolved: {0}")]
    Dns(Cow<'static, str>),
    /// No connection could be made.
    #[error("no connection: {0}")]
    Connect(Cow<'static, str>),
    /// The TLS handshake failed.
    #[error("TLS handshake failed: {0}")]
    Tls(Cow<'static, str>),
    /// The exchange outlasted its bound.
    #[error("timed out")]
    Timeout,
    /// The peer closed the connection, or sent what is not HTTP.
    #[error("protocol error: {0}")]
    Protocol(Cow<'static, str>),
    /// The body, decoded, is larger than the run allows; the limit in bytes.
    #[error("body larger than {0} bytes")]
    BodyTooLarge(u64),
    /// More redirects than allowed; the number allowed.
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// Anything else.
    #[error("{0}")]
    Other(Cow<'static, str>),
}

impl Error {
    /// The kind of failure that statistics count this error as.
    pub fn kind(&self) -> FailureKind {
        match self {
            Error::InvalidRequest(_) => FailureKind::InvalidRequest,
            Error::Denied(_) | Error::DeniedAddress(_) => FailureKind::Denied,
            Error::Dns(_) => FailureKind::Dns,
            Error::Connect(_) => FailureKind::Connect,
            Error::Tls(_) => FailureKind::Tls,
            Error::Timeout => FailureKind::Timeout,
            Error::Protocol(_) => FailureKind::Protocol,
            Error::BodyTooLarge(_) => FailureKind::BodyTooLarge,
            Error::TooManyRedirects(_) => FailureKind::TooManyRedirects,
            Error::Other(_) => FailureKind::Other,
        }
    }

    /// Memory that its text takes, in bytes.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Error::InvalidRequest(why)
            | Error::Denied(why)
            | Error::DeniedAddress(why)
            | Error::Dns(why)
            | Error::Connect(why)
            | Error::Tls(why)
            | Error::Protocol(why)
            | Error::Other(why) => match why {
                Cow::Borrowed(_) => 0,
                Cow::Owned(text) => text.capacity(),
            },
            Error::Timeout | Error::BodyTooLarge(_) | Error::TooManyRedirects(_) => 0,
        }
    }

    pub(super) fn invalid(reason: impl Into<Cow<'static, str>>) -> Self {
        Error::InvalidRequest(reason.into())
    }

    pub(super) fn protocol(reason: impl Into<Cow<'static, str>>) -> Self {
        Error::Protocol(reason.into())
    }

    /// An established connection that failed under a request.
    pub(super) fn broken(error: &io::Error) -> Self {
        tls::broken(error).unwrap_or_else(|| Error::Protocol(describe(error)))
    }
}

/// Why an exchange failed, and whether it may be tried again on another connection.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// The connection failed before a byte of the response came.
    pub(super) unanswered: bool,
    /// Not a byte of the request was taken.
    pub(super) unsent: bool,
    /// The server says that it did nothing for the request.
    pub(super) refused: bool,
}

/// An operating system's error in the words that reports use for the common ones, without its number.
pub(super) fn describe(error: &io::Error) -> Cow<'static, str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset by the peer".into(),
        io::ErrorKind::ConnectionAborted => "connection aborted".into(),
        io::ErrorKind::BrokenPipe => "connection closed by the peer".into(),
        io::ErrorKind::UnexpectedEof => "connection closed by the peer before the end".into(),
        io::ErrorKind::HostUnreachable => "host unreachable".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        io::ErrorKind::TimedOut => "the system gave up waiting for the peer".into(),
        io::ErrorKind::AddrNotAvailable => {
            "no local port left; connections are made faster than the system frees them".into()
        }
        _ => error.to_string().into(),
    }
}
