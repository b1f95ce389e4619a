//! From flags to a plan.

mod http;
pub(super) mod load;

use std::collections::BTreeMap;
use std::env::VarError;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{DemoArgs, HttpArgs, LimitArgs, PolicyArgs, SandboxArgs, ScenarioArgs, Secret, SecretSource};
use super::files::read_up_to;
use super::maintain;
use crate::metrics;
use crate::plan::{Limits, Loading, Plan, ScenarioPlan, TaskFilter};
use crate::profile::Model;
use crate::source::Source;

/// Why flags make no plan.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct FlagError {
    /// The flag that is wrong, without its dashes.
    pub(super) flag: &'static str,
    text: String,
}

impl FlagError {
    fn new(flag: &'static str, text: impl Into<String>) -> FlagError {
        FlagError { flag, text: text.into() }
    }
}

/// The parts of a plan that are those of the run as a whole.
pub(super) struct Whole<'a> {
    pub(super) policy: &'a PolicyArgs,
    pub(super) http: &'a HttpArgs,
    pub(super) sandbox: &'a SandboxArgs,
}

impl Whole<'_> {
    /// The plan with these scenarios.
    ///
    /// # Errors
    /// A proxy in the environment that can't be used.
    pub(super) fn plan(&self, scenarios: Vec<ScenarioPlan>) -> Result<Plan, FlagError> {
        Ok(Plan {
            scenarios,
            thresholds: self.policy.thresholds.clone(),
            threads: self.policy.threads.unwrap_or_else(cores),
            seed: self.policy.seed.unwrap_or_else(rand::random),
            graceful_stop: self.policy.graceful_stop,
            headroom: 1,
            http: http::config(self.http)
                .map_err(|error| FlagError::new("proxy", format!("{:#}", anyhow::Error::from(error))))?,
            names: names(self.sandbox),
            cache: cache_directory(self.sandbox),
            loading: Loading {
                max_component_bytes: self.sandbox.max_component_size,
                compile_timeout: self.sandbox.compile_timeout,
                wasi_p3: !self.sandbox.no_wasi_p3,
                ..Loading::default()
            },
            grants: None,
            virtual_epoch: self.sandbox.virtual_epoch,
        })
    }
}

/// The parts of a plan that are one scenario's.
pub(super) struct Part<'a> {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) args: &'a ScenarioArgs,
    pub(super) limits: &'a LimitArgs,
    pub(super) http: &'a HttpArgs,
    pub(super) model: Model,
    pub(super) start: Duration,
}

/// The plan of one scenario.
///
/// # Errors
/// A secret that can't be read, a limit that guests can't have.
pub(super) fn scenario(part: Part<'_>) -> Result<ScenarioPlan, FlagError> {
    let Part { name, source, args, limits, http, model, start } = part;
    Ok(ScenarioPlan {
        name,
        source,
        host: args.host.clone(),
        allowed_hosts: args.allow_host.clone(),
        public_target: false,
        variables: args.variables.iter().cloned().collect(),
        secrets: secrets(args)?,
        data: args.data.clone(),
        tasks: TaskFilter {
            names: args.task.clone(),
            tags: args.tags.clone(),
            exclude_tags: args.exclude_tags.clone(),
            each_once: false,
        },
        tags: args.request_tags.iter().cloned().collect(),
        model,
        start,
        limits: guest_limits(http, limits)?,
        max_traps: limits.max_traps,
    })
}

/// The plan of the demo, whose scenario and target are the program's own.
///
/// # Errors
/// Flags that contradict each other.
pub(super) fn demo(args: &DemoArgs, source: Source, host: url::Url) -> anyhow::Result<Plan> {
    let defaults = load::Defaults { users: 200, run_time: Some(Duration::from_secs(10)) };
    let scenario = scenario(Part {
        name: source.scenario_name(),
        source,
        args: &ScenarioArgs { host: Some(host), ..ScenarioArgs::default() },
        limits: &args.sandbox.limits,
        http: &args.http,
        model: load::model(&args.load, &args.pace, &load::Share::all(), defaults)?,
        start: Duration::ZERO,
    })?;
    Whole { policy: &args.policy, http: &args.http, sandbox: &args.sandbox }.plan(vec![scenario]).map_err(Into::into)
}

/// The largest secret, in bytes: what is longer is not found for certain where texts are cut.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// The values of secrets, out of the environment, files or the command line.
fn secrets(args: &ScenarioArgs) -> Result<BTreeMap<String, String>, FlagError> {
    args.secrets.iter().map(|secret| Ok((secret.name.clone(), secret_value(secret)?))).collect()
}

/// # Errors
/// Why there is none that can be used, without any part of it.
fn secret_value(Secret { name, source }: &Secret) -> Result<String, FlagError> {
    let (from, value) = match source {
        SecretSource::Environment(variable) => {
            let value = std::env::var(variable).map_err(|error| match error {
                VarError::NotPresent => "it is not set".to_owned(),
                VarError::NotUnicode(_) => "it is not UTF-8".to_owned(),
            });
            (format!("the environment variable {variable}"), value)
        }
        SecretSource::File(path) => (path.display().to_string(), secret_file(path)),
        SecretSource::Value(value) => ("the command line or plan file".to_owned(), Ok(value.clone())),
    };
    let value = value.and_then(|value| match value.len() as u64 {
        0 => Err("it is empty".to_owned()),
        bytes if bytes > MAX_SECRET_BYTES => Err(format!("it has more than {MAX_SECRET_BYTES} bytes")),
        _ => Ok(value),
    });
    value.map_err(|why| FlagError::new("secret", format!("read the secret '{name}' from {from}: {why}")))
}

/// A file's text, but for its last line's end.
fn secret_file(path: &Path) -> Result<String, String> {
    // Its line's end is no part of it.
    let bytes = read_up_to(path, MAX_SECRET_BYTES + 2).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => format!("it has more than {MAX_SECRET_BYTES} bytes"),
        _ => error.to_string(),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn guest_limits(http: &HttpArgs, limits: &LimitArgs) -> Result<Limits, FlagError> {
    // wasm memories are made of pages of 64 KiB.
    let max_memory_bytes = limits.max_memory.checked_next_multiple_of(64 << 10).unwrap_or(u64::MAX);
    let max_memory_bytes = usize::try_from(max_memory_bytes).unwrap_or(usize::MAX);
    if !(1 << 16..=1 << 32).contains(&max_memory_bytes) {
        let why = "it wants between 64KiB and 4GiB, the most that a 32-bit guest can use";
        return Err(FlagError::new("max-memory", format!("use --max-memory: {why}")));
    }
    let max_stack_bytes = usize::try_from(limits.max_stack).unwrap_or(usize::MAX);
    if !(64 << 10..=64 << 20).contains(&max_stack_bytes) {
        return Err(FlagError::new("max-stack", "use --max-stack: it wants between 64KiB and 64MiB"));
    }
    let defaults = Limits::default();
    // What is larger than a request may be is denied as such, and only what is much larger ends the guest.
    let call_bytes = usize::try_from(http.max_request_size).unwrap_or(usize::MAX).saturating_add(64 << 20);
    Ok(Limits {
        max_memory_bytes,
        max_stack_bytes,
        max_cpu_time: limits.max_cpu_time,
        max_concurrent_requests: http.max_concurrent_requests as usize,
        max_log_lines: limits.max_log_lines,
        max_log_bytes: usize::try_from(limits.max_log_size).unwrap_or(usize::MAX),
        max_call_bytes: call_bytes,
        ..defaults
    })
}

/// How many names figures are kept under.
fn names(args: &SandboxArgs) -> metrics::Limits {
    let names = args.max_names as usize;
    metrics::Limits { names, reasons: names, ..metrics::Limits::default() }
}

/// Where compiled code is kept. Without a home there is nowhere, and code is compiled anew.
fn cache_directory(args: &SandboxArgs) -> Option<PathBuf> {
    if args.no_cache { None } else { maintain::cache_directory().ok() }
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(source: SecretSource) -> Result<String, String> {
        secret_value(&Secret { name: "token".to_owned(), source }).map_err(|error| error.to_string())
    }

    #[test]
    fn secrets_that_can_t_be_used_are_refused_and_not_repeated() {
        assert_eq!(value(SecretSource::Value("v".to_owned())), Ok("v".to_owned()));
        for (source, expected) in [
            (SecretSource::Value(String::new()), "from the command line or plan file: it is empty"),
            (SecretSource::Value("s3cret".repeat(20_000)), "it has more than 65536 bytes"),
            (SecretSource::Environment("WASMLOAD_NOT_SET".to_owned()), "variable WASMLOAD_NOT_SET: it is not set"),
            (SecretSource::File("/dev/null".into()), "from /dev/null: it is empty"),
            (SecretSource::File("/dev/zero".into()), "from /dev/zero: it has more than 65536 bytes"),
            (SecretSource::File("/proc/self/exe".into()), "from /proc/self/exe: it has more than"),
        ] {
            let error = value(source).expect_err(expected);
            assert!(error.starts_with("read the secret 'token' from ") && error.contains(expected), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
