//! What fuzz targets call: a function for each kind of text that strangers write. It panics where a law is broken that
//! holds for all such texts.
//!
//! The laws stand beside the code that they are about, and the tests try them with some inputs, too. A further
//! kind gets a function here, a file in `fuzz/fuzz_targets`, and seeds in `tests/corpus/inputs.json` or
//! `xtask/src/fuzz/seeds.rs`.

use crate::{cli, component, data, http};

/// A response, and how it is cut into pieces.
///
/// # Panics
/// Where it breaks a law.
pub fn response(input: &[u8]) {
    http::fuzz::response(input);
}

/// What a guest asks for, and where the server redirects it.
///
/// # Panics
/// Where it breaks a law.
pub fn request(input: &[u8]) {
    http::fuzz::request(input);
}

/// Cookies of a server or a guest, and two URLs.
///
/// # Panics
/// Where it breaks a law.
pub fn cookies(input: &[u8]) {
    http::fuzz::cookies(input);
}

/// A file of rows.
///
/// # Panics
/// Where it breaks a law.
pub fn data(input: &[u8]) {
    data::fuzz::check(input);
}

/// A plan file.
///
/// # Panics
/// Where it breaks a law.
pub fn plan(input: &[u8]) {
    cli::check_plan_file(input);
}

/// A policy.
///
/// # Panics
/// Where it breaks a law.
pub fn policy(input: &[u8]) {
    cli::check_policy(input);
}

/// A component, read without running anything of it.
///
/// # Panics
/// Where it breaks a law.
pub fn component(input: &[u8]) {
    component::fuzz::check(input);
}

/// Inputs for tests, the same ones in each run.
#[cfg(test)]
pub(crate) mod inputs {
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use serde_json::Value;

    /// The seeds of a target in the corpus, and pieces to change them with: as fuzzing has them.
    pub(crate) fn of(target: &str) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let corpus: Value =
            serde_json::from_str(include_str!("../../tests/corpus/inputs.json")).expect("the corpus is JSON");
        let list = |what: &str| corpus[target][what].as_array().into_iter().flatten();
        (list("seeds").map(seed).collect(), list("pieces").map(|piece| text(piece).as_bytes().to_owned()).collect())
    }

    /// A first byte where there is one, and texts with a byte between them that no text has.
    fn seed(value: &Value) -> Vec<u8> {
        let parts = value.as_array().expect("a list");
        let first = parts[0].as_u64().map(|byte| u8::try_from(byte).expect("a byte"));
        let texts: Vec<_> = parts.iter().filter(|part| part.is_string()).map(|part| text(part).as_bytes()).collect();
        first.into_iter().chain(texts.join(&0xff)).collect()
    }

    fn text(value: &Value) -> &str {
        value.as_str().expect("a text")
    }

    /// Calls that with each seed, and with so many inputs that are changed ones.
    pub(crate) fn try_some(seeds: &[Vec<u8>], pieces: &[Vec<u8>], count: u32, mut check: impl FnMut(&[u8])) {
        seeds.iter().for_each(|seed| check(seed));
        let mut random = ChaCha8Rng::seed_from_u64(2026);
        for _ in 0..count {
            let mut input = seeds.choose(&mut random).expect("there are some").clone();
            for _ in 0..random.random_range(1..=4) {
                change(&mut input, pieces, &mut random);
            }
            check(&input);
        }
    }

    /// Takes a part out, puts a piece in its place or behind it, says a part again at the end, or changes a byte.
    fn change(input: &mut Vec<u8>, pieces: &[Vec<u8>], random: &mut ChaCha8Rng) {
        let start = random.random_range(0..=input.len());
        let end = random.random_range(start..=input.len().min(start + 12));
        let piece = pieces.choose(random).cloned().unwrap_or_default();
        match random.random_range(0..5) {
            0 => drop(input.drain(start..end)),
            1 => drop(input.splice(start..end, piece)),
            2 => drop(input.splice(end..end, piece)),
            3 => input.extend_from_within(start..end),
            _ => {
                if let Some(byte) = input.get_mut(start) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
        }
    }
}
