//! Tables from names to figures, with a bound on how many names they hold.
//!
//! A key is a small tag (which scenario, which kind of failure) and a few texts. A lookup borrows the texts: only a key that
//! is new is copied.

use std::hash::{Hash, Hasher};

use hashbrown::hash_map::EntryRef;
use hashbrown::{Equivalent, HashMap};

/// The text that stands for every name over a table's bound.
pub(crate) const OTHER: &str = "(other)";

/// How many times in a row a key may be cleared without having been used before it is dropped. At a tick a second, keys
/// that come and go within ten seconds keep their memory.
const IDLE_CLEARS: u8 = 10;

/// What a table keeps under a key. The default value is that of nothing recorded.
pub(crate) trait Value: Default {
    /// Adds what the other one recorded.
    fn merge(&mut self, other: &Self);
    /// Goes back to nothing recorded, and keeps memory that is likely to be wanted again.
    fn clear(&mut self);
    /// Bytes held on the heap.
    fn heap_bytes(&self) -> usize;
}

impl Value for u64 {
    fn merge(&mut self, other: &Self) {
        *self += other;
    }

    fn clear(&mut self) {
        *self = 0;
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

/// A key as a table holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key<T, const N: usize> {
    /// What is no text.
    pub(crate) tag: T,
    /// The texts.
    pub(crate) texts: [Box<str>; N],
}

impl<T: Copy, const N: usize> Key<T, N> {
    fn borrowed(&self) -> KeyRef<'_, T, N> {
        KeyRef { tag: self.tag, texts: self.texts.each_ref().map(|text| &**text) }
    }
}

impl<T: Hash, const N: usize> Hash for Key<T, N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tag.hash(state);
        for text in &self.texts {
            text.hash(state);
        }
    }
}

/// A key to look up. Hashes as the [`Key`] of the same parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRef<'a, T, const N: usize> {
    /// What is no text.
    pub(crate) tag: T,
    /// The texts.
    pub(crate) texts: [&'a str; N],
}

impl<T: Copy, const N: usize> KeyRef<'_, T, N> {
    /// The key that stands for this one when the table is full: the same tag, and [`OTHER`] as the last text.
    fn other(tag: T) -> Self {
        let mut texts = [""; N];
        if let Some(last) = texts.last_mut() {
            *last = OTHER;
        }
        KeyRef { tag, texts }
    }

    fn to_key(self) -> Key<T, N> {
        Key { tag: self.tag, texts: self.texts.map(Box::from) }
    }
}

impl<T: Hash, const N: usize> Hash for KeyRef<'_, T, N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tag.hash(state);
        for text in self.texts {
            text.hash(state);
        }
    }
}

impl<T: PartialEq, const N: usize> Equivalent<Key<T, N>> for KeyRef<'_, T, N> {
    fn equivalent(&self, key: &Key<T, N>) -> bool {
        self.tag == key.tag && self.texts.iter().zip(&key.texts).all(|(a, b)| **a == **b)
    }
}

/// A value, and for how many clears in a row nothing was recorded under it. Zero means that it holds something.
#[derive(Clone, Debug, Default)]
struct Slot<V> {
    value: V,
    idle: u8,
}

type Slots<T, V, const N: usize> = HashMap<Key<T, N>, Slot<V>>;

/// A table of at most `limit` keys; what is recorded under further ones is counted under [`OTHER`], one key for each tag.
#[derive(Clone, Debug)]
pub(crate) struct Table<T, V, const N: usize> {
    limit: usize,
    named: Slots<T, V, N>,
    /// Apart from `named`, so that they take no room there. As many as there are tags, which the plan bounds.
    other: Slots<T, V, N>,
    overflowed: bool,
}

impl<T: Copy + Eq + Hash, V: Value, const N: usize> Table<T, V, N> {
    /// An empty table.
    pub(crate) fn new(limit: usize) -> Self {
        Table { limit, named: HashMap::new(), other: HashMap::new(), overflowed: false }
    }

    /// Records under a key. Allocates only where the key is new.
    pub(crate) fn update(&mut self, key: KeyRef<'_, T, N>, record: impl FnOnce(&mut V)) {
        if let Some(slot) = self.named.get_mut(&key) {
            slot.idle = 0;
            record(&mut slot.value);
        } else if self.named.len() < self.limit {
            record(insert(&mut self.named, key));
        } else {
            self.overflowed = true;
            record(insert(&mut self.other, KeyRef::other(key.tag)));
        }
    }

    /// Adds what the other table recorded. Where the keys of both fit the limit, merging tables in any order comes to the
    /// same; else the order decides which keys have figures of their own.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, slot) in used(&other.named) {
            self.update(key.borrowed(), |value| value.merge(&slot.value));
        }
        for (key, slot) in used(&other.other) {
            insert(&mut self.other, key.borrowed()).merge(&slot.value);
        }
        self.overflowed |= other.overflowed;
    }

    /// Forgets what was recorded, and drops keys that went unused for a while.
    pub(crate) fn clear(&mut self) {
        for slots in [&mut self.named, &mut self.other] {
            slots.retain(|_, slot| {
                slot.value.clear();
                slot.idle += 1;
                slot.idle <= IDLE_CLEARS
            });
        }
        self.overflowed = false;
    }

    /// The keys that something was recorded under, and what. In no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key<T, N>, &V)> {
        used(&self.named).chain(used(&self.other)).map(|(key, slot)| (key, &slot.value))
    }

    /// The values that something was recorded in.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let slots = self.named.values_mut().chain(self.other.values_mut());
        slots.filter(|slot| slot.idle == 0).map(|slot| &mut slot.value)
    }

    /// Whether anything was counted under [`OTHER`].
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Bytes held on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let slots = [&self.named, &self.other];
        let texts = |key: &Key<T, N>| key.texts.iter().map(|text| text.len()).sum::<usize>();
        let held = slots.into_iter().flatten().map(|(key, slot)| texts(key) + slot.value.heap_bytes()).sum::<usize>();
        held + slots.into_iter().map(HashMap::allocation_size).sum::<usize>()
    }
}

fn insert<'s, T: Copy + Eq + Hash, V: Value, const N: usize>(
    slots: &'s mut Slots<T, V, N>,
    key: KeyRef<'_, T, N>,
) -> &'s mut V {
    let slot = match slots.entry_ref(&key) {
        EntryRef::Occupied(entry) => entry.into_mut(),
        EntryRef::Vacant(entry) => entry.insert_with_key(key.to_key(), Slot::default()),
    };
    slot.idle = 0;
    &mut slot.value
}

/// What was recorded since the last clear.
fn used<T, V, const N: usize>(slots: &Slots<T, V, N>) -> impl Iterator<Item = (&Key<T, N>, &Slot<V>)> {
    slots.iter().filter(|(_, slot)| slot.idle == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(limit: usize) -> Table<u8, u64, 1> {
        Table::new(limit)
    }

    fn add(table: &mut Table<u8, u64, 1>, tag: u8, name: &str) {
        table.update(KeyRef { tag, texts: [name] }, |count| *count += 1);
    }

    fn counts(table: &Table<u8, u64, 1>) -> Vec<(u8, String, u64)> {
        let mut rows: Vec<_> = table.iter().map(|(key, count)| (key.tag, key.texts[0].to_string(), *count)).collect();
        rows.sort();
        rows
    }

    #[test]
    fn names_over_the_limit_are_counted_together_for_each_tag() {
        let mut table = table(2);
        for (tag, name) in [(1, "a"), (1, "b"), (1, "c"), (1, "d"), (2, "a"), (1, "a")] {
            add(&mut table, tag, name);
        }
        let expected = [(1, "(other)", 2), (1, "a", 2), (1, "b", 1), (2, "(other)", 1)];
        assert_eq!(counts(&table), expected.map(|(tag, name, count)| (tag, name.to_string(), count)));
        assert!(table.overflowed());
    }

    #[test]
    fn a_full_table_still_counts_the_names_it_has_when_it_merges() {
        let (mut total, mut shard) = (table(1), table(9));
        add(&mut total, 1, "a");
        add(&mut shard, 1, "a");
        add(&mut shard, 1, "b");
        total.merge(&shard);
        assert_eq!(counts(&total), [(1, "(other)".to_string(), 1), (1, "a".to_string(), 2)]);
    }

    #[test]
    fn a_cleared_table_shows_nothing_and_later_drops_what_stays_unused() {
        let mut table = table(9);
        add(&mut table, 1, "busy");
        add(&mut table, 1, "gone");
        for _ in 0..IDLE_CLEARS {
            table.clear();
            assert_eq!(counts(&table), []);
            assert_eq!(table.named.len(), 2);
            add(&mut table, 1, "busy");
        }
        table.clear();
        assert_eq!(table.named.len(), 1);
        assert!(!table.overflowed());
    }

    #[test]
    fn texts_are_told_apart_by_where_one_ends() {
        let mut table: Table<u8, u64, 2> = Table::new(9);
        for texts in [["ab", "c"], ["a", "bc"], ["ab", "c"]] {
            table.update(KeyRef { tag: 0, texts }, |count| *count += 1);
        }
        let mut found: Vec<u64> = table.iter().map(|(_, count)| *count).collect();
        found.sort();
        assert_eq!(found, [1, 2]);
    }
}
