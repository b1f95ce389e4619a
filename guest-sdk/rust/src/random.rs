//! Chance, from the virtual user's own random stream.

use crate::bindings::get_random_u64;
use crate::encode;

/// 64 random bits.
pub fn random_u64() -> u64 {
    get_random_u64()
}

/// A number from 0 up to, and without, `end`; 0 where `end` is 0.
pub fn random_below(end: u64) -> u64 {
    below(end, get_random_u64)
}

/// One of the items, each as likely as the others; none where there are none.
pub fn pick<T>(items: &[T]) -> Option<&T> {
    items.get(random_below(items.len() as u64) as usize)
}

/// A text that no other call gives: the prefix, `-`, and 16 hexadecimal digits of chance. Another run gives others, unless
/// it repeats this one's random streams.
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// fn email() -> String {
///     unique("ann") + "@example.com"
/// }
/// ```
pub fn unique(prefix: &str) -> String {
    [prefix, "-", &encode::hex(random_u64())].concat()
}

/// Lemire's method ("Fast Random Integer Generation in an Interval", 2019): the high half of a product, drawn again in
/// the few cases that would make low numbers likelier.
fn below(end: u64, mut draw: impl FnMut() -> u64) -> u64 {
    if end == 0 {
        return 0;
    }
    let biased = end.wrapping_neg() % end;
    loop {
        let product = u128::from(draw()) * u128::from(end);
        if product as u64 >= biased {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_covered_from_end_to_end() {
        assert_eq!(below(0, || 7), 0);
        assert_eq!(below(6, || u64::MAX), 5);
        assert_eq!(below(6, || u64::MAX / 6 + 2), 1);
        assert_eq!(below(1, || 12345), 0);
    }

    /// 2^64 = 4 modulo 6, so 4 of the draws are one too many; 0 is one of them.
    #[test]
    fn a_biased_draw_is_drawn_again() {
        let mut draws = [0, u64::MAX].into_iter();
        assert_eq!(below(6, || draws.next().expect("two draws are enough")), 5);
        assert_eq!(draws.next(), None);
    }
}
