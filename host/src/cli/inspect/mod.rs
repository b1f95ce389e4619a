//! `wasmload inspect`: looks into a component before it is run, and says by its exit code whether a run would take it.

#[cfg(test)]
mod fixture;
mod json;
mod text;
mod wit;

use std::fmt::Display;
use std::io::Write;

use anyhow::Context;

use super::args::InspectArgs;
use super::{exit, look, maintain, runtime};
use crate::component::{Component, ComponentError, Shape};
use crate::plan::{Limits, Loading};
use crate::run::{self, RunError, Tasks};
use crate::source::{Content, Digest, any_url};

/// What was found.
#[derive(Debug)]
struct Finding {
    /// This program's version.
    version: &'static str,
    /// The path or URL.
    source: String,
    /// The same with its pin.
    pin: String,
    sha256: Digest,
    size_bytes: usize,
    component: Component,
    /// Memory that a virtual user may have unless told otherwise.
    max_memory_bytes: usize,
    verdict: Verdict,
}

/// What a run with the default limits would make of it.
#[derive(Debug)]
enum Verdict {
    /// It would take it, with these tasks.
    Accepted(Tasks),
    /// Nothing in its bytes speaks against it; it was not compiled.
    NotCompiled,
    /// It would not.
    Refused {
        /// What it would fail to do.
        why: String,
        /// Whether that was found by compiling it, and not by its outside.
        compiled: bool,
    },
}

/// The most bytes of a refusal: a compiler's may have names in it, which may be anything.
const MAX_REFUSAL_BYTES: usize = 10_000;

impl Verdict {
    fn refused(why: &impl Display, compiled: bool) -> Verdict {
        let mut why = why.to_string();
        why.truncate(why.floor_char_boundary(MAX_REFUSAL_BYTES));
        Verdict::Refused { why, compiled }
    }
}

/// Shows what a component is.
///
/// # Errors
/// What can't be read or is no component, as a run would say it; standard output that can't be written to.
pub(super) fn inspect(args: &InspectArgs) -> anyhow::Result<u8> {
    let runtime = runtime()?;
    let content = runtime.block_on(args.scenario.read(Loading::default().max_component_bytes, any_url()))?;
    let component = Component::read(&content.bytes)
        .map_err(|error| RunError::Component { from: args.scenario.to_string(), error: error.into() })?;
    if args.wit {
        print(&wit::of(&content.bytes)?)?;
        return Ok(exit::SUCCESS);
    }
    let (sha256, size_bytes) = (content.sha256, content.bytes.len());
    let verdict = match refusal(&component.shape) {
        Some(error) => Verdict::refused(&error, false),
        None if args.no_run => Verdict::NotCompiled,
        None => {
            let tried = runtime.block_on(try_it(args, content));
            // One that is still being compiled must not hold up the answer.
            runtime.shutdown_background();
            tried?
        }
    };
    let finding = Finding {
        version: env!("CARGO_PKG_VERSION"),
        source: args.scenario.to_string(),
        pin: args.scenario.pinned(&sha256),
        sha256,
        size_bytes,
        component,
        max_memory_bytes: Limits::default().max_memory_bytes,
        verdict,
    };
    print(&if args.json { json::render(&finding)? } else { text::render(&finding, look::of_stdout()) })?;
    Ok(if matches!(finding.verdict, Verdict::Refused { .. }) { exit::INVALID_CONFIG } else { exit::SUCCESS })
}

/// Why a run would refuse a component of that outside.
fn refusal(shape: &Shape) -> Option<ComponentError> {
    let checked = shape.check_imports().and_then(|()| shape.check_size());
    let checked = checked.and_then(|()| shape.check_memory(Limits::default().max_memory_bytes));
    checked.and_then(|()| shape.entry()).err()
}

/// Compiles it, and asks it for its tasks.
async fn try_it(args: &InspectArgs, content: Content) -> anyhow::Result<Verdict> {
    // Without a home there is nowhere to keep code, and it is compiled anew.
    let cache = if args.no_cache { None } else { maintain::cache_directory().ok() };
    match run::look(&args.scenario, content.bytes, cache).await {
        Ok(tasks) => Ok(Verdict::Accepted(tasks)),
        Err(RunError::Component { error, .. }) => Ok(Verdict::refused(&error, true)),
        Err(error) => Err(error.into()),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().lock().write_all(text.as_bytes()).context("write to standard output")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Arguments, Command};

    #[test]
    fn the_default_limits_are_those_of_a_run() {
        let arguments = Arguments::try_parse_from(["wasmload", "run", "a.wasm"]).expect("a command line");
        let Command::Run(run) = arguments.command else { panic!("it is a run") };
        let limits = run.flags.sandbox.limits;
        let defaults = Limits::default();
        assert_eq!((limits.max_memory, limits.max_cpu_time), (defaults.max_memory_bytes as u64, defaults.max_cpu_time));
    }

    #[test]
    fn a_refusal_has_a_bound() {
        let Verdict::Refused { why, compiled: true } = Verdict::refused(&"é".repeat(9_000), true) else {
            panic!("it is one")
        };
        assert_eq!(why.len(), MAX_REFUSAL_BYTES);
    }
}
