//! A curve that was changed while it was followed.

use std::iter;
use std::time::Duration;

use super::{Curve, MOST, Piece};
use crate::profile::Area;

/// A change of a load while it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// From when on, in the load's own time: since its start, pauses not counted.
    pub at: Duration,
    /// How many times the planned load it is from then on: 1 is what was planned, 0 is none. It does not add to earlier
    /// changes: it replaces them. What is negative or no number counts as 0.
    pub factor: f64,
}

impl Curve {
    /// This curve after changes, in whichever order they are given: from each of them on, its values times that factor.
    /// Of two at one time the later one in the list counts. A factor that would lead above the greatest value that
    /// there may be (10^15) counts as the one that leads there.
    ///
    /// It ends when this one does. Up to the first change it is the same. Without changes it is a cheap copy.
    pub fn scaled(&self, changes: &[Change]) -> Curve {
        if changes.is_empty() {
            return self.clone();
        }
        let steps = self.steps(changes);
        let mut area = Area::default();
        let mut pieces = Vec::with_capacity(self.pieces.len() + steps.len());
        for piece in &*self.pieces {
            let end = piece.length.map(|length| piece.from + length);
            let first = steps.partition_point(|step| step.at <= piece.from);
            let last = steps.partition_point(|step| end.is_none_or(|end| step.at < end));
            let before = first.checked_sub(1).map_or(1.0, |place| steps[place].factor);
            let inside = &steps[first..last];
            let starts = iter::once((piece.from, before)).chain(inside.iter().map(|step| (step.at, step.factor)));
            let ends = inside.iter().map(|step| Some(step.at)).chain(iter::once(end));
            for ((from, factor), until) in starts.zip(ends) {
                let part = piece.part(from, until, factor, area.settled());
                area = area.plus(part.length.map_or(0.0, |length| part.area_within(length)));
                pieces.push(part);
            }
        }
        let grows = pieces.last().is_some_and(|last| last.length.is_none() && last.start > 0.0);
        Curve { pieces: pieces.into(), length: self.length, total: (!grows).then(|| area.settled()) }
    }

    /// The factor that a change to this one makes of it.
    fn factor(&self, wanted: f64) -> f64 {
        // Not infinite, since nothing times that would be no number.
        wanted.max(0.0).min(MOST / self.greatest()).min(f64::MAX)
    }

    /// The changes in order, one for each time.
    fn steps(&self, changes: &[Change]) -> Vec<Change> {
        let mut steps: Vec<Change> = Vec::with_capacity(changes.len());
        let factors = changes.iter().map(|change| Change { factor: self.factor(change.factor), ..*change });
        for change in factors {
            let place = steps.partition_point(|step| step.at < change.at);
            match steps.get_mut(place) {
                Some(same) if same.at == change.at => *same = change,
                _ => steps.insert(place, change),
            }
        }
        steps
    }
}

impl Piece {
    /// What is of it between two times, neither of them outside it, times a factor.
    fn part(&self, from: Duration, until: Option<Duration>, factor: f64, before: Area) -> Piece {
        let start = self.value_within(from - self.from) * factor;
        let end = until.map_or(start, |until| self.value_within(until - self.from) * factor);
        Piece { from, length: until.map(|until| until - from), start, end, before }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{random_load, seconds, stage};
    use super::super::{After, Spell};
    use super::*;
    use std::sync::Arc;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn change(at: u64, factor: f64) -> Change {
        Change { at: seconds(at), factor }
    }

    /// Some changes within a time, in no order, with factors from 0 to 4.
    fn random_changes(random: &mut ChaCha8Rng, within: Duration) -> Vec<Change> {
        let change = |random: &mut ChaCha8Rng| Change {
            at: within.mul_f64(random.random_range(0.0..1.2)),
            factor: f64::from(random.random_range(0..=32)) / 8.0,
        };
        (0..random.random_range(0..6)).map(|_| change(random)).collect()
    }

    /// The factor of the last change until then.
    fn factor_at(changes: &[Change], at: Duration) -> f64 {
        let mut sorted = changes.to_vec();
        sorted.sort_by_key(|change| change.at);
        sorted.iter().rev().find(|change| change.at <= at).map_or(1.0, |change| change.factor)
    }

    #[test]
    fn from_each_change_on_the_plan_is_multiplied() {
        let curve = Curve::new(0.0, &[stage(10, 100.0), stage(10, 100.0)], After::Stays).unwrap();
        // Out of order; and of the two at one time the later one counts.
        let changed = curve.scaled(&[change(15, 9.0), change(15, 0.5), change(5, 2.0), change(30, 0.0)]);
        let values = [0, 4, 5, 9, 10, 14, 15, 29, 30, 99].map(|at| changed.value_at(seconds(at)));
        assert_eq!(values, [0.0, 40.0, 100.0, 180.0, 200.0, 200.0, 50.0, 50.0, 0.0, 0.0]);
        assert_eq!((changed.length(), changed.greatest()), (None, 200.0));
        assert_eq!(changed.area_until(seconds(99)), Area::from(125 + 750 + 1_000 + 750));
        assert_eq!(changed.time_of_area(Area::from(2_624)), Some(seconds(29) + Duration::from_millis(980)));
        assert_eq!(changed.time_of_area(Area::from(2_625)), None, "until a later change, there is no more");
        assert_eq!(curve.scaled(&[change(10, 2.0)]).pieces.len(), curve.pieces.len(), "nothing is split at a corner");
        let again = curve.scaled(&[change(5, 2.0), change(15, 0.5), change(30, 0.0), change(40, 1.0)]);
        assert_eq!(again.time_of_area(Area::from(2_725)), Some(seconds(41)));
    }

    #[test]
    fn no_changes_and_changes_to_what_was_planned_change_nothing() {
        let mut random = ChaCha8Rng::seed_from_u64(81);
        for _ in 0..100 {
            let curve = random_load(&mut random, 100.0).curve();
            assert!(Arc::ptr_eq(&curve.scaled(&[]).pieces, &curve.pieces));
            assert_eq!(curve.scaled(&[Change { at: Duration::MAX, factor: 3.0 }]), curve);
            let at = curve.length().unwrap().mul_f64(random.random());
            let same = curve.scaled(&[Change { at, factor: 1.0 }]);
            let spells = |curve: &Curve| curve.at_least(10.5, Duration::ZERO).collect::<Vec<Spell>>();
            let near = |one: Duration, other: Duration| one.abs_diff(other) <= Duration::from_nanos(2);
            let (spells, expected) = (spells(&same), spells(&curve));
            assert_eq!(spells.len(), expected.len());
            for (spell, expected) in spells.iter().zip(expected) {
                assert!(near(spell.from, expected.from) && near(spell.until.unwrap(), expected.until.unwrap()));
            }
            assert_eq!(same.total.map(Area::count), curve.total.map(Area::count));
        }
        assert_eq!(Curve::from(7).scaled(&[change(0, 3.0)]), Curve::from(21));
    }

    #[test]
    fn values_areas_and_lengths_of_random_loads_follow_the_changes() {
        let mut random = ChaCha8Rng::seed_from_u64(82);
        for _ in 0..300 {
            let curve = random_load(&mut random, 200.0).curve();
            let length = curve.length().unwrap();
            let changes = random_changes(&mut random, length);
            let changed = curve.scaled(&changes);
            assert_eq!(changed.length(), Some(length));
            for _ in 0..50 {
                let at = length.mul_f64(random.random());
                let expected = curve.value_at(at) * factor_at(&changes, at);
                assert!((changed.value_at(at) - expected).abs() < 1e-6, "{changes:?} at {at:?}");
            }
            // The area is the sum of the areas between changes, each times its factor.
            let mut bounds: Vec<Duration> = changes.iter().map(|change| change.at.min(length)).collect();
            bounds.extend([Duration::ZERO, length]);
            bounds.sort_unstable();
            let area = |two: &[Duration]| {
                curve.area_until(two[1]).minus(curve.area_until(two[0])) * factor_at(&changes, two[0])
            };
            let expected: f64 = bounds.windows(2).map(area).sum();
            assert!((changed.total.unwrap().as_f64() - expected).abs() < 1e-6, "{changes:?}");
        }
    }

    #[test]
    fn a_factor_is_bounded_by_the_greatest_value() {
        let curve = Curve::new(0.0, &[stage(10, 1e14), stage(10, 0.0)], After::Ends).unwrap();
        let greatest = |factor| curve.scaled(&[change(0, factor)]).greatest();
        assert_eq!([9.0, 11.0, f64::INFINITY].map(greatest), [9e14, 1e15, 1e15]);
        assert_eq!([0.0, -1.0, f64::NAN].map(greatest), [0.0; 3]);
        let none = Curve::from(0).scaled(&[change(0, f64::INFINITY)]);
        assert_eq!(none.value_at(seconds(1)), 0.0);
    }
}
