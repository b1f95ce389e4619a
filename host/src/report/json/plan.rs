//! What the run was to do, and what a person changed about it, in the document.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::metrics::{LoadChange, LoadChanged, ScenarioLabel};

#[derive(Serialize)]
pub(super) struct Plan<'a> {
    scenarios: Vec<Scenario<'a>>,
}

#[derive(Serialize)]
struct Scenario<'a> {
    name: &'a str,
    tags: BTreeMap<&'a str, &'a str>,
    open_model: bool,
    load: &'a str,
    load_digest: &'a str,
}

impl<'a> Plan<'a> {
    pub(super) fn new(scenarios: &'a [ScenarioLabel]) -> Self {
        let scenario = |label: &'a ScenarioLabel| Scenario {
            name: &label.name,
            tags: label.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            open_model: label.open_model,
            load: &label.load,
            load_digest: &label.load_digest,
        };
        Plan { scenarios: scenarios.iter().map(scenario).collect() }
    }
}

#[derive(Serialize)]
pub(super) struct Change {
    at_seconds: f64,
    what: &'static str,
    /// Only of `factor`.
    factor: Option<f64>,
}

impl Change {
    pub(super) fn new(change: &LoadChange) -> Self {
        let (what, factor) = match change.what {
            LoadChanged::Paused => ("paused", None),
            LoadChanged::Resumed => ("resumed", None),
            LoadChanged::Factor(factor) => ("factor", Some(factor)),
            LoadChanged::Stopped => ("stopped", None),
        };
        Change { at_seconds: change.at.as_secs_f64(), what, factor }
    }
}
