//! Policies: what the person who runs scenarios of others allows, whatever command lines and plan files say.
//!
//! A policy is a ceiling. What a run does not say, it has as the policy says; what it says, it may say up to there. A
//! limit's key is the name of the flag that it bounds, and its value goes through that flag's parser.

mod ceiling;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod read;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Context;

use super::MAX_FILE_BYTES;
use super::document::Document;
use super::mistakes::{PlanFileError, Text};
use super::settings::Settings;
use crate::cli::args::PolicyFileArgs;
use crate::cli::files::read_up_to;
use crate::http::HostPattern;
use crate::plan::{Grants, Plan};

/// A policy, as its file says it.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    file: String,
    /// Where requests may go, the target included; none for anywhere.
    hosts: Option<Vec<HostPattern>>,
    grants: Grants,
    limits: Settings,
    /// Virtual users of the whole run.
    virtual_users: Option<u32>,
    is_locked: bool,
}

/// What a run asks for beyond a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keep to the policy {file}: {}", .excesses.join("; "))]
pub(in crate::cli) struct BeyondPolicy {
    file: String,
    excesses: Vec<String>,
}

impl Policy {
    /// Reads the policy that a command line names, if it names one.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub(super) fn of(args: &PolicyFileArgs) -> anyhow::Result<Option<Policy>> {
        let Some(path) = &args.policy else { return Ok(None) };
        let read = || format!("read the policy {}", path.display());
        let text = read_up_to(path, MAX_FILE_BYTES).with_context(read)?;
        let text = String::from_utf8(text).context("it is not UTF-8; save it in that encoding").with_context(read)?;
        Ok(Some(Policy::parse(path, &text, args.locked)?))
    }

    fn parse(path: &Path, text: &str, is_locked: bool) -> Result<Policy, PlanFileError> {
        let place = Text::of(path, text);
        let mut policy =
            read::read(&path.display().to_string(), text).map_err(|mistakes| place.error(mistakes).of_policy())?;
        if is_locked {
            policy.lock();
        }
        Ok(policy)
    }

    /// What is not named is refused from here on.
    fn lock(&mut self) {
        self.is_locked = true;
        self.hosts.get_or_insert_default();
        self.grants.secrets.get_or_insert_default();
        self.grants.components.get_or_insert_default();
        self.grants.fetched_from.get_or_insert_default();
    }

    /// Sets what a run does not say to what the policy says.
    pub(super) fn set_beneath(&self, document: &mut Document) {
        for (key, setting) in &self.limits.0 {
            document.top.0.entry(key.clone()).or_insert_with(|| setting.clone());
        }
    }

    /// Holds a plan to the policy, and has the run hold its components to it.
    ///
    /// # Errors
    /// All that the plan asks for beyond it.
    pub(super) fn hold(&self, document: &Document, plan: &mut Plan) -> Result<(), BeyondPolicy> {
        let mut excesses = ceiling::excesses(self, plan);
        excesses.extend(self.hosts_beyond(document, plan));
        if !excesses.is_empty() {
            return Err(BeyondPolicy { file: self.file.clone(), excesses });
        }
        for scenario in &mut plan.scenarios {
            let target = scenario.host.as_ref().and_then(HostPattern::of_url);
            let is_named = |target: &HostPattern| self.names(target);
            scenario.public_target = self.hosts.is_some() && !target.as_ref().is_some_and(is_named);
        }
        plan.grants = Some(Grants { virtual_users: self.virtual_users, ..self.grants.clone() });
        Ok(())
    }

    /// Whether the policy names that host itself, and does not only allow all of them, which are those at public addresses.
    fn names(&self, pattern: &HostPattern) -> bool {
        self.hosts.iter().flatten().any(|own| !own.is_everything() && own.includes(pattern))
    }

    /// The hosts that a plan names and the policy does not.
    fn hosts_beyond(&self, document: &Document, plan: &Plan) -> Vec<String> {
        let Some(allowed) = &self.hosts else { return Vec::new() };
        let hint = match &allowed[..] {
            [] => "it has none".to_owned(),
            hosts => format!("it has {}", hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        };
        let is_allowed = |pattern: &HostPattern| allowed.iter().any(|own| own.includes(pattern));
        let mut beyond = Vec::new();
        for scenario in &plan.scenarios {
            let target = scenario.host.as_ref().and_then(HostPattern::of_url);
            for pattern in target.iter().chain(&scenario.allowed_hosts).filter(|pattern| !is_allowed(pattern)) {
                beyond.push(format!("scenario `{}` may not reach {pattern}; {hint}", scenario.name));
            }
        }
        // These lead past the names of hosts.
        for (flag, pattern) in plan.http.leads_to().filter(|(_, pattern)| !self.names(pattern)) {
            beyond.push(format!("--{flag} leads to {pattern}; {hint}"));
        }
        if self.is_locked && plan.http.tls.insecure {
            beyond.push("--insecure takes anybody for an allowed host; leave it out".to_owned());
        }
        if plan.http.unix_socket.is_some() {
            beyond.push("--unix-socket leads to no host; leave it out".to_owned());
        }
        if document.top.has("proxy") {
            beyond.extend(
                plan.http
                    .proxies
                    .places()
                    .filter(|place| !self.names(place))
                    .map(|place| format!("--proxy leads to {place}; {hint}")),
            );
        }
        beyond.dedup();
        beyond
    }
}
