//! Are the percentiles right? A server with a known distribution of delays says what they were.
//!
//! The server takes two instants of each request: when it had read it, and when it was about to write the answer. The time
//! between them lies within the one that the program measures. The time from the answer before, on the same connection, to
//! the arrival of the request after it encloses that one. So each percentile of the program lies between those of the
//! inner and the outer times, on any machine and under any load: what the loopback and the scheduling take is measured
//! here, not guessed. The delays go from 10 to 500 ms, and percentiles are far apart.

mod target;

use std::time::Duration;

use serde_json::Value;

use crate::support::figures::{count, number, request};
use crate::support::program::Wasmload;

use target::{Target, Times};

/// Enough that the 99.9th percentile is no extreme.
const ITERATIONS: usize = 6_000;

/// What the histogram may be off by: 0.1 % of the value, and half of its smallest unit, a microsecond.
const PRECISION: f64 = 0.001;
const GRAIN: f64 = 0.5e-6;

/// The percentiles of a summary, and how many of 10,000 values do not exceed each.
const PERCENTILES: [(&str, usize); 10] = [
    ("p50", 5_000),
    ("p66", 6_600),
    ("p75", 7_500),
    ("p80", 8_000),
    ("p90", 9_000),
    ("p95", 9_500),
    ("p98", 9_800),
    ("p99", 9_900),
    ("p99_9", 9_990),
    ("p99_99", 9_999),
];

/// A percentile by its definition: the least value that at least that many of 10,000 do not exceed. Whole numbers, since
/// 99.9 % of 6,000 is a little more than 5,994 in floating point, and the next rank another value.
fn nearest_rank(sorted: &[Duration], of_10_000: usize) -> f64 {
    let rank = (of_10_000 * sorted.len()).div_ceil(10_000);
    sorted[rank - 1].as_secs_f64()
}

fn mean(times: &[Duration]) -> f64 {
    times.iter().sum::<Duration>().as_secs_f64() / times.len() as f64
}

/// Few delays are long, as it is with servers: half of them are below 41 ms, and one in a hundred is above 480 ms.
fn delay(place: usize) -> Duration {
    // Multiples of the golden ratio spread evenly between 0 and 1, in an order that looks random.
    let even = (place as f64 * 0.618_033_988_749_895).fract();
    Duration::from_secs_f64(0.01 + 0.49 * even.powi(4))
}

#[track_caller]
fn assert_between(name: &str, found: f64, least: f64, most: f64, precision: f64) {
    let (least, most) = (least * (1.0 - precision) - GRAIN, most * (1.0 + precision) + GRAIN);
    assert!((least..=most).contains(&found), "{name} is {found} s, and the target says {least} s to {most} s");
}

#[test]
fn percentiles_are_those_that_the_target_recorded() {
    let target = Target::start("/iteration", delay);
    // Its hooks make requests too, so that each request of an iteration has one before it and one after it.
    let flags = format!("-u 200 -i {ITERATIONS} -H {}", target.url());
    let summary = Wasmload::run("lifecycle").with(&flags).output().expect(0).summary();
    let Times { inner, outer } = target.into_times();
    assert_eq!(inner.len(), ITERATIONS);

    let row = request(&summary, "GET", "/iteration");
    assert_eq!(count(row, "/count"), ITERATIONS as u64);
    let time = &row["service_time_seconds"];
    for (name, rank) in PERCENTILES {
        let [least, most] = [&inner, &outer].map(|times| nearest_rank(times, rank));
        assert_between(name, number(time, &format!("/{name}")), least, most, PRECISION);
    }
    assert_exact(time, &inner, &outer);
}

/// The extremes and the mean come from no histogram.
fn assert_exact(time: &Value, inner: &[Duration], outer: &[Duration]) {
    let ends = |times: &[Duration]| [times[0].as_secs_f64(), mean(times), times[times.len() - 1].as_secs_f64()];
    let [least, most] = [inner, outer].map(ends);
    for (place, name) in ["min", "mean", "max"].into_iter().enumerate() {
        assert_between(name, number(time, &format!("/{name}")), least[place], most[place], 0.0);
    }
}

/// The test above could not tell a wrong percentile from a right one, were the percentiles of the delays not far apart.
#[test]
fn the_delays_tell_percentiles_apart() {
    let mut delays: Vec<Duration> = (0..ITERATIONS).map(delay).collect();
    delays.sort_unstable();
    assert!(delays[0] >= Duration::from_millis(10) && delays[ITERATIONS - 1] <= Duration::from_millis(500));
    let values = PERCENTILES.map(|(_, rank)| nearest_rank(&delays, rank));
    // Twenty times the precision between most; the last ones are close to the end of all.
    assert!(values[..8].windows(2).all(|pair| pair[1] > pair[0] * (1.0 + 20.0 * PRECISION)), "{values:?}");
    assert!(values[8] > values[7] * (1.0 + 20.0 * PRECISION), "{values:?}");
}

#[test]
fn the_nearest_rank_is_the_definition_s() {
    let sorted: Vec<Duration> = (1..=10).map(Duration::from_secs).collect();
    let cases = [(5_000, 5.0), (5_001, 6.0), (9_000, 9.0), (9_001, 10.0), (9_990, 10.0), (1, 1.0)];
    for (of_10_000, expected) in cases {
        assert_eq!(nearest_rank(&sorted, of_10_000), expected, "{of_10_000} of 10,000");
    }
}
