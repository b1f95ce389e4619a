//! Compares two runs: what changed from one to the other, and whether that is more than noise.
//!
//! It reads the summaries that the JSON output writes, by what their documentation promises. It must not know the core
//! types of a run, so that runs of other versions of wasmload can be compared too.

mod input;
mod json;
mod load;
mod measure;
mod names;
mod notes;
mod pairs;
mod seconds;
mod statistics;
mod text;
mod verdict;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::io;
use std::str::FromStr;

use serde::Serialize;

use self::input::{Figures, Key, Summary};
use self::notes::Note;
use self::pairs::Pair;
use self::verdict::Judgement;
use crate::report::Look;

/// A summary of a run.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What to call it: its path, for example.
    pub name: &'a str,
    /// The JSON document.
    pub json: &'a [u8],
}

/// What to compare by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// The least change that is worth a verdict.
    pub tolerance: Tolerance,
}

/// The least relative change that matters. Default: 5 %.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Tolerance(f64);

impl Tolerance {
    /// The tolerance as a share: 0.05 for 5 %.
    pub fn share(self) -> f64 {
        self.0
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self(0.05)
    }
}

impl FromStr for Tolerance {
    type Err = ToleranceError;

    /// Reads a percentage from 0 to 1000, such as `5%`. The sign is not left out, since 0.05 might be meant either way.
    fn from_str(text: &str) -> Result<Self, ToleranceError> {
        let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let percent = percent.filter(|percent| (0.0..=1000.0).contains(percent));
        percent.map(|percent| Self(percent / 100.0)).ok_or_else(|| ToleranceError(text.to_owned()))
    }
}

/// A text is not a [`Tolerance`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read `{0}` as a tolerance: it is no percentage from 0% to 1000%; write for example 5% or 2.5%")]
pub struct ToleranceError(String);

/// Why runs could not be compared. Texts fit behind "failed to".
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A document is no JSON, or lacks what a summary has.
    #[error(
        "read `{name}` as a summary of a run: it is no JSON of that form ({source}); \
         give a file that `wasmload run --json FILE` wrote"
    )]
    Malformed {
        /// The [`Source`]'s name.
        name: String,
        /// What is wrong with it, and where.
        source: serde_json::Error,
    },
    /// A document has another format, or one of another version.
    #[error(
        "read `{name}` as a summary of a run: it has the format `{found}`, not `{wanted}`; \
         compare it with the wasmload that wrote it, or make a new one by `wasmload run --json FILE`"
    )]
    OtherSchema {
        /// The [`Source`]'s name.
        name: String,
        /// The format it says it has.
        found: String,
        /// The format that this program reads.
        wanted: &'static str,
    },
}

/// What two runs differ by.
#[derive(Clone, Debug)]
pub struct Comparison {
    runs: Sides<Run>,
    tolerance: Tolerance,
    notes: Vec<Note>,
    judgement: Judgement,
    total: Pair,
    requests: Vec<Pair>,
    iterations: Vec<Pair>,
    tasks: Vec<Pair>,
    transactions: Vec<Pair>,
}

/// A run under the name of its document.
#[derive(Clone, Debug)]
struct Run {
    name: String,
    summary: Summary,
}

/// The same of both runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Sides<T> {
    before: T,
    after: T,
}

impl<T> Sides<T> {
    fn map<'a, U>(&'a self, of: impl Fn(&'a T) -> U) -> Sides<U> {
        Sides { before: of(&self.before), after: of(&self.after) }
    }

    /// Whether both are such.
    fn all(&self, such: impl Fn(&T) -> bool) -> bool {
        such(&self.before) && such(&self.after)
    }
}

impl<T> Sides<Option<T>> {
    /// Both, where neither lacks.
    fn both(self) -> Option<Sides<T>> {
        Some(Sides { before: self.before?, after: self.after? })
    }
}

impl Sides<f64> {
    /// The second value over the first, less 1; none where the first is 0 and the second isn't.
    fn change(&self) -> Option<f64> {
        if self.before == self.after {
            Some(0.0)
        } else {
            Some(self.after / self.before - 1.0).filter(|c| c.is_finite())
        }
    }
}

/// Compares two runs.
///
/// # Errors
/// Where one of them is no summary, or one in the format of another version.
pub fn compare(before: Source<'_>, after: Source<'_>, options: &Options) -> Result<Comparison, CompareError> {
    let read = |source: Source<'_>| {
        input::read(source.name, source.json).map(|summary| Run { name: source.name.to_owned(), summary })
    };
    let runs = Sides { before: read(before)?, after: read(after)? };
    let summaries = runs.map(|run| &run.summary);
    let rows = |of: fn(&Summary) -> &[input::Row]| pairs::pair(&summaries.map(|summary| of(summary)));
    let judgement = verdict::judge(&summaries, options.tolerance);
    Ok(Comparison {
        tolerance: options.tolerance,
        notes: notes::notes(&summaries, &judgement.choice),
        judgement,
        total: Pair::total(&summaries),
        requests: rows(|summary| &summary.requests),
        iterations: rows(|summary| &summary.iterations),
        tasks: rows(|summary| &summary.tasks),
        transactions: rows(|summary| &summary.transactions),
        runs,
    })
}

impl Comparison {
    /// Whether the second run was worse in anything by a change that is more than noise and more than the tolerance.
    pub fn is_worse(&self) -> bool {
        self.judgement.is_worse()
    }

    /// The comparison for people, its lines no wider than the look's width (40 at least), the last one ended by a line
    /// feed.
    pub fn text(&self, look: Look) -> String {
        text::render(self, look)
    }

    /// Writes the comparison as one JSON document.
    ///
    /// # Errors
    /// Where `out` can't be written to.
    pub fn write_json(&self, out: impl io::Write) -> io::Result<()> {
        json::write(self, out)
    }
}
