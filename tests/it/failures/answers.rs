//! Servers that can be reached, and whose answers are none.

use std::io::{self, Read};
use std::net::TcpStream;

use super::{Outcome, asks, assert_fails, fine};
use crate::support::http2;
use crate::support::scripted::{Peer, Scripted};

/// A request was sent, and nothing came.
const WAITED: [&str; 3] = ["connect", "send", "wait"];

/// A part of a response came.
const RECEIVED: [&str; 4] = ["connect", "send", "wait", "receive"];

/// Sends that instead of a response, and does that to the connection.
#[track_caller]
fn assert_answer(answer: &'static [u8], end: fn(&Peer<TcpStream>) -> io::Result<()>, text: &str) {
    let server = Scripted::bad(move |peer, _| {
        peer.send(answer)?;
        end(peer)
    });
    let phases = if answer.is_empty() { &WAITED[..] } else { &RECEIVED };
    assert_fails(asks(&server, "/bad"), &Outcome::told("protocol", text, phases));
    // One for each request: what failed was not tried again.
    assert_eq!(server.connections(), 2, "{text}");
}

fn close(_: &Peer<TcpStream>) -> io::Result<()> {
    Ok(())
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";

#[test]
fn connections_that_are_closed_too_early() {
    for (answer, text) in [
        (&b""[..], "the connection was closed without a response"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "the connection was closed within the response's head"),
        (HEAD, "the connection was closed within the response's body"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nnine byte",
            "the connection was closed within the response's body",
        ),
    ] {
        assert_answer(answer, close, text);
    }
}

#[test]
fn connections_that_are_reset() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-le", HEAD, b"HTTP/1.1 200 OK\r\n\r\nto be continued"] {
        assert_answer(answer, Peer::reset, "connection reset by the peer");
    }
}

#[test]
fn chunked_bodies_without_their_end() {
    const SHORT: &str = "the connection was closed within the response's body";
    for (answer, text) in [
        (&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..], SHORT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab", SHORT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", SHORT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", SHORT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nsum: 1\r\n", SHORT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nabc\r\n0\r\n\r\nx", SHORT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nsize\r\n", "malformed chunk"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "malformed chunk"),
    ] {
        assert_answer(answer, close, text);
    }
}

#[test]
fn answers_that_are_not_http() {
    for (answer, text) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "not an HTTP response: invalid HTTP version"),
        (b"<html>it works</html>\r\n", "not an HTTP response: invalid HTTP version"),
        (b"\x00\xff\x80 garbage", "not an HTTP response: invalid HTTP version"),
        // An alert of TLS, as a server of https:// gives one that does not speak it.
        (b"\x15\x03\x01\x00\x02\x02\x46", "not an HTTP response: invalid HTTP version"),
        (b"HTTP/1.1 OK\r\n\r\n", "not an HTTP response: invalid response status"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "not an HTTP response: invalid header name"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "the server switched to another protocol"),
    ] {
        assert_answer(answer, close, text);
    }
}

#[test]
fn answers_that_contradict_themselves() {
    for (answer, text) in [
        (
            &b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"[..],
            "the response has two different content-lengths",
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "the response's content-length is not a number"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            "the response has a transfer-encoding that was not asked for; only chunked is read",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\nnot gzip!",
            "the gzip body is corrupt or cut short",
        ),
    ] {
        assert_answer(answer, close, text);
    }
}

/// Sends a response's head of endless length, in these pieces, until the client has enough of it.
fn endless_head(piece: &'static [u8]) -> Scripted {
    Scripted::bad(move |peer, _| {
        peer.send(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            peer.send(piece)?;
        }
    })
}

#[test]
fn heads_that_are_too_large() {
    const LINE: &[u8; 1000] = &[b'x'; 1000];
    for (server, text) in [
        (endless_head(LINE), "the response's head is larger than 65536 bytes"),
        (endless_head(b"a: b\r\n"), "the response has more than 128 headers"),
    ] {
        assert_fails(asks(&server, "/bad"), &Outcome::told("protocol", text, &RECEIVED));
    }
}

/// The server gets what begins an exchange of HTTP/2, and answers as one that does not know it.
#[test]
fn http2_against_a_server_that_speaks_http1() {
    let old = Scripted::start(|mut peer| {
        let mut preface = [0; 24];
        peer.stream.read_exact(&mut preface)?;
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        peer.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        peer.wait_for_end()
    });
    let new = http2::server();
    let program = asks(&new, &format!("{}/bad", old.url())).with("--http2-prior-knowledge");
    let text = "the server answers in HTTP/1, not HTTP/2 (try without --http2-prior-knowledge)";
    assert_fails(program, &Outcome::told("protocol", text, &WAITED));
}

#[test]
fn http1_against_a_server_that_speaks_http2() {
    // Its first frame: settings, of which there are none.
    assert_answer(b"\0\0\0\x04\0\0\0\0\0", close, "not an HTTP response: invalid HTTP version");
}

#[test]
fn a_server_that_is_gone_within_a_request() {
    // It closes the connection without having read anything.
    let server = Scripted::start(|_| Ok(()));
    let ran = asks(&fine(), &format!("{}/bad", server.url())).output().expect(0);
    let outcome = Outcome::read(&ran);
    // What the client notices first is a matter of time: that it can't write, that there is nothing to read, or a reset.
    assert_eq!((&*outcome.kind, outcome.next), ("protocol", (1, 0)), "{outcome:#?}");
}
