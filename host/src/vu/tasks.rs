//! Which task a virtual user runs next, and how long it waits after it.

use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use crate::plan::TaskFilter;
use crate::sandbox::{Task, TaskSet, WaitTime};

/// The tasks that a run chose, ready to be drawn.
#[derive(Debug, PartialEq)]
pub struct TaskTable {
    tasks: Vec<Task>,
    /// The sum of the weights up to and with each task.
    cumulated: Vec<u64>,
    wait: WaitTime,
    sequential: bool,
}

impl TaskTable {
    /// The tasks that the filter leaves; none where it leaves nothing.
    pub fn new(set: TaskSet, filter: &TaskFilter) -> Option<TaskTable> {
        let tasks: Vec<Task> = set.tasks.into_iter().filter(|task| filter.allows(&task.name, &task.tags)).collect();
        let mut sum = 0;
        let cumulated: Vec<u64> = tasks
            .iter()
            .map(|task| {
                sum += u64::from(task.weight);
                sum
            })
            .collect();
        let sequential = set.sequential || filter.each_once;
        let wait = if filter.each_once { WaitTime::None } else { set.wait };
        (!tasks.is_empty()).then_some(TaskTable { tasks, cumulated, wait, sequential })
    }

    /// How many tasks there are.
    pub fn count(&self) -> usize {
        self.tasks.len()
    }

    /// The task of a virtual user's iteration of that number: in order, or drawn by weight.
    pub(super) fn choose(&self, iteration: u64, random: &mut impl rand::Rng) -> &Task {
        let place = if self.sequential {
            (iteration % self.tasks.len() as u64) as usize
        } else {
            let total = self.cumulated.last().copied().unwrap_or(1);
            let drawn = random.random_range(0..total);
            self.cumulated.partition_point(|&sum| sum <= drawn)
        };
        &self.tasks[place]
    }

    /// How long to wait after a task that began at `began`.
    pub(super) fn wait(&self, began: Instant, random: &mut impl rand::Rng) -> Duration {
        match self.wait {
            WaitTime::None => Duration::ZERO,
            WaitTime::Constant(time) => time,
            WaitTime::Between(least, most) => least + (most - least).mul_f64(random.random_range(0.0..=1.0)),
            WaitTime::Pacing(time) => time.saturating_sub(began.elapsed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn set(weights: &[u32], sequential: bool) -> TaskSet {
        let task = |(index, &weight): (usize, &u32)| Task {
            index: index as u32,
            name: format!("task {index}"),
            shown_name: format!("task {index}"),
            weight,
            tags: vec![format!("tag {index}")],
            shown_tags: vec![format!("tag {index}")],
        };
        TaskSet { tasks: weights.iter().enumerate().map(task).collect(), wait: WaitTime::None, sequential }
    }

    fn draw(table: &TaskTable, count: u64) -> Vec<u32> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        (0..count).map(|iteration| table.choose(iteration, &mut random).index).collect()
    }

    #[test]
    fn tasks_are_drawn_by_weight() {
        let table = TaskTable::new(set(&[70, 20, 10], false), &TaskFilter::default()).unwrap();
        let drawn = draw(&table, 100_000);
        for (index, share) in [(0, 0.7), (1, 0.2), (2, 0.1)] {
            let found = drawn.iter().filter(|&&task| task == index).count() as f64 / 100_000.0;
            // Five standard deviations of a share of 100,000 draws are less than this.
            assert!((found - share).abs() < 0.0075, "task {index}: {found}");
        }
    }

    #[test]
    fn sequential_tasks_come_in_order() {
        let table = TaskTable::new(set(&[1, 5, 1], true), &TaskFilter::default()).unwrap();
        assert_eq!(draw(&table, 5), [0, 1, 2, 0, 1]);
    }

    #[test]
    fn a_filter_leaves_tasks_out_and_keeps_their_index() {
        let filter = TaskFilter { exclude_tags: vec!["tag 0".into()], ..TaskFilter::default() };
        let table = TaskTable::new(set(&[1, 1, 1], true), &filter).unwrap();
        assert_eq!(draw(&table, 3), [1, 2, 1]);
        let filter = TaskFilter { names: vec!["nobody".into()], ..TaskFilter::default() };
        assert_eq!(TaskTable::new(set(&[1], false), &filter), None);
    }

    #[tokio::test(start_paused = true)]
    async fn pacing_waits_for_what_the_task_left() {
        let mut table = TaskTable::new(set(&[1], false), &TaskFilter::default()).unwrap();
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let began = Instant::now();
        tokio::time::advance(Duration::from_millis(300)).await;
        table.wait = WaitTime::Pacing(Duration::from_secs(1));
        assert_eq!(table.wait(began, &mut random), Duration::from_millis(700));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(table.wait(began, &mut random), Duration::ZERO);
        table.wait = WaitTime::Between(Duration::from_secs(1), Duration::from_secs(3));
        let waits: Vec<_> = (0..1000).map(|_| table.wait(began, &mut random).as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (1.0..=3.0).contains(wait)));
        assert!(waits.iter().any(|&wait| wait < 1.2) && waits.iter().any(|&wait| wait > 2.8));
    }
}
