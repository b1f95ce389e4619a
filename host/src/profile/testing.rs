//! What the tests of this module share: loads that look random and are the same in every run, and areas in whole
//! numbers, where nothing is rounded.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{After, Arrivals, Curve, Deal, OpenModel, Stage};

/// That many seconds.
pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A stage of that many seconds.
pub(super) fn stage(length: u64, target: f64) -> Stage {
    Stage { length: seconds(length), target }
}

/// An open model without bounds, with 10 virtual users.
pub(super) fn open(rate: &Curve, arrivals: Arrivals) -> OpenModel {
    OpenModel {
        rate: rate.clone(),
        arrivals,
        max_vus: 10,
        preallocated_vus: 5,
        run_time: None,
        iterations: None,
        deal: Deal::default(),
    }
}

/// The makings of a curve.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) start: f64,
    pub(super) stages: Vec<Stage>,
}

impl Load {
    /// The curve, which ends after the last stage.
    pub(super) fn curve(&self) -> Curve {
        Curve::new(self.start, &self.stages, After::Ends).unwrap()
    }
}

/// A load of these stages.
pub(super) fn load(start: f64, stages: &[Stage]) -> Load {
    Load { start, stages: stages.to_vec() }
}

/// Ramps, plateaus, pauses and jumps up to a value, in eighths, over some seconds each.
pub(super) fn random_load(random: &mut ChaCha8Rng, most: f64) -> Load {
    let eighths = (most * 8.0) as u32;
    let value = |random: &mut ChaCha8Rng| match random.random_range(0..4) {
        0 => 0.0,
        1 => f64::from(random.random_range(0..=eighths) / 8),
        _ => f64::from(random.random_range(0..=eighths)) / 8.0,
    };
    let start = value(random);
    let mut last = start;
    let mut stages: Vec<Stage> = (0..random.random_range(0..8))
        .map(|_| {
            let length = Duration::from_nanos(random.random_range(1..20_000_000_000));
            let (length, target) = match random.random_range(0..4) {
                0 => (Duration::ZERO, value(random)),
                1 => (length, last),
                2 => (Duration::from_secs(length.as_secs()), value(random)),
                _ => (length, value(random)),
            };
            last = target;
            Stage { length, target }
        })
        .collect();
    stages.push(stage(5, value(random)));
    Load { start, stages }
}

/// Areas under a load of eighths and whole nanoseconds. They are counted in sixteenths of an iteration times a
/// nanosecond, times the length of the piece where they end: whole numbers.
pub(super) struct Exact {
    pieces: Vec<ExactPiece>,
    total: i128,
}

struct ExactPiece {
    from: i128,
    length: i128,
    start: i128,
    end: i128,
    before: i128,
}

/// The unit of areas before the length is multiplied in.
const UNIT: i128 = 16_000_000_000;

impl Exact {
    /// The areas of that load.
    pub(super) fn new(load: &Load) -> Exact {
        let (mut from, mut before, mut start) = (0, 0, (load.start * 8.0) as i128);
        let mut pieces = Vec::new();
        for stage in &load.stages {
            let (length, end) = (stage.length.as_nanos() as i128, (stage.target * 8.0) as i128);
            pieces.push(ExactPiece { from, length, start, end, before });
            from += length;
            before += (start + end) * length;
            start = end;
        }
        pieces.retain(|piece| piece.length > 0);
        Exact { pieces, total: before }
    }

    /// How many of 0, 1, 2, … lie below the whole area.
    pub(super) fn count(&self) -> u64 {
        ((self.total + UNIT - 1) / UNIT) as u64
    }

    /// Whether the area until that time is above n; not before the start, and after the end it stays.
    fn is_above(&self, nanos: i128, n: u64) -> bool {
        let Some(piece) = self.pieces.iter().rev().find(|piece| piece.from <= nanos) else { return false };
        let time = (nanos - piece.from).min(piece.length);
        let area = piece.before * piece.length
            + 2 * piece.start * time * piece.length
            + (piece.end - piece.start) * time * time;
        area > i128::from(n) * UNIT * piece.length
    }

    /// Checks that the area comes to be above n at `due`, give or take `error`.
    pub(super) fn assert_due(&self, n: u64, due: Duration, error: Duration) {
        let (due, error) = (due.as_nanos() as i128, error.as_nanos() as i128);
        assert!(!self.is_above(due - error, n), "arrival {n} is due too late at {due} ns");
        assert!(self.is_above(due + error, n), "arrival {n} is due too early at {due} ns");
    }
}
