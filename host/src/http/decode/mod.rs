//! Content codings: from the bytes of a body as framed to the bytes that the guest sees, in bounded memory.
//!
//! A body passes through one [`Stage`] for each coding, the last applied first, and ends in a [`Sink`]. A stage decodes
//! in steps of at most [`OUTPUT_BYTES`], and bounds are checked at each, so a small body that decodes to a huge one
//! costs no more memory than the bound allows.

mod brotli;
mod deflate;
mod gzip;
#[cfg(test)]
mod tests;
mod zstd;

use std::fmt;

use super::error::Error;
use brotli::Brotli;
use deflate::Deflate;
use gzip::Gzip;
use zstd::Zstd;

/// A content coding that this client decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    /// Meant to be zlib's format; some servers send the bare stream under that name.
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The value of `accept-encoding`.
    pub(super) const ACCEPTED: &'static str = "gzip, deflate, br, zstd";

    fn parse(name: &[u8]) -> Option<Self> {
        const NAMES: [(&[u8], Coding); 5] = [
            (b"gzip", Coding::Gzip),
            (b"x-gzip", Coding::Gzip),
            (b"deflate", Coding::Deflate),
            (b"br", Coding::Brotli),
            (b"zstd", Coding::Zstd),
        ];
        NAMES.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, coding)| coding)
    }

    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "brotli",
            Coding::Zstd => "zstd",
        }
    }
}

/// The codings of one body, in the order in which they were applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codings {
    /// Those that are undone; none at all for a body that is not coded.
    Known([Option<Coding>; Codings::MAX]),
    /// One that isn't known here, or more than are undone: the body is handed over as it came.
    Opaque,
}

impl Codings {
    /// A response that was compressed by mistake a second time is not rare; a third coding is an attack.
    const MAX: usize = 2;

    pub(super) const NONE: Codings = Codings::Known([None; Codings::MAX]);

    /// Those that all `content-encoding` values together say.
    pub(super) fn of<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        values.into_iter().fold(Codings::NONE, Codings::and)
    }

    /// These, and behind them those that one more `content-encoding` value says.
    pub(super) fn and(self, value: &[u8]) -> Self {
        let is_coding = |name: &&[u8]| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity");
        let names = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(is_coding);
        names.fold(self, |codings, name| codings.and_one(Coding::parse(name)))
    }

    fn and_one(self, coding: Option<Coding>) -> Self {
        let (Codings::Known(mut list), Some(coding)) = (self, coding) else { return Codings::Opaque };
        match list.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(coding),
            None => return Codings::Opaque,
        }
        Codings::Known(list)
    }

    /// Whether the body is handed over as it is framed.
    pub(super) fn is_identity(self) -> bool {
        self == Codings::NONE || self == Codings::Opaque
    }
}

/// The most that is set aside for a body because its head announces it; beyond that, memory follows what arrives.
const MAX_RESERVE: u64 = 256 * 1024;

/// The most that a coded body decodes to where it is counted only, in bytes: that costs no memory, but the time of a
/// thread that others wait for, and a few bytes of a coding may stand for gigabytes.
const MAX_COUNTED: u64 = 256 << 20;

/// Where decoded bytes end: kept behind what is there already, or counted only.
#[derive(Debug, Default)]
pub(super) struct Sink {
    /// The response's head and, where it is kept, its body.
    pub(super) bytes: Vec<u8>,
    /// The body's size so far.
    pub(super) size: u64,
    /// The largest body, in bytes.
    limit: u64,
    keep: bool,
}

impl Sink {
    /// For the body behind that head, of the announced size in bytes, as coded; 0 where none is announced. The limit is
    /// that of a body to keep, none for one to count.
    ///
    /// # Errors
    /// [`Error::BodyTooLarge`] where the announced size says so beforehand.
    pub(super) fn new(head: &[u8], announced: u64, codings: Codings, limit: Option<u64>) -> Result<Self, Error> {
        let identity = codings.is_identity();
        let (keep, limit) = (limit.is_some(), limit.unwrap_or(if identity { u64::MAX } else { MAX_COUNTED }));
        // What is coded may be of any size before it is decoded.
        check_size(if identity { announced } else { 0 }, limit)?;
        let reserve = if keep { announced.min(MAX_RESERVE) } else { 0 };
        let mut bytes = Vec::with_capacity(head.len() + usize::try_from(reserve).unwrap_or_default());
        bytes.extend_from_slice(head);
        Ok(Sink { bytes, size: 0, limit, keep })
    }

    /// What grew by doubling is cut back where that frees a good part of it.
    pub(super) fn trimmed(mut self) -> Self {
        if self.bytes.capacity() > self.bytes.len() + self.bytes.len() / 4 + 256 {
            self.bytes.shrink_to_fit();
        }
        self
    }

    fn push(&mut self, data: &[u8]) -> Result<(), Error> {
        self.size += data.len() as u64;
        check_size(self.size, self.limit)?;
        if self.keep {
            self.bytes.extend_from_slice(data);
        }
        Ok(())
    }
}

fn check_size(size: u64, limit: u64) -> Result<(), Error> {
    if size > limit { Err(Error::BodyTooLarge(limit)) } else { Ok(()) }
}

/// Decodes one body into its sink.
#[derive(Debug)]
pub(super) enum Decoder {
    Identity(Sink),
    /// A coded body without a byte so far. Without any it is an empty body, as many servers mean it.
    Undecided(Coding, Box<Decoder>),
    Coded(Box<Stage>),
}

impl Decoder {
    pub(super) fn new(codings: Codings, sink: Sink) -> Self {
        let identity = Decoder::Identity(sink);
        match codings {
            Codings::Opaque => identity,
            // The one applied last is undone first, so it goes outermost.
            Codings::Known(list) => list
                .into_iter()
                .flatten()
                .fold(identity, |decoder, coding| Decoder::Undecided(coding, Box::new(decoder))),
        }
    }

    /// # Errors
    /// [`Error::BodyTooLarge`] where the sink is full, [`Error::Protocol`] for a corrupt body.
    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        match self {
            Decoder::Identity(sink) => sink.push(data),
            Decoder::Undecided(..) => self.begin(data),
            Decoder::Coded(stage) => stage.write(data),
        }
    }

    #[inline(never)]
    fn begin(&mut self, data: &[u8]) -> Result<(), Error> {
        let (Decoder::Undecided(coding, next), Some(first)) = (&mut *self, data.first()) else { return Ok(()) };
        let next = std::mem::replace(&mut **next, Decoder::Identity(Sink::default()));
        let mut stage = Stage::new(*coding, *first, next)?;
        let written = stage.write(data);
        *self = Decoder::Coded(stage);
        written
    }

    /// The sink, once the body has ended.
    ///
    /// # Errors
    /// [`Error::Protocol`] for a body that ended before its coding did.
    pub(super) fn finish(self) -> Result<Sink, Error> {
        match self {
            Decoder::Identity(sink) => Ok(sink),
            Decoder::Undecided(_, next) => next.finish(),
            Decoder::Coded(stage) => stage.finish(),
        }
    }
}

/// How much is decoded at a time.
const OUTPUT_BYTES: usize = 16 << 10;

/// What a coding may make of what is coded again within it: that much, in bytes, and then so many times of what it took.
/// What is coded already hardly shrinks once more, but much of it may decode to nothing and so reach no other bound.
const MAX_BETWEEN: u64 = 1 << 20;
const MAX_GROWTH: u64 = 32;

/// What one step of a codec took and gave, in bytes.
struct Step {
    read: usize,
    written: usize,
}

/// A coding being undone, step by step.
trait Codec: Send {
    /// Takes some of the input, and gives some output, until it needs more of one of them or the body has ended; none
    /// where the body is corrupt. A step that neither takes nor gives anything is the last for this input.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Option<Step>;

    /// Whether the body may end here.
    fn is_complete(&self) -> bool;
}

/// One coding of a body, and where what it decodes goes.
pub(super) struct Stage {
    coding: Coding,
    codec: Box<dyn Codec>,
    /// What a step decodes goes through here; on the heap, and gone with the body.
    output: Vec<u8>,
    taken: u64,
    given: u64,
    next: Decoder,
}

impl fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stage").field("coding", &self.coding).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Stage {
    fn new(coding: Coding, first: u8, next: Decoder) -> Result<Box<Self>, Error> {
        let codec: Box<dyn Codec> = match coding {
            Coding::Gzip => Box::new(Gzip::new()),
            Coding::Deflate => Box::new(Deflate::new(first)),
            Coding::Brotli => Box::new(Brotli::new()),
            Coding::Zstd => Box::new(Zstd::new().map_err(|error| Error::Other(error.to_string().into()))?),
        };
        Ok(Box::new(Stage { coding, codec, output: vec![0; OUTPUT_BYTES], taken: 0, given: 0, next }))
    }

    // Not inlined: decoders want a deep stack, and the stacks that this runs on belong to virtual users, each with one of
    // its own whose touched pages stay resident.
    #[inline(never)]
    fn write(&mut self, mut data: &[u8]) -> Result<(), Error> {
        loop {
            let step = self.codec.step(data, &mut self.output).ok_or_else(|| self.corrupt())?;
            if step.read == 0 && step.written == 0 {
                break;
            }
            data = &data[step.read..];
            self.taken += step.read as u64;
            self.given += step.written as u64;
            if !matches!(self.next, Decoder::Identity(_)) && self.given > MAX_BETWEEN + MAX_GROWTH * self.taken {
                return Err(Error::protocol("the body is coded twice, and grows too much in between"));
            }
            self.next.write(&self.output[..step.written])?;
        }
        if data.is_empty() { Ok(()) } else { Err(self.corrupt()) }
    }

    fn finish(self) -> Result<Sink, Error> {
        if self.codec.is_complete() { self.next.finish() } else { Err(self.corrupt()) }
    }

    fn corrupt(&self) -> Error {
        Error::protocol(format!("the {} body is corrupt or cut short", self.coding.name()))
    }
}
