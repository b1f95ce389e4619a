//! The two ways to build a guest: for `wasm32-wasip2`, where the toolchain has that target, and with Debian's Rust, which
//! builds the standard library for `wasm32-unknown-unknown` from source.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{packages, project};

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "rust-web-src", "cargo-web", "lld-19"];

/// A way to build guests that works on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// This toolchain, which has the target `wasm32-wasip2` and makes components itself.
    Wasip2,
    /// Debian's, with the linker at that path; it makes modules, which become components afterwards.
    Debian { linker: PathBuf },
}

impl fmt::Display for Toolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wasip2 => write!(formatter, "this toolchain's target wasm32-wasip2"),
            Self::Debian { linker } => {
                write!(formatter, "Debian's {DEBIAN_CARGO} for wasm32-unknown-unknown, with {}", linker.display())
            }
        }
    }
}

impl Toolchain {
    /// The way that works here; Debian's packages are installed where this may be done unasked.
    ///
    /// # Errors
    /// Where neither works, with what is missing for each.
    pub(crate) fn find() -> Result<Self> {
        if has_wasip2() {
            return Ok(Self::Wasip2);
        }
        if let Err(error) = packages::install(&missing_packages(), "building guests") {
            bail!("{error:#}\nwithout Debian's packages: rustup target add wasm32-wasip2");
        }
        match (missing_packages().as_slice(), debian_linker()) {
            ([], Some(linker)) => Ok(Self::Debian { linker }),
            (missing, _) => bail!("guests can't be built: {} are installed but not usable", missing.join(" ")),
        }
    }

    /// The folder below the build's, where release builds are.
    pub(crate) fn output(&self) -> &'static str {
        match self {
            Self::Wasip2 => "wasm32-wasip2/release",
            Self::Debian { .. } => "wasm32-unknown-unknown/release",
        }
    }

    /// `cargo build --release` for guests.
    pub(crate) fn build(&self) -> Command {
        match self {
            Self::Wasip2 => {
                let mut command = project::cargo();
                command.args(["build", "--release", "--target", "wasm32-wasip2"]);
                command
            }
            Self::Debian { linker } => build_with_debian(linker),
        }
    }
}

fn build_with_debian(linker: &Path) -> Command {
    let mut command = Command::new(DEBIAN_CARGO);
    command.current_dir(project::root());
    // What rustup and the outer cargo say about their own toolchain would reach Debian's through these.
    for name in ["RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTDOC"] {
        command.env_remove(name);
    }
    command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    command.args(["build", "--release", "--target", "wasm32-unknown-unknown"]);
    command.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
    command
}

fn has_wasip2() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(rustc);
    // Asking must not make rustup install anything.
    command.env("RUSTUP_AUTO_INSTALL", "0").args(["--print", "target-libdir", "--target", "wasm32-wasip2"]);
    let Some(folder) = project::output(&mut command) else { return false };
    let has_std = |name: OsString| name.to_string_lossy().starts_with("libstd-");
    Path::new(&folder).read_dir().is_ok_and(|entries| entries.flatten().any(|entry| has_std(entry.file_name())))
}

/// Those of Debian's packages that are missing.
fn missing_packages() -> Vec<&'static str> {
    let std_source = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
    let found =
        [is_recent(DEBIAN_RUSTC), Path::new(std_source).exists(), is_recent(DEBIAN_CARGO), debian_linker().is_some()];
    DEBIAN_PACKAGES.into_iter().zip(found).filter(|(_, found)| !found).map(|(name, _)| name).collect()
}

fn debian_linker() -> Option<PathBuf> {
    ["/usr/bin/wasm-ld-19", "/usr/bin/wasm-ld"].map(PathBuf::from).into_iter().find(|path| path.exists())
}

/// Whether that rustc or cargo is new enough for the guests.
fn is_recent(program: &str) -> bool {
    let version = project::output(Command::new(program).arg("--version"));
    version.as_deref().and_then(minor_version) >= minor_version(concat!("this ", env!("CARGO_PKG_RUST_VERSION")))
}

/// The 95 of `rustc 1.95.0 (...)`.
fn minor_version(line: &str) -> Option<u32> {
    line.split(' ').nth(1)?.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(minor_version("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some(96));
        assert_eq!(minor_version("cargo 1.100.0"), Some(100));
        assert_eq!(minor_version("this 1.95"), Some(95));
        assert_eq!(minor_version("rustc"), None);
    }

    #[test]
    fn debian_builds_do_not_see_the_outer_toolchain() {
        let command = Toolchain::Debian { linker: PathBuf::from("/usr/bin/wasm-ld-19") }.build();
        let set = |name: &str| command.get_envs().find(|(key, _)| *key == name).map(|(_, value)| value.is_some());
        assert_eq!(set("RUSTUP_TOOLCHAIN"), Some(false));
        assert_eq!(set("RUSTC"), Some(true));
    }
}
