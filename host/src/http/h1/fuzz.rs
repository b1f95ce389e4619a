//! What fuzzing does with an input: anything that a server could send, through the [`Reader`]. Nothing may panic or
//! hang, bounds hold, and it doesn't matter how the bytes are cut.

use super::reader::{Reader, Rules};
use crate::http::error::Error;
use crate::http::exchange::Response;

/// What an input begins with: flags, then the sizes of the first three pieces, less one; they repeat until the end.
const PREFIX: usize = 4;

/// To HEAD.
const WITHOUT_BODY: u8 = 1;
const SMALL_HEAD: u8 = 2;
const SMALL_BODY: u8 = 4;
/// The body is counted and not kept.
const COUNTED: u8 = 8;

/// Reads what is behind an input's prefix, under the rules and in the pieces that the prefix says.
///
/// # Panics
/// Where something is wrong with what comes of it.
pub(crate) fn check(input: &[u8]) {
    let Some(([flags, sizes @ ..], wire)) = input.split_first_chunk::<PREFIX>() else { return };
    let rules = rules(*flags);
    let whole = read(rules, [wire]);
    let pieces = read(rules, Pieces { rest: wire, sizes: sizes.iter().cycle() });
    assert!(alike(&whole, &pieces), "whole: {whole:?}\nin pieces: {pieces:?}");
    if let Ok((response, _)) = &whole {
        check_response(response, rules);
    }
}

fn rules(flags: u8) -> Rules {
    let has = |flag| flags & flag != 0;
    let max_body_bytes = if has(SMALL_BODY) { 100 } else { 1 << 20 };
    Rules {
        without_body: has(WITHOUT_BODY),
        max_head_bytes: if has(SMALL_HEAD) { 100 } else { 64 << 10 },
        max_body_bytes: (!has(COUNTED)).then_some(max_body_bytes),
    }
}

/// What comes of the pieces, and whether the connection may be used again.
fn read<'a>(rules: Rules, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(Response, bool), Error> {
    let mut reader = Reader::new(rules);
    let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
    while let Some(piece) = pieces.next() {
        if reader.feed(piece)? {
            let (response, keep_alive) = reader.finish()?;
            // A connection with bytes that nobody asked for is found out when it is to be used again.
            return Ok((response, keep_alive && pieces.next().is_none()));
        }
    }
    reader.end()?;
    reader.finish()
}

/// Whether two outcomes are the same. A body that is both corrupt and too large may be found to be either, since what is
/// corrupt ends a step that would have been too large.
fn alike(one: &Result<(Response, bool), Error>, other: &Result<(Response, bool), Error>) -> bool {
    let expected = |error: &Error| matches!(error, Error::Protocol(_) | Error::BodyTooLarge(_));
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => expected(one) && expected(other),
        _ => false,
    }
}

fn check_response(response: &Response, rules: Rules) {
    assert!((200..1000).contains(&response.status()));
    let body = response.body().len();
    match rules.max_body_bytes {
        Some(limit) => assert!(body as u64 <= limit && body as u64 == response.body_size()),
        None => assert_eq!(body, 0),
    }
    let held = rules.max_head_bytes + body;
    assert!(response.capacity() <= held + held / 4 + 256, "{} bytes for {held}", response.capacity());
    for (name, value) in response.headers() {
        assert!(!name.is_empty() && !name.contains(['\r', '\n', ':']), "{name:?}");
        assert!(!value.contains(['\r', '\n']), "{value:?}");
        assert!(response.header(name).is_some(), "{name}");
    }
}

/// Bytes in pieces of the sizes that an input says.
struct Pieces<'a, I> {
    rest: &'a [u8],
    sizes: I,
}

impl<'a, I: Iterator<Item = &'a u8>> Iterator for Pieces<'a, I> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let size = 1 + usize::from(*self.sizes.next()?);
        let (piece, rest) = self.rest.split_at(size.min(self.rest.len()));
        self.rest = rest;
        (!piece.is_empty()).then_some(piece)
    }
}
