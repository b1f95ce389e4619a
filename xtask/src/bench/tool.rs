//! The load generators: how each is started, and what each says that it did.

use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::{Args, process};
use crate::project;

/// What all tools of a comparison are given.
pub(super) struct Load {
    pub(super) core: usize,
    /// Without a final slash.
    pub(super) url: String,
    /// Connections, each with one request at a time.
    pub(super) connections: u32,
}

/// What a tool says that it did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Count {
    pub(super) requests: u64,
    /// Requests without an answer, or with a status outside 200 to 399.
    pub(super) failures: u64,
    pub(super) seconds: f64,
}

/// A load generator that takes part in the comparison.
pub(super) enum Tool<'a> {
    Wrk(&'a Path),
    Oha(&'a Path),
    Wasmload(&'a Wasmload),
    /// Of a build that holds guests to next to nothing.
    Unguarded(&'a Wasmload),
}

impl Tool<'_> {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Wrk(_) => "wrk",
            Self::Oha(_) => "oha",
            Self::Wasmload(_) => "wasmload",
            Self::Unguarded(_) => "unguarded",
        }
    }

    /// Makes load for that many seconds.
    pub(super) fn command(&self, load: &Load, seconds: u32) -> Command {
        let connections = load.connections.to_string();
        let time = format!("{seconds}s");
        match self {
            Self::Wrk(program) => {
                let mut command = process::pinned(load.core, program);
                command.args(["-t1", "-c", &connections, "-d", &time]).arg(format!("{}/", load.url));
                command
            }
            Self::Oha(program) => {
                let mut command = process::pinned(load.core, program);
                // One thread, like the others: two would take turns on the one core.
                command.env("TOKIO_WORKER_THREADS", "1");
                command.args(["-z", &time, "-c", &connections, "--no-tui", "--output-format", "json"]);
                command.arg(format!("{}/", load.url));
                command
            }
            Self::Wasmload(wasmload) | Self::Unguarded(wasmload) => {
                wasmload.command(load, STATUS_ONLY, load.connections, Bound::Seconds(seconds))
            }
        }
    }

    /// Reads what a finished run says; `stdout` is what it printed.
    pub(super) fn count(&self, stdout: &str) -> anyhow::Result<Count> {
        match self {
            Self::Wrk(_) => parse_wrk(stdout),
            Self::Oha(_) => parse_oha(stdout),
            Self::Wasmload(wasmload) | Self::Unguarded(wasmload) => wasmload.count(),
        }
        .with_context(|| format!("failed to read what {} says", self.name()))
    }
}

/// One GET of `/` an iteration: the guest that does least.
pub(super) const STATUS_ONLY: &str = "status_only.wasm";

/// One GET, then a second's sleep: a virtual user that mostly waits, with its connection open.
pub(super) const SLEEPER: &str = "sleeper.wasm";

/// When a wasmload run ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    Seconds(u32),
    /// That many iterations of each virtual user.
    IterationsEach(u32),
}

/// The wasmload under measurement.
pub(super) struct Wasmload {
    program: PathBuf,
    /// The directory of the test guests.
    guests: PathBuf,
    /// Where it writes its summary.
    directory: TempDir,
}

impl Wasmload {
    /// Finds it and its guests where `args` say, or else where a build leaves them.
    ///
    /// # Errors
    /// Where one of them has not been built; says how to.
    pub(super) fn prepare(args: &Args) -> anyhow::Result<Self> {
        // Absolute, as a bare name would be looked for on `PATH` when it is run.
        let program =
            absolute(args.wasmload.clone().unwrap_or_else(|| project::target_dir().join("release/wasmload")))?;
        let guests = absolute(args.guests.clone().unwrap_or_else(project::guests_dir))?;
        ensure!(
            program.is_file(),
            "no {}; try cargo build --release --package wasmload, or --wasmload FILE",
            program.display()
        );
        let directory = tempfile::tempdir().context("failed to make a directory for summaries")?;
        let wasmload = Self { program, guests, directory };
        [STATUS_ONLY, SLEEPER].iter().try_for_each(|guest| wasmload.require_guest(guest))?;
        Ok(wasmload)
    }

    /// The same with another program, of which nothing is shared.
    ///
    /// # Errors
    /// Where there is no room for its summaries.
    pub(super) fn of_program(&self, program: PathBuf) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("failed to make a directory for summaries")?;
        Ok(Self { program, guests: self.guests.clone(), directory })
    }

    /// Where the guest of that file name is.
    pub(super) fn guest(&self, name: &str) -> PathBuf {
        self.guests.join(name)
    }

    /// A guest that the measurement can't do without.
    ///
    /// # Errors
    /// Where it has not been built; says how to.
    pub(super) fn require_guest(&self, name: &str) -> anyhow::Result<()> {
        let guest = self.guest(name);
        ensure!(guest.is_file(), "no {}; try cargo xtask guests, or --guests DIRECTORY", guest.display());
        Ok(())
    }

    /// Runs a guest on one thread.
    pub(super) fn command(&self, load: &Load, guest: &str, vus: u32, bound: Bound) -> Command {
        let vus = vus.to_string();
        match bound {
            Bound::Seconds(seconds) => self.with_flags(load, guest, &["-u", &vus, "-t", &format!("{seconds}s")]),
            Bound::IterationsEach(iterations) => {
                self.with_flags(load, guest, &["-u", &vus, "--iterations-per-user", &iterations.to_string()])
            }
        }
    }

    /// Runs a guest on one thread, so many times a second.
    pub(super) fn command_at_rate(
        &self,
        load: &Load,
        guest: &str,
        per_second: u32,
        max_vus: u32,
        seconds: u32,
    ) -> Command {
        let (rate, time) = (format!("{per_second}/s"), format!("{seconds}s"));
        self.with_flags(load, guest, &["--rate", &rate, "--max-vus", &max_vus.to_string(), "-t", &time])
    }

    /// Runs a plan file of that text.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(super) fn command_of_plan(&self, load: &Load, plan: &str) -> anyhow::Result<Command> {
        let file = self.directory.path().join("plan.toml");
        fs::write(&file, plan).context("failed to write a plan file")?;
        Ok(self.run(load, &file, &[]))
    }

    fn with_flags(&self, load: &Load, guest: &str, flags: &[&str]) -> Command {
        self.run(load, &self.guest(guest), &[&["--threads", "1"], flags].concat())
    }

    fn run(&self, load: &Load, what: &Path, flags: &[&str]) -> Command {
        let mut command = process::pinned(load.core, &self.program);
        // Of no meaning to the usual build.
        command.env("WASMLOAD_BENCH_WITHOUT_GUARDS", "1");
        command.arg("run").arg(what).args(flags).args(["-H", &load.url, "-q", "--json"]).arg(self.summary());
        command
    }

    fn summary(&self) -> PathBuf {
        self.directory.path().join("summary.json")
    }

    /// What the last run's summary says that was done.
    pub(super) fn count(&self) -> anyhow::Result<Count> {
        parse_wasmload(&self.take_summary()?)
    }

    /// The last run's summary. Takes it away, so that a run that writes none is noticed.
    pub(super) fn take_summary(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(self.summary()).context("wasmload wrote no summary")?;
        fs::remove_file(self.summary())?;
        Ok(text)
    }
}

/// The parts of wasmload's JSON summary that are of use here.
#[derive(Deserialize)]
struct Summary {
    total: Total,
    elapsed_seconds: f64,
}

#[derive(Deserialize)]
struct Total {
    count: u64,
    failures: u64,
}

fn parse_wasmload(text: &str) -> anyhow::Result<Count> {
    let Summary { total, elapsed_seconds } = serde_json::from_str(text)?;
    Ok(Count { requests: total.count, failures: total.failures, seconds: elapsed_seconds })
}

fn parse_wrk(text: &str) -> anyhow::Result<Count> {
    let (requests, rest) = text
        .lines()
        .find_map(|line| line.split_once(" requests in "))
        .context("there is no line with the number of requests")?;
    let time = rest.split(',').next().unwrap_or(rest);
    // The one kind of failure that has an answer; wrk leaves the others out of its number of requests.
    let refused = value_behind(text, "Non-2xx or 3xx responses:").unwrap_or(0);
    let broken = text.lines().find_map(|line| line.trim().strip_prefix("Socket errors:")).map_or(0, |kinds| {
        kinds.split(',').filter_map(|kind| kind.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
    });
    Ok(Count {
        requests: requests.trim().parse::<u64>().context("the number of requests is none")? + broken,
        failures: refused + broken,
        seconds: wrk_seconds(time).context("the time is none")?,
    })
}

/// wrk's way to print a time: a number with a unit behind it.
fn wrk_seconds(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 5] = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3_600.0)];
    let text = text.trim();
    UNITS.iter().find_map(|(unit, seconds)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * seconds))
}

fn value_behind(text: &str, label: &str) -> Option<u64> {
    text.lines().find_map(|line| line.trim().strip_prefix(label)?.trim().parse().ok())
}

/// The error under which oha lists the requests that the end of the time cut off. They are no failures, and wrk and
/// wasmload don't count theirs either.
const OHA_CUT_OFF: &str = "aborted due to deadline";

fn parse_oha(text: &str) -> anyhow::Result<Count> {
    let report: Value = serde_json::from_str(text)?;
    let seconds = report.pointer("/summary/total").and_then(Value::as_f64).context("there is no /summary/total")?;
    let statuses = distribution(&report, "statusCodeDistribution")?;
    let errors = distribution(&report, "errorDistribution")?;
    let answered: u64 = statuses.iter().map(|(_, count)| count).sum();
    let refused: u64 = statuses.iter().filter(|(status, _)| !is_success(status)).map(|(_, count)| count).sum();
    let broken: u64 = errors.iter().filter(|(error, _)| *error != OHA_CUT_OFF).map(|(_, count)| count).sum();
    Ok(Count { requests: answered + broken, failures: refused + broken, seconds })
}

fn distribution<'a>(report: &'a Value, name: &str) -> anyhow::Result<Vec<(&'a str, u64)>> {
    let counts = report.get(name).and_then(Value::as_object).with_context(|| format!("there is no {name}"))?;
    counts
        .iter()
        .map(|(key, count)| {
            Ok((key.as_str(), count.as_u64().with_context(|| format!("{name} has no count of {key}"))?))
        })
        .collect()
}

fn is_success(status: &str) -> bool {
    status.parse().is_ok_and(|status: u16| (200..400).contains(&status))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Bound, Count, Load, Tool, Wasmload};
    use super::{SLEEPER, parse_oha, parse_wasmload, parse_wrk, wrk_seconds};

    fn load() -> Load {
        Load { core: 1, url: "http://127.0.0.1:8080".to_owned(), connections: 64 }
    }

    fn words(command: &std::process::Command) -> String {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    fn wasmload() -> std::io::Result<Wasmload> {
        let directory = tempfile::tempdir()?;
        Ok(Wasmload { program: "/bin/wasmload".into(), guests: "/guests".into(), directory })
    }

    #[test]
    fn tools_get_the_same_load_on_one_core() {
        let wrk = Tool::Wrk(Path::new("/bin/wrk")).command(&load(), 5);
        assert_eq!(words(&wrk), "taskset -c 1 /bin/wrk -t1 -c 64 -d 5s http://127.0.0.1:8080/");
        let oha = Tool::Oha(Path::new("/bin/oha")).command(&load(), 5);
        let expected = "taskset -c 1 /bin/oha -z 5s -c 64 --no-tui --output-format json http://127.0.0.1:8080/";
        assert_eq!(words(&oha), expected);
    }

    #[test]
    fn wasmload_runs_on_one_thread() -> std::io::Result<()> {
        let wasmload = wasmload()?;
        let end = format!("-H http://127.0.0.1:8080 -q --json {}", wasmload.summary().display());
        let timed = Tool::Wasmload(&wasmload).command(&load(), 5);
        let start = "taskset -c 1 /bin/wasmload run /guests/status_only.wasm --threads 1 -u 64 -t 5s";
        assert_eq!(words(&timed), format!("{start} {end}"));
        let counted = wasmload.command(&load(), SLEEPER, 3, Bound::IterationsEach(1));
        let start = "taskset -c 1 /bin/wasmload run /guests/sleeper.wasm --threads 1 -u 3 --iterations-per-user 1";
        assert_eq!(words(&counted), format!("{start} {end}"));
        let at_rate = wasmload.command_at_rate(&load(), SLEEPER, 1_000, 50, 60);
        let start = "taskset -c 1 /bin/wasmload run /guests/sleeper.wasm --threads 1 --rate 1000/s --max-vus 50 -t 60s";
        assert_eq!(words(&at_rate), format!("{start} {end}"));
        Ok(())
    }

    #[test]
    fn a_summary_is_read_once() -> anyhow::Result<()> {
        let wasmload = wasmload()?;
        std::fs::write(wasmload.summary(), r#"{"total": {"count": 3, "failures": 0}, "elapsed_seconds": 1.5}"#)?;
        assert_eq!(wasmload.count()?, Count { requests: 3, failures: 0, seconds: 1.5 });
        let again = wasmload.count().map_err(|error| error.to_string());
        assert_eq!(again, Err("wasmload wrote no summary".to_owned()));
        Ok(())
    }

    #[test]
    fn wrk_is_read_from_its_text() -> anyhow::Result<()> {
        let text = "Running 5s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   602.03us  110.04us   3.99ms   88.72%
    Req/Sec   106.61k     3.26k  111.91k    74.00%
  530123 requests in 5.10s, 81.40MB read
Requests/sec: 103945.69
Transfer/sec:     15.96MB
";
        assert_eq!(parse_wrk(text)?, Count { requests: 530_123, failures: 0, seconds: 5.1 });
        Ok(())
    }

    #[test]
    fn failures_that_wrk_reports_are_counted() -> anyhow::Result<()> {
        let text = "  1000 requests in 1.00m, 81.40MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 20
";
        assert_eq!(parse_wrk(text)?, Count { requests: 1_010, failures: 30, seconds: 60.0 });
        Ok(())
    }

    #[test]
    fn text_without_the_figures_is_an_error() {
        assert!(parse_wrk("unable to connect to 127.0.0.1:1 Connection refused").is_err());
        assert!(parse_wrk("  many requests in 5.00s, 0B read").is_err());
        assert!(parse_wrk("  5 requests in no time, 0B read").is_err());
        assert!(parse_oha("{}").is_err());
        assert!(
            parse_oha(r#"{"summary":{"total":1},"statusCodeDistribution":{"200":"x"},"errorDistribution":{}}"#)
                .is_err()
        );
        assert!(parse_wasmload("{}").is_err());
    }

    #[test]
    fn wrk_prints_times_in_five_units() {
        let read = ["250.00us", "1.50ms", "5.00s", "1.50m", "2.00h", "5.00", "s"].map(wrk_seconds);
        assert_eq!(read, [Some(0.000_25), Some(0.0015), Some(5.0), Some(90.0), Some(7_200.0), None, None]);
    }

    #[test]
    fn oha_is_read_from_its_json() -> anyhow::Result<()> {
        let text = r#"{
            "summary": {"successRate": 1.0, "total": 5.001, "requestsPerSec": 80000.0},
            "statusCodeDistribution": {"200": 400000, "304": 5, "404": 20, "503": 1},
            "errorDistribution": {"aborted due to deadline": 64, "connection refused": 3}
        }"#;
        assert_eq!(parse_oha(text)?, Count { requests: 400_029, failures: 24, seconds: 5.001 });
        Ok(())
    }

    #[test]
    fn wasmload_is_read_from_its_summary() -> anyhow::Result<()> {
        let text = r#"{"schema": "x", "total": {"count": 12, "failures": 2, "more": []}, "elapsed_seconds": 5.5}"#;
        assert_eq!(parse_wasmload(text)?, Count { requests: 12, failures: 2, seconds: 5.5 });
        Ok(())
    }
}
