//! What an unknown key is likely to mean.

use super::keys::Keys;
use crate::near;

/// What other load generators call it: as kebab case, and the key here.
const ELSEWHERE: [(&str, &str); 34] = [
    ("vus", "users"),
    ("num-users", "users"),
    ("virtual-users", "users"),
    ("concurrency", "users"),
    ("at-once-users", "users"),
    ("hatch-rate", "spawn-rate"),
    ("ramp-rate", "spawn-rate"),
    ("rps", "rate"),
    ("arrival-rate", "rate"),
    ("constant-users-per-sec", "rate"),
    ("executor", "rate"),
    ("ramp-users", "stages"),
    ("ramp-up", "stages"),
    ("duration", "run-time"),
    ("time", "run-time"),
    ("max-duration", "run-time"),
    ("base-url", "host"),
    ("target", "host"),
    ("url", "host"),
    ("env", "var"),
    ("exec", "task"),
    ("tasks", "task"),
    ("weights", "weight"),
    ("start-time", "start"),
    ("delay", "start"),
    ("wait-time", "wait"),
    ("pause", "wait"),
    ("think-time", "wait"),
    ("stop-timeout", "graceful-stop"),
    ("insecure-skip-tls-verify", "insecure"),
    ("script", "component"),
    ("locustfile", "component"),
    ("file", "component"),
    ("feeder", "data"),
];

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Above the scenarios.
    Top,
    /// In a `[[scenario]]`.
    Scenario,
}

/// What is wrong with an unknown key, and what to write instead.
pub(super) fn unknown(key: &str, at: At, plan: &Keys, scenario: &Keys) -> String {
    let (here, there) = match at {
        At::Top => (plan, scenario),
        At::Scenario => (scenario, plan),
    };
    if there.has(key) {
        return match at {
            At::Top => format!("`{key}` is a key of a scenario; write it into a [[scenario]]"),
            At::Scenario => format!("`{key}` is a key of the whole plan; write it above the first [[scenario]]"),
        };
    }
    let word = kebab(key);
    let names = || here.names().chain((at == At::Top).then_some("scenario"));
    let meant = names().find(|name| *name == word).or_else(|| elsewhere(&word).filter(|name| here.has(name)));
    let meant = match meant {
        Some(name) => vec![name],
        None => near::nearest(&word, names()),
    };
    match &meant[..] {
        [] => format!("`{key}` is no key; `wasmload plan --schema` and `wasmload run --help` tell those there are"),
        ["scenario"] => format!("`{key}` is no key; write each scenario as [[scenario]]"),
        names => format!("`{key}` is no key; write {}", near::either(names)),
    }
}

fn elsewhere(word: &str) -> Option<&'static str> {
    ELSEWHERE.into_iter().find_map(|(other, key)| (other == word).then_some(key))
}

/// A name as flags have it: `runTime` and `run_time` as `run-time`, `maxVUs` as `max-vus`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    let mut was_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && was_lower {
            text.push('-');
        }
        was_lower = c.is_lowercase() || c.is_numeric();
        text.extend(if c == '_' || c == ' ' { '-' } else { c }.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_others_leads_to_a_key_that_exists() {
        let (plan, scenario) = (Keys::of_plan(), Keys::of_scenario());
        for (other, key) in ELSEWHERE {
            assert!(plan.has(key) || scenario.has(key), "{key}");
            assert!(!plan.has(other) && !scenario.has(other), "{other}");
            assert_eq!(kebab(other), other);
        }
    }

    #[test]
    fn names_are_written_as_flags_are() {
        let names = ["run_time", "runTime", "maxVUs", "preAllocatedVUs", "RUN TIME", "tls12Only"];
        let kebabs = ["run-time", "run-time", "max-vus", "pre-allocated-vus", "run-time", "tls12-only"];
        assert_eq!(names.map(kebab), kebabs);
    }
}
