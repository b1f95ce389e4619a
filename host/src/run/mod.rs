//! A run, from its plan to its summary: loads the scenarios, starts the threads, feeds snapshots to the outputs and stops
//! everything in time.

mod compile;
mod hooks;
mod load;
mod look;
mod prepare;
mod shards;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::control::Control;
use crate::http;
use crate::metrics::{Collector, Ending, RunEnd, ScenarioLabel, Summary, Warning};
use crate::plan::{GrantError, Plan, PlanError, ScenarioPlan};
use crate::profile::Model;
use crate::report::{Extent, Outline, Output, OutputError};
use crate::sandbox::{LoadError, Scenario};
use crate::schedule::Load;
use crate::source::{Source, SourceError};

pub use look::{Tasks, look};
pub use prepare::component;

use hooks::SetupFailed;
use load::Loaded;
use prepare::Prepared;

/// Why there is no summary. All but the last two arise before any load.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan can't be run.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// There is no component.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The component can't be a scenario.
    #[error("use {from} as a scenario")]
    Component {
        /// Where it is.
        from: String,
        /// What is wrong with it.
        #[source]
        error: LoadError,
    },
    /// The run can't be had in this system, whatever the component.
    #[error(transparent)]
    Load(LoadError),
    /// A data file can't be used.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// Connections can't be made at all.
    #[error(transparent)]
    Http(#[from] http::ContextError),
    /// A scenario's tasks can't be read.
    #[error("read the tasks of scenario `{scenario}`: {why}")]
    Describe {
        /// The scenario's name.
        scenario: String,
        /// Why not.
        why: String,
    },
    /// The filters leave no task.
    #[error("choose tasks of scenario `{scenario}`: --task, --tags and --exclude-tags leave none of {tasks}")]
    NoTasks {
        /// The scenario's name.
        scenario: String,
        /// Its tasks.
        tasks: String,
    },
    /// Tasks are chosen in a scenario that has none.
    #[error("choose tasks: scenario `{0}` has none; leave --task, --tags and --exclude-tags out")]
    NotTasks(String),
    /// An output can't do its work.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A person asked for the end before there was any load.
    #[error("start the load: interrupted before it began")]
    Interrupted,
    /// A scenario asks for what the policy does not grant.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// Compiling a component took more than it may.
    #[error("compile the component within {0}")]
    Compile(String),
    /// The system has no thread to give.
    #[error("start a thread: {0}")]
    Thread(std::io::Error),
}

impl RunError {
    /// Says which component it is about, if it is what is wrong: who found that out had only its bytes.
    fn load(from: &Source, error: LoadError) -> RunError {
        match error {
            LoadError::TooManyVus { .. } | LoadError::Engine(_) | LoadError::Cache(_) => RunError::Load(error),
            _ => RunError::Component { from: from.to_string(), error },
        }
    }
}

/// Runs a plan. `control` stops it from outside; what was measured until then is in the summary all the same. `watch`
/// sees the requests of the virtual users that it asks for.
///
/// # Errors
/// What keeps the run from starting. Failed requests, traps and the like are data in the summary.
pub async fn run(
    plan: &Plan,
    outputs: &mut [Box<dyn Output>],
    control: &Control,
    watch: Option<Arc<dyn http::Watch>>,
) -> Result<Summary, RunError> {
    plan.validate()?;
    let labels = plan.scenarios.iter().map(label).collect();
    let mut collector = Collector::new(labels, plan.shards() as usize + 1, plan.names, &plan.thresholds);
    let prepared = tokio::select! {
        biased;
        () = control.interrupted() => return Err(RunError::Interrupted),
        prepared = prepare::prepare(plan, &collector, control, watch) => prepared?,
    };
    let outline = outline(plan);
    for output in outputs.iter_mut() {
        output.begin(&outline)?;
    }
    let scenarios = prepared.scenarios.iter().map(|prepared| &*prepared.scenario);
    let _ticker = Scenario::start_ticker(scenarios).map_err(RunError::Thread)?;
    let Ended { started_at, elapsed, end, loads } =
        from_setup_to_teardown(plan, &prepared, &mut collector, outputs, control).await?;
    let mut warnings = prepared.warnings;
    warnings.extend(saturation(&loads));
    warnings.extend(lost_threads(&loads));
    warnings.extend(held_back(prepared.http.held_back()));
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let ending = Ending { version, started_at, elapsed, end, seed: plan.seed, warnings };
    let mut summary = collector.finish(ending);
    summary.warnings.extend(cut_off(&summary));
    Ok(summary)
}

/// How the load went and ended.
struct Ended {
    started_at: SystemTime,
    elapsed: Duration,
    end: RunEnd,
    loads: Vec<Load>,
}

/// Sets the scenarios up, makes the load and tears them down.
async fn from_setup_to_teardown(
    plan: &Plan,
    prepared: &Prepared,
    collector: &mut Collector,
    outputs: &mut [Box<dyn Output>],
    control: &Control,
) -> Result<Ended, RunError> {
    let (started_at, start) = (SystemTime::now(), Instant::now());
    let scenarios = &prepared.scenarios;
    match hooks::setup(scenarios, async || control.interrupted().await).await {
        Ok(setup_data) => {
            // The end of the graceful stop cuts off the load, and not what comes after it.
            let child = control.child();
            let loaded = load::make(plan, prepared, &setup_data, collector, outputs, &child).await?;
            let Loaded { loads, start, broken_threshold } = loaded;
            // What happens in teardown changes nothing of how the load ended.
            let (end, elapsed) = (how_it_ended(control, broken_threshold), start.elapsed());
            let started_at = SystemTime::now().checked_sub(elapsed).unwrap_or(started_at);
            hooks::teardown(scenarios, &setup_data, async || control.aborted().await).await;
            Ok(Ended { started_at, elapsed, end, loads })
        }
        Err(SetupFailed { before, scenario, reason }) => {
            let elapsed = start.elapsed();
            let end = match (control.is_stopping(), scenarios.len()) {
                (true, _) => how_it_ended(control, None),
                (false, 1) => RunEnd::SetupFailed(reason),
                (false, _) => RunEnd::SetupFailed(format!("{scenario}: {reason}")),
            };
            hooks::teardown(scenarios, &before, async || control.aborted().await).await;
            Ok(Ended { started_at, elapsed, end, loads: Vec::new() })
        }
    }
}

fn label(scenario: &ScenarioPlan) -> ScenarioLabel {
    ScenarioLabel {
        name: scenario.name.clone(),
        tags: scenario.tags.clone().into_iter().collect(),
        open_model: matches!(scenario.model, Model::Open(_)),
        load: scenario.model.describe(),
        load_digest: scenario.model.digest(),
    }
}

fn outline(plan: &Plan) -> Outline {
    let scenarios = plan.scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    Outline { scenarios, extent: extent(plan), keys: plan.headroom > 1 }
}

/// Why the load ended, where it is not `setup` that failed.
fn how_it_ended(control: &Control, broken_threshold: Option<String>) -> RunEnd {
    match (control.requested_end(), broken_threshold, control.interrupts()) {
        (Some(reason), ..) => RunEnd::StoppedByScenario(reason),
        (None, Some(rule), _) => RunEnd::ThresholdFailed(rule),
        (None, None, 0) => RunEnd::Completed,
        (None, None, interrupts) => RunEnd::Interrupted { forced: interrupts > 1 },
    }
}

/// The warning that the graceful stop was too short, where it applies.
fn cut_off(summary: &Summary) -> Option<Warning> {
    let iterations = summary.interrupted.iterations;
    let forced = summary.end == RunEnd::Interrupted { forced: true };
    (iterations > 0 && !forced).then_some(Warning::GracefulStopElapsed { iterations })
}

fn extent(plan: &Plan) -> Extent {
    let iterations = || {
        let planned = |scenario: &ScenarioPlan| scenario.model.planned_iterations();
        plan.scenarios.iter().map(planned).try_fold(0_u64, |sum, planned| Some(sum.saturating_add(planned?)))
    };
    match plan.length() {
        Some(time) => Extent::Time(time),
        None => iterations().map_or(Extent::Open, Extent::Iterations),
    }
}

/// The warning that threads died, where it applies.
fn lost_threads(loads: &[Load]) -> Option<Warning> {
    let count = loads.iter().filter(|load| load.lost).count() as u64;
    (count > 0).then_some(Warning::ThreadsLost { count })
}

/// The warning that the run's own bounds lowered its load, where they did.
fn held_back(held_back: http::HeldBack) -> Option<Warning> {
    let http::HeldBack { requests, waited } = held_back;
    (requests > 0).then_some(Warning::RequestsHeldBack { count: requests, waited })
}

/// The warning that the threads had no time left, where it applies.
fn saturation(loads: &[Load]) -> Option<Warning> {
    let busiest = loads.iter().max_by_key(|load| load.busy)?;
    (busiest.busy > 0).then(|| Warning::GeneratorSaturated {
        busy_share: f64::from(busiest.busy) / f64::from(busiest.intervals.max(1)),
    })
}
