//! What TLS's errors mean, and what to do about them, in words for people.

use std::borrow::Cow;
use std::{fmt, io};

use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use super::verify::is_authority;
use crate::http::error::{self, Error};
use crate::http::target::Host;

/// The most of a certificate's names that are listed.
const MAX_NAMES: usize = 4;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Server,
    Proxy,
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Peer::Server => "the server",
            Peer::Proxy => "the proxy",
        })
    }
}

/// Why no server's certificate can be verified.
pub(super) fn no_authorities(error: &rustls::Error) -> String {
    format!("the system's authorities can't be used ({error}); trust one with --ca-cert FILE, or any with --insecure")
}

/// Why a handshake failed.
pub(super) fn handshake(error: &io::Error, peer: Peer, host: &Host) -> Cow<'static, str> {
    const HINT: &str = "is TLS spoken at this port, in a version that --tls-min and --tls-max allow?";
    if let Some(error) = tls_error(error) {
        return explain(error, peer, host);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            format!("{peer} closed the connection during the handshake; {HINT}").into()
        }
        io::ErrorKind::ConnectionReset => format!("{peer} reset the connection during the handshake; {HINT}").into(),
        _ => error::describe(error),
    }
}

/// What an established connection's error is, where it is one of TLS and not of the system.
///
/// In TLS 1.3 a client is ready before the server has looked at its certificate, so the server's refusal arrives in
/// place of a response. It is a failure of the handshake all the same.
pub(in crate::http) fn broken(error: &io::Error) -> Option<Error> {
    Some(match tls_error(error)? {
        rustls::Error::AlertReceived(alert) => match refused_certificate(*alert, Peer::Server) {
            Some(text) => Error::Tls(text),
            None => Error::Protocol(other_alert(*alert, Peer::Server)),
        },
        error => Error::Protocol(error.to_string().into()),
    })
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn explain(error: &rustls::Error, peer: Peer, host: &Host) -> Cow<'static, str> {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate(error, peer, host).into(),
        // What the first bytes of another protocol look like.
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::InvalidEmptyPayload
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::UnknownProtocolVersion,
        ) => format!("{peer} answered in something that is not TLS; is it http://?").into(),
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => format!("{peer} chose a version of TLS that was not offered; see --tls-min and --tls-max").into(),
        rustls::Error::AlertReceived(alert) => {
            refused_certificate(*alert, peer).unwrap_or_else(|| refused(*alert, peer, host))
        }
        error => error.to_string().into(),
    }
}

/// What is wrong with the peer's certificate.
fn certificate(error: &CertificateError, peer: Peer, host: &Host) -> String {
    const ANY: &str = "take any certificate with --insecure";
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            let ago = span(time.as_secs().saturating_sub(not_after.as_secs()));
            format!("{peer}'s certificate, or one above it, expired {ago} ago; renew it, or {ANY}")
        }
        CertificateError::Expired => {
            format!("{peer}'s certificate, or one above it, has expired; renew it, or {ANY}")
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let wait = span(not_before.as_secs().saturating_sub(time.as_secs()));
            format!(
                "{peer}'s certificate, or one above it, becomes valid only in {wait}; set this machine's clock if it \
                 is wrong, or {ANY}"
            )
        }
        CertificateError::NotValidYet => format!(
            "{peer}'s certificate, or one above it, is not valid yet; set this machine's clock if it is wrong, or {ANY}"
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!(
                "{peer}'s certificate is not for {}, but for {}; correct the URL, or {ANY}",
                text(host),
                names(presented)
            )
        }
        CertificateError::NotValidForName => {
            format!("{peer}'s certificate is not for {}; correct the URL, or {ANY}", text(host))
        }
        CertificateError::UnknownIssuer => format!(
            "{peer}'s certificate is self-signed, or of an authority that is not trusted; trust that with --ca-cert \
             FILE, or {ANY}"
        ),
        CertificateError::BadSignature => format!(
            "{peer}'s certificate or handshake is not signed with the right key; was an authority made anew under its \
             old name? trust it with --ca-cert FILE, or {ANY}"
        ),
        error if is_authority(error) => format!(
            "{peer}'s certificate is an authority's own (CA:TRUE); trust that very certificate with --ca-cert FILE, or \
             {ANY}"
        ),
        error => format!("{peer}'s certificate is not accepted: {error}; replace it, or {ANY}"),
    }
}

/// What the alert says about the client's certificate, if it is about that.
fn refused_certificate(alert: AlertDescription, peer: Peer) -> Option<Cow<'static, str>> {
    let reason = match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate if peer == Peer::Proxy => {
            return Some("the proxy requires a client certificate, and proxies are shown none".into());
        }
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            return Some(
                "the server requires a client certificate; give one with --client-cert FILE and --client-key FILE"
                    .into(),
            );
        }
        AlertDescription::UnknownCA => "it doesn't trust its authority (alert unknown_ca)",
        AlertDescription::CertificateExpired => "it has expired (alert certificate_expired)",
        AlertDescription::CertificateRevoked => "it was revoked (alert certificate_revoked)",
        AlertDescription::BadCertificate => "it can't be used (alert bad_certificate)",
        AlertDescription::UnsupportedCertificate => "it is of an unsupported kind (alert unsupported_certificate)",
        AlertDescription::CertificateUnknown => "it gives no reason (alert certificate_unknown)",
        AlertDescription::AccessDenied => "its owner has no access (alert access_denied)",
        _ => return None,
    };
    Some(format!("{peer} refused the client certificate: {reason}; check --client-cert and --client-key").into())
}

/// What the alert says about the handshake.
fn refused(alert: AlertDescription, peer: Peer, host: &Host) -> Cow<'static, str> {
    match alert {
        AlertDescription::HandshakeFailure => format!(
            "{peer} refused the handshake (alert handshake_failure): it has no version or cipher in common, or wants a \
             client certificate; see --tls-min, --tls-max and --client-cert"
        )
        .into(),
        AlertDescription::ProtocolVersion => format!(
            "{peer} speaks no version of TLS that was offered (alert protocol_version); see --tls-min and --tls-max"
        )
        .into(),
        AlertDescription::NoApplicationProtocol => format!(
            "{peer} speaks no version of HTTP that was offered (alert no_application_protocol); see --http1-only and \
             --http2-prior-knowledge"
        )
        .into(),
        AlertDescription::UnrecognisedName => {
            format!("{peer} has nothing under the name {} (alert unrecognized_name); correct the URL", text(host))
                .into()
        }
        alert => other_alert(alert, peer),
    }
}

fn other_alert(alert: AlertDescription, peer: Peer) -> Cow<'static, str> {
    format!("{peer} broke off with the TLS alert {alert:?}; its log may say why").into()
}

fn text(host: &Host) -> String {
    match host {
        Host::Name(name) => name.to_string(),
        Host::Address(address) => address.to_string(),
    }
}

/// A certificate's names, which come as `DnsName("…")` and `IpAddress(…)`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        inner.trim_matches('"').to_owned()
    };
    let listed = presented.iter().take(MAX_NAMES).map(bare).collect::<Vec<_>>().join(", ");
    match presented.len() {
        0 => "no name at all".to_owned(),
        count if count > MAX_NAMES => format!("{listed} and {} more", count - MAX_NAMES),
        _ => listed,
    }
}

/// A time of so many seconds, in the largest unit of which it has two.
fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(24 * 60 * 60, "days"), (60 * 60, "hours"), (60, "minutes")];
    let unit = UNITS.iter().find(|(length, _)| seconds >= 2 * length);
    unit.map_or_else(|| "a moment".to_owned(), |(length, unit)| format!("{} {unit}", seconds / length))
}
