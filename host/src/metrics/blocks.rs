//! How the requests of each name went over the run, in a few blocks: what comparing runs needs, where a row a second for
//! each name would be too much.
//!
//! All names have the same blocks. A block is a second at first; once there are as many as there may be, each two become
//! one and new ones are twice as long. So memory does not grow with the length of a run.

use std::time::Duration;

use super::summary::RequestBlock;

/// How many blocks there are at the most; an even number. A run of more than a minute has half as many at the least,
/// enough for the statistics of two runs.
const MOST: usize = 120;

/// When the blocks of a run end.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    /// From the start of the load.
    ends: Vec<Duration>,
    /// How many rows of the series are in a block, and how many so far in the last one.
    rows_each: usize,
    rows_in_last: usize,
}

impl Default for Grid {
    fn default() -> Self {
        Grid { ends: Vec::new(), rows_each: 1, rows_in_last: 0 }
    }
}

/// Where a row of the series goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Each two blocks have to be joined before.
    pub(crate) join: bool,
    /// The block's place.
    pub(crate) place: usize,
}

impl Grid {
    /// Takes in a row that ends at that time. One of no length belongs to the block before it.
    pub(crate) fn add(&mut self, at: Duration) -> Placed {
        let mut join = false;
        match self.ends.last_mut() {
            Some(end) if *end >= at => {}
            Some(end) if self.rows_in_last < self.rows_each => {
                *end = at;
                self.rows_in_last += 1;
            }
            _ => {
                join = self.ends.len() == MOST;
                if join {
                    self.ends = self.ends.chunks(2).filter_map(|pair| pair.last().copied()).collect();
                    self.rows_each *= 2;
                }
                self.ends.push(at);
                self.rows_in_last = 1;
            }
        }
        Placed { join, place: self.ends.len() - 1 }
    }

    /// When the blocks end, in order.
    pub(crate) fn ends(&self) -> &[Duration] {
        &self.ends
    }
}

/// What the requests of one name came to in each block, up to the last that had any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks(Vec<Block>);

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    pub(crate) count: u64,
    pub(crate) failures: u64,
    /// The sum of their service times.
    pub(crate) nanos: u64,
}

impl Block {
    fn add(&mut self, other: &Block) {
        self.count += other.count;
        self.failures += other.failures;
        self.nanos = self.nanos.saturating_add(other.nanos);
    }
}

impl Blocks {
    /// Adds to the block at that place.
    pub(crate) fn add(&mut self, place: usize, block: &Block) {
        if self.0.len() <= place {
            self.0.resize(place + 1, Block::default());
        }
        self.0[place].add(block);
    }

    /// Adds what other requests came to in the same blocks.
    pub(crate) fn merge(&mut self, other: &Blocks) {
        other.0.iter().enumerate().for_each(|(place, block)| self.add(place, block));
    }

    /// Makes one of each two blocks.
    pub(crate) fn join(&mut self) {
        let joined = |pair: &[Block]| {
            let mut sum = Block::default();
            pair.iter().for_each(|block| sum.add(block));
            sum
        };
        self.0 = self.0.chunks(2).map(joined).collect();
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Block>()
    }

    /// The blocks as a summary has them.
    pub(crate) fn rows(&self) -> Vec<RequestBlock> {
        let row = |block: &Block| RequestBlock {
            count: block.count,
            failures: block.failures,
            mean_service_time: if block.count == 0 { 0.0 } else { block.nanos as f64 / 1e9 / block.count as f64 },
        };
        self.0.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: usize) -> (Grid, Blocks) {
        let (mut grid, mut blocks) = (Grid::default(), Blocks::default());
        for second in 1..=count {
            let Placed { join, place } = grid.add(Duration::from_secs(second as u64));
            if join {
                blocks.join();
            }
            blocks.add(place, &Block { count: 1, failures: 0, nanos: second as u64 * 1_000_000_000 });
        }
        (grid, blocks)
    }

    #[test]
    fn blocks_are_seconds_until_there_are_too_many() {
        let (grid, blocks) = seconds(MOST);
        assert_eq!((grid.ends.len(), grid.ends[0], grid.rows_each), (MOST, Duration::from_secs(1), 1));
        assert!(blocks.0.iter().all(|block| block.count == 1));
        let (grid, blocks) = seconds(MOST + 1);
        assert_eq!((grid.ends.len(), grid.ends[0], grid.rows_each), (MOST / 2 + 1, Duration::from_secs(2), 2));
        assert_eq!((blocks.0[0].count, blocks.0[MOST / 2].count), (2, 1));
        assert_eq!(blocks.rows()[1], RequestBlock { count: 2, failures: 0, mean_service_time: 3.5 });
    }

    #[test]
    fn no_run_has_more_blocks_and_all_hold_what_ended_in_them() {
        for length in [1, 7, MOST * 2, MOST * 2 + 1, 5_000, 20_000] {
            let (grid, blocks) = seconds(length);
            assert_eq!(
                (grid.ends.len(), blocks.0.iter().map(|block| block.count).sum()),
                (blocks.0.len(), length as u64)
            );
            assert!(grid.ends.len() <= MOST && (length <= MOST || grid.ends.len() > MOST / 2), "{length}");
            let mut begin = 0;
            for (end, block) in grid.ends().iter().zip(&blocks.0) {
                assert_eq!(end.as_secs() - begin, block.count);
                begin = end.as_secs();
            }
        }
    }

    #[test]
    fn a_row_of_no_length_is_no_block() {
        let (mut grid, _) = seconds(3);
        assert_eq!(grid.add(Duration::from_secs(3)), Placed { join: false, place: 2 });
        assert_eq!(grid.ends.len(), 3);
    }
}
