//! Load at a rate: whether iterations start when they are due, and whether the report says so where a core can't make
//! what it is asked for.

mod lag;
mod said;
mod witness;

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::Bench;
use super::process;
use super::tool::{Load, STATUS_ONLY};
use crate::project::say;
use lag::Lags;
use said::Said;
use witness::Witness;

/// The most virtual users of a run. At the greatest rate that a core holds, enough for answers that take some
/// hundredths of a second.
pub(super) const MAX_VUS: u32 = 1_000;

/// How many iterations a second are watched one by one: few enough that the witness is never the one who is late.
const WATCHED_PER_SECOND: u32 = 1_000;

/// What a run may take beyond its time: to start, and to end what it began.
const GRACE: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize)]
pub(super) struct Rates {
    pub(super) punctuality: Punctuality,
    /// One turn at each rate, in the order asked for.
    pub(super) turns: Vec<Turn>,
}

/// How well starts keep to their due times, as the server sees it.
#[derive(Debug, Serialize)]
pub(super) struct Punctuality {
    pub(super) turn: Turn,
    /// The requests that reached the server.
    pub(super) arrivals: u64,
    /// None unless all that were owed reached it: else nobody can tell which of them one is, and so when it was due.
    pub(super) lags: Option<Lags>,
}

/// A run at one rate: what it was asked for, and what wasmload says that it did.
#[derive(Debug, Serialize)]
pub(super) struct Turn {
    pub(super) per_second: u32,
    pub(super) seconds: u32,
    /// The iterations that the rate amounts to.
    pub(super) owed: u64,
    #[serde(flatten)]
    pub(super) said: Said,
}

impl Turn {
    /// The iterations of which the report says nothing.
    pub(super) fn unaccounted(&self) -> u64 {
        self.owed.saturating_sub(self.said.made + self.said.dropped + self.said.interrupted)
    }

    /// Whether less was made than owed, and the report doesn't say that wasmload was the limit. Neither the guest nor
    /// nginx takes long enough to be it.
    pub(super) fn hides_a_limit(&self) -> bool {
        self.said.made < self.owed && self.said.saturated_share.is_none()
    }
}

/// Has a witness watch the starts at a moderate rate, then makes a turn at each rate of `--rates` against nginx.
///
/// # Errors
/// Where a run or the witness fails.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Rates> {
    // Fills caches, as for the throughput.
    take_turn(bench, &bench.load, 1, 1)?;
    let punctuality = watch(bench)?;
    let turns = bench.args.rates.iter().map(|per_second| {
        say(&format!("measuring {per_second} iterations/s"));
        take_turn(bench, &bench.load, *per_second, bench.args.rate_seconds)
    });
    Ok(Rates { punctuality, turns: turns.collect::<anyhow::Result<_>>()? })
}

fn watch(bench: &Bench) -> anyhow::Result<Punctuality> {
    let seconds = bench.args.punctuality_seconds;
    say(&format!("measuring punctuality, {seconds} s"));
    let witness = Witness::start().context("failed to start the server that notes arrivals")?;
    let load = Load { url: witness.url(), ..bench.load };
    let turn = take_turn(bench, &load, WATCHED_PER_SECOND, seconds)?;
    let stamps = witness.finish().context("failed to note arrivals")?;
    Ok(judge(turn, &stamps))
}

fn judge(turn: Turn, stamps: &[Duration]) -> Punctuality {
    let arrivals = stamps.len() as u64;
    let lags = (arrivals == turn.owed).then(|| Lags::new(stamps, turn.per_second));
    Punctuality { turn, arrivals, lags }
}

fn take_turn(bench: &Bench, load: &Load, per_second: u32, seconds: u32) -> anyhow::Result<Turn> {
    let command = bench.wasmload.command_at_rate(load, STATUS_ONLY, per_second, MAX_VUS, seconds);
    process::run(command, Duration::from_secs(seconds.into()) + GRACE, |_, _| ())?;
    let said = said::parse(&bench.wasmload.take_summary()?).context("failed to read what wasmload says")?;
    Ok(Turn { per_second, seconds, owed: u64::from(per_second) * u64::from(seconds), said })
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::{Rates, Said, Turn, judge};

    fn turn(per_second: u32, said: Said) -> Turn {
        Turn { per_second, seconds: 2, owed: u64::from(per_second) * 2, said }
    }

    /// All that was owed, a tenth of a millisecond late.
    fn punctual(made: u64) -> Said {
        Said {
            made,
            dropped: 0,
            interrupted: 0,
            failures: 0,
            elapsed_seconds: 2.0,
            start_delay_p99_seconds: 0.000_1,
            service_time_p99_seconds: 0.000_25,
            response_time_p99_seconds: 0.000_5,
            saturated_share: None,
        }
    }

    pub(in super::super) fn rates() -> Rates {
        let stamps: Vec<Duration> = (0..2_000).map(Duration::from_millis).collect();
        let saturated = Said { dropped: 100_000, failures: 3, saturated_share: Some(0.9), ..punctual(300_000) };
        Rates {
            punctuality: judge(turn(1_000, punctual(2_000)), &stamps),
            turns: vec![turn(10_000, punctual(20_000)), turn(200_000, saturated)],
        }
    }

    #[test]
    fn lags_are_told_only_where_every_request_arrived() {
        let one_more: Vec<Duration> = (0..2_001).map(Duration::from_millis).collect();
        let lags = |stamps: &[Duration]| judge(turn(1_000, punctual(2_000)), stamps).lags.is_some();
        assert_eq!([&one_more[..1_999], &one_more[..2_000], &one_more].map(lags), [false, true, false]);
    }

    #[test]
    fn a_turn_that_did_less_is_to_say_so() {
        let short = |said| (turn(1_000, said).unaccounted(), turn(1_000, said).hides_a_limit());
        assert_eq!(short(punctual(2_000)), (0, false));
        assert_eq!(short(punctual(1_990)), (10, true));
        assert_eq!(short(Said { dropped: 4, interrupted: 5, ..punctual(1_990) }), (1, true));
        assert_eq!(short(Said { dropped: 10, saturated_share: Some(0.1), ..punctual(1_990) }), (0, false));
    }
}
