//! Why a rule found nothing to judge, and what its writer may have meant.

use super::filter::Pattern;
use super::gather::Gathered;
use super::{Metric, Selection, Threshold};
use crate::metrics::label::ScenarioLabel;
use crate::metrics::statistics::{ByName, ScenarioId, Statistics};
use crate::metrics::table::{OTHER, Value};
use crate::near::{either, nearest};

/// How many of the names that there were are listed where none is near.
const LISTED: usize = 5;

/// What there was in a run.
pub(super) struct Facts<'a> {
    pub(super) selection: &'a Selection,
    /// Of what the rule is about.
    pub(super) total: &'a Gathered,
    /// In all.
    pub(super) recorded: &'a Statistics,
    pub(super) scenarios: &'a [ScenarioLabel],
}

/// Why there was nothing to judge.
pub(super) fn problem(threshold: &Threshold, facts: &Facts<'_>) -> String {
    let Facts { selection, total, recorded, .. } = *facts;
    let noun = threshold.metric.noun();
    if let Some(kind) = total.kinds().first() {
        return format!("this metric is {kind}");
    }
    if total.occurred() {
        return format!("no {noun} came with such a status");
    }
    let filter = &threshold.filter;
    let seen = Seen::of(threshold.metric, selection, recorded);
    if !threshold.chooses_names() || (seen.names.is_empty() && seen.methods.is_empty()) {
        return format!("there was no {noun}");
    }
    if let Some(name) = filter.name.as_ref().filter(|name| !seen.names.iter().any(|seen| name.matches(seen))) {
        let overflowed =
            if seen.overflowed { "; it may be among `(other)`, for there were too many names" } else { "" };
        return format!("no {noun} was named {}{}{overflowed}", shown(name), meant(name, &seen.names));
    }
    if let Some(method) = filter.method.as_ref().filter(|method| !seen.methods.iter().any(|seen| method.matches(seen)))
    {
        return format!("no request had the method {}{}", shown(method), meant(method, &seen.methods));
    }
    if filter.tags.is_empty() {
        return format!("there was no such {noun}; name and method occurred, but never together");
    }
    let tags: Vec<_> = filter.tags.iter().map(|(key, value)| format!("`tag.{key}` {}", shown(value))).collect();
    format!("no such request had {}{}", tags.join(" and "), meant_tag(&filter.tags, facts))
}

/// Which tag of a chosen scenario may have been meant by the first that none of them has. Those of requests are not kept.
fn meant_tag(tags: &[(String, Pattern)], facts: &Facts<'_>) -> String {
    let chosen = (0..).map(ScenarioId).zip(facts.scenarios).filter(|(id, _)| facts.selection.has_scenario(*id));
    let known: Vec<_> = chosen.flat_map(|(_, scenario)| &scenario.tags).collect();
    let has = |(key, pattern): &&(String, Pattern)| known.iter().any(|(its, tag)| its == key && pattern.matches(tag));
    let Some((key, pattern)) = tags.iter().find(|tag| !has(tag)) else { return String::new() };
    let values: Vec<_> = known.iter().filter(|(its, _)| its == key).map(|(_, value)| value.as_str()).collect();
    let near: Vec<String> = if values.is_empty() {
        nearest(key, known.iter().map(|(key, _)| key.as_str())).into_iter().map(|key| format!("tag.{key}")).collect()
    } else {
        nearest(pattern.text(), values).into_iter().map(str::to_owned).collect()
    };
    let near: Vec<_> = near.iter().map(String::as_str).collect();
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", either(&near)) }
}

/// The names and methods of a kind that there were in the chosen scenarios.
struct Seen<'a> {
    names: Vec<&'a str>,
    methods: Vec<&'a str>,
    overflowed: bool,
}

impl<'a> Seen<'a> {
    fn of(metric: Metric, selection: &Selection, recorded: &'a Statistics) -> Self {
        let of_scenario = |scenario: ScenarioId| selection.has_scenario(scenario);
        let (mut names, mut methods) = (Vec::new(), Vec::new());
        let overflowed = match metric {
            Metric::Tasks => add_names(&mut names, &recorded.tasks, of_scenario),
            Metric::Transactions => add_names(&mut names, &recorded.transactions, of_scenario),
            Metric::Checks => add_names(&mut names, &recorded.checks, of_scenario),
            Metric::Custom => {
                add_names(&mut names, &recorded.counters, of_scenario)
                    | add_names(&mut names, &recorded.gauges, of_scenario)
                    | add_names(&mut names, &recorded.rates, of_scenario)
                    | add_names(&mut names, &recorded.trends, of_scenario)
            }
            _ => {
                let keys = recorded.requests.iter().map(|(key, _)| key).filter(|key| of_scenario(key.tag.0));
                for key in keys {
                    let [method, name] = &key.texts;
                    methods.push(&**method);
                    names.push(&**name);
                }
                recorded.requests.overflowed()
            }
        };
        names.retain(|name| *name != OTHER);
        for texts in [&mut names, &mut methods] {
            texts.sort_unstable();
            texts.dedup();
        }
        Seen { names, methods, overflowed }
    }
}

fn add_names<'a, V: Value>(
    names: &mut Vec<&'a str>,
    table: &'a ByName<V>,
    of_scenario: impl Fn(ScenarioId) -> bool,
) -> bool {
    names.extend(table.iter().filter(|(key, _)| of_scenario(key.tag)).map(|(key, _)| &*key.texts[0]));
    table.overflowed()
}

fn shown(pattern: &Pattern) -> String {
    format!("`{}{}`", pattern.text(), if pattern.has_any_rest() { "*" } else { "" })
}

/// What may have been meant, or else what there was.
fn meant(pattern: &Pattern, seen: &[&str]) -> String {
    let near = nearest(pattern.text(), seen.iter().copied());
    if !near.is_empty() {
        return format!("; did you mean {}?", either(&near));
    }
    let listed: Vec<_> = seen.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = if seen.len() > LISTED { format!(" and {} more", seen.len() - LISTED) } else { String::new() };
    format!("; there were {}{more}", listed.join(", "))
}
