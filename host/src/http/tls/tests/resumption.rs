//! Whose sessions are resumed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn insecure(resumption: bool) -> Tls {
    tls(TlsConfig { insecure: true, resumption, ..TlsConfig::default() })
}

/// Connects, and reads as far as the first byte of a response, with which tickets have come. Whether an earlier session
/// was resumed.
async fn visit(tls: &Tls, sessions: &Sessions, host: &str, server: &Arc<ServerConfig>) -> bool {
    let (met, accepted) = meet_again(tls, sessions, &name(host), server).await;
    let (mut near, mut far) = (met.expect("a connection"), accepted.expect("a connection"));
    far.write_all(b"x").await.expect("written");
    far.flush().await.expect("written");
    assert_eq!(near.stream.read_u8().await.expect("a byte"), b'x');
    assert_eq!(Tls::info(&near.stream, near.resumed).resumed, near.resumed);
    near.resumed
}

/// As [`visit`], without reading, so that no new tickets come.
async fn glance(tls: &Tls, sessions: &Sessions, host: &str, server: &Arc<ServerConfig>) -> bool {
    let (met, _) = meet_again(tls, sessions, &name(host), server).await;
    met.expect("a connection").resumed
}

fn servers() -> [Arc<ServerConfig>; 3] {
    let identity = Authority::new().issue(&[NAME]);
    let mut tickets12 = identity.server(&[&TLS12]);
    tickets12.ticketer = rustls::crypto::ring::Ticketer::new().expect("randomness");
    [identity.server(&[&TLS13]), identity.server(&[&TLS12]), tickets12].map(Arc::new)
}

#[tokio::test]
async fn a_virtual_user_resumes_its_own_sessions_and_no_others() {
    let tls = insecure(true);
    for server in servers() {
        let (one, other) = (Sessions::default(), Sessions::default());
        assert!(!visit(&tls, &one, NAME, &server).await);
        assert!(visit(&tls, &one, NAME, &server).await);
        assert!(visit(&tls, &one, NAME, &server).await);
        assert!(!visit(&tls, &other, NAME, &server).await);
        assert!(visit(&tls, &other, NAME, &server).await);
        assert!(!visit(&tls, &one, "other.test", &server).await);
    }
}

#[tokio::test]
async fn a_resumed_session_still_knows_the_server_s_certificate() {
    let tls = insecure(true);
    let identity = Authority::new().issue(&[NAME]);
    let (server, sessions) = (Arc::new(identity.server(&[&TLS13])), Sessions::default());
    visit(&tls, &sessions, NAME, &server).await;
    let (met, _) = meet_again(&tls, &sessions, &name(NAME), &server).await;
    let secured = met.expect("a connection");
    assert!(secured.resumed);
    assert_eq!(Tls::info(&secured.stream, true).certificate, identity.certificate.to_vec());
}

#[tokio::test]
async fn without_resumption_each_handshake_is_whole_and_nothing_is_kept() {
    let tls = insecure(false);
    for server in servers() {
        let sessions = Sessions::default();
        assert!(!visit(&tls, &sessions, NAME, &server).await);
        assert!(!visit(&tls, &sessions, NAME, &server).await);
        assert_eq!(format!("{sessions:?}"), "Sessions { used: false, .. }");
    }
}

#[tokio::test]
async fn a_ticket_serves_once_and_only_the_newest_are_kept() {
    let tls = insecure(true);
    let mut server = Authority::new().issue(&[NAME]).server(&[&TLS13]);
    server.send_tls13_tickets = 6;
    let (server, sessions) = (Arc::new(server), Sessions::default());
    assert!(!visit(&tls, &sessions, NAME, &server).await);
    let mut resumed = Vec::new();
    for _ in 0..6 {
        resumed.push(glance(&tls, &sessions, NAME, &server).await);
    }
    assert_eq!(resumed, [true, true, true, true, false, false]);
}

#[tokio::test]
async fn sessions_are_kept_of_the_servers_connected_to_last() {
    let tls = insecure(true);
    let server = Arc::new(Authority::new().issue(&[NAME]).server(&[&TLS13]));
    let sessions = Sessions::default();
    let hosts: Vec<_> = (0..9).map(|number| format!("{number}.test")).collect();
    for host in &hosts[..8] {
        assert!(!visit(&tls, &sessions, host, &server).await);
    }
    // The first is the last again, so that the second makes room for the ninth.
    assert!(visit(&tls, &sessions, &hosts[0], &server).await);
    assert!(!visit(&tls, &sessions, &hosts[8], &server).await);
    for (host, kept) in hosts.iter().zip([true, false, true, true, true, true, true, true, true]) {
        // Only looks at those that are kept: a new one would make room for itself.
        assert!(!kept || glance(&tls, &sessions, host, &server).await, "{host}");
    }
    assert!(!glance(&tls, &sessions, &hosts[1], &server).await);
}
