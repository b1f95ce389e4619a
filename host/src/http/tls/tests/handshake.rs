//! What handshakes agree on.

use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::http::config::TlsVersion;

#[tokio::test]
async fn a_given_authority_is_trusted_for_names_and_addresses() {
    let authority = Authority::new();
    let (config, _file) = authority.trusted();
    let tls = tls(config);
    let server = Arc::new(authority.issue(&[NAME, "127.0.0.1", "::1"]).server(&ALL));
    for (host, sni) in [
        (name(NAME), Some(NAME)),
        (Host::Address([127, 0, 0, 1].into()), None),
        (Host::Address(std::net::Ipv6Addr::LOCALHOST.into()), None),
    ] {
        let (met, accepted) = meet_again(&tls, &Sessions::default(), &host, &server).await;
        assert!(met.is_ok(), "{host:?}: {met:?}");
        assert_eq!(accepted.expect("a connection").get_ref().1.server_name(), sni);
    }
}

#[tokio::test]
async fn a_given_certificate_is_trusted_itself_even_if_it_is_an_authority_s() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = params(&[NAME]);
        params.is_ca = is_ca;
        let identity = Identity::self_signed(&params);
        let file = File::new(&identity.certificate_pem);
        let tls = tls(TlsConfig { ca_certificates: vec![file.path()], ..TlsConfig::default() });
        let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), identity.server(&ALL)).await;
        assert!(met.is_ok(), "{met:?}");

        let (met, _) = meet(&tls, &Sessions::default(), &name("other.test"), identity.server(&ALL)).await;
        let reason = reason(met);
        assert!(reason.starts_with("the server's certificate is not for other.test, but for server.test;"), "{reason}");
    }
}

#[tokio::test]
async fn insecure_takes_any_certificate() {
    let mut params = params(&["other.test"]);
    params.not_after = rcgen::date_time_ymd(2000, 1, 1);
    let identity = Identity::self_signed(&params);
    let tls = tls(TlsConfig { insecure: true, ..TlsConfig::default() });
    for version in ALL {
        let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), identity.server(&[version])).await;
        assert!(met.is_ok(), "{met:?}");
    }
}

#[tokio::test]
async fn insecure_still_wants_the_server_to_have_its_certificate_s_key() {
    let authority = Authority::new();
    let (own, other) = (authority.issue(&[NAME]), authority.issue(&[NAME]));
    let key = PrivateKeyDer::try_from(other.key.serialize_der()).expect("a key");
    let key = rustls::crypto::ring::sign::any_supported_type(&key).expect("a key");
    let mixed = Arc::new(CertifiedKey::new(vec![own.certificate.clone()], key));
    let tls = tls(TlsConfig { insecure: true, ..TlsConfig::default() });
    for version in ALL {
        let mut server = own.server(&[version]);
        server.cert_resolver = Arc::new(SingleCertAndKey::from(Arc::clone(&mixed)));
        let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), server).await;
        let reason = reason(met);
        assert!(
            reason.starts_with("the server's certificate or handshake is not signed with the right key;"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn servers_of_either_version_are_spoken_to_within_the_bounds() {
    let identity = Authority::new().issue(&[NAME]);
    let insecure = || TlsConfig { insecure: true, ..TlsConfig::default() };
    let (oldest, newest) = (TlsVersion::Tls12, TlsVersion::Tls13);
    for (min_version, max_version, server, expected) in [
        (oldest, newest, &ALL[..], "TLSv1.3"),
        (oldest, newest, &[&TLS12][..], "TLSv1.2"),
        (oldest, oldest, &ALL[..], "TLSv1.2"),
        (newest, newest, &ALL[..], "TLSv1.3"),
    ] {
        let tls = tls(TlsConfig { min_version, max_version, ..insecure() });
        let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), identity.server(server)).await;
        assert_eq!(Tls::info(&met.expect("a connection").stream, false).version, expected);
    }
}

#[tokio::test]
async fn http2_is_spoken_where_both_ends_want_it() {
    let identity = Authority::new().issue(&[NAME]);
    let both = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    for (versions, server, expected) in [
        (Versions::Negotiated, both.clone(), "h2"),
        (Versions::Negotiated, vec![HTTP1.to_vec()], "http/1.1"),
        (Versions::Negotiated, vec![], ""),
        (Versions::Http1, both.clone(), "http/1.1"),
        (Versions::Http1, vec![], ""),
        (Versions::Http2, both, "h2"),
    ] {
        let config = TlsConfig { insecure: true, ..TlsConfig::default() };
        let tls = Tls::new(&Config { tls: config, versions, ..Config::default() }).expect("valid settings");
        let mut server_config = identity.server(&ALL);
        server_config.alpn_protocols = server;
        let (met, _) = meet(&tls, &Sessions::default(), &name(NAME), server_config).await;
        let secured = met.expect("a connection");
        assert_eq!(Tls::info(&secured.stream, false).alpn, expected, "{versions:?}");
        assert_eq!(secured.http2, expected == "h2", "{versions:?}");
    }
}

#[tokio::test]
async fn people_see_what_was_agreed_on() {
    let authority = Authority::new();
    let (config, _file) = authority.trusted();
    let identity = authority.issue(&[NAME]);
    let (met, _) = meet(&tls(config), &Sessions::default(), &name(NAME), identity.server(&[&TLS13])).await;
    let secured = met.expect("a connection");
    let expected = TlsInfo {
        version: "TLSv1.3".into(),
        cipher_suite: "TLS13_AES_256_GCM_SHA384".into(),
        alpn: String::new(),
        resumed: false,
        certificate: identity.certificate.to_vec(),
    };
    assert_eq!(Tls::info(&secured.stream, secured.resumed), expected);
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_servers_that_ask_for_it() {
    let authority = Authority::new();
    let client = authority.issue(&["client"]);
    let (config, _files) = certified(&authority, &client);
    let tls = tls(config);
    for version in ALL {
        let server = authority.issue(&[NAME]).server_of_clients(&[version], Some((&authority, true)));
        let (met, accepted) = meet(&tls, &Sessions::default(), &name(NAME), server).await;
        assert!(met.is_ok(), "{met:?}");
        let shown = accepted.expect("a connection");
        assert_eq!(shown.get_ref().1.peer_certificates(), Some(&[client.certificate.clone()][..]));
    }
}

#[tokio::test]
async fn a_proxy_is_offered_http1_and_shown_no_client_certificate() {
    let authority = Authority::new();
    let (config, _files) = certified(&authority, &authority.issue(&["client"]));
    let tls = tls(config);
    let mut server = authority.issue(&["127.0.0.1"]).server_of_clients(&ALL, Some((&authority, false)));
    server.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let proxy = async {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let mut stream = TlsAcceptor::from(Arc::new(server)).accept(tcp).await.expect("a handshake");
        assert!(stream.get_ref().1.peer_certificates().is_none());
        stream.write_all(b"x").await.expect("written");
        stream.flush().await.expect("written");
    };
    let client = async {
        let tcp = TcpStream::connect(address).await.expect("a connection");
        let mut stream = tls.to_proxy(&Host::Address(address.ip()), tcp).await.expect("a handshake");
        assert_eq!(stream.read_u8().await.expect("a byte"), b'x');
        assert_eq!(Tls::info(&stream, false).alpn, "http/1.1");
    };
    tokio::join!(proxy, client);
}
