//! The head of a response, and what it says about the body behind it (RFC 9112, section 6).

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

use crate::http::decode::Coding;
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
    pub(super) coding: Coding,
    /// Whether the connection may serve another request.
    pub(super) keep_alive: bool,
    pub(super) sets_cookies: bool,
}

/// Parses a head at the beginning of the data; none where its end isn't there yet. `without_body` says that the
/// request's method has responses without bodies.
///
/// # Errors
/// [`Error::Protocol`] for what is not a response, or says two things about where its body ends.
pub(super) fn parse(data: &[u8], without_body: bool) -> Result<Option<Head>, Error> {
    match parse_up_to::<USUAL_HEADERS>(data, without_body) {
        Ok(head) => head,
        Err(TooManyHeaders) => parse_long(data, without_body),
    }
}

#[cold]
#[inline(never)]
fn parse_long(data: &[u8], without_body: bool) -> Result<Option<Head>, Error> {
    parse_up_to::<MAX_HEADERS>(data, without_body).unwrap_or_else(|TooManyHeaders| {
        Err(Error::protocol(format!("the response has more than {MAX_HEADERS} headers")))
    })
}

/// There was no room for all headers.
struct TooManyHeaders;

fn parse_up_to<const N: usize>(data: &[u8], without_body: bool) -> Result<Result<Option<Head>, Error>, TooManyHeaders> {
    let mut headers = [MaybeUninit::<Header<'_>>::uninit(); N];
    let mut response = httparse::Response::new(&mut []);
    match ParserConfig::default().parse_response_with_uninit_headers(&mut response, data, &mut headers) {
        Err(httparse::Error::TooManyHeaders) => Err(TooManyHeaders),
        parsed => Ok(read(parsed, &response, without_body)),
    }
}

fn read(
    parsed: httparse::Result<usize>,
    response: &httparse::Response<'_, '_>,
    without_body: bool,
) -> Result<Option<Head>, Error> {
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(error) => return Err(Error::protocol(format!("not an HTTP response: {error}"))),
    };
    let (Some(status @ 100..), Some(minor_version)) = (response.code, response.version) else {
        return Err(Error::protocol("not an HTTP response: a status below 100"));
    };
    let mut fields = Fields::new(minor_version >= 1);
    for header in response.headers.iter() {
        fields.read(header)?;
    }
    let (framing, keep_alive) = if without_body || status < 200 || status == 204 || status == 304 {
        (Framing::Length(0), fields.keep_alive())
    } else {
        fields.framing()
    };
    Ok(Some(Head { status, length, framing, coding: fields.coding, keep_alive, sets_cookies: fields.sets_cookies }))
}

/// What the headers said so far.
struct Fields {
    http_1_1: bool,
    close: bool,
    persist: bool,
    length: Option<u64>,
    /// Whether the last transfer coding is `chunked`; none without a transfer coding.
    chunked_last: Option<bool>,
    coding: Coding,
    sets_cookies: bool,
}

impl Fields {
    fn new(http_1_1: bool) -> Self {
        Fields {
            http_1_1,
            close: false,
            persist: false,
            length: None,
            chunked_last: None,
            coding: Coding::Identity,
            sets_cookies: false,
        }
    }

    fn read(&mut self, header: &Header<'_>) -> Result<(), Error> {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        match header.name.len() {
            10 if is("connection") => {
                self.close |= has_token(header.value, b"close");
                self.persist |= has_token(header.value, b"keep-alive");
            }
            10 if is("set-cookie") => self.sets_cookies = true,
            14 if is("content-length") => self.read_length(header.value)?,
            16 if is("content-encoding") => {
                // Bytes in a coding that isn't decoded here, or in several, are handed over as they came.
                let first = self.coding == Coding::Identity;
                self.coding = Coding::parse(header.value).filter(|_| first).unwrap_or(Coding::Identity);
            }
            17 if is("transfer-encoding") => {
                let last = header.value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                self.chunked_last = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
            }
            _ => {}
        }
        Ok(())
    }

    /// A length may be said several times, if it is the same each time.
    fn read_length(&mut self, value: &[u8]) -> Result<(), Error> {
        for part in value.split(|byte| *byte == b',') {
            let length = parse_decimal(part.trim_ascii())
                .ok_or_else(|| Error::protocol("the response's content-length is not a number"))?;
            if self.length.is_some_and(|known| known != length) {
                return Err(Error::protocol("the response has two different content-lengths"));
            }
            self.length = Some(length);
        }
        Ok(())
    }

    fn keep_alive(&self) -> bool {
        !self.close && (self.http_1_1 || self.persist)
    }

    fn framing(&self) -> (Framing, bool) {
        match (self.chunked_last, self.length) {
            // A length beside a transfer coding, or a transfer coding in HTTP/1.0, smells of a confused peer: what
            // comes behind the body is not to be trusted.
            (Some(true), length) => (Framing::Chunked, self.keep_alive() && self.http_1_1 && length.is_none()),
            (None, Some(length)) => (Framing::Length(length), self.keep_alive()),
            (Some(false), _) | (None, None) => (Framing::UntilClose, false),
        }
    }
}

fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
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
            ("HTTP/1.1 200 OK\ntransfer-encoding: gzip\ntransfer-encoding: Chunked", Framing::Chunked, true),
            ("HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked", Framing::Chunked, true),
            ("HTTP/1.1 200 OK\ntransfer-encoding: chunked, gzip", Framing::UntilClose, false),
            ("HTTP/1.1 200 OK\ncontent-length: 5\ntransfer-encoding: chunked", Framing::Chunked, false),
            ("HTTP/1.0 200 OK\nconnection: keep-alive\ntransfer-encoding: chunked", Framing::Chunked, false),
            ("HTTP/1.1 200 OK", Framing::UntilClose, false),
            ("HTTP/1.1 200 OK\ncontent-length: 5\nConnection: Upgrade, Close", Framing::Length(5), false),
            ("HTTP/1.0 200 OK\ncontent-length: 5", Framing::Length(5), false),
            ("HTTP/1.0 200 OK\ncontent-length: 5\nconnection: Keep-Alive", Framing::Length(5), true),
            ("HTTP/1.1 204 None\ncontent-length: 5", Framing::Length(0), true),
            ("HTTP/1.1 304 Same\ntransfer-encoding: chunked", Framing::Length(0), true),
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
            "HTTP/1.1 200 OK\na: b\n folded",
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
    fn notes_cookies_and_codings() {
        let head_of = |line: &str| head(&format!("HTTP/1.1 200 OK\n{line}")).expect(line);
        assert!(head_of("Set-Cookie: a=b").sets_cookies);
        assert!(!head_of("cookie: a=b").sets_cookies);
        assert_eq!(head_of("content-encoding: gzip").coding, Coding::Gzip);
        assert_eq!(head_of("content-encoding: br").coding, Coding::Identity);
        assert_eq!(head_of("content-encoding: gzip\ncontent-encoding: gzip").coding, Coding::Identity);
    }
}
