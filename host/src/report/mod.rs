//! Shows a run: while it goes on, and when it has ended.
//!
//! An [`Output`] is told three things: what is about to run, how it stands once a second, and what came of it. What it
//! shows is a function of these, so this module needs no clock of its own and never asks the run for anything. It must
//! not know who makes the load, nor change what was measured.

pub mod csv;
mod file;
pub mod json;
pub mod live;
pub mod progress;
pub mod text;

pub(crate) mod by_hand;
pub(crate) mod table;
pub(crate) mod words;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
pub(crate) mod golden;

use std::io;
use std::time::Duration;

use crate::metrics::{Snapshot, Summary};

pub use words::Look;

/// One way to show a run. All methods are called from one thread, which makes no load.
pub trait Output: Send {
    /// The load is about to start.
    ///
    /// # Errors
    /// Where the output can't do its work, for example because its file can't be created; the run does not start.
    fn begin(&mut self, outline: &Outline) -> Result<(), OutputError> {
        let _ = outline;
        Ok(())
    }

    /// How the run stands; called about once a second. It should return at once: the next second's figures wait for it.
    /// What goes wrong here is kept for [`Output::finish`] or let go, because a run outweighs its display.
    fn tick(&mut self, snapshot: &Snapshot<'_>) {
        let _ = snapshot;
    }

    /// The run has ended. Called once, also after a run that was cut short.
    ///
    /// # Errors
    /// Where the result can't be written.
    fn finish(&mut self, summary: &Summary) -> Result<(), OutputError>;
}

/// Why an output did not do its work. Texts fit behind "failed to".
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Something could not be written.
    #[error("write {what}")]
    Write {
        /// What was written and where to, for example ``the summary to `out.json` ``.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The live view's thread could not be started.
    #[error("start the live view")]
    Live(#[source] io::Error),
}

/// What is known of a run before it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Names of the scenarios, in the order of the plan.
    pub scenarios: Vec<String>,
    /// When the run is done.
    pub extent: Extent,
    /// Whether the terminal's keys change the load, so that a live view should name them.
    pub keys: bool,
}

/// What a run's end is measured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Nothing: it goes on until someone stops it.
    #[default]
    Open,
    /// The length of its load, without the graceful stop.
    Time(Duration),
    /// How many iterations it makes, over all VUs.
    Iterations(u64),
}

impl Extent {
    /// How much of the run is done, from 0 to 1; none where nobody can know.
    pub fn progress(self, snapshot: &Snapshot<'_>) -> Option<f64> {
        let done = match self {
            Extent::Open => return None,
            Extent::Time(length) if length.is_zero() => 1.0,
            Extent::Time(length) => snapshot.elapsed.as_secs_f64() / length.as_secs_f64(),
            Extent::Iterations(0) => 1.0,
            Extent::Iterations(count) => snapshot.totals.iterations as f64 / count as f64,
        };
        Some(done.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Totals;

    #[test]
    fn progress_is_a_share_of_the_extent() {
        let mut snapshot = fixture::snapshot(&[]);
        snapshot.elapsed = Duration::from_secs(15);
        snapshot.totals = Totals { iterations: 30, ..Totals::default() };
        for (extent, progress) in [
            (Extent::Open, None),
            (Extent::Time(Duration::from_secs(60)), Some(0.25)),
            (Extent::Time(Duration::from_secs(10)), Some(1.0)),
            (Extent::Time(Duration::ZERO), Some(1.0)),
            (Extent::Iterations(40), Some(0.75)),
            (Extent::Iterations(0), Some(1.0)),
        ] {
            assert_eq!(extent.progress(&snapshot), progress, "{extent:?}");
        }
    }
}
