//! `cargo xtask demo-component`: the scenario that is built into wasmload, made from `examples/cities`.
//!
//! The component is kept in the repository, so that building wasmload needs no second toolchain; beside it stands a digest
//! of what it was made from, which the tests compare with the sources.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::{digest, guests, project};

const SOURCES: [&str; 6] = [
    "examples/cities/Cargo.toml",
    "examples/cities/src",
    "examples/Cargo.toml",
    "examples/Cargo.lock",
    "guest-sdk/rust/src",
    "wit",
];
const COMPONENT: &str = "host/assets/cities.wasm";
const LOCK: &str = "host/assets/cities.lock";

/// Builds the component, and writes it and the digest of its sources to `host/assets`.
pub(crate) fn rebuild() -> Result<()> {
    guests::prepare()?;
    let root = project::root();
    let component = guests::component_path("cities");
    fs::copy(&component, root.join(COMPONENT)).with_context(|| format!("failed to copy {}", component.display()))?;
    fs::write(root.join(LOCK), lock()?).with_context(|| format!("failed to write {LOCK}"))?;
    project::say(&format!("wrote {COMPONENT} and {LOCK}"));
    Ok(())
}

/// Whether the component fits its sources, and is the one that was made from them.
///
/// # Errors
/// Where it does not, with what to do.
pub(crate) fn check() -> Result<()> {
    let kept = fs::read_to_string(project::root().join(LOCK)).with_context(|| format!("failed to read {LOCK}"))?;
    ensure!(kept == lock()?, "{COMPONENT} does not fit its sources; run `cargo xtask demo-component` and commit it");
    Ok(())
}

fn lock() -> Result<String> {
    Ok(format!("sources {}\ncomponent {}\n", digest::of(&SOURCES)?, digest::of(&[COMPONENT])?))
}
