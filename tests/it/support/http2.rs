//! The least of a server of HTTP/2 (RFC 9113), in cleartext: each request is answered by status 200 without a body.

use std::io::{self, Read, Write};

use super::scripted::{Peer, Scripted};

/// What a client begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;

/// Acknowledges settings or a ping.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200`, by its place in the table that both ends have (RFC 7541, appendix A).
const STATUS_200: u8 = 0x88;

/// Starts one.
pub(crate) fn server() -> Scripted {
    Scripted::start(serve)
}

fn serve<S: Read + Write>(mut peer: Peer<S>) -> io::Result<()> {
    let mut preface = [0; PREFACE.len()];
    peer.stream.read_exact(&mut preface)?;
    assert_eq!(&preface, PREFACE);
    peer.send(frame(SETTINGS, 0, [0; 4], &[]))?;
    loop {
        let mut head = [0; 9];
        peer.stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        peer.stream.read_exact(&mut payload)?;
        match kind {
            SETTINGS if flags & ACK == 0 => peer.send(frame(SETTINGS, ACK, stream, &[]))?,
            PING if flags & ACK == 0 => peer.send(frame(PING, ACK, stream, &payload))?,
            // Requests without a body, whose head fits into one frame.
            HEADERS => {
                assert_eq!(flags & (END_STREAM | END_HEADERS), END_STREAM | END_HEADERS);
                peer.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, &[STATUS_200]))?;
            }
            _ => {}
        }
    }
}

fn frame(kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[..], &[kind, flags], &stream, payload].concat()
}
