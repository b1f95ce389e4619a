//! `cargo xtask guests`: the test guests and the examples, as components in `target/guests`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wit_component::ComponentEncoder;

use crate::digest;
use crate::project;
use crate::toolchain::Toolchain;

/// What every guest is made of, beside its own sources.
const SHARED_SOURCES: [&str; 4] = ["wit", "guest-sdk/rust/src", "guest-sdk/rust/Cargo.toml", "Cargo.toml"];

/// Where the test guests are, a file each.
const TEST_GUESTS: &str = "tests/guests/guests";

/// Builds the test guests and the examples into target/guests.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Builds them even where they fit their sources
    #[arg(long)]
    force: bool,
}

/// A cargo workspace of guests.
struct Group {
    /// Its folder, in the project.
    folder: &'static str,
    /// Which of its targets cargo is to build.
    targets: &'static str,
    /// Where cargo puts them, below the folder of release builds.
    output: &'static str,
}

const GROUPS: [Group; 2] = [
    Group { folder: "tests/guests", targets: "--examples", output: "examples" },
    Group { folder: "examples", targets: "--lib", output: "" },
];

/// Builds what does not fit its sources.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stale = GROUPS.iter().filter_map(|group| match group.is_fresh() {
        Ok(true) if !args.force => None,
        Ok(_) => Some(Ok(group)),
        Err(error) => Some(Err(error)),
    });
    let stale = stale.collect::<Result<Vec<_>>>()?;
    if stale.is_empty() {
        project::say("guests: up to date");
        return Ok(());
    }
    let toolchain = Toolchain::find()?;
    project::say(&format!("guests: building with {toolchain}"));
    stale.into_iter().try_for_each(|group| group.build(&toolchain))
}

/// Builds guests that are not there or do not fit their sources.
pub(crate) fn prepare() -> Result<()> {
    run(&Args { force: false })
}

/// The names of the test guests.
///
/// # Errors
/// Where their folder can't be read.
pub(crate) fn test_guests() -> Result<Vec<String>> {
    let files = project::files_below(&project::root().join(TEST_GUESTS))?;
    let names = files.iter().filter_map(|file| file.file_stem());
    Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
}

impl Group {
    /// The names of its components.
    fn names(&self) -> Result<Vec<String>> {
        if self.targets == "--examples" {
            return test_guests();
        }
        let folder = project::root().join(self.folder);
        let entries = folder.read_dir().with_context(|| format!("failed to read {}", folder.display()))?;
        let packages = entries.flatten().filter(|entry| entry.path().join("Cargo.toml").exists());
        Ok(packages.map(|entry| entry.file_name().to_string_lossy().replace('-', "_")).collect())
    }

    fn stamp(&self) -> PathBuf {
        project::guests_dir().join(format!("{}.digest", self.folder.replace('/', "-")))
    }

    fn digest(&self) -> Result<String> {
        let mut sources = SHARED_SOURCES.to_vec();
        sources.push(self.folder);
        digest::of(&sources)
    }

    fn is_fresh(&self) -> Result<bool> {
        if fs::read_to_string(self.stamp()).ok().as_deref() != Some(&self.digest()?) {
            return Ok(false);
        }
        Ok(self.names()?.iter().all(|name| component_path(name).exists()))
    }

    fn build(&self, toolchain: &Toolchain) -> Result<()> {
        let build_dir = project::target_dir().join("guest-build");
        let manifest = project::root().join(self.folder).join("Cargo.toml");
        let mut command = toolchain.build();
        command.args(["--locked", self.targets, "--manifest-path"]).arg(manifest);
        project::run(command.arg("--target-dir").arg(&build_dir))?;

        fs::create_dir_all(project::guests_dir())?;
        let output = build_dir.join(toolchain.output()).join(self.output);
        for name in self.names()? {
            let component = to_component(&output.join(format!("{name}.wasm")))?;
            let path = component_path(&name);
            fs::write(&path, component).with_context(|| format!("failed to write {}", path.display()))?;
        }
        fs::write(self.stamp(), self.digest()?).context("failed to write down what was built")
    }
}

/// Where the component of that name is put.
pub(crate) fn component_path(name: &str) -> PathBuf {
    project::guests_dir().join(format!("{name}.wasm"))
}

/// The component in that file, or the one that the module in it describes; validated either way.
///
/// # Errors
/// Where it can't be read, or is neither.
fn to_component(path: &Path) -> Result<Vec<u8>> {
    let built = fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
    if wasmparser::Parser::is_component(&built) {
        wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all())
            .validate_all(&built)
            .with_context(|| format!("{} is no valid component", path.display()))?;
        return Ok(built);
    }
    let encoder = ComponentEncoder::default();
    let component = encoder.validate(true).module(&built).and_then(|mut encoder| encoder.encode());
    component.with_context(|| format!("failed to make a component of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_builds_every_test_guest() -> Result<()> {
        let manifest = fs::read_to_string(project::root().join("tests/guests/Cargo.toml"))?;
        let guests = test_guests()?;
        assert_eq!(manifest.matches("[[example]]").count(), guests.len());
        for guest in guests {
            let table = format!("name = \"{guest}\"\npath = \"guests/{guest}.rs\"\ncrate-type = [\"cdylib\"]\n");
            assert!(manifest.contains(&table), "tests/guests/Cargo.toml has no such table: {table}");
        }
        Ok(())
    }

    #[test]
    fn a_file_that_is_no_guest_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("text.wasm");
        fs::write(&path, "not a module")?;
        assert!(to_component(&path).is_err());
        // The header of a component with nothing in it.
        fs::write(&path, b"\0asm\x0d\0\x01\0")?;
        assert!(to_component(&path).is_ok());
        Ok(())
    }
}
