//! `cargo xtask test`: prepares what the tests need, and runs them all.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{demo, guests, layers, packages, project, python};

/// Checks the tree, then runs the unit tests and the documentation's, and last the integration tests: the summary that
/// is printed last is theirs.
pub(crate) fn run() -> Result<()> {
    layers::check()?;
    check_guests_are_tested()?;
    demo::check()?;
    prepare()?;
    commands().iter_mut().try_for_each(project::run)
}

/// Puts in place what the tests use besides their own code.
///
/// # Errors
/// Where something is missing that can't be installed, with how to install it.
pub(crate) fn prepare() -> Result<()> {
    let wanted = [("nginx", "nginx-light"), ("curl", "curl")];
    let missing: Vec<_> = wanted.iter().filter(|(program, _)| project::find_program(program).is_none()).collect();
    let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    packages::install(&packages, "what the tests hold wasmload against")?;
    python::prepare()?;
    guests::prepare()
}

/// The test runs, in their order. Each takes the whole workspace, since cargo would build dependencies again for a part
/// of it that wants fewer of their features.
pub(crate) fn commands() -> Vec<Command> {
    let cargo = |arguments: &[&str]| {
        let mut command = project::cargo();
        command.args(arguments).args(["--release", "--locked", "--workspace"]);
        command.env("WASMLOAD_TEST_VENV", python::environment());
        command
    };
    let mut program = project::cargo();
    // As it is shipped: without the features that only tests want.
    program.args(["build", "--release", "--locked", "--package", "wasmload", "--bins"]);
    vec![program, cargo(&["test", "--lib", "--bins"]), cargo(&["test", "--doc"]), cargo(&["test", "--test", "*"])]
}

/// A guest that no test names is a behaviour that nobody looks at.
fn check_guests_are_tested() -> Result<()> {
    let mut tests = String::new();
    for file in project::files_below(&project::root().join("tests"))? {
        let is_guest = file.starts_with(project::root().join("tests/guests"));
        if !is_guest && file.extension().is_some_and(|extension| extension == "rs") {
            tests += &fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
        }
    }
    let forgotten: Vec<_> = guests::test_guests()?.into_iter().filter(|guest| !names(&tests, guest)).collect();
    ensure!(
        forgotten.is_empty(),
        "no test names these guests: {}; name each in a test in tests/, or remove it from tests/guests",
        forgotten.join(", ")
    );
    Ok(())
}

/// Whether the text has that name as a whole word.
fn names(text: &str, name: &str) -> bool {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_name_a_guest() {
        assert!(names("run(\"traps\")", "traps"));
        assert!(names("traps.wasm", "traps"));
        assert!(!names("traps_often and mousetraps", "traps"));
    }

    #[test]
    fn the_integration_tests_come_last() {
        let commands = commands();
        let last: Vec<_> = commands.last().expect("commands").get_args().collect();
        assert!(last.windows(2).any(|pair| pair == ["--test", "*"]));
    }
}
