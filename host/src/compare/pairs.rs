//! Rows of two runs, paired by what they are of.

use std::collections::HashMap;

use super::input::{Row, Summary};
use super::{Figures, Key, Sides};

/// What one name came to in both runs, or in the one that has it.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// None for the total.
    pub(super) key: Option<Key>,
    pub(super) figures: Sides<Option<Figures>>,
}

impl Pair {
    /// All requests.
    pub(super) fn total(runs: &Sides<&Summary>) -> Self {
        Self { key: None, figures: runs.map(|run| Some(run.total.clone())) }
    }
}

/// The rows of both runs: scenario by scenario, in each the rows of the first run in their order, then those that only
/// the second has.
pub(super) fn pair(rows: &Sides<&[Row]>) -> Vec<Pair> {
    let mut scenarios = HashMap::new();
    let mut places = HashMap::new();
    let mut pairs: Vec<Pair> = Vec::with_capacity(rows.before.len());
    let both = rows.before.iter().map(|row| (row, true)).chain(rows.after.iter().map(|row| (row, false)));
    for (row, is_before) in both {
        let scenario = scenarios.len();
        scenarios.entry(&row.key.scenario).or_insert(scenario);
        let place = *places.entry(&row.key).or_insert(pairs.len());
        if place == pairs.len() {
            pairs.push(Pair { key: Some(row.key.clone()), figures: Sides { before: None, after: None } });
        }
        let figures = &mut pairs[place].figures;
        let side = if is_before { &mut figures.before } else { &mut figures.after };
        *side = Some(row.figures.clone());
    }
    pairs.sort_by_key(|pair| pair.key.as_ref().and_then(|key| scenarios.get(&key.scenario)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::input::Times;

    fn row(scenario: &str, name: &str, count: u64) -> Row {
        let times = Times { count, mean: 0.0, p50: 0.0, p90: 0.0, p95: 0.0, p99: 0.0, max: 0.0 };
        Row {
            key: Key { scenario: scenario.into(), method: "GET".into(), name: name.into(), timed_by_guest: false },
            figures: Figures { count, failures: 0, rate_per_second: 0.0, times },
            blocks: Default::default(),
        }
    }

    #[test]
    fn rows_meet_by_name_and_stay_with_their_scenario() {
        let before = [row("a", "/gone", 1), row("a", "/", 2), row("b", "/", 3)];
        let after = [row("b", "/", 4), row("a", "/new", 5), row("a", "/", 6), row("c", "/", 7)];
        let pairs = pair(&Sides { before: &before, after: &after });
        let shown: Vec<_> = pairs
            .iter()
            .map(|pair| {
                let key = pair.key.as_ref().expect("a row has a key");
                let count = |side: &Option<Figures>| side.as_ref().map(|figures| figures.count);
                (format!("{} {}", key.scenario, key.name), count(&pair.figures.before), count(&pair.figures.after))
            })
            .collect();
        let expected = [
            ("a /gone", Some(1), None),
            ("a /", Some(2), Some(6)),
            ("a /new", None, Some(5)),
            ("b /", Some(3), Some(4)),
            ("c /", None, Some(7)),
        ];
        assert_eq!(shown, expected.map(|(name, before, after)| (name.to_owned(), before, after)));
    }
}
