//! This program in place of rustc, which gives a few crates flags of their own. Cargo itself gives flags to all crates:
//! wasmtime would be built with them too, which takes minutes, and could not be shared with other builds.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Error, Result};

/// Has the names of the crates, with commas between them.
const CRATES: &str = "XTASK_RUSTC_CRATES";

/// Has their flags, with that byte between them that Cargo has between flags.
const FLAGS: &str = "XTASK_RUSTC_FLAGS";
const BETWEEN_FLAGS: &str = "\x1f";

/// Has a command of cargo give these crates these flags. It is not told of them: a crate that it builds without them
/// too must differ in something else, as it does in another workspace.
///
/// # Errors
/// Where nobody knows where this program is.
pub(super) fn set(cargo: &mut Command, crates: &[&str], flags: &[&str]) -> Result<()> {
    let own = env::current_exe().context("failed to find this program, which is to wrap rustc")?;
    cargo.env("RUSTC_WRAPPER", own).env(CRATES, crates.join(",")).env(FLAGS, flags.join(BETWEEN_FLAGS));
    Ok(())
}

/// Becomes rustc, where cargo started this program in its place.
///
/// # Errors
/// Where it should, and can't.
pub(crate) fn become_rustc() -> Result<()> {
    let (Ok(crates), Ok(flags)) = (env::var(CRATES), env::var(FLAGS)) else { return Ok(()) };
    let mut given = env::args_os().skip(1);
    let rustc = given.next().context("failed to wrap rustc: cargo names the program first")?;
    let given: Vec<OsString> = given.collect();
    let extra = if is_one_of(&crates, &given) { &flags[..] } else { "" };
    let extra = extra.split(BETWEEN_FLAGS).filter(|flag| !flag.is_empty());
    let error = Command::new(&rustc).args(&given).args(extra).exec();
    Err(Error::new(error).context(format!("failed to start {}", rustc.display())))
}

/// Whether these arguments of rustc are for one of the crates.
fn is_one_of(crates: &str, arguments: &[OsString]) -> bool {
    let name = arguments.windows(2).find_map(|pair| (pair[0] == "--crate-name").then_some(&pair[1]));
    name.is_some_and(|name| crates.split(',').any(|known| OsStr::new(known) == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_crates_get_the_flags() {
        let is_one =
            |arguments: &[&str]| is_one_of("wasmload,plan", &arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(is_one(&["--crate-name", "wasmload", "--edition=2024"]) && is_one(&["-v", "--crate-name", "plan"]));
        for other in [&["--crate-name", "wasmtime"][..], &["--crate-name", "build_script_build"], &["-vV"], &["plan"]] {
            assert!(!is_one(other), "{other:?}");
        }
    }

    #[test]
    fn cargo_is_told_of_the_wrapper() -> Result<()> {
        let mut cargo = Command::new("cargo");
        set(&mut cargo, &["a", "b"], &["--cfg", "fuzzing"])?;
        let value = |name: &str| cargo.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
        assert_eq!((value(CRATES), value(FLAGS)), (Some(OsStr::new("a,b")), Some(OsStr::new("--cfg\x1ffuzzing"))));
        assert_eq!(value("RUSTC_WRAPPER"), Some(env::current_exe()?.as_os_str()));
        Ok(())
    }
}
