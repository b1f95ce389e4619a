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
    denied: bool,
}

impl MemoryLimiter {
    /// For a guest that may have so many bytes.
    pub(super) fn new(limit: usize) -> MemoryLimiter {
        MemoryLimiter { limit, total: 0, before: 0, denied: false }
    }

    /// The bound, if a request for more than that was denied.
    pub(super) fn denied(&self) -> Option<usize> {
        self.denied.then_some(self.limit)
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let total = self.total.saturating_sub(current).saturating_add(desired);
        let allowed = total <= self.limit;
        self.before = self.total;
        if allowed {
            self.total = total;
        }
        self.denied |= !allowed;
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
        assert_eq!(memory.denied(), Some(100));
        assert!(memory.memory_growing(60, 70, None).unwrap());
        assert!(memory.table_growing(0, 3, None).unwrap());
        assert!(!memory.table_growing(3, 4, None).unwrap());
        assert!(!memory.table_growing(3, usize::MAX, None).unwrap());
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
