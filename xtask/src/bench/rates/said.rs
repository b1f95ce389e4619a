//! What wasmload's JSON summary says of a run at a rate.

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// What wasmload says that it did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(in super::super) struct Said {
    /// Iterations that ended.
    pub(in super::super) made: u64,
    pub(in super::super) dropped: u64,
    pub(in super::super) interrupted: u64,
    /// Requests that failed.
    pub(in super::super) failures: u64,
    /// Longer than the run's time where it fell behind.
    pub(in super::super) elapsed_seconds: f64,
    pub(in super::super) start_delay_p99_seconds: f64,
    pub(in super::super) service_time_p99_seconds: f64,
    pub(in super::super) response_time_p99_seconds: f64,
    /// The share of the run in which a thread had no time left, where the report warns of it.
    pub(in super::super) saturated_share: Option<f64>,
}

/// Reads a summary.
///
/// # Errors
/// Where it is none of a run at a rate, or no request was made: there is no time to tell of then.
pub(super) fn parse(text: &str) -> anyhow::Result<Said> {
    let Summary { elapsed_seconds, dropped_iterations, start_delay_seconds, total, iterations, interrupted, warnings } =
        serde_json::from_str(text)?;
    ensure!(total.count > 0, "it made no request");
    let at_no_rate = "it says nothing of due times; was it made at a rate?";
    Ok(Said {
        made: iterations.iter().map(|row| row.count).sum(),
        dropped: dropped_iterations,
        interrupted: interrupted.iterations,
        failures: total.failures,
        elapsed_seconds,
        start_delay_p99_seconds: start_delay_seconds.context(at_no_rate)?.p99,
        service_time_p99_seconds: total.service_time_seconds.p99,
        response_time_p99_seconds: total.response_time_seconds.context(at_no_rate)?.p99,
        saturated_share: warnings.iter().find_map(Caution::saturated_share),
    })
}

/// The parts of the summary that are of use here.
#[derive(Deserialize)]
struct Summary {
    elapsed_seconds: f64,
    dropped_iterations: u64,
    start_delay_seconds: Option<Times>,
    total: Total,
    iterations: Vec<Row>,
    interrupted: Interrupted,
    warnings: Vec<Caution>,
}

#[derive(Deserialize)]
struct Total {
    count: u64,
    failures: u64,
    service_time_seconds: Times,
    response_time_seconds: Option<Times>,
}

#[derive(Deserialize)]
struct Times {
    p99: f64,
}

#[derive(Deserialize)]
struct Row {
    count: u64,
}

#[derive(Deserialize)]
struct Interrupted {
    iterations: u64,
}

#[derive(Deserialize)]
struct Caution {
    kind: String,
    busy_share: Option<f64>,
}

impl Caution {
    fn saturated_share(&self) -> Option<f64> {
        self.busy_share.filter(|_| self.kind == "generator-saturated")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Said, parse};

    fn summary() -> Value {
        json!({
            "schema": "x",
            "elapsed_seconds": 10.5,
            "open_model": true,
            "dropped_iterations": 30,
            "start_delay_seconds": {"p50": 0.1, "p99": 0.25},
            "total": {
                "count": 12,
                "failures": 2,
                "service_time_seconds": {"p50": 0.1, "p99": 0.5},
                "response_time_seconds": {"p50": 0.1, "p99": 0.75},
            },
            "iterations": [{"name": "a", "count": 8}, {"name": "b", "count": 4}],
            "interrupted": {"requests": 0, "iterations": 1},
            "warnings": [{"kind": "iterations-dropped", "count": 30}, {"kind": "generator-saturated", "busy_share": 0.9}],
        })
    }

    #[test]
    fn what_a_run_did_is_read() -> anyhow::Result<()> {
        let expected = Said {
            made: 12,
            dropped: 30,
            interrupted: 1,
            failures: 2,
            elapsed_seconds: 10.5,
            start_delay_p99_seconds: 0.25,
            service_time_p99_seconds: 0.5,
            response_time_p99_seconds: 0.75,
            saturated_share: Some(0.9),
        };
        assert_eq!(parse(&summary().to_string())?, expected);
        let mut calm = summary();
        calm["warnings"] = json!([{"kind": "iterations-dropped", "count": 30}]);
        assert_eq!(parse(&calm.to_string())?, Said { saturated_share: None, ..expected });
        Ok(())
    }

    #[test]
    fn a_run_without_requests_or_due_times_tells_nothing() {
        let error = |pointer: &str, value: Value| {
            let mut spoiled = summary();
            *spoiled.pointer_mut(pointer).expect("the summary has this") = value;
            parse(&spoiled.to_string()).err().map(|error| error.to_string())
        };
        let at_no_rate = Some("it says nothing of due times; was it made at a rate?".to_owned());
        assert_eq!(error("/start_delay_seconds", Value::Null), at_no_rate);
        assert_eq!(error("/total/response_time_seconds", Value::Null), at_no_rate);
        assert_eq!(error("/total/count", 0.into()), Some("it made no request".to_owned()));
        assert!(error("/iterations", Value::Null).is_some());
    }
}
