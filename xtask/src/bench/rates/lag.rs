//! How far arrivals lie behind an even plan, from their times alone.

use std::time::Duration;

use serde::Serialize;

use super::super::report::median;

/// How late the arrivals of an even plan were, in seconds.
///
/// Nobody outside the program knows when its load began. So arrival n, of `rate` a second, is taken to be due n / `rate`
/// after the one instant that makes none of them early: a lag is what an arrival took longer than the quickest of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(in super::super) struct Lags {
    pub(in super::super) p50_seconds: f64,
    pub(in super::super) p99_seconds: f64,
    pub(in super::super) max_seconds: f64,
    /// The median lag of the last tenth without that of the first: what a clock gathers that isn't set by the plan.
    pub(in super::super) drift_seconds: f64,
}

impl Lags {
    /// Of arrivals in the order of their times, which may count from anywhere; NaN where there are none.
    pub(super) fn new(stamps: &[Duration], per_second: u32) -> Self {
        let numbered = stamps.iter().enumerate();
        let offsets: Vec<f64> = numbered.map(|(n, at)| at.as_secs_f64() - n as f64 / f64::from(per_second)).collect();
        let quickest = offsets.iter().copied().fold(f64::NAN, f64::min);
        let lags: Vec<f64> = offsets.iter().map(|offset| offset - quickest).collect();
        let tenth = lags.len().div_ceil(10);
        let (first, last) = (&lags[..tenth], &lags[lags.len() - tenth..]);
        let drift_seconds = median(last.iter().copied()) - median(first.iter().copied());
        let mut sorted = lags;
        sorted.sort_by(f64::total_cmp);
        Self {
            p50_seconds: percentile(&sorted, 50),
            p99_seconds: percentile(&sorted, 99),
            max_seconds: percentile(&sorted, 100),
            drift_seconds,
        }
    }
}

/// The smallest value that at least that many per cent of them don't exceed: the nearest-rank method.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1).map_or(f64::NAN, |index| sorted[index])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Lags;

    /// A thousand arrivals at 100 a second that begin somewhere, each as many microseconds late as `late` says.
    fn lags(late: impl Fn(u64) -> u64) -> Lags {
        let stamp = |n| Duration::from_micros(7_000_000 + n * 10_000 + late(n));
        Lags::new(&(0..1_000).map(stamp).collect::<Vec<_>>(), 100)
    }

    fn assert_close(found: Lags, expected: [f64; 4]) {
        let found = [found.p50_seconds, found.p99_seconds, found.max_seconds, found.drift_seconds];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
    }

    #[test]
    fn lags_count_from_the_quickest_arrival() {
        assert_close(lags(|_| 300), [0.0; 4]);
        assert_close(lags(|n| if n == 500 { 300 } else { 400 }), [0.000_1, 0.000_1, 0.000_1, 0.0]);
    }

    #[test]
    fn percentiles_are_of_all_arrivals() {
        // Each of the numbers from 0 to 999 once; in each tenth they are 1 greater than in the one before.
        assert_close(lags(|n| n * 10 % 1_000 + n / 100), [0.000_499, 0.000_989, 0.000_999, 0.000_009]);
    }

    #[test]
    fn a_rate_that_is_missed_a_little_drifts() {
        // Each gap is 1 µs too long: 900 gaps lie between the middles of the first and the last tenth.
        assert_close(lags(|n| n), [0.000_499, 0.000_989, 0.000_999, 0.000_9]);
    }

    #[test]
    fn few_arrivals_have_lags_and_none_have_not() {
        assert_close(Lags::new(&[Duration::from_secs(3)], 10), [0.0; 4]);
        assert!(Lags::new(&[], 10).p99_seconds.is_nan());
    }
}
