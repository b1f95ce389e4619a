//! The area under a curve, exact enough for days of load.

/// An area under a curve of iterations a second: a number of iterations, not always a whole one.
///
/// The whole part stands apart, so that billions of iterations take no digits from the fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Area {
    // In this order, so that the derived comparison is that of the numbers.
    whole: u64,
    /// From 0 to below 1.
    part: f64,
}

impl From<u64> for Area {
    fn from(whole: u64) -> Area {
        Area { whole, part: 0.0 }
    }
}

impl Area {
    /// This area and `amount` more; less than nothing counts as nothing. At 2^64 it stays.
    pub fn plus(self, amount: f64) -> Area {
        let amount = amount.max(0.0);
        let part = self.part + amount.fract();
        let whole = self.whole.saturating_add(amount.floor() as u64);
        if part < 1.0 { Area { whole, part } } else { Area { whole: whole.saturating_add(1), part: part - 1.0 } }
    }

    /// How much more it is than `other`; negative where it is less.
    pub fn minus(self, other: Area) -> f64 {
        let whole = if self.whole >= other.whole {
            (self.whole - other.whole) as f64
        } else {
            -((other.whole - self.whole) as f64)
        };
        whole + (self.part - other.part)
    }

    /// As one number, of 53 bits.
    pub fn as_f64(self) -> f64 {
        self.whole as f64 + self.part
    }

    /// How many of the numbers 0, 1, 2, … lie below it.
    pub fn count(self) -> u64 {
        self.whole.saturating_add(u64::from(self.part > 0.0))
    }

    /// The whole number that it is but for rounding, or itself. 500 a minute is no binary fraction, but in 3 minutes it
    /// makes 1500, and not a little more.
    pub(super) fn settled(self) -> Area {
        // A rate read from text, its product with a time and their sum are each rounded once or twice.
        let rounding = 8.0 * f64::EPSILON * (self.as_f64() + 1.0);
        if self.part <= rounding {
            Area::from(self.whole)
        } else if 1.0 - self.part <= rounding {
            Area::from(self.whole.saturating_add(1))
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_keeps_its_digits_beside_billions() {
        let large = Area::from(1 << 60);
        let mut sum = large;
        for _ in 0..1_000 {
            sum = sum.plus(0.1);
        }
        assert!((sum.minus(large) - 100.0).abs() < 1e-12, "{sum:?}");
        assert_eq!(large.plus(1e-9).minus(large), 1e-9);
        assert_eq!(large.minus(large.plus(1.5)), -1.5);
        assert!(large.plus(0.5) > large && large < large.plus(1e-9));
    }

    #[test]
    fn nothing_overflows() {
        assert_eq!(Area::from(u64::MAX).plus(1e300).whole, u64::MAX);
        assert_eq!(Area::from(u64::MAX).plus(0.5).count(), u64::MAX);
        assert_eq!(Area::default().plus(-1.0), Area::default());
    }

    #[test]
    fn what_rounding_made_of_a_whole_number_is_that_number() {
        assert_eq!(Area::default().plus(500.0 / 60.0 * 180.0 + 2e-13).settled(), Area::from(1_500));
        assert_eq!(Area::default().plus(0.1 + 0.2 + 0.7 - 1e-16).settled(), Area::from(1));
        assert_eq!(Area::from(8_640_000_000).plus(1e-6).settled(), Area::from(8_640_000_000));
        let fraction = Area::from(1_000).plus(1e-9);
        assert_eq!(fraction.settled(), fraction);
    }

    #[test]
    fn a_count_is_of_those_below() {
        assert_eq!([0.0, 0.1, 1.0, 99.5].map(|amount| Area::default().plus(amount).count()), [0, 1, 1, 100]);
    }
}
