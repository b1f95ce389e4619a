//! The `br` coding (RFC 7932), with windows of at most 16 MiB: the larger ones are no part of the content coding.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Codec, Step};

pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    ended: bool,
}

impl Brotli {
    pub(super) fn new() -> Self {
        let alloc = StandardAlloc::default;
        // `new` would take large windows too.
        Brotli { state: BrotliState::new_strict(alloc(), alloc(), alloc()), ended: false }
    }
}

impl Codec for Brotli {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Option<Step> {
        let mut step = Step { read: 0, written: 0 };
        if self.ended {
            return Some(step);
        }
        let result = BrotliDecompressStream(
            &mut input.len(),
            &mut step.read,
            input,
            &mut output.len(),
            &mut step.written,
            output,
            &mut 0,
            &mut self.state,
        );
        self.ended = matches!(result, BrotliResult::ResultSuccess);
        (!matches!(result, BrotliResult::ResultFailure)).then_some(step)
    }

    fn is_complete(&self) -> bool {
        self.ended
    }
}
