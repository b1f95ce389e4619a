//! What a person changed about the load while it went on.

use std::time::Duration;

use super::threshold::Stretch;

/// A change of the load by a person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadChange {
    /// When, from the start of the load.
    pub at: Duration,
    /// What of it.
    pub what: LoadChanged,
}

/// What a person changed about the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LoadChanged {
    /// No further iteration starts.
    Paused,
    /// Iterations start again.
    Resumed,
    /// The load is that many times the planned one from here on.
    Factor(f64),
    /// The load ends.
    Stopped,
}

/// Factors that follow each other that closely are one change: a key that is held down makes thirty a second.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How many changes are kept. The last one takes the place of the one before it once there are as many.
const MOST: usize = 1_000;

/// The changes of a run, and how its load stands to the planned one.
#[derive(Clone, Debug)]
pub(crate) struct Changes {
    pub(crate) list: Vec<LoadChange>,
    pub(crate) paused: bool,
    /// The load is that many times the planned one.
    pub(crate) factor: f64,
}

impl Default for Changes {
    fn default() -> Self {
        Changes { list: Vec::new(), paused: false, factor: 1.0 }
    }
}

impl Changes {
    /// Takes in a change, which comes after those before it.
    pub(crate) fn add(&mut self, change: LoadChange) {
        match change.what {
            LoadChanged::Paused => self.paused = true,
            LoadChanged::Resumed => self.paused = false,
            LoadChanged::Factor(factor) => self.factor = factor,
            LoadChanged::Stopped => {}
        }
        let is_factor = |change: &LoadChange| matches!(change.what, LoadChanged::Factor(_));
        let full = self.list.len() >= MOST;
        match self.list.last_mut() {
            Some(last) if is_factor(last) && is_factor(&change) && change.at.saturating_sub(last.at) < AT_ONCE => {
                last.what = change.what;
            }
            Some(last) if full => *last = change,
            _ => self.list.push(change),
        }
    }

    /// The pauses among them, in order. The last one may still go on.
    pub(crate) fn pauses(&self) -> Vec<Stretch> {
        let (mut pauses, mut since) = (Vec::new(), None);
        for LoadChange { at, what } in &self.list {
            match what {
                LoadChanged::Paused => since = since.or(Some(*at)),
                LoadChanged::Resumed => pauses.extend(since.take().map(|begin| Stretch { begin, end: *at })),
                LoadChanged::Factor(_) | LoadChanged::Stopped => {}
            }
        }
        pauses.extend(since.map(|begin| Stretch { begin, end: Duration::MAX }));
        pauses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(all: &[(u64, LoadChanged)]) -> Changes {
        let mut changes = Changes::default();
        all.iter().for_each(|(at, what)| changes.add(LoadChange { at: Duration::from_millis(*at), what: *what }));
        changes
    }

    #[test]
    fn the_last_change_holds() {
        use LoadChanged::{Factor, Paused, Resumed};
        let state = |all: &[_]| {
            let changes = changes(all);
            (changes.paused, changes.factor)
        };
        assert_eq!(state(&[]), (false, 1.0));
        assert_eq!(state(&[(0, Factor(1.5)), (5_000, Paused)]), (true, 1.5));
        assert_eq!(state(&[(0, Paused), (1, Factor(0.5)), (2, Resumed), (3, Factor(0.25))]), (false, 0.25));
    }

    #[test]
    fn pauses_last_until_the_load_goes_on() {
        use LoadChanged::{Factor, Paused, Resumed, Stopped};
        let pauses = |all: &[_]| {
            let millis = |at: Duration| (at < Duration::MAX).then_some(at.as_millis());
            changes(all).pauses().iter().map(|pause| (millis(pause.begin), millis(pause.end))).collect::<Vec<_>>()
        };
        assert_eq!(pauses(&[(0, Factor(1.5))]), []);
        let twice = [(1, Paused), (2, Factor(2.0)), (3, Resumed), (5, Paused), (8, Stopped)];
        assert_eq!(pauses(&twice), [(Some(1), Some(3)), (Some(5), None)]);
        // Of more changes than are kept the last takes the place of one before it.
        assert_eq!(pauses(&[(1, Paused), (3, Paused), (4, Resumed)]), [(Some(1), Some(4))]);
    }

    #[test]
    fn a_key_that_is_held_down_is_one_change_a_second() {
        let held: Vec<_> = (0..60).map(|at| (at * 50, LoadChanged::Factor(1.0 + at as f64))).collect();
        let kept: Vec<_> = changes(&held).list.iter().map(|change| (change.at.as_millis(), change.what)).collect();
        let factor = LoadChanged::Factor;
        assert_eq!(kept, [(0, factor(20.0)), (1_000, factor(40.0)), (2_000, factor(60.0))]);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let toggled = [LoadChanged::Paused, LoadChanged::Resumed];
        let all: Vec<_> = (0..5_001).map(|at| (at, toggled[at as usize % 2])).collect();
        let changes = changes(&all);
        assert_eq!((changes.list.len(), changes.paused), (MOST, true));
        assert_eq!(changes.list.last().map(|change| change.at), Some(Duration::from_millis(5_000)));
    }
}
