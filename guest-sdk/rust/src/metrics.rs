//! What a scenario measures besides its requests.

use std::time::Duration;

use crate::bindings::metrics as host;
use crate::failure::{Failure, Outcome};

/// Counts an assertion under that name as passed or failed, and hands `passed` back. A failed check does not fail the
/// iteration.
pub fn check(name: &str, passed: bool) -> bool {
    host::check(name, passed)
}

/// Adds to a sum.
pub fn add_counter(name: &str, value: f64) {
    host::add_counter(name, value);
}

/// Keeps the last, least and greatest value.
pub fn set_gauge(name: &str, value: f64) {
    host::set_gauge(name, value);
}

/// Keeps the share of `true`.
pub fn add_rate(name: &str, value: bool) {
    host::add_rate(name, value);
}

/// Keeps a distribution: its percentiles, mean and extremes.
pub fn add_trend(name: &str, value: f64) {
    host::add_trend(name, value);
}

/// A request that the scenario made by other means and timed itself. The report marks it as timed by the guest.
///
/// ```
/// use std::time::Duration;
/// use wasmload_sdk::prelude::*;
///
/// fn lookup(took: Duration) {
///     Event::new("SQL", "select city", took).size(1024).record();
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "an event counts once it is recorded"]
pub struct Event {
    event: host::Event,
}

impl Event {
    /// An event of that kind (where HTTP has its method) and name, which took that long.
    pub fn new(method: &str, name: &str, elapsed: Duration) -> Self {
        let event = host::Event {
            method: method.to_owned(),
            name: name.to_owned(),
            elapsed: elapsed.as_secs_f64(),
            size: 0,
            failure: None,
        };
        Self { event }
    }

    /// How many bytes were received. Default: 0.
    pub fn size(mut self, bytes: u32) -> Self {
        self.event.size = bytes;
        self
    }

    /// Makes it a failure, for that reason.
    pub fn failed(mut self, reason: &str) -> Self {
        self.event.failure = Some(reason.to_owned());
        self
    }

    /// Counts it.
    pub fn record(self) {
        host::record_event(&self.event);
    }
}

/// A span of several requests and waits, reported under its own name with its own percentiles. Dropped before it is
/// ended, or open when the iteration ends, it counts as failed.
#[derive(Debug)]
#[must_use = "dropped at once, a transaction counts as failed"]
pub struct Transaction {
    inner: host::Transaction,
}

impl Transaction {
    /// Starts one; the host's clock runs from here.
    pub fn start(name: &str) -> Self {
        Self { inner: host::Transaction::new(name) }
    }

    /// Ends it as a success.
    pub fn end(self) {
        self.inner.end();
    }

    /// Ends it as failed, with a reason that groups it in the report.
    pub fn fail(self, reason: &str) {
        self.inner.fail(reason);
    }
}

/// Runs several steps as one [`Transaction`], which ends as they do.
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// fn buy() -> Outcome {
///     transaction("checkout", || {
///         post("/cart").form(&[("item", "7")]).send().expect_status(201)?;
///         post("/order").send().expect_status(201)
///     })
/// }
/// ```
///
/// # Errors
/// The steps' own, which is the reason why the transaction failed as well.
pub fn transaction<T>(name: &str, steps: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let running = Transaction::start(name);
    let result = steps();
    match result.as_ref().map_err(Failure::reason) {
        Ok(_) => running.end(),
        Err(reason) => running.fail(reason),
    }
    result
}
