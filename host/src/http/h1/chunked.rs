//! The chunked transfer coding (RFC 9112, section 7.1), as it comes in.

use crate::http::error::Error;

/// The most bytes of chunk extensions and trailers in one body; they are read and dropped.
const MAX_EXTRAS: usize = 64 * 1024;

/// Where in the coding the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    SizeStart,
    Size,
    /// In blanks behind a size.
    SizeBlank,
    Extension,
    /// Behind the CR of a size line.
    SizeEnd,
    Data,
    /// Behind a chunk's data, before its CR.
    DataCr,
    DataLf,
    /// Behind the size of the last chunk.
    TrailerStart,
    TrailerName,
    Trailer,
    TrailerLf,
    /// Behind a trailer, which the next line may continue.
    TrailerNext,
    /// Behind the CR of the empty line that ends the body.
    LastLf,
    Done,
}

/// Decodes one body.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// The size being read, then what is left of the chunk.
    left: u64,
    extras: usize,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Chunked { state: State::SizeStart, left: 0, extras: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Hands the data of chunks on and says how many bytes were taken: all, until the body ends among them.
    ///
    /// # Errors
    /// [`Error::Protocol`] for malformed chunks, and whatever `write` returns.
    pub(super) fn feed(
        &mut self,
        data: &[u8],
        mut write: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let mut at = 0;
        while at < data.len() && self.state != State::Done {
            if self.state == State::Data {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(data.len() - at);
                write(&data[at..at + length])?;
                at += length;
                self.left -= length as u64;
                if self.left == 0 {
                    self.state = State::DataCr;
                }
            } else {
                self.state = self.step(data[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// The state behind one byte that is not a chunk's data.
    fn step(&mut self, byte: u8) -> Result<State, Error> {
        let next = match (self.state, byte) {
            (State::SizeStart | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.left = self.left.checked_mul(16).ok_or_else(malformed)? + hexadecimal(byte);
                State::Size
            }
            (State::Size | State::SizeBlank, b';') => State::Extension,
            (State::Size | State::SizeBlank, b' ' | b'\t') => self.extra(State::SizeBlank)?,
            (State::Size | State::SizeBlank | State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, _) if byte != b'\n' => self.extra(State::Extension)?,
            (State::SizeEnd, b'\n') if self.left == 0 => State::TrailerStart,
            (State::SizeEnd, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::SizeStart,
            (State::TrailerStart | State::TrailerNext, b'\r') => State::LastLf,
            (State::TrailerNext, b' ' | b'\t') => self.extra(State::Trailer)?,
            (State::TrailerStart | State::TrailerNext | State::TrailerName, _) if is_name(byte) => {
                self.extra(State::TrailerName)?
            }
            (State::TrailerName, b':') => self.extra(State::Trailer)?,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::Trailer, _) if byte != b'\n' => self.extra(State::Trailer)?,
            (State::TrailerLf, b'\n') => State::TrailerNext,
            (State::LastLf, b'\n') => State::Done,
            _ => return Err(malformed()),
        };
        Ok(next)
    }

    fn extra(&mut self, state: State) -> Result<State, Error> {
        self.extras += 1;
        if self.extras > MAX_EXTRAS {
            return Err(Error::protocol("chunk extensions or trailers are too long"));
        }
        Ok(state)
    }
}

/// Whether a header's name may have that byte (RFC 9110, section 5.6.2).
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn hexadecimal(digit: u8) -> u64 {
    u64::from(match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A') + 10,
    })
}

fn malformed() -> Error {
    Error::protocol("malformed chunk")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, usize, bool), Error> {
        let (mut body, mut taken, mut chunked) = (Vec::new(), 0, Chunked::new());
        for piece in pieces {
            taken += chunked.feed(piece, |data| {
                body.extend_from_slice(data);
                Ok(())
            })?;
        }
        Ok((body, taken, chunked.is_done()))
    }

    #[test]
    fn decodes_wherever_it_is_cut() {
        let wire = b"4;a=\"b\"\r\nWiki\r\n00B \t;c\r\npedia in ch\r\n0\r\nsum: 1\r\nx: y\r\n\tz\r\n\r\n";
        for cut in 0..=wire.len() {
            let (one, two) = wire.split_at(cut);
            let decoded = decode(&[one, two]).expect("well formed");
            assert_eq!(decoded, (b"Wikipedia in ch".to_vec(), wire.len(), true), "cut at {cut}");
        }
    }

    #[test]
    fn stops_at_the_end_of_the_body() {
        let decoded = decode(&[b"1\r\na\r\n0\r\n\r\nHTTP/1.1"]).expect("well formed");
        assert_eq!(decoded, (b"a".to_vec(), 11, true));
        assert!(!decode(&[b"1\r\na\r\n0\r\n"]).expect("well formed so far").2);
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for wire in [
            &b"\r\n"[..],
            b"x\r\n",
            b"-1\r\n",
            b";a\r\n",
            b"1\na\r\n",
            b"1\r\nab\r\n",
            b"1\r\na\n0\r\n",
            b"0\r\na\n",
            b"1;a\nb",
            b"1\r\r",
            b"11111111111111111\r\n",
            b"0\r\n\rx",
            b"1 1\r\na\r\n",
            b"0\r\nno colon\r\n\r\n",
            b"0\r\n: no name\r\n\r\n",
            b"0\r\n folded: too early\r\n\r\n",
            b"0\r\na: b\n\r\n",
        ] {
            assert_eq!(decode(&[wire]), Err(malformed()), "{:?}", String::from_utf8_lossy(wire));
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let fill = vec![b'a'; MAX_EXTRAS + 1];
        for start in [&b"1;"[..], b"0\r\n"] {
            assert!(decode(&[start, &fill[1..]]).is_ok());
            assert!(decode(&[start, &fill]).is_err());
        }
    }

    #[test]
    fn the_largest_size_is_read() {
        let mut chunked = Chunked::new();
        chunked.feed(b"ffffffffffffffff\r\n", |_| Ok(())).expect("fits 64 bits");
        assert_eq!(chunked.left, u64::MAX);
    }
}
