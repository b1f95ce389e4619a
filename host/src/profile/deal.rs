//! Which numbers of a load belong to which of the scenarios that share it.

use std::sync::Arc;

/// The greatest weight. With it, the arithmetic of a round stays far inside 64 bits.
const MOST_WEIGHT: u32 = 10_000;

/// Which of the numbers of a shared load are one scenario's own: the virtual users by their indices, the arrivals, the
/// iterations of a bound. Default: all of them, as a load has it that nobody shares.
///
/// The numbers 0, 1, 2, … go one after another to the scenario with the greatest quotient weight ÷ (2 · had + 1), where
/// `had` is how many it had before; among equals, to the first. This is the method of Webster and Sainte-Laguë
/// (Balinski and Young, "The Webster method of apportionment", Proceedings of the National Academy of Sciences 77,
/// 1980). So whatever their number, the scenarios' parts are as near to the weights as whole numbers can be, where a
/// distance counts squared and divided by the weight: no other parts of the same number have a smaller sum of those.
/// After a round of as many numbers as the sum of the weights (divided by what divides all of them), the parts are
/// exact, and the same order begins anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deal(Option<Mix>);

/// Scenarios by weight, and one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mix {
    /// Divided by what divides all of them. Copies share them.
    weights: Arc<[u64]>,
    which: usize,
    /// The weight of that one: how many numbers of a round are its own.
    weight: u64,
    /// The sum of the weights: how many numbers a round has.
    round: u64,
}

/// Why scenarios can't share a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DealError {
    /// A weight that is none.
    #[error("share a load by a weight of {0}; `weight` takes a whole number from 1 to {MOST_WEIGHT}")]
    Weight(u32),
    /// A scenario without a weight.
    #[error("share a load by weight with scenario {which} of {count}; count them from 0")]
    Which {
        /// The scenario asked for.
        which: usize,
        /// How many weights there are.
        count: usize,
    },
}

impl Deal {
    /// What the scenario at place `which` has of a load that scenarios of those weights share.
    ///
    /// # Errors
    /// Where a weight is not from 1 to 10,000, or there is none at that place.
    pub fn new(weights: &[u32], which: usize) -> Result<Deal, DealError> {
        if let Some(&weight) = weights.iter().find(|weight| !(1..=MOST_WEIGHT).contains(*weight)) {
            return Err(DealError::Weight(weight));
        }
        let own = *weights.get(which).ok_or(DealError::Which { which, count: weights.len() })?;
        if weights.len() == 1 {
            return Ok(Deal::default());
        }
        let divisor = weights.iter().copied().map(u64::from).fold(0, common_divisor);
        let weights: Arc<[u64]> = weights.iter().map(|weight| u64::from(*weight) / divisor).collect();
        Ok(Deal(Some(Mix { which, weight: u64::from(own) / divisor, round: weights.iter().sum(), weights })))
    }

    /// How many of the numbers below `total` are its own.
    pub fn count_below(&self, total: u64) -> u64 {
        let Some(mix) = &self.0 else { return total };
        let rest = total % mix.round;
        // Its own numbers of a round rise, so those below are found by halving.
        let (mut below, mut not) = (0, mix.weight);
        while below < not {
            let middle = below.midpoint(not);
            if mix.place(middle) < rest { below = middle + 1 } else { not = middle }
        }
        total / mix.round * mix.weight + below
    }

    /// The number that is its own number `own`, counted from 0. At 2^64 it stays.
    pub fn nth(&self, own: u64) -> u64 {
        let Some(mix) = &self.0 else { return own };
        (own / mix.weight).saturating_mul(mix.round).saturating_add(mix.place(own % mix.weight))
    }

    /// The weights, divided by what divides all of them, and the place of its own; none where nobody shares.
    pub(super) fn weights(&self) -> Option<(&[u64], usize)> {
        self.0.as_ref().map(|mix| (&*mix.weights, mix.which))
    }

    /// Its part of the load as a fraction: numerator and denominator, without a common divisor.
    pub(super) fn part(&self) -> (u64, u64) {
        self.0.as_ref().map_or((1, 1), |mix| {
            let divisor = common_divisor(mix.weight, mix.round);
            (mix.weight / divisor, mix.round / divisor)
        })
    }
}

impl Mix {
    /// Which number of the first round it gets after it had `had`: as many as all scenarios had before.
    ///
    /// Another scenario comes before it as long as weight ÷ (2h + 1) is greater than its own quotient, so for each
    /// 2h + 1 below (2 · had + 1) · weight ÷ own weight; one that stands before it also where they are equal. When
    /// `had` grows by the own weight, that bound grows by twice the other weight, and so each h by that weight: this
    /// is why rounds are alike.
    fn place(&self, had: u64) -> u64 {
        let before = |(place, weight): (usize, &u64)| {
            let bound = (2 * had + 1) * weight;
            if place < self.which { (bound / self.weight).div_ceil(2) } else { bound.div_ceil(self.weight) / 2 }
        };
        self.weights.iter().enumerate().map(before).sum()
    }
}

/// The greatest number that divides both, by Euclid's algorithm; where one is 0, the other one.
fn common_divisor(first: u64, second: u64) -> u64 {
    if second == 0 { first } else { common_divisor(second, first % second) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn deals(weights: &[u32]) -> Vec<Deal> {
        (0..weights.len()).map(|which| Deal::new(weights, which).unwrap()).collect()
    }

    /// Whose each number is, by the rule as it is written.
    fn dealt(weights: &[u32], count: usize) -> Vec<usize> {
        let mut had = vec![0_u64; weights.len()];
        let quotient_is_greater = |had: &[u64], one: usize, other: usize| {
            u64::from(weights[one]) * (2 * had[other] + 1) > u64::from(weights[other]) * (2 * had[one] + 1)
        };
        let mut deal = || {
            let others = 1..weights.len();
            let next = others.fold(0, |best, other| if quotient_is_greater(&had, other, best) { other } else { best });
            had[next] += 1;
            next
        };
        (0..count).map(|_| deal()).collect()
    }

    /// Weights of some scenarios, often equal or multiples of each other, so that quotients are.
    fn random_weights(random: &mut ChaCha8Rng) -> Vec<u32> {
        let most = [3, 12, 100, 1_000][random.random_range(0..4)];
        let times = random.random_range(1..=3);
        (0..random.random_range(1..9)).map(|_| times * random.random_range(1..=most)).collect()
    }

    #[test]
    fn a_mix_of_70_20_and_10_is_dealt_evenly() {
        assert_eq!(dealt(&[70, 20, 10], 10), [0, 0, 1, 0, 0, 2, 0, 1, 0, 0]);
        let deals = deals(&[70, 20, 10]);
        assert_eq!(deals.iter().map(|deal| deal.count_below(1_000)).collect::<Vec<_>>(), [700, 200, 100]);
        assert_eq!(deals.iter().map(|deal| deal.count_below(5)).collect::<Vec<_>>(), [4, 1, 0]);
        assert_eq!(deals.iter().map(Deal::part).collect::<Vec<_>>(), [(7, 10), (1, 5), (1, 10)]);
    }

    #[test]
    fn numbers_go_to_the_greatest_quotient_and_each_to_one_scenario() {
        let mut random = ChaCha8Rng::seed_from_u64(71);
        for _ in 0..300 {
            let weights = random_weights(&mut random);
            let sum: u32 = weights.iter().sum();
            let count = random.random_range(0..=3 * sum as usize).min(5_000);
            let mut had = vec![0; weights.len()];
            let deals = deals(&weights);
            for (number, &which) in dealt(&weights, count).iter().enumerate() {
                assert_eq!(deals[which].nth(had[which]), number as u64, "{weights:?}");
                had[which] += 1;
                if number % 7 == 0 {
                    let counts: Vec<u64> = deals.iter().map(|deal| deal.count_below(number as u64 + 1)).collect();
                    assert_eq!(counts, had, "{weights:?} up to {number}");
                }
            }
        }
    }

    #[test]
    fn a_round_gives_each_its_weight_and_the_next_one_is_like_it() {
        let mut random = ChaCha8Rng::seed_from_u64(72);
        let ties = [vec![1, 1], vec![2, 2, 2], vec![3, 1, 3, 1], vec![9, 3, 1], vec![15, 5, 3, 1], vec![6, 6, 2, 2]];
        let others = (0..100).map(|_| random_weights(&mut random));
        for weights in ties.into_iter().chain(others) {
            let divisor = weights.iter().fold(0, |divisor, &weight| common_divisor(divisor, u64::from(weight)));
            let round = weights.iter().map(|&weight| u64::from(weight) / divisor).sum::<u64>();
            let numbers = dealt(&weights, 3 * round as usize);
            assert!(numbers.chunks(round as usize).all(|next| next == &numbers[..round as usize]), "{weights:?}");
            for (which, deal) in deals(&weights).iter().enumerate() {
                assert_eq!(deal.count_below(round), u64::from(weights[which]) / divisor);
            }
        }
    }

    #[test]
    fn no_other_parts_are_nearer_to_the_weights() {
        let mut random = ChaCha8Rng::seed_from_u64(73);
        for _ in 0..50 {
            let weights: Vec<u32> = (0..3).map(|_| random.random_range(1..=20)).collect();
            let sum: f64 = weights.iter().copied().map(f64::from).sum();
            let far = |total: u64, parts: [u64; 3]| {
                let off = |(part, &weight): (u64, &u32)| {
                    (part as f64 - total as f64 * f64::from(weight) / sum).powi(2) / f64::from(weight)
                };
                parts.into_iter().zip(&weights).map(off).sum::<f64>()
            };
            let deals = deals(&weights);
            for total in 0..30 {
                let dealt = far(total, [0, 1, 2].map(|which: usize| deals[which].count_below(total)));
                for first in 0..=total {
                    for second in 0..=total - first {
                        let other = far(total, [first, second, total - first - second]);
                        assert!(dealt <= other + 1e-9, "{weights:?}: {first} and {second} of {total} are nearer");
                    }
                }
            }
        }
    }

    #[test]
    fn huge_numbers_are_dealt_as_fast_and_exactly_as_small_ones() {
        let weights = [10_000, 9_999, 7, 1];
        let deals = deals(&weights);
        for total in [u64::MAX, u64::MAX - 1, 1 << 63, 1_000_000_007 * 1_000_000_009] {
            let counts: Vec<u64> = deals.iter().map(|deal| deal.count_below(total)).collect();
            assert_eq!(counts.iter().sum::<u64>(), total);
            for (deal, count) in deals.iter().zip(counts) {
                assert!(deal.nth(count - 1) < total && deal.nth(count) >= total);
                assert!(deal.nth(count - 1) < deal.nth(count));
            }
        }
        assert!(deals.iter().all(|deal| deal.nth(u64::MAX) == u64::MAX));
    }

    #[test]
    fn who_is_alone_has_all_and_equal_mixes_are_equal() {
        assert_eq!(Deal::new(&[7], 0), Ok(Deal::default()));
        assert_eq!((Deal::default().nth(9), Deal::default().count_below(9), Deal::default().part()), (9, 9, (1, 1)));
        assert_eq!(Deal::new(&[70, 30], 1), Deal::new(&[7, 3], 1));
        assert_ne!(Deal::new(&[5, 5], 0), Deal::new(&[5, 5], 1));
    }

    #[test]
    fn what_is_no_weight_is_refused_with_what_would_be() {
        let refused = |weights: &[u32], which| Deal::new(weights, which).unwrap_err().to_string();
        let weight = "share a load by a weight of 0; `weight` takes a whole number from 1 to 10000";
        assert_eq!(refused(&[1, 0], 0), weight);
        assert_eq!(refused(&[10_001], 0), weight.replace("of 0", "of 10001"));
        assert_eq!(refused(&[1, 1], 2), "share a load by weight with scenario 2 of 2; count them from 0");
        assert_eq!(Deal::new(&[], 0), Err(DealError::Which { which: 0, count: 0 }));
        assert!(Deal::new(&[10_000; 100], 99).is_ok());
    }
}
