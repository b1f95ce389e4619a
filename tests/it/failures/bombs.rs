//! Bodies that are larger than a run allows: announced, sent, and decoded. The program's memory does not grow with them.

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, OnceLock};

use super::{Outcome, asks, assert_fails};
use crate::support::processes::{peak_memory, wait_until};
use crate::support::running::Running;
use crate::support::scripted::{FINE, Peer, Scripted};

/// The phases of a request whose response came in part.
const RECEIVED: [&str; 4] = ["connect", "send", "wait", "receive"];

/// How much of a body a run allows here, in bytes.
const LIMIT: u64 = 1 << 20;

/// How much of an encoded body that is dropped is decoded to count it, in bytes.
const MOST_COUNTED: u64 = 256 << 20;

/// By how much the program's memory may grow meanwhile, in bytes: some buffers, whatever the body.
const FLAT: u64 = 16 << 20;

/// A body without end: how it begins, and what it goes on with.
#[derive(Clone)]
struct Bomb {
    coding: Option<&'static str>,
    start: Vec<u8>,
    block: Vec<u8>,
}

impl Bomb {
    /// A body of zeros in that coding.
    fn of(coding: &'static str) -> Bomb {
        // A bare stream of deflate: the beginning of a block with fixed codes, a zero, and the first of endless copies of
        // 258 zeros from one place before. With it, the copies begin with a byte; eight of them end with one.
        let zeros = bits("010 00110000 11000101 00000");
        let copies = bits(&"11000101 00000".repeat(8));
        let (start, block) = match coding {
            "gzip" => ([&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], &zeros[..]].concat(), copies),
            "deflate" => ([&[0x78, 0x9c], &zeros[..]].concat(), copies),
            // A MiB of zeros, and each further one, as brotli's own encoder gives them, flushed after each.
            "br" => (
                vec![0xa3, 0xff, 0xff, 0x07, 0x40, 0x02, 0x20, 0x1e, 0x0b, 0x24, 0xf7, 0xfe, 0xc1, 0x00],
                vec![0xfa, 0xff, 0x7f, 0x00, 0x24, 0x00, 0xe2, 0xb0, 0x00, 0x74, 0xef, 0x1f, 0x0c],
            ),
            // A frame of unknown size with a window of 1 MiB; blocks of 128 KiB that repeat a byte.
            "zstd" => (vec![0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3], vec![0x02, 0x00, 0x10, 0x00]),
            other => panic!("no bomb in the coding {other}"),
        };
        Bomb { coding: Some(coding), start, block }
    }

    /// Sends it until the client has enough.
    fn send(&self, peer: &mut Peer<TcpStream>) -> io::Result<()> {
        let blocks = self.block.repeat(64 * 1024 / self.block.len());
        let coding = self.coding.map_or(String::new(), |coding| format!("content-encoding: {coding}\r\n"));
        peer.send(format!("HTTP/1.1 200 OK\r\n{coding}\r\n"))?;
        peer.send(&self.start)?;
        loop {
            peer.send(&blocks)?;
        }
    }
}

/// The bits of a stream of deflate, which fills bytes from their lowest bit.
fn bits(text: &str) -> Vec<u8> {
    let bits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').map(|byte| byte - b'0').collect();
    assert_eq!(bits.len() % 8, 0, "whole bytes");
    bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | bit)).collect()
}

/// A body of zeros without end, encoded or not, against a run with these flags. What the program's memory grew by at the
/// most must not depend on how much there was of it.
#[track_caller]
fn assert_defused(bomb: Bomb, flags: &str, limit: u64) {
    let (program, peaks) = (Arc::new(OnceLock::new()), Arc::<Mutex<Vec<u64>>>::default());
    let (id, seen, coding) = (Arc::clone(&program), Arc::clone(&peaks), bomb.coding);
    let server = Scripted::start(move |mut peer| {
        while let Some(request) = peer.request()? {
            wait_until("the program's number is known", || id.get().is_some());
            let peak = id.get().and_then(|id| peak_memory(*id)).expect("a running process has a peak");
            seen.lock().expect("no holder of this lock panics").push(peak);
            if request.path == "/bad" {
                return bomb.send(&mut peer);
            }
            peer.send(FINE)?;
        }
        Ok(())
    });
    let running = Running::start(asks(&server, "/bad").with(flags));
    program.set(running.id()).expect("set once");
    let ran = running.finish().expect(0);
    assert_eq!(Outcome::read(&ran), Outcome::too_large(limit, &RECEIVED), "{coding:?} {flags}");
    let [before, after] = peaks.lock().expect("no holder of this lock panics")[..] else { panic!("two requests") };
    assert!(before > 0 && after - before <= FLAT, "{coding:?} {flags}: from {before} to {after} bytes");
}

#[test]
fn encoded_bodies_end_at_the_limit() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        assert_defused(Bomb::of(coding), "--max-body-size 1MiB", LIMIT);
    }
}

#[test]
fn encoded_bodies_that_are_dropped_have_a_limit_too() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        assert_defused(Bomb::of(coding), "--var discard=yes", MOST_COUNTED);
    }
}

#[test]
fn a_body_as_it_is_ends_at_the_limit() {
    let bomb = Bomb { coding: None, start: Vec::new(), block: vec![0] };
    assert_defused(bomb, "--max-body-size 1MiB", LIMIT);
}

#[test]
fn chunked_bodies_end_at_the_limit() {
    let server = Scripted::bad(|peer, _| {
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            peer.send(b"10\r\n0123456789abcdef\r\n".repeat(1000))?;
        }
    });
    let program = asks(&server, "/bad").with("--max-body-size 1MiB");
    assert_fails(program, &Outcome::too_large(LIMIT, &RECEIVED));
}

/// The server sends nothing of what it announces: the client does not wait for it.
#[test]
fn announced_bodies_are_not_waited_for() {
    let server = Scripted::bad(|peer, _| {
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")?;
        peer.wait_for_end()
    });
    let program = asks(&server, "/bad").with("--max-body-size 1MiB");
    assert_fails(program, &Outcome::too_large(LIMIT, &RECEIVED));
    // Without the flag there is a limit as well.
    assert_fails(asks(&server, "/bad"), &Outcome::too_large(64 << 20, &RECEIVED));
}
