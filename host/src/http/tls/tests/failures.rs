//! What failed handshakes say.

use std::io::ErrorKind;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::http::config::TlsVersion;

/// Why a client that trusts an authority refuses a server of these names, certified by it or another.
async fn refusal(server: impl FnOnce(&Authority) -> Identity) -> String {
    let authority = Authority::new();
    let (config, _file) = authority.trusted();
    let server = server(&authority).server(&ALL);
    let (met, accepted) = meet(&tls(config), &Sessions::default(), &name(NAME), server).await;
    assert!(accepted.is_err());
    reason(met)
}

/// What is said of a handshake's error.
fn described(error: rustls::Error) -> String {
    let error = io::Error::new(ErrorKind::InvalidData, error);
    describe::handshake(&error, Peer::Server, &name(NAME)).into_owned()
}

fn described_certificate(error: CertificateError) -> String {
    described(rustls::Error::InvalidCertificate(error))
}

#[tokio::test]
async fn certificates_out_of_their_time_are_told() {
    let mut old = params(&[NAME]);
    old.not_after = rcgen::date_time_ymd(2000, 1, 1);
    let text = refusal(|authority| authority.sign(&old)).await;
    assert!(text.starts_with("the server's certificate, or one above it, expired "), "{text}");
    assert!(text.ends_with(" days ago; renew it, or take any certificate with --insecure"), "{text}");

    let mut young = params(&[NAME]);
    young.not_before = rcgen::date_time_ymd(3000, 1, 1);
    let text = refusal(|authority| authority.sign(&young)).await;
    assert!(text.starts_with("the server's certificate, or one above it, becomes valid only in "), "{text}");
}

#[test]
fn how_long_ago_and_how_soon_are_told_in_fitting_units() {
    let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    for (seconds, ago) in [
        (119, "a moment"),
        (120, "2 minutes"),
        (2 * 3600 - 1, "119 minutes"),
        (47 * 3600, "47 hours"),
        (3 * 86400 + 5, "3 days"),
    ] {
        let error = CertificateError::ExpiredContext { time: time(1_000_000 + seconds), not_after: time(1_000_000) };
        assert_eq!(
            described_certificate(error),
            format!(
                "the server's certificate, or one above it, expired {ago} ago; renew it, or take any certificate with \
                 --insecure"
            )
        );
        let error = CertificateError::NotValidYetContext { time: time(1), not_before: time(1 + seconds) };
        assert_eq!(
            described_certificate(error),
            format!(
                "the server's certificate, or one above it, becomes valid only in {ago}; set this machine's clock if \
                 it is wrong, or take any certificate with --insecure"
            )
        );
    }
}

#[tokio::test]
async fn a_certificate_of_another_name_tells_both_names() {
    for (names, listed) in [
        (&["other.test"][..], "other.test"),
        (&["a.test", "*.b.test", "127.0.0.1"], "a.test, *.b.test, 127.0.0.1"),
        (&["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"], "a.test, b.test, c.test, d.test and 2 more"),
        (&[], "no name at all"),
    ] {
        assert_eq!(
            refusal(|authority| authority.issue(names)).await,
            format!(
                "the server's certificate is not for server.test, but for {listed}; correct the URL, or take any \
                 certificate with --insecure"
            )
        );
    }
}

#[tokio::test]
async fn a_certificate_of_another_address_is_refused() {
    let authority = Authority::new();
    let (config, _file) = authority.trusted();
    let server = authority.issue(&["127.0.0.1"]).server(&ALL);
    let (met, _) = meet(&tls(config), &Sessions::default(), &Host::Address([127, 0, 0, 2].into()), server).await;
    let reason = reason(met);
    assert!(reason.starts_with("the server's certificate is not for 127.0.0.2, but for 127.0.0.1;"), "{reason}");
}

#[tokio::test]
async fn an_unknown_authority_and_a_self_signed_certificate_are_told() {
    let unknown = "the server's certificate is self-signed, or of an authority that is not trusted; trust that with \
                   --ca-cert FILE, or take any certificate with --insecure";
    assert_eq!(refusal(|_| Authority::new().issue(&[NAME])).await, unknown);
    assert_eq!(refusal(|_| Identity::self_signed(&params(&[NAME]))).await, unknown);

    let mut authority = params(&[NAME]);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(
        refusal(|_| Identity::self_signed(&authority)).await,
        "the server's certificate is an authority's own (CA:TRUE); trust that very certificate with --ca-cert FILE, or \
         take any certificate with --insecure"
    );
}

#[tokio::test]
async fn an_authority_that_was_made_anew_under_its_name_is_told() {
    let (old, new) = (Authority::named("authority"), Authority::named("authority"));
    let (config, _file) = old.trusted();
    let server = new.issue(&[NAME]).server(&ALL);
    let (met, _) = meet(&tls(config), &Sessions::default(), &name(NAME), server).await;
    assert_eq!(
        reason(met),
        "the server's certificate or handshake is not signed with the right key; was an authority made anew under its \
         old name? trust it with --ca-cert FILE, or take any certificate with --insecure"
    );
}

#[tokio::test]
async fn a_given_certificate_is_not_taken_after_its_time() {
    let mut params = params(&[NAME]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = rcgen::date_time_ymd(2000, 1, 1);
    let identity = Identity::self_signed(&params);
    let file = File::new(&identity.certificate_pem);
    let tls = tls(TlsConfig { ca_certificates: vec![file.path()], ..TlsConfig::default() });
    let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), identity.server(&ALL)).await;
    let reason = reason(met);
    assert!(reason.starts_with("the server's certificate, or one above it, expired "), "{reason}");
}

#[test]
fn verifiers_that_say_less_are_understood_too() {
    let any = "or take any certificate with --insecure";
    for (error, text) in [
        (CertificateError::Expired, "the server's certificate, or one above it, has expired; renew it, "),
        (
            CertificateError::NotValidYet,
            "the server's certificate, or one above it, is not valid yet; set this machine's clock if it is wrong, ",
        ),
        (CertificateError::NotValidForName, "the server's certificate is not for server.test; correct the URL, "),
        (CertificateError::Revoked, "the server's certificate is not accepted: Revoked; replace it, "),
    ] {
        assert_eq!(described_certificate(error), format!("{text}{any}"));
    }
}

#[tokio::test]
async fn no_version_in_common_hints_at_the_bounds() {
    let insecure = || TlsConfig { insecure: true, ..TlsConfig::default() };
    let identity = Authority::new().issue(&[NAME]);
    let newest = tls(TlsConfig { min_version: TlsVersion::Tls13, ..insecure() });
    let oldest = tls(TlsConfig { max_version: TlsVersion::Tls12, ..insecure() });
    for (tls, server) in [(newest, &TLS12), (oldest, &TLS13)] {
        let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), identity.server(&[server])).await;
        assert_eq!(
            reason(met),
            "the server speaks no version of TLS that was offered (alert protocol_version); see --tls-min and --tls-max"
        );
    }
    for error in
        [PeerIncompatible::ServerDoesNotSupportTls12Or13, PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig]
    {
        assert_eq!(
            described(error.into()),
            "the server chose a version of TLS that was not offered; see --tls-min and --tls-max"
        );
    }
}

#[tokio::test]
async fn no_http2_where_nothing_else_is_wanted_is_told() {
    let config = TlsConfig { insecure: true, ..TlsConfig::default() };
    let config = Config { tls: config, versions: Versions::Http2, ..Config::default() };
    let tls = Tls::new(&config).expect("valid settings");
    let identity = Authority::new().issue(&[NAME]);
    let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), identity.server(&ALL)).await;
    assert_eq!(
        reason(met),
        "the server chose no protocol by ALPN, so it speaks HTTP/1.1; leave --http2-prior-knowledge out"
    );

    let mut server = identity.server(&ALL);
    server.alpn_protocols = vec![HTTP1.to_vec()];
    let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), server).await;
    assert_eq!(
        reason(met),
        "the server speaks no version of HTTP that was offered (alert no_application_protocol); see --http1-only and \
         --http2-prior-knowledge"
    );
}

#[tokio::test]
async fn a_missing_client_certificate_is_told_in_both_versions() {
    let authority = Authority::new();
    let (config, _file) = authority.trusted();
    let tls = tls(config);
    let identity = authority.issue(&[NAME]);
    let text = "the server requires a client certificate; give one with --client-cert FILE and --client-key FILE";

    let server = identity.server_of_clients(&[&TLS12], Some((&authority, true)));
    let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), server).await;
    assert_eq!(reason(met), text);

    // TLS 1.3 tells it after the client's part of the handshake.
    let server = identity.server_of_clients(&[&TLS13], Some((&authority, true)));
    let (met, accepted) = meet(&tls, &Sessions::default(), &name(NAME), server).await;
    assert!(accepted.is_err());
    let error = met.expect("a connection").stream.read_u8().await.expect_err("an alert");
    assert_eq!(broken(&error), Some(Error::Tls(text.into())));
}

#[tokio::test]
async fn a_client_certificate_of_an_unknown_authority_is_told_in_both_versions() {
    let authority = Authority::new();
    let (config, _files) = certified(&authority, &Authority::new().issue(&["client"]));
    let tls = tls(config);
    let identity = authority.issue(&[NAME]);
    let text = "the server refused the client certificate: it doesn't trust its authority (alert unknown_ca); check \
                --client-cert and --client-key";

    let server = identity.server_of_clients(&[&TLS12], Some((&authority, true)));
    let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), server).await;
    assert_eq!(reason(met), text);

    let server = identity.server_of_clients(&[&TLS13], Some((&authority, true)));
    let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), server).await;
    let error = met.expect("a connection").stream.read_u8().await.expect_err("an alert");
    assert_eq!(broken(&error), Some(Error::Tls(text.into())));
}

#[test]
fn alerts_are_told_with_what_to_look_at() {
    for (alert, text) in [
        (
            AlertDescription::HandshakeFailure,
            "the server refused the handshake (alert handshake_failure): it has no version or cipher in common, or \
             wants a client certificate; see --tls-min, --tls-max and --client-cert",
        ),
        (
            AlertDescription::UnrecognisedName,
            "the server has nothing under the name server.test (alert unrecognized_name); correct the URL",
        ),
        (AlertDescription::InternalError, "the server broke off with the TLS alert InternalError; its log may say why"),
    ] {
        assert_eq!(described(rustls::Error::AlertReceived(alert)), text);
    }
}

#[test]
fn an_established_connection_s_errors_are_told_apart() {
    let broken_by = |error| broken(&io::Error::new(ErrorKind::InvalidData, error));
    assert_eq!(
        broken_by(rustls::Error::AlertReceived(AlertDescription::InternalError)),
        Some(Error::Protocol("the server broke off with the TLS alert InternalError; its log may say why".into()))
    );
    assert_eq!(broken_by(rustls::Error::DecryptError), Some(Error::Protocol("cannot decrypt peer's message".into())));
    assert_eq!(broken(&ErrorKind::ConnectionReset.into()), None);
    assert_eq!(broken(&io::Error::other("something else")), None);
}

#[tokio::test]
async fn what_is_not_tls_is_told() {
    let tls = tls(TlsConfig { insecure: true, ..TlsConfig::default() });
    for greeting in
        ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n", "220 mail.test ESMTP\r\n", "\u{16}\u{16}......"]
    {
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        far.write_all(greeting.as_bytes()).await.expect("room");
        assert_eq!(
            reason(tls.handshake(&Sessions::default(), &name(NAME), near).await),
            "the server answered in something that is not TLS; is it http://?"
        );
    }
}

#[tokio::test]
async fn a_server_that_closes_or_resets_is_told() {
    let tls = tls(TlsConfig { insecure: true, ..TlsConfig::default() });
    let hint = "is TLS spoken at this port, in a version that --tls-min and --tls-max allow?";
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let server = async move {
        far.read_u8().await.expect("a byte");
    };
    let client = async { tls.handshake(&Sessions::default(), &name(NAME), near).await };
    let (met, ()) = tokio::join!(client, server);
    assert_eq!(reason(met), format!("the server closed the connection during the handshake; {hint}"));

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = async {
        let (mut tcp, _) = listener.accept().await.expect("a connection");
        // What was sent and not read is a reason for the system to reset the connection.
        tcp.read_u8().await.expect("a byte");
    };
    let client = async {
        let tcp = TcpStream::connect(address).await.expect("a connection");
        tls.to_proxy(&Host::Address(address.ip()), tcp).await
    };
    let (met, ()) = tokio::join!(client, server);
    assert_eq!(reason(met), format!("the proxy reset the connection during the handshake; {hint}"));
}

#[tokio::test]
async fn a_system_without_authorities_fails_requests_and_says_what_to_do() {
    let tls = Tls {
        clients: Err(rustls::Error::General("no CA certificates".into())),
        versions: Versions::Negotiated,
        resumption: true,
    };
    let (near, _far) = tokio::io::duplex(1);
    assert_eq!(
        reason(tls.handshake(&Sessions::default(), &name(NAME), near).await),
        "the system's authorities can't be used (unexpected error: no CA certificates); trust one with --ca-cert FILE, \
         or any with --insecure"
    );
}

#[tokio::test]
async fn a_name_that_no_certificate_can_have_is_told() {
    let tls = tls(TlsConfig { insecure: true, ..TlsConfig::default() });
    let (near, _far) = tokio::io::duplex(1);
    assert_eq!(
        reason(tls.handshake(&Sessions::default(), &name("a..b"), near).await),
        "a..b can't stand in a certificate"
    );
}
