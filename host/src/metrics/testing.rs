//! What the tests of this module share: values that look random and are the same in every run.

use std::time::Duration;

use super::label::ScenarioLabel;
use super::statistics::{Limits, ScenarioId, Statistics};
use crate::sample::{Failure, FailureKind, Phases, Sample, Tags, Transport};

/// A xorshift64* generator (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016).
pub(crate) struct Random(u64);

impl Random {
    /// A generator; the same numbers for the same seed.
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % bound
    }

    /// A number from 0 to below 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.below(1 << 53) as f64 / (1u64 << 53) as f64
    }

    /// A time between a nanosecond and some minutes; every order of magnitude comes as often as another.
    pub(crate) fn time(&mut self) -> Duration {
        Duration::from_nanos(10f64.powf(self.share() * 11.5) as u64)
    }

    /// One of them.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len() as u64) as usize]
    }

    /// What a request did with connections: a few of each.
    pub(crate) fn transport(&mut self) -> Transport {
        let [connections, tls_full, tls_resumed, reconnects, redirects, http2] = [(); 6].map(|()| self.below(3) as u32);
        Transport { connections, tls_full, tls_resumed, reconnects, redirects, http2 }
    }

    /// A failure, mostly none.
    pub(crate) fn failure(&mut self) -> Option<Failure<'static>> {
        let kind = *self.pick(&[&FailureKind::Status, &FailureKind::Timeout]);
        (self.below(4) == 0).then(|| Failure { kind, reason: self.pick(&["first reason", "second reason"]) })
    }
}

/// A request of that service time and name, all of it waiting.
pub(crate) fn sample(name: &str, service_time: Duration) -> Sample<'_> {
    Sample {
        method: "GET",
        name,
        service_time,
        response_time: service_time,
        phases: Phases { wait: service_time, ..Phases::default() },
        bytes_sent: 100,
        bytes_received: 300,
        transport: Transport::default(),
        status: 200,
        tags: Tags::default(),
        failure: None,
        timed_by_guest: false,
    }
}

/// Scenarios of the open model with those names and no tags.
pub(crate) fn labels(names: &[&str]) -> Vec<ScenarioLabel> {
    let label = |name: &&str| ScenarioLabel { name: (*name).to_owned(), open_model: true, ..ScenarioLabel::default() };
    names.iter().map(label).collect()
}

/// So many recordings of all sorts.
pub(crate) fn statistics(seed: u64, recordings: u64, limits: Limits) -> Statistics {
    let mut random = Random::new(seed);
    let mut statistics = Statistics::new(limits);
    for _ in 0..recordings {
        record(&mut statistics, &mut random);
    }
    statistics
}

fn record(statistics: &mut Statistics, random: &mut Random) {
    let scenario = ScenarioId(random.below(3) as u16);
    let name = random.pick(&["a", "b", "c", "d", "e"]);
    // Sums of eighths are exact, so that they do not depend on the order of adding.
    let value = random.below(100_000) as f64 / 8.0 - 1000.0;
    match random.below(13) {
        0 => statistics.iteration(scenario, random.time(), random.failure()),
        1 => statistics.task(scenario, name, random.time(), random.failure()),
        2 => statistics.transaction(scenario, name, random.time(), random.failure()),
        3 => statistics.check(scenario, name, random.below(2) == 0),
        4 => statistics.add_counter(scenario, name, value),
        5 => statistics.set_gauge(scenario, name, value, Duration::from_nanos(random.below(20))),
        6 => statistics.add_rate(scenario, name, random.below(3) == 0),
        7 => statistics.add_trend(scenario, name, value),
        8 => statistics.trap(scenario, random.pick(&["unreachable", "out of fuel"]), "frame"),
        9 => statistics.started_late(scenario, random.time()),
        10 => statistics.dropped(scenario, random.below(3)),
        11 => statistics.missed(scenario, random.below(3)),
        _ => {
            let phases = Phases { connect: random.time(), wait: random.time(), ..Phases::default() };
            let (transport, failure) = (random.transport(), random.failure());
            let timed_by_guest = random.below(4) == 0;
            let sample = Sample { phases, transport, failure, timed_by_guest, ..sample(name, phases.total()) };
            let late = if random.below(3) == 0 { random.time() } else { Duration::ZERO };
            let sample = Sample { response_time: sample.service_time + late, ..sample };
            statistics.request(scenario, &sample);
        }
    }
}
