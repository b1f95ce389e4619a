//! The open model: iterations start at a rate, whether or not earlier ones ended.

use std::time::Duration;

use super::arrivals::{Arrivals, DueTimes, Numbers, Seed};
use super::{Area, Change, Curve, Deal};

/// The open model: iterations arrive at a rate, and each is started by a free virtual user or dropped.
///
/// Several scenarios may share the arrivals: `rate` and `iterations` are then those of all who share, and each scenario
/// has the same with a `deal` of its own. Virtual users are not shared.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenModel {
    /// Iterations a second over time.
    pub rate: Curve,
    /// How arrivals are spaced.
    pub arrivals: Arrivals,
    /// The most virtual users; arrivals that find none of them free are dropped.
    pub max_vus: u32,
    /// How many of them are made before the load starts; at most as many as there are.
    pub preallocated_vus: u32,
    /// How long iterations arrive, where the curve does not end sooner; none for no bound.
    pub run_time: Option<Duration>,
    /// How many iterations arrive; none for no bound.
    pub iterations: Option<u64>,
    /// Which of the arrivals are its own. Default: all.
    pub deal: Deal,
}

impl OpenModel {
    /// When iterations no longer arrive; none where time does not bound them.
    pub fn length(&self) -> Option<Duration> {
        [self.rate.length(), self.run_time].into_iter().flatten().min()
    }

    /// This model after changes: as many times the rate from each of them on. There may be more virtual users, too: as
    /// many times as the greatest factor says, and never fewer. Without changes it is a cheap copy.
    pub fn changed(&self, changes: &[Change]) -> OpenModel {
        let factor = changes.iter().map(|change| change.factor).fold(1.0, f64::max);
        let most = (f64::from(self.max_vus) * factor).min(f64::from(u32::MAX));
        // Rounded up, but for what only rounding put above a whole number.
        let max_vus = Area::default().plus(most).settled().count() as u32;
        OpenModel { rate: self.rate.scaled(changes), max_vus, ..self.clone() }
    }

    /// The greatest rate of all who share, in iterations a second.
    pub fn max_rate(&self) -> f64 {
        self.rate.greatest_between(Duration::ZERO, self.length().unwrap_or(Duration::MAX))
    }

    /// How many iterations of its own the plan amounts to, exactly for even arrivals and on average for Poisson's. None
    /// where it does not bound them.
    pub fn planned_iterations(&self) -> Option<u64> {
        let owed = self.owed().map(Area::count);
        [owed, self.iterations].into_iter().flatten().min().map(|all| self.deal.count_below(all))
    }

    /// The arrivals that shard `shard` of `shards` starts: of its own arrivals, counted from 0, those congruent to it,
    /// each with its due time from the start of the load, in order. Their numbers n are those among the arrivals of all
    /// who share.
    ///
    /// Even arrivals are due when the area under the rate reaches n: the first at once, or where the rate first is
    /// above 0, and each of the others when the rate made one more iteration. [`Arrivals`] tells about the others.
    /// Those who share want the same seed.
    pub fn arrivals(&self, seed: Seed, shard: u32, shards: u32) -> DueTimes {
        let count = self.iterations.unwrap_or(u64::MAX);
        DueTimes::new(self, seed, Numbers::new(&self.deal, count, shard, shards))
    }

    /// The greatest rate of its own between two times, in iterations a second.
    pub(super) fn greatest_between(&self, from: Duration, until: Duration) -> f64 {
        let (own, all) = self.deal.part();
        let until = until.min(self.length().unwrap_or(Duration::MAX));
        self.rate.greatest_between(from, until) * own as f64 / all as f64
    }

    /// The area under the rate up to the end; none where there is no end.
    pub(super) fn owed(&self) -> Option<Area> {
        self.length().map(|end| self.rate.area_until(end))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Exact, open, random_load, seconds, stage};
    use super::super::{After, Stage};
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const SEED: Seed = Seed { run: 7, scenario: 0 };

    fn staged(start: f64, stages: &[Stage], arrivals: Arrivals) -> OpenModel {
        open(&Curve::new(start, stages, After::Ends).unwrap(), arrivals)
    }

    fn all(model: &OpenModel) -> Vec<(u64, Duration)> {
        model.arrivals(SEED, 0, 1).collect()
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced_from_the_start() {
        let model = OpenModel { run_time: Some(seconds(3)), ..open(&Curve::constant(4.0).unwrap(), Arrivals::Even) };
        let expected: Vec<_> = (0..12).map(|n| (n, Duration::from_millis(250 * n))).collect();
        assert_eq!(all(&model), expected);
        assert_eq!((model.planned_iterations(), model.max_rate()), (Some(12), 4.0));
    }

    #[test]
    fn a_rate_a_minute_makes_no_arrival_too_many() {
        for per_minute in [1_u32, 7, 59, 100, 500, 999] {
            for minutes in 1..10 {
                let rate = f64::from(per_minute) / 60.0;
                let bounded = staged(rate, &[stage(60 * minutes, rate)], Arrivals::Even);
                let constant = Curve::constant(rate).unwrap();
                let timed = OpenModel { run_time: Some(seconds(60 * minutes)), ..open(&constant, Arrivals::Even) };
                let count = u64::from(per_minute) * minutes;
                assert_eq!(bounded.planned_iterations(), Some(count));
                assert_eq!(timed.planned_iterations(), Some(count));
                assert_eq!(all(&bounded).len() as u64, count);
                assert_eq!(all(&timed), all(&bounded));
            }
        }
    }

    #[test]
    fn bounds_on_time_and_number_end_the_arrivals() {
        let endless = open(&Curve::constant(10.0).unwrap(), Arrivals::Even);
        assert_eq!((endless.length(), endless.planned_iterations()), (None, None));
        assert_eq!(endless.arrivals(SEED, 1, 2).nth(1_000_000), Some((2_000_001, Duration::from_millis(200_000_100))));
        let bounded = OpenModel { iterations: Some(7), ..endless.clone() };
        assert_eq!((all(&bounded).len(), bounded.planned_iterations()), (7, Some(7)));
        let both = OpenModel { run_time: Some(Duration::from_millis(350)), ..bounded };
        assert_eq!((all(&both).len(), both.planned_iterations()), (4, Some(4)));
        let silent = OpenModel { run_time: Some(seconds(9)), ..open(&Curve::constant(0.0).unwrap(), Arrivals::Even) };
        assert_eq!((all(&silent), silent.planned_iterations()), (vec![], Some(0)));
    }

    #[test]
    fn even_arrivals_are_due_when_the_rate_made_one_more_for_every_curve() {
        let mut random = ChaCha8Rng::seed_from_u64(61);
        for _ in 0..100 {
            let load = random_load(&mut random, 50.0);
            let model = staged(load.start, &load.stages, Arrivals::Even);
            let exact = Exact::new(&load);
            let arrivals = all(&model);
            assert_eq!(arrivals.len() as u64, exact.count());
            for &(n, due) in &arrivals {
                exact.assert_due(n, due, Duration::from_nanos(2));
                // Over ramps, too: between two arrivals lies an area of exactly 1.
                assert!((model.rate.area_until(due).as_f64() - n as f64).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn arrivals_are_monotone_and_as_many_as_the_area() {
        let mut random = ChaCha8Rng::seed_from_u64(62);
        for _ in 0..100 {
            let load = random_load(&mut random, 100.0);
            let even = all(&staged(load.start, &load.stages, Arrivals::Even));
            let poisson = all(&staged(load.start, &load.stages, Arrivals::Poisson));
            for arrivals in [&even, &poisson] {
                assert!(arrivals.is_sorted_by_key(|&(_, due)| due));
                assert!(arrivals.iter().enumerate().all(|(place, &(n, _))| place as u64 == n));
            }
            let curve = load.curve();
            for _ in 0..50 {
                let at = curve.length().unwrap().mul_f64(random.random());
                let (count, area) = (even.partition_point(|&(_, due)| due < at) as f64, curve.area_until(at).as_f64());
                assert!((count - area).abs() <= 1.0 + 1e-6, "{count} arrivals of {area}");
            }
        }
    }

    #[test]
    fn shards_are_a_partition_whatever_their_number() {
        let mut random = ChaCha8Rng::seed_from_u64(63);
        for round in 0..40 {
            let load = random_load(&mut random, 100.0);
            let arrivals = if round % 2 == 0 { Arrivals::Even } else { Arrivals::Poisson };
            let model = OpenModel { iterations: Some(2_000), ..staged(load.start, &load.stages, arrivals) };
            let whole = all(&model);
            for shards in [2, 3, 8] {
                let mut union: Vec<_> = (0..shards).flat_map(|shard| model.arrivals(SEED, shard, shards)).collect();
                union.sort_unstable();
                assert_eq!(union, whole);
            }
            assert!(model.arrivals(SEED, 1, 3).all(|(n, _)| n % 3 == 1));
        }
    }

    #[test]
    fn a_change_makes_room_for_more_virtual_users_and_never_takes_it_away() {
        let model = OpenModel { max_vus: 100, ..open(&Curve::from(50), Arrivals::Even) };
        let changed = |factors: &[f64]| {
            let changes: Vec<Change> = factors.iter().map(|&factor| Change { at: seconds(1), factor }).collect();
            let changed = model.changed(&changes);
            (changed.max_vus, changed.max_rate())
        };
        assert_eq!(changed(&[]), (100, 50.0));
        assert_eq!(changed(&[0.5]), (100, 50.0));
        // A tenth more is 110 of 100, though the product of the numbers is a little more.
        assert_eq!(changed(&[1.1]).0, 110);
        assert_eq!(changed(&[1.211, 0.0]), (122, 50.0));
        assert_eq!(changed(&[f64::NAN]), (100, 50.0));
        assert_eq!(changed(&[1e9]), (u32::MAX, 5e10));
        assert_eq!(changed(&[f64::INFINITY]), (u32::MAX, 1e15));
    }

    #[test]
    fn a_part_of_the_arrivals_is_planned_and_dealt() {
        let timed = OpenModel { run_time: Some(seconds(10)), ..open(&Curve::from(10), Arrivals::Even) };
        let part = OpenModel { deal: Deal::new(&[7, 2, 1], 1).unwrap(), ..timed };
        let own = |model: &OpenModel| all(model).iter().map(|&(n, _)| n).collect::<Vec<_>>();
        // Of ten, the third and the eighth are its own.
        assert_eq!(own(&part)[..4], [2, 7, 12, 17]);
        assert_eq!((part.planned_iterations(), own(&part).len()), (Some(20), 20));
        assert_eq!(part.arrivals(SEED, 1, 2).map(|(n, _)| n).take(2).collect::<Vec<_>>(), [7, 17]);
        let bounded = OpenModel { iterations: Some(8), ..part };
        assert_eq!((bounded.planned_iterations(), own(&bounded)), (Some(2), vec![2, 7]));
    }
}
