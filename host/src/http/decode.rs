//! Content codings: from the bytes of a body as framed to the bytes that the guest sees, in bounded memory.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use super::error::Error;

/// A content coding that this client decodes. `br` and `zstd` would join here, and in what [`Coding::ACCEPTED`] asks
/// for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    /// Meant to be zlib's format; some servers send the bare stream under that name.
    Deflate,
}

impl Coding {
    /// The value of `accept-encoding`.
    pub(super) const ACCEPTED: &'static str = "gzip, deflate";

    /// The coding of a `content-encoding` value; none where it isn't one that is decoded here, or several.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        if value.eq_ignore_ascii_case(b"gzip") || value.eq_ignore_ascii_case(b"x-gzip") {
            Some(Coding::Gzip)
        } else if value.eq_ignore_ascii_case(b"deflate") {
            Some(Coding::Deflate)
        } else if value.is_empty() || value.eq_ignore_ascii_case(b"identity") {
            Some(Coding::Identity)
        } else {
            None
        }
    }
}

/// Where decoded bytes end: kept behind what is there already, or counted only.
#[derive(Debug, Default)]
pub(super) struct Sink {
    /// The response's head and, where it is kept, its body.
    pub(super) bytes: Vec<u8>,
    /// The body's size so far.
    pub(super) size: u64,
    /// The largest body to keep; none where it is only counted.
    pub(super) limit: Option<u64>,
}

impl Sink {
    fn push(&mut self, data: &[u8]) -> Result<(), Error> {
        self.size += data.len() as u64;
        if let Some(limit) = self.limit {
            if self.size > limit {
                return Err(Error::BodyTooLarge(limit));
            }
            self.bytes.extend_from_slice(data);
        }
        Ok(())
    }

    fn overflow(&self) -> Option<Error> {
        self.limit.filter(|limit| self.size > *limit).map(Error::BodyTooLarge)
    }
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.push(data).map_err(io::Error::other)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decodes one body into its sink.
#[derive(Debug)]
pub(super) enum Decoder {
    Identity(Sink),
    /// A coded body without a byte so far. Without any it is an empty body, as many servers mean it.
    Undecided(Coding, Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
    Deflate(Box<Inflate>),
}

impl Decoder {
    pub(super) fn new(coding: Coding, sink: Sink) -> Self {
        match coding {
            Coding::Identity => Decoder::Identity(sink),
            Coding::Gzip | Coding::Deflate => Decoder::Undecided(coding, sink),
        }
    }

    /// # Errors
    /// [`Error::BodyTooLarge`] where the sink is full, [`Error::Protocol`] for a corrupt body.
    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        match self {
            Decoder::Identity(sink) => sink.push(data),
            _ => self.write_coded(data),
        }
    }

    // Not inlined: decoders want a deep stack, and the stacks that this runs on belong to virtual users, each with one of
    // its own whose touched pages stay resident.
    #[inline(never)]
    fn write_coded(&mut self, data: &[u8]) -> Result<(), Error> {
        match self {
            Decoder::Identity(sink) => sink.push(data),
            Decoder::Undecided(coding, sink) => {
                let Some(first) = data.first() else { return Ok(()) };
                *self = match coding {
                    Coding::Deflate => Decoder::Deflate(Box::new(Inflate::new(*first, std::mem::take(sink)))),
                    _ => Decoder::Gzip(Box::new(MultiGzDecoder::new(std::mem::take(sink)))),
                };
                self.write_coded(data)
            }
            Decoder::Gzip(decoder) => {
                decoder.write_all(data).map_err(|_| decoder.get_ref().overflow().unwrap_or_else(|| corrupt("gzip")))
            }
            Decoder::Deflate(decoder) => decoder.write(data),
        }
    }

    /// The sink, once the body has ended.
    ///
    /// # Errors
    /// As [`Decoder::write`], and for a body that ended before its coding did.
    pub(super) fn finish(self) -> Result<Sink, Error> {
        match self {
            Decoder::Identity(sink) | Decoder::Undecided(_, sink) => Ok(sink),
            Decoder::Gzip(mut decoder) => match decoder.try_finish() {
                Ok(()) => Ok(std::mem::take(decoder.get_mut())),
                Err(_) => Err(decoder.get_ref().overflow().unwrap_or_else(|| corrupt("gzip"))),
            },
            Decoder::Deflate(decoder) => decoder.finish(),
        }
    }
}

/// How much is decoded at a time.
const OUTPUT_BYTES: usize = 16 << 10;

/// The `deflate` coding. `flate2`'s own writer takes a body that was cut short for a whole one.
#[derive(Debug)]
pub(super) struct Inflate {
    state: Decompress,
    sink: Sink,
    /// What a call decodes goes through here; on the heap, and gone with the body.
    output: Vec<u8>,
    ended: bool,
}

impl Inflate {
    /// Decides by the first byte whether zlib's header is there: its low half is 8, which no encoder begins a bare
    /// stream with (it would be a stored block whose padding isn't zero).
    fn new(first: u8, sink: Sink) -> Self {
        Inflate { state: Decompress::new(first & 0x0f == 8), sink, output: vec![0; OUTPUT_BYTES], ended: false }
    }

    fn write(&mut self, mut data: &[u8]) -> Result<(), Error> {
        while !self.ended {
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(data, &mut self.output, FlushDecompress::None);
            let status = status.map_err(|_| corrupt("deflate"))?;
            let read = (self.state.total_in() - read) as usize;
            let written = (self.state.total_out() - written) as usize;
            data = &data[read..];
            self.sink.push(&self.output[..written])?;
            self.ended = status == Status::StreamEnd;
            if read == 0 && written == 0 {
                break;
            }
        }
        if data.is_empty() { Ok(()) } else { Err(corrupt("deflate")) }
    }

    fn finish(self) -> Result<Sink, Error> {
        if self.ended { Ok(self.sink) } else { Err(corrupt("deflate")) }
    }
}

fn corrupt(coding: &str) -> Error {
    Error::protocol(format!("the {coding} body is corrupt or cut short"))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn text() -> Vec<u8> {
        (0..40_000_u32).flat_map(|number| number.to_le_bytes()).collect()
    }

    fn encoded(plain: &[u8]) -> [(Coding, Vec<u8>); 3] {
        let level = Compression::default();
        let mut gzip = GzEncoder::new(Vec::new(), level);
        let mut zlib = ZlibEncoder::new(Vec::new(), level);
        let mut bare = DeflateEncoder::new(Vec::new(), level);
        for writer in [&mut gzip as &mut dyn Write, &mut zlib, &mut bare] {
            writer.write_all(plain).expect("a vector takes all");
        }
        let done = "a vector takes all";
        [
            (Coding::Gzip, gzip.finish().expect(done)),
            (Coding::Deflate, zlib.finish().expect(done)),
            (Coding::Deflate, bare.finish().expect(done)),
        ]
    }

    fn sink(limit: Option<u64>) -> Sink {
        Sink { limit, ..Sink::default() }
    }

    fn decode(coding: Coding, body: &[u8], piece: usize, limit: Option<u64>) -> Result<Sink, Error> {
        let mut decoder = Decoder::new(coding, sink(limit));
        for piece in body.chunks(piece) {
            decoder.write(piece)?;
        }
        decoder.finish()
    }

    #[test]
    fn decodes_in_pieces_of_any_size() {
        let plain = text();
        for (coding, body) in encoded(&plain) {
            for piece in [1, 7, 1000, body.len()] {
                let sink = decode(coding, &body, piece, Some(1 << 20)).expect("a sound body");
                assert!(sink.bytes == plain, "{coding:?} in pieces of {piece}");
                assert_eq!(sink.size, plain.len() as u64);
            }
        }
    }

    #[test]
    fn counts_without_keeping() {
        let plain = text();
        for (coding, body) in encoded(&plain) {
            let sink = decode(coding, &body, 1000, None).expect("a sound body");
            assert_eq!((sink.size, sink.bytes.capacity()), (plain.len() as u64, 0));
        }
    }

    #[test]
    fn the_limit_holds_for_decoded_bytes_in_flat_memory() {
        let limit = 10_000;
        for (coding, body) in encoded(&vec![0; 2 << 20]) {
            assert!(body.len() < 10_000, "a bomb is small");
            let mut decoder = Decoder::new(coding, sink(Some(limit)));
            assert_eq!(decoder.write(&body), Err(Error::BodyTooLarge(limit)));
            let kept = match &decoder {
                Decoder::Gzip(decoder) => decoder.get_ref(),
                Decoder::Deflate(decoder) => &decoder.sink,
                other => panic!("{other:?}"),
            };
            assert!(kept.bytes.len() as u64 <= limit);
        }
        assert_eq!(decode(Coding::Identity, &[0; 11], 4, Some(10)).err(), Some(Error::BodyTooLarge(10)));
        assert!(decode(Coding::Identity, &[0; 10], 4, Some(10)).is_ok());
    }

    #[test]
    fn a_limit_of_exactly_the_size_is_enough() {
        let plain = text();
        for (coding, body) in encoded(&plain) {
            let size = plain.len() as u64;
            assert!(decode(coding, &body, 1000, Some(size)).is_ok());
            assert_eq!(decode(coding, &body, 1000, Some(size - 1)).err(), Some(Error::BodyTooLarge(size - 1)));
        }
    }

    #[test]
    fn bodies_cut_short_or_with_more_behind_are_corrupt() {
        for (coding, body) in encoded(&text()) {
            for length in [1, 5, 11, body.len() / 2, body.len() - 1] {
                let cut = decode(coding, &body[..length], 1000, None);
                assert!(matches!(cut, Err(Error::Protocol(_))), "{coding:?} cut to {length}: {cut:?}");
            }
            let longer = [&body[..], b"garbage behind it"].concat();
            let longer = decode(coding, &longer, longer.len(), None);
            assert!(matches!(longer, Err(Error::Protocol(_))), "{coding:?}: {longer:?}");
        }
    }

    #[test]
    fn an_empty_body_is_empty_in_every_coding() {
        for coding in [Coding::Identity, Coding::Gzip, Coding::Deflate] {
            assert_eq!(decode(coding, b"", 1, Some(0)).expect("empty").size, 0);
        }
    }

    #[test]
    fn gzip_members_follow_each_other() {
        let [(coding, member), ..] = encoded(b"twice ");
        let sink = decode(coding, &member.repeat(2), 3, Some(100)).expect("two members");
        assert_eq!(sink.bytes, b"twice twice ");
    }

    #[test]
    fn codings_are_told_by_name() {
        assert_eq!(Coding::parse(b" GZip "), Some(Coding::Gzip));
        assert_eq!(Coding::parse(b"deflate"), Some(Coding::Deflate));
        assert_eq!(Coding::parse(b"identity"), Some(Coding::Identity));
        assert_eq!(Coding::parse(b"br"), None);
        assert_eq!(Coding::parse(b"gzip, gzip"), None);
    }
}
