//! The comparison as JSON, in a format of its own that outlives changes of the types here.

use std::io;

use serde::Serialize;

use super::input::{Summary, Times};
use super::measure::{Measure, Unit};
use super::names::NameFinding;
use super::notes::Note;
use super::verdict::{ALPHA, Finding, Verdict};
use super::{Comparison, Figures, Key, Pair, Run, Sides};

/// The name of the format and its version. The version changes when a field goes or changes its meaning; new fields may
/// come within a version.
const SCHEMA: &str = "wasmload-comparison/1";

pub(super) fn write(comparison: &Comparison, mut out: impl io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &Document::new(comparison))?;
    out.write_all(b"\n")?;
    out.flush()
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    runs: Sides<RunRow<'a>>,
    notes: &'a [Note],
    /// Whether the second run was worse in anything.
    worse: bool,
    test: Test,
    verdicts: Vec<VerdictRow>,
    name_verdicts: Vec<NameVerdictRow<'a>>,
    total: PairRow<'a>,
    requests: Vec<PairRow<'a>>,
    iterations: Vec<PairRow<'a>>,
    tasks: Vec<PairRow<'a>>,
    transactions: Vec<PairRow<'a>>,
}

impl<'a> Document<'a> {
    fn new(comparison: &'a Comparison) -> Self {
        let rows = |pairs: &'a [Pair]| pairs.iter().map(PairRow::new).collect();
        Document {
            schema: SCHEMA,
            runs: Sides { before: RunRow::new(&comparison.runs.before), after: RunRow::new(&comparison.runs.after) },
            notes: &comparison.notes,
            worse: comparison.is_worse(),
            test: Test {
                name: "welch-t-on-block-means",
                correction: "holm",
                alpha: ALPHA,
                tolerance: comparison.tolerance.share(),
                seconds: comparison.judgement.seconds,
            },
            verdicts: comparison.judgement.findings.iter().map(VerdictRow::new).collect(),
            name_verdicts: comparison.judgement.names.iter().map(NameVerdictRow::new).collect(),
            total: PairRow::new(&comparison.total),
            requests: rows(&comparison.requests),
            iterations: rows(&comparison.iterations),
            tasks: rows(&comparison.tasks),
            transactions: rows(&comparison.transactions),
        }
    }
}

/// A run and what it did.
#[derive(Serialize)]
struct RunRow<'a> {
    name: &'a str,
    version: &'a str,
    started_at: &'a str,
    elapsed_seconds: f64,
    end: &'a str,
    scenarios: &'a [String],
    seed: &'a str,
    vus_max: u64,
    open_model: bool,
}

impl<'a> RunRow<'a> {
    fn new(run: &'a Run) -> Self {
        let Summary { version, started_at, elapsed_seconds, end, scenarios, seed, vus, open_model, .. } = &run.summary;
        Self {
            name: &run.name,
            version,
            started_at,
            elapsed_seconds: *elapsed_seconds,
            end: &end.reason,
            scenarios,
            seed,
            vus_max: vus.max,
            open_model: *open_model,
        }
    }
}

/// How the verdicts came about.
#[derive(Serialize)]
struct Test {
    name: &'static str,
    correction: &'static str,
    alpha: f64,
    tolerance: f64,
    /// How many seconds were compared.
    seconds: Sides<usize>,
}

#[derive(Serialize)]
struct VerdictRow {
    measure: Measure,
    /// What the averages are in.
    unit: &'static str,
    before: Option<f64>,
    after: Option<f64>,
    /// Whether the change is relative, or a difference of shares.
    change_is: &'static str,
    change: Option<f64>,
    interval_low: Option<f64>,
    interval_high: Option<f64>,
    /// Corrected.
    p: Option<f64>,
    verdict: Verdict,
}

impl VerdictRow {
    fn new(finding: &Finding) -> Self {
        let Finding { measure, averages, change, verdict } = *finding;
        let (unit, change_is) = match measure.unit() {
            Unit::Seconds => ("seconds", "relative"),
            Unit::PerSecond => ("requests-per-second", "relative"),
            Unit::Share => ("share", "difference"),
        };
        let interval = change.and_then(|change| change.interval);
        Self {
            measure,
            unit,
            before: averages.before,
            after: averages.after,
            change_is,
            change: change.map(|change| rounded(change.size)),
            interval_low: interval.map(|(low, _)| rounded(low)),
            interval_high: interval.map(|(_, high)| rounded(high)),
            p: change.map(|change| rounded(change.p)),
            verdict,
        }
    }
}

/// A verdict on one name.
#[derive(Serialize)]
struct NameVerdictRow<'a> {
    #[serde(flatten)]
    key: KeyRow<'a>,
    #[serde(flatten)]
    verdict: VerdictRow,
}

impl<'a> NameVerdictRow<'a> {
    fn new(name: &'a NameFinding) -> Self {
        Self { key: KeyRow::new(&name.key), verdict: VerdictRow::new(&name.finding) }
    }
}

/// To billionths: more digits would say nothing, and differ from machine to machine.
fn rounded(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// A name in both runs. Its changes are relative; they are null where one run lacks it.
#[derive(Serialize)]
struct PairRow<'a> {
    #[serde(flatten)]
    key: Option<KeyRow<'a>>,
    before: Option<FiguresRow>,
    after: Option<FiguresRow>,
    change: Option<ChangeRow>,
}

#[derive(Serialize)]
struct KeyRow<'a> {
    scenario: &'a str,
    method: &'a str,
    name: &'a str,
    timed_by_guest: bool,
}

impl<'a> KeyRow<'a> {
    fn new(key: &'a Key) -> Self {
        Self { scenario: &key.scenario, method: &key.method, name: &key.name, timed_by_guest: key.timed_by_guest }
    }
}

impl<'a> PairRow<'a> {
    fn new(pair: &'a Pair) -> Self {
        let figures = pair.figures.map(Option::as_ref);
        Self {
            key: pair.key.as_ref().map(KeyRow::new),
            before: figures.before.map(FiguresRow::new),
            after: figures.after.map(FiguresRow::new),
            change: figures.both().map(|figures| ChangeRow::new(&figures)),
        }
    }
}

#[derive(Serialize)]
struct FiguresRow {
    count: u64,
    failures: u64,
    rate_per_second: f64,
    mean_seconds: f64,
    p50_seconds: f64,
    p90_seconds: f64,
    p95_seconds: f64,
    p99_seconds: f64,
    max_seconds: f64,
}

impl FiguresRow {
    fn new(figures: &Figures) -> Self {
        let Times { count: _, mean, p50, p90, p95, p99, max } = figures.times;
        Self {
            count: figures.count,
            failures: figures.failures,
            rate_per_second: figures.rate_per_second,
            mean_seconds: mean,
            p50_seconds: p50,
            p90_seconds: p90,
            p95_seconds: p95,
            p99_seconds: p99,
            max_seconds: max,
        }
    }
}

/// Relative changes, 0.1 for a tenth more; null from nothing to something. Of the failure rate the difference.
#[derive(Serialize)]
struct ChangeRow {
    count: Option<f64>,
    failure_rate_difference: f64,
    rate: Option<f64>,
    mean: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

impl ChangeRow {
    fn new(figures: &Sides<&Figures>) -> Self {
        let relative = |of: fn(&Figures) -> f64| figures.map(|figures| of(figures)).change().map(rounded);
        let timed = figures.all(|figures| figures.count > 0);
        let time = |of: fn(&Figures) -> f64| relative(of).filter(|_| timed);
        Self {
            count: relative(|figures| figures.count as f64),
            failure_rate_difference: rounded(figures.after.failure_share() - figures.before.failure_share()),
            rate: relative(|figures| figures.rate_per_second),
            mean: time(|figures| figures.times.mean),
            p50: time(|figures| figures.times.p50),
            p90: time(|figures| figures.times.p90),
            p95: time(|figures| figures.times.p95),
            p99: time(|figures| figures.times.p99),
            max: time(|figures| figures.times.max),
        }
    }
}
