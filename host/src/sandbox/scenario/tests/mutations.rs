//! The good component with something changed, ten thousand times.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{GOOD, component, load};

const MUTATIONS: u64 = 10_000;

/// Bytes that mean something wherever they stand: the ends of ranges, and the long forms of numbers.
const EDGES: [u8; 8] = [0x00, 0x01, 0x0b, 0x40, 0x7f, 0x80, 0xfe, 0xff];

/// Changes a component in one to four places.
fn mutate(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    for _ in 0..random.random_range(1..=4) {
        let place = random.random_range(0..bytes.len());
        let end = bytes.len().min(place + random.random_range(1..=32));
        match random.random_range(0..6) {
            0 => bytes[place] ^= 1 << random.random_range(0..8),
            1 => bytes[place] = random.random(),
            2 => bytes[place] = EDGES[random.random_range(0..EDGES.len())],
            3 => drop(bytes.drain(place..end)),
            4 => {
                let copy = bytes[place..end].to_vec();
                let to = random.random_range(0..=bytes.len());
                drop(bytes.splice(to..to, copy));
            }
            _ => bytes.insert(place, random.random()),
        }
        if bytes.is_empty() {
            return;
        }
    }
}

#[test]
fn a_mutated_component_is_an_error_or_a_scenario() {
    let good = component(GOOD);
    let (mut scenarios, mut errors) = (0, 0);
    for seed in 0..MUTATIONS {
        let mut bytes = good.clone();
        mutate(&mut bytes, &mut ChaCha8Rng::seed_from_u64(seed));
        let loaded = catch_unwind(AssertUnwindSafe(|| load(&bytes).is_ok()));
        match loaded.unwrap_or_else(|_| panic!("the loader panicked at the mutation of seed {seed}")) {
            true => scenarios += 1,
            false => errors += 1,
        }
    }
    // Some change nothing that matters, for example a name; most break something.
    assert!(scenarios > 0 && errors > MUTATIONS / 2, "{scenarios} scenarios and {errors} errors");
    assert_eq!(scenarios + errors, MUTATIONS);
}
