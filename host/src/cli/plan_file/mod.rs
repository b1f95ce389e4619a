//! Plan files: a key is a flag's long name, its value goes through the flag's own parser, and so a file means what a
//! command line would.
//!
//! [`read`] makes a [`Document`] of a file's text, and [`Document::apply`] puts the flags of a command line over it.
//! [`resolve`] makes the plan. A command line without a file is a document too, so there is one way for both.
//!
//! This module must not list what flags there are. What it has to know of one (whether it is a switch, has a path in
//! it or takes a name) it finds in the flag's declaration ([`keys`]).

mod contradictions;
mod document;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
mod keys;
mod mistakes;
pub(crate) mod policy;
mod print;
mod read;
mod resolve;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;

use anyhow::Context;

use super::args::{Given, OutputArgs, PolicyFileArgs};
use super::files::read_up_to;
use crate::plan::Plan;
use crate::source::Source;
use document::Document;
use mistakes::Text;
use policy::Policy;

pub(super) use mistakes::PlanFileError;
pub(super) use print::print;
pub(super) use schema::schema;

/// The largest plan file and policy, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Whether loads are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loads {
    /// As planned.
    Planned,
    /// Each scenario has one virtual user at once, which runs its tasks once, or that many iterations.
    Tried(Option<u64>),
}

/// What a command line and the plan file that it names amount to.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) plan: Plan,
    /// Where results go.
    pub(super) output: OutputArgs,
    document: Document,
}

/// Makes the plan of the scenario or the plan file that a command line names, and holds it to the policy, if there is one.
///
/// # Errors
/// What is wrong with the file or the policy, each with its line, or with the flags; what they ask for beyond the policy.
pub(super) fn load(scenario: &Source, given: &Given, policy: &PolicyFileArgs, loads: Loads) -> anyhow::Result<Loaded> {
    let policy = Policy::of(policy)?;
    match scenario.file() {
        Some(path) if path.extension().is_some_and(|extension| extension == "toml") => {
            let text =
                read_up_to(path, MAX_FILE_BYTES).with_context(|| format!("read the plan file {}", path.display()))?;
            scenario.accept(&text)?;
            let text = String::from_utf8(text).ok().with_context(|| {
                format!("read the plan file {}: it is not UTF-8; save it in that encoding", path.display())
            })?;
            load_file(path, &text, given, loads, policy.as_ref())
        }
        _ => {
            let document = Document::of_flags(given);
            load_document(document, &Text::none(), loads, policy.as_ref())
        }
    }
}

/// As [`load`], with the file's text at hand.
fn load_file(path: &Path, text: &str, given: &Given, loads: Loads, policy: Option<&Policy>) -> anyhow::Result<Loaded> {
    let place = Text::of(path, text);
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut document = read::read(text, folder).map_err(|mistakes| place.error(mistakes))?;
    document.apply(given);
    load_document(document, &place, loads, policy)
}

fn load_document(
    mut document: Document,
    place: &Text<'_>,
    loads: Loads,
    policy: Option<&Policy>,
) -> anyhow::Result<Loaded> {
    if let Some(policy) = policy {
        policy.set_beneath(&mut document);
    }
    let (mut plan, output) = resolve::resolve(&document, loads).map_err(|mistakes| place.error(mistakes))?;
    if let Some(policy) = policy {
        policy.hold(&document, &mut plan)?;
    }
    Ok(Loaded { plan, output, document })
}
