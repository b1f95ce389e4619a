//! What a run would find out about a component before any load, for who wants to know just that.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{RunError, compile, hooks};
use crate::control::Control;
use crate::http;
use crate::metrics::{self, Collector, ScenarioId, ScenarioLabel};
use crate::plan::{Limits, Loading};
use crate::sandbox::{EngineOptions, Environment, Scenario, TaskSet};
use crate::secrets::Secrets;
use crate::source::Source;

/// What a component answers when it is asked for its tasks.
#[derive(Clone, Debug, PartialEq)]
pub enum Tasks {
    /// Nothing: it is not made of tasks.
    None,
    /// These.
    Described(TaskSet),
    /// It fails, for that reason; with variables or secrets it may not.
    Unknown(String),
}

/// Compiles and links a component as a run with the default limits would, and asks for its tasks. It is given nothing
/// then, and makes no requests. Compiled code is kept in `cache`, if there is one.
///
/// # Errors
/// What would keep a run from starting.
pub async fn look(source: &Source, bytes: Vec<u8>, cache: Option<PathBuf>) -> Result<Tasks, RunError> {
    let options = EngineOptions { max_vus: 1, run_vus: 1, limits: Limits::default(), wasi_p3: true, cache };
    let compiled = compile::within(&Loading::default(), move || Scenario::load(&bytes, &options)).await?;
    let scenario = compiled.map_err(|error| RunError::load(source, error))?;
    if !scenario.has_tasks() {
        return Ok(Tasks::None);
    }
    let env = Arc::new(environment(source.scenario_name())?);
    let _ticker = Scenario::start_ticker([&scenario]).map_err(RunError::Thread)?;
    Ok(match hooks::in_time("describe", scenario.describe(env)).await {
        Ok(tasks) => Tasks::Described(tasks),
        Err(error) => Tasks::Unknown(error.failure().reason.to_owned()),
    })
}

/// Where there is nothing to be had.
fn environment(scenario_name: String) -> Result<Environment, RunError> {
    let label = ScenarioLabel {
        name: scenario_name.clone(),
        tags: Vec::new(),
        open_model: false,
        load: String::new(),
        load_digest: String::new(),
    };
    let limits = metrics::Limits::default();
    let collector = Collector::new(vec![label], 1, limits, &[]);
    Ok(Environment {
        scenario: ScenarioId(0),
        scenario_name,
        recorder: Arc::clone(&collector.recorders()[0]),
        control: Control::new(),
        // Without a target, and without other hosts that are allowed, every request is denied.
        http: http::Context::new(http::Config::default(), None, crate::http::Hosts::default())?,
        watch: None,
        variables: Arc::new(BTreeMap::new()),
        secrets: Arc::new(Secrets::default()),
        data: Arc::new([]),
        wants_tags: false,
        limits: Limits::default(),
        virtual_epoch: None,
        seed: 0,
        started: std::time::Instant::now(),
    })
}
