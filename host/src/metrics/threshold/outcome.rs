//! What came of a threshold: plain data.

use std::time::Duration;

/// What came of a threshold; during a run, what would come of it if the run ended now.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdOutcome {
    /// The rule's text.
    pub rule: String,
    /// Whether it held.
    pub passed: bool,
    /// The figure: of the whole run, or of the window that was furthest on the wrong side of the bound or least far on the
    /// right one. Of a rule over the whole run that had it stopped, the last that did not hold. None where there was nothing
    /// to judge.
    pub observed: Option<f64>,
    /// What it was compared with.
    pub bound: f64,
    /// The unit of both.
    pub unit: ThresholdUnit,
    /// Since when the rule does not hold, from the start of the load; to the second, as the end of a
    /// [`crate::metrics::SeriesRow`]. Over the whole run: the first second over the run until which it did not hold, and from
    /// which on that stayed so. Over windows: the end of the first in which it did not hold. None where it holds, and where
    /// there was nothing to judge.
    pub failing_since: Option<Duration>,
    /// How many windows were judged; none for a rule over the whole run.
    pub windows: Option<WindowCounts>,
    /// Whether it had the run stopped.
    pub aborted: bool,
    /// Why there was nothing to judge, and what may have been meant.
    pub problem: Option<String>,
}

/// Counts of windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Windows in which there was something to judge.
    pub judged: u64,
    /// Those in which the rule did not hold.
    pub failed: u64,
}

/// What a threshold's figure and bound are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdUnit {
    /// Seconds.
    Seconds,
    /// A share, from 0 to 1.
    Share,
    /// How many a second.
    PerSecond,
    /// How many.
    Count,
    /// A custom metric's values, whose unit is the scenario's.
    Number,
}
