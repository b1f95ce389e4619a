//! The bound on what is done to find the secrets of one text.

/// What may be done for any text, in bytes compared.
const LEAST: usize = 2 << 20;

/// What may be done beyond that for each byte of a text. Usual texts take a few.
const PER_BYTE: usize = 128;

/// What one reading of an escape takes, in bytes compared.
const READING: usize = 16;

/// The most readings side by side: far more than of any text that isn't written to have many.
const MAX_READINGS: usize = 512;

/// What may still be done for one text.
///
/// A secret that repeats itself is found almost everywhere in a text that repeats the same: nearly the whole secret is
/// compared at each byte, and where that is an escape, in each of its readings. Whoever writes the text must not be
/// able to hold up the run by it.
pub(super) struct Effort {
    left: usize,
}

impl Effort {
    pub(super) fn for_text(text: &[u8]) -> Effort {
        Effort { left: LEAST + text.len() * PER_BYTE }
    }

    /// Counts so many bytes compared.
    pub(super) fn compared(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// Counts one reading of an escape, beside which there are so many others.
    pub(super) fn read(&mut self, others: usize) {
        self.compared(if others < MAX_READINGS { READING } else { self.left });
    }

    /// Whether nothing more may be done.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0
    }
}
