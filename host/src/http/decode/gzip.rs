//! The `gzip` coding (RFC 1952): members behind each other, each a header, a bare deflate stream and a trailer.

use flate2::Crc;

use super::deflate::Inflate;
use super::{Codec, Step};

/// What a header's flags announce. The lowest says that the data is text, which changes nothing.
const CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Where in a member the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the part of fixed size, behind that many bytes.
    Fixed(u8),
    /// In the size of the extra field, behind that many bytes of it.
    ExtraSize(u8),
    /// In the extra field, with that many bytes to come.
    Extra(u16),
    Name,
    Comment,
    /// In the header's checksum, behind that many bytes.
    Checksum(u8),
    Data,
    /// Behind that many bytes of the trailer.
    Trailer(u8),
}

pub(super) struct Gzip {
    state: State,
    flags: u8,
    /// The number being read, its lowest byte first.
    number: u64,
    /// Over the header, then over the data.
    checksum: Crc,
    data: Inflate,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Gzip { state: State::Fixed(0), flags: 0, number: 0, checksum: Crc::new(), data: Inflate::new(false) }
    }

    /// Takes a byte of a header or trailer; none where it can't stand there.
    fn frame(&mut self, byte: u8) -> Option<()> {
        if !matches!(self.state, State::Checksum(_) | State::Trailer(_)) {
            self.checksum.update(&[byte]);
        }
        self.state = match self.state {
            State::Fixed(at) => self.fixed(at, byte)?,
            State::ExtraSize(at) => match self.read_number(at, byte, 2) {
                None => State::ExtraSize(at + 1),
                Some(0) => self.behind(EXTRA),
                // Two bytes.
                Some(size) => State::Extra(size as u16),
            },
            State::Extra(1) => self.behind(EXTRA),
            State::Extra(left) => State::Extra(left - 1),
            State::Name if byte == 0 => self.behind(NAME),
            State::Comment if byte == 0 => self.behind(COMMENT),
            State::Checksum(at) => match self.read_number(at, byte, 2) {
                None => State::Checksum(at + 1),
                Some(sum) if sum == u64::from(self.checksum.sum() & 0xffff) => self.behind(CHECKSUM),
                Some(_) => return None,
            },
            State::Trailer(at) => match self.read_number(at, byte, 8) {
                None => State::Trailer(at + 1),
                Some(trailer) => self.end_member(trailer)?,
            },
            State::Name | State::Comment | State::Data => self.state,
        };
        Some(())
    }

    fn fixed(&mut self, at: u8, byte: u8) -> Option<State> {
        let fits = match at {
            0 => byte == 0x1f,
            1 => byte == 0x8b,
            // The one method that there is.
            2 => byte == 8,
            3 => byte & RESERVED == 0,
            _ => true,
        };
        if at == 3 {
            self.flags = byte;
        }
        let next = if at < 9 { State::Fixed(at + 1) } else { self.behind(0) };
        fits.then_some(next)
    }

    /// What stands behind the part of a header with that flag; 0 is the part of fixed size.
    fn behind(&mut self, part: u8) -> State {
        const PARTS: [(u8, State); 3] = [(EXTRA, State::ExtraSize(0)), (NAME, State::Name), (COMMENT, State::Comment)];
        if part != CHECKSUM {
            if let Some((_, state)) = PARTS.into_iter().find(|(flag, _)| *flag > part && self.flags & flag != 0) {
                return state;
            }
            if self.flags & CHECKSUM != 0 {
                return State::Checksum(0);
            }
        }
        self.checksum.reset();
        State::Data
    }

    /// The number of that many bytes, once its last is there.
    fn read_number(&mut self, at: u8, byte: u8, size: u8) -> Option<u64> {
        self.number |= u64::from(byte) << (8 * at);
        (at + 1 == size).then(|| std::mem::take(&mut self.number))
    }

    /// Compares the checksum, then the size, and makes ready for another member.
    fn end_member(&mut self, trailer: u64) -> Option<State> {
        let expected = u64::from(self.checksum.sum()) | u64::from(self.checksum.amount()) << 32;
        self.checksum.reset();
        self.data.reset(false);
        (trailer == expected).then_some(State::Fixed(0))
    }
}

impl Codec for Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Option<Step> {
        let mut read = 0;
        loop {
            if self.state == State::Data {
                let (step, ended) = self.data.step(&input[read..], output)?;
                self.checksum.update(&output[..step.written]);
                read += step.read;
                if !ended {
                    return Some(Step { read, written: step.written });
                }
                self.state = State::Trailer(0);
                if step.written > 0 {
                    return Some(Step { read, written: step.written });
                }
            }
            let Some(byte) = input.get(read) else { return Some(Step { read, written: 0 }) };
            self.frame(*byte)?;
            read += 1;
        }
    }

    fn is_complete(&self) -> bool {
        self.state == State::Fixed(0)
    }
}
