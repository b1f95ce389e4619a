//! Debian packages that a chore needs: named where they are missing, installed where this may be done unasked.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::project;

/// Sees to it that those Debian packages are there, where `missing` names any: as root on a machine with apt-get they are
/// installed, and said to be.
///
/// # Errors
/// Where this user can't install them, with the command that can; and where installing fails.
pub(crate) fn install(missing: &[&str], what_for: &str) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !may_install() {
        bail!("{what_for} needs packages that are missing; on Debian: apt-get install --no-install-recommends {names}");
    }
    project::say(&format!("installing what {what_for} needs: {names}"));
    // The lists may be absent, as on a fresh machine, or so old that they name versions which are not recent enough. Where
    // they can't be had, what is there may do.
    let _ = project::run(Command::new("apt-get").arg("update"));
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "--yes", "--no-install-recommends"]);
    project::run(command.args(missing))
}

fn may_install() -> bool {
    Path::new("/etc/debian_version").exists()
        && project::find_program("apt-get").is_some()
        && project::output(Command::new("id").arg("-u")).as_deref() == Some("0")
}
