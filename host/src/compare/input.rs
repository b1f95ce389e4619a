//! Reads a summary as `docs/json.md` describes it: what a comparison needs of it, and nothing else, so that fields may
//! come and go around it.

use serde::Deserialize;

use super::CompareError;

/// The format that is read.
const SCHEMA: &str = "wasmload-summary/1";

/// A run.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) version: String,
    pub(super) started_at: String,
    pub(super) elapsed_seconds: f64,
    pub(super) end: End,
    pub(super) scenarios: Vec<String>,
    /// Empty in summaries of older versions.
    #[serde(default)]
    pub(super) plan: Plan,
    #[serde(default)]
    pub(super) changes: Vec<Change>,
    pub(super) seed: String,
    pub(super) vus: Vus,
    #[serde(default)]
    pub(super) open_model: bool,
    pub(super) total: Figures,
    pub(super) requests: Vec<Row>,
    pub(super) iterations: Vec<Row>,
    pub(super) tasks: Vec<Row>,
    pub(super) transactions: Vec<Row>,
    pub(super) warnings: Vec<Warning>,
    pub(super) series: Vec<Second>,
    /// Empty in summaries of older versions, as all of what blocks say.
    #[serde(default)]
    pub(super) block_ends_seconds: Vec<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct End {
    pub(super) reason: String,
}

/// What the run was to do.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Plan {
    pub(super) scenarios: Vec<Planned>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Planned {
    pub(super) name: String,
    /// Empty in summaries of older versions.
    #[serde(default)]
    pub(super) load: String,
    /// What tells loads apart that have the same words. Empty in summaries of older versions.
    #[serde(default)]
    pub(super) load_digest: String,
}

/// What a person changed about the load.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Change {
    pub(super) at_seconds: f64,
    /// `paused`, `resumed`, `factor`, `stopped`, or what later versions know.
    pub(super) what: String,
    pub(super) factor: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Vus {
    pub(super) max: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Warning {
    pub(super) kind: String,
}

/// Requests or spans of one name.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) key: Key,
    #[serde(flatten)]
    pub(super) figures: Figures,
    /// Only of requests.
    #[serde(default)]
    pub(super) blocks: Blocks,
}

/// What requests of one name came to in each block of the run.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Blocks {
    pub(super) count: Vec<u64>,
    pub(super) failures: Vec<u64>,
    pub(super) mean_seconds: Vec<f64>,
}

/// What a row's figures are of. Spans have no method.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) scenario: String,
    #[serde(default)]
    pub(super) method: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) timed_by_guest: bool,
}

/// What was measured of them.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Figures {
    pub(super) count: u64,
    pub(super) failures: u64,
    pub(super) rate_per_second: f64,
    /// The service time of requests, how long spans took.
    #[serde(rename = "service_time_seconds", alias = "elapsed_seconds")]
    pub(super) times: Times,
}

impl Figures {
    /// How many of them failed, from 0 to 1.
    pub(super) fn failure_share(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.failures as f64 / self.count as f64 }
    }
}

/// A distribution of times, in seconds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Times {
    pub(super) count: u64,
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

/// A row of the series.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Second {
    pub(super) length_seconds: f64,
    pub(super) vus: u64,
    pub(super) requests: u64,
    pub(super) failures: u64,
    /// Those that ended. Zero in summaries of older versions, as those that were dropped.
    #[serde(default)]
    pub(super) iterations: u64,
    #[serde(default)]
    pub(super) dropped_iterations: u64,
    #[serde(rename = "service_time_seconds")]
    pub(super) times: Times,
    /// Only of runs with an open model.
    #[serde(default, rename = "response_time_seconds")]
    pub(super) response_times: Option<Times>,
}

/// Reads a summary. `name` says in errors which it is.
///
/// # Errors
/// Where it is no summary, or one in a format of another version.
pub(super) fn read(name: &str, json: &[u8]) -> Result<Summary, CompareError> {
    #[derive(Deserialize)]
    struct Header {
        schema: String,
    }
    let malformed = |source| CompareError::Malformed { name: name.to_owned(), source };
    let header: Header = serde_json::from_slice(json).map_err(malformed)?;
    if header.schema != SCHEMA {
        return Err(CompareError::OtherSchema { name: name.to_owned(), found: header.schema, wanted: SCHEMA });
    }
    serde_json::from_slice(json).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A summary as the program writes it.
    const RICH: &[u8] = include_bytes!("../report/golden/rich.json");

    #[test]
    fn what_the_program_writes_is_read() {
        let summary = read("a.json", RICH).expect("a summary");
        assert_eq!((summary.vus.max, summary.requests.len(), summary.series.len()), (200, 6, 2));
        assert_eq!(summary.requests[1].key.method, "POST");
        assert!(summary.requests[2].key.timed_by_guest);
        assert_eq!((summary.requests[1].figures.failures, summary.requests[1].figures.times.mean), (61, 0.0214));
        assert_eq!((summary.iterations[0].figures.count, summary.iterations[0].figures.times.mean), (59_880, 0.042));
        assert_eq!((summary.block_ends_seconds.len(), &summary.requests[1].blocks.count), (3, &vec![19_960; 3]));
        assert_eq!((summary.series[0].requests, summary.series[0].times.count), (5_100, 5_100));
        assert_eq!((summary.series[0].iterations, summary.series[0].response_times.is_none()), (1_700, true));
        assert_eq!((summary.open_model, summary.changes.len(), summary.plan.scenarios.len()), (false, 0, 2));
        assert_eq!(summary.plan.scenarios[1].load, "100 virtual users for 1m, started at 5/s");
    }

    #[test]
    fn a_load_is_read_with_its_digest() {
        let mut document: serde_json::Value = serde_json::from_slice(RICH).expect("JSON");
        document["plan"]["scenarios"][1]["load_digest"] = "0123456789abcdef".into();
        let summary = read("a.json", document.to_string().as_bytes()).expect("a summary");
        assert_eq!(summary.plan.scenarios[1].load_digest, "0123456789abcdef");
    }

    /// What came into the format later.
    #[test]
    fn summaries_of_older_versions_are_read() {
        let mut older: serde_json::Value = serde_json::from_slice(RICH).expect("JSON");
        let fields = older.as_object_mut().expect("an object");
        fields.retain(|name, _| !["plan", "changes", "open_model", "block_ends_seconds"].contains(&name.as_str()));
        for second in older["series"].as_array_mut().into_iter().flatten() {
            let fields = second.as_object_mut().expect("an object");
            fields.retain(|name, _| !["response_time_seconds", "dropped_iterations"].contains(&name.as_str()));
        }
        let summary = read("older.json", older.to_string().as_bytes()).expect("a summary");
        assert_eq!((summary.open_model, summary.plan.scenarios.len(), summary.series.len()), (false, 0, 2));
    }

    #[test]
    fn what_is_no_summary_is_refused_with_what_to_try() {
        let text = std::str::from_utf8(RICH).expect("JSON is text");
        let cases = [
            ("nonsense".to_owned(), "no JSON of that form (expected ident at line 1 column 2)"),
            ("{}".to_owned(), "missing field `schema`"),
            (text.replace("\"elapsed_seconds\": 60.25", "\"elapsed_seconds\": \"60\""), "invalid type: string \"60\""),
            (text.replace("summary/1", "summary/2"), "format `wasmload-summary/2`, not `wasmload-summary/1`"),
            (text.replace("wasmload-summary/1", "k6"), "format `k6`"),
        ];
        for (json, part) in cases {
            let error = read("before.json", json.as_bytes()).expect_err("no summary").to_string();
            assert!(error.starts_with("read `before.json` as a summary of a run: "), "{error}");
            assert!(error.contains(part) && error.contains("wasmload run"), "{error}");
        }
    }
}
