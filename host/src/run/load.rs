//! The load itself: from the start of the threads until the last of them has ended.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::RunError;
use super::hooks::SetupData;
use super::prepare::Prepared;
use super::shards::{self, Handle};
use crate::control::{Bounds, Control, Steer, Steering};
use crate::metrics::{Collector, LoadChange, LoadChanged, ScenarioId};
use crate::plan::{Plan, ScenarioPlan};
use crate::report::Output;
use crate::schedule::Load;

/// How often outputs are told how the run stands.
const TICK: Duration = Duration::from_secs(1);

/// The share of the planned load that a person changes at a step, where it has virtual users enough.
const STEP: f64 = 0.1;

/// What the load came to, but for what was recorded.
pub(super) struct Loaded {
    /// How busy each thread was.
    pub(super) loads: Vec<Load>,
    /// When it started.
    pub(super) start: Instant,
    /// The threshold that ended it before its time, if one did.
    pub(super) broken_threshold: Option<String>,
}

/// Makes the load.
///
/// # Errors
/// The system has no thread to give.
pub(super) async fn make(
    plan: &Plan,
    prepared: &Prepared,
    setup_data: &SetupData,
    collector: &mut Collector,
    outputs: &mut [Box<dyn Output>],
    control: &Control,
) -> Result<Loaded, RunError> {
    let threads = plan.shards();
    let handles: Vec<_> = plan.scenarios.iter().map(|scenario| Handle::new(scenario, threads, control)).collect();
    let mut shards = shards::start(plan, prepared, setup_data, collector.recorders(), &handles, control)?;
    let gate = Arc::clone(&shards.gate);
    let start = gate.pass(control).await.unwrap_or_else(Instant::now);
    control.steering().begin(start, bounds(plan, prepared));
    let mut presence: Vec<Presence> = plan.scenarios.iter().map(|scenario| Presence::new(scenario.start)).collect();
    let stops: Vec<OnceLock<Instant>> = handles.iter().map(|_| OnceLock::new()).collect();
    let timed = plan.scenarios.iter().zip(&handles).zip(&stops);
    let timed = timed.map(|((scenario, handle), stop)| stop_in_time(plan, scenario, handle, start, stop));
    let mut stopping = std::pin::pin!(async { tokio::join!(join_all(timed), stop_the_endless(plan, &handles)) });
    let mut interval = interval_at(start + TICK, TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut stopped, mut broken_threshold, mut steers) = (false, None, 0);
    loop {
        let ended = tokio::select! {
            biased;
            loads = shards.ended() => Some(loads),
            _ = &mut stopping, if !stopped => {
                stopped = true;
                continue;
            }
            _ = interval.tick() => None,
        };
        steers += tell_steers(control.steering(), steers, collector);
        for ((presence, stop), id) in presence.iter_mut().zip(&stops).zip(0..) {
            presence.tell(ScenarioId(id), control.steering(), start, stop.get(), collector);
        }
        if let Some(loads) = ended {
            return Ok(Loaded { loads, start, broken_threshold });
        }
        let broken = tick(collector, outputs, start.elapsed());
        // What happens after the load has stopped can't end it before its time.
        if broken.is_some() && !handles.iter().all(|handle| handle.control.is_stopping()) {
            broken_threshold = broken_threshold.or(broken);
            control.stop();
        }
    }
}

/// What the collector knows of whether a scenario is there.
struct Presence {
    /// When it is to come, by the plan.
    planned: Duration,
    has_begun: bool,
    has_ended: bool,
}

impl Presence {
    fn new(planned: Duration) -> Presence {
        Presence { planned, has_begun: false, has_ended: false }
    }

    /// Has the collector know since when the scenario is there, and since when it is no more.
    fn tell(
        &mut self,
        id: ScenarioId,
        steering: &Steering,
        start: Instant,
        stop: Option<&Instant>,
        collector: &mut Collector,
    ) {
        let planned = steering.follow().steered().planned(start, Instant::now());
        if !self.has_begun && planned >= self.planned {
            self.has_begun = true;
            collector.load_began(id, start.elapsed().saturating_sub(planned - self.planned));
        }
        if let Some(stop) = stop.filter(|_| !self.has_ended) {
            self.has_ended = true;
            collector.load_ended(id, stop.saturating_duration_since(start));
        }
    }
}

/// Ends the scenarios that have no end of their own when the last of the others has ended, if there are others.
async fn stop_the_endless(plan: &Plan, handles: &[Handle]) {
    let is_endless =
        |scenario: &ScenarioPlan| scenario.end().is_none() && scenario.model.planned_iterations().is_none();
    let (endless, others): (Vec<_>, Vec<_>) =
        plan.scenarios.iter().zip(handles).partition(|(scenario, _)| is_endless(scenario));
    if !endless.is_empty() && !others.is_empty() {
        join_all(others.iter().map(|(_, handle)| handle.over())).await;
        endless.iter().for_each(|(_, handle)| handle.control.stop());
    }
}

/// How far a person may change the load: by steps that change at least one virtual user of the largest scenario.
fn bounds(plan: &Plan, prepared: &Prepared) -> Bounds {
    let most = plan.scenarios.iter().map(|scenario| scenario.model.max_vus()).max().unwrap_or(1);
    Bounds { step: STEP.max(1.0 / f64::from(most.max(1))), most: f64::from(prepared.headroom) }
}

/// Has the collector know what a person did to the load after the first `known` times; how often that was.
fn tell_steers(steering: &Steering, known: usize, collector: &mut Collector) -> usize {
    let steers = steering.done_after(known);
    for &(at, steer) in &steers {
        let what = match steer {
            Steer::Paused => LoadChanged::Paused,
            Steer::Resumed => LoadChanged::Resumed,
            Steer::Factor(factor) => LoadChanged::Factor(factor),
            Steer::Stopped => LoadChanged::Stopped,
        };
        collector.load_changed(LoadChange { at, what });
    }
    steers.len()
}

/// Tells the outputs how the run stands; the threshold that wants it to end, if one does.
fn tick(collector: &mut Collector, outputs: &mut [Box<dyn Output>], at: Duration) -> Option<String> {
    let snapshot = collector.collect(at);
    for output in outputs {
        output.tick(&snapshot);
    }
    snapshot.aborting_threshold
}

/// Stops a scenario when its time is over, or when someone asked for it; and cuts it off when its graceful stop is over.
async fn stop_in_time(
    plan: &Plan,
    scenario: &ScenarioPlan,
    handle: &Handle,
    start: Instant,
    stopped_at: &OnceLock<Instant>,
) {
    let control = &handle.control;
    let time_is_over = async {
        match scenario.end() {
            Some(end) => control.steering().reached(start, end).await,
            None => std::future::pending().await,
        }
    };
    let at = tokio::select! {
        () = control.stopped() => Instant::now(),
        () = time_is_over => {
            control.stop();
            // By the plan, and not some of the clock's grains later.
            let due = scenario.end().and_then(|end| control.steering().follow().steered().due(start, end));
            due.unwrap_or_else(Instant::now)
        }
        // Its iterations are done, or nobody is left to make them.
        () = handle.over() => Instant::now(),
    };
    // It is set here alone.
    let _ = stopped_at.set(at);
    tokio::select! {
        () = control.aborted() => {}
        () = tokio::time::sleep(plan.graceful_stop) => control.abort(),
    }
}
