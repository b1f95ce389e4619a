//! When the load of each scenario was there: what a rule wants of a load can't be had where there is none.

use std::time::Duration;

use super::Selection;
use crate::metrics::statistics::ScenarioId;

/// A stretch of time, from the start of the run's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) begin: Duration,
    /// [`Duration::MAX`] while it goes on.
    pub(crate) end: Duration,
}

impl Stretch {
    /// How long both go on at once.
    fn overlap(self, other: Stretch) -> Duration {
        self.end.min(other.end).saturating_sub(self.begin.max(other.begin))
    }

    fn contains(self, other: Stretch) -> bool {
        self.begin <= other.begin && other.end <= self.end
    }
}

/// When the scenarios of a run had load, and when all of them were paused.
#[derive(Debug)]
pub(super) struct Presence {
    /// By scenario; none before its load.
    scenarios: Box<[Option<Stretch>]>,
    /// In order; they don't overlap.
    pauses: Vec<Stretch>,
}

impl Presence {
    /// That of so many scenarios, none of which has load yet.
    pub(super) fn new(scenarios: usize) -> Self {
        Presence { scenarios: vec![None; scenarios].into(), pauses: Vec::new() }
    }

    /// Says when a scenario's load began. Of several calls for a scenario the first holds.
    pub(super) fn began(&mut self, scenario: ScenarioId, at: Duration) {
        if let Some(load) = self.scenarios.get_mut(usize::from(scenario.0)) {
            load.get_or_insert(Stretch { begin: at, end: Duration::MAX });
        }
    }

    /// Says when a scenario's load began to stop, or that it will not begin. Of several calls the earliest time holds.
    pub(super) fn ended(&mut self, scenario: ScenarioId, at: Duration) {
        if let Some(load) = self.scenarios.get_mut(usize::from(scenario.0)) {
            let load = load.get_or_insert(Stretch { begin: at, end: at });
            load.end = load.end.min(at);
        }
    }

    /// Says which pauses there were so far.
    pub(super) fn pauses_were(&mut self, pauses: Vec<Stretch>) {
        self.pauses = pauses;
    }

    /// Whether the load of every scenario has ended.
    pub(super) fn is_over(&self) -> bool {
        self.scenarios.iter().all(|load| load.is_some_and(|load| load.end < Duration::MAX))
    }

    /// Whether one of the chosen scenarios at least had load all through that stretch, without a pause.
    pub(super) fn fills(&self, selection: &Selection, stretch: Stretch) -> bool {
        let is_paused = self.pauses.iter().any(|pause| !pause.overlap(stretch).is_zero());
        !is_paused && self.chosen(selection).any(|load| load.contains(stretch))
    }

    /// For how long one of the chosen scenarios at least had load until then, without pauses.
    pub(super) fn time(&self, selection: &Selection, until: Duration) -> Duration {
        let mut loads: Vec<_> = self.chosen(selection).collect();
        loads.sort_unstable_by_key(|load| load.begin);
        let (mut time, mut reached) = (Duration::ZERO, Duration::ZERO);
        for load in loads {
            let fresh = Stretch { begin: load.begin.max(reached), end: load.end.min(until) };
            let paused: Duration = self.pauses.iter().map(|pause| pause.overlap(fresh)).sum();
            time += fresh.end.saturating_sub(fresh.begin).saturating_sub(paused);
            reached = reached.max(fresh.end);
        }
        time
    }

    fn chosen(&self, selection: &Selection) -> impl Iterator<Item = Stretch> {
        let all = (0..).map(ScenarioId).zip(&self.scenarios);
        all.filter_map(|(scenario, load)| load.filter(|_| selection.has_scenario(scenario)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Threshold;
    use crate::metrics::testing::labels;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn stretch(begin: f64, end: f64) -> Stretch {
        Stretch { begin: seconds(begin), end: seconds(end) }
    }

    /// `a` from 1 s to 4 s, `b` from 3 s to 6 s, `c` from 8 s on; and `d`, which never came.
    fn presence(pauses: &[Stretch]) -> Presence {
        let mut presence = Presence::new(4);
        for (scenario, load) in (0..).map(ScenarioId).zip([stretch(1.0, 4.0), stretch(3.0, 6.0)]) {
            presence.began(scenario, load.begin);
            presence.ended(scenario, load.end);
        }
        presence.began(ScenarioId(2), seconds(8.0));
        presence.pauses_were(pauses.to_vec());
        presence
    }

    fn selection(filter: &str) -> Selection {
        let rule: Threshold = format!("requests{{{filter}}}: rate > 1").parse().expect("a threshold");
        Selection::new(&rule, &labels(&["a", "b", "c", "d"]))
    }

    #[test]
    fn time_with_load_counts_once_and_not_in_pauses() {
        let pauses = [stretch(0.0, 1.5), stretch(3.5, 5.0), stretch(7.0, 8.5)];
        for (filter, until, whole, paused) in [
            ("scenario=a", 0.5, 0.0, 0.0),
            ("scenario=a", 2.0, 1.0, 0.5),
            ("scenario=a", 10.0, 3.0, 2.0),
            ("scenario=b", 10.0, 3.0, 1.5),
            ("scenario=c", 8.0, 0.0, 0.0),
            ("scenario=c", 10.0, 2.0, 1.5),
            ("scenario=d", 10.0, 0.0, 0.0),
            ("scenario=*", 3.5, 2.5, 2.0),
            ("scenario=*", 10.0, 7.0, 4.5),
        ] {
            let time = |pauses: &[Stretch]| presence(pauses).time(&selection(filter), seconds(until));
            assert_eq!((time(&[]), time(&pauses)), (seconds(whole), seconds(paused)), "{filter} until {until}");
        }
    }

    #[test]
    fn one_scenario_fills_a_stretch_or_none_does() {
        let pauses = [stretch(8.5, 9.0)];
        for (filter, begin, end, expected) in [
            ("scenario=a", 1.0, 4.0, true),
            ("scenario=a", 0.5, 2.0, false),
            ("scenario=a", 3.0, 4.5, false),
            ("scenario=*", 2.0, 4.0, true),
            // There was load all the time, but each of them was partly away.
            ("scenario=*", 2.0, 5.0, false),
            ("scenario=c", 9.0, 99.0, true),
            ("scenario=c", 8.0, 8.5, true),
            ("scenario=c", 8.0, 8.6, false),
            ("scenario=d", 2.0, 3.0, false),
        ] {
            let fills = presence(&pauses).fills(&selection(filter), stretch(begin, end));
            assert_eq!(fills, expected, "{filter} from {begin} to {end}");
        }
    }

    #[test]
    fn a_load_is_over_when_each_scenario_has_ended_or_will_not_begin() {
        let mut presence = presence(&[]);
        presence.ended(ScenarioId(2), seconds(9.0));
        assert!(!presence.is_over());
        presence.ended(ScenarioId(3), seconds(9.0));
        assert!(presence.is_over());
        presence.began(ScenarioId(3), seconds(9.5));
        presence.ended(ScenarioId(2), seconds(9.5));
        assert_eq!(presence.scenarios[2..], [Some(stretch(8.0, 9.0)), Some(stretch(9.0, 9.0))]);
    }
}
