//! The Python environment of the test servers.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{packages, project};

const REQUIREMENTS: &str = "tests/servers/requirements.txt";

/// Where the environment is.
pub(crate) fn environment() -> PathBuf {
    project::target_dir().join("venv")
}

/// Makes the environment, where it is not there or holds other versions than the requirements pin.
///
/// # Errors
/// Where Python is missing and can't be installed, or pip fails.
pub(crate) fn prepare() -> Result<()> {
    let requirements = project::root().join(REQUIREMENTS);
    let wanted = fs::read_to_string(&requirements).with_context(|| format!("failed to read {REQUIREMENTS}"))?;
    let installed = environment().join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if !can_make_environments() {
        packages::install(&["python3", "python3-venv"], "the tests' Python servers")?;
    }
    project::say(&format!("installing {REQUIREMENTS} into {}", environment().display()));
    project::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment()))?;
    let mut pip = Command::new(environment().join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement"]);
    project::run(pip.arg(&requirements))?;
    // Written last: an environment that was broken off is made anew.
    fs::write(installed, wanted).context("failed to write down what was installed")
}

fn can_make_environments() -> bool {
    // Debian has the module venv without what it needs to put pip into an environment.
    project::output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_some()
}
