//! What it costs an honest scenario that guests are held to their bounds: wasmload as it is beside a build of the same
//! code that holds them to next to nothing, in turns.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Bench;
use super::throughput::{self, Throughput};
use super::tool::Tool;
use crate::project;

/// The feature of the build without bounds.
const FEATURE: &str = "bench-without-guards";

/// Compares the two; the one without bounds is the first.
///
/// # Errors
/// Where it can't be built, or a run fails.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Throughput> {
    let unguarded = bench.wasmload.of_program(build()?)?;
    throughput::compare(bench, &[Tool::Unguarded(&unguarded), Tool::Wasmload(&bench.wasmload)])
}

/// Builds wasmload without bounds, and leaves the usual build in its place; where it was put.
fn build() -> anyhow::Result<PathBuf> {
    let built = project::target_dir().join("release/wasmload");
    let place = project::target_dir().join("bench/wasmload-without-guards");
    let guarded = project::target_dir().join("bench/wasmload");
    let copy = |from: &Path, to: &Path| {
        fs::copy(from, to).with_context(|| format!("failed to copy {} to {}", from.display(), to.display()))
    };
    fs::create_dir_all(project::target_dir().join("bench")).context("failed to make a directory for the builds")?;
    copy(&built, &guarded)?;
    let mut cargo = project::cargo();
    cargo.args(["build", "--release", "--locked", "--package", "wasmload", "--bins", "--features", FEATURE]);
    let done = project::run(&mut cargo).and_then(|()| copy(&built, &place).map(|_| ()));
    // Also where that failed: nobody is to take the one for the other.
    fs::remove_file(&built)
        .and_then(|()| fs::copy(&guarded, &built).map(|_| ()))
        .context("failed to put wasmload back")?;
    done.map(|()| place)
}
