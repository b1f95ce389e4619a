//! Values of any size and sign, counted in a histogram.

use hashbrown::HashMap;

use super::quantiles::{Exact, Figure, distribution, figure};
use super::summary::Distribution;
use super::table::Value;

/// How many counters a histogram may have before it halves its precision. At full precision they cover eight doublings of
/// the value without a gap.
const COUNTERS: usize = 8 * 1024;

/// How many low bits of a value share a counter at full precision. It leaves 10 of an `f64`'s 52 bits of fraction, so
/// values that share a counter differ by less than 1/1024.
const COARSENESS: u32 = 42;

/// Counted values, each finite: to 0.1 % for percentiles, exact for the count and the extremes. The sum is that of `f64`s.
///
/// A value's counter is given by its leading bits, sign, exponent and the top of the fraction: buckets are linear within a
/// power of two, as HdrHistogram's are, and need no range set beforehand. Where values would need more than [`COUNTERS`]
/// counters, one more bit is dropped, which merges neighbours in pairs (the uniform collapse of Epicoco et al., "UDDSketch:
/// Accurate Tracking of Quantiles in Data Streams", IEEE Access 8, 2020) and doubles the error. How many bits go depends
/// only on the set of values, so merging in any order comes to the same.
#[derive(Clone, Debug)]
pub(crate) struct Floats {
    counters: HashMap<u64, u64>,
    coarseness: u32,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Default for Floats {
    fn default() -> Self {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Floats { counters: HashMap::new(), coarseness: COARSENESS, count: 0, sum: 0.0, min, max }
    }
}

impl Floats {
    /// Counts one, which must be finite.
    pub(crate) fn record(&mut self, value: f64) {
        // Makes a negative zero positive, so that both share a counter.
        let value = value + 0.0;
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.add(value.to_bits() >> self.coarseness, 1);
    }

    /// Their distribution.
    pub(crate) fn distribution(&self) -> Distribution {
        self.read(|exact, counted| distribution(exact, counted))
    }

    /// One figure of it; none where there are no values.
    pub(crate) fn figure(&self, which: Figure) -> Option<f64> {
        self.read(|exact, counted| figure(which, exact, counted))
    }

    fn read<R>(&self, read: impl FnOnce(&Exact, &mut dyn Iterator<Item = (f64, u64)>) -> R) -> R {
        // The end nearer to zero, of the values that share a counter: whole numbers up to 2048 stay whole.
        let value = |counter: u64| f64::from_bits(counter << self.coarseness);
        let mut counted: Vec<_> = self.counters.iter().map(|(counter, times)| (value(*counter), *times)).collect();
        counted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let exact = Exact { count: self.count, min: self.min, sum: self.sum, max: self.max };
        read(&exact, &mut counted.into_iter())
    }

    fn add(&mut self, counter: u64, times: u64) {
        *self.counters.entry(counter).or_insert(0) += times;
        while self.counters.len() > COUNTERS {
            self.coarsen(self.coarseness + 1);
        }
    }

    fn coarsen(&mut self, coarseness: u32) {
        let dropped = coarseness - self.coarseness;
        let mut counters = HashMap::new();
        for (counter, times) in self.counters.drain() {
            *counters.entry(counter >> dropped).or_insert(0) += times;
        }
        self.counters = counters;
        self.coarseness = coarseness;
    }
}

impl Value for Floats {
    fn merge(&mut self, other: &Self) {
        if other.coarseness > self.coarseness {
            self.coarsen(other.coarseness);
        }
        for (counter, times) in &other.counters {
            // Looked at anew each time: adding may coarsen.
            self.add(counter >> (self.coarseness - other.coarseness), *times);
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn clear(&mut self) {
        let mut counters = std::mem::take(&mut self.counters);
        counters.clear();
        *self = Floats { counters, ..Floats::default() };
    }

    fn heap_bytes(&self) -> usize {
        self.counters.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::Random;

    fn of(values: &[f64]) -> Floats {
        let mut floats = Floats::default();
        values.iter().for_each(|value| floats.record(*value));
        floats
    }

    /// Values of both signs over `decades` orders of magnitude.
    fn values(random: &mut Random, count: usize, decades: f64) -> Vec<f64> {
        let mut value = || 10f64.powf((random.share() - 0.5) * decades) * if random.below(3) == 0 { -1.0 } else { 1.0 };
        (0..count).map(|_| value()).collect()
    }

    #[test]
    fn percentiles_agree_with_the_nearest_rank() {
        let mut random = Random::new(1);
        for count in [1, 2, 10, 333, 5_000] {
            let mut values = values(&mut random, count, 12.0);
            let found = of(&values).distribution();
            values.sort_by(f64::total_cmp);
            for (percentile, place) in [(found.p50, 50), (found.p75, 75), (found.p90, 90), (found.p99, 99)] {
                let exact = values[(count * place).div_ceil(100) - 1];
                assert!((percentile - exact).abs() <= exact.abs() * 0.001, "{percentile} {exact}");
            }
            assert_eq!((found.min, found.max), (values[0], values[count - 1]));
        }
    }

    #[test]
    fn whole_numbers_and_zero_stay_what_they_are() {
        let found = of(&[-3.0, -0.0, 0.0, 7.0, 2047.0]).distribution();
        assert_eq!([found.min, found.p50, found.p75, found.max, found.mean], [-3.0, 0.0, 7.0, 2047.0, 410.2]);
    }

    #[test]
    fn too_many_distinct_values_cost_precision_and_not_memory() {
        let mut random = Random::new(2);
        let mut values = values(&mut random, 100_000, 30.0);
        let floats = of(&values);
        assert!(floats.counters.len() <= COUNTERS && floats.coarseness > COARSENESS);
        let error = 1.0 / f64::from(1u32 << (52 - floats.coarseness));
        values.sort_by(f64::total_cmp);
        let (found, exact) = (floats.distribution().p75, values[75_000 - 1]);
        assert!((found - exact).abs() <= exact.abs() * error, "{found} {exact}");
    }

    #[test]
    fn merging_in_any_order_comes_to_recording_all() {
        let mut random = Random::new(3);
        // The first is as narrow as to keep full precision; the widest makes the others lose theirs.
        let parts: Vec<Vec<f64>> =
            [(500, 1.0), (9_000, 4.0), (30_000, 30.0)].map(|(n, decades)| values(&mut random, n, decades)).into();
        let all = of(&parts.concat());
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
            let mut merged = Floats::default();
            order.iter().for_each(|part| merged.merge(&of(&parts[*part])));
            assert_eq!((&merged.counters, merged.coarseness), (&all.counters, all.coarseness));
            assert_eq!((merged.count, merged.min, merged.max), (all.count, all.min, all.max));
        }
    }

    #[test]
    fn a_clear_forgets_all() {
        let mut floats = of(&[1.0, f64::MAX]);
        floats.clear();
        assert_eq!(floats.distribution(), Distribution::default());
        floats.record(2.0);
        assert_eq!(floats.distribution().mean, 2.0);
    }
}
