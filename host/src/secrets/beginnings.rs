//! Where in a text a pattern can begin at all: so few places of most texts that no pattern need be tried at the others.

use super::escapes;
use super::pattern::Pattern;

/// Patterns by the bytes that they can begin with.
#[derive(Clone, Default)]
pub(super) struct Beginnings {
    /// For each byte, which patterns can begin with it. Empty where there are no patterns.
    patterns: Vec<Vec<usize>>,
    /// For each byte, which others it can begin a pattern with, escaped or not.
    pairs: Vec<ByteSet>,
}

impl Beginnings {
    pub(super) fn new(patterns: &[Pattern]) -> Beginnings {
        if patterns.is_empty() {
            return Beginnings::default();
        }
        let escapes = ByteSet::new(escapes::begin_with);
        let mut pairs = vec![ByteSet::default(); 256];
        for pattern in patterns {
            let seconds = ByteSet::new(|byte| pattern.goes_on_with(byte)).with(escapes);
            for first in (0..=u8::MAX).filter(|byte| pattern.begins_with(*byte)) {
                let pairs = &mut pairs[usize::from(first)];
                *pairs = pairs.with(seconds);
            }
        }
        for first in (0..=u8::MAX).filter(|byte| escapes::begin_with(*byte)) {
            pairs[usize::from(first)] = ByteSet::new(|_| true);
        }
        let beginning = |byte: u8| (0..patterns.len()).filter(|index| patterns[*index].begins_with(byte)).collect();
        Beginnings { patterns: (0..=u8::MAX).map(beginning).collect(), pairs }
    }

    /// The first place from `start` on where a pattern can begin.
    pub(super) fn next(&self, text: &[u8], start: usize) -> Option<usize> {
        if self.patterns.is_empty() || start >= text.len() {
            return None;
        }
        let can_begin = |pair: &[u8]| self.pairs[usize::from(pair[0])].contains(pair[1]);
        // The last byte has none behind it that could tell.
        Some(text[start..].windows(2).position(can_begin).map_or(text.len() - 1, |skipped| start + skipped))
    }

    /// The patterns that can begin with that byte, unescaped.
    pub(super) fn with(&self, byte: u8) -> &[usize] {
        &self.patterns[usize::from(byte)]
    }
}

/// Some of the 256 bytes.
#[derive(Clone, Copy, Default)]
struct ByteSet([u64; 4]);

impl ByteSet {
    fn new(has: impl Fn(u8) -> bool) -> ByteSet {
        let mut set = ByteSet::default();
        for byte in (0..=u8::MAX).filter(|byte| has(*byte)) {
            set.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        set
    }

    fn with(self, other: ByteSet) -> ByteSet {
        ByteSet(std::array::from_fn(|index| self.0[index] | other.0[index]))
    }

    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }
}
