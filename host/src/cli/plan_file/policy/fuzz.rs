//! The law of policies: whatever is in one, it is refused with mistakes that have their places in it, or a run that asks
//! for nothing is held to it, and has no more than it says.

use std::path::Path;

use super::{Policy, ceiling};
use crate::cli::plan_file::Loads;
use crate::cli::plan_file::document::Document;
use crate::cli::plan_file::resolve::resolve;
use crate::cli::plan_file::settings::Place;

/// Reads a policy and holds a run to it.
///
/// # Panics
/// Where something is wrong with what comes of it.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for is_locked in [false, true] {
        match Policy::parse(Path::new("policy.toml"), text, is_locked) {
            Ok(policy) => check_held(&policy),
            Err(error) => assert!(error.to_string().contains("policy.toml:"), "{error}"),
        }
    }
}

fn check_held(policy: &Policy) {
    let mut document = Document::default();
    document.top.set("component", "any.wasm".as_ref(), Place::CommandLine);
    policy.set_beneath(&mut document);
    // What is a flag's value by itself may not go with the others.
    let Ok((mut plan, _)) = resolve(&document, Loads::Planned) else { return };
    let is_for_somebody = policy.virtual_users != Some(0);
    assert_eq!(policy.hold(&document, &mut plan).is_ok(), is_for_somebody, "{:?}", ceiling::excesses(policy, &plan));
    assert_eq!(plan.grants.is_some(), is_for_somebody);
}
