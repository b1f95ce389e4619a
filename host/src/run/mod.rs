//! A run, from its plan to its summary: loads the scenario, starts the threads, feeds snapshots to the outputs and stops
//! everything in time.

mod prepare;
mod shards;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::control::Control;
use crate::http;
use crate::metrics::{Collector, Ending, RunEnd, Summary, Warning};
use crate::plan::{Plan, PlanError};
use crate::report::{Extent, Outline, Output, OutputError};
use crate::sandbox::LoadError;
use crate::schedule::Load;
use crate::source::SourceError;

use prepare::Prepared;

/// How often outputs are told how the run stands.
const TICK: Duration = Duration::from_secs(1);

/// How long `setup` and `teardown` may take.
const HOOK_TIMEOUT: Duration = Duration::from_secs(60);

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
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A data file can't be used.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// Connections can't be made at all.
    #[error(transparent)]
    Http(#[from] http::ContextError),
    /// The scenario's tasks can't be read.
    #[error("read the scenario's tasks: {0}")]
    Describe(String),
    /// The filters leave no task.
    #[error("choose tasks: --task, --tags and --exclude-tags leave none of {0}")]
    NoTasks(String),
    /// Tasks are chosen in a scenario that has none.
    #[error("choose tasks: the scenario has none; leave --task, --tags and --exclude-tags out")]
    NotTasks,
    /// An output can't do its work.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A person asked for the end before there was any load.
    #[error("start the load: interrupted before it began")]
    Interrupted,
    /// The system has no thread to give.
    #[error("start a thread: {0}")]
    Thread(std::io::Error),
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
    let mut collector = Collector::new(vec![plan.scenario.name.clone()], plan.shards() as usize + 1, plan.names);
    let prepared = tokio::select! {
        biased;
        () = control.interrupted() => return Err(RunError::Interrupted),
        prepared = prepare::prepare(plan, &collector, control, watch) => prepared?,
    };
    let outline = Outline { scenarios: vec![plan.scenario.name.clone()], extent: extent(plan) };
    for output in outputs.iter_mut() {
        output.begin(&outline)?;
    }
    let _ticker = prepared.scenario.start_ticker().map_err(RunError::Thread)?;
    let mut started_at = SystemTime::now();
    let start = Instant::now();
    let (end, load, elapsed) = match prepared.setup(control.interrupted()).await {
        Ok(setup_data) => {
            started_at = SystemTime::now();
            let start = Instant::now();
            // The end of the graceful stop cuts off the load, and not what comes after it.
            let loads =
                make_load(plan, &prepared, &setup_data, &mut collector, outputs, &control.child(), start).await?;
            // What happens in teardown changes nothing of how the load ended.
            let (end, elapsed) = (how_it_ended(control), start.elapsed());
            prepared.teardown(&setup_data, control.aborted()).await;
            (end, loads, elapsed)
        }
        Err(_) if control.is_stopping() => (how_it_ended(control), Vec::new(), start.elapsed()),
        Err(error) => (RunEnd::SetupFailed(error.failure().reason.to_owned()), Vec::new(), start.elapsed()),
    };
    let mut warnings = prepared.warnings;
    warnings.extend(saturation(&load));
    warnings.extend(lost_threads(&load));
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let mut summary = collector.finish(Ending { version, started_at, elapsed, end, seed: plan.seed, warnings });
    summary.warnings.extend(cut_off(&summary));
    Ok(summary)
}

/// Why the load ended, where it is not `setup` that failed.
fn how_it_ended(control: &Control) -> RunEnd {
    match (control.requested_end(), control.interrupts()) {
        (Some(reason), _) => RunEnd::StoppedByScenario(reason),
        (None, 0) => RunEnd::Completed,
        (None, interrupts) => RunEnd::Interrupted { forced: interrupts > 1 },
    }
}

/// The warning that the graceful stop was too short, where it applies.
fn cut_off(summary: &Summary) -> Option<Warning> {
    let iterations = summary.interrupted.iterations;
    let forced = summary.end == RunEnd::Interrupted { forced: true };
    (iterations > 0 && !forced).then_some(Warning::GracefulStopElapsed { iterations })
}

/// Makes the load: from the start of the threads until the last of them has ended.
async fn make_load(
    plan: &Plan,
    prepared: &Prepared,
    setup_data: &str,
    collector: &mut Collector,
    outputs: &mut [Box<dyn Output>],
    control: &Control,
    start: Instant,
) -> Result<Vec<Load>, RunError> {
    let mut shards = shards::start(plan, prepared, setup_data, collector.recorders(), control, start)?;
    let mut stopping = std::pin::pin!(stop_in_time(plan, control));
    let mut interval = tokio::time::interval_at(start + TICK, TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopped = false;
    loop {
        tokio::select! {
            biased;
            loads = shards.ended() => return Ok(loads),
            () = &mut stopping, if !stopped => stopped = true,
            _ = interval.tick() => {
                let snapshot = collector.collect(start.elapsed());
                for output in outputs.iter_mut() {
                    output.tick(&snapshot);
                }
            }
        }
    }
}

/// Stops the load when its time is over, or when someone asked for it; and cuts it off when the graceful stop is over.
async fn stop_in_time(plan: &Plan, control: &Control) {
    tokio::select! {
        () = control.stopped() => {}
        () = sleep_or_forever(plan.model.run_time) => control.stop(),
    }
    tokio::select! {
        () = control.aborted() => {}
        () = tokio::time::sleep(plan.graceful_stop) => control.abort(),
    }
}

async fn sleep_or_forever(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

fn extent(plan: &Plan) -> Extent {
    match (plan.model.run_time, plan.model.planned_iterations()) {
        (Some(time), _) => Extent::Time(time),
        (None, Some(iterations)) => Extent::Iterations(iterations),
        (None, None) => Extent::Open,
    }
}

/// The warning that threads died, where it applies.
fn lost_threads(loads: &[Load]) -> Option<Warning> {
    let count = loads.iter().filter(|load| load.lost).count() as u64;
    (count > 0).then_some(Warning::ThreadsLost { count })
}

/// The warning that the threads had no time left, where it applies.
fn saturation(loads: &[Load]) -> Option<Warning> {
    let busiest = loads.iter().max_by_key(|load| load.busy)?;
    (busiest.busy > 0).then(|| Warning::GeneratorSaturated {
        busy_share: f64::from(busiest.busy) / f64::from(busiest.intervals.max(1)),
    })
}
