//! `cargo xtask golden`: writes what the code prints now into the golden files.

use anyhow::Result;

use crate::{project, test};

/// Runs all tests with the golden files being written instead of compared.
pub(crate) fn run() -> Result<()> {
    test::prepare()?;
    for mut command in test::commands() {
        project::run(command.env("UPDATE_GOLDEN", "1"))?;
    }
    project::say("golden files are written; look at their difference before you commit it");
    Ok(())
}
