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
    /// What they had before the last growth, which may fail yet.
    before: usize,
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
        MemoryLimiter { limit, total: 0, before: 0, start: None, denied: None }
    }

    /// The instance is made: what it has now is what it starts with.
    pub(super) fn made(&mut self) {
        self.start = Some(self.total);
    }

    /// Why a request for more was denied, if one was.
    pub(super) fn denied(&self) -> Option<Denied> {
        self.denied
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let total = self.total.saturating_sub(current).saturating_add(desired);
        let allowed = total <= self.limit;
        self.before = self.total;
        if allowed {
            self.total = total;
        }
        if !allowed {
            self.denied = Some(Denied { limit: self.limit, start: self.start });
        }
        allowed
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| elements.saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(self.grow(bytes(current), bytes(desired)))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.total = self.before;
        Ok(())
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.total = self.before;
        Ok(())
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
        assert!(memory.memory_growing(0, 90, Some(50)).unwrap());
        memory.memory_grow_failed(wasmtime::Error::msg("no room")).unwrap();
        assert!(memory.memory_growing(0, 90, None).unwrap());
        assert_eq!(memory.denied(), None);
    }
}
