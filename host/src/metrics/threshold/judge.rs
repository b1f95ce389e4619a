//! The rules of a run, and how they stand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::absent::{self, Facts};
use super::gather::Gathered;
use super::outcome::{ThresholdOutcome, WindowCounts};
use super::presence::{Presence, Stretch};
use super::{Metric, Selection, Threshold};
use crate::metrics::label::ScenarioLabel;
use crate::metrics::statistics::{ScenarioId, Statistics};

/// How much shorter than its window a row of seconds may be: half of what the next one would add. Ticks are early or late by
/// less.
const TOLERANCE: Duration = Duration::from_millis(500);

/// After so much load a rate over the run so far is judged first. A scenario may have begun just before the second ended.
const FIRST_RATE: Duration = Duration::from_millis(500);

/// The rules of a run, with what they need of it.
///
/// The collector hands it what each second brought by [`Judge::gather`], and ends the second by [`Judge::advance`]. Memory
/// is that of one distribution for each different metric and selection, and of one a second of its longest window.
#[derive(Debug)]
pub(crate) struct Judge {
    rules: Vec<Rule>,
    series: Vec<Series>,
    selections: Arc<[Selection]>,
    presence: Presence,
}

impl Judge {
    /// Those rules, for a run of those scenarios.
    pub(crate) fn new(thresholds: &[Threshold], scenarios: &[ScenarioLabel]) -> Self {
        let (mut rules, mut series, mut selections) = (Vec::new(), Vec::<Series>::new(), Vec::new());
        for threshold in thresholds {
            let selection = Selection::new(threshold, scenarios);
            let same = |series: &Series| series.metric == threshold.metric && series.selection == selection;
            let place = series.iter().position(same).unwrap_or_else(|| {
                let picked = selection.needs_samples().then(|| place_of(&mut selections, &selection));
                series.push(Series::new(threshold.metric, selection, picked));
                series.len() - 1
            });
            let longest = &mut series[place].longest_window;
            *longest = (*longest).max(threshold.window);
            rules.push(Rule::new(threshold.clone(), place));
        }
        Judge { rules, series, selections: selections.into(), presence: Presence::new(scenarios.len()) }
    }

    /// The selections that only samples can make. Statistics that are gathered have to be made with them.
    pub(crate) fn selections(&self) -> Arc<[Selection]> {
        Arc::clone(&self.selections)
    }

    /// Adds what one thread recorded in the current second.
    pub(crate) fn gather(&mut self, recorded: &Statistics) {
        for series in &mut self.series {
            let picked = series.picked.and_then(|place| recorded.picked.get(place));
            series.newest.add(series.metric, &series.selection, recorded, picked);
        }
    }

    /// Whether a rule chooses requests by their tags.
    pub(crate) fn wants_tags(&self) -> bool {
        self.selections.iter().any(Selection::has_tags)
    }

    /// Says when a scenario's load began.
    pub(crate) fn load_began(&mut self, scenario: ScenarioId, at: Duration) {
        self.presence.began(scenario, at);
    }

    /// Says when a scenario's load began to stop, or that it will not begin.
    pub(crate) fn load_ended(&mut self, scenario: ScenarioId, at: Duration) {
        self.presence.ended(scenario, at);
    }

    /// Says in which stretches the load was paused so far.
    pub(crate) fn pauses_were(&mut self, pauses: Vec<Stretch>) {
        self.presence.pauses_were(pauses);
    }

    /// Ends the current second, which was that long and ends at `at`, and judges the rules.
    pub(crate) fn advance(&mut self, at: Duration, length: Duration) {
        for series in &mut self.series {
            series.advance(length);
            series.with_load = self.presence.time(&series.selection, at);
        }
        for rule in &mut self.rules {
            rule.advance(&self.series[rule.series], at, &self.presence);
        }
    }

    /// The first rule that wants the run stopped.
    pub(crate) fn aborting(&self) -> Option<&str> {
        self.rules.iter().find(|rule| rule.aborted).map(|rule| rule.threshold.as_str())
    }

    /// The rules that do not hold so far.
    pub(crate) fn failing(&self) -> Vec<ThresholdOutcome> {
        self.rules.iter().filter(|rule| rule.failed).map(|rule| rule.outcome(None)).collect()
    }

    /// Bytes held on the heap by what was gathered.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let seconds = |series: &Series| series.seconds.iter().map(|second| second.gathered.heap_bytes()).sum::<usize>();
        self.series.iter().map(|series| seconds(series) + series.total.heap_bytes() + series.newest.heap_bytes()).sum()
    }

    /// What came of each rule in a run of those scenarios that took `elapsed`, of which all was `recorded`; in the order
    /// of the plan.
    pub(crate) fn finish(
        mut self,
        elapsed: Duration,
        recorded: &Statistics,
        scenarios: &[ScenarioLabel],
    ) -> Vec<ThresholdOutcome> {
        let series = &self.series;
        let outcome = |rule: &mut Rule| {
            let Series { total, selection, .. } = &series[rule.series];
            rule.finish(&series[rule.series], elapsed);
            let is_absent = rule.observed.is_none();
            let facts = Facts { selection, total, recorded, scenarios };
            rule.outcome(is_absent.then(|| absent::problem(&rule.threshold, &facts)))
        };
        self.rules.iter_mut().map(outcome).collect()
    }
}

fn place_of(selections: &mut Vec<Selection>, selection: &Selection) -> usize {
    selections.iter().position(|other| other == selection).unwrap_or_else(|| {
        selections.push(selection.clone());
        selections.len() - 1
    })
}

/// What one or more rules are about, over the run and over its last seconds.
#[derive(Debug)]
struct Series {
    metric: Metric,
    selection: Selection,
    /// Its place among the selections that only samples can make.
    picked: Option<usize>,
    /// The current second.
    newest: Gathered,
    /// All seconds before it.
    total: Gathered,
    longest_window: Option<Duration>,
    /// The seconds of the longest window, the newest last; none without a window.
    seconds: VecDeque<Second>,
    /// The sum of their lengths.
    length: Duration,
    /// Whether the last second that ended had any length or anything in it.
    has_advanced: bool,
    /// For how long there was load to record something of, up to the last second that ended.
    with_load: Duration,
}

#[derive(Debug)]
struct Second {
    length: Duration,
    gathered: Gathered,
}

impl Series {
    fn new(metric: Metric, selection: Selection, picked: Option<usize>) -> Self {
        Series {
            metric,
            selection,
            picked,
            newest: Gathered::default(),
            total: Gathered::default(),
            longest_window: None,
            seconds: VecDeque::new(),
            length: Duration::ZERO,
            has_advanced: false,
            with_load: Duration::ZERO,
        }
    }

    fn advance(&mut self, length: Duration) {
        self.total.merge(&self.newest);
        // The last tick may fall on the end of the run, with nothing in between.
        self.has_advanced = !(length.is_zero() && self.newest.is_empty());
        let Some(window) = self.longest_window.filter(|_| self.has_advanced) else {
            self.newest.clear();
            return;
        };
        self.seconds.push_back(Second { length, gathered: std::mem::take(&mut self.newest) });
        self.length += length;
        while let Some(oldest) = self.seconds.front()
            && self.length - oldest.length + TOLERANCE >= window
        {
            self.length -= oldest.length;
            self.seconds.pop_front();
        }
    }

    /// The window of that length which ends now, and its exact length; none before the run is that old.
    fn window(&self, wanted: Duration) -> Option<(Gathered, Duration)> {
        let (mut gathered, mut length) = (Gathered::default(), Duration::ZERO);
        for second in self.seconds.iter().rev() {
            if length + TOLERANCE >= wanted {
                break;
            }
            gathered.merge(&second.gathered);
            length += second.length;
        }
        (length + TOLERANCE >= wanted).then_some((gathered, length))
    }
}

/// A rule, and how it stands.
#[derive(Debug)]
struct Rule {
    threshold: Threshold,
    /// The place of its series.
    series: usize,
    observed: Option<f64>,
    failed: bool,
    failing_since: Option<Duration>,
    windows: WindowCounts,
    aborted: bool,
}

impl Rule {
    fn new(threshold: Threshold, series: usize) -> Self {
        let windows = WindowCounts::default();
        Rule { threshold, series, observed: None, failed: false, failing_since: None, windows, aborted: false }
    }

    /// Judges the run up to `at`, or the window that ends there.
    fn advance(&mut self, series: &Series, at: Duration, presence: &Presence) {
        let value = match self.threshold.window {
            None => self.run_so_far(series),
            Some(window) => self.newest_window(window, series, at, presence),
        };
        let Some(value) = value else { return };
        self.judge(value, Some(at));
        let fails_now = !self.threshold.holds(value);
        let may_abort = self.threshold.abort_after.is_some_and(|delay| at >= delay) && !presence.is_over();
        self.aborted |= fails_now && may_abort;
    }

    /// The figure of the run so far; none where it is too early to judge.
    fn run_so_far(&self, series: &Series) -> Option<f64> {
        let (threshold, Series { total, with_load, .. }) = (&self.threshold, series);
        let is_early = threshold.waits_for_end() || threshold.is_per_second(total) && *with_load < FIRST_RATE;
        if is_early { None } else { figure(threshold, total, total, *with_load) }
    }

    /// The figure of the window that ends now; none where there is none yet, and where it can't have what the rule wants.
    fn newest_window(&self, window: Duration, series: &Series, at: Duration, presence: &Presence) -> Option<f64> {
        let (threshold, Series { total, selection, .. }) = (&self.threshold, series);
        let (gathered, length) = series.window(window).filter(|_| series.has_advanced)?;
        let stretch = Stretch { begin: at.saturating_sub(length), end: at };
        let can_have_much = || presence.fills(selection, stretch);
        if threshold.wants_much(total) && !can_have_much() {
            return None;
        }
        figure(threshold, &gathered, total, length)
    }

    /// Judges the whole run, unless windows of it were judged.
    fn finish(&mut self, series: &Series, elapsed: Duration) {
        if self.windows.judged > 0 {
            return;
        }
        if let Some(value) = figure(&self.threshold, &series.total, &series.total, series.with_load) {
            // What had to be reached by the end did not cease to hold at any time.
            self.judge(value, Some(elapsed).filter(|_| !self.threshold.waits_for_end()));
        }
    }

    fn judge(&mut self, value: f64, at: Option<Duration>) {
        let holds = self.threshold.holds(value);
        if self.threshold.window.is_none() {
            // What stopped the run stays failed, whatever the rest of the graceful stop makes of its figure.
            if holds && self.aborted {
                return;
            }
            self.observed = Some(value);
            self.failed = !holds;
            self.failing_since = if holds { None } else { self.failing_since.or(at) };
            return;
        }
        self.windows.judged += 1;
        self.windows.failed += u64::from(!holds);
        let is_worst = self.observed.is_none_or(|worst| self.threshold.excess(value) > self.threshold.excess(worst));
        self.observed = if is_worst { Some(value) } else { self.observed };
        if !holds {
            self.failed = true;
            self.failing_since = self.failing_since.or(at);
        }
    }

    fn outcome(&self, problem: Option<String>) -> ThresholdOutcome {
        ThresholdOutcome {
            rule: self.threshold.as_str().to_owned(),
            passed: self.observed.is_some() && !self.failed,
            observed: self.observed,
            bound: self.threshold.bound,
            unit: self.threshold.unit,
            failing_since: self.failing_since,
            windows: self.threshold.window.map(|_| self.windows),
            aborted: self.aborted,
            problem,
        }
    }
}

/// The figure of a stretch of the run; none where it has none, or where in the whole run nothing of the names occurred that
/// the rule chooses.
fn figure(threshold: &Threshold, stretch: &Gathered, total: &Gathered, length: Duration) -> Option<f64> {
    if threshold.wants_occurrence() && !total.occurred() { None } else { stretch.figure(threshold, length) }
}
