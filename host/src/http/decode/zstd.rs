//! The `zstd` coding (RFC 8878): frames behind each other, of which skippable ones are skipped.

use std::io;

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::{Codec, Step};

/// The largest window that the content coding has, 8 MiB, as a power of two (RFC 9659).
const WINDOW_LOG: u32 = 23;

pub(super) struct Zstd {
    decoder: Decoder<'static>,
    /// At the end of a frame.
    complete: bool,
}

impl Zstd {
    /// # Errors
    /// Where there is no memory for it.
    pub(super) fn new() -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Zstd { decoder, complete: false })
    }
}

impl Codec for Zstd {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Option<Step> {
        let status = self.decoder.run_on_buffers(input, output).ok()?;
        let step = Step { read: status.bytes_read, written: status.bytes_written };
        // Behind a frame's end, a step without input says how much of another frame it would like to see.
        let waits = step.read == 0 && step.written == 0;
        self.complete = status.remaining == 0 || (waits && self.complete);
        Some(step)
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}
