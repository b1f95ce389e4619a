//! The `deflate` coding: zlib's format (RFC 1950), or the bare stream (RFC 1951) that some servers send instead.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Codec, Step};

/// The most streams that a thread keeps for the next bodies, each of some 43 KB.
const MAX_IDLE: usize = 16;

thread_local! {
    /// Streams that no body uses. Making one takes as much of the stack as it has memory, and stacks belong to virtual
    /// users; starting one anew takes none.
    static IDLE: RefCell<Vec<Decompress>> = const { RefCell::new(Vec::new()) };
}

pub(super) struct Deflate {
    stream: Inflate,
    ended: bool,
}

impl Deflate {
    /// Decides by the first byte whether zlib's header is there: its low half is 8, which no encoder begins a bare
    /// stream with (it would be a stored block whose padding isn't zero).
    pub(super) fn new(first: u8) -> Self {
        Deflate { stream: Inflate::new(first & 0x0f == 8), ended: false }
    }
}

impl Codec for Deflate {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Option<Step> {
        if self.ended {
            return Some(Step { read: 0, written: 0 });
        }
        let (step, ended) = self.stream.step(input, output)?;
        self.ended = ended;
        Some(step)
    }

    fn is_complete(&self) -> bool {
        self.ended
    }
}

/// A stream being decoded.
pub(super) struct Inflate(Option<Decompress>);

impl Inflate {
    pub(super) fn new(zlib: bool) -> Self {
        let idle = IDLE.with_borrow_mut(Vec::pop);
        let mut stream = Inflate(Some(idle.unwrap_or_else(|| Decompress::new(zlib))));
        stream.reset(zlib);
        stream
    }

    /// Makes ready for another stream.
    pub(super) fn reset(&mut self, zlib: bool) {
        if let Some(state) = &mut self.0 {
            state.reset(zlib);
        }
    }

    /// One step, and whether the stream ended in it; none where it is corrupt.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Option<(Step, bool)> {
        let state = self.0.as_mut()?;
        let (read, written) = (state.total_in(), state.total_out());
        let status = state.decompress(input, output, FlushDecompress::None).ok()?;
        // Both are at most the slices' lengths.
        let step = Step { read: (state.total_in() - read) as usize, written: (state.total_out() - written) as usize };
        Some((step, status == Status::StreamEnd))
    }
}

impl Drop for Inflate {
    fn drop(&mut self) {
        let Some(state) = self.0.take() else { return };
        // At the thread's end the list may be gone already.
        let _ = IDLE.try_with(|idle| {
            let mut idle = idle.borrow_mut();
            if idle.len() < MAX_IDLE {
                idle.push(state);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_used_again_up_to_a_bound() {
        let idle = || IDLE.with_borrow(Vec::len);
        for _ in 0..3 {
            drop(Inflate::new(true));
            assert_eq!(idle(), 1);
        }
        let streams: Vec<_> = (0..MAX_IDLE + 2).map(|_| Inflate::new(false)).collect();
        assert_eq!(idle(), 0);
        drop(streams);
        assert_eq!(idle(), MAX_IDLE);
    }

    #[test]
    fn a_stream_that_failed_is_as_good_as_new() {
        let (mut output, empty) = ([0; 10], [3, 0]);
        let mut stream = Inflate::new(true);
        assert!(stream.step(b"no zlib", &mut output).is_none());
        drop(stream);
        let (step, ended) = Inflate::new(false).step(&empty, &mut output).expect("an empty bare stream");
        assert_eq!((step.read, step.written, ended), (2, 0, true));
    }
}
