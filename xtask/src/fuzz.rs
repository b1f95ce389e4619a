//! `cargo xtask fuzz`: builds a fuzz target as cargo-fuzz would, with a stable toolchain and without it, and runs it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::project;

/// What libFuzzer wants to know while the target runs, and the `cfg` that is customary: as cargo-fuzz sets them, but for
/// the sanitizer of memory, which only a nightly toolchain has.
const FLAGS: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg",
    "fuzzing",
];

/// An input is not longer than this, in bytes: what is longer shows nothing new, and takes long.
const MAX_INPUT: usize = 8192;

/// Runs the target for that many seconds, from the inputs that earlier runs found and the seeds.
///
/// # Errors
/// Where there is no such target, where it can't be built, and where an input breaks it: then libFuzzer says which file
/// holds the input.
pub(crate) fn run(target: &str, seconds: u64) -> Result<()> {
    let source = project::root().join("fuzz/fuzz_targets").join(target).with_extension("rs");
    if !source.is_file() {
        bail!("there is no fuzz target {target}; take one of those in fuzz/fuzz_targets, such as response");
    }
    let program = build(target)?;
    let folder = |name: &str| make_folder(&build_dir().join(name).join(target));
    let (found, seeds, broken) = (folder("corpus")?, folder("seeds")?, folder("artifacts")?);
    write_seeds(&seeds)?;
    let mut command = Command::new(program);
    command.args([&found, &seeds]).arg(format!("-artifact_prefix={}/", broken.display()));
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={MAX_INPUT}"));
    project::run(command.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]))
}

fn build_dir() -> PathBuf {
    project::target_dir().join("fuzz")
}

/// Builds the target and says where it is.
fn build(target: &str) -> Result<PathBuf> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let version = project::output(Command::new(rustc).arg("-vV"));
    let host = version.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("host: ")));
    let host = host.context("failed to learn this machine's target; is rustc in PATH?")?;
    let mut cargo = project::cargo();
    cargo.args(["build", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--bin", target]);
    // With a target, the flags are for it alone, and not for build scripts and macros, which can't be linked with them.
    cargo.args(["--target", host]).arg("--target-dir").arg(build_dir());
    project::run(cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")))?;
    Ok(build_dir().join(host).join("release").join(target))
}

/// Makes inputs of the corpus of responses: each whole, under the rules of its method.
fn write_seeds(folder: &Path) -> Result<()> {
    let path = project::root().join("tests/corpus/responses.json");
    let text = fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let themes: Value = serde_json::from_slice(&text).with_context(|| format!("failed to parse {}", path.display()))?;
    let cases = themes.as_object().into_iter().flatten().filter_map(|(_, cases)| cases.as_array()).flatten();
    for (index, case) in cases.enumerate() {
        let wire = wire(&case["wire"]).with_context(|| format!("malformed case in {}: {case}", path.display()))?;
        let to_head = case["method"] == "HEAD";
        // Flags, then the sizes of pieces; see host/src/http/h1/fuzz.rs.
        let mut input = vec![u8::from(to_head), 255, 0, 30];
        input.extend(wire.into_iter().take(MAX_INPUT));
        let seed = folder.join(format!("{index:03}"));
        fs::write(&seed, input).with_context(|| format!("failed to write {}", seed.display()))?;
    }
    Ok(())
}

/// A response's bytes, which the corpus writes as characters: one text, or several, some as `[text, times]`.
fn wire(value: &Value) -> Option<Vec<u8>> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part).collect::<Option<String>>()?,
        _ => return None,
    };
    text.chars().map(|byte| u8::try_from(byte).ok()).collect()
}

fn part(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(repeated) => {
            let times = usize::try_from(repeated.get(1)?.as_u64()?).ok()?;
            Some(repeated.first()?.as_str()?.repeat(times))
        }
        _ => None,
    }
}

fn make_folder(path: &Path) -> Result<PathBuf> {
    fs::create_dir_all(path).with_context(|| format!("failed to make the folder {}", path.display()))?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_are_written_as_characters() {
        assert_eq!(wire(&json!("a\u{ff}")), Some(vec![b'a', 255]));
        assert_eq!(wire(&json!(["a", ["bc", 2], "d"])), Some(b"abcbcd".to_vec()));
        for malformed in [json!("\u{100}"), json!(1), json!([1]), json!([["a", -1]]), json!([["a"]])] {
            assert_eq!(wire(&malformed), None, "{malformed}");
        }
    }
}
