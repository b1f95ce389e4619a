//! What hostile guests take from honest virtual users of the same thread: how many iterations these make alone, and
//! beside one virtual user of each of the worst guests.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::Value;

use super::Bench;
use super::process;
use super::report::{grouped, median};
use super::tool::{STATUS_ONLY, Wasmload};
use crate::project::say;

/// Honest virtual users.
const HONEST_USERS: u32 = 50;

/// What a run may take beyond its time: the largest of these guests leave much to count.
const GRACE: Duration = Duration::from_secs(60);

/// The least share of their iterations that honest virtual users are to keep.
const GOAL: f64 = 0.8;

/// A guest to be beside: what it is called here, and what it is to `wasmload`.
struct Guest {
    name: &'static str,
    component: &'static str,
    case: &'static str,
    count: u32,
}

impl Guest {
    const fn new(name: &'static str, component: &'static str, case: &'static str, count: u32) -> Self {
        Self { name, component, case, count }
    }
}

const GUESTS: [Guest; 9] = [
    Guest::new("spin", "hostile_work", "spin", 1),
    Guest::new("host calls", "hostile_work", "identify", 1),
    Guest::new("9 ms, sleep 0", "hostile_work", "nibble", 1),
    Guest::new("JSON of 4 MiB", "hostile_work", "json", 1),
    Guest::new("log flood", "hostile_floods", "log", 1_000_000),
    Guest::new("name flood", "hostile_floods", "names", 1_000_000),
    Guest::new("cookie flood", "hostile_floods", "cookies", 1_000_000),
    Guest::new("batch of 100,000", "hostile_floods", "batch", 100_000),
    Guest::new("memory bomb", "hostile_work", "memory", 1),
];

/// How honest virtual users make their requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Pace {
    /// One after another.
    Unpaced,
    /// One each 20 ms.
    Paced,
}

impl Pace {
    /// The line that says so in a plan file.
    fn key(self) -> &'static str {
        match self {
            Self::Unpaced => "",
            Self::Paced => "pacing = \"20ms\"",
        }
    }
}

/// The figures of all guests.
#[derive(Debug, Serialize)]
pub(super) struct Hostile {
    seconds: u32,
    rounds: u32,
    honest_users: u32,
    guests: Vec<GuestFigures>,
}

/// What the honest virtual users do beside one guest, in either pace.
#[derive(Debug, Serialize)]
pub(super) struct GuestFigures {
    name: &'static str,
    unpaced: Figures,
    paced: Figures,
}

#[derive(Debug, Serialize)]
pub(super) struct Figures {
    /// Medians over the rounds.
    alone: f64,
    beside: f64,
    /// The median of each round's share.
    share: f64,
    rounds: Vec<Round>,
}

/// Iterations of the honest virtual users, in one turn each.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Round {
    alone: u64,
    beside: u64,
}

/// In each round and for each guest and pace, runs the honest virtual users alone and then beside the guest.
///
/// # Errors
/// Where a guest has not been built, and where a run fails.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Hostile> {
    for guest in &GUESTS {
        bench.wasmload.require_guest(&format!("{}.wasm", guest.component))?;
        // Fills the cache of compiled scenarios.
        iterations(bench, Pace::Paced, Some(guest), 1)?;
    }
    let mut turns: Vec<[Vec<Round>; 2]> = GUESTS.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for round in 0..bench.args.rounds {
        say(&format!("measuring beside hostile guests, round {} of {}", round + 1, bench.args.rounds));
        for (guest, turns) in GUESTS.iter().zip(&mut turns) {
            for (pace, rounds) in [Pace::Unpaced, Pace::Paced].into_iter().zip(turns) {
                rounds.push(take_turns(bench, pace, guest)?);
            }
        }
    }
    let seconds = bench.args.hostile_seconds;
    let guests = GUESTS.iter().zip(turns).map(|(guest, turns)| GuestFigures::new(guest.name, turns)).collect();
    Ok(Hostile { seconds, rounds: bench.args.rounds, honest_users: HONEST_USERS, guests })
}

fn take_turns(bench: &Bench, pace: Pace, guest: &Guest) -> anyhow::Result<Round> {
    let seconds = bench.args.hostile_seconds;
    let alone = iterations(bench, pace, None, seconds)?;
    ensure!(alone > 0, "the honest virtual users made no iteration");
    Ok(Round { alone, beside: iterations(bench, pace, Some(guest), seconds)? })
}

/// How many iterations the honest virtual users make in that time.
fn iterations(bench: &Bench, pace: Pace, guest: Option<&Guest>, seconds: u32) -> anyhow::Result<u64> {
    let command = bench.wasmload.command_of_plan(&bench.load, &plan(&bench.wasmload, pace, guest, seconds))?;
    process::run(command, Duration::from_secs(seconds.into()) + GRACE, |_, _| ())?;
    honest_iterations(&bench.wasmload.take_summary()?)
}

fn plan(wasmload: &Wasmload, pace: Pace, guest: Option<&Guest>, seconds: u32) -> String {
    let (honest, pacing) = (wasmload.guest(STATUS_ONLY), pace.key());
    let mut plan = format!(
        "threads = 1
run-time = \"{seconds}s\"
graceful-stop = \"0s\"
[[scenario]]
name = \"honest\"
component = {honest:?}
users = {HONEST_USERS}
{pacing}
"
    );
    if let Some(Guest { component, case, count, .. }) = guest {
        // Whoever traps again and again is to go on with that.
        plan.push_str(&format!(
            "[[scenario]]
name = \"hostile\"
component = {:?}
users = 1
max-traps = 1000000
var = {{ case = \"{case}\", count = \"{count}\" }}
",
            wasmload.guest(&format!("{component}.wasm"))
        ));
    }
    plan
}

fn honest_iterations(summary: &str) -> anyhow::Result<u64> {
    let summary: Value = serde_json::from_str(summary)?;
    let rows = summary["iterations"].as_array().context("the summary has no iterations")?;
    let honest = rows.iter().find(|row| row["name"] == "honest").context("the summary has no honest iterations")?;
    ensure!(honest["failures"] == 0, "honest iterations failed: {}", summary["failures"]);
    honest["count"].as_u64().context("the number of iterations is none")
}

impl GuestFigures {
    fn new(name: &'static str, [unpaced, paced]: [Vec<Round>; 2]) -> Self {
        Self { name, unpaced: Figures::new(unpaced), paced: Figures::new(paced) }
    }
}

impl Figures {
    fn new(rounds: Vec<Round>) -> Self {
        let alone = median(rounds.iter().map(|round| round.alone as f64));
        let beside = median(rounds.iter().map(|round| round.beside as f64));
        let share = median(rounds.iter().map(|round| round.beside as f64 / round.alone as f64));
        Self { alone, beside, share, rounds }
    }

    fn row(&self) -> String {
        let [alone, beside] = [self.alone, self.beside].map(|count| grouped(count.round() as u64));
        let missed = if self.share < GOAL { '!' } else { ' ' };
        format!("{alone:>12}{beside:>12}{:>8.2}{missed}", self.share)
    }
}

impl Display for Hostile {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { seconds, rounds, honest_users, guests } = self;
        writeln!(
            out,
            "hostile guests: iterations of {honest_users} honest VUs in {seconds} s, alone and beside one VU"
        )?;
        writeln!(out, "of the guest on the same core; medians of {rounds} rounds; ! marks shares below {GOAL:.2}\n")?;
        writeln!(out, "{:18}{:>32} {:>32}", "", "without think time", "a request each 20 ms")?;
        let columns = format!("{:>12}{:>12}{:>8} ", "alone", "beside", "share");
        writeln!(out, "{:18}{columns}{}", "", columns.trim_end())?;
        for GuestFigures { name, unpaced, paced } in guests {
            writeln!(out, "{}", format!("{name:18}{}{}", unpaced.row(), paced.row()).trim_end())?;
        }
        writeln!(out)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Figures, GuestFigures, Hostile, Round, honest_iterations};

    fn rounds(counts: [(u64, u64); 3]) -> Vec<Round> {
        counts.map(|(alone, beside)| Round { alone, beside }).to_vec()
    }

    pub(in super::super) fn hostile() -> Hostile {
        let unpaced = rounds([(100_000, 50_000), (50_000, 25_000), (120_000, 72_000)]);
        let paced = rounds([(5_000, 5_000), (5_000, 4_500), (5_000, 4_800)]);
        let guests = vec![GuestFigures::new("spin", [unpaced, paced])];
        Hostile { seconds: 2, rounds: 3, honest_users: 50, guests }
    }

    #[test]
    fn shares_are_taken_within_a_round() {
        let figures = Figures::new(rounds([(100, 50), (50, 40), (200, 20)]));
        assert_eq!((figures.alone, figures.beside, figures.share), (100.0, 40.0, 0.5));
    }

    #[test]
    fn what_falls_below_the_goal_is_marked() {
        let text = hostile().to_string();
        let row = text.lines().find(|line| line.starts_with("spin")).expect("its row");
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            ["spin", "100,000", "50,000", "0.50!", "5,000", "4,800", "0.96"]
        );
    }

    #[test]
    fn only_honest_iterations_count() {
        let summary = r#"{"iterations": [{"name": "hostile", "count": 9, "failures": 9}, {"name": "honest", "count": 7, "failures": 0}]}"#;
        assert_eq!(honest_iterations(summary).expect("a count"), 7);
        let failed = summary.replace("\"failures\": 0", "\"failures\": 1");
        assert!(honest_iterations(&failed).is_err() && honest_iterations("{}").is_err());
    }
}
