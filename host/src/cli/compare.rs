//! `wasmload compare`: reads two summaries, shows what changed, and says by its exit code whether it got worse.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

use super::args::CompareArgs;
use super::{exit, look};
use crate::compare::{self, Comparison, Options, Source};

/// A comparison was made, and could not be handed over.
#[derive(Debug, thiserror::Error)]
#[error("write the comparison to {place}")]
pub(super) struct Unwritten {
    place: String,
    #[source]
    source: io::Error,
}

/// Compares two runs.
///
/// # Errors
/// Files that are no summaries, or that can't be read; [`Unwritten`].
pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<u8> {
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    if let Some(json) = &args.json {
        spare(json, &[&args.before, &args.after])?;
    }
    let names = [&args.before, &args.after].map(|path| path.display().to_string());
    let source = |name, json| Source { name, json };
    let options = Options { tolerance: args.tolerance };
    let comparison = compare::compare(source(&names[0], &before), source(&names[1], &after), &options)?;
    // One that can't be handed over does not keep the other back.
    let shown = if args.quiet { Ok(()) } else { show(&comparison) };
    let saved = args.json.as_deref().map_or(Ok(()), |path| save(&comparison, path));
    shown.and(saved)?;
    Ok(if comparison.is_worse() { exit::WORSE } else { exit::SUCCESS })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let what = || format!("read `{}`; give a file that `wasmload run --json FILE` wrote", path.display());
    std::fs::read(path).with_context(what)
}

/// Refuses to put the result in the place of what it is made of.
fn spare(result: &Path, runs: &[&Path]) -> anyhow::Result<()> {
    // Where there is no such file yet, it is none of these.
    let Ok(place) = result.canonicalize() else { return Ok(()) };
    if runs.iter().any(|run| run.canonicalize().is_ok_and(|run| run == place)) {
        anyhow::bail!("write to `{}` for --json: it is one of the runs; give another file", result.display());
    }
    Ok(())
}

fn show(comparison: &Comparison) -> Result<(), Unwritten> {
    let mut stdout = io::stdout();
    let text = comparison.text(look::of_stdout());
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|source| Unwritten { place: "standard output".to_owned(), source })
}

fn save(comparison: &Comparison, path: &Path) -> Result<(), Unwritten> {
    // Made as a whole before the file is opened, which loses what it held.
    let mut document = Vec::new();
    let written = comparison.write_json(&mut document).and_then(|()| std::fs::write(path, &document));
    written.map_err(|source| Unwritten { place: format!("`{}`", path.display()), source })
}
