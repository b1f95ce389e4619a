//! A value over time, made of straight pieces, with its area and that area's inverse.
//!
//! Times within a piece are taken from its start, and areas keep their whole part apart ([`Area`]), so nothing adds up
//! over hours. A due time ([`Curve::time_of_area`]) is rounded to a nanosecond. Before that, its error is that of the
//! area, 8 units in its last place, divided by the value at that time: over 24 hours at 100,000 a second,
//! 1.5e-5 ÷ 100,000 a second, less than a nanosecond, and at whatever rate less than a 50,000th of the gap between two
//! iterations.

mod scaled;

use std::iter;
use std::sync::Arc;
use std::time::Duration;

pub use scaled::Change;

use super::Area;

/// A stretch of time over which the value goes evenly to a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How long it takes; zero makes a jump.
    pub length: Duration,
    /// The value at its end.
    pub target: f64,
}

/// What follows the last stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing: the load is over.
    Ends,
    /// The last value, for ever.
    Stays,
}

/// The greatest value of a curve: with it, the area of 5 hours can still be counted.
const MOST: f64 = 1e15;

/// Why stages make no curve.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CurveError {
    /// A value that is no load.
    #[error("follow a load of {0}; give a number from 0 to 10^15")]
    Value(f64),
    /// Stages, but no time.
    #[error("follow stages that take no time at all; give one of them a length, for example 30s")]
    NoLength,
    /// More time than can be counted in nanoseconds.
    #[error("follow stages that take more than 584 years together; shorten them")]
    TooLong,
}

/// A stretch of time, from the start of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// Its first instant.
    pub from: Duration,
    /// The first instant after it; none where it has no end.
    pub until: Option<Duration>,
}

/// A stretch of time over which the value goes evenly from one to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    /// None where it has no end; its value is then constant.
    pub(super) length: Option<Duration>,
    pub(super) start: f64,
    pub(super) end: f64,
}

/// A value over time that is never negative. It begins at a start value and goes through stages. At a jump it has the
/// value after the jump, and once it has ended it is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Each of some length, and each from where the one before ends. Copies share them.
    pieces: Arc<[Piece]>,
    length: Option<Duration>,
    /// The area of all pieces; none where it grows for ever.
    total: Option<Area>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    from: Duration,
    /// None where it has no end; its value is then constant.
    length: Option<Duration>,
    start: f64,
    end: f64,
    /// The area of all pieces before it.
    before: Area,
}

impl Curve {
    /// The same value for ever.
    ///
    /// # Errors
    /// Where the value is not between 0 and 10^15.
    pub fn constant(value: f64) -> Result<Curve, CurveError> {
        Curve::new(value, &[], After::Stays)
    }

    /// A curve that begins at `start` and goes through the stages.
    ///
    /// # Errors
    /// Where a value is not between 0 and 10^15, or the stages take no time or more than 584 years.
    pub fn new(start: f64, stages: &[Stage], after: After) -> Result<Curve, CurveError> {
        let mut values = iter::once(start).chain(stages.iter().map(|stage| stage.target));
        if let Some(value) = values.find(|value| !(0.0..=MOST).contains(value)) {
            return Err(CurveError::Value(value));
        }
        let mut last = Last { value: start, ..Last::default() };
        let mut pieces = Vec::with_capacity(stages.len() + 1);
        for stage in stages {
            pieces.extend(last.go(stage)?);
        }
        match after {
            After::Ends if last.at.is_zero() => Err(CurveError::NoLength),
            After::Ends => Ok(Curve { pieces: pieces.into(), length: Some(last.at), total: Some(last.area.settled()) }),
            After::Stays => Ok(Curve::stay(pieces, &last)),
        }
    }

    /// The pieces, and the last value for ever.
    fn stay(mut pieces: Vec<Piece>, last: &Last) -> Curve {
        let (value, before) = (last.value, last.area.settled());
        pieces.push(Piece { from: last.at, length: None, start: value, end: value, before });
        Curve { pieces: pieces.into(), length: None, total: (value == 0.0).then_some(before) }
    }

    /// When it ends; none where it never does.
    pub fn length(&self) -> Option<Duration> {
        self.length
    }

    /// The value at that time.
    pub fn value_at(&self, at: Duration) -> f64 {
        self.piece_at(at).map_or(0.0, |piece| piece.value_within(at - piece.from))
    }

    /// The greatest value between two times; 0 where there is no time between them.
    pub fn greatest_between(&self, from: Duration, until: Duration) -> f64 {
        let reached = self.pieces_since(from).iter().take_while(|piece| piece.from < until);
        reached.map(|piece| piece.greatest_between(from, until)).fold(0.0, f64::max)
    }

    /// The greatest value of all.
    pub fn greatest(&self) -> f64 {
        self.greatest_between(Duration::ZERO, Duration::MAX)
    }

    /// The area from the start until that time: where the value is a rate a second, how many iterations it makes.
    pub fn area_until(&self, at: Duration) -> Area {
        let Some(piece) = self.piece_at(at) else {
            return self.total.unwrap_or_default();
        };
        piece.before.plus(piece.area_within(at - piece.from)).settled()
    }

    /// The inverse of [`Curve::area_until`]: the last instant at which the area is not above `area`, so that a stretch
    /// of no value is skipped. None where the area is never above it.
    pub fn time_of_area(&self, area: Area) -> Option<Duration> {
        if self.total.is_some_and(|total| total <= area) {
            return None;
        }
        let place = self.pieces.partition_point(|piece| piece.before <= area).checked_sub(1)?;
        let piece = &self.pieces[place];
        let after = self.pieces.get(place + 1).map(|next| next.before).or(self.total);
        let within = piece.time_within(area.minus(piece.before), after.map(|after| after.minus(area)));
        let within = Duration::try_from_secs_f64(within.max(0.0)).ok()?;
        piece.from.checked_add(piece.length.map_or(within, |length| within.min(length)))
    }

    /// Its lines up to a time, in order: each has some length, but for a last one that has no end.
    pub(super) fn lines(&self, until: Duration) -> impl Iterator<Item = Line> + use<'_> {
        self.pieces.iter().take_while(move |piece| piece.from < until).map(move |piece| {
            let rest = until - piece.from;
            let length = piece.length.map(|length| length.min(rest)).or((until < Duration::MAX).then_some(rest));
            Line { length, start: piece.start, end: piece.value_within(length.unwrap_or_default()) }
        })
    }

    /// The stretches of time, in order and apart, in which the value is at least `level`. What lies in pieces that are
    /// over at `since` is left out, also as the begin of a stretch.
    pub(super) fn at_least(&self, level: f64, since: Duration) -> impl Iterator<Item = Spell> + use<'_> {
        let mut stretches = self.pieces_since(since).iter().filter_map(move |piece| piece.at_least(level)).peekable();
        iter::from_fn(move || {
            let mut spell = stretches.next()?;
            while let Some(next) = stretches.next_if(|next| spell.until == Some(next.from)) {
                spell.until = next.until;
            }
            Some(spell)
        })
    }

    /// The pieces but for those before the one at that time.
    fn pieces_since(&self, at: Duration) -> &[Piece] {
        let first = self.pieces.partition_point(|piece| piece.from <= at).saturating_sub(1);
        &self.pieces[first..]
    }

    fn piece_at(&self, at: Duration) -> Option<&Piece> {
        let place = self.pieces.partition_point(|piece| piece.from <= at).checked_sub(1)?;
        Some(&self.pieces[place]).filter(|piece| piece.length.is_none_or(|length| at - piece.from < length))
    }
}

impl From<u32> for Curve {
    /// The same value for ever.
    fn from(value: u32) -> Curve {
        Curve::stay(Vec::new(), &Last { value: f64::from(value), ..Last::default() })
    }
}

/// How far a curve has been made.
#[derive(Default)]
struct Last {
    at: Duration,
    value: f64,
    /// Not settled: small steps would add up.
    area: Area,
}

impl Last {
    /// Goes through a stage; it makes no piece where it takes no time.
    fn go(&mut self, stage: &Stage) -> Result<Option<Piece>, CurveError> {
        let (from, start, before) = (self.at, self.value, self.area.settled());
        self.value = stage.target;
        if stage.length.is_zero() {
            return Ok(None);
        }
        self.at = from.checked_add(stage.length).ok_or(CurveError::TooLong)?;
        if u64::try_from(self.at.as_nanos()).is_err() {
            return Err(CurveError::TooLong);
        }
        let piece = Piece { from, length: Some(stage.length), start, end: stage.target, before };
        self.area = self.area.plus(piece.area_within(stage.length));
        Ok(Some(piece))
    }
}

impl Piece {
    /// How much the value rises a second.
    fn slope(&self) -> f64 {
        self.length.map_or(0.0, |length| (self.end - self.start) / length.as_secs_f64())
    }

    /// The value that long after the piece's start.
    fn value_within(&self, time: Duration) -> f64 {
        let share = self.length.map_or(0.0, |length| time.as_secs_f64() / length.as_secs_f64());
        // Exact at both ends, and where it is constant.
        if share < 1.0 { self.start + (self.end - self.start) * share } else { self.end }
    }

    /// The area of that much of the piece.
    fn area_within(&self, time: Duration) -> f64 {
        (self.start + self.value_within(time)) / 2.0 * time.as_secs_f64()
    }

    /// The seconds after which the piece has covered `area`; `rest` is what is left of it then.
    fn time_within(&self, area: f64, rest: Option<f64>) -> f64 {
        match (self.length, rest) {
            // Taken from the end: seen from the start, the root's argument would be the difference of large numbers.
            (Some(length), Some(rest)) if self.end < self.start => {
                length.as_secs_f64() - time_to_cover(rest, self.end, -self.slope())
            }
            _ => time_to_cover(area, self.start, self.slope()),
        }
    }

    fn greatest_between(&self, from: Duration, until: Duration) -> f64 {
        let end = self.length.map_or(Duration::MAX, |length| self.from.saturating_add(length));
        let (from, until) = (from.max(self.from), until.min(end));
        if from >= until {
            return 0.0;
        }
        self.value_within(from - self.from).max(self.value_within(until - self.from))
    }

    /// The part of it in which the value is at least `level`.
    fn at_least(&self, level: f64) -> Option<Spell> {
        let end = self.length.map(|length| self.from + length);
        let crossing = || {
            let share = (level - self.start) / (self.end - self.start);
            let length = self.length.unwrap_or_default();
            // Of many days, rounding could lead behind the end.
            self.from + length.mul_f64(share).min(length)
        };
        let spell = match (self.start >= level, self.end >= level) {
            (true, true) => Spell { from: self.from, until: end },
            (false, true) => Spell { from: crossing(), until: end },
            (true, false) => Spell { from: self.from, until: Some(crossing()) },
            (false, false) => return None,
        };
        spell.until.is_none_or(|until| spell.from < until).then_some(spell)
    }
}

/// The seconds in which a value that begins at `value` and rises by `slope` a second covers that area: the root of
/// `slope / 2 · t² + value · t = area`, in the form in which nothing cancels out (Press and others, "Numerical
/// Recipes", 3rd edition, section 5.6, "Quadratic and Cubic Equations").
fn time_to_cover(area: f64, value: f64, slope: f64) -> f64 {
    if area <= 0.0 {
        return 0.0;
    }
    2.0 * area / (value + value.hypot((2.0 * slope * area).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Exact, load, random_load, seconds, stage};
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn ending(start: f64, stages: &[Stage]) -> Curve {
        Curve::new(start, stages, After::Ends).unwrap()
    }

    #[test]
    fn a_stage_that_ends_at_a_value_has_it_and_a_jump_is_at_once() {
        let curve = ending(10.0, &[stage(10, 20.0), stage(0, 100.0), stage(10, 100.0), stage(20, 0.0)]);
        let values = [0, 5, 9, 10, 19, 20, 30, 40, 41].map(|at| curve.value_at(seconds(at)));
        assert_eq!(values, [10.0, 15.0, 19.0, 100.0, 100.0, 100.0, 50.0, 0.0, 0.0]);
        assert_eq!(curve.length(), Some(seconds(40)));
        assert_eq!(curve.greatest(), 100.0);
        assert_eq!(curve.greatest_between(seconds(2), seconds(5)), 15.0);
        assert_eq!(curve.greatest_between(seconds(5), seconds(10)), 20.0);
        assert_eq!(curve.greatest_between(seconds(30), seconds(90)), 50.0);
        assert_eq!(curve.greatest_between(seconds(40), seconds(90)), 0.0);
        assert_eq!(curve.greatest_between(seconds(5), seconds(5)), 0.0);
    }

    #[test]
    fn after_the_last_stage_it_ends_or_stays() {
        let stays = Curve::new(0.0, &[stage(10, 7.0)], After::Stays).unwrap();
        assert_eq!(stays.length(), None);
        assert_eq!(stays.value_at(seconds(1_000_000)), 7.0);
        assert_eq!(stays.area_until(seconds(20)), Area::from(105));
        assert_eq!(stays.time_of_area(Area::from(105)), Some(seconds(20)));
        let ends = ending(0.0, &[stage(10, 7.0)]);
        assert_eq!(ends.value_at(seconds(10)), 0.0);
        assert_eq!(ends.area_until(seconds(20)), Area::from(35));
        assert_eq!(ends.time_of_area(Area::from(35)), None);
        let silent = Curve::new(1.0, &[stage(10, 1.0), stage(0, 0.0)], After::Stays).unwrap();
        assert_eq!((silent.time_of_area(Area::from(9)), silent.time_of_area(Area::from(10))), (Some(seconds(9)), None));
    }

    #[test]
    fn what_makes_no_curve_is_refused() {
        let new = |start, stages: &[Stage]| Curve::new(start, stages, After::Ends).unwrap_err();
        assert_eq!(new(-1.0, &[stage(1, 1.0)]).to_string(), "follow a load of -1; give a number from 0 to 10^15");
        assert_eq!(new(0.0, &[stage(1, 2e15)]), CurveError::Value(2e15));
        assert!(matches!(new(0.0, &[stage(1, f64::NAN)]), CurveError::Value(value) if value.is_nan()));
        assert_eq!(new(0.0, &[]), CurveError::NoLength);
        assert_eq!(new(0.0, &[stage(0, 5.0)]), CurveError::NoLength);
        assert_eq!(new(0.0, &[stage(10_000_000_000, 5.0), stage(10_000_000_000, 5.0)]), CurveError::TooLong);
        assert_eq!(new(0.0, &[stage(u64::MAX, 5.0), stage(10, 5.0)]), CurveError::TooLong);
    }

    #[test]
    fn stretches_of_no_value_are_skipped() {
        let curve =
            ending(0.0, &[stage(5, 0.0), stage(0, 10.0), stage(3, 10.0), stage(0, 0.0), stage(7, 0.0), stage(2, 10.0)]);
        let due = |n| curve.time_of_area(Area::from(n));
        assert_eq!(due(0), Some(seconds(5)), "the first, once there is a rate");
        assert_eq!(due(29), Some(seconds(5) + Duration::from_millis(2_900)));
        assert_eq!(due(30), Some(seconds(15)), "after the pause, not before it");
        assert_eq!(due(40), None);
    }

    #[test]
    fn due_times_are_right_to_the_nanosecond_in_exact_arithmetic() {
        let mut random = ChaCha8Rng::seed_from_u64(41);
        for _ in 0..300 {
            let load = random_load(&mut random, 2_000.0);
            let curve = load.curve();
            let exact = Exact::new(&load);
            let count = curve.total.unwrap().count();
            assert_eq!(count, exact.count(), "{load:?}");
            for _ in 0..200.min(count) {
                let n = random.random_range(0..count);
                let due = curve.time_of_area(Area::from(n)).unwrap();
                exact.assert_due(n, due, Duration::from_nanos(2));
            }
            assert_eq!(curve.time_of_area(Area::from(count)), None);
        }
    }

    #[test]
    fn a_day_at_100_000_a_second_is_right_to_nanoseconds() {
        let day = 86_400;
        let flat = load(100_000.0, &[stage(day, 100_000.0)]);
        let ramps = load(0.0, &[stage(day / 3, 100_000.0), stage(day / 3, 99_999.875), stage(day / 3, 0.0)]);
        // After a day of much, an hour of little: the fraction of an iteration must have survived.
        let tail = load(100_000.125, &[stage(day - 1, 99_999.5), stage(0, 0.5), stage(3_600, 0.125)]);
        for load in [flat, ramps, tail] {
            let (curve, exact) = (load.curve(), Exact::new(&load));
            let count = exact.count();
            let middle = (0..count).step_by((count / 1_000) as usize);
            for n in middle.chain(count - 1_000..count) {
                let due = curve.time_of_area(Area::from(n)).unwrap();
                // Little more than a rounded nanosecond where there are many a second, else a part of their gap.
                let bound =
                    Duration::from_nanos(2).max(Duration::from_secs_f64(1.5e-5 / curve.value_at(due).max(1e-3)));
                exact.assert_due(n, due, bound);
            }
        }
    }

    #[test]
    fn fractions_of_many_small_stages_add_up() {
        let fraction = 2_f64.powi(-23);
        let mut stages = vec![stage(10_000, 100_000.0), stage(0, 1_000.0 + fraction)];
        stages.resize(10_002, stage(1, 1_000.0 + fraction));
        let total = ending(100_000.0, &stages).total.unwrap();
        // Each fraction alone is what rounding could have made of a whole number.
        assert_eq!(total.minus(Area::from(1_010_000_000)), 10_000.0 * fraction);
    }

    #[test]
    fn area_and_its_inverse_agree_for_every_curve() {
        let mut random = ChaCha8Rng::seed_from_u64(42);
        for _ in 0..300 {
            let curve = random_load(&mut random, 500.0).curve();
            let total = curve.total.unwrap().as_f64();
            let mut last = Duration::ZERO;
            for step in 0..100 {
                let area = Area::default().plus(total * f64::from(step) / 100.0);
                let Some(at) = curve.time_of_area(area) else { continue };
                assert!(at >= last, "{at:?} after {last:?}");
                last = at;
                let back = curve.area_until(at).minus(area).abs();
                // Two nanoseconds of the greatest value.
                assert!(back <= 2e-9 * curve.greatest() + 1e-9, "{back}");
            }
        }
    }

    #[test]
    fn stretches_at_a_level_are_apart_and_agree_with_the_value() {
        let mut random = ChaCha8Rng::seed_from_u64(43);
        for _ in 0..300 {
            let curve = random_load(&mut random, 20.0).curve();
            let level = f64::from(random.random_range(0..20)) + 0.5;
            let spells: Vec<Spell> = curve.at_least(level, Duration::ZERO).collect();
            assert!(spells.iter().all(|spell| spell.from < spell.until.unwrap()), "{spells:?}");
            assert!(spells.windows(2).all(|two| two[0].until.unwrap() < two[1].from), "{spells:?}");
            for _ in 0..100 {
                let at = curve.length().unwrap().mul_f64(random.random());
                let inside = spells.iter().any(|spell| spell.from <= at && at < spell.until.unwrap());
                let value = curve.value_at(at);
                assert!(inside == (value >= level) || (value - level).abs() < 1e-6, "{value} at {at:?}");
            }
        }
    }
}
