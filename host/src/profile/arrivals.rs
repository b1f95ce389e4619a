//! The instants at which iterations of the open model are due, one after another, also while a person changes the rate.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Area, Curve, Deal, OpenModel};

/// How arrivals of the open model are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// Evenly: each when the rate made one more iteration. The default.
    #[default]
    Even,
    /// At random and independent of each other, as people arrive: a Poisson process of that rate.
    ///
    /// The areas under the rate between arrivals are exponentially distributed with mean 1. That such a sequence, put
    /// back through the area, is a Poisson process of a rate that changes is the time-rescaling theorem (Brown,
    /// Barbieri, Ventura, Kass and Frank, "The time-rescaling theorem and its application to neural spike train data
    /// analysis", Neural Computation 14(2), 2002).
    Poisson,
}

/// Where the random numbers of one load's arrivals come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The run's seed.
    pub run: u64,
    /// A scenario's place in the plan, so that two loads don't arrive together. Scenarios that share a load draw the
    /// same numbers, so they all have the same place here: that of the first of them.
    pub scenario: u32,
}

impl Seed {
    fn random(self) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(self.run);
        // Virtual users' generators count their streams from 0 and use the last one: these stay clear of both.
        random.set_stream(u64::MAX - 1 - u64::from(self.scenario));
        random
    }
}

impl Arrivals {
    /// The areas at which arrivals are due.
    pub(super) fn areas(self, seed: Seed) -> Areas {
        Areas(match self {
            Arrivals::Even => None,
            Arrivals::Poisson => Some(Gaps { random: seed.random(), drawn: 0, sum: Area::default() }),
        })
    }
}

/// The due times of a shard's arrivals: pairs of an arrival's number n and its time from the start of the load, in
/// order.
///
/// It has no clock and holds no model, so that the rate can be changed while arrivals are handed out. For the same
/// reason it is not fused: after none, [`DueTimes::change`] may bring more.
#[derive(Clone, Debug)]
pub struct DueTimes {
    rate: Curve,
    /// The area at which arrivals end.
    end: Option<Area>,
    areas: Areas,
    numbers: Numbers,
    /// The next one: its number and area, which no change of the rate moves.
    next: Option<(u64, Area)>,
}

impl DueTimes {
    /// The arrivals of that model with these numbers.
    pub(super) fn new(model: &OpenModel, seed: Seed, numbers: Numbers) -> DueTimes {
        let areas = model.arrivals.areas(seed);
        DueTimes { rate: model.rate.clone(), end: model.owed(), areas, numbers, next: None }
    }

    /// The arrival that `next` gives, which stays the next one: to wait until it is due, and ask again when the rate
    /// has changed meanwhile.
    pub fn peek(&mut self) -> Option<(u64, Duration)> {
        if self.next.is_none() {
            self.next = self.numbers.next().map(|n| (n, self.areas.of(n)));
        }
        let (n, area) = self.next?;
        if self.end.is_some_and(|end| end <= area) {
            return None;
        }
        Some((n, self.rate.time_of_area(area)?))
    }

    /// Follows the rate of `changed` from now on: [`OpenModel::changed`] of the model that these are the arrivals of.
    ///
    /// Arrivals that were given stay given. The others go on with the same numbers and the same random gaps; each is
    /// due when the area under the changed rate is what it was to be under the old one.
    pub fn change(&mut self, changed: &OpenModel) {
        self.rate = changed.rate.clone();
        self.end = changed.owed();
    }

    /// Whether all arrivals that the model's number of iterations allows were given, so that no change brings more.
    pub fn is_exhausted(&self) -> bool {
        self.next.is_none() && self.numbers.own >= self.numbers.end
    }
}

impl Iterator for DueTimes {
    type Item = (u64, Duration);

    fn next(&mut self) -> Option<(u64, Duration)> {
        let arrival = self.peek()?;
        self.next = None;
        Some(arrival)
    }
}

/// The numbers of a shard's arrivals, among those of all who share the load.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    deal: Deal,
    /// The next one among the scenario's own, and the first after the last.
    own: u64,
    end: u64,
    step: u64,
}

impl Numbers {
    /// Of the scenario's own numbers below `count`, every `shards`th from the `shard`th on.
    pub(super) fn new(deal: &Deal, count: u64, shard: u32, shards: u32) -> Numbers {
        let (own, step) = (u64::from(shard), u64::from(shards.max(1)));
        Numbers { deal: deal.clone(), own, end: deal.count_below(count), step }
    }
}

impl Iterator for Numbers {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let own = Some(self.own).filter(|own| *own < self.end)?;
        self.own = own.saturating_add(self.step);
        Some(self.deal.nth(own))
    }
}

/// The area under the rate at which each arrival is due: its number, or a sum of random gaps.
#[derive(Clone, Debug)]
pub(super) struct Areas(Option<Gaps>);

/// Exponential gaps, those of all shards and of all who share the load: so each of them finds the same sum.
#[derive(Clone, Debug)]
struct Gaps {
    random: ChaCha8Rng,
    drawn: u64,
    /// Of the gaps drawn.
    sum: Area,
}

impl Areas {
    /// The area of arrival n; n must not fall from one call to the next.
    fn of(&mut self, n: u64) -> Area {
        let Some(gaps) = &mut self.0 else { return Area::from(n) };
        while gaps.drawn <= n {
            // The inverse of the distribution's function; the number is below 1, so the gap is finite.
            let gap = -(-gaps.random.random::<f64>()).ln_1p();
            gaps.sum = gaps.sum.plus(gap);
            gaps.drawn += 1;
        }
        gaps.sum
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{open, random_load, seconds, stage};
    use super::super::{After, Change, Stage};
    use super::*;

    const SEED: Seed = Seed { run: 2026, scenario: 0 };

    fn due(curve: &Curve, arrivals: Arrivals, seed: Seed, count: u64) -> Vec<Duration> {
        let model = OpenModel { iterations: Some(count), ..open(curve, arrivals) };
        model.arrivals(seed, 0, 1).map(|(_, due)| due).collect()
    }

    fn curve(start: f64, stages: &[Stage]) -> Curve {
        Curve::new(start, stages, After::Ends).unwrap()
    }

    /// The areas between due times, from the start on.
    fn gaps(curve: &Curve, due: &[Duration]) -> Vec<f64> {
        let mut last = Area::default();
        let gap = |&due: &Duration| {
            let area = curve.area_until(due);
            let gap = area.minus(last);
            last = area;
            gap
        };
        due.iter().map(gap).collect()
    }

    /// The statistic of Kolmogorov and Smirnov: how far the gaps' distribution is from the exponential one at the most.
    fn distance(mut gaps: Vec<f64>) -> f64 {
        gaps.sort_unstable_by(f64::total_cmp);
        let count = gaps.len() as f64;
        let off = |(place, gap): (usize, &f64)| {
            let expected = 1.0 - (-gap).exp();
            (expected - place as f64 / count).abs().max((expected - (place as f64 + 1.0) / count).abs())
        };
        gaps.iter().enumerate().map(off).fold(0.0, f64::max)
    }

    #[test]
    fn poisson_gaps_are_exponential_over_plateaus_ramps_and_jumps() {
        let flat = Curve::constant(1_000.0).unwrap();
        let up_and_down = curve(0.0, &[stage(110, 1_000.0), stage(110, 0.0)]);
        let jumps =
            curve(500.0, &[stage(100, 500.0), stage(0, 0.0), stage(50, 0.0), stage(0, 20.0), stage(200, 600.0)]);
        for curve in [flat, up_and_down, jumps] {
            let due = due(&curve, Arrivals::Poisson, SEED, 100_000);
            assert_eq!(due.len(), 100_000);
            let gaps = gaps(&curve, &due);
            let neighbours = gaps.windows(2).map(|two| (two[0] - 1.0) * (two[1] - 1.0)).sum::<f64>() / 1e5;
            // Chance alone makes the distance larger than 1.63 ÷ √n once in a hundred times.
            let distance = distance(gaps);
            assert!(distance < 1.63 / 100_000_f64.sqrt(), "{distance}");
            // Four standard deviations of the mean product of independent neighbours.
            assert!(neighbours.abs() < 4.0 / 100_000_f64.sqrt(), "{neighbours}");
        }
    }

    #[test]
    fn the_test_of_gaps_tells_others_from_exponential_ones() {
        let curve = Curve::constant(1_000.0).unwrap();
        let even = due(&curve, Arrivals::Even, SEED, 100_000);
        assert!(distance(gaps(&curve, &even)) > 0.5);
        let faster: Vec<f64> =
            gaps(&curve, &due(&curve, Arrivals::Poisson, SEED, 100_000)).iter().map(|gap| gap * 0.97).collect();
        assert!(distance(faster) > 1.63 / 100_000_f64.sqrt());
    }

    #[test]
    fn the_same_seed_gives_the_same_arrivals_and_another_one_others() {
        let curve = curve(10.0, &[stage(1_000, 50.0)]);
        let first = due(&curve, Arrivals::Poisson, SEED, 1_000);
        assert_eq!(due(&curve, Arrivals::Poisson, SEED, 1_000), first);
        assert_ne!(due(&curve, Arrivals::Poisson, Seed { run: 2027, ..SEED }, 1_000), first);
        assert_ne!(due(&curve, Arrivals::Poisson, Seed { scenario: 1, ..SEED }, 1_000), first);
    }

    #[test]
    fn arrivals_end_with_the_area_and_with_the_curve() {
        let curve = curve(10.0, &[stage(10, 10.0)]);
        let last = |run_time| {
            let model = OpenModel { run_time: Some(seconds(run_time)), ..open(&curve, Arrivals::Even) };
            model.arrivals(SEED, 0, 1).last()
        };
        assert_eq!(last(2), Some((19, Duration::from_millis(1_900))));
        assert_eq!(last(100), Some((99, Duration::from_millis(9_900))));
        let poisson = due(&curve, Arrivals::Poisson, SEED, u64::MAX);
        // 100 on average, and 10 is a standard deviation.
        assert!((50..150).contains(&poisson.len()) && poisson.last().is_some_and(|&last| last < seconds(10)));
    }

    /// Random load with both spacings, in turn.
    fn random_model(random: &mut ChaCha8Rng, round: u32) -> OpenModel {
        let arrivals = if round.is_multiple_of(2) { Arrivals::Even } else { Arrivals::Poisson };
        open(&random_load(random, 60.0).curve(), arrivals)
    }

    /// Some changes in the order of time, with factors from 0 to 4.
    fn random_changes(random: &mut ChaCha8Rng, model: &OpenModel) -> Vec<Change> {
        let length = model.length().unwrap();
        let change = |random: &mut ChaCha8Rng| Change {
            at: length.mul_f64(random.random()),
            factor: f64::from(random.random_range(0..=16)) / 4.0,
        };
        let mut changes: Vec<Change> = (0..random.random_range(1..5)).map(|_| change(random)).collect();
        changes.sort_by_key(|change| change.at);
        changes
    }

    /// What a pacing loop hands out while the changes come one after another: what is due before each, and the rest.
    fn followed(model: &OpenModel, mut times: DueTimes, changes: &[Change]) -> Vec<(u64, Duration)> {
        let mut given = Vec::new();
        for (place, change) in changes.iter().enumerate() {
            while times.peek().is_some_and(|(_, due)| due < change.at) {
                given.extend(times.next());
            }
            times.change(&model.changed(&changes[..=place]));
        }
        given.extend(times);
        given
    }

    #[test]
    fn whenever_the_rate_changes_arrivals_are_due_where_the_changed_area_is_theirs() {
        let mut random = ChaCha8Rng::seed_from_u64(91);
        for round in 0..200 {
            let model = random_model(&mut random, round);
            let changes = random_changes(&mut random, &model);
            let given = followed(&model, model.arrivals(SEED, 0, 1), &changes);
            let planned: Vec<_> = model.arrivals(SEED, 0, 1).take_while(|(_, due)| *due < changes[0].at).collect();
            assert_eq!(given[..planned.len()], planned, "what was due before the first change was handed out");
            assert!(given[planned.len()..].iter().all(|(_, due)| *due >= changes[0].at));
            assert!(given.is_sorted_by_key(|&(_, due)| due), "{changes:?}");
            let changed = model.changed(&changes);
            let mut areas = model.arrivals.areas(SEED);
            for (place, &(n, due)) in given.iter().enumerate() {
                assert_eq!(n, place as u64);
                let off = changed.rate.area_until(due).minus(areas.of(n)).abs();
                // Two nanoseconds of the greatest value.
                assert!(off <= 2e-9 * changed.max_rate() + 1e-9, "arrival {n} is off by {off} after {changes:?}");
            }
            let next = areas.of(given.len() as u64);
            assert!(changed.owed().is_some_and(|end| end <= next), "arrival {next:?} is missing");
        }
    }

    #[test]
    fn those_who_share_changed_arrivals_have_each_of_them_once() {
        let mut random = ChaCha8Rng::seed_from_u64(92);
        for round in 0..60 {
            let model = OpenModel { iterations: Some(3_000), ..random_model(&mut random, round) };
            let changes = random_changes(&mut random, &model);
            let whole = followed(&model, model.arrivals(SEED, 0, 1), &changes);
            let weights: Vec<u32> = (0..random.random_range(1..5)).map(|_| random.random_range(1..=9)).collect();
            let shards = random.random_range(1..4);
            let mut union = Vec::new();
            for which in 0..weights.len() {
                let part = OpenModel { deal: Deal::new(&weights, which).unwrap(), ..model.clone() };
                union.extend(
                    (0..shards).flat_map(|shard| followed(&part, part.arrivals(SEED, shard, shards), &changes)),
                );
            }
            union.sort_unstable();
            assert_eq!(union, whole, "{weights:?} in {shards} shards");
        }
    }

    #[test]
    fn who_waits_for_an_arrival_learns_its_new_time() {
        let model = open(&Curve::from(1), Arrivals::Even);
        let millis = Duration::from_millis;
        let change = |at, factor| Change { at: millis(at), factor };
        let mut times = model.arrivals(SEED, 0, 1);
        assert_eq!((times.next(), times.peek()), (Some((0, millis(0))), Some((1, millis(1_000)))));
        times.change(&model.changed(&[change(500, 2.0)]));
        assert_eq!(times.peek(), Some((1, millis(750))));
        times.change(&model.changed(&[change(500, 2.0), change(600, 0.5)]));
        assert_eq!((times.next(), times.peek()), (Some((1, millis(1_200))), Some((2, millis(3_200)))));
    }

    #[test]
    fn a_rate_of_0_gives_none_until_it_is_raised() {
        let model = OpenModel { iterations: Some(12), ..open(&Curve::from(10), Arrivals::Even) };
        let change = |at, factor| Change { at: seconds(at), factor };
        let mut times = model.arrivals(SEED, 0, 1);
        assert_eq!(times.by_ref().take(10).last(), Some((9, Duration::from_millis(900))));
        times.change(&model.changed(&[change(1, 0.0)]));
        assert_eq!((times.next(), times.next(), times.is_exhausted()), (None, None, false));
        times.change(&model.changed(&[change(1, 0.0), change(5, 1.0)]));
        assert_eq!(times.next(), Some((10, seconds(5))));
        assert_eq!(times.peek(), Some((11, Duration::from_millis(5_100))));
        assert!(!times.is_exhausted(), "the last one was looked at, but not handed out");
        assert_eq!(times.next(), Some((11, Duration::from_millis(5_100))));
        assert_eq!((times.is_exhausted(), times.next()), (true, None));
    }
}
