//! The virtual user that this instance is: who it is, how it waits, fails and stops, and what it remembers of the run.

use std::time::Duration;

pub use crate::bindings::user::{Identity, LogLevel};
use crate::bindings::{http, user as host};

/// Who this virtual user is: its id (unique in the run, from 1), the iteration that it is in (from 0), and the name that
/// the run gave this scenario.
pub fn identify() -> Identity {
    host::identify()
}

/// Waits, as a person thinks; it is no part of any request's time. Returns early when the run stops this user.
/// [`Duration::MAX`] sleeps until then.
pub fn sleep(time: Duration) {
    host::sleep(time.as_secs_f64());
}

/// Counts the current iteration as failed, with a reason that groups it in the report, and goes on. To end the iteration
/// as well, return a [`Failure`](crate::Failure).
pub fn mark_failure(reason: &str) {
    host::mark_failure(reason);
}

/// Stops this virtual user after the current iteration.
pub fn stop_user() {
    host::stop_user();
}

/// Ends the whole run after a graceful stop, with that reason in the report and an exit code other than 0.
pub fn stop_test(reason: &str) {
    host::stop_test(reason);
}

/// The value that the run was given with `--var NAME=VALUE`.
pub fn variable(name: &str) -> Option<String> {
    host::variable(name)
}

/// The value that the run was given with `--secret NAME=...`. The host hides it wherever it prints what a scenario said.
pub fn secret(name: &str) -> Option<String> {
    host::secret(name)
}

/// Writes a line to the run's log; the macros [`error!`](crate::error), [`warn!`](crate::warn), [`info!`](crate::info),
/// [`debug!`](crate::debug) and [`trace!`](crate::trace) format one.
pub fn log(level: LogLevel, message: &str) {
    host::log(level, message);
}

/// The cookies that this virtual user would send to that URL, as name and value.
pub fn cookies(url: &str) -> Vec<(String, String)> {
    http::cookies(url)
}

/// Adds a cookie to this virtual user's jar, as a `Set-Cookie` value from that URL would.
pub fn set_cookie(url: &str, cookie: &str) {
    http::set_cookie(url, cookie);
}

/// Empties this virtual user's cookie jar.
pub fn clear_cookies() {
    http::clear_cookies();
}

/// Logs a line at the level error, formatted as by `format!`.
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => {
        $crate::user::log($crate::user::LogLevel::Error, &::std::format!($($message)+))
    };
}

/// Logs a line at the level warn, formatted as by `format!`.
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => {
        $crate::user::log($crate::user::LogLevel::Warn, &::std::format!($($message)+))
    };
}

/// Logs a line at the level info, formatted as by `format!`.
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => {
        $crate::user::log($crate::user::LogLevel::Info, &::std::format!($($message)+))
    };
}

/// Logs a line at the level debug, formatted as by `format!`.
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => {
        $crate::user::log($crate::user::LogLevel::Debug, &::std::format!($($message)+))
    };
}

/// Logs a line at the level trace, formatted as by `format!`.
#[macro_export]
macro_rules! trace {
    ($($message:tt)+) => {
        $crate::user::log($crate::user::LogLevel::Trace, &::std::format!($($message)+))
    };
}
