//! The statistics behind the verdicts: estimates from a series of seconds, their uncertainty, and tests of differences.
//!
//! Pure functions of numbers. It must not know what the numbers measure.
//!
//! Seconds of a run resemble their neighbours, so a test that took them for independent would see changes everywhere.
//! Two measures against that: seconds are averaged in blocks, whose means resemble each other less, and what likeness
//! of neighbouring blocks is left widens the variance.

/// Values that an estimate is made of, at the least; below, too little is known of how they scatter.
pub(super) const LEAST_VALUES: usize = 10;

/// Blocks that a series is cut into: no fewer, since the likeness of neighbours needs five to be estimated at all, and
/// no more, since beyond 20 to 30 shorter blocks only resemble each other more (Schmeiser, "Batch size effects in the
/// analysis of simulation output", Operations Research 30, 1982).
const BLOCKS: std::ops::RangeInclusive<usize> = 5..=20;

/// Values in a block, at the least, where that leaves enough blocks.
const BLOCK_LENGTH: usize = 3;

/// The greatest correlation of neighbouring blocks that is believed; it widens the variance 19 times.
const MOST_CORRELATION: f64 = 0.9;

/// A value with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    /// The variance of `value`, not of what it was made of.
    pub(super) variance: f64,
    /// How many independent deviations the variance stands on.
    pub(super) freedom: f64,
    /// The sum of the denominators, such as how many requests the value is an average over.
    pub(super) weight: f64,
}

impl Estimate {
    /// The estimate of `value`'s natural logarithm, by the delta method; none where it has none.
    pub(super) fn logarithm(self) -> Option<Self> {
        let variance = self.variance / (self.value * self.value);
        (self.value > 0.0).then(|| Self { value: self.value.ln(), variance, ..self })
    }

    /// The estimate with a variance of at least that much.
    pub(super) fn at_least(self, variance: f64) -> Self {
        Self { variance: self.variance.max(variance), ..self }
    }
}

/// The sum of the first parts of consecutive pairs over the sum of the second ones; none for fewer than
/// [`LEAST_VALUES`] pairs, or where the divisor is 0.
///
/// The variance is that of a ratio estimate (Cochran, "Sampling Techniques", 3rd edition, 1977, section 2.11): of the
/// mean of the residuals `y - ratio * x` over the mean of `x`. They may depend on each other, see [`variance_of_mean`].
pub(super) fn ratio(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let count = pairs.len() as f64;
    let (above, weight) = pairs.iter().fold((0.0, 0.0), |(above, below), (y, x)| (above + y, below + x));
    if pairs.len() < LEAST_VALUES || weight <= 0.0 {
        return None;
    }
    let value = above / weight;
    let residuals: Vec<f64> = pairs.iter().map(|(y, x)| (y - value * x) / (weight / count)).collect();
    let (variance, freedom) = variance_of_mean(&residuals);
    Some(Estimate { value, variance, freedom, weight })
}

/// The variance of the mean of consecutive values that may depend on each other, and its degrees of freedom. For
/// [`LEAST_VALUES`] values at least.
///
/// The variance of the means of blocks is widened by (1 + r) / (1 - r), where r is the correlation of neighbouring
/// blocks, as if they followed each other in a process of first order (Bayley and Hammersley, "The 'effective' number
/// of independent observations in an autocorrelated time series", Supplement to the Journal of the Royal Statistical
/// Society 8, 1946). Of a short series the estimate of r is too small by about (1 + 4 r) / n (Marriott and Pope, "Bias
/// in the estimation of autocorrelations", Biometrika 41, 1954), which is put right here. Neighbours that alternate
/// would make the variance smaller; they are taken for independent.
fn variance_of_mean(values: &[f64]) -> (f64, f64) {
    let blocks = (values.len() / BLOCK_LENGTH).clamp(*BLOCKS.start(), *BLOCKS.end());
    let place = |block: usize| block * values.len() / blocks;
    let means: Vec<f64> = (0..blocks).map(|block| mean(&values[place(block)..place(block + 1)])).collect();
    let center = mean(&means);
    let squares: f64 = means.iter().map(|value| (value - center).powi(2)).sum();
    let products: f64 = means.windows(2).map(|pair| (pair[0] - center) * (pair[1] - center)).sum();
    let count = blocks as f64;
    let raw = if squares > 0.0 { products / squares } else { 0.0 };
    let correlation = ((count * raw + 1.0) / (count - 4.0)).clamp(0.0, MOST_CORRELATION);
    let widening = (1.0 + correlation) / (1.0 - correlation);
    (squares / (count - 1.0) / count * widening, (count / widening - 1.0).max(1.0))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// What two estimates differ by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Difference {
    /// The second value less the first.
    pub(super) value: f64,
    /// Where the true difference lies with the confidence asked for.
    pub(super) interval: (f64, f64),
    /// How likely a difference of this size, in either direction, would be by chance.
    pub(super) p: f64,
}

/// Tests two estimates by Welch's t-test, whose variances need not be alike (Welch, "The generalization of 'Student's'
/// problem when several different population variances are involved", Biometrika 34, 1947). `alpha` is the chance of
/// the interval to miss the true difference. The degrees of freedom are rounded down.
pub(super) fn difference(before: &Estimate, after: &Estimate, alpha: f64) -> Difference {
    let value = after.value - before.value;
    let variance = before.variance + after.variance;
    if variance <= 0.0 {
        // Neither scatters at all: any difference is one.
        return Difference { value, interval: (value, value), p: if value == 0.0 { 1.0 } else { 0.0 } };
    }
    let part = |estimate: &Estimate| estimate.variance.powi(2) / estimate.freedom;
    let freedom = (variance.powi(2) / (part(before) + part(after))).floor().max(1.0) as u32;
    let error = variance.sqrt();
    let reach = t_quantile(alpha, freedom) * error;
    Difference { value, interval: (value - reach, value + reach), p: t_tails(value.abs() / error, freedom) }
}

/// The chance of a t beyond `t` in either direction (Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964,
/// formulas 26.7.3 and 26.7.4: finite sums for whole degrees of freedom).
fn t_tails(t: f64, freedom: u32) -> f64 {
    let angle = (t / f64::from(freedom).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = freedom % 2;
    let mut term = if odd == 1 { cosine } else { 1.0 };
    let mut sum = 0.0;
    for step in (odd..freedom.saturating_sub(1)).step_by(2) {
        sum += term;
        term *= cosine * cosine * f64::from(step + 1) / f64::from(step + 2);
    }
    let within = if odd == 1 { (angle + sine * sum) * std::f64::consts::FRAC_2_PI } else { sine * sum };
    (1.0 - within).clamp(0.0, 1.0)
}

/// The t beyond which, in either direction, lies the chance `alpha`, to nine digits.
fn t_quantile(alpha: f64, freedom: u32) -> f64 {
    let mut below = 0.0;
    let mut above = 1.0;
    while t_tails(above, freedom) > alpha {
        above *= 2.0;
    }
    while above - below > above * 1e-9 {
        let middle = (below + above) / 2.0;
        if t_tails(middle, freedom) > alpha {
            below = middle;
        } else {
            above = middle;
        }
    }
    above
}

/// The p-values of several tests, so raised that the chance of any false alarm among those below a bound stays below it
/// (Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979).
pub(super) fn holm(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&one, &other| values[one].total_cmp(&values[other]));
    let mut adjusted = vec![0.0; values.len()];
    let mut least: f64 = 0.0;
    for (rank, &at) in order.iter().enumerate() {
        least = least.max((values[at] * (values.len() - rank) as f64).min(1.0));
        adjusted[at] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(actual: f64, expected: f64, error: f64) {
        assert!((actual - expected).abs() <= error, "{actual} is not {expected}");
    }

    /// What Welch's test takes of independent values.
    fn independent(values: &[f64]) -> Estimate {
        let (value, count) = (mean(values), values.len() as f64);
        let squares: f64 = values.iter().map(|one| (one - value).powi(2)).sum();
        Estimate { value, variance: squares / (count - 1.0) / count, freedom: count - 1.0, weight: count }
    }

    /// The three examples of the article on Welch's t-test in the English Wikipedia, with the t and p given there.
    #[test]
    fn published_examples_come_out() {
        let examples: [(&[f64], &[f64], f64, f64); 3] = [
            (
                &[27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4],
                &[27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4],
                -2.46,
                0.021,
            ),
            (
                &[17.2, 20.9, 22.6, 18.1, 21.7, 21.4, 23.5, 24.2, 14.7, 21.8],
                &[
                    21.5, 22.8, 21.0, 23.0, 21.6, 23.6, 22.5, 20.7, 23.4, 21.8, 20.7, 21.7, 21.5, 22.5, 23.6, 21.5,
                    22.5, 23.5, 21.5, 21.8,
                ],
                -1.57,
                0.149,
            ),
            (
                &[19.8, 20.4, 19.6, 17.8, 18.5, 18.9, 18.3, 18.9, 19.5, 22.0],
                &[
                    28.2, 26.6, 20.1, 23.3, 25.2, 22.1, 17.7, 27.6, 20.6, 13.7, 23.2, 17.5, 20.6, 18.0, 23.9, 21.6,
                    24.3, 20.4, 24.0, 13.2,
                ],
                -2.22,
                0.036,
            ),
        ];
        for (first, second, t, p) in examples {
            let (first, second) = (independent(first), independent(second));
            let found = difference(&second, &first, 0.05);
            near(found.value / (first.variance + second.variance).sqrt(), t, 0.005);
            // Degrees of freedom are fractions there, and rounded down here, which makes p a little larger.
            assert!((p - 0.0005..p + 0.004).contains(&found.p), "{} is not {p}", found.p);
            assert_eq!(found.p < 0.05, found.interval.1 < 0.0);
        }
    }

    /// Abramowitz and Stegun, table 26.10.
    #[test]
    fn the_t_distribution_is_the_tables() {
        for (freedom, at_5_percent, at_1_percent) in
            [(1, 12.706, 63.657), (2, 4.303, 9.925), (5, 2.571, 4.032), (10, 2.228, 3.169), (30, 2.042, 2.750)]
        {
            near(t_quantile(0.05, freedom), at_5_percent, 0.0005);
            near(t_quantile(0.01, freedom), at_1_percent, 0.0005);
            near(t_tails(at_5_percent, freedom), 0.05, 0.0001);
        }
        assert_eq!((t_tails(0.0, 3), t_tails(0.0, 4)), (1.0, 1.0));
        assert_eq!(t_tails(f64::INFINITY, 1), 0.0);
    }

    /// The example of the article on the Holm-Bonferroni method in the English Wikipedia: of four hypotheses the first
    /// and the fourth are rejected.
    #[test]
    fn several_tests_are_corrected() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (actual, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            near(*actual, expected, 1e-12);
        }
        assert_eq!(holm(&[0.6, 0.9]), [1.0, 1.0]);
        assert_eq!(holm(&[]), [0.0; 0]);
    }

    /// Ten values are five blocks of two. By hand: the blocks' means 2, 4, 1, 5, 3 have the variance 2.5, and
    /// neighbours alternate; the means 1 to 5 have it too, with neighbours as alike as is believed.
    #[test]
    fn likeness_of_neighbours_widens_the_variance() {
        let twice = |means: [f64; 5]| means.iter().flat_map(|mean| [mean - 0.5, mean + 0.5]).collect::<Vec<_>>();
        let (variance, freedom) = variance_of_mean(&twice([2.0, 4.0, 1.0, 5.0, 3.0]));
        near(variance, 0.5, 1e-12);
        assert_eq!(freedom, 4.0);
        let (variance, freedom) = variance_of_mean(&twice([1.0, 2.0, 3.0, 4.0, 5.0]));
        near(variance, 0.5 * 19.0, 1e-9);
        assert_eq!(freedom, 1.0);
    }

    /// By hand: thirty values are ten blocks of three, whose means 0, 1, 1, 0, 0, 1, 1, 0, 0, 1 lie half a unit from
    /// their mean, and of nine pairs of neighbours five differ. So raw r = (4 - 5) / 10, put right (-1 + 1) / 6 = 0.
    #[test]
    fn the_estimated_likeness_is_put_right_for_its_bias() {
        let means = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
        let values: Vec<f64> = means.iter().flat_map(|&mean| [mean; 3]).collect();
        let (variance, freedom) = variance_of_mean(&values);
        near(variance, 10.0 * 0.25 / 9.0 / 10.0, 1e-12);
        near(freedom, 9.0, 1e-9);
        // With one pair more alike, raw r = (5 - 4) / 10, put right (1 + 1) / 6 = 1/3: twice the variance.
        let means = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
        let values: Vec<f64> = means.iter().flat_map(|&mean| [mean; 3]).collect();
        let (variance, freedom) = variance_of_mean(&values);
        near(variance, 10.0 * 0.25 / 9.0 / 10.0 * 2.0, 1e-12);
        near(freedom, 4.0, 1e-9);
    }

    #[test]
    fn a_ratio_weighs_by_its_divisors() {
        // Every other second has three times the requests, each of them twice as slow: (1 + 3 * 2) / (1 + 3).
        let pairs: Vec<_> = (0..30).map(|at| if at % 2 == 0 { (1.0, 1.0) } else { (6.0, 3.0) }).collect();
        let estimate = ratio(&pairs).expect("enough pairs");
        near(estimate.value, 7.0 / 4.0, 1e-12);
        assert_eq!(estimate.weight, 60.0);
        // Where the first part follows the second, nothing is uncertain.
        let exact: Vec<_> = (1..=30).map(|at| (2.0 * f64::from(at), f64::from(at))).collect();
        assert_eq!(ratio(&exact).map(|estimate| (estimate.value, estimate.variance)), Some((2.0, 0.0)));
        assert_eq!(ratio(&pairs[..LEAST_VALUES - 1]), None);
        assert_eq!(ratio(&[(1.0, 0.0); 20]), None);
    }

    #[test]
    fn logarithms_make_differences_relative() {
        let estimate = |value: f64| Estimate { value, variance: 0.04, freedom: 9.0, weight: 1.0 };
        let logarithm = estimate(2.0).logarithm().expect("a positive value");
        near(logarithm.value, std::f64::consts::LN_2, 1e-15);
        near(logarithm.variance, 0.01, 1e-15);
        assert_eq!(estimate(0.0).logarithm(), None);
    }

    #[test]
    fn what_does_not_scatter_differs_or_does_not() {
        let exact = |value| Estimate { value, variance: 0.0, freedom: 4.0, weight: 1.0 };
        assert_eq!(difference(&exact(1.0), &exact(1.0), 0.05).p, 1.0);
        let found = difference(&exact(1.0), &exact(3.0), 0.05);
        assert_eq!(found, Difference { value: 2.0, interval: (2.0, 2.0), p: 0.0 });
    }
}
