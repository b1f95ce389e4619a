//! The limits of a policy, held against a plan's.

use std::time::Duration;

use super::Policy;
use crate::cli::plan_file::Loads;
use crate::cli::plan_file::document::Document;
use crate::cli::plan_file::mistakes::Text;
use crate::cli::plan_file::resolve::resolve;
use crate::cli::plan_file::settings::Place;
use crate::plan::{Limits, Plan};
use crate::units;

/// A flag that a policy may bound.
struct Limit {
    flag: &'static str,
    /// The greatest value that a plan has of it.
    of: fn(&Plan) -> f64,
    show: fn(f64) -> String,
}

const LIMITS: [Limit; 17] = [
    Limit { flag: "max-memory", of: |plan| most(plan, |limits| limits.max_memory_bytes as f64), show: size },
    Limit { flag: "max-stack", of: |plan| most(plan, |limits| limits.max_stack_bytes as f64), show: size },
    Limit { flag: "max-cpu-time", of: |plan| most(plan, |limits| limits.max_cpu_time.as_secs_f64()), show: time },
    Limit { flag: "max-log-lines", of: |plan| most(plan, |limits| f64::from(limits.max_log_lines)), show: number },
    Limit { flag: "max-log-size", of: |plan| most(plan, |limits| limits.max_log_bytes as f64), show: size },
    Limit { flag: "max-traps", of: traps, show: number },
    Limit {
        flag: "max-concurrent-requests",
        of: |plan| most(plan, |limits| limits.max_concurrent_requests as f64),
        show: number,
    },
    Limit { flag: "max-names", of: |plan| plan.names.names as f64, show: number },
    Limit { flag: "max-component-size", of: |plan| plan.loading.max_component_bytes as f64, show: size },
    Limit { flag: "compile-timeout", of: |plan| plan.loading.compile_timeout.as_secs_f64(), show: time },
    Limit { flag: "max-request-size", of: |plan| plan.http.max_request_bytes as f64, show: size },
    Limit { flag: "max-body-size", of: |plan| plan.http.max_body_bytes as f64, show: size },
    Limit { flag: "max-rps", of: |plan| plan.http.rate_limits.whole.unwrap_or(f64::INFINITY), show: rate },
    Limit { flag: "max-rps-per-host", of: |plan| plan.http.rate_limits.per_host.unwrap_or(f64::INFINITY), show: rate },
    Limit { flag: "max-connections-per-host", of: |plan| plan.http.max_connections_per_host as f64, show: number },
    Limit { flag: "connect-timeout", of: |plan| plan.http.connect_timeout.as_secs_f64(), show: time },
    Limit { flag: "graceful-stop", of: |plan| plan.graceful_stop.as_secs_f64(), show: time },
];

/// The flags that a policy may bound.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LIMITS.iter().map(|limit| limit.flag)
}

/// Whether a policy may bound that flag.
pub(super) fn is_limit(flag: &str) -> bool {
    names().any(|name| name == flag)
}

/// What a plan has more of than the policy allows.
pub(super) fn excesses(policy: &Policy, plan: &Plan) -> Vec<String> {
    let mut excesses = Vec::new();
    // As a run has it that says nothing itself.
    let ceiling = match ceiling(policy) {
        Ok(ceiling) => ceiling,
        Err(why) => return vec![format!("its own limits can't be kept: {why}")],
    };
    let bounding = LIMITS.iter().filter(|limit| policy.is_locked || policy.limits.has(limit.flag));
    for Limit { flag, of, show } in bounding {
        let (wanted, most) = (of(plan), of(&ceiling));
        if wanted > most {
            let (wanted, most) = (show(wanted), show(most));
            excesses.push(format!("--{flag} {wanted} is more than {most}; lower it, or leave it out"));
        }
    }
    if let Some(most) = policy.virtual_users.filter(|most| plan.max_vus() > *most) {
        let planned = plan.max_vus();
        excesses.push(format!("{planned} virtual users are more than {most}; plan fewer"));
    }
    excesses
}

/// The plan of a run that says nothing but what the policy does.
///
/// # Errors
/// Why there is none, for people.
fn ceiling(policy: &Policy) -> Result<Plan, String> {
    let mut document = Document::default();
    policy.set_beneath(&mut document);
    document.top.set("component", "any.wasm".as_ref(), Place::CommandLine);
    match resolve(&document, Loads::Planned) {
        Ok((plan, _)) => Ok(plan),
        Err(mistakes) => Err(Text::none().error(mistakes).to_string()),
    }
}

/// The greatest of the scenarios'.
fn most(plan: &Plan, of: fn(&Limits) -> f64) -> f64 {
    plan.scenarios.iter().map(|scenario| of(&scenario.limits)).fold(0.0, f64::max)
}

fn traps(plan: &Plan) -> f64 {
    plan.scenarios.iter().map(|scenario| f64::from(scenario.max_traps)).fold(0.0, f64::max)
}

fn size(bytes: f64) -> String {
    units::exact_size(bytes as u64)
}

fn time(seconds: f64) -> String {
    units::exact_duration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn rate(per_second: f64) -> String {
    units::Rate::from_per_second(per_second).map_or_else(|| "without a bound".to_owned(), units::exact_rate)
}

fn number(number: f64) -> String {
    units::show_count(number as u64)
}
