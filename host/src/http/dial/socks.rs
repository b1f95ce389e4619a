//! A way through a SOCKS5 proxy (RFC 1928, RFC 1929).

use std::borrow::Cow;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error as SocksError, TargetAddr};

use crate::http::error::describe;
use crate::http::route::Credentials;
use crate::http::target::Host;

/// Has the proxy at the other end of the stream connect it to a host, whose name the proxy looks up.
///
/// # Errors
/// Why it did not, for people.
pub(super) async fn open<S>(
    stream: S,
    host: &Host,
    port: u16,
    credentials: Option<&Credentials>,
) -> Result<S, Cow<'static, str>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let target = match host {
        Host::Name(name) if name.len() > MAX_NAME_BYTES => return Err("the name is too long for SOCKS".into()),
        Host::Name(name) => TargetAddr::Domain((&**name).into(), port),
        Host::Address(address) => TargetAddr::Ip((*address, port).into()),
    };
    let opened = match credentials {
        None => Socks5Stream::connect_with_socket(stream, target).await,
        Some(Credentials { user, password }) => {
            Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
        }
    };
    opened.map(Socks5Stream::into_inner).map_err(|error| reason(&error))
}

/// What the length byte of a name can tell.
const MAX_NAME_BYTES: usize = 255;

fn reason(error: &SocksError) -> Cow<'static, str> {
    match error {
        SocksError::Io(error) => describe(error),
        SocksError::AuthorizationRequired | SocksError::NoAcceptableAuthMethods => {
            "it wants to know its clients; give a user name and password as in socks5://USER:PASSWORD@HOST".into()
        }
        SocksError::PasswordAuthFailure(_) => "it refused the user name or password".into(),
        SocksError::InvalidResponseVersion | SocksError::InvalidReservedByte => "its answer is not SOCKS5".into(),
        // The crate says this of numbers that the standard doesn't have, too.
        SocksError::UnknownAuthMethod => "its answer has a number that SOCKS5 doesn't know".into(),
        SocksError::GeneralSocksServerFailure => "it failed to connect, without a reason".into(),
        SocksError::ConnectionNotAllowedByRuleset => "its rules forbid the connection".into(),
        // The others are short, and begin with a capital letter.
        other => format!("it answered: {}", other.to_string().to_lowercase()).into(),
    }
}
