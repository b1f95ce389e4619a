//! All that is done before any load: reading, compiling and checking.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{RunError, compile, hooks};
use crate::control::Control;
use crate::data::DataSet;
use crate::http;
use crate::metrics::{Collector, ScenarioId, Warning};
use crate::plan::{Plan, ScenarioPlan};
use crate::profile::Model;
use crate::sandbox::{EngineOptions, Environment, LoadError, Scenario};
use crate::secrets::Secrets;
use crate::source::{Content, Digest, any_url};
use crate::vu::TaskTable;

/// Files that the program itself has open, beside connections; a generous guess.
const OWN_FILES: u64 = 64;

/// A run that is ready to start.
pub(super) struct Prepared {
    /// In the order of the plan.
    pub(super) scenarios: Vec<PreparedScenario>,
    pub(super) warnings: Vec<Warning>,
    /// What the scenarios' clients share.
    pub(super) http: Arc<http::Context>,
    /// How many times its planned virtual users each scenario has room for.
    pub(super) headroom: u32,
}

/// A scenario that is ready to start.
pub(super) struct PreparedScenario {
    pub(super) scenario: Arc<Scenario>,
    /// The environment of hooks that run once; threads have copies with recorders of their own.
    pub(super) env: Arc<Environment>,
    pub(super) tasks: Option<Arc<TaskTable>>,
}

/// What the scenarios of a run share while they are prepared.
struct Shared<'a> {
    plan: &'a Plan,
    collector: &'a Collector,
    control: &'a Control,
    watch: Option<Arc<dyn http::Watch>>,
    http: Arc<http::Context>,
}

/// Reads, compiles and checks.
pub(super) async fn prepare(
    plan: &Plan,
    collector: &Collector,
    control: &Control,
    watch: Option<Arc<dyn http::Watch>>,
) -> Result<Prepared, RunError> {
    let http = http::Context::new(plan.http.clone(), None, crate::http::Hosts::default())?;
    let shared = Shared { plan, collector, control, watch, http };
    let (mut scenarios, mut headroom) = (Vec::new(), plan.headroom.max(1));
    for (place, scenario) in plan.scenarios.iter().enumerate() {
        // Targets and data first: what is wrong with them is found sooner than a component is compiled.
        let environment = shared.environment(place, scenario)?;
        let compiled = shared.compile(scenario, &mut headroom).await?;
        scenarios.push((compiled, environment));
    }
    let mut prepared = Vec::new();
    for ((compiled, environment), planned) in scenarios.into_iter().zip(&plan.scenarios) {
        let (scenario, env) = (Arc::new(compiled), Arc::new(environment));
        let tasks = choose_tasks(planned, &scenario, &env).await?;
        prepared.push(PreparedScenario { scenario, env, tasks });
    }
    let warnings = open_file_limit(plan).into_iter().collect();
    Ok(Prepared { scenarios: prepared, warnings, http: shared.http, headroom })
}

impl Shared<'_> {
    fn environment(&self, place: usize, scenario: &ScenarioPlan) -> Result<Environment, RunError> {
        let data: Arc<[DataSet]> = DataSet::load_all(&scenario.data)?.into();
        let recorders = self.collector.recorders();
        let hosts = http::Hosts { allowed: &scenario.allowed_hosts, public_target: scenario.public_target };
        Ok(Environment {
            scenario: ScenarioId(u16::try_from(place).unwrap_or(u16::MAX)),
            scenario_name: scenario.name.clone(),
            // The last recorder is that of the hooks; the others belong to the threads.
            recorder: Arc::clone(&recorders[recorders.len() - 1]),
            control: self.control.child(),
            http: self.http.with_target(scenario.host.as_ref().map(url::Url::as_str), hosts)?,
            watch: self.watch.clone(),
            variables: Arc::new(scenario.variables.clone()),
            secrets: Arc::new(Secrets::new(scenario.secrets.clone())),
            data,
            wants_tags: self.collector.wants_tags(),
            limits: scenario.limits.clone(),
            virtual_epoch: self.plan.virtual_epoch,
            seed: self.plan.seed,
            started: std::time::Instant::now(),
        })
    }

    /// Compiles a component. Where there is no room for more than the planned virtual users, headroom is given up.
    async fn compile(&self, scenario: &ScenarioPlan, headroom: &mut u32) -> Result<Scenario, RunError> {
        let bytes: Arc<[u8]> = component(self.plan, scenario).await?.bytes.into();
        loop {
            let options = EngineOptions {
                max_vus: scenario.room(*headroom),
                run_vus: self.plan.scenarios.iter().fold(0, |sum, other| sum.saturating_add(other.room(*headroom))),
                limits: scenario.limits.clone(),
                wasi_p3: self.plan.loading.wasi_p3,
                cache: self.plan.cache.clone(),
            };
            let bytes = Arc::clone(&bytes);
            let compiled = compile::within(&self.plan.loading, move || Scenario::load(&bytes, &options)).await?;
            match compiled {
                Err(LoadError::TooManyVus { .. }) if *headroom > 1 => *headroom = 1,
                compiled => return compiled.map_err(|error| RunError::load(&scenario.source, error)),
            }
        }
    }
}

/// The bytes of a scenario's component, which the plan has to have granted.
///
/// # Errors
/// It is not granted, or there is none.
pub async fn component(plan: &Plan, scenario: &ScenarioPlan) -> Result<Content, RunError> {
    let max_bytes = plan.loading.max_component_bytes;
    let Some(grants) = &plan.grants else { return Ok(scenario.source.read(max_bytes, any_url()).await?) };
    let secrets = || scenario.secrets.keys().map(String::as_str);
    let check = |sha256: &Digest| grants.check(&scenario.name, sha256, secrets());
    // What is not granted is not even fetched.
    grants.check_source(&scenario.name, &scenario.source)?;
    scenario.source.pin().as_ref().map_or(Ok(()), check)?;
    let content = scenario.source.read(max_bytes, grants.may_fetch()).await?;
    check(&content.sha256)?;
    Ok(content)
}

async fn choose_tasks(
    plan: &ScenarioPlan,
    scenario: &Scenario,
    env: &Arc<Environment>,
) -> Result<Option<Arc<TaskTable>>, RunError> {
    let filter = &plan.tasks;
    if !scenario.has_tasks() {
        return if filter.is_empty() { Ok(None) } else { Err(RunError::NotTasks(plan.name.clone())) };
    }
    let _ticker = Scenario::start_ticker([scenario]).map_err(RunError::Thread)?;
    let described = hooks::in_time("describe", scenario.describe(Arc::clone(env))).await;
    let set = described
        .map_err(|error| RunError::Describe { scenario: plan.name.clone(), why: error.failure().reason.to_owned() })?;
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
        None => Err(RunError::NoTasks { scenario: plan.name.clone(), tasks: names.join(", ") }),
    }
}

impl PreparedScenario {
    /// How many iterations its virtual users make together; none for no bound.
    pub(super) fn iterations(&self, plan: &ScenarioPlan) -> Option<u64> {
        let each_once = || plan.tasks.each_once.then(|| self.tasks.as_ref().map_or(1, |tasks| tasks.count()) as u64);
        match &plan.model {
            Model::Closed(model) => model.budget().or_else(each_once),
            // The rate has its own bound.
            Model::Open(_) => None,
        }
    }
}

/// Allows as many open files as the system lets this process have; a warning where that may be too few.
fn open_file_limit(plan: &Plan) -> Option<Warning> {
    let needed = u64::from(plan.max_vus()) + OWN_FILES;
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current?;
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let in_force = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum?,
        Err(_) => current,
    };
    (in_force < needed).then_some(Warning::OpenFileLimit { limit: in_force, needed })
}
