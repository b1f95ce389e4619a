//! How a person changes the load while it goes on: more or less of it, and pauses.
//!
//! The plan has a time of its own, which stands still while the load is paused. What is due by the plan is due by the
//! clock only through [`Steered`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Changes the load of a run. Clones change the same.
#[derive(Clone, Debug)]
pub struct Steering {
    state: Arc<watch::Sender<State>>,
    /// The same as in `state`, where virtual users look before each iteration.
    paused: Arc<AtomicBool>,
}

/// In which direction a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// More load.
    Up,
    /// Less.
    Down,
}

/// Something that a person did to the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Steer {
    /// No iteration starts from here on.
    Paused,
    /// They start again.
    Resumed,
    /// There is so many times the planned load from here on.
    Factor(f64),
    /// The load was ended before its time.
    Stopped,
}

/// How far steps may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The share of the planned load that a step is.
    pub step: f64,
    /// The greatest factor.
    pub most: f64,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// None before the load, when there is nothing to change.
    begun: Option<(Instant, Bounds)>,
    steered: Steered,
    /// What was done, by the clock since the load began.
    done: Vec<(Duration, Steer)>,
}

/// Where a run stands by what a person did to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steered {
    /// Since when it is paused.
    paused: Option<Instant>,
    /// How long the pauses took that have ended.
    lost: Duration,
    /// How many times the planned load there is, each from a time of the plan on.
    factors: Vec<(Duration, f64)>,
}

impl Steered {
    /// The plan's time at an instant, where it began at `begin`.
    pub fn planned(&self, begin: Instant, at: Instant) -> Duration {
        self.paused.unwrap_or(at).saturating_duration_since(begin).saturating_sub(self.lost)
    }

    /// The instant of a time of the plan that began at `begin`; none while it stands still, and beyond the clock's reach.
    pub fn due(&self, begin: Instant, planned: Duration) -> Option<Instant> {
        if self.paused.is_some() { None } else { begin.checked_add(planned.checked_add(self.lost)?) }
    }

    /// How many times the planned load there is, each from a time of the plan on, in order.
    pub fn factors(&self) -> &[(Duration, f64)] {
        &self.factors
    }

    fn factor(&self) -> f64 {
        self.factors.last().map_or(1.0, |(_, factor)| *factor)
    }
}

impl Steering {
    pub(super) fn new() -> Steering {
        Steering { state: Arc::new(watch::Sender::default()), paused: Arc::default() }
    }

    /// Says that the load begins, and how far it may be changed. Before, it can't be.
    pub fn begin(&self, at: Instant, bounds: Bounds) {
        // Nothing that somebody waits for changes by that.
        self.state.send_if_modified(|state| {
            state.begun = Some((at, bounds));
            false
        });
    }

    /// One step more or less of the planned load, from now on; which part of it there is then.
    pub fn step(&self, step: Step) -> f64 {
        let change = |state: &mut State| {
            let Some((begin, bounds)) = state.begun else { return false };
            let (now, before) = (Instant::now(), state.steered.factor());
            let steps = (before / bounds.step).round() + if step == Step::Up { 1.0 } else { -1.0 };
            let factor = (steps * bounds.step).clamp(0.0, bounds.most);
            if factor == before {
                return false;
            }
            let planned = state.steered.planned(begin, now);
            state.steered.factors.push((planned, factor));
            state.done.push((now - begin, Steer::Factor(factor)));
            true
        };
        self.state.send_if_modified(change);
        self.state.borrow().steered.factor()
    }

    /// Pauses the load, or lets it go on; whether it is paused then.
    pub fn toggle_pause(&self) -> bool {
        let change = |state: &mut State| {
            let Some((begin, _)) = state.begun else { return false };
            let now = Instant::now();
            let what = match state.steered.paused.take() {
                Some(since) => {
                    state.steered.lost += now - since;
                    Steer::Resumed
                }
                None => {
                    state.steered.paused = Some(now);
                    Steer::Paused
                }
            };
            state.done.push((now - begin, what));
            self.paused.store(what == Steer::Paused, Ordering::Relaxed);
            true
        };
        self.state.send_if_modified(change);
        self.is_paused()
    }

    /// Notes that a person is about to end the load.
    pub fn stopping(&self) {
        self.state.send_if_modified(|state| {
            let stopped = state.done.iter().any(|(_, what)| *what == Steer::Stopped);
            if let Some((begin, _)) = state.begun.filter(|_| !stopped) {
                state.done.push((begin.elapsed(), Steer::Stopped));
            }
            // Nothing changes for those who follow; the stop itself reaches them by another way.
            false
        });
    }

    /// Whether the load is paused.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// What a person did, after the first `known` times: how long after the load began, and what.
    pub fn done_after(&self, known: usize) -> Vec<(Duration, Steer)> {
        self.state.borrow().done.get(known..).unwrap_or_default().to_vec()
    }

    /// Follows the changes.
    pub fn follow(&self) -> Follower {
        Follower(self.state.subscribe())
    }

    /// Returns once the load is not paused.
    pub async fn resumed(&self) {
        let mut state = self.state.subscribe();
        // Who could resume it is this steering, which is there.
        let _ = state.wait_for(|state| state.steered.paused.is_none()).await;
    }

    /// Returns at that time of the plan, which began at `begin`, whatever pauses there are meanwhile.
    pub async fn reached(&self, begin: Instant, planned: Duration) {
        let mut follower = self.follow();
        loop {
            let due = follower.steered().due(begin, planned);
            tokio::select! {
                biased;
                () = follower.changed() => {}
                () = sleep_until_some(due) => return,
            }
        }
    }
}

/// Sees what a person changes.
#[derive(Debug)]
pub struct Follower(watch::Receiver<State>);

impl Follower {
    /// Where the run stands; from here on, [`Follower::changed`] waits for what comes after it.
    pub fn steered(&mut self) -> Steered {
        self.0.borrow_and_update().steered.clone()
    }

    /// Whether something changed since it was last looked at.
    pub fn has_changed(&self) -> bool {
        self.0.has_changed().unwrap_or(false)
    }

    /// Returns once something changed since it was last looked at.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody is left who could change anything.
            std::future::pending::<()>().await;
        }
    }
}

/// Sleeps until then; for ever where there is no such instant.
async fn sleep_until_some(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn begun() -> (Steering, Instant) {
        let (steering, begin) = (Steering::new(), Instant::now());
        steering.begin(begin, Bounds { step: 0.1, most: 2.0 });
        (steering, begin)
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_changes_before_the_load() {
        let steering = Steering::new();
        assert_eq!(steering.step(Step::Up), 1.0);
        assert!(!steering.toggle_pause());
        assert_eq!(steering.done_after(0), []);
    }

    #[tokio::test(start_paused = true)]
    async fn steps_add_up_within_bounds() {
        let (steering, _) = begun();
        tokio::time::advance(SECOND).await;
        let up: Vec<f64> = (0..11).map(|_| steering.step(Step::Up)).collect();
        assert_eq!([up[0], up[2], up[9], up[10]].map(|factor| (factor * 10.0).round()), [11.0, 13.0, 20.0, 20.0]);
        assert!(up.iter().all(|factor| *factor <= 2.0));
        let down: Vec<f64> = (0..25).map(|_| steering.step(Step::Down)).collect();
        assert_eq!(down.last(), Some(&0.0));
        let done = steering.done_after(0);
        assert_eq!((done.len(), done[0]), (30, (SECOND, Steer::Factor(up[0]))));
        assert_eq!(steering.done_after(29).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_noted_once() {
        let (steering, _) = begun();
        let follower = steering.follow();
        tokio::time::advance(SECOND).await;
        steering.stopping();
        steering.stopping();
        assert_eq!((steering.done_after(0), follower.has_changed()), (vec![(SECOND, Steer::Stopped)], false));
    }

    #[tokio::test(start_paused = true)]
    async fn the_plan_stands_still_in_a_pause() {
        let (steering, begin) = begun();
        let mut follower = steering.follow();
        tokio::time::advance(2 * SECOND).await;
        assert!(steering.toggle_pause() && follower.has_changed());
        tokio::time::advance(5 * SECOND).await;
        let steered = follower.steered();
        assert_eq!((steered.planned(begin, Instant::now()), steered.due(begin, 3 * SECOND)), (2 * SECOND, None));
        assert!(!steering.toggle_pause());
        tokio::time::advance(SECOND).await;
        let steered = follower.steered();
        assert_eq!(steered.planned(begin, Instant::now()), 3 * SECOND);
        assert_eq!(steered.due(begin, 4 * SECOND), Some(begin + 9 * SECOND));
        assert_eq!(steering.done_after(0), [(2 * SECOND, Steer::Paused), (7 * SECOND, Steer::Resumed)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_of_the_plan_is_reached_after_the_pauses_before_it() {
        let (steering, begin) = begun();
        let waiting = tokio::spawn({
            let steering = steering.clone();
            async move {
                steering.reached(begin, 3 * SECOND).await;
                Instant::now()
            }
        });
        for _ in 0..2 {
            tokio::time::sleep(SECOND).await;
            steering.toggle_pause();
        }
        assert_eq!(waiting.await.ok(), Some(begin + 4 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_the_end_of_a_pause_is_woken() {
        let (steering, _) = begun();
        steering.resumed().await;
        assert!(steering.toggle_pause() && steering.is_paused());
        let waiting = tokio::spawn({
            let steering = steering.clone();
            async move { steering.resumed().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        steering.toggle_pause();
        assert!(waiting.await.is_ok());
    }
}
