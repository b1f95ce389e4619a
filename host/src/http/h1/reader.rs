//! One response, as a machine that bytes are fed to: no streams, no waiting.

use memchr::memchr;

use super::chunked::Chunked;
use super::head::{self, Framing, Head};
use crate::http::decode::{Decoder, Sink};
use crate::http::error::Error;
use crate::http::exchange::Response;

/// What a response is read under.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Rules {
    /// The request's method has responses without bodies.
    pub(in crate::http) without_body: bool,
    /// The bound on a head, in bytes.
    pub(in crate::http) max_head_bytes: usize,
    /// The bound on a decoded body, in bytes; none where the body is counted and dropped.
    pub(in crate::http) max_body_bytes: Option<u64>,
}

/// A response on its way in.
#[derive(Debug)]
pub(super) struct Reader {
    rules: Rules,
    /// The part of a head that came without the rest; empty in the usual case of a head that comes whole.
    partial: Vec<u8>,
    /// Bytes of interim responses; they count towards the bound on heads.
    interim: usize,
    body: Option<Body>,
}

#[derive(Debug)]
struct Body {
    head: Head,
    progress: Progress,
    decoder: Decoder,
    /// Bytes came behind the end of the response.
    excess: bool,
}

#[derive(Debug)]
enum Progress {
    Left(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Reader {
    pub(super) fn new(rules: Rules) -> Self {
        Reader { rules, partial: Vec::new(), interim: 0, body: None }
    }

    /// Takes the next bytes in and says whether the response is complete.
    ///
    /// # Errors
    /// [`Error::Protocol`] for what is not a response, [`Error::BodyTooLarge`].
    pub(super) fn feed(&mut self, data: &[u8]) -> Result<bool, Error> {
        match &mut self.body {
            Some(body) => body.feed(data),
            None if self.partial.is_empty() => self.feed_head(data),
            None => {
                self.partial.extend_from_slice(data);
                // No line ended, so no head did.
                if memchr(b'\n', data).is_none() {
                    return self.check_head_size(self.partial.len()).map(|()| false);
                }
                let partial = std::mem::take(&mut self.partial);
                self.feed_head(&partial)
            }
        }
    }

    fn feed_head(&mut self, mut data: &[u8]) -> Result<bool, Error> {
        while !data.is_empty() {
            let Some(head) = head::parse(data, self.rules.without_body)? else {
                self.check_head_size(data.len())?;
                self.partial = data.to_vec();
                return Ok(false);
            };
            self.check_head_size(head.length)?;
            let (head_bytes, rest) = data.split_at(head.length);
            match head.status {
                101 => return Err(Error::protocol("the server switched to another protocol")),
                100..200 => {
                    self.interim += head.length;
                    data = rest;
                }
                _ => return self.body.insert(Body::new(head, head_bytes, self.rules)?).feed(rest),
            }
        }
        Ok(false)
    }

    fn check_head_size(&self, size: usize) -> Result<(), Error> {
        if self.interim + size <= self.rules.max_head_bytes {
            return Ok(());
        }
        Err(Error::protocol(format!("the response's head is larger than {} bytes", self.rules.max_head_bytes)))
    }

    /// The connection ended. Whether that completes the response.
    ///
    /// # Errors
    /// [`Error::Protocol`] where it doesn't.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        match &self.body {
            Some(Body { progress: Progress::UntilClose, .. }) => Ok(()),
            Some(_) => Err(Error::protocol("the connection was closed within the response's body")),
            None if self.partial.is_empty() => Err(Error::protocol("the connection was closed without a response")),
            None => Err(Error::protocol("the connection was closed within the response's head")),
        }
    }

    /// The complete response, and whether the connection may serve another request.
    ///
    /// # Errors
    /// [`Error::Protocol`] for a body whose content coding did not end.
    pub(super) fn finish(self) -> Result<(Response, bool), Error> {
        let body = self.body.ok_or_else(|| Error::protocol("the response has no head"))?;
        let keep_alive = body.head.keep_alive && !body.excess;
        let sink = body.decoder.finish()?.trimmed();
        let Head { status, length, sets_cookies, .. } = body.head;
        Ok((Response::new(status, sink.bytes, length, sink.size, sets_cookies), keep_alive))
    }
}

impl Body {
    fn new(head: Head, head_bytes: &[u8], rules: Rules) -> Result<Self, Error> {
        let (progress, announced) = match head.framing {
            Framing::Length(length) => (Progress::Left(length), length),
            Framing::Chunked => (Progress::Chunked(Chunked::new()), 0),
            Framing::UntilClose => (Progress::UntilClose, 0),
        };
        let mut sink = Sink::new(head_bytes, announced, head.codings, rules.max_body_bytes)?;
        if head.folded {
            head::unfold(&mut sink.bytes);
        }
        Ok(Body { head, progress, decoder: Decoder::new(head.codings, sink), excess: false })
    }

    fn feed(&mut self, data: &[u8]) -> Result<bool, Error> {
        let (taken, complete) = match &mut self.progress {
            Progress::Left(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(data.len());
                self.decoder.write(&data[..length])?;
                *left -= length as u64;
                (length, *left == 0)
            }
            Progress::Chunked(chunked) => {
                let decoder = &mut self.decoder;
                let taken = chunked.feed(data, |piece| decoder.write(piece))?;
                (taken, chunked.is_done())
            }
            Progress::UntilClose => {
                self.decoder.write(data)?;
                (data.len(), false)
            }
        };
        self.excess = taken < data.len();
        Ok(complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { without_body: false, max_head_bytes: 1000, max_body_bytes: Some(1000) };

    /// Feeds the pieces, then the connection's end where they did not complete the response.
    fn read(pieces: &[&[u8]], rules: Rules) -> Result<(Response, bool), Error> {
        let mut reader = Reader::new(rules);
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            if reader.feed(piece)? {
                return reader.finish();
            }
        }
        reader.end()?;
        reader.finish()
    }

    /// Responses, each with its status, body and whether the connection lives on.
    fn corpus() -> Vec<(&'static [u8], u16, &'static [u8], bool)> {
        vec![
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", true),
            (b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200, b"", true),
            (b"\r\nHTTP/1.1 200 OK\ncontent-length: 1\n\nx", 200, b"x", true),
            (
                b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n\
                3\r\nabc\r\n0\r\nt: v\r\n\r\n",
                404,
                b"abc",
                true,
            ),
            (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end", false),
            (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", false),
            (b"HTTP/1.1 204 No Content\r\ncontent-length: 7\r\n\r\n", 204, b"", true),
            (b"HTTP/1.1 304 Not Modified\r\netag: a\r\n\r\n", 304, b"", true),
            (
                b"HTTP/1.1 100 Continue\r\n\r\n\
                HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n\
                HTTP/1.1 201 Made\r\ncontent-length: 1\r\n\r\n1",
                201,
                b"1",
                true,
            ),
        ]
    }

    #[test]
    fn reads_wherever_the_bytes_are_cut() {
        for (wire, status, body, keep_alive) in corpus() {
            for one in 0..=wire.len() {
                for two in one..=wire.len() {
                    let pieces = [&wire[..one], &wire[one..two], &wire[two..]];
                    let (response, kept) = read(&pieces, RULES).expect("well formed");
                    assert_eq!(response.status(), status);
                    assert_eq!(response.body(), body, "cut at {one} and {two}");
                    assert_eq!(kept, keep_alive);
                }
            }
            let bytes: Vec<&[u8]> = wire.chunks(1).collect();
            assert_eq!(read(&bytes, RULES).expect("well formed").0.body(), body);
        }
    }

    #[test]
    fn what_is_cut_short_is_no_response() {
        for (wire, _, _, keep_alive) in corpus() {
            let until_close = !keep_alive && wire.starts_with(b"HTTP/1.1");
            let limit = if until_close { b"HTTP/1.1 200 OK\r\n\r\n".len() } else { wire.len() };
            for length in 0..limit {
                let cut = read(&[&wire[..length]], RULES);
                assert!(matches!(cut, Err(Error::Protocol(_))), "{length} of {wire:?}: {cut:?}");
            }
        }
    }

    #[test]
    fn bytes_behind_the_response_end_the_connection() {
        let wire = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok!";
        let (response, keep_alive) = read(&[wire], RULES).expect("well formed");
        assert_eq!((response.body(), keep_alive), (&b"ok"[..], false));
    }

    #[test]
    fn bodies_are_bounded_before_they_arrive_and_as_they_do() {
        let rules = Rules { max_body_bytes: Some(3), ..RULES };
        for wire in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nabcd",
        ] {
            assert_eq!(read(&[wire], rules).err(), Some(Error::BodyTooLarge(3)));
        }
        let counted = Rules { max_body_bytes: None, ..RULES };
        let (response, _) = read(&[b"HTTP/1.1 200 OK\r\n\r\nabcd"], counted).expect("not bounded");
        assert_eq!((response.body(), response.body_size()), (&b""[..], 4));
    }

    #[test]
    fn an_announced_size_sets_no_memory_aside_beyond_a_bound() {
        let rules = Rules { max_body_bytes: Some(u64::MAX), ..RULES };
        let mut reader = Reader::new(rules);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", u64::MAX);
        assert_eq!(reader.feed(head.as_bytes()), Ok(false));
        let Some(Body { decoder: Decoder::Identity(sink), .. }) = reader.body else { panic!("no coding") };
        assert!(sink.bytes.capacity() < 1 << 20);
    }

    #[test]
    fn heads_are_bounded_however_they_arrive() {
        let line = format!("a: {}\r\n", "b".repeat(95));
        let endless = format!("HTTP/1.1 200 OK\r\n{}", line.repeat(20));
        let interim = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(50);
        let one_line = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(2000));
        for wire in [endless, interim, one_line] {
            for size in [1, 100, wire.len()] {
                let pieces: Vec<&[u8]> = wire.as_bytes().chunks(size).collect();
                let Err(Error::Protocol(text)) = read(&pieces, RULES) else { panic!("took {wire}") };
                assert!(text.contains("1000 bytes"), "{text}");
            }
        }
    }

    #[test]
    fn folded_headers_are_one_line_each() {
        let wire = b"HTTP/1.1 200 OK\r\nset-cookie: a=b;\r\n path: no\r\nnext:\r\n\tone\r\ncontent-length: 0\r\n\r\n";
        let (response, _) = read(&[wire], RULES).expect("well formed");
        let headers: Vec<_> = response.headers().collect();
        let expected = [("set-cookie", "a=b;   path: no"), ("next", "one"), ("content-length", "0")];
        assert_eq!(headers, expected.map(|(name, value)| (name, value.into())));
    }

    #[test]
    fn switching_protocols_is_refused() {
        assert!(matches!(read(&[b"HTTP/1.1 101 Switching\r\n\r\n"], RULES), Err(Error::Protocol(_))));
    }

    #[test]
    fn memory_that_grew_by_doubling_is_cut_back() {
        let mut reader = Reader::new(Rules { max_body_bytes: Some(1 << 20), ..RULES });
        assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\n\r\n"), Ok(false));
        for _ in 0..70 {
            assert_eq!(reader.feed(&[b'x'; 1000]), Ok(false));
        }
        let (response, _) = reader.finish().expect("ends with the connection");
        assert!(response.capacity() < 70_000 + 70_000 / 4 + 1000, "{}", response.capacity());
    }
}
