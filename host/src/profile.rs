//! Load maths without a clock: who is due when. It can't drift, and it is tested without sleeping.
//!
//! This module knows nothing of threads, instances or requests.

use std::time::Duration;

/// The closed model: a number of virtual users, each starting its next iteration when the last one ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedModel {
    /// How many virtual users; at least 1.
    pub users: u32,
    /// Virtual users started a second; none for all at once.
    pub spawn_rate: Option<f64>,
    /// How long iterations are started; none for no bound.
    pub run_time: Option<Duration>,
    /// Iterations of all virtual users together; none for no bound.
    pub iterations: Option<u64>,
    /// Iterations of each virtual user; none for no bound.
    pub iterations_per_user: Option<u64>,
}

impl ClosedModel {
    /// When the virtual user of that index (from 0) is due, from the start of the load: index ÷ spawn rate.
    pub fn vu_due(&self, index: u32) -> Duration {
        match self.spawn_rate {
            // A rate that is next to nothing means never.
            Some(rate) => Duration::try_from_secs_f64(f64::from(index) / rate).unwrap_or(Duration::MAX),
            None => Duration::ZERO,
        }
    }

    /// The indices of the virtual users that shard `shard` of `shards` runs: those congruent to it.
    pub fn shard_vus(&self, shard: u32, shards: u32) -> impl Iterator<Item = u32> + use<> {
        (shard..self.users).step_by(shards.max(1) as usize)
    }

    /// How many iterations the plan amounts to; none where it does not bound them.
    pub fn planned_iterations(&self) -> Option<u64> {
        let each = self.iterations_per_user.map(|each| each.saturating_mul(u64::from(self.users)));
        match (self.iterations, each) {
            (Some(all), Some(each)) => Some(all.min(each)),
            (bound, None) | (None, bound) => bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(users: u32, spawn_rate: Option<f64>) -> ClosedModel {
        ClosedModel { users, spawn_rate, run_time: None, iterations: None, iterations_per_user: None }
    }

    #[test]
    fn without_a_spawn_rate_all_are_due_at_once() {
        let model = model(5, None);
        assert_eq!(model.vu_due(4), Duration::ZERO);
    }

    #[test]
    fn due_times_are_evenly_spaced() {
        for rate in [0.3, 1.0, 7.0, 1000.0] {
            let model = model(500, Some(rate));
            assert_eq!(model.vu_due(0), Duration::ZERO);
            for index in 1..500 {
                let gap = model.vu_due(index).as_secs_f64() - model.vu_due(index - 1).as_secs_f64();
                assert!((gap - 1.0 / rate).abs() < 1e-6, "rate {rate}, index {index}: {gap}");
            }
        }
    }

    #[test]
    fn a_rate_next_to_nothing_means_never() {
        assert_eq!(model(2, Some(1e-300)).vu_due(1), Duration::MAX);
    }

    #[test]
    fn shards_are_a_partition() {
        for (users, shards) in [(1, 4), (7, 3), (200, 2), (5, 5)] {
            let model = model(users, None);
            let mut all: Vec<u32> = (0..shards).flat_map(|shard| model.shard_vus(shard, shards)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..users).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_lower_bound_of_iterations_counts() {
        let planned = |iterations, iterations_per_user| {
            ClosedModel { iterations, iterations_per_user, ..model(10, None) }.planned_iterations()
        };
        assert_eq!(planned(None, None), None);
        assert_eq!(planned(Some(100), None), Some(100));
        assert_eq!(planned(None, Some(5)), Some(50));
        assert_eq!(planned(Some(100), Some(5)), Some(50));
        assert_eq!(planned(Some(20), Some(5)), Some(20));
    }
}
