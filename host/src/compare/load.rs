//! The load of two runs: what was planned, and what a person made of it while they went on.

use super::Sides;
use super::input::{Change, Planned, Summary};
use crate::report::words::{clean, plural};
use crate::units::show_number;

/// Scenarios told; the rest is counted.
const MOST_SCENARIOS: usize = 3;

/// Whether two lengths or numbers are the same to a tenth.
pub(super) fn near(values: &Sides<f64>) -> bool {
    (values.before - values.after).abs() <= values.before.max(values.after) / 10.0
}

/// Whether both targets had load of the same size to answer, so that rates tell of them.
///
/// In the closed model that is the number of virtual users. In the open model it is what was planned, if it was left
/// at that: how many virtual users a rate takes is up to the target.
pub(super) fn is_same(runs: &Sides<&Summary>) -> bool {
    if runs.all(|run| run.open_model) {
        let as_planned = |run: &&Summary| is_known(run) && factors(run).next().is_none();
        runs.all(as_planned) && differing(runs).is_none()
    } else {
        runs.before.open_model == runs.after.open_model && near(&runs.map(|run| run.vus.max as f64))
    }
}

/// The planned loads that differ; none where they are the same, or where a summary of an older version doesn't tell.
pub(super) fn differing(runs: &Sides<&Summary>) -> Option<Sides<String>> {
    let Sides { before, after } = runs.map(|run| &run.plan.scenarios);
    let differs = |place: &usize| match (before.get(*place), after.get(*place)) {
        (Some(before), Some(after)) => !is_alike(before, after),
        _ => true,
    };
    let places: Vec<usize> = (0..before.len().max(after.len())).filter(differs).collect();
    let is_told = !places.is_empty() && runs.all(|run| is_known(run));
    is_told.then(|| Sides { before: told(before, after, &places), after: told(after, before, &places) })
}

/// Whether two loads are the same: by their digests, since words leave out what would be long. They have to do where a
/// summary of an older version has no digest.
fn is_alike(before: &Planned, after: &Planned) -> bool {
    if before.load_digest.is_empty() || after.load_digest.is_empty() {
        before.load == after.load
    } else {
        before.load_digest == after.load_digest
    }
}

fn is_known(run: &Summary) -> bool {
    !run.plan.scenarios.is_empty() && run.plan.scenarios.iter().all(|planned| !planned.load.is_empty())
}

/// The loads at those places, where they differ from those of the other run.
fn told(scenarios: &[Planned], others: &[Planned], places: &[usize]) -> String {
    let load = |place: &usize| {
        let planned = scenarios.get(*place)?;
        let mut load = clean(&planned.load);
        if others.get(*place).is_some_and(|other| other.load == planned.load) {
            load += &format!(" (digest {})", clean(&planned.load_digest));
        }
        Some(if scenarios.len() == 1 { load } else { format!("{}: {load}", clean(&planned.name)) })
    };
    let mut told: Vec<_> = places.iter().filter_map(load).collect();
    let more = told.len().saturating_sub(MOST_SCENARIOS);
    told.truncate(MOST_SCENARIOS);
    if more > 0 {
        told.push(format!("{more} more"));
    }
    if told.is_empty() { "none".to_owned() } else { told.join("; ") }
}

/// What a person changed about the load, in words.
pub(super) fn by_hand(run: &Summary) -> String {
    let is = |what: &'static str| move |change: &&Change| change.what == what;
    let pauses = run.changes.iter().filter(is("paused")).count() as u64;
    let (least, most) = factors(run).fold((f64::MAX, f64::MIN), |(least, most), one| (least.min(one), most.max(one)));
    let mut told = Vec::new();
    if pauses > 0 {
        told.push(plural(pauses, "pause"));
    }
    if least < most {
        told.push(format!("{} to {} % of the plan", show_number(least * 100.0), show_number(most * 100.0)));
    } else if least == most {
        told.push(format!("{} % of the plan", show_number(least * 100.0)));
    }
    if run.changes.iter().any(|change| change.what == "stopped") {
        told.push("stopped".to_owned());
    }
    if told.is_empty() { "nothing".to_owned() } else { told.join(" and ") }
}

fn factors(run: &Summary) -> impl Iterator<Item = f64> {
    run.changes.iter().filter_map(|change| change.factor)
}

/// From when until when the run was paused, in seconds from the start of the load.
pub(super) fn pauses(run: &Summary) -> Vec<(f64, f64)> {
    let mut pauses = Vec::new();
    let mut since = None;
    for change in &run.changes {
        match change.what.as_str() {
            "paused" => since = since.or(Some(change.at_seconds)),
            "resumed" => pauses.extend(since.take().map(|since| (since, change.at_seconds))),
            _ => {}
        }
    }
    pauses.extend(since.map(|since| (since, f64::INFINITY)));
    pauses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::{changed, even, summary};

    /// An open model's run of scenarios of these loads, each with its digest behind a `#`.
    fn run(loads: &[&str]) -> Summary {
        let planned = |load: &&str| {
            let (load, digest) = load.split_once('#').unwrap_or((load, ""));
            Planned { name: "name".to_owned(), load: load.to_owned(), load_digest: digest.to_owned() }
        };
        let mut summary = summary(even(3, 100, 0, 0.1));
        summary.plan.scenarios = loads.iter().map(planned).collect();
        summary.open_model = true;
        summary
    }

    #[test]
    fn rates_of_an_open_model_are_compared_by_what_was_planned() {
        let same = |before: &Summary, after: &Summary| is_same(&Sides { before, after });
        let (one, other) = (run(&["50/s"]), run(&["60/s"]));
        let mut more_users = one.clone();
        more_users.vus.max *= 10;
        assert!(same(&one, &more_users));
        assert!(!same(&one, &other) && !same(&one, &run(&["50/s", "50/s"])));
        let changed_by = |changes| Summary { changes, ..one.clone() };
        assert!(!same(&one, &changed_by(vec![changed(2.0, "factor", Some(1.5))])));
        assert!(same(&one, &changed_by(vec![changed(2.0, "paused", None), changed(3.0, "resumed", None)])));
        // Nothing is known of these.
        assert!(!same(&run(&[]), &run(&[])) && !same(&run(&[""]), &run(&[""])));
    }

    #[test]
    fn rates_of_a_closed_model_are_compared_by_virtual_users() {
        let closed = Summary { open_model: false, ..run(&["100 virtual users for 1m"]) };
        let mut longer = Summary { open_model: false, ..run(&["100 virtual users for 2m"]) };
        assert!(is_same(&Sides { before: &closed, after: &longer }));
        assert!(!is_same(&Sides { before: &closed, after: &run(&["100 virtual users for 1m"]) }));
        longer.vus.max *= 2;
        assert!(!is_same(&Sides { before: &closed, after: &longer }));
    }

    #[test]
    fn only_loads_that_differ_are_told() {
        let told = |before: &[&str], after: &[&str]| {
            let (before, after) = (run(before), run(after));
            differing(&Sides { before: &before, after: &after }).map(|Sides { before, after }| [before, after])
        };
        let texts = |before: &str, after: &str| Some([before.to_owned(), after.to_owned()]);
        assert_eq!(told(&["1/s"], &["1/s"]), None);
        assert_eq!(told(&["1/s"], &[]), None);
        assert_eq!(told(&["1/s"], &["2/s"]), texts("1/s", "2/s"));
        assert_eq!(told(&["1/s", "5/s"], &["1/s", "6/s"]), texts("name: 5/s", "name: 6/s"));
        assert_eq!(told(&["1/s"], &["1/s", "6/s"]), texts("none", "name: 6/s"));
        let [before, _] = told(&["1/s"; 6], &["2/s"; 6]).expect("differing loads");
        assert_eq!(before, "name: 1/s; name: 1/s; name: 1/s; 3 more");
    }

    #[test]
    fn loads_are_told_apart_by_their_digests_where_both_have_one() {
        let told = |before: &[&str], after: &[&str]| {
            let (before, after) = (run(before), run(after));
            let runs = Sides { before: &before, after: &after };
            assert_eq!(is_same(&runs), differing(&runs).is_none());
            differing(&runs).map(|Sides { before, after }| [before, after])
        };
        let texts = |before: &str, after: &str| Some([before.to_owned(), after.to_owned()]);
        // Words are another version's, and may be others for the same load.
        assert_eq!(told(&["4 stages#1f"], &["4 steps#1f"]), None);
        assert_eq!(told(&["4 stages#1f"], &["4 stages#2e"]), texts("4 stages (digest 1f)", "4 stages (digest 2e)"));
        assert_eq!(told(&["4 stages#1f"], &["5 stages#2e"]), texts("4 stages", "5 stages"));
        let mixes = told(&["1/s#0a", "4 stages#1f"], &["1/s#0a", "4 stages#2e"]);
        assert_eq!(mixes, texts("name: 4 stages (digest 1f)", "name: 4 stages (digest 2e)"));
        // An older version's summary has none.
        assert_eq!(told(&["4 stages"], &["4 stages#2e"]), None);
        assert_eq!(told(&["4 stages#1f"], &["5 stages"]), texts("4 stages", "5 stages"));
    }

    #[test]
    fn changes_by_hand_are_told_and_pauses_found() {
        let of = |changes: &[(f64, &str, Option<f64>)]| {
            let changes = changes.iter().map(|&(at, what, factor)| changed(at, what, factor)).collect();
            let run = Summary { changes, ..run(&["1/s"]) };
            (by_hand(&run), pauses(&run))
        };
        assert_eq!(of(&[]), ("nothing".to_owned(), vec![]));
        let all = [
            (1.0, "paused", None),
            (2.5, "resumed", None),
            (3.0, "factor", Some(1.2)),
            (4.0, "paused", None),
            (5.0, "factor", Some(0.5)),
            (6.0, "stopped", None),
            (7.0, "of a later version", None),
        ];
        assert_eq!(of(&all[..2]), ("1 pause".to_owned(), vec![(1.0, 2.5)]));
        assert_eq!(of(&all[2..3]), ("120 % of the plan".to_owned(), vec![]));
        let told = "2 pauses and 50 to 120 % of the plan and stopped";
        assert_eq!(of(&all), (told.to_owned(), vec![(1.0, 2.5), (4.0, f64::INFINITY)]));
    }
}
