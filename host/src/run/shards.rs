//! The threads that make the load: one a shard, each with a runtime of its own.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::RunError;
use super::prepare::Prepared;
use crate::control::Control;
use crate::metrics::Recorder;
use crate::plan::Plan;
use crate::profile::ClosedModel;
use crate::sandbox::Environment;
use crate::schedule::{self, Load, Shard};
use crate::vu::{Budget, Cast};

/// The threads of a run.
pub(super) struct Shards {
    running: Vec<oneshot::Receiver<Load>>,
    loads: Vec<Load>,
}

/// Starts the threads.
///
/// # Errors
/// The system has no thread to give; those that were started are stopped.
pub(super) fn start(
    plan: &Plan,
    prepared: &Prepared,
    setup_data: &str,
    recorders: &[Arc<Recorder>],
    control: &Control,
    start: Instant,
) -> Result<Shards, RunError> {
    let budget = Arc::new(Budget::new(prepared.iterations(plan)));
    let setup_data: Arc<str> = setup_data.into();
    let count = plan.shards();
    let mut running = Vec::new();
    for (index, recorder) in (0..count).zip(recorders) {
        let env = Environment {
            recorder: Arc::clone(recorder),
            control: control.child(),
            ..Environment::clone(&prepared.env)
        };
        let cast = Arc::new(Cast {
            scenario: Arc::clone(&prepared.scenario),
            env: Arc::new(env),
            setup_data: Arc::clone(&setup_data),
            tasks: prepared.tasks.clone(),
            budget: Arc::clone(&budget),
            iterations_per_user: plan.model.iterations_per_user,
            max_traps: plan.max_traps,
        });
        let thread = start_thread(plan.model.clone(), Shard { index, count }, cast, start);
        running.push(thread.map_err(RunError::Thread).inspect_err(|_| control.abort())?);
    }
    Ok(Shards { running, loads: Vec::new() })
}

fn start_thread(
    model: ClosedModel,
    shard: Shard,
    cast: Arc<Cast>,
    start: Instant,
) -> std::io::Result<oneshot::Receiver<Load>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ended, receiver) = oneshot::channel();
    std::thread::Builder::new().name(format!("load-{}", shard.index)).spawn(move || {
        let load = runtime.block_on(schedule::run_closed(&model, shard, cast, start));
        // Nobody waits for it once the run has been given up.
        let _ = ended.send(load);
    })?;
    Ok(receiver)
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
