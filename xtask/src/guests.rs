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

/// Where the test guests in Rust are, a file each.
const RUST_GUESTS: &str = "tests/guests/guests";

/// Where those are that Rust can't express: components as text, a file each.
const RAW_GUESTS: &str = "tests/guests/raw";

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
    /// What is built there, beside [`SHARED_SOURCES`].
    sources: &'static [&'static str],
    /// Which of its targets cargo is to build.
    targets: &'static str,
    /// Where cargo puts them, below the folder of release builds.
    output: &'static str,
}

const GROUPS: [Group; 2] = [
    Group {
        folder: "tests/guests",
        sources: &["tests/guests/Cargo.toml", "tests/guests/Cargo.lock", "tests/guests/src", RUST_GUESTS],
        targets: "--examples",
        output: "examples",
    },
    Group { folder: "examples", sources: &["examples"], targets: "--lib", output: "" },
];

/// Builds what does not fit its sources.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stale = GROUPS.iter().filter_map(|group| match group.is_fresh() {
        Ok(true) if !args.force => None,
        Ok(_) => Some(Ok(group)),
        Err(error) => Some(Err(error)),
    });
    let stale = stale.collect::<Result<Vec<_>>>()?;
    let raw_is_stale = args.force || !raw_is_fresh()?;
    if raw_is_stale {
        project::say("guests: building those of text");
        build_raw()?;
    }
    if stale.is_empty() {
        if !raw_is_stale {
            project::say("guests: up to date");
        }
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
    Ok([names_in(RUST_GUESTS)?, names_in(RAW_GUESTS)?].concat())
}

/// The names of the files in that folder of the project, without their endings.
fn names_in(folder: &str) -> Result<Vec<String>> {
    let files = project::files_below(&project::root().join(folder))?;
    let names = files.iter().filter_map(|file| file.file_stem());
    Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
}

impl Group {
    /// The names of its components.
    fn names(&self) -> Result<Vec<String>> {
        if self.targets == "--examples" {
            return names_in(RUST_GUESTS);
        }
        let folder = project::root().join(self.folder);
        let entries = folder.read_dir().with_context(|| format!("failed to read {}", folder.display()))?;
        let packages = entries.flatten().filter(|entry| entry.path().join("Cargo.toml").exists());
        Ok(packages.map(|entry| entry.file_name().to_string_lossy().replace('-', "_")).collect())
    }

    fn digest(&self) -> Result<String> {
        digest::of(&[&SHARED_SOURCES[..], self.sources].concat())
    }

    fn is_fresh(&self) -> Result<bool> {
        Ok(are_fresh(self.folder, &self.digest()?, &self.names()?))
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
            write_component(&name, &to_component(&output.join(format!("{name}.wasm")))?)?;
        }
        write_down(self.folder, &self.digest()?)
    }
}

fn raw_is_fresh() -> Result<bool> {
    Ok(are_fresh(RAW_GUESTS, &digest::of(&[RAW_GUESTS])?, &names_in(RAW_GUESTS)?))
}

/// Compiles the components that are written as text.
fn build_raw() -> Result<()> {
    fs::create_dir_all(project::guests_dir())?;
    for name in names_in(RAW_GUESTS)? {
        let path = project::root().join(RAW_GUESTS).join(format!("{name}.wat"));
        let component = wat::parse_file(&path).with_context(|| format!("failed to compile {}", path.display()))?;
        validate(&component).with_context(|| format!("{} is no valid component", path.display()))?;
        write_component(&name, &component)?;
    }
    write_down(RAW_GUESTS, &digest::of(&[RAW_GUESTS])?)
}

/// Whether the components of these names are there, and were built from what has that digest.
fn are_fresh(folder: &str, digest: &str, names: &[String]) -> bool {
    let built_from = fs::read_to_string(stamp(folder)).ok();
    built_from.as_deref() == Some(digest) && names.iter().all(|name| component_path(name).exists())
}

/// Writes down what the components of that folder were built from.
fn write_down(folder: &str, digest: &str) -> Result<()> {
    fs::write(stamp(folder), digest).context("failed to write down what was built")
}

fn stamp(folder: &str) -> PathBuf {
    project::guests_dir().join(format!("{}.digest", folder.replace('/', "-")))
}

fn write_component(name: &str, component: &[u8]) -> Result<()> {
    let path = component_path(name);
    fs::write(&path, component).with_context(|| format!("failed to write {}", path.display()))
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
        validate(&built).with_context(|| format!("{} is no valid component", path.display()))?;
        return Ok(built);
    }
    let encoder = ComponentEncoder::default();
    let component = encoder.validate(true).module(&built).and_then(|mut encoder| encoder.encode());
    component.with_context(|| format!("failed to make a component of {}", path.display()))
}

fn validate(component: &[u8]) -> Result<()> {
    let mut validator = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
    validator.validate_all(component).map(drop).map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_builds_every_test_guest() -> Result<()> {
        let manifest = fs::read_to_string(project::root().join("tests/guests/Cargo.toml"))?;
        let guests = names_in(RUST_GUESTS)?;
        assert_eq!(manifest.matches("[[example]]").count(), guests.len());
        for guest in guests {
            let table = format!("name = \"{guest}\"\npath = \"guests/{guest}.rs\"\ncrate-type = [\"cdylib\"]\n");
            assert!(manifest.contains(&table), "tests/guests/Cargo.toml has no such table: {table}");
        }
        Ok(())
    }

    #[test]
    fn no_two_guests_have_one_name() -> Result<()> {
        let (rust, raw) = (names_in(RUST_GUESTS)?, names_in(RAW_GUESTS)?);
        assert!(!raw.is_empty() && raw.iter().all(|name| !rust.contains(name)), "{raw:?}");
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
