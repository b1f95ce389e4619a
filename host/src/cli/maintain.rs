//! `wasmload cache`.

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::Context;
use etcetera::BaseStrategy;

use super::args::{CacheArgs, CacheCommand};
use super::exit;

/// Where compiled code is kept: `wasmload` under the user's cache directory (`$XDG_CACHE_HOME`, or `~/.cache`).
pub(super) fn cache_directory() -> anyhow::Result<PathBuf> {
    let base = etcetera::choose_base_strategy().context("find the home directory; set HOME, or use --no-cache")?;
    Ok(base.cache_dir().join("wasmload"))
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(super) fn cache(args: &CacheArgs) -> anyhow::Result<u8> {
    let directory = cache_directory()?;
    match args.command {
        CacheCommand::Dir => println!("{}", directory.display()),
        CacheCommand::Clean => match std::fs::remove_dir_all(&directory) {
            Ok(()) => println!("removed {}", directory.display()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("nothing to remove in {}", directory.display())
            }
            Err(error) => return Err(error).with_context(|| format!("remove {}", directory.display())),
        },
    }
    Ok(exit::SUCCESS)
}
