//! How a run is told to stop, by one graceful signal and one that cuts everything off, and who asked; and how its load is
//! changed while it goes on.
//!
//! A signal has a copy for each thread, so that virtual users that wait for it touch nothing that another thread
//! touches.

mod steering;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

pub use steering::{Bounds, Follower, Steer, Steered, Steering, Step};

/// Stops a run, or the part of it that one thread has. Clones stop the same.
#[derive(Clone, Debug)]
pub struct Control {
    /// Stops the whole run.
    run: CancellationToken,
    stop: CancellationToken,
    /// A person asked for the end.
    interrupt: CancellationToken,
    abort: CancellationToken,
    requested_by_scenario: Arc<Mutex<Option<String>>>,
    interrupts: Arc<AtomicU32>,
    steering: Steering,
}

impl Control {
    /// A control whose signals nobody gave yet.
    pub fn new() -> Control {
        let run = CancellationToken::new();
        Control {
            stop: run.child_token(),
            run,
            interrupt: CancellationToken::new(),
            abort: CancellationToken::new(),
            requested_by_scenario: Arc::default(),
            interrupts: Arc::default(),
            steering: Steering::new(),
        }
    }

    /// How the load is changed while it goes on; one for the whole run.
    pub fn steering(&self) -> &Steering {
        &self.steering
    }

    /// The control for one scenario or thread: it stops when this one does, and not the other way round. A scenario that asks for
    /// the end of the test there asks for that of the whole run.
    pub fn child(&self) -> Control {
        Control {
            run: self.run.clone(),
            stop: self.stop.child_token(),
            interrupt: self.interrupt.clone(),
            abort: self.abort.child_token(),
            requested_by_scenario: Arc::clone(&self.requested_by_scenario),
            interrupts: Arc::clone(&self.interrupts),
            steering: self.steering.clone(),
        }
    }

    /// Asks for a graceful stop: no further iteration starts, sleeps end early, iterations under way go on.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Cuts off what is under way.
    pub fn abort(&self) {
        self.stop.cancel();
        self.abort.cancel();
    }

    /// A person asked for the end: a graceful stop the first time, everything cut off from the second time on.
    pub fn interrupt(&self) {
        self.interrupt.cancel();
        match self.interrupts.fetch_add(1, Ordering::Relaxed) {
            0 => self.stop(),
            _ => self.abort(),
        }
    }

    /// How often a person asked for the end.
    pub fn interrupts(&self) -> u32 {
        self.interrupts.load(Ordering::Relaxed)
    }

    /// Whether a graceful stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Whether everything is to be cut off.
    pub fn is_aborted(&self) -> bool {
        self.abort.is_cancelled()
    }

    /// Returns once a graceful stop was asked for.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Returns once a person asked for the end.
    pub async fn interrupted(&self) {
        self.interrupt.cancelled().await;
    }

    /// Returns once everything is to be cut off.
    pub async fn aborted(&self) {
        self.abort.cancelled().await;
    }

    /// A scenario's `stop-test`: a graceful stop of the whole run. The first reason is kept.
    pub fn request_end(&self, reason: &str) {
        let mut requested = self.requested_by_scenario.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        requested.get_or_insert_with(|| reason.to_owned());
        drop(requested);
        self.run.cancel();
    }

    /// The reason of the first `stop-test`, if there was one.
    pub fn requested_end(&self) -> Option<String> {
        self.requested_by_scenario.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Default for Control {
    fn default() -> Control {
        Control::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_stops_with_its_parent_and_not_before() {
        let run = Control::new();
        let (one, other) = (run.child(), run.child());
        one.stop();
        assert!(one.is_stopping());
        assert!(!other.is_stopping() && !run.is_stopping());
        run.stop();
        assert!(other.is_stopping());
    }

    #[test]
    fn a_scenario_stops_the_whole_run_and_its_first_reason_is_kept() {
        let run = Control::new();
        let (one, other) = (run.child(), run.child());
        one.request_end("first");
        other.request_end("second");
        assert!(run.is_stopping() && other.is_stopping());
        assert_eq!(run.requested_end().as_deref(), Some("first"));
    }
}
