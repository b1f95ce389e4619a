//! `cargo xtask deny`: what wasmload is made of, by `deny.toml`: licences, sources, versions, and known
//! vulnerabilities. cargo-deny looks it over.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project;

/// The release of cargo-deny that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// The project's workspaces, and what is looked at in each. The program's own has each licence that is allowed, guests
/// have fewer. What `fuzz` adds is shipped to nobody, so its licences are nobody's matter.
const WORKSPACES: [(&str, &[&str]); 4] = [
    ("Cargo.toml", &["--deny=license-not-encountered", "bans", "licenses", "sources"]),
    ("examples/Cargo.toml", &["--allow=license-not-encountered", "bans", "licenses", "sources"]),
    ("tests/guests/Cargo.toml", &["--allow=license-not-encountered", "bans", "licenses", "sources"]),
    ("fuzz/Cargo.toml", &["bans", "sources"]),
];

/// Checks licences, sources and versions of all that is built in, and that nothing of it is known to be vulnerable.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Installs cargo-deny into target/tools where it is missing, which takes some minutes
    #[arg(long)]
    install: bool,
}

/// Runs all checks. Where the database of vulnerabilities is out of reach, that is said, and the others hold.
///
/// # Errors
/// Where cargo-deny is missing and may not be installed, and at the first workspace that breaks a rule.
pub(crate) fn run(args: &Args) -> Result<()> {
    let program = find_or_install(args.install || is_ci(env::var_os("CI")))?;
    for (manifest, checks) in WORKSPACES {
        check(&program, manifest, checks)?;
    }
    // A git repository, of which no mirror of the registry has a copy.
    if let Err(error) = project::run(deny(&program, "Cargo.toml").args(["fetch", "db"])) {
        project::say(&format!(
            "deny: licences, sources and versions are in order, but known vulnerabilities were NOT LOOKED FOR, since \
             their database can't be had here: {error:#}"
        ));
        return Ok(());
    }
    WORKSPACES.iter().try_for_each(|(manifest, _)| check(&program, manifest, &["advisories"]))
}

fn check(program: &Path, manifest: &str, checks: &[&str]) -> Result<()> {
    project::say(&format!("deny: {manifest}"));
    project::run(deny(program, manifest).args(["check", "--hide-inclusion-graph"]).args(checks))
}

/// cargo-deny over a workspace, by the project's one file of rules.
fn deny(program: &Path, manifest: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(project::root()).args(["--locked", "--manifest-path", manifest]);
    command.arg("--config").arg(project::root().join("deny.toml"));
    command
}

/// Where cargo-deny of the right version is; installed there where it may be.
fn find_or_install(may_install: bool) -> Result<PathBuf> {
    let tools = project::target_dir().join("tools");
    let installed = tools.join("bin/cargo-deny");
    let candidates = [Some(installed.clone()), project::find_program("cargo-deny")];
    if let Some(found) = candidates.into_iter().flatten().find(|program| is_right(program)) {
        return Ok(found);
    }
    if !may_install {
        bail!(
            "cargo-deny {VERSION} is missing; `cargo xtask deny --install` builds it into target/tools, or install it \
             yourself: cargo install --locked cargo-deny --version {VERSION}"
        );
    }
    project::say(&format!("deny: installing cargo-deny {VERSION} into {}", tools.display()));
    let mut install = project::cargo();
    install.args(["install", "--locked", "cargo-deny", "--version", VERSION, "--root"]).arg(&tools);
    project::run(&mut install)?;
    is_right(&installed).then_some(installed).context("cargo-deny was installed and does not start")
}

/// Whether the program is there and of the version that the rules are written for.
fn is_right(program: &Path) -> bool {
    project::output(Command::new(program).arg("--version")).is_some_and(|said| said == format!("cargo-deny {VERSION}"))
}

/// Whether the environment says that nobody is there to be asked.
fn is_ci(variable: Option<OsString>) -> bool {
    variable.is_some_and(|value| !value.is_empty() && value != "false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ci_installs_unasked() {
        let is_ci = |value: &str| super::is_ci(Some(value.into()));
        assert!(is_ci("true") && is_ci("1"));
        assert!(!is_ci("") && !is_ci("false") && !super::is_ci(None));
    }

    #[test]
    fn all_workspaces_are_looked_at() -> Result<()> {
        let manifests: Vec<_> = project::files_below(&project::root())?;
        let is_workspace = |path: &PathBuf| {
            path.ends_with("Cargo.toml")
                && std::fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
        };
        let found: Vec<_> = manifests.into_iter().filter(is_workspace).collect();
        assert_eq!(found.len(), WORKSPACES.len(), "{found:?}");
        for (manifest, _) in WORKSPACES {
            assert!(found.contains(&project::root().join(manifest)), "{manifest}");
        }
        Ok(())
    }
}
