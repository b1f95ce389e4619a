//! The threads that make the load: one a shard, each with a runtime of its own.

use std::sync::{Arc, OnceLock};

use tokio::sync::{Barrier, Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RunError;
use super::hooks::SetupData;
use super::prepare::{Prepared, PreparedScenario};
use crate::control::Control;
use crate::metrics::{Recorder, ScenarioId};
use crate::plan::{Plan, ScenarioPlan};
use crate::profile::{Deal, Model, Seed};
use crate::sandbox::Environment;
use crate::schedule::{self, Load, Shard, Share};
use crate::vu::{Budget, Cast, Numbers};

/// Where the threads of a run wait for each other before the load, and who watches it with them.
#[derive(Debug)]
pub(super) struct Gate {
    ready: Barrier,
    start: OnceLock<Instant>,
}

impl Gate {
    fn new(threads: u32) -> Gate {
        // One more waits: who started them.
        Gate { ready: Barrier::new(threads as usize + 1), start: OnceLock::new() }
    }

    /// The instant at which the load starts, once all are ready; none where the run is stopped before.
    pub(super) async fn pass(&self, control: &Control) -> Option<Instant> {
        tokio::select! {
            biased;
            () = control.stopped() => None,
            _ = self.ready.wait() => Some(*self.start.get_or_init(Instant::now)),
        }
    }
}

/// The threads of a run.
pub(super) struct Shards {
    pub(super) gate: Arc<Gate>,
    running: Vec<oneshot::Receiver<Load>>,
    loads: Vec<Load>,
}

/// What stops one scenario of a run, and tells when its load is over.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) control: Control,
    /// Gets a permit for each of the scenario's shares whose load is over.
    over: Arc<Semaphore>,
    shares: u32,
}

impl Handle {
    /// For a scenario of that plan, in a run of so many threads.
    pub(super) fn new(scenario: &ScenarioPlan, threads: u32, control: &Control) -> Handle {
        Handle { control: control.child(), over: Arc::new(Semaphore::new(0)), shares: shares(&scenario.model, threads) }
    }

    /// Returns once the scenario's load is over.
    pub(super) async fn over(&self) {
        // Nobody closes it.
        let _ = self.over.acquire_many(self.shares).await;
    }
}

/// Virtual users that a thread has at the least for arrivals: one that finds none free is dropped, though another thread
/// may have one.
const VUS_FOR_ARRIVALS: u32 = 8;

/// How many threads have a share of a load.
fn shares(model: &Model, threads: u32) -> u32 {
    let most = match model {
        Model::Closed(_) => model.max_vus(),
        Model::Open(_) => model.max_vus() / VUS_FOR_ARRIVALS,
    };
    most.clamp(1, threads.max(1))
}

/// Starts the threads. `handles` are the scenarios', in the order of the plan.
///
/// # Errors
/// The system has no thread to give; those that were started are stopped.
pub(super) fn start(
    plan: &Plan,
    prepared: &Prepared,
    setup_data: &SetupData,
    recorders: &[Arc<Recorder>],
    handles: &[Handle],
    control: &Control,
) -> Result<Shards, RunError> {
    let threads = plan.shards();
    let parts = parts(plan, prepared, setup_data);
    let gate = Arc::new(Gate::new(threads));
    let mut running = Vec::new();
    for (thread, recorder) in (0..threads).zip(recorders) {
        let share = |(part, handle): (&Part<'_>, &Handle)| {
            let index = part.shard_of(thread, threads);
            let shard = Shard { index, count: handle.shares };
            (index < handle.shares).then(|| part.share(shard, recorder, handle))
        };
        let shares = parts.iter().zip(handles).filter_map(share).collect();
        let started = start_thread(thread, shares, Arc::clone(&gate), control.clone());
        running.push(started.map_err(RunError::Thread).inspect_err(|_| control.abort())?);
    }
    Ok(Shards { gate, running, loads: Vec::new() })
}

/// A scenario's part in the load, of which each thread has a share.
struct Part<'a> {
    planned: &'a ScenarioPlan,
    ready: &'a PreparedScenario,
    setup_data: Arc<str>,
    budget: Arc<Budget>,
    model: Arc<Model>,
    numbers: Numbers,
    seed: Seed,
    steerable: bool,
}

fn parts<'a>(plan: &'a Plan, prepared: &'a Prepared, setup_data: &SetupData) -> Vec<Part<'a>> {
    let (mut before, mut beyond) = (0, plan.max_vus());
    let mut parts = Vec::new();
    for ((planned, ready), setup_data) in plan.scenarios.iter().zip(&prepared.scenarios).zip(&setup_data.0) {
        let max_vus = planned.model.max_vus();
        parts.push(Part {
            planned,
            ready,
            setup_data: Arc::clone(setup_data),
            budget: Arc::new(Budget::new(ready.iterations(planned))),
            model: Arc::new(planned.model.clone()),
            numbers: Numbers { before, planned: max_vus, beyond },
            seed: Seed { run: plan.seed, scenario: stream(planned, ready.env.scenario) },
            steerable: plan.headroom > 1,
        });
        before += max_vus;
        beyond += planned.room(prepared.headroom).saturating_sub(max_vus);
    }
    parts
}

/// Which of the run's random arrivals a scenario has: its own, and where it shares a load, those of all who do.
fn stream(planned: &ScenarioPlan, scenario: ScenarioId) -> u32 {
    match &planned.model {
        Model::Open(model) if model.deal != Deal::default() => u32::from(u16::MAX) + 1,
        _ => scenario.0.into(),
    }
}

impl Part<'_> {
    /// Which of the scenario's shards that thread has. They are turned from one scenario to the next: otherwise all those
    /// of one virtual user would be the first thread's.
    fn shard_of(&self, thread: u32, threads: u32) -> u32 {
        (thread + threads - self.numbers.before % threads) % threads
    }

    fn share(&self, shard: Shard, recorder: &Arc<Recorder>, handle: &Handle) -> Share {
        let env = Environment {
            recorder: Arc::clone(recorder),
            control: handle.control.child(),
            ..Environment::clone(&self.ready.env)
        };
        let cast = Cast {
            scenario: Arc::clone(&self.ready.scenario),
            env: Arc::new(env),
            setup_data: Arc::clone(&self.setup_data),
            tasks: self.ready.tasks.clone(),
            budget: Arc::clone(&self.budget),
            done: CancellationToken::new(),
            model: Arc::clone(&self.model),
            numbers: self.numbers,
            max_traps: self.planned.max_traps,
        };
        Share {
            shard,
            cast: Arc::new(cast),
            seed: self.seed,
            start: self.planned.start,
            steerable: self.steerable,
            over: Arc::clone(&handle.over),
        }
    }
}

fn start_thread(
    thread: u32,
    shares: Vec<Share>,
    gate: Arc<Gate>,
    control: Control,
) -> std::io::Result<oneshot::Receiver<Load>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ended, receiver) = oneshot::channel();
    std::thread::Builder::new().name(format!("load-{thread}")).spawn(move || {
        let waits = AbortUnlessPassed(Some(control.clone()));
        let pass = async {
            let start = gate.pass(&control).await;
            waits.passed();
            start
        };
        let load = runtime.block_on(schedule::run(&shares, pass));
        // Nobody waits for it once the run has been given up.
        let _ = ended.send(load);
    })?;
    Ok(receiver)
}

/// Gives the run up where a thread dies before the gate, at which the others would wait for it for ever.
struct AbortUnlessPassed(Option<Control>);

impl AbortUnlessPassed {
    fn passed(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortUnlessPassed {
    fn drop(&mut self) {
        if let Some(control) = &self.0 {
            control.abort();
        }
    }
}

impl Shards {
    /// Waits until the last thread has ended; how busy each was. May be called again where it was cut off.
    pub(super) async fn ended(&mut self) -> Vec<Load> {
        while let Some(thread) = self.running.last_mut() {
            // A thread that panicked has said so on standard error; the others' figures stand.
            let load = thread.await.unwrap_or(Load { lost: true, ..Load::default() });
            self.loads.push(load);
            self.running.pop();
        }
        std::mem::take(&mut self.loads)
    }
}
