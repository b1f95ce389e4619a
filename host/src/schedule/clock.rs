//! The plan's time of one scenario, on the clock.

use std::time::Duration;

use tokio::time::Instant;

use super::timer::Timer;
use crate::control::{Control, Follower, Steered};
use crate::profile::Change;

/// When a scenario's load begins on the clock, and what a person did to it since.
#[derive(Debug)]
pub(super) struct Clock {
    control: Control,
    /// The start of the run's load.
    begin: Instant,
    /// How long after it, by the plan, the scenario's own begins.
    start: Duration,
    follower: Follower,
    steered: Steered,
    timer: Timer,
}

/// Why a wait was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// What was waited for is due.
    Due,
    /// A person changed the load: what was planned may be due at another time, or not at all.
    Changed,
    /// The scenario's load is to stop.
    Stopped,
}

impl Clock {
    pub(super) fn new(control: &Control, begin: Instant, start: Duration) -> Clock {
        let mut follower = control.steering().follow();
        let steered = follower.steered();
        Clock { control: control.clone(), begin, start, follower, steered, timer: Timer::default() }
    }

    /// The same, exact to some microseconds.
    pub(super) fn exact(self) -> Clock {
        Clock { timer: Timer::exact(), ..self }
    }

    /// The time since the scenario's start, by the plan; zero before it.
    pub(super) fn planned(&self) -> Duration {
        self.steered.planned(self.begin, Instant::now()).saturating_sub(self.start)
    }

    /// The instant of a time from the scenario's start; none while the load is paused, and beyond the clock's reach.
    pub(super) fn due(&self, planned: Duration) -> Option<Instant> {
        self.steered.due(self.begin, planned.checked_add(self.start)?)
    }

    /// What a person changed until now, by times from the scenario's start.
    pub(super) fn changes(&self) -> Vec<Change> {
        let change = |&(at, factor): &(Duration, f64)| Change { at: at.saturating_sub(self.start), factor };
        self.steered.factors().iter().map(change).collect()
    }

    /// Whether there is no load for now because a person wants none.
    pub(super) fn has_no_load(&self) -> bool {
        self.steered.factors().last().is_some_and(|(_, factor)| *factor == 0.0)
    }

    /// Whether a person wants less than the planned load for now.
    pub(super) fn is_reduced(&self) -> bool {
        self.steered.factors().last().is_some_and(|(_, factor)| *factor < 1.0)
    }

    /// Waits until then, or until something else is to be done first. None waits for that alone.
    pub(super) async fn wait(&mut self, due: Option<Instant>) -> Woken {
        if self.control.is_stopping() {
            return Woken::Stopped;
        }
        if self.follower.has_changed() {
            return self.changed();
        }
        if due.is_some_and(|due| due <= Instant::now()) {
            return Woken::Due;
        }
        tokio::select! {
            biased;
            () = self.control.stopped() => Woken::Stopped,
            () = self.follower.changed() => self.changed(),
            () = self.timer.at(due) => Woken::Due,
        }
    }

    fn changed(&mut self) -> Woken {
        self.steered = self.follower.steered();
        Woken::Changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Bounds, Step};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_every_wait() {
        let control = Control::new();
        let begin = Instant::now();
        let mut clock = Clock::new(&control, begin, SECOND);
        let due = clock.due(2 * SECOND);
        assert_eq!(due, Some(begin + 3 * SECOND));
        assert_eq!(clock.wait(due).await, Woken::Due);
        assert_eq!((Instant::now(), clock.planned()), (begin + 3 * SECOND, 2 * SECOND));
        let waiting = tokio::spawn(async move { (clock.wait(None).await, clock.wait(Some(begin)).await) });
        tokio::task::yield_now().await;
        control.stop();
        assert_eq!(waiting.await.ok(), Some((Woken::Stopped, Woken::Stopped)), "also where something is due");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_ends_a_wait_and_moves_what_is_due() {
        let control = Control::new();
        let begin = Instant::now();
        let mut clock = Clock::new(&control, begin, SECOND);
        control.steering().begin(begin, Bounds { step: 0.5, most: 2.0 });
        tokio::time::advance(4 * SECOND).await;
        control.steering().step(Step::Up);
        control.steering().toggle_pause();
        assert_eq!(clock.wait(Some(begin)).await, Woken::Changed);
        assert_eq!((clock.changes(), clock.due(SECOND)), (vec![Change { at: 3 * SECOND, factor: 1.5 }], None));
        tokio::time::advance(2 * SECOND).await;
        control.steering().toggle_pause();
        assert_eq!(clock.wait(None).await, Woken::Changed);
        assert_eq!((clock.planned(), clock.due(5 * SECOND)), (3 * SECOND, Some(begin + 8 * SECOND)));
    }
}
