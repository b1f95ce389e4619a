//! What a run measured: recorded by the threads that make the load, collected once a second, summed up at the end.
//!
//! Each thread has a [`Recorder`] with [`Statistics`] of its own, so that recording shares nothing with other threads.
//! Once a second the [`Collector`] takes what they recorded, adds it to the run's totals, judges the run's
//! [`Threshold`]s and makes a [`Snapshot`]; at the end it makes the [`Summary`]. Samples are counted into histograms at
//! once and never kept, so memory depends on the number of names, which [`Limits`] bounds, and on the windows of
//! thresholds, and not on the length of a run.
//!
//! This module must not know who makes requests, nor how figures are shown.

mod blocks;
mod change;
mod collector;
mod floats;
mod label;
mod quantiles;
mod recorder;
mod snapshot;
mod statistics;
mod summarize;
mod summary;
mod table;
#[cfg(test)]
mod testing;
mod threshold;
mod times;
mod values;

pub use change::{LoadChange, LoadChanged};
pub use collector::{Collector, Ending};
pub use label::ScenarioLabel;
pub use recorder::Recorder;
pub use snapshot::{Snapshot, Totals};
pub use statistics::{Limits, ScenarioId, Statistics};
pub use summary::{
    CheckRow, Distribution, FailureRow, FailureScope, Interrupted, IterationRow, MetricRow, MetricValue, RequestBlock,
    RequestRow, RequestStats, RunEnd, SeriesRow, SpanRow, Summary, TransportCounts, TrapRow, VuCounts, Warning,
};
pub use threshold::{Threshold, ThresholdError, ThresholdOutcome, ThresholdUnit, WindowCounts};
