//! A load as a short text, by which programs tell whether two are the same.
//!
//! What goes into it, and how, is for ever: runs of different versions are compared by it. So a field that a model gets
//! later goes in only where it is not what it was before.

use std::time::Duration;

use super::{Arrivals, ClosedModel, Curve, Deal, OpenModel, Wait};

/// The digest of a closed model.
pub(super) fn closed(model: &ClosedModel) -> String {
    let ClosedModel { users, spawn_rate, run_time, iterations, iterations_per_user, pacing, wait, deal } = model;
    let mut digest = Digest::default();
    digest.whole(0);
    digest.curve(users);
    digest.option(*spawn_rate, Digest::number);
    digest.option(*run_time, Digest::time);
    digest.option(*iterations, Digest::whole);
    digest.option(*iterations_per_user, Digest::whole);
    digest.option(*pacing, Digest::time);
    digest.wait(*wait);
    digest.deal(deal);
    digest.text()
}

/// The digest of an open model. Virtual users that are made ahead are no part of the load.
pub(super) fn open(model: &OpenModel) -> String {
    let OpenModel { rate, arrivals, max_vus, preallocated_vus: _, run_time, iterations, deal } = model;
    let mut digest = Digest::default();
    digest.whole(1);
    digest.curve(rate);
    digest.whole(match arrivals {
        Arrivals::Even => 0,
        Arrivals::Poisson => 1,
    });
    digest.whole((*max_vus).into());
    digest.option(*run_time, Digest::time);
    digest.option(*iterations, Digest::whole);
    digest.deal(deal);
    digest.text()
}

/// The 64-bit FNV-1a hash of what was added: for each byte, the exclusive or and then the product with the prime
/// (Fowler, Noll, Vo and Eastlake, "The FNV Non-Cryptographic Hash Algorithm"). Numbers go in with the lowest byte
/// first; what may be missing begins with whether it is there, and what has a length with that, so that no two loads
/// make the same bytes.
struct Digest(u64);

impl Default for Digest {
    /// The offset basis: of nothing.
    fn default() -> Self {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    const PRIME: u64 = 0x0100_0000_01b3;

    fn bytes(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(Self::PRIME));
    }

    fn whole(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    fn number(&mut self, value: f64) {
        // Nothing added makes 0 of the negative zero, and leaves every other number.
        self.bytes(&(value + 0.0).to_bits().to_le_bytes());
    }

    fn time(&mut self, time: Duration) {
        self.bytes(&time.as_nanos().to_le_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, add: impl FnOnce(&mut Self, T)) {
        self.whole(value.is_some().into());
        if let Some(value) = value {
            add(self, value);
        }
    }

    fn curve(&mut self, curve: &Curve) {
        let lines: Vec<_> = curve.lines(Duration::MAX).collect();
        self.whole(lines.len() as u64);
        for line in lines {
            self.option(line.length, Digest::time);
            self.number(line.start);
            self.number(line.end);
        }
    }

    fn wait(&mut self, wait: Wait) {
        let (kind, times) = match wait {
            Wait::None => (0, [Duration::ZERO; 2]),
            Wait::Constant(time) => (1, [time; 2]),
            Wait::Between(least, most) => (2, [least, most]),
        };
        self.whole(kind);
        times.into_iter().for_each(|time| self.time(time));
    }

    fn deal(&mut self, deal: &Deal) {
        self.option(deal.weights(), |digest, (weights, which)| {
            digest.whole(weights.len() as u64);
            weights.iter().for_each(|weight| digest.whole(*weight));
            digest.whole(which as u64);
        });
    }

    /// As 16 hexadecimal digits.
    fn text(&self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::testing::{self, seconds, stage};
    use super::super::{After, Model};
    use super::*;

    #[test]
    fn the_hash_is_that_of_its_authors() {
        // From the test vectors that come with their program.
        for (text, expected) in [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")] {
            let mut digest = Digest::default();
            digest.bytes(text.as_bytes());
            assert_eq!(digest.text(), expected, "{text}");
        }
    }

    // The figures were worked out by another program from what the bytes are said to be.
    #[test]
    fn digests_stay_from_version_to_version() {
        let open = OpenModel { run_time: Some(seconds(60)), ..testing::open(&Curve::from(500), Arrivals::Even) };
        assert_eq!(closed(&ClosedModel::constant(100)), "e60a7a490ec40de4");
        assert_eq!(super::open(&open), "baa61273b0a787ec");
    }

    fn ramp(targets: &[f64]) -> Curve {
        let stages: Vec<_> = targets.iter().map(|target| stage(10, *target)).collect();
        Curve::new(0.0, &stages, After::Ends).unwrap()
    }

    #[test]
    fn every_part_of_a_closed_model_makes_another_digest() {
        let model = ClosedModel::constant(10);
        let time = Some(seconds(3));
        let models = [
            model.clone(),
            ClosedModel::constant(11),
            ClosedModel { spawn_rate: Some(3.0), ..model.clone() },
            ClosedModel { run_time: time, ..model.clone() },
            ClosedModel { iterations: Some(3), ..model.clone() },
            ClosedModel { iterations_per_user: Some(3), ..model.clone() },
            ClosedModel { pacing: time, ..model.clone() },
            ClosedModel { wait: Wait::Constant(seconds(3)), ..model.clone() },
            ClosedModel { wait: Wait::Between(seconds(3), seconds(3)), ..model.clone() },
            ClosedModel { wait: Wait::Between(seconds(3), seconds(4)), ..model.clone() },
            ClosedModel { deal: Deal::new(&[1, 1], 0).unwrap(), ..model.clone() },
            ClosedModel { deal: Deal::new(&[1, 1], 1).unwrap(), ..model.clone() },
            ClosedModel { deal: Deal::new(&[1, 2], 0).unwrap(), ..model },
        ];
        assert_eq!(models.iter().map(closed).collect::<BTreeSet<_>>().len(), models.len());
    }

    #[test]
    fn every_part_of_an_open_model_makes_another_digest_but_those_made_ahead() {
        let model = testing::open(&Curve::from(10), Arrivals::Even);
        let models = [
            model.clone(),
            OpenModel { rate: Curve::from(11), ..model.clone() },
            OpenModel { arrivals: Arrivals::Poisson, ..model.clone() },
            OpenModel { max_vus: 11, ..model.clone() },
            OpenModel { run_time: Some(seconds(3)), ..model.clone() },
            OpenModel { iterations: Some(3), ..model.clone() },
            OpenModel { deal: Deal::new(&[1, 1], 0).unwrap(), ..model.clone() },
        ];
        let mut digests: BTreeSet<_> = models.iter().map(open).collect();
        assert_eq!(digests.len(), models.len());
        assert!(!digests.insert(open(&OpenModel { preallocated_vus: 6, ..model })));
        assert!(digests.insert(closed(&ClosedModel::constant(10))), "users are no rate");
    }

    #[test]
    fn stages_that_look_alike_in_words_differ() {
        let model = |targets| Model::Open(testing::open(&ramp(targets), Arrivals::Even));
        let (one, other) = (model(&[5.0, 1.0, 9.0, 0.0]), model(&[5.0, 2.0, 9.0, 0.0]));
        assert_eq!(one.describe(), other.describe());
        assert_ne!(one.digest(), other.digest());
        assert_eq!(one.digest(), model(&[5.0, 1.0, 9.0, -0.0]).digest());
    }
}
