//! The memory of one virtual user's guest: its linear memories and tables.

use wasmtime::ResourceLimiter;

/// What an element of a table takes, in bytes.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// Bounds a guest's memory, and remembers that it asked for more.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    limit: usize,
    /// What all its memories and tables have together, in bytes.
    total: usize,
    /// What they had when the instance was made, in bytes; none while it is being made.
    start: Option<usize>,
    denied: Option<Denied>,
}

/// Why a guest was denied memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Denied {
    /// The bound, in bytes.
    pub(super) limit: usize,
    /// What its instance started with, in bytes; none where it had not been made yet.
    pub(super) start: Option<usize>,
}

impl MemoryLimiter {
    /// For a guest that may have so many bytes.
    pub(super) fn new(limit: usize) -> MemoryLimiter {
        MemoryLimiter { limit, total: 0, start: None, denied: None }
    }

    /// The instance is made: what it has now is what it starts with.
    pub(super) fn made(&mut self) {
        self.start = Some(self.total);
    }

    /// Why a request for more was denied, if one was.
    pub(super) fn denied(&self) -> Option<Denied> {
        self.denied
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: usize) -> bool {
        if desired > maximum {
            // It would fail, and not for want of memory.
            return false;
        }
        let total = self.total.saturating_sub(current).saturating_add(desired);
        let allowed = total <= self.limit;
        if allowed {
            self.total = total;
        } else {
            self.denied = Some(Denied { limit: self.limit, start: self.start });
        }
        allowed
    }
}

// What was allowed and fails all the same stays counted: that is the system's want of memory. wasmtime tells of failures
// too for which it did not ask, so who took back the last growth at each could be made to take back others.
impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, maximum.unwrap_or(usize::MAX)))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| elements.saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(self.grow(bytes(current), bytes(desired), maximum.map_or(usize::MAX, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_and_tables_together_have_one_bound() {
        let mut memory = MemoryLimiter::new(100);
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(!memory.memory_growing(0, 50, None).unwrap());
        assert_eq!(memory.denied(), Some(Denied { limit: 100, start: None }));
        memory.made();
        assert!(memory.memory_growing(60, 70, None).unwrap());
        assert!(memory.table_growing(0, 3, None).unwrap());
        assert!(!memory.table_growing(3, 4, None).unwrap());
        assert!(!memory.table_growing(3, usize::MAX, None).unwrap());
        assert_eq!(memory.denied(), Some(Denied { limit: 100, start: Some(60) }));
    }

    #[test]
    fn what_could_not_grow_takes_nothing() {
        let mut memory = MemoryLimiter::new(100);
        assert!(!memory.memory_growing(0, 90, Some(50)).unwrap());
        assert!(!memory.table_growing(0, 4, Some(3)).unwrap());
        assert!(memory.memory_growing(0, 90, None).unwrap());
        assert_eq!(memory.denied(), None);
    }

    #[test]
    fn failures_give_nothing_back() {
        let mut memory = MemoryLimiter::new(100);
        for _ in 0..2 {
            // As for a growth by more than an address can count, which is not asked for.
            memory.table_grow_failed(wasmtime::Error::msg("too many")).unwrap();
            memory.memory_grow_failed(wasmtime::Error::msg("too much")).unwrap();
            memory.memory_growing(0, 60, None).unwrap();
        }
        assert!(memory.denied().is_some());
    }
}
