//! `cargo xtask lint`: everything that is checked without running the code.

use std::process::Command;

use anyhow::Result;

use crate::{fuzz, layers, project};

/// The guests' own workspaces, which the project's commands do not reach.
const GUEST_WORKSPACES: [&str; 2] = ["examples/Cargo.toml", "tests/guests/Cargo.toml"];

/// Runs all checks, and stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    layers::check()?;
    project::run(project::cargo().args(["fmt", "--all", "--check"]))?;
    project::run(clippy().args(["--workspace", "--", "-D", "warnings"]))?;
    for manifest in GUEST_WORKSPACES {
        project::run(project::cargo().args(["fmt", "--all", "--check", "--manifest-path", manifest]))?;
        // For this machine instead of a guest's target: the code is the same, and clippy is here.
        let mut guests = clippy();
        guests.arg("--target-dir").arg(project::target_dir().join("guest-lint"));
        project::run(guests.args(["--manifest-path", manifest, "--", "-D", "warnings"]))?;
    }
    // A workspace of its own too.
    project::run(project::cargo().args(["fmt", "--all", "--check", "--manifest-path", "fuzz/Cargo.toml"]))?;
    project::run(&mut fuzz::lint(clippy())?)?;
    let mut doc = project::cargo();
    doc.env("RUSTDOCFLAGS", "-D warnings");
    project::run(doc.args(["doc", "--release", "--locked", "--workspace", "--no-deps"]))
}

fn clippy() -> Command {
    let mut command = project::cargo();
    command.args(["clippy", "--release", "--locked", "--all-targets"]);
    command
}
