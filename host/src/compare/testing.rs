//! Runs for tests, and noise: series whose values resemble their neighbours, the same in every run of the tests.

use std::sync::LazyLock;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::input::{self, Change, Second, Summary, Times};

/// A summary as the program writes it.
static RICH: LazyLock<Summary> =
    LazyLock::new(|| input::read("rich", include_bytes!("../report/golden/rich.json")).expect("a summary"));

/// A run of the closed model with that series.
pub(super) fn summary(series: Vec<Second>) -> Summary {
    Summary { series, ..RICH.clone() }
}

/// So many seconds in which nothing changes.
pub(super) fn even(seconds: usize, requests: u64, failures: u64, time: f64) -> Vec<Second> {
    let times = Times { count: requests, mean: time, p50: time, p90: time, p95: time, p99: time, max: time };
    vec![Second { length_seconds: 1.0, vus: 20, requests, failures, times, ..Second::default() }; seconds]
}

/// A change by hand.
pub(super) fn changed(at_seconds: f64, what: &str, factor: Option<f64>) -> Change {
    Change { at_seconds, what: what.to_owned(), factor }
}

/// A stationary process with the mean 0 and the variance 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    /// The correlation of neighbours in the part that remembers, which is autoregressive of first order.
    pub(super) memory: f64,
    /// That part's share of the variance; the rest is without memory.
    pub(super) slow_share: f64,
}

/// Without memory. With a `memory` of its own, wholly autoregressive.
pub(super) const WHITE: Process = Process { memory: 0.0, slow_share: 1.0 };

pub(super) struct Noise(ChaCha8Rng);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// From 0 to 1, neither included.
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Of the standard normal distribution (Box and Muller, "A note on the generation of random normal deviates",
    /// Annals of Mathematical Statistics 29, 1958).
    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Of the Poisson distribution with that mean, which should be small (Knuth, "The Art of Computer Programming",
    /// volume 2, section 3.4.1).
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        let least = (-mean).exp();
        let mut product = self.uniform();
        let mut count = 0;
        while product > least {
            product *= self.uniform();
            count += 1;
        }
        count
    }

    /// That many values of a process.
    pub(super) fn series(&mut self, process: Process, length: usize) -> Vec<f64> {
        let Process { memory, slow_share } = process;
        let mut slow = self.normal();
        let mut next = || {
            slow = memory * slow + (1.0 - memory * memory).sqrt() * self.normal();
            slow_share.sqrt() * slow + (1.0 - slow_share).sqrt() * self.normal()
        };
        (0..length).map(|_| next()).collect()
    }
}
