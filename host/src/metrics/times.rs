//! Lengths of time, counted in a histogram.

use std::borrow::Cow;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::quantiles::{Exact, Figure, distribution, figure};
use super::summary::Distribution;
use super::table::Value;

/// The greatest time that percentiles tell apart; longer ones are counted as this one. It bounds a histogram's memory: a
/// guest may report any time for what it timed itself.
pub(crate) const LIMIT: Duration = Duration::from_secs(60 * 60);

const LIMIT_MICROS: u64 = LIMIT.as_micros() as u64;

/// How many times are kept as they are before they are counted in a histogram. The smallest histogram takes 16 KiB, and
/// with a thousand names few of them see more than this in a second.
const FEW: usize = 64;

const SIGNIFICANT_DIGITS: u8 = 3;
const NANOS_PER_SECOND: f64 = 1e9;
const MICROS_PER_SECOND: f64 = 1e6;

/// Counted times: to the microsecond and 3 significant digits for percentiles, exact for the count, the sum and the
/// extremes.
///
/// Counters have 64 bits. With 32, one would be full after twelve hours at 100,000 requests a second whose sending always
/// takes the same few microseconds, and percentiles would be silently wrong from there.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// In microseconds; empty where there is a histogram.
    few: Vec<u32>,
    /// Boxed, as most phases of most names have none.
    histogram: Option<Box<Histogram<u64>>>,
    count: u64,
    sum_nanos: u64,
    min_nanos: u64,
    max_nanos: u64,
    clamped: u64,
}

impl Default for Times {
    fn default() -> Self {
        let few = Vec::new();
        Times { few, histogram: None, count: 0, sum_nanos: 0, min_nanos: u64::MAX, max_nanos: 0, clamped: 0 }
    }
}

impl Times {
    /// Counts one.
    #[inline]
    pub(crate) fn record(&mut self, time: Duration) {
        let nanos = nanos(time);
        self.count += 1;
        self.sum_nanos = self.sum_nanos.saturating_add(nanos);
        self.min_nanos = self.min_nanos.min(nanos);
        self.max_nanos = self.max_nanos.max(nanos);
        let mut micros = nanos.saturating_add(500) / 1_000;
        if micros > LIMIT_MICROS {
            micros = LIMIT_MICROS;
            self.clamped += 1;
        }
        self.add(micros);
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Their sum in nanoseconds.
    pub(crate) fn sum_nanos(&self) -> u64 {
        self.sum_nanos
    }

    /// How many were above [`LIMIT`].
    pub(crate) fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Their distribution in seconds.
    pub(crate) fn distribution(&self) -> Distribution {
        self.distribution_with_zeros(0)
    }

    /// Their distribution in seconds if a time of zero had been recorded that many times more.
    pub(crate) fn distribution_with_zeros(&self, zeros: u64) -> Distribution {
        self.read(zeros, |exact, counted| distribution(exact, counted))
    }

    /// One figure of that distribution; none where there are no times.
    pub(crate) fn figure_with_zeros(&self, zeros: u64, which: Figure) -> Option<f64> {
        self.read(zeros, |exact, counted| figure(which, exact, counted))
    }

    fn read<R>(&self, zeros: u64, read: impl FnOnce(&Exact, &mut dyn Iterator<Item = (f64, u64)>) -> R) -> R {
        let exact = Exact {
            count: self.count + zeros,
            min: if zeros > 0 { 0.0 } else { self.min_nanos as f64 / NANOS_PER_SECOND },
            sum: self.sum_nanos as f64 / NANOS_PER_SECOND,
            max: self.max_nanos as f64 / NANOS_PER_SECOND,
        };
        let histogram = self.histogram();
        let recorded = histogram.iter_recorded().map(|step| {
            // The middle of the values that share a counter: half the error of either end.
            let micros = histogram.median_equivalent(step.value_iterated_to());
            (micros as f64 / MICROS_PER_SECOND, step.count_at_value())
        });
        read(&exact, &mut std::iter::once((0.0, zeros)).chain(recorded))
    }

    #[inline]
    fn add(&mut self, micros: u64) {
        match &mut self.histogram {
            Some(histogram) => count(histogram, micros),
            None if self.few.len() == FEW => count(self.spill(), micros),
            None => {
                if self.few.capacity() == 0 {
                    self.few.reserve_exact(FEW);
                }
                // At most LIMIT, which 32 bits hold.
                self.few.push(micros as u32);
            }
        }
    }

    /// The histogram, with all that was recorded in it.
    fn spill(&mut self) -> &mut Histogram<u64> {
        let few = std::mem::take(&mut self.few);
        self.histogram.get_or_insert_with(|| Box::new(counted(&few)))
    }

    fn histogram(&self) -> Cow<'_, Histogram<u64>> {
        match &self.histogram {
            Some(histogram) => Cow::Borrowed(histogram),
            None => Cow::Owned(counted(&self.few)),
        }
    }
}

impl Value for Times {
    fn merge(&mut self, other: &Self) {
        match &other.histogram {
            Some(histogram) => {
                self.spill().add(&**histogram).expect("a histogram that grows takes in any other of its kind");
            }
            None => other.few.iter().for_each(|micros| self.add(u64::from(*micros))),
        }
        self.count += other.count;
        self.sum_nanos = self.sum_nanos.saturating_add(other.sum_nanos);
        self.min_nanos = self.min_nanos.min(other.min_nanos);
        self.max_nanos = self.max_nanos.max(other.max_nanos);
        self.clamped += other.clamped;
    }

    fn clear(&mut self) {
        let was_busy = self.count > FEW as u64;
        let few = std::mem::take(&mut self.few);
        let histogram = self.histogram.take().filter(|_| was_busy);
        *self = Times { few, histogram, ..Times::default() };
        self.few.clear();
        if let Some(histogram) = &mut self.histogram {
            histogram.reset();
        }
    }

    fn heap_bytes(&self) -> usize {
        let counters = |histogram: &Histogram<u64>| size_of::<Histogram<u64>>() + histogram.distinct_values() * 8;
        self.few.capacity() * size_of::<u32>() + self.histogram.as_deref().map_or(0, counters)
    }
}

fn nanos(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()))
}

fn counted(few: &[u32]) -> Histogram<u64> {
    let mut histogram = Histogram::new(SIGNIFICANT_DIGITS).expect("3 digits are within the 0 to 5 allowed");
    few.iter().for_each(|micros| count(&mut histogram, u64::from(*micros)));
    histogram
}

#[inline]
fn count(histogram: &mut Histogram<u64>, micros: u64) {
    histogram.record(micros).expect("a histogram that grows takes any value up to an hour");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::Random;

    fn of(times: &[Duration]) -> Times {
        let mut counted = Times::default();
        times.iter().for_each(|time| counted.record(*time));
        counted
    }

    fn nearest_rank(sorted: &[Duration], hundredths_of_percent: usize) -> f64 {
        sorted[(sorted.len() * hundredths_of_percent).div_ceil(10_000) - 1].as_secs_f64()
    }

    fn assert_close(found: f64, exact: f64) {
        let allowed = (exact * 0.001).max(0.51e-6);
        assert!((found - exact).abs() <= allowed, "{found} is not within {allowed} of {exact}");
    }

    #[test]
    fn percentiles_agree_with_the_nearest_rank() {
        let mut random = Random::new(1);
        for count in [1, 2, 3, 10, 63, 64, 65, 100, 999, 20_000] {
            let mut times: Vec<Duration> = (0..count).map(|_| random.time()).collect();
            let found = of(&times).distribution();
            times.sort();
            let percentiles = [found.p50, found.p66, found.p75, found.p80, found.p90, found.p95, found.p98, found.p99];
            let places = [5_000, 6_600, 7_500, 8_000, 9_000, 9_500, 9_800, 9_900];
            for (percentile, place) in percentiles.into_iter().zip(places) {
                assert_close(percentile, nearest_rank(&times, place));
            }
            assert_close(found.p99_9, nearest_rank(&times, 9_990));
            assert_close(found.p99_99, nearest_rank(&times, 9_999));
        }
    }

    #[test]
    fn count_mean_and_extremes_are_exact() {
        let found = of(&[Duration::from_nanos(1_234_567_891), Duration::from_nanos(400), Duration::from_nanos(2)]);
        let found = found.distribution();
        assert_eq!((found.count, found.min, found.max), (3, 2e-9, 1.234567891));
        assert!((found.mean - 1_234_568_293e-9 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn added_zeros_count_like_recorded_ones() {
        let mut random = Random::new(2);
        let mut times: Vec<Duration> = (0..300).map(|_| random.time()).collect();
        let added = of(&times).distribution_with_zeros(700);
        times.extend([Duration::ZERO; 700]);
        assert_eq!(added, of(&times).distribution());
        assert_eq!(added.p66, 0.0);
        assert!(added.p90 > 0.0);
        assert_eq!(Times::default().distribution_with_zeros(5), of(&[Duration::ZERO; 5]).distribution());
    }

    #[test]
    fn times_above_the_limit_keep_their_extremes() {
        let times = of(&[Duration::from_secs(1), 3 * LIMIT, 5 * LIMIT, Duration::MAX]);
        assert_eq!(times.clamped(), 3);
        let found = times.distribution();
        assert_close(found.p50, LIMIT.as_secs_f64());
        assert_eq!(found.max, u64::MAX as f64 / NANOS_PER_SECOND);
    }

    #[test]
    fn merging_comes_to_recording_all() {
        let mut random = Random::new(3);
        for (mine, theirs) in [(0, 10), (10, 0), (10, 10), (40, 40), (10, 500), (500, 10), (500, 500)] {
            let times: Vec<Duration> = (0..mine + theirs).map(|_| random.time()).collect();
            let mut merged = of(&times[..mine]);
            merged.merge(&of(&times[mine..]));
            assert_eq!(merged.distribution(), of(&times).distribution());
        }
    }

    #[test]
    fn few_times_take_no_histogram() {
        let mut times = of(&[Duration::from_millis(1); FEW]);
        assert_eq!(times.heap_bytes(), FEW * size_of::<u32>());
        times.record(Duration::from_millis(1));
        assert!(times.histogram.is_some() && times.few.capacity() == 0);
    }

    #[test]
    fn a_busy_histogram_outlives_a_clear_and_an_idle_one_does_not() {
        let mut times = of(&[Duration::from_millis(1); FEW + 1]);
        times.clear();
        assert_eq!(times.distribution(), Distribution::default());
        assert!(times.histogram.is_some());
        times.record(Duration::from_millis(2));
        assert_eq!(times.distribution().max, 0.002);
        times.clear();
        assert!(times.histogram.is_none());
        assert_eq!(times.distribution(), Distribution::default());
    }
}
