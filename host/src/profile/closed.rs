//! The closed model: which virtual users are active when.

use std::time::Duration;

use rand::{Rng, RngExt};

use super::{Change, Curve, Deal, Spell};

/// The closed model: a number of virtual users, each starting its next iteration when the last one ended.
///
/// At any time there are as many as the curve's value, rounded to the nearest whole number, halves upwards. So a stage
/// that ends at 100 has 100 at its end, and a ramp makes as much load in all as its line says.
///
/// Several scenarios may share them: `users`, `spawn_rate` and `iterations` are then those of all who share, and each
/// scenario has the same with a `deal` of its own. What the methods tell, and the indices that they take and give, are
/// about its own virtual users: those of all who share, without the others', counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedModel {
    /// How many virtual users there are over time.
    pub users: Curve,
    /// Virtual users started a second at the most: that of (shared) index i comes no sooner than i ÷ rate. None for no
    /// bound.
    pub spawn_rate: Option<f64>,
    /// How long iterations are started, where the curve does not end sooner; none for no bound.
    pub run_time: Option<Duration>,
    /// Iterations of all virtual users together; none for no bound.
    pub iterations: Option<u64>,
    /// Iterations of each virtual user; none for no bound.
    pub iterations_per_user: Option<u64>,
    /// The least time from one start of an iteration to the next of the same virtual user. None for no bound.
    pub pacing: Option<Duration>,
    /// The think time after each iteration.
    pub wait: Wait,
    /// Which of the virtual users, and of the iterations, are its own. Default: all.
    pub deal: Deal,
}

/// Think time: how long a virtual user waits after an iteration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Not at all. The default.
    #[default]
    None,
    /// Always that long.
    Constant(Duration),
    /// Drawn evenly from the first up to the second, which is not the shorter one.
    Between(Duration, Duration),
}

impl Wait {
    /// How long it is this time.
    pub fn draw(self, random: &mut impl Rng) -> Duration {
        match self {
            Wait::None => Duration::ZERO,
            Wait::Constant(time) => time,
            Wait::Between(least, most) => least + most.saturating_sub(least).mul_f64(random.random_range(0.0..=1.0)),
        }
    }
}

impl ClosedModel {
    /// That many virtual users at once and for ever, with no bound on what they do and no waits.
    pub fn constant(users: u32) -> ClosedModel {
        ClosedModel {
            users: Curve::from(users),
            spawn_rate: None,
            run_time: None,
            iterations: None,
            iterations_per_user: None,
            pacing: None,
            wait: Wait::None,
            deal: Deal::default(),
        }
    }

    /// This model after changes: as many times the virtual users from each of them on. Who comes by a change comes no
    /// sooner than the spawn rate lets its index. Without changes it is a cheap copy.
    pub fn changed(&self, changes: &[Change]) -> ClosedModel {
        ClosedModel { users: self.users.scaled(changes), ..self.clone() }
    }

    /// When iterations are no longer started; none where time does not bound them.
    pub fn length(&self) -> Option<Duration> {
        [self.users.length(), self.run_time].into_iter().flatten().min()
    }

    /// The greatest number of its virtual users at one time, and so how many it has in all.
    pub fn max_users(&self) -> u32 {
        let greatest = self.users.greatest_between(Duration::ZERO, self.length().unwrap_or(Duration::MAX));
        self.own_of(greatest.round() as u32)
    }

    /// The number of its virtual users by the curve at that time, whatever the spawn rate.
    pub fn users_at(&self, at: Duration) -> u32 {
        if self.length().is_some_and(|end| at >= end) { 0 } else { self.own_of(self.users.value_at(at).round() as u32) }
    }

    /// The greatest number of its virtual users between two times, for the eye: where the number falls while the spawn
    /// rate lets it rise, it may be too great.
    pub(super) fn greatest_between(&self, from: Duration, until: Duration) -> u32 {
        let until = until.min(self.length().unwrap_or(Duration::MAX));
        let greatest = self.users.greatest_between(from, until).round() as u32;
        // Of so many indices, the due times lie before then.
        let started = self.spawn_rate.map_or(u32::MAX, |rate| (until.as_secs_f64() * rate).ceil() as u32);
        self.own_of(greatest.min(started))
    }

    /// How many of the first virtual users of all are its own.
    fn own_of(&self, users: u32) -> u32 {
        // No more than of all.
        self.deal.count_below(u64::from(users)) as u32
    }

    /// When its virtual user of that index (from 0) may start at the soonest: shared index ÷ spawn rate.
    pub fn vu_due(&self, index: u32) -> Duration {
        match self.spawn_rate {
            // A rate that is next to nothing means never.
            Some(rate) => Duration::try_from_secs_f64(self.shared(index) / rate).unwrap_or(Duration::MAX),
            None => Duration::ZERO,
        }
    }

    /// The index among the virtual users of all who share.
    fn shared(&self, index: u32) -> f64 {
        self.deal.nth(u64::from(index)) as f64
    }

    /// The stretches of time, in order and apart, in which its virtual user of that index (from 0) is to be active.
    ///
    /// Where the number falls, those of the highest indices pause, and where it rises again they come back. So the
    /// first spell of an index begins no later than that of the next index. Stretches that end with the load do so at
    /// its [length](ClosedModel::length).
    pub fn spells(&self, index: u32) -> impl Iterator<Item = Spell> + use<'_> {
        self.spells_since(index, Duration::ZERO)
    }

    /// The first of the [spells](ClosedModel::spells) of that index that is not over at `now`.
    ///
    /// It is found without a look at what lies before `now`. So where it is under way by then, its begin is the right
    /// one or a later one, but none after `now`.
    pub fn spell_from(&self, index: u32, now: Duration) -> Option<Spell> {
        self.spells_since(index, now).find(|spell| spell.until.is_none_or(|until| until > now))
    }

    /// The spells of an index but for some that are over at `since`; one that is under way may begin too late, but not
    /// after `since`.
    fn spells_since(&self, index: u32, since: Duration) -> impl Iterator<Item = Spell> + use<'_> {
        let (due, end) = (self.vu_due(index), self.length().unwrap_or(Duration::MAX));
        // The value from which on the rounded one is above the index.
        let stretches = self.users.at_least(self.shared(index) + 0.5, since);
        stretches.filter_map(move |stretch| {
            let until = stretch.until.unwrap_or(Duration::MAX).min(end);
            let spell = Spell { from: stretch.from.max(due), until: (until < Duration::MAX).then_some(until) };
            (spell.from < until).then_some(spell)
        })
    }

    /// Whether there is anything between two iterations of a virtual user.
    pub fn paces(&self) -> bool {
        self.pacing.is_some() || self.wait != Wait::None
    }

    /// How long a virtual user waits after an iteration that began that long ago: the think time, and what the pacing
    /// asks for beyond it.
    pub fn pause(&self, elapsed: Duration, random: &mut impl Rng) -> Duration {
        self.wait.draw(random).max(self.pacing.unwrap_or_default().saturating_sub(elapsed))
    }

    /// The iterations of all its virtual users together: its own part of [`ClosedModel::iterations`]. None for no
    /// bound.
    pub fn budget(&self) -> Option<u64> {
        self.iterations.map(|iterations| self.deal.count_below(iterations))
    }

    /// How many iterations of its own the plan amounts to; none where it does not bound them.
    pub fn planned_iterations(&self) -> Option<u64> {
        let each = self.iterations_per_user.map(|each| each.saturating_mul(u64::from(self.max_users())));
        [self.budget(), each].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{random_load, seconds, stage};
    use super::super::{After, Stage};
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn constant(users: u32, spawn_rate: Option<f64>) -> ClosedModel {
        ClosedModel { spawn_rate, ..ClosedModel::constant(users) }
    }

    fn ramped(start: f64, stages: &[Stage]) -> ClosedModel {
        ClosedModel { users: Curve::new(start, stages, After::Ends).unwrap(), ..ClosedModel::constant(0) }
    }

    fn spells(model: &ClosedModel, index: u32) -> Vec<(u64, Option<u64>)> {
        let whole = |time: Duration| {
            assert_eq!(time.subsec_nanos(), 0, "{time:?}");
            time.as_secs()
        };
        model.spells(index).map(|spell| (whole(spell.from), spell.until.map(whole))).collect()
    }

    #[test]
    fn without_a_spawn_rate_all_are_due_at_once_and_for_ever() {
        let model = constant(5, None);
        assert_eq!(model.vu_due(4), Duration::ZERO);
        assert_eq!(spells(&model, 4), [(0, None)]);
        assert_eq!(spells(&model, 5), []);
        assert_eq!((model.max_users(), model.length(), model.users_at(seconds(9))), (5, None, 5));
    }

    #[test]
    fn due_times_are_evenly_spaced() {
        for rate in [0.3, 1.0, 7.0, 1000.0] {
            let model = constant(500, Some(rate));
            assert_eq!(model.vu_due(0), Duration::ZERO);
            for index in 0..500 {
                let due = model.vu_due(index);
                assert!((due.as_secs_f64() - f64::from(index) / rate).abs() < 1e-6, "rate {rate}, index {index}");
                assert_eq!(model.spells(index).collect::<Vec<_>>(), [Spell { from: due, until: None }]);
            }
        }
    }

    #[test]
    fn a_rate_next_to_nothing_means_never() {
        let model = constant(2, Some(1e-300));
        assert_eq!(model.vu_due(1), Duration::MAX);
        assert_eq!(model.spells(1).next(), None);
    }

    #[test]
    fn who_went_last_in_comes_first_out_and_back_again() {
        let model =
            ramped(0.0, &[stage(4, 4.0), stage(4, 4.0), stage(0, 1.0), stage(4, 1.0), stage(0, 4.0), stage(8, 0.0)]);
        let halves = |index| {
            let half = |time: Duration| (time.as_secs_f64() * 2.0) as u64;
            model.spells(index).map(|spell| [half(spell.from), half(spell.until.unwrap())]).collect::<Vec<_>>()
        };
        assert_eq!(halves(0), [[1, 38]]);
        assert_eq!(halves(1), [[3, 16], [24, 34]]);
        assert_eq!(halves(3), [[7, 16], [24, 26]]);
        assert_eq!(halves(4), [[0; 2]; 0]);
    }

    #[test]
    fn a_run_time_ends_spells_and_what_lies_beyond_is_never() {
        let stages = [stage(10, 10.0), stage(0, 100.0), stage(10, 100.0)];
        let model = ClosedModel { run_time: Some(seconds(10)), ..ramped(10.0, &stages) };
        assert_eq!((model.length(), model.max_users()), (Some(seconds(10)), 10));
        assert_eq!((spells(&model, 9), spells(&model, 10)), (vec![(0, Some(10))], vec![]));
        assert_eq!((model.users_at(seconds(9)), model.users_at(seconds(10))), (10, 0));
        let longer = ClosedModel { run_time: Some(seconds(60)), ..ramped(10.0, &stages) };
        assert_eq!((longer.length(), longer.max_users()), (Some(seconds(20)), 100));
        let slow = ClosedModel { spawn_rate: Some(5.0), ..longer };
        assert_eq!(spells(&slow, 5), [(1, Some(20))]);
        assert_eq!(spells(&slow, 95), [(19, Some(20))]);
        assert_eq!(spells(&ClosedModel { spawn_rate: Some(4.0), ..slow }, 80), []);
    }

    #[test]
    fn as_many_are_active_as_the_curve_says() {
        let mut random = ChaCha8Rng::seed_from_u64(51);
        for _ in 0..200 {
            let load = random_load(&mut random, 30.0);
            let model = ramped(load.start, &load.stages);
            let all: Vec<Vec<Spell>> = (0..31).map(|index| model.spells(index).collect()).collect();
            for _ in 0..100 {
                let at = model.length().unwrap().mul_f64(random.random());
                let value = model.users.value_at(at);
                // A nanosecond beside the instant at which one comes or goes.
                if ((value - value.floor()) - 0.5).abs() < 1e-6 {
                    continue;
                }
                let is_active = |spell: &Spell| spell.from <= at && spell.until.is_none_or(|until| at < until);
                let active = all.iter().filter(|spells| spells.iter().any(is_active)).count();
                assert_eq!(active as u32, model.users_at(at), "{value} at {at:?} of {load:?}");
            }
            assert!(all[model.max_users() as usize..].iter().all(Vec::is_empty));
        }
    }

    #[test]
    fn first_spells_come_in_the_order_of_indices() {
        let mut random = ChaCha8Rng::seed_from_u64(52);
        for round in 0..200 {
            let load = random_load(&mut random, 30.0);
            let spawn_rate = (round % 2 == 0).then(|| random.random_range(0.5..10.0));
            let model = ClosedModel { spawn_rate, ..ramped(load.start, &load.stages) };
            let firsts: Vec<_> = (0..31).map(|index| model.spells(index).next().map(|spell| spell.from)).collect();
            let firsts: Vec<_> = firsts.iter().map(|first| first.unwrap_or(Duration::MAX)).collect();
            assert!(firsts.is_sorted(), "{firsts:?}");
        }
    }

    #[test]
    fn the_lower_bound_of_iterations_counts() {
        let planned = |iterations, iterations_per_user| {
            ClosedModel { iterations, iterations_per_user, ..ClosedModel::constant(10) }.planned_iterations()
        };
        assert_eq!(planned(None, None), None);
        assert_eq!(planned(Some(100), None), Some(100));
        assert_eq!(planned(None, Some(5)), Some(50));
        assert_eq!(planned(Some(100), Some(5)), Some(50));
        assert_eq!(planned(Some(20), Some(5)), Some(20));
    }

    #[test]
    fn scenarios_that_share_have_each_virtual_user_once_when_it_would_be_active_alone() {
        let mut random = ChaCha8Rng::seed_from_u64(54);
        for round in 0..100 {
            let load = random_load(&mut random, 30.0);
            let spawn_rate = (round % 2 == 0).then(|| random.random_range(0.5..10.0));
            let whole = ClosedModel { spawn_rate, iterations: Some(1_000), ..ramped(load.start, &load.stages) };
            let weights: Vec<u32> = (0..random.random_range(1..5)).map(|_| random.random_range(1..=9)).collect();
            let part = |which| ClosedModel { deal: Deal::new(&weights, which).unwrap(), ..whole.clone() };
            let parts: Vec<ClosedModel> = (0..weights.len()).map(part).collect();
            let mut all: Vec<(u32, Duration, Vec<Spell>)> = Vec::new();
            for part in &parts {
                all.extend((0..part.max_users()).map(|index| {
                    let shared = part.deal.nth(u64::from(index)) as u32;
                    (shared, part.vu_due(index), part.spells(index).collect())
                }));
            }
            all.sort_unstable_by_key(|&(shared, ..)| shared);
            let expected = (0..whole.max_users()).map(|i| (i, whole.vu_due(i), whole.spells(i).collect()));
            assert_eq!(all, expected.collect::<Vec<_>>(), "{weights:?}");
            let at = whole.length().unwrap().mul_f64(random.random());
            assert_eq!(parts.iter().map(|part| part.users_at(at)).sum::<u32>(), whole.users_at(at));
            assert_eq!(parts.iter().map(|part| part.budget().unwrap()).sum::<u64>(), 1_000);
        }
    }

    #[test]
    fn a_part_of_a_load_has_its_part_of_virtual_users_and_iterations() {
        let deal = Deal::new(&[7, 2, 1], 1).unwrap();
        let part = ClosedModel { iterations: Some(1_000), deal, ..constant(100, Some(1.0)) };
        assert_eq!((part.max_users(), part.users_at(seconds(5))), (20, 20));
        assert_eq!((part.budget(), part.planned_iterations()), (Some(200), Some(200)));
        let each = ClosedModel { iterations_per_user: Some(3), ..part.clone() };
        assert_eq!(each.planned_iterations(), Some(60));
        // Of ten, the third and the eighth are its own.
        assert_eq!([0, 1, 2].map(|index| part.vu_due(index)), [2, 7, 12].map(seconds));
        assert_eq!(spells(&part, 19), [(97, None)]);
    }

    #[test]
    fn a_change_brings_virtual_users_and_takes_those_of_the_highest_indices() {
        let model = ClosedModel { run_time: Some(seconds(100)), ..constant(10, None) };
        let change = |at, factor| Change { at: seconds(at), factor };
        let changed = model.changed(&[change(20, 2.0), change(50, 0.5), change(70, 1.0)]);
        assert_eq!((changed.max_users(), changed.length()), (20, model.length()));
        assert_eq!(spells(&changed, 4), [(0, Some(100))]);
        assert_eq!(spells(&changed, 5), [(0, Some(50)), (70, Some(100))]);
        assert_eq!(spells(&changed, 19), [(20, Some(50))]);
        assert_eq!([19, 20, 50, 70, 100].map(|at| changed.users_at(seconds(at))), [10, 20, 5, 10, 0]);
        let slow = ClosedModel { spawn_rate: Some(0.5), ..model }.changed(&[change(20, 2.0)]);
        assert_eq!(
            (spells(&slow, 9), spells(&slow, 10), spells(&slow, 19)),
            (vec![(18, Some(100))], vec![(20, Some(100))], vec![(38, Some(100))])
        );
    }

    #[test]
    fn the_spell_at_an_instant_is_the_first_that_is_not_over() {
        let mut random = ChaCha8Rng::seed_from_u64(55);
        let mut under_way = 0;
        for round in 0..300 {
            let load = random_load(&mut random, 30.0);
            let spawn_rate = (round % 2 == 0).then(|| random.random_range(0.5..10.0));
            let model = ClosedModel { spawn_rate, ..ramped(load.start, &load.stages) };
            let length = model.length().unwrap();
            let at = |random: &mut ChaCha8Rng| length.mul_f64(random.random_range(0.0..1.1));
            let run_time = (round % 3 == 0).then(|| at(&mut random));
            let change = Change { at: at(&mut random), factor: f64::from(random.random_range(0..=8)) / 4.0 };
            let model = ClosedModel { run_time, ..model }.changed(&[change]);
            let mut instants: Vec<Duration> = (0..20).map(|_| at(&mut random)).collect();
            // And where one piece follows another.
            instants.extend(model.users.lines(Duration::MAX).scan(Duration::ZERO, |end, line| {
                *end += line.length?;
                Some(*end)
            }));
            instants.extend([Duration::ZERO, change.at, Duration::MAX]);
            for (index, now) in (0..32).flat_map(|index| instants.iter().map(move |now| (index, *now))) {
                let expected = model.spells(index).find(|spell| spell.until.is_none_or(|until| until > now));
                let found = model.spell_from(index, now);
                assert_eq!(found.map(|spell| spell.until), expected.map(|spell| spell.until), "{index} at {now:?}");
                let begins = found.zip(expected).map(|(found, expected)| (found.from, expected.from));
                if let Some((found, expected)) = begins.filter(|(found, expected)| found != expected) {
                    assert!(expected <= found && found <= now, "{index} at {now:?}: from {found:?}, not {expected:?}");
                    under_way += 1;
                }
            }
        }
        assert!(under_way > 0, "some begin in earlier pieces");
    }

    #[test]
    fn a_spell_without_an_end_is_found_at_any_time() {
        let model =
            ClosedModel { users: Curve::new(0.0, &[stage(10, 10.0)], After::Stays).unwrap(), ..constant(0, None) };
        let spell = |now| model.spell_from(4, seconds(now)).unwrap();
        assert_eq!(spell(2), Spell { from: Duration::from_millis(4_500), until: None });
        assert_eq!(spell(1_000_000).until, None);
        assert!(spell(1_000_000).from <= seconds(1_000_000));
        assert_eq!(model.spell_from(10, seconds(5)), None);
    }

    #[test]
    fn a_pause_is_the_think_time_or_what_the_pacing_left() {
        let mut random = ChaCha8Rng::seed_from_u64(53);
        let millis = Duration::from_millis;
        let mut model = constant(1, None);
        assert_eq!(model.pause(millis(300), &mut random), Duration::ZERO);
        model.pacing = Some(seconds(1));
        assert_eq!(model.pause(millis(300), &mut random), millis(700));
        assert_eq!(model.pause(millis(1_300), &mut random), Duration::ZERO);
        model.wait = Wait::Constant(millis(500));
        assert_eq!(model.pause(millis(300), &mut random), millis(700));
        assert_eq!(model.pause(millis(900), &mut random), millis(500));
        model.wait = Wait::Between(seconds(1), seconds(3));
        let waits: Vec<_> = (0..1000).map(|_| model.pause(seconds(5), &mut random).as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (1.0..=3.0).contains(wait)));
        assert!(waits.iter().any(|&wait| wait < 1.2) && waits.iter().any(|&wait| wait > 2.8));
    }
}
