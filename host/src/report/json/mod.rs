//! The summary as JSON: a format for programs, with a schema of its own that outlives changes of the core types.
//!
//! `docs/json.md` says what each field means, and `docs/summary.schema.json` says it to validators.

mod plan;
mod rows;
#[cfg(test)]
mod schema;
mod thresholds;

use std::io;
use std::path::PathBuf;

use serde::Serialize;

use self::plan::{Change, Plan};
use self::rows::{Check, Failure, Iterations, Metric, Request, Requests, Row, Span, Trap};
use self::thresholds::Threshold;
use super::file::ResultFile;
use super::{Outline, Output, OutputError};
use crate::date;
use crate::metrics::{RunEnd, Summary, Warning};

/// The name of the format and its version. The version changes when a field goes or changes its meaning; new fields may come
/// within a version.
pub const SCHEMA: &str = "wasmload-summary/1";

/// Writes a summary as one JSON document.
///
/// # Errors
/// Where `out` can't be written to.
pub fn write(summary: &Summary, mut out: impl io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &Document::new(summary))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The output that does so to a file, which it opens before the run.
#[derive(Debug)]
pub struct JsonFile(ResultFile);

impl JsonFile {
    /// The file of that path.
    pub fn new(path: PathBuf) -> Self {
        JsonFile(ResultFile::new("the summary", path))
    }
}

impl Output for JsonFile {
    fn begin(&mut self, _outline: &Outline) -> Result<(), OutputError> {
        self.0.open()
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), OutputError> {
        self.0.write(|out| write(summary, out))
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    version: &'a str,
    started_at: String,
    elapsed_seconds: f64,
    end: End<'a>,
    scenarios: Vec<&'a str>,
    plan: Plan<'a>,
    changes: Vec<Change>,
    /// As text: a 64-bit number would lose digits in many readers.
    seed: String,
    vus: Vus,
    open_model: bool,
    dropped_iterations: u64,
    start_delay_seconds: Option<rows::Values>,
    thresholds: Vec<Threshold<'a>>,
    total: Requests,
    requests: Vec<Request<'a>>,
    iterations: Vec<Iterations<'a>>,
    tasks: Vec<Span<'a>>,
    transactions: Vec<Span<'a>>,
    checks: Vec<Check<'a>>,
    metrics: Vec<Metric<'a>>,
    failures: Vec<Failure<'a>>,
    traps: Vec<Trap<'a>>,
    interrupted: Interrupted,
    warnings: Vec<Caution>,
    block_ends_seconds: Vec<f64>,
    series: Vec<Row>,
}

impl<'a> Document<'a> {
    fn new(summary: &'a Summary) -> Self {
        Document {
            schema: SCHEMA,
            version: &summary.version,
            started_at: date::rfc3339(summary.started_at),
            elapsed_seconds: summary.elapsed.as_secs_f64(),
            end: End::new(&summary.end),
            scenarios: summary.scenarios.iter().map(|scenario| scenario.name.as_str()).collect(),
            plan: Plan::new(&summary.scenarios),
            changes: summary.changes.iter().map(Change::new).collect(),
            seed: summary.seed.to_string(),
            vus: Vus { started: summary.vus.started, max: summary.vus.max, failed: summary.vus.failed },
            open_model: summary.open_model,
            dropped_iterations: summary.dropped_iterations,
            start_delay_seconds: summary.open_model.then(|| rows::Values::new(&summary.start_delay)),
            thresholds: summary.thresholds.iter().map(Threshold::new).collect(),
            total: Requests::new(&summary.total, summary.open_model),
            requests: summary
                .requests
                .iter()
                .map(|row| Request::new(row, summary.is_open_model(&row.scenario)))
                .collect(),
            iterations: summary.iterations.iter().map(Iterations::new).collect(),
            tasks: summary.tasks.iter().map(Span::new).collect(),
            transactions: summary.transactions.iter().map(Span::new).collect(),
            checks: summary.checks.iter().map(Check::new).collect(),
            metrics: summary.metrics.iter().map(Metric::new).collect(),
            failures: summary.failures.iter().map(Failure::new).collect(),
            traps: summary.traps.iter().map(Trap::new).collect(),
            interrupted: Interrupted {
                requests: summary.interrupted.requests,
                iterations: summary.interrupted.iterations,
            },
            warnings: summary.warnings.iter().map(Caution::new).collect(),
            block_ends_seconds: summary.blocks.iter().map(|end| end.as_secs_f64()).collect(),
            series: summary.series.iter().map(|row| Row::new(row, summary.open_model)).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum End<'a> {
    Completed,
    Interrupted { forced: bool },
    StoppedByScenario { message: &'a str },
    ThresholdFailed { message: &'a str },
    SetupFailed { message: &'a str },
}

impl<'a> End<'a> {
    fn new(end: &'a RunEnd) -> Self {
        match end {
            RunEnd::Completed => End::Completed,
            RunEnd::Interrupted { forced } => End::Interrupted { forced: *forced },
            RunEnd::StoppedByScenario(message) => End::StoppedByScenario { message },
            RunEnd::ThresholdFailed(message) => End::ThresholdFailed { message },
            RunEnd::SetupFailed(message) => End::SetupFailed { message },
        }
    }
}

#[derive(Serialize)]
struct Vus {
    started: u64,
    max: u64,
    failed: u64,
}

#[derive(Serialize)]
struct Interrupted {
    requests: u64,
    iterations: u64,
}

/// A [`Warning`].
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Caution {
    GeneratorSaturated { busy_share: f64 },
    NamesOverLimit { what: &'static str, limit: usize },
    OpenFileLimit { limit: u64, needed: u64 },
    VusFailed { count: u64 },
    IterationsDropped { count: u64, missed: u64 },
    RequestsDenied { count: u64 },
    RequestsHeldBack { count: u64, waited_seconds: f64 },
    VusHeldBack { turns: u64, waited_seconds: f64 },
    LogLinesDropped { count: u64 },
    GracefulStopElapsed { iterations: u64 },
    ThreadsLost { count: u64 },
    TimesClamped { count: u64, limit_seconds: f64 },
    ExchangesNotKept { kept: u64, left_out: u64, too_fast: u64, over_size: u64 },
    NoRequests,
}

impl Caution {
    fn new(warning: &Warning) -> Self {
        match *warning {
            Warning::GeneratorSaturated { busy_share } => Caution::GeneratorSaturated { busy_share },
            Warning::NamesOverLimit { what, limit } => Caution::NamesOverLimit { what, limit },
            Warning::OpenFileLimit { limit, needed } => Caution::OpenFileLimit { limit, needed },
            Warning::VusFailed { count } => Caution::VusFailed { count },
            Warning::IterationsDropped { count, missed } => Caution::IterationsDropped { count, missed },
            Warning::RequestsDenied { count } => Caution::RequestsDenied { count },
            Warning::RequestsHeldBack { count, waited } => {
                Caution::RequestsHeldBack { count, waited_seconds: waited.as_secs_f64() }
            }
            Warning::VusHeldBack { turns, waited } => {
                Caution::VusHeldBack { turns, waited_seconds: waited.as_secs_f64() }
            }
            Warning::LogLinesDropped { count } => Caution::LogLinesDropped { count },
            Warning::ThreadsLost { count } => Caution::ThreadsLost { count },
            Warning::GracefulStopElapsed { iterations } => Caution::GracefulStopElapsed { iterations },
            Warning::TimesClamped { count, limit } => {
                Caution::TimesClamped { count, limit_seconds: limit.as_secs_f64() }
            }
            Warning::ExchangesNotKept { kept, left_out, too_fast, over_size } => {
                Caution::ExchangesNotKept { kept, left_out, too_fast, over_size }
            }
            Warning::NoRequests => Caution::NoRequests,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::schema::{SCHEMA_FILE, check_all};
    use super::*;
    use crate::report::{fixture, golden};

    fn text(summary: &Summary) -> String {
        let mut out = Vec::new();
        write(summary, &mut out).expect("memory can be written to");
        String::from_utf8(out).expect("JSON is text")
    }

    fn parsed(summary: &Summary) -> Value {
        serde_json::from_str(&text(summary)).expect("what is written is JSON")
    }

    #[test]
    fn a_rich_run_is_as_it_was() {
        let mut summary = fixture::rich();
        summary.series.truncate(2);
        golden::check("rich.json", &text(&summary));
    }

    #[test]
    fn what_is_written_fits_the_published_schema() {
        let summaries =
            [fixture::rich(), fixture::many(), fixture::interrupted(), fixture::open(), fixture::without_load()];
        for summary in summaries {
            assert_eq!(check_all(&parsed(&summary), &SCHEMA_FILE), Ok(()));
        }
    }

    #[test]
    fn the_schema_refuses_what_it_does_not_describe() {
        let spoil: [fn(&mut Value); 4] = [
            |document| document["total"]["new"] = 1.into(),
            |document| document["metrics"][0]["kind"] = "sum".into(),
            |document| document["vus"]["max"] = "many".into(),
            |document| drop(document["series"][0].as_object_mut().and_then(|row| row.remove("vus"))),
        ];
        for spoil in spoil {
            let mut document = parsed(&fixture::rich());
            spoil(&mut document);
            assert!(check_all(&document, &SCHEMA_FILE).is_err());
        }
    }

    #[test]
    fn every_field_is_documented() {
        /// All but those of tags, which people choose.
        fn fields(value: &Value, found: &mut BTreeSet<String>) {
            value.as_array().into_iter().flatten().for_each(|item| fields(item, found));
            for (name, value) in value.as_object().into_iter().flatten() {
                found.insert(name.clone());
                if name != "tags" {
                    fields(value, found);
                }
            }
        }
        let mut found = BTreeSet::new();
        [fixture::rich(), fixture::many()].iter().for_each(|summary| fields(&parsed(summary), &mut found));
        let page = include_str!("../../../../docs/json.md");
        let missing: Vec<_> = found.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn every_end_says_what_it_was() {
        let ends = [
            (RunEnd::Completed, r#"{"reason":"completed"}"#),
            (RunEnd::Interrupted { forced: true }, r#"{"reason":"interrupted","forced":true}"#),
            (RunEnd::StoppedByScenario("a".into()), r#"{"reason":"stopped-by-scenario","message":"a"}"#),
            (RunEnd::ThresholdFailed("c".into()), r#"{"reason":"threshold-failed","message":"c"}"#),
            (RunEnd::SetupFailed("b".into()), r#"{"reason":"setup-failed","message":"b"}"#),
        ];
        for (end, expected) in ends {
            let summary = Summary { end, ..fixture::minimal() };
            assert_eq!(parsed(&summary)["end"].to_string(), expected);
        }
    }

    #[test]
    fn response_times_are_told_of_open_models() {
        let closed = parsed(&fixture::minimal());
        assert_eq!((&closed["open_model"], &closed["total"]["response_time_seconds"]), (&false.into(), &Value::Null));
        assert_eq!(closed["series"][0]["response_time_seconds"], Value::Null);
        let open = parsed(&fixture::open());
        assert_eq!((&open["open_model"], &open["dropped_iterations"]), (&true.into(), &30.into()));
        assert_eq!(open["total"]["response_time_seconds"]["mean"], 0.0123);
        assert_eq!(open["requests"][0]["response_time_seconds"]["count"], 1_000);
        assert_eq!(open["series"][0]["dropped_iterations"], 3);
        assert_eq!(open["series"][0]["response_time_seconds"]["mean"], 0.0123);
        assert_eq!(open["thresholds"][0]["aborted"], true);
    }

    #[test]
    fn scenarios_of_both_models_are_told_apart() {
        let many = parsed(&fixture::many());
        let [open, closed] = [0, 1].map(|place| &many["iterations"][place]);
        assert_eq!((&open["name"], &open["start_delay_seconds"]["count"]), (&"browse-00".into(), &100.into()));
        assert_eq!((&closed["dropped"], &closed["start_delay_seconds"]), (&0.into(), &Value::Null));
        assert_eq!(many["iterations"][2]["dropped"], 2);
        assert_eq!(many["requests"][0]["response_time_seconds"]["count"], 900);
        assert_eq!(many["requests"][3]["response_time_seconds"], Value::Null);
        let planned = &many["plan"]["scenarios"][1];
        let keys: Vec<&String> = planned.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["name", "tags", "open_model", "load", "load_digest"]);
        assert_eq!((&planned["open_model"], &planned["load"]), (&false.into(), &"40 virtual users for 1m".into()));
        assert_eq!(many["plan"]["scenarios"][2]["load"], "3/s for 1m, at most 20 virtual users");
        assert_eq!(many["changes"][0].to_string(), r#"{"at_seconds":2.0,"what":"factor","factor":1.2}"#);
        assert_eq!(many["changes"][1].to_string(), r#"{"at_seconds":5.0,"what":"paused","factor":null}"#);
        let tags = &parsed(&fixture::rich())["plan"]["scenarios"][0]["tags"];
        assert_eq!(tags.to_string(), r#"{"team":"payments","zone":"east"}"#);
    }

    #[test]
    fn a_large_seed_keeps_its_digits() {
        let summary = Summary { seed: u64::MAX, ..fixture::minimal() };
        assert_eq!(parsed(&summary)["seed"], "18446744073709551615");
    }

    #[test]
    fn a_run_without_load_has_every_field() {
        let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        let empty = parsed(&fixture::without_load());
        assert_eq!(keys(&empty), keys(&parsed(&fixture::rich())));
        assert_eq!(empty["total"]["service_time_seconds"]["p99_99"], 0.0);
    }
}
