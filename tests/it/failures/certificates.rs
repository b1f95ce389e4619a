//! Servers of https:// whose handshake fails.

use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::version::TLS13;

use super::{Outcome, asks, assert_fails, fine};
use crate::support::certificates::Authority;
use crate::support::program::Wasmload;
use crate::support::scripted::{Peer, Scripted};
use crate::support::tls;

/// The phases of a handshake that fails.
const SHOOK: [&str; 2] = ["connect", "tls"];

const ANY: &str = "take any certificate with --insecure";

/// A server of https:// at which nothing else goes wrong.
fn secure(config: Arc<ServerConfig>) -> Scripted {
    Scripted::secure(config, |mut peer| peer.serve(|_, _| Ok(())))
}

/// Asks that server over TLS, and then another one in cleartext.
fn asks_securely(server: &Scripted, next: &Scripted) -> Wasmload {
    asks(next, &format!("https://{}/", server.address()))
}

/// With that authority trusted.
fn trusting(program: Wasmload, authority: &Authority) -> Wasmload {
    authority.identity().write(program.directory.path(), "authority");
    program.with("--ca-cert authority.pem")
}

#[test]
fn a_certificate_that_is_trusted_for_that_address() {
    let authority = Authority::new();
    let server = secure(tls::server(&authority.issue("127.0.0.1")));
    let ran = trusting(asks_securely(&server, &fine()), &authority).output().expect(0);
    assert_eq!((ran.summary()["total"]["failures"].as_u64(), ran.log()), (Some(0), vec![]));
}

#[test]
fn a_certificate_that_has_expired() {
    let authority = Authority::new();
    let server = secure(tls::server(&authority.issue_expired("127.0.0.1")));
    let mut outcome = Outcome::read(&trusting(asks_securely(&server, &fine()), &authority).output().expect(0));
    // How long ago depends on the day.
    for text in [&mut outcome.reason, &mut outcome.seen] {
        let (before, after) = text.split_once(" days ago").expect(text);
        let (before, days) = before.rsplit_once(' ').expect("words before the number");
        assert!(days.parse::<u32>().is_ok_and(|days| days > 9000), "{text}");
        *text = format!("{before} N days ago{after}");
    }
    let text = format!("the server's certificate, or one above it, expired N days ago; renew it, or {ANY}");
    assert_eq!(outcome, Outcome::told("tls", &text, &SHOOK));
}

#[test]
fn a_certificate_of_another_name() {
    let authority = Authority::new();
    let server = secure(tls::server(&authority.issue("shop.test")));
    let next = fine();
    let program = trusting(asks_securely(&server, &next), &authority);
    let text = format!("the server's certificate is not for 127.0.0.1, but for shop.test; correct the URL, or {ANY}");
    assert_fails(program, &Outcome::told("tls", &text, &SHOOK));
}

#[test]
fn a_certificate_of_an_authority_that_nobody_knows() {
    let server = secure(tls::server(&Authority::new().issue("127.0.0.1")));
    // Another one is trusted: where the system has no authorities of its own, that would be what is told.
    let next = fine();
    let program = trusting(asks_securely(&server, &next), &Authority::new());
    let text = format!(
        "the server's certificate is self-signed, or of an authority that is not trusted; trust that with --ca-cert \
         FILE, or {ANY}"
    );
    assert_fails(program, &Outcome::told("tls", &text, &SHOOK));
}

#[test]
fn what_is_wrong_with_a_certificate_can_be_accepted() {
    let authority = Authority::new();
    for identity in [authority.issue_expired("127.0.0.1"), authority.issue("shop.test")] {
        let server = secure(tls::server(&identity));
        let ran = asks_securely(&server, &fine()).with("--insecure").output().expect(0);
        assert_eq!((ran.summary()["total"]["failures"].as_u64(), ran.log()), (Some(0), vec![]));
    }
}

#[test]
fn a_server_of_another_version_of_tls() {
    let server = secure(tls::server_of(&Authority::new().issue("127.0.0.1"), &[&TLS13]));
    let next = fine();
    let program = asks_securely(&server, &next).with("--insecure --tls-max 1.2");
    let text = "the server speaks no version of TLS that was offered (alert protocol_version); see --tls-min and \
                --tls-max";
    assert_fails(program, &Outcome::told("tls", text, &SHOOK));
}

/// Reads what a client begins with, and does that instead of a handshake.
#[track_caller]
fn assert_handshake_fails(answer: &'static [u8], end: fn(&Peer<TcpStream>) -> io::Result<()>, text: &str) {
    let server = Scripted::start(move |mut peer| {
        let _ = peer.stream.read(&mut [0; 16 * 1024])?;
        peer.send(answer)?;
        end(&peer)
    });
    assert_fails(asks_securely(&server, &fine()), &Outcome::told("tls", text, &SHOOK));
}

#[test]
fn a_server_that_does_not_speak_tls() {
    const TEXT: &str = "the server answered in something that is not TLS; is it http://?";
    assert_handshake_fails(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", |_| Ok(()), TEXT);
    assert_handshake_fails(b"220 mail.test ESMTP\r\n", |_| Ok(()), TEXT);
}

#[test]
fn a_handshake_that_is_broken_off() {
    const HINT: &str = "is TLS spoken at this port, in a version that --tls-min and --tls-max allow?";
    let closed = format!("the server closed the connection during the handshake; {HINT}");
    assert_handshake_fails(b"", |_| Ok(()), &closed);
    let reset = format!("the server reset the connection during the handshake; {HINT}");
    assert_handshake_fails(b"", Peer::reset, &reset);
}
