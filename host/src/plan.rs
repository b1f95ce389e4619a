//! The plan: all that a run is to do, validated and immutable. Nothing below reads a flag, a file or the environment to
//! learn what to do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::data::DataSource;
use crate::http;
use crate::metrics;
use crate::profile::ClosedModel;
use crate::source::Source;

/// All that a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What virtual users run.
    pub scenario: ScenarioPlan,
    /// How many there are, and when.
    pub model: ClosedModel,
    /// Threads that make the load, each with its share of the virtual users; at least 1.
    pub threads: u32,
    /// The seed of everything random.
    pub seed: u64,
    /// How long iterations get to finish after the load's end.
    pub graceful_stop: Duration,
    /// Traps in a row after which a virtual user stops.
    pub max_traps: u32,
    /// How requests are made.
    pub http: http::Config,
    /// What one virtual user may use.
    pub limits: Limits,
    /// How many names statistics are kept under.
    pub names: metrics::Limits,
    /// Where compiled code is kept; none to compile anew.
    pub cache: Option<PathBuf>,
}

/// What virtual users run, and what it is given.
#[derive(Clone, Debug)]
pub struct ScenarioPlan {
    /// The name in reports.
    pub name: String,
    /// Where the component is.
    pub source: Source,
    /// The target that paths are resolved against.
    pub host: Option<url::Url>,
    /// What the guest's `variable` gives, and its environment.
    pub variables: BTreeMap<String, String>,
    /// What the guest's `secret` gives.
    pub secrets: BTreeMap<String, String>,
    /// The rows that the guest reads.
    pub data: Vec<DataSource>,
    /// Which tasks are run.
    pub tasks: TaskFilter,
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
    /// Memory of responses that a guest holds at one time, in bytes. 256 MiB unless told otherwise.
    pub max_held_bytes: usize,
    /// Requests of one `http-batch` at one time. 6 unless told otherwise, as browsers do.
    pub max_concurrent_requests: usize,
    /// Lines that a virtual user may log a second.
    pub max_log_lines: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_memory_bytes: 64 << 20,
            max_stack_bytes: 512 << 10,
            max_cpu_time: Duration::from_secs(1),
            max_handles: 100_000,
            max_held_bytes: 256 << 20,
            max_concurrent_requests: 6,
            max_log_lines: 100,
        }
    }
}

/// Why a plan can't be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No virtual users.
    #[error("plan a run without virtual users; --users wants at least 1")]
    NoUsers,
    /// More virtual users than can be told apart.
    #[error("plan {0} virtual users; --users takes at most {MAX_USERS}")]
    TooManyUsers(u32),
    /// A rate that starts nobody.
    #[error("start {0} virtual users a second; --spawn-rate wants a number above 0")]
    SpawnRate(String),
    /// A run that starts no iterations.
    #[error("plan a run of no length; {0} wants more than 0")]
    Nothing(&'static str),
    /// A target that is no http or https URL.
    #[error("use '{0}' as the target; --host wants an http or https URL, for example http://127.0.0.1:8080")]
    Host(String),
}

/// The most virtual users of one run.
const MAX_USERS: u32 = 1_000_000;

impl Plan {
    /// Checks what the types don't say.
    ///
    /// # Errors
    /// What can't be run, and what to change.
    pub fn validate(&self) -> Result<(), PlanError> {
        let model = &self.model;
        match model.users {
            0 => return Err(PlanError::NoUsers),
            users if users > MAX_USERS => return Err(PlanError::TooManyUsers(users)),
            _ => {}
        }
        if let Some(rate) = model.spawn_rate.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
            return Err(PlanError::SpawnRate(rate.to_string()));
        }
        if model.run_time == Some(Duration::ZERO) {
            return Err(PlanError::Nothing("--run-time"));
        }
        if model.iterations == Some(0) {
            return Err(PlanError::Nothing("--iterations"));
        }
        if model.iterations_per_user == Some(0) {
            return Err(PlanError::Nothing("--iterations-per-user"));
        }
        match &self.scenario.host {
            Some(host) if !matches!(host.scheme(), "http" | "https") || !host.has_host() => {
                Err(PlanError::Host(host.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// How many shards share the virtual users: one a thread, and none without a virtual user.
    pub fn shards(&self) -> u32 {
        self.threads.clamp(1, self.model.users.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            scenario: ScenarioPlan {
                name: "hello".into(),
                source: Source::Path("hello.wasm".into()),
                host: None,
                variables: BTreeMap::new(),
                secrets: BTreeMap::new(),
                data: Vec::new(),
                tasks: TaskFilter::default(),
            },
            model: ClosedModel {
                users: 1,
                spawn_rate: None,
                run_time: None,
                iterations: None,
                iterations_per_user: None,
            },
            threads: 2,
            seed: 0,
            graceful_stop: Duration::ZERO,
            max_traps: 10,
            http: http::Config::default(),
            limits: Limits::default(),
            names: metrics::Limits::default(),
            cache: None,
        }
    }

    #[test]
    fn what_cannot_run_is_refused_with_what_to_change() {
        type Change = fn(&mut Plan);
        let cases: [(Change, &str); 7] = [
            (|plan| plan.model.users = 0, "--users"),
            (|plan| plan.model.users = u32::MAX, "--users"),
            (|plan| plan.model.spawn_rate = Some(0.0), "--spawn-rate"),
            (|plan| plan.model.spawn_rate = Some(f64::NAN), "--spawn-rate"),
            (|plan| plan.model.run_time = Some(Duration::ZERO), "--run-time"),
            (|plan| plan.model.iterations = Some(0), "--iterations"),
            (|plan| plan.scenario.host = "ftp://example.org".parse().ok(), "--host"),
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
    fn no_shard_is_without_a_virtual_user() {
        let mut plan = plan();
        assert_eq!(plan.shards(), 1);
        plan.model.users = 200;
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
