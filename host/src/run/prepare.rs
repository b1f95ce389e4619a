//! All that is done before any load: reading, compiling and checking.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{HOOK_TIMEOUT, RunError};
use crate::control::Control;
use crate::data::DataSet;
use crate::http;
use crate::metrics::{Collector, ScenarioId, Warning};
use crate::plan::Plan;
use crate::sandbox::{CallError, EngineOptions, Environment, Identity, Instance, Scenario};
use crate::secrets::Secrets;
use crate::vu::TaskTable;

/// Files that the program itself has open, beside connections; a generous guess.
const OWN_FILES: u64 = 64;

/// A run that is ready to start.
pub(super) struct Prepared {
    pub(super) scenario: Arc<Scenario>,
    /// The environment of hooks that run once; threads have copies with recorders of their own.
    pub(super) env: Arc<Environment>,
    pub(super) tasks: Option<Arc<TaskTable>>,
    pub(super) warnings: Vec<Warning>,
}

/// Reads, compiles and checks.
pub(super) async fn prepare(
    plan: &Plan,
    collector: &Collector,
    control: &Control,
    watch: Option<Arc<dyn http::Watch>>,
) -> Result<Prepared, RunError> {
    let data: Arc<[DataSet]> = DataSet::load_all(&plan.scenario.data)?.into();
    let http = http::Context::new(plan.http.clone(), plan.scenario.host.as_ref().map(url::Url::as_str))?;
    let bytes = plan.scenario.source.read().await?;
    let options = EngineOptions { max_vus: plan.model.users, limits: plan.limits.clone(), cache: plan.cache.clone() };
    // Compiling takes seconds for some; the signals that may end it are heard meanwhile.
    let compiling = tokio::task::spawn_blocking(move || Scenario::load(&bytes, &options));
    let scenario = Arc::new(compiling.await.map_err(|error| RunError::Thread(error.into()))??);
    let recorders = collector.recorders();
    let env = Arc::new(Environment {
        scenario: ScenarioId(0),
        scenario_name: plan.scenario.name.clone(),
        // The last recorder is that of the hooks; the others belong to the threads.
        recorder: Arc::clone(&recorders[recorders.len() - 1]),
        control: control.child(),
        http,
        watch,
        variables: Arc::new(plan.scenario.variables.clone()),
        secrets: Arc::new(Secrets::new(plan.scenario.secrets.clone())),
        data,
        limits: plan.limits.clone(),
        seed: plan.seed,
        started: std::time::Instant::now(),
    });
    let tasks = choose_tasks(plan, &scenario, &env).await?;
    Ok(Prepared { scenario, env, tasks, warnings: open_file_limit(plan).into_iter().collect() })
}

async fn choose_tasks(
    plan: &Plan,
    scenario: &Scenario,
    env: &Arc<Environment>,
) -> Result<Option<Arc<TaskTable>>, RunError> {
    let filter = &plan.scenario.tasks;
    if !scenario.has_tasks() {
        return if filter.is_empty() { Ok(None) } else { Err(RunError::NotTasks) };
    }
    let _ticker = scenario.start_ticker().map_err(RunError::Thread)?;
    let described = in_time("describe", scenario.describe(Arc::clone(env))).await;
    let set = described.map_err(|error| RunError::Describe(error.failure().reason.to_owned()))?;
    let names: Vec<String> = set
        .tasks
        .iter()
        .map(|task| {
            if task.shown_tags.is_empty() {
                task.shown_name.clone()
            } else {
                format!("{} ({})", task.shown_name, task.shown_tags.join(", "))
            }
        })
        .collect();
    match TaskTable::new(set, filter) {
        Some(tasks) => Ok(Some(Arc::new(tasks))),
        None => Err(RunError::NoTasks(names.join(", "))),
    }
}

impl Prepared {
    /// How many iterations all virtual users make together; none for no bound.
    pub(super) fn iterations(&self, plan: &Plan) -> Option<u64> {
        let each_once =
            || plan.scenario.tasks.each_once.then(|| self.tasks.as_ref().map_or(1, |tasks| tasks.count()) as u64);
        plan.model.iterations.or_else(each_once)
    }

    /// Calls `setup`, in an instance of its own.
    ///
    /// # Errors
    /// What it said, that it trapped, or that it took too long; that `cut_off` came before its end.
    pub(super) async fn setup(&self, cut_off: impl Future<Output = ()>) -> Result<String, CallError> {
        if !self.scenario.has_lifecycle() {
            return Ok(String::new());
        }
        let result = self.hook("setup", cut_off, async |instance| instance.setup().await).await;
        if let Err(error) = &result {
            error.record_for_hook("setup", &self.env);
        }
        result
    }

    /// Calls `teardown`, in an instance of its own, unless `cut_off` comes before its end; what goes wrong there is
    /// counted.
    pub(super) async fn teardown(&self, setup_data: &str, cut_off: impl Future<Output = ()>) {
        if !self.scenario.has_lifecycle() {
            return;
        }
        if let Err(error) = self.hook("teardown", cut_off, async |instance| instance.teardown(setup_data).await).await {
            error.record_for_hook("teardown", &self.env);
        }
    }

    async fn hook<T>(
        &self,
        name: &str,
        cut_off: impl Future<Output = ()>,
        call: impl AsyncFnOnce(&mut Instance) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let identity = Identity { vu: 0, instance: 0 };
        let calling = async {
            let mut instance = Instance::new(&self.scenario, Arc::clone(&self.env), identity).await?;
            call(&mut instance).await
        };
        tokio::select! {
            biased;
            () = cut_off => Err(CallError::Failed(format!("{name} was cut off as the run was stopped"))),
            ended = in_time(name, calling) => ended,
        }
    }
}

/// What a hook comes to, unless it takes too long.
async fn in_time<T>(hook: &str, calling: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    let ended = tokio::time::timeout(HOOK_TIMEOUT, calling).await;
    ended.unwrap_or_else(|_| Err(CallError::Failed(format!("{hook} took longer than {} s", HOOK_TIMEOUT.as_secs()))))
}

/// Allows as many open files as the system lets this process have; a warning where that may be too few.
fn open_file_limit(plan: &Plan) -> Option<Warning> {
    let needed = u64::from(plan.model.users) + OWN_FILES;
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current?;
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let in_force = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum?,
        Err(_) => current,
    };
    (in_force < needed).then_some(Warning::OpenFileLimit { limit: in_force, needed })
}
