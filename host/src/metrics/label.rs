//! What a run's statistics know of a scenario beforehand.

use super::statistics::ScenarioId;

/// A scenario of a run. Its place in the run is its [`ScenarioId`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScenarioLabel {
    /// The name; no two scenarios of a run have the same.
    pub name: String,
    /// Tags by key and value. Thresholds take them for those of each of its requests that has no tag of that key itself.
    pub tags: Vec<(String, String)>,
    /// Whether its iterations start at a rate; only then do response times differ from service times.
    pub open_model: bool,
    /// The planned load in one line for people.
    pub load: String,
    /// What tells two planned loads apart, for programs.
    pub load_digest: String,
}

impl ScenarioLabel {
    /// The value of a tag; none where it has no such tag.
    pub(super) fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().rev().find(|(its, _)| its == key).map(|(_, value)| value.as_str())
    }
}

/// The name of one of those scenarios.
pub(super) fn name_of(scenarios: &[ScenarioLabel], id: ScenarioId) -> String {
    scenarios.get(usize::from(id.0)).map(|scenario| scenario.name.clone()).unwrap_or_default()
}
