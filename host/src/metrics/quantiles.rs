//! From counted values to a [`Distribution`], or to one figure of it.

use super::summary::Distribution;

/// The percentiles of a [`Distribution`], in hundredths of a percent, ascending. Whole numbers, so that a rank is exact.
const PERCENTILES: [u64; 10] = [5_000, 6_600, 7_500, 8_000, 9_000, 9_500, 9_800, 9_900, 9_990, 9_999];

/// What is known exactly of the values.
pub(crate) struct Exact {
    /// How many.
    pub(crate) count: u64,
    /// The least.
    pub(crate) min: f64,
    /// Their sum.
    pub(crate) sum: f64,
    /// The greatest.
    pub(crate) max: f64,
}

/// One figure of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The least value.
    Min,
    /// The arithmetic mean.
    Mean,
    /// The greatest value.
    Max,
    /// The percentile, in hundredths of a percent.
    Percentile(u16),
}

/// That figure of the values that [`distribution`] is made of; none where there are no values.
pub(crate) fn figure(figure: Figure, exact: &Exact, counted: impl Iterator<Item = (f64, u64)>) -> Option<f64> {
    if exact.count == 0 {
        return None;
    }
    Some(match figure {
        Figure::Min => exact.min,
        Figure::Mean => exact.sum / exact.count as f64,
        Figure::Max => exact.max,
        Figure::Percentile(percentile) => {
            let [value] = nearest_ranks([u64::from(percentile)], exact.count, counted);
            value.max(exact.min).min(exact.max)
        }
    })
}

/// The distribution of values of which `exact` is known, and which `counted` gives as a value and how often it came, in
/// ascending order.
///
/// The p-th percentile is the nearest rank's: the value at place ceil(p / 100 × count) of the sorted values, counted from 1
/// (Hyndman and Fan's first definition in "Sample Quantiles in Statistical Packages", The American Statistician 50,
/// 1996). A counted value may stand for close ones, so it is held between the exact least and greatest.
pub(crate) fn distribution(exact: &Exact, counted: impl Iterator<Item = (f64, u64)>) -> Distribution {
    if exact.count == 0 {
        return Distribution::default();
    }
    let [p50, p66, p75, p80, p90, p95, p98, p99, p99_9, p99_99] =
        nearest_ranks(PERCENTILES, exact.count, counted).map(|value| value.max(exact.min).min(exact.max));
    Distribution {
        count: exact.count,
        min: exact.min,
        mean: exact.sum / exact.count as f64,
        p50,
        p66,
        p75,
        p80,
        p90,
        p95,
        p98,
        p99,
        p99_9,
        p99_99,
        max: exact.max,
    }
}

/// The values at the ranks of those percentiles, which ascend, in one pass.
fn nearest_ranks<const N: usize>(
    percentiles: [u64; N],
    count: u64,
    counted: impl Iterator<Item = (f64, u64)>,
) -> [f64; N] {
    let mut found = [f64::INFINITY; N];
    let mut next = 0;
    let mut passed = 0;
    for (value, times) in counted {
        passed += times;
        while next < N && rank(percentiles[next], count) <= passed {
            found[next] = value;
            next += 1;
        }
    }
    found
}

fn rank(percentile: u64, count: u64) -> u64 {
    (u128::from(percentile) * u128::from(count)).div_ceil(10_000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Distribution {
        let (min, max) = (values[0], values[values.len() - 1]);
        let exact = Exact { count: values.len() as u64, min, sum: values.iter().sum(), max };
        distribution(&exact, values.iter().map(|value| (*value, 1)))
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        let found = of(&values);
        let got = [found.p50, found.p66, found.p75, found.p80, found.p90, found.p95, found.p98, found.p99];
        assert_eq!(got, [500.0, 660.0, 750.0, 800.0, 900.0, 950.0, 980.0, 990.0]);
        assert_eq!([found.p99_9, found.p99_99, found.min, found.mean, found.max], [999.0, 1000.0, 1.0, 500.5, 1000.0]);
    }

    #[test]
    fn a_rank_between_two_values_takes_the_upper_one() {
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 5.0]).p50, 3.0);
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0]).p50, 2.0);
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0]).p66, 3.0);
    }

    #[test]
    fn one_value_is_every_percentile() {
        let found = of(&[7.5]);
        assert_eq!([found.min, found.mean, found.p50, found.p99_99, found.max], [7.5; 5]);
    }

    #[test]
    fn a_single_figure_is_that_of_the_distribution() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        let one = |which| {
            let exact = Exact { count: 1000, min: 1.0, sum: values.iter().sum(), max: 1000.0 };
            figure(which, &exact, values.iter().map(|value| (*value, 1)))
        };
        let percentile = |hundredths| one(Figure::Percentile(hundredths));
        assert_eq!([one(Figure::Min), one(Figure::Mean), one(Figure::Max)], [Some(1.0), Some(500.5), Some(1000.0)]);
        let found = [1, 5_000, 9_730, 9_990, 10_000].map(percentile);
        assert_eq!(found, [Some(1.0), Some(500.0), Some(973.0), Some(999.0), Some(1000.0)]);
        let none = Exact { count: 0, min: f64::INFINITY, sum: 0.0, max: 0.0 };
        assert_eq!(figure(Figure::Mean, &none, std::iter::empty()), None);
    }

    #[test]
    fn no_values_are_all_zero() {
        let exact = Exact { count: 0, min: f64::INFINITY, sum: 0.0, max: 0.0 };
        assert_eq!(distribution(&exact, std::iter::empty()), Distribution::default());
    }
}
