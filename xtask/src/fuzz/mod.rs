//! `cargo xtask fuzz`: builds a fuzz target with a stable toolchain and without cargo-fuzz, and runs it.
//!
//! Only wasmload's own code tells libFuzzer where it was: that of dependencies would drown it, and they can be those of
//! other builds, wasmtime first of all.

mod seeds;
mod wrapper;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project;
use seeds::Material;
pub(crate) use wrapper::become_rustc;

/// A `cfg` that is customary, for what fuzz targets call.
const CFG: [&str; 2] = ["--cfg", "fuzzing"];

/// What libFuzzer wants to know while the target runs: as cargo-fuzz sets it, but for the sanitizer of memory, which
/// only a nightly toolchain has.
const COVERAGE: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// An input is not longer than this, in bytes: what is longer shows nothing new, and takes long.
const MAX_INPUT: usize = 8192;

/// Runs the target for that many seconds, from the inputs that earlier runs found and the seeds.
///
/// # Errors
/// Where there is no such target, where it can't be built, and where an input breaks it: then libFuzzer says which file
/// holds the input.
pub(crate) fn run(target: &str, seconds: u64) -> Result<()> {
    let targets = targets()?;
    if !targets.iter().any(|known| known == target) {
        bail!("there is no fuzz target {target}; take one of {}", targets.join(", "));
    }
    let program = build(target)?;
    let folder = |name: &str| make_folder(&project::target_dir().join("fuzz").join(name).join(target));
    let (found, seeds, broken) = (folder("corpus")?, folder("seeds")?, folder("artifacts")?);
    let material = Material::of(target)?;
    for (index, seed) in material.seeds.iter().enumerate() {
        write(&seeds.join(format!("{index:03}")), &seed[..seed.len().min(MAX_INPUT)])?;
    }
    let mut command = Command::new(program);
    command.args([&found, &seeds]).arg(format!("-artifact_prefix={}/", broken.display()));
    // libFuzzer takes no empty one.
    if !material.pieces.is_empty() {
        let pieces = seeds.with_extension("dict");
        write(&pieces, dictionary(&material.pieces).as_bytes())?;
        command.arg(format!("-dict={}", pieces.display()));
    }
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={MAX_INPUT}"));
    project::run(command.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]))
}

/// `cargo clippy` over all targets, which needs neither libFuzzer nor a C++ compiler, and shares what is checked of
/// dependencies.
///
/// # Errors
/// Where this program can't be found.
pub(crate) fn lint(mut clippy: Command) -> Result<Command> {
    wrapper::set(&mut clippy, &["wasmload"], &CFG)?;
    clippy.arg("--target-dir").arg(project::target_dir());
    clippy.args(["--manifest-path", "fuzz/Cargo.toml", "--no-default-features", "--", "-D", "warnings"]);
    Ok(clippy)
}

/// The names of the targets, in order.
fn targets() -> Result<Vec<String>> {
    let files = project::files_below(&project::root().join("fuzz/fuzz_targets"))?;
    let names = files.iter().filter_map(|file| file.file_stem());
    Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
}

/// Builds the target and says where it is.
fn build(target: &str) -> Result<PathBuf> {
    let mut cargo = project::cargo();
    cargo.args(["build", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--bin", target]);
    cargo.arg("--target-dir").arg(project::target_dir());
    wrapper::set(&mut cargo, &["wasmload", target], &[&CFG[..], &COVERAGE].concat())?;
    project::run(&mut cargo)?;
    Ok(project::target_dir().join("release").join(target))
}

/// Pieces as libFuzzer reads them: one a line, in quotes, here with each byte in hexadecimal.
fn dictionary(pieces: &[Vec<u8>]) -> String {
    pieces.iter().filter(|piece| !piece.is_empty()).fold(String::new(), |mut text, piece| {
        text.push('"');
        for byte in piece {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
        text + "\"\n"
    })
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("failed to write {}", path.display()))
}

fn make_folder(path: &Path) -> Result<PathBuf> {
    fs::create_dir_all(path).with_context(|| format!("failed to make the folder {}", path.display()))?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_has_any_bytes() {
        assert_eq!(dictionary(&[b"a\"\n".to_vec(), Vec::new(), vec![0xff]]), "\"\\x61\\x22\\x0a\"\n\"\\xff\"\n");
    }

    #[test]
    fn what_is_fuzzed_is_what_is_shipped() -> Result<()> {
        let packages = |lock: &str| -> Result<Vec<String>> {
            let text = fs::read_to_string(project::root().join(lock))?;
            let entries = text.split("[[package]]\n").skip(1);
            Ok(entries.map(|entry| entry.lines().take(2).collect::<Vec<_>>().join(" ")).collect())
        };
        let (shipped, fuzzed) = (packages("Cargo.lock")?, packages("fuzz/Cargo.lock")?);
        let other: Vec<_> = fuzzed.iter().filter(|package| !shipped.contains(package)).collect();
        let own = |package: &str| ["libfuzzer-sys", "wasmload-fuzz"].iter().any(|name| package.contains(name));
        assert!(other.iter().all(|package| own(package)), "fuzz/Cargo.lock has versions of its own: {other:?}");
        Ok(())
    }

    #[test]
    fn each_target_has_its_program() -> Result<()> {
        let manifest = fs::read_to_string(project::root().join("fuzz/Cargo.toml"))?;
        let targets = targets()?;
        assert_eq!(manifest.matches("[[bin]]").count(), targets.len());
        for target in targets {
            assert!(
                manifest.contains(&format!("name = \"{target}\"\npath = \"fuzz_targets/{target}.rs\"\n")),
                "{target}"
            );
        }
        Ok(())
    }
}
