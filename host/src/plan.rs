//! The plan: all that a run is to do, validated and immutable. Nothing below reads a flag, a file or the environment to
//! learn what to do.

mod grants;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::data::DataSource;
use crate::http;
use crate::metrics::{self, Threshold, ThresholdError};
use crate::profile::{Change, ClosedModel, Model, OpenModel};
use crate::source::Source;

pub use grants::{GrantError, Granted, Grants};

/// All that a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What virtual users run; at least one.
    pub scenarios: Vec<ScenarioPlan>,
    /// Rules that the run has to keep.
    pub thresholds: Vec<Threshold>,
    /// Threads that make the load, each with its share of the virtual users; at least 1.
    pub threads: u32,
    /// The seed of everything random.
    pub seed: u64,
    /// How long iterations get to finish after the end of their scenario's load.
    pub graceful_stop: Duration,
    /// How many times its planned virtual users a scenario has room for, so that a person can ask for more of them
    /// while it runs; 1 where nobody can.
    pub headroom: u32,
    /// How requests are made.
    pub http: http::Config,
    /// How many names statistics are kept under.
    pub names: metrics::Limits,
    /// Where compiled code is kept; none to compile anew.
    pub cache: Option<PathBuf>,
    /// What components may be, and what compiling one may take.
    pub loading: Loading,
    /// What scenarios are granted; none for everything that the plan gives them.
    pub grants: Option<Grants>,
    /// The time since 1970 that the guests' wall clock shows, and does not leave; none for the machine's.
    pub virtual_epoch: Option<Duration>,
}

/// What components may be, and what compiling one may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loading {
    /// The largest component, in bytes. 64 MiB unless told otherwise.
    pub max_component_bytes: u64,
    /// How long compiling one may take. 60 s unless told otherwise.
    pub compile_timeout: Duration,
    /// How much memory the process may take while it compiles one, beyond what it had, in bytes. 4 GiB.
    pub max_compile_memory_bytes: u64,
    /// Whether components may import WASI 0.3. They may unless told otherwise.
    pub wasi_p3: bool,
}

impl Default for Loading {
    fn default() -> Loading {
        Loading {
            max_component_bytes: 64 << 20,
            compile_timeout: Duration::from_secs(60),
            max_compile_memory_bytes: 4 << 30,
            wasi_p3: true,
        }
    }
}

/// What some of the virtual users run, what it is given, and the load that they make.
#[derive(Clone, Debug)]
pub struct ScenarioPlan {
    /// The name in reports; no two scenarios of a plan have the same.
    pub name: String,
    /// Where the component is.
    pub source: Source,
    /// The target that paths are resolved against.
    pub host: Option<url::Url>,
    /// Hosts that its requests may go to beside the target.
    pub allowed_hosts: Vec<http::HostPattern>,
    /// Whether the target's name may lead only to public addresses.
    pub public_target: bool,
    /// What the guest's `variable` gives, and its environment.
    pub variables: BTreeMap<String, String>,
    /// What the guest's `secret` gives.
    pub secrets: BTreeMap<String, String>,
    /// The rows that the guest reads.
    pub data: Vec<DataSource>,
    /// Which tasks are run.
    pub tasks: TaskFilter,
    /// What thresholds may choose its requests by, beside the tags that they have themselves.
    pub tags: BTreeMap<String, String>,
    /// How load is made, and when, from `start` on.
    pub model: Model,
    /// How long after the start of the run's load its own starts.
    pub start: Duration,
    /// What one virtual user may use.
    pub limits: Limits,
    /// Traps in a row after which a virtual user stops.
    pub max_traps: u32,
}

impl ScenarioPlan {
    /// The most virtual users that it has at so many times its load.
    pub fn room(&self, headroom: u32) -> u32 {
        let changed = self.model.changed(&[Change { at: Duration::ZERO, factor: f64::from(headroom.max(1)) }]);
        changed.max_vus().max(self.model.max_vus())
    }

    /// When it starts no more iterations, from the start of the run's load; none where time does not bound it.
    pub fn end(&self) -> Option<Duration> {
        self.model.length().map(|length| self.start.saturating_add(length))
    }
}

/// Which tasks of a `tasks` scenario are run: those that pass all three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only tasks with one of these names; empty for all.
    pub names: Vec<String>,
    /// Only tasks with one of these tags; empty for all.
    pub tags: Vec<String>,
    /// No tasks with any of these tags.
    pub exclude_tags: Vec<String>,
    /// Each of those is run once, in order and without waits in between, and nothing else: what a check wants. An
    /// iteration that is not made of tasks is run once. The bounds of the load hold all the same. Default: false.
    pub each_once: bool,
}

impl TaskFilter {
    /// Whether it leaves everything in.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.tags.is_empty() && self.exclude_tags.is_empty()
    }

    /// Whether a task of that name and with these tags is run.
    pub fn allows(&self, name: &str, tags: &[String]) -> bool {
        let tagged = |with: &[String]| tags.iter().any(|tag| with.contains(tag));
        (self.names.is_empty() || self.names.iter().any(|allowed| allowed == name))
            && (self.tags.is_empty() || tagged(&self.tags))
            && !tagged(&self.exclude_tags)
    }
}

/// What one virtual user may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Linear memory, in bytes. 64 MiB unless told otherwise.
    pub max_memory_bytes: usize,
    /// The guest's stack, in bytes. 512 KiB unless told otherwise.
    pub max_stack_bytes: usize,
    /// CPU time of guest code between two calls of the host, to the grain of 10 ms. 1 s unless told otherwise.
    pub max_cpu_time: Duration,
    /// Responses and transactions that a guest may hold at one time, those that it forgot to drop included.
    pub max_handles: usize,
    /// Memory of requests under way, and of exchanges that a guest holds at one time, in bytes. 256 MiB unless told
    /// otherwise.
    pub max_held_bytes: usize,
    /// Bytes that a guest may hand over in one call of the host. 128 MiB unless told otherwise.
    pub max_call_bytes: usize,
    /// Handles of WASI that a guest may hold at one time: streams, and what waits for a time.
    pub max_wasi_handles: usize,
    /// Calls of async functions, and what belongs to them, that a guest may have under way at one time.
    pub max_async_calls: usize,
    /// Requests of one virtual user at one time, of one `http-batch` or of async functions. 6 unless told otherwise, as
    /// browsers do.
    pub max_concurrent_requests: usize,
    /// Lines that a virtual user may log or print a second. 100 unless told otherwise.
    pub max_log_lines: u32,
    /// Bytes that a virtual user may log or print a second. 64 KiB unless told otherwise.
    pub max_log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_memory_bytes: 64 << 20,
            max_stack_bytes: 512 << 10,
            max_cpu_time: Duration::from_secs(1),
            max_handles: 100_000,
            max_held_bytes: 256 << 20,
            max_call_bytes: 128 << 20,
            max_wasi_handles: 10_000,
            max_async_calls: 10_000,
            max_concurrent_requests: 6,
            max_log_lines: 100,
            max_log_bytes: 64 << 10,
        }
    }
}

/// Why a plan can't be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// What is wrong with one of several scenarios.
    #[error("start scenario `{scenario}`: {error}")]
    In {
        /// The scenario's name.
        scenario: String,
        /// What is wrong.
        error: Box<PlanError>,
    },
    /// More scenarios than can be told apart, or none.
    #[error("plan {0} scenarios; a plan has from 1 to {MAX_SCENARIOS}")]
    Scenarios(usize),
    /// Two scenarios that reports could not tell apart.
    #[error("tell scenarios apart: two are called `{0}`; give one of them another `name`")]
    SameName(String),
    /// No virtual users.
    #[error(
        "plan a run without virtual users; --users, --max-vus or the greatest of --stages has to be at least 1, and large enough to be shared by weight"
    )]
    NoUsers,
    /// More virtual users than can be told apart.
    #[error("plan {0} virtual users; --users and --max-vus take at most {MAX_USERS}")]
    TooManyUsers(u32),
    /// A rate that starts nobody.
    #[error("start {0} virtual users a second; --spawn-rate wants a number above 0")]
    SpawnRate(String),
    /// A threshold that can't be kept or broken.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// A rate of nothing.
    #[error("plan a rate that is never above 0; --rate wants for example 500/s")]
    NoRate,
    /// A rate that only a mistake can be, and at which arrivals alone would keep a machine busy.
    #[error(
        "plan a rate of {0}/s, which is more than any machine makes; --rate and the rates of --stages take {MAX_RATE}/s at the most"
    )]
    TooFast(String),
    /// More virtual users made ahead than there may be.
    #[error(
        "make {preallocated} virtual users ahead, of {most} at the most; lower --preallocated-vus or raise --max-vus"
    )]
    Preallocated {
        /// How many are to be made ahead.
        preallocated: u32,
        /// How many there may be.
        most: u32,
    },
    /// A share of a load that comes to nothing.
    #[error("plan no iterations: its share of those of --iterations comes to none; raise that, or its `weight`")]
    NoIterations,
    /// A run that starts no iterations.
    #[error("plan a run of no length; {0} wants more than 0")]
    Nothing(&'static str),
    /// A target that is no http or https URL.
    #[error("use '{0}' as the target; --host wants an http or https URL, for example http://127.0.0.1:8080")]
    Host(String),
}

/// The most scenarios of one run.
const MAX_SCENARIOS: usize = 1_000;

/// The most virtual users of one run.
const MAX_USERS: u32 = 1_000_000;

/// The greatest rate, in iterations a second.
const MAX_RATE: u32 = 1_000_000;

impl Plan {
    /// Checks what the types don't say.
    ///
    /// # Errors
    /// What can't be run, and what to change.
    pub fn validate(&self) -> Result<(), PlanError> {
        if !(1..=MAX_SCENARIOS).contains(&self.scenarios.len()) {
            return Err(PlanError::Scenarios(self.scenarios.len()));
        }
        let names: Vec<String> = self.scenarios.iter().map(|scenario| scenario.name.clone()).collect();
        for (place, scenario) in self.scenarios.iter().enumerate() {
            if names[..place].contains(&scenario.name) {
                return Err(PlanError::SameName(scenario.name.clone()));
            }
            scenario.validate().map_err(|error| match names.len() {
                1 => error,
                _ => PlanError::In { scenario: scenario.name.clone(), error: Box::new(error) },
            })?;
        }
        match self.max_vus() {
            0 => return Err(PlanError::NoUsers),
            users if users > MAX_USERS => return Err(PlanError::TooManyUsers(users)),
            _ => {}
        }
        for threshold in &self.thresholds {
            threshold.check_scenarios(&names)?;
        }
        Ok(())
    }

    /// The most virtual users of all scenarios together.
    pub fn max_vus(&self) -> u32 {
        self.scenarios.iter().fold(0, |sum, scenario| sum.saturating_add(scenario.model.max_vus()))
    }

    /// When the last scenario starts no more iterations, from the start of the load; none where time does not bound
    /// one.
    pub fn length(&self) -> Option<Duration> {
        let mut last = Duration::ZERO;
        for scenario in &self.scenarios {
            last = last.max(scenario.end()?);
        }
        Some(last)
    }

    /// How many shards share the virtual users: one a thread, and none without a virtual user.
    pub fn shards(&self) -> u32 {
        self.threads.clamp(1, self.max_vus().max(1))
    }
}

impl ScenarioPlan {
    fn validate(&self) -> Result<(), PlanError> {
        if self.model.length() == Some(Duration::ZERO) {
            return Err(PlanError::Nothing("--run-time"));
        }
        if self.model.max_vus() == 0 {
            return Err(PlanError::NoUsers);
        }
        match &self.model {
            Model::Closed(model) => validate_closed(model)?,
            Model::Open(model) => validate_open(model)?,
        }
        let share = match &self.model {
            Model::Closed(model) => model.budget(),
            Model::Open(model) => model.iterations.map(|all| model.deal.count_below(all)),
        };
        if share == Some(0) {
            return Err(PlanError::NoIterations);
        }
        match &self.host {
            Some(host) if !matches!(host.scheme(), "http" | "https") || !host.has_host() => {
                Err(PlanError::Host(host.to_string()))
            }
            _ => Ok(()),
        }
    }
}

fn validate_closed(model: &ClosedModel) -> Result<(), PlanError> {
    if let Some(rate) = model.spawn_rate.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
        return Err(PlanError::SpawnRate(rate.to_string()));
    }
    if model.iterations == Some(0) {
        return Err(PlanError::Nothing("--iterations"));
    }
    if model.iterations_per_user == Some(0) {
        return Err(PlanError::Nothing("--iterations-per-user"));
    }
    Ok(())
}

fn validate_open(model: &OpenModel) -> Result<(), PlanError> {
    if model.max_rate() <= 0.0 {
        return Err(PlanError::NoRate);
    }
    if model.max_rate() > f64::from(MAX_RATE) {
        return Err(PlanError::TooFast(model.max_rate().to_string()));
    }
    if model.preallocated_vus > model.max_vus {
        return Err(PlanError::Preallocated { preallocated: model.preallocated_vus, most: model.max_vus });
    }
    if model.iterations == Some(0) {
        return Err(PlanError::Nothing("--iterations"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{After, Arrivals, Curve, Deal, Stage};

    fn plan() -> Plan {
        Plan {
            scenarios: vec![ScenarioPlan {
                name: "hello".into(),
                source: Source::Path { path: "hello.wasm".into(), sha256: None },
                host: None,
                allowed_hosts: Vec::new(),
                public_target: false,
                variables: BTreeMap::new(),
                secrets: BTreeMap::new(),
                data: Vec::new(),
                tasks: TaskFilter::default(),
                tags: BTreeMap::new(),
                model: Model::Closed(ClosedModel::constant(1)),
                start: Duration::ZERO,
                limits: Limits::default(),
                max_traps: 10,
            }],
            thresholds: Vec::new(),
            threads: 2,
            seed: 0,
            graceful_stop: Duration::ZERO,
            headroom: 1,
            http: http::Config::default(),
            names: metrics::Limits::default(),
            cache: None,
            loading: Loading::default(),
            grants: None,
            virtual_epoch: None,
        }
    }

    fn closed(plan: &mut Plan) -> &mut ClosedModel {
        match &mut plan.scenarios[0].model {
            Model::Closed(model) => model,
            Model::Open(_) => panic!("it is closed"),
        }
    }

    fn open() -> OpenModel {
        OpenModel {
            rate: Curve::from(5),
            arrivals: Arrivals::Even,
            max_vus: 10,
            preallocated_vus: 1,
            run_time: None,
            iterations: None,
            deal: Deal::default(),
        }
    }

    #[test]
    fn what_cannot_run_is_refused_with_what_to_change() {
        type Change = fn(&mut Plan);
        let cases: [(Change, &str); 10] = [
            (|plan| plan.scenarios[0].model = Model::Closed(ClosedModel::constant(0)), "--users"),
            (|plan| plan.scenarios[0].model = Model::Closed(ClosedModel::constant(u32::MAX)), "--users"),
            (|plan| closed(plan).spawn_rate = Some(0.0), "--spawn-rate"),
            (|plan| closed(plan).spawn_rate = Some(f64::NAN), "--spawn-rate"),
            (|plan| closed(plan).run_time = Some(Duration::ZERO), "--run-time"),
            (|plan| closed(plan).iterations = Some(0), "--iterations"),
            (|plan| plan.scenarios[0].model = Model::Open(OpenModel { rate: Curve::from(0), ..open() }), "--rate"),
            (
                |plan| plan.scenarios[0].model = Model::Open(OpenModel { preallocated_vus: 11, ..open() }),
                "--preallocated-vus",
            ),
            (|plan| plan.scenarios[0].model = Model::Open(OpenModel { max_vus: 0, ..open() }), "--max-vus"),
            (|plan| plan.scenarios[0].host = "ftp://example.org".parse().ok(), "--host"),
        ];
        assert_eq!(plan().validate(), Ok(()));
        for (change, expected) in cases {
            let mut plan = plan();
            change(&mut plan);
            let error = plan.validate().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_greatest_rate_of_all_stages_is_bounded() {
        let ramp = |target| {
            let stage = |target| Stage { length: Duration::from_secs(10), target };
            Curve::new(1.0, &[stage(target), stage(1.0)], After::Ends).unwrap()
        };
        let refused = |model| {
            let mut plan = plan();
            plan.scenarios[0].model = Model::Open(model);
            plan.validate().map_err(|error| error.to_string())
        };
        for rate in [Curve::from(1_000_000), ramp(1e6)] {
            assert_eq!(refused(OpenModel { rate, ..open() }), Ok(()));
        }
        for (rate, told) in [(Curve::from(1_000_001), "1000001/s"), (ramp(1_000_000.5), "1000000.5/s")] {
            let error = refused(OpenModel { rate, ..open() }).unwrap_err();
            let expected = format!("plan a rate of {told}, which is more than any machine makes; --rate ");
            assert!(error.starts_with(&expected) && error.ends_with("take 1000000/s at the most"), "{error}");
        }
        // What lies behind the end is no part of it.
        let cut = OpenModel { rate: ramp(2e6), run_time: Some(Duration::from_secs(1)), ..open() };
        assert_eq!(refused(cut), Ok(()));
    }

    #[test]
    fn what_is_wrong_with_one_of_several_scenarios_is_said_of_it() {
        let mut several = plan();
        several.scenarios.push(ScenarioPlan { name: "other".into(), ..several.scenarios[0].clone() });
        assert_eq!((several.validate(), several.max_vus(), several.length()), (Ok(()), 2, None));
        several.scenarios[1].host = "ftp://example.org".parse().ok();
        let error = several.validate().unwrap_err().to_string();
        assert!(error.contains("`other`") && error.contains("--host"), "{error}");
        several.scenarios[1].name = "hello".into();
        assert_eq!(several.validate(), Err(PlanError::SameName("hello".into())));
    }

    #[test]
    fn a_run_ends_with_the_last_of_its_scenarios() {
        let mut plan = plan();
        closed(&mut plan).run_time = Some(Duration::from_secs(60));
        let later = ScenarioPlan { name: "later".into(), start: Duration::from_secs(50), ..plan.scenarios[0].clone() };
        plan.scenarios.push(later);
        assert_eq!(plan.length(), Some(Duration::from_secs(110)));
    }

    #[test]
    fn no_shard_is_without_a_virtual_user() {
        let mut plan = plan();
        assert_eq!(plan.shards(), 1);
        plan.scenarios[0].model = Model::Closed(ClosedModel::constant(200));
        assert_eq!(plan.shards(), 2);
    }

    #[test]
    fn tasks_are_chosen_by_name_and_tags() {
        let tags = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let filter =
            TaskFilter { names: Vec::new(), tags: tags("read write"), exclude_tags: tags("slow"), each_once: true };
        assert!(filter.allows("list", &tags("read")));
        assert!(!filter.allows("list", &tags("read slow")));
        assert!(!filter.allows("list", &[]));
        let filter = TaskFilter { names: tags("list"), ..TaskFilter::default() };
        assert!(filter.allows("list", &[]) && !filter.allows("add", &[]));
    }
}
