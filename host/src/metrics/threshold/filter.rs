//! What a rule is about: which scenarios, names, methods, statuses and tags.

use std::ops::RangeInclusive;

use super::{Metric, Threshold};
use crate::metrics::label::ScenarioLabel;
use crate::metrics::statistics::{RequestTag, ScenarioId};
use crate::metrics::table::Key;
use crate::sample::Sample;

/// A text, or the start of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    any_rest: bool,
}

impl Pattern {
    /// Matches that text.
    pub(super) fn exactly(text: impl Into<String>) -> Self {
        Pattern { text: text.into(), any_rest: false }
    }

    /// Matches whatever starts with that text.
    pub(super) fn with_any_rest(text: impl Into<String>) -> Self {
        Pattern { text: text.into(), any_rest: true }
    }

    /// The text, without the asterisk that stands for any rest.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether any rest matches.
    pub(super) fn has_any_rest(&self) -> bool {
        self.any_rest
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        if self.any_rest { text.starts_with(&self.text) } else { text == self.text }
    }
}

/// What a rule says of whom it is about. What it says nothing of may be anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Filter {
    pub(super) scenario: Option<Pattern>,
    pub(super) name: Option<Pattern>,
    pub(super) method: Option<Pattern>,
    pub(super) status: Option<RangeInclusive<u16>>,
    pub(super) tags: Vec<(String, Pattern)>,
}

/// A filter, for the scenarios of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selection {
    filter: Filter,
    /// For each scenario of the run, what is known of it beforehand.
    scenarios: Box<[Beforehand]>,
    /// Requests that the guest timed are among them.
    timed_by_guest: bool,
}

/// What a filter says of a scenario before any request.
#[derive(Clone, Debug, PartialEq)]
struct Beforehand {
    /// Whether it is one of those.
    chosen: bool,
    /// For each tag of the filter, whether the scenario's own is such a one.
    tagged: Box<[bool]>,
}

impl Beforehand {
    fn new(filter: &Filter, scenario: &ScenarioLabel) -> Self {
        let tagged = |(key, pattern): &(String, Pattern)| scenario.tag(key).is_some_and(|tag| pattern.matches(tag));
        Beforehand {
            chosen: filter.scenario.as_ref().is_none_or(|pattern| pattern.matches(&scenario.name)),
            tagged: filter.tags.iter().map(tagged).collect(),
        }
    }
}

impl Selection {
    pub(super) fn new(threshold: &Threshold, scenarios: &[ScenarioLabel]) -> Self {
        let filter = threshold.filter.clone();
        // What the guest timed has no phases, which is not to say that they took no time.
        let has_figure = !matches!(threshold.metric, Metric::Phase(_));
        Selection {
            scenarios: scenarios.iter().map(|scenario| Beforehand::new(&filter, scenario)).collect(),
            timed_by_guest: has_figure && (filter.name.is_some() || filter.method.is_some()),
            filter,
        }
    }

    /// Whether only samples tell, since tables keep neither status nor tags.
    pub(super) fn needs_samples(&self) -> bool {
        self.filter.status.is_some() || self.has_tags()
    }

    /// Whether it chooses by tags, which a request may have of its own.
    pub(super) fn has_tags(&self) -> bool {
        !self.filter.tags.is_empty()
    }

    /// Whether a scenario is one of those.
    pub(super) fn has_scenario(&self, scenario: ScenarioId) -> bool {
        self.beforehand(scenario).is_some_and(|scenario| scenario.chosen)
    }

    /// Whether it is about that name in a scenario.
    pub(super) fn has_name(&self, scenario: ScenarioId, name: &str) -> bool {
        self.has_scenario(scenario) && self.filter.name.as_ref().is_none_or(|pattern| pattern.matches(name))
    }

    /// Whether it is about requests of that key, whatever their status and tags.
    pub(super) fn has_requests(&self, key: &Key<RequestTag, 2>) -> bool {
        let ((scenario, timed_by_guest), [method, name]) = (key.tag, &key.texts);
        self.has_key(scenario, method, name, timed_by_guest)
    }

    /// Whether it is about that request, whatever its status.
    pub(crate) fn has_sample(&self, scenario: ScenarioId, sample: &Sample<'_>) -> bool {
        self.has_key(scenario, sample.method, sample.name, sample.timed_by_guest) && self.matches_tags(scenario, sample)
    }

    fn matches_tags(&self, scenario: ScenarioId, sample: &Sample<'_>) -> bool {
        let of_scenario = self.beforehand(scenario).map(|scenario| &*scenario.tagged).unwrap_or_default();
        let mut tags = self.filter.tags.iter().zip(of_scenario);
        tags.all(|((key, pattern), of_scenario)| sample.tags.get(key).map_or(*of_scenario, |tag| pattern.matches(tag)))
    }

    fn beforehand(&self, scenario: ScenarioId) -> Option<&Beforehand> {
        self.scenarios.get(usize::from(scenario.0))
    }

    /// Whether it is about requests with that status.
    pub(crate) fn has_status(&self, status: u16) -> bool {
        self.filter.status.as_ref().is_none_or(|range| range.contains(&status))
    }

    fn has_key(&self, scenario: ScenarioId, method: &str, name: &str, timed_by_guest: bool) -> bool {
        (self.timed_by_guest || !timed_by_guest)
            && self.has_name(scenario, name)
            && self.filter.method.as_ref().is_none_or(|pattern| pattern.matches(method))
    }
}
