//! `wasmload:scenario/user` and its async form.

use std::time::Duration;

use wasmtime::component::{Accessor, HasSelf};

use crate::control::Control;
use crate::sandbox::bindings::wasmload::scenario::async_user;
use crate::sandbox::bindings::wasmload::scenario::user::{Host, Identity, LogLevel};
use crate::sandbox::log::shown;
use crate::sandbox::state::State;

/// The longest message; what is longer is cut.
const MAX_MESSAGE_BYTES: usize = 8 << 10;

/// The longest time that is told from forever: a year.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A time that a guest gave. What is not a number, or below 0, is 0.
pub(in crate::sandbox) fn duration(seconds: f64) -> Duration {
    if seconds.is_nan() || seconds <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(seconds).map_or(FOREVER, |time| time.min(FOREVER))
}

/// Sleeps for that long, or until the run stops this virtual user.
async fn sleep(time: Duration, control: Control) {
    if time.is_zero() {
        return tokio::task::yield_now().await;
    }
    tokio::select! {
        biased;
        () = control.stopped() => {}
        () = tokio::time::sleep(time) => {}
    }
}

impl Host for State {
    fn identify(&mut self) -> wasmtime::Result<Identity> {
        self.host_call();
        Ok(Identity { id: self.identity.vu, iteration: self.iteration, scenario: self.env.scenario_name.clone() })
    }

    async fn sleep(&mut self, time: f64) -> wasmtime::Result<()> {
        self.host_call();
        sleep(duration(time), self.env.control.clone()).await;
        Ok(())
    }

    fn mark_failure(&mut self, reason: String) -> wasmtime::Result<()> {
        self.host_call();
        if self.failure.is_none() {
            self.failure = Some(self.presentable(&reason).into_owned());
        }
        Ok(())
    }

    fn stop_user(&mut self) -> wasmtime::Result<()> {
        self.host_call();
        self.stop_requested = true;
        Ok(())
    }

    fn stop_test(&mut self, reason: String) -> wasmtime::Result<()> {
        self.host_call();
        self.env.control.request_end(&self.presentable(&reason));
        Ok(())
    }

    fn variable(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        self.host_call();
        Ok(self.env.variables.get(&name).cloned())
    }

    fn secret(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        self.host_call();
        Ok(self.env.secrets.get(&name).map(str::to_owned))
    }

    fn log(&mut self, level: LogLevel, message: String) -> wasmtime::Result<()> {
        self.host_call();
        if !is_logged(level) {
            return Ok(());
        }
        if self.log.is_spent(&self.env.limits) {
            // Before the work that a long message makes.
            self.env.recorder.log_lines_dropped(1);
            return Ok(());
        }
        let message = self.env.masked(&message, MAX_MESSAGE_BYTES);
        if message.trim_matches(['\n', '\r']).is_empty() {
            // Nothing to show is a line too, or it could be had for ever.
            self.log.take(0, &self.env.limits);
        }
        // A line of its own for each, so that no guest can make one that looks like another's or the program's.
        for line in message.split(['\n', '\r']).filter(|line| !line.is_empty()) {
            let line = shown(line);
            if self.log.take(line.len(), &self.env.limits) {
                log_line(level, self.identity.vu, &line);
            } else {
                self.env.recorder.log_lines_dropped(1);
            }
        }
        Ok(())
    }
}

/// Whether the run's log has that level; what it has not costs nothing of a virtual user's lines.
fn is_logged(level: LogLevel) -> bool {
    match level {
        LogLevel::Trace => tracing::enabled!(target: "scenario", tracing::Level::TRACE),
        LogLevel::Debug => tracing::enabled!(target: "scenario", tracing::Level::DEBUG),
        LogLevel::Info => tracing::enabled!(target: "scenario", tracing::Level::INFO),
        LogLevel::Warn => tracing::enabled!(target: "scenario", tracing::Level::WARN),
        LogLevel::Error => tracing::enabled!(target: "scenario", tracing::Level::ERROR),
    }
}

fn log_line(level: LogLevel, vu: u32, line: &str) {
    match level {
        LogLevel::Trace => tracing::trace!(target: "scenario", vu, "{line}"),
        LogLevel::Debug => tracing::debug!(target: "scenario", vu, "{line}"),
        LogLevel::Info => tracing::info!(target: "scenario", vu, "{line}"),
        LogLevel::Warn => tracing::warn!(target: "scenario", vu, "{line}"),
        LogLevel::Error => tracing::error!(target: "scenario", vu, "{line}"),
    }
}

impl async_user::Host for State {}

impl async_user::HostWithStore<State> for HasSelf<State> {
    async fn sleep(accessor: &Accessor<State, Self>, time: f64) -> wasmtime::Result<()> {
        let control = accessor.with(|mut access| {
            access.get().host_call();
            wasmtime::error::Ok(access.get().env.control.clone())
        })?;
        sleep(duration(time), control).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_times_are_zero_or_forever() {
        assert_eq!(duration(0.25), Duration::from_millis(250));
        assert_eq!(duration(-1.0), Duration::ZERO);
        assert_eq!(duration(f64::NAN), Duration::ZERO);
        assert_eq!(duration(f64::INFINITY), FOREVER);
        assert_eq!(duration(1e300), FOREVER);
    }

    #[tokio::test(start_paused = true)]
    async fn an_infinite_sleep_ends_when_the_run_stops() {
        let control = Control::new();
        let sleeper = tokio::spawn(sleep(duration(f64::INFINITY), control.child()));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!sleeper.is_finished());
        control.stop();
        sleeper.await.unwrap();
    }
}
