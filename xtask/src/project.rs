//! Where the project's files are, and how a chore runs programs and says what it does.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The project's top folder.
pub(crate) fn root() -> PathBuf {
    // The folder above this crate's own; a crate always has one.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// Where builds go: `CARGO_TARGET_DIR`, or `target` in the project.
pub(crate) fn target_dir() -> PathBuf {
    // Joining an absolute path gives that path.
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target")))
}

/// Where `cargo xtask guests` puts components.
pub(crate) fn guests_dir() -> PathBuf {
    target_dir().join("guests")
}

/// The cargo that runs this chore, in the project's folder.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root());
    command
}

/// Says what a chore does, on standard error: standard output is for results.
pub(crate) fn say(text: &str) {
    // Nobody is left to hear that standard error is closed.
    let _ = writeln!(io::stderr().lock(), "xtask: {text}");
}

/// Runs a program to its end, with this program's output.
///
/// # Errors
/// Where it does not start, or does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command.status().with_context(|| format!("failed to start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// What a program writes to standard output; none where it does not start or does not succeed.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The program of that name in `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    // Administration's programs, such as nginx, are not in every user's path.
    let extra = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(extra).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// All files below a folder, in order, without what is hidden and without build folders.
///
/// # Errors
/// Where a folder can't be read.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let unreadable = || format!("failed to read the folder {}", folder.display());
        for entry in folder.read_dir().with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") || name == "target" {
                continue;
            }
            let list = if entry.file_type().with_context(unreadable)?.is_dir() { &mut folders } else { &mut files };
            list.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
