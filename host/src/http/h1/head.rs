//! The head of a response, and what it says about the body behind it (RFC 9112, section 6).

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};
use memchr::memchr_iter;

use crate::http::decode::Codings;
use crate::http::error::Error;

/// The most headers that a response may have.
const MAX_HEADERS: usize = 128;

/// As many as most responses have. Room for them is on the stack, of which each virtual user has one of its own: every
/// page that a deep call touches there is resident for good.
const USUAL_HEADERS: usize = 24;

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After that many bytes.
    Length(u64),
    /// After the chunk of size 0.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// What a head says that matters to the client. The rest stays in the head's bytes until it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// The head's size in bytes, with the empty line that ends it.
    pub(super) length: usize,
    pub(super) framing: Framing,
    pub(super) codings: Codings,
    /// Whether the connection may serve another request.
    pub(super) keep_alive: bool,
    pub(super) sets_cookies: bool,
    /// Whether a header goes on over several lines, which [`unfold`] makes one of.
    pub(super) folded: bool,
}

/// Parses a head at the beginning of the data; none where its end isn't there yet. `without_body` says that the
/// request's method has responses without bodies.
///
/// # Errors
/// [`Error::Protocol`] for what is not a response, or says two things about where its body ends.
pub(super) fn parse(data: &[u8], without_body: bool) -> Result<Option<Head>, Error> {
    let parsed = match parse_up_to::<USUAL_HEADERS>(&ParserConfig::default(), data, without_body) {
        // A line that goes on begins like a header with a malformed name.
        Err(httparse::Error::TooManyHeaders | httparse::Error::HeaderName) => parse_unusual(data, without_body),
        parsed => parsed,
    };
    match parsed {
        Ok(Status::Complete(head)) => head.map(Some),
        Ok(Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            Err(Error::protocol(format!("the response has more than {MAX_HEADERS} headers")))
        }
        Err(error) => Err(Error::protocol(format!("not an HTTP response: {error}"))),
    }
}

/// Parses a head with many headers, or with folded ones.
#[cold]
#[inline(never)]
fn parse_unusual(data: &[u8], without_body: bool) -> httparse::Result<Result<Head, Error>> {
    let mut config = ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let parsed = parse_up_to::<MAX_HEADERS>(&config, data, without_body)?;
    let fold = |head: Head| Head { folded: folds(&data[..head.length]).next().is_some(), ..head };
    Ok(match parsed {
        Status::Complete(head) => Status::Complete(head.map(fold)),
        Status::Partial => Status::Partial,
    })
}

fn parse_up_to<const N: usize>(
    config: &ParserConfig,
    data: &[u8],
    without_body: bool,
) -> httparse::Result<Result<Head, Error>> {
    let mut headers = [MaybeUninit::<Header<'_>>::uninit(); N];
    let mut response = httparse::Response::new(&mut []);
    let parsed = config.parse_response_with_uninit_headers(&mut response, data, &mut headers)?;
    Ok(match parsed {
        Status::Complete(length) => Status::Complete(read(length, &response, without_body)),
        Status::Partial => Status::Partial,
    })
}

/// Where a line of a head ends that goes on in the next one.
fn folds(head: &[u8]) -> impl Iterator<Item = usize> {
    memchr_iter(b'\n', head).filter(|end| matches!(head.get(end + 1), Some(b' ' | b'\t')))
}

/// Replaces the ends of lines that go on by spaces, as a user agent has to (RFC 9112, section 5.2).
pub(super) fn unfold(head: &mut [u8]) {
    let ends: Vec<usize> = folds(head).collect();
    for end in ends {
        head[end] = b' ';
        // Never the first byte: a status line does not go on.
        if head[end - 1] == b'\r' {
            head[end - 1] = b' ';
        }
    }
}

fn read(length: usize, response: &httparse::Response<'_, '_>, without_body: bool) -> Result<Head, Error> {
    let (Some(status @ 100..), Some(minor_version)) = (response.code, response.version) else {
        return Err(Error::protocol("not an HTTP response: a status below 100"));
    };
    let mut fields = Fields::new(minor_version >= 1);
    for header in response.headers.iter() {
        fields.read(header);
    }
    let (framing, keep_alive) = if without_body || status < 200 || status == 204 || status == 304 {
        (Framing::Length(0), fields.keep_alive())
    } else {
        fields.framing()?
    };
    let Fields { codings, sets_cookies, .. } = fields;
    Ok(Head { status, length, framing, codings, keep_alive, sets_cookies, folded: false })
}

/// What the headers said so far.
struct Fields {
    http_1_1: bool,
    close: bool,
    persist: bool,
    /// The length that was said, or what is wrong with it. That matters only where the body ends by it.
    length: Result<Option<u64>, &'static str>,
    transfer: Transfer,
    codings: Codings,
    sets_cookies: bool,
}

/// The transfer codings of a body. None but `chunked` was asked for, so no other has to be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transfer {
    /// No header says any.
    Unsaid,
    /// A header says that there is none.
    Identity,
    Chunked,
    Unasked,
}

impl Fields {
    fn new(http_1_1: bool) -> Self {
        Fields {
            http_1_1,
            close: false,
            persist: false,
            length: Ok(None),
            transfer: Transfer::Unsaid,
            codings: Codings::NONE,
            sets_cookies: false,
        }
    }

    fn read(&mut self, header: &Header<'_>) {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        match header.name.len() {
            10 if is("connection") => {
                self.close |= has_token(header.value, b"close");
                self.persist |= has_token(header.value, b"keep-alive");
            }
            10 if is("set-cookie") => self.sets_cookies = true,
            14 if is("content-length") => {
                self.length = self.length.and_then(|known| read_length(known, header.value));
            }
            16 if is("content-encoding") => self.codings = self.codings.and(header.value),
            17 if is("transfer-encoding") => {
                self.transfer = items(header.value).fold(self.transfer, Transfer::and);
            }
            _ => {}
        }
    }

    fn keep_alive(&self) -> bool {
        !self.close && (self.http_1_1 || self.persist)
    }

    /// # Errors
    /// [`Error::Protocol`] where it can't be known how the body ends, or what it is.
    fn framing(&self) -> Result<(Framing, bool), Error> {
        match (self.transfer, self.length) {
            // A length beside a transfer coding, or a transfer coding in HTTP/1.0, smells of a confused peer: what
            // comes behind the body is not to be trusted.
            (Transfer::Chunked, length) => {
                Ok((Framing::Chunked, self.keep_alive() && self.http_1_1 && length == Ok(None)))
            }
            (Transfer::Unsaid, Ok(Some(length))) => Ok((Framing::Length(length), self.keep_alive())),
            (Transfer::Unsaid, Err(reason)) => Err(Error::protocol(reason)),
            (Transfer::Identity, _) | (Transfer::Unsaid, Ok(None)) => Ok((Framing::UntilClose, false)),
            (Transfer::Unasked, _) => Err(Error::protocol(
                "the response has a transfer-encoding that was not asked for; only chunked is read",
            )),
        }
    }
}

impl Transfer {
    /// These codings, and behind them one more.
    fn and(self, name: &[u8]) -> Self {
        let none_so_far = matches!(self, Transfer::Unsaid | Transfer::Identity);
        match self {
            Transfer::Unsaid if name.is_empty() => Transfer::Identity,
            _ if name.is_empty() => self,
            _ if none_so_far && name.eq_ignore_ascii_case(b"chunked") => Transfer::Chunked,
            _ if none_so_far && name.eq_ignore_ascii_case(b"identity") => Transfer::Identity,
            _ => Transfer::Unasked,
        }
    }
}

/// A length may be said several times, if it is the same each time.
fn read_length(mut known: Option<u64>, value: &[u8]) -> Result<Option<u64>, &'static str> {
    for item in items(value) {
        let length = parse_decimal(item).ok_or("the response's content-length is not a number")?;
        if known.is_some_and(|known| known != length) {
            return Err("the response has two different content-lengths");
        }
        known = Some(length);
    }
    Ok(known)
}

/// The items of a list, some perhaps empty.
fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn has_token(list: &[u8], token: &[u8]) -> bool {
    items(list).any(|item| item.eq_ignore_ascii_case(token))
}

/// Digits only: no sign, no space.
fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &str) -> Result<Head, Error> {
        let text = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
        parse(text.as_bytes(), false).map(|head| head.expect("the head is complete"))
    }

    #[test]
    fn framing_follows_the_headers() {
        let cases = [
            ("HTTP/1.1 200 OK\ncontent-length: 5", Framing::Length(5), true),
            ("HTTP/1.1 200 OK\nContent-Length: 5, 5\ncontent-length:5", Framing::Length(5), true),
            ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", Framing::Chunked, true),
            ("HTTP/1.1 200 OK\ntransfer-encoding: identity\ntransfer-encoding: , Chunked,", Framing::Chunked, true),
            ("HTTP/1.1 200 OK\ntransfer-encoding: identity\ncontent-length: 5", Framing::UntilClose, false),
            ("HTTP/1.1 200 OK\ntransfer-encoding: chunked\ncontent-length: x", Framing::Chunked, false),
            ("HTTP/1.1 200 OK\ncontent-length: 5\ntransfer-encoding: chunked", Framing::Chunked, false),
            ("HTTP/1.0 200 OK\nconnection: keep-alive\ntransfer-encoding: chunked", Framing::Chunked, false),
            ("HTTP/1.1 200 OK", Framing::UntilClose, false),
            ("HTTP/1.1 200 OK\ncontent-length: 5\nConnection: Upgrade, Close", Framing::Length(5), false),
            ("HTTP/1.0 200 OK\ncontent-length: 5", Framing::Length(5), false),
            ("HTTP/1.0 200 OK\ncontent-length: 5\nconnection: Keep-Alive", Framing::Length(5), true),
            ("HTTP/1.1 204 None\ncontent-length: 5", Framing::Length(0), true),
            ("HTTP/1.1 304 Same\ntransfer-encoding: chunked", Framing::Length(0), true),
            ("HTTP/1.1 204 None\ncontent-length: 5, 6", Framing::Length(0), true),
            ("HTTP/1.1 100 Continue", Framing::Length(0), true),
        ];
        for (lines, framing, keep_alive) in cases {
            let head = head(lines).expect(lines);
            assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{lines}");
        }
    }

    #[test]
    fn responses_to_head_have_no_body() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        let head = parse(text, true).expect("valid").expect("complete");
        assert_eq!((head.framing, head.keep_alive), (Framing::Length(0), true));
    }

    #[test]
    fn nonsense_is_refused() {
        let too_many = format!("HTTP/1.1 200 OK{}", "\na: b".repeat(MAX_HEADERS + 1));
        for lines in [
            "HTTP/1.1 200 OK\ncontent-length: 5\ncontent-length: 6",
            "HTTP/1.1 200 OK\ncontent-length: 5, 6",
            "HTTP/1.1 200 OK\ncontent-length: +5",
            "HTTP/1.1 200 OK\ncontent-length:",
            "HTTP/1.1 200 OK\ncontent-length: 99999999999999999999",
            "HTTP/1.1 200 OK\na b: c",
            "HTTP/1.1 200 OK\n folded: before any",
            "HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked",
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked, identity",
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked;a=b",
            "HTTP/1.1 099 Low",
            "HTTP/2.0 200 OK",
            "SSH-2.0-OpenSSH_9.9",
            &too_many,
        ] {
            assert!(matches!(head(lines), Err(Error::Protocol(_))), "{lines}");
        }
    }

    #[test]
    fn a_head_may_have_as_many_headers_as_the_bound() {
        let lines = format!("HTTP/1.1 200 OK{}", "\na: b".repeat(MAX_HEADERS));
        assert_eq!(head(&lines).expect("in bounds").status, 200);
    }

    #[test]
    fn folded_lines_are_read_as_one() {
        let folded = head("HTTP/1.1 200 OK\ncontent-length:\n 5,\n\t5\na: b\n \nc: d").expect("folded");
        assert_eq!((folded.framing, folded.folded), (Framing::Length(5), true));
        let many = head(&format!("HTTP/1.1 200 OK{}", "\na: b".repeat(USUAL_HEADERS + 1))).expect("in bounds");
        assert!(!many.folded);

        let mut text = *b"HTTP/1.1 200 OK\r\na: b\r\n c: d\n\te\r\nf:\r\n\r\n";
        unfold(&mut text);
        assert_eq!(text, *b"HTTP/1.1 200 OK\r\na: b   c: d \te\r\nf:\r\n\r\n");
    }

    #[test]
    fn notes_cookies_and_codings() {
        let head_of = |line: &str| head(&format!("HTTP/1.1 200 OK\n{line}")).expect(line);
        assert!(head_of("Set-Cookie: a=b").sets_cookies);
        assert!(!head_of("cookie: a=b").sets_cookies);
        let is_identity = |line: &str| head_of(line).codings.is_identity();
        assert!(!is_identity("content-encoding: gzip"));
        assert!(is_identity("content-encoding: compress"));
        let twice = head_of("content-encoding: br\nContent-Encoding: gzip");
        assert_eq!(twice.codings, head_of("content-encoding: br, gzip").codings);
    }
}
