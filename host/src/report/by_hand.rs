//! What a person changed about the load, in words.

use crate::metrics::{LoadChange, LoadChanged, Snapshot};
use crate::units::{show_clock, show_count, show_share};

/// Changes told; the rest is counted.
const MOST: usize = 8;

/// How the load stands to the plan's now; nothing where it is just that.
pub(crate) fn now(snapshot: &Snapshot<'_>) -> Vec<String> {
    if snapshot.changes.iter().any(|change| change.what == LoadChanged::Stopped) {
        return vec!["stopping".to_owned()];
    }
    let paused = snapshot.paused.then(|| "paused".to_owned());
    let factor = (snapshot.factor != 1.0).then(|| format!("load at {}", of_the_plan(snapshot.factor)));
    paused.into_iter().chain(factor).collect()
}

/// Each change with its time, in order; nothing where there was none.
pub(crate) fn changes(changes: &[LoadChange]) -> Vec<String> {
    let told = |change: &LoadChange| {
        let what = match change.what {
            LoadChanged::Paused => "paused".to_owned(),
            LoadChanged::Resumed => "resumed".to_owned(),
            LoadChanged::Factor(factor) => of_the_plan(factor),
            LoadChanged::Stopped => "stopped".to_owned(),
        };
        format!("{what} at {}", show_clock(change.at))
    };
    let mut told: Vec<String> = changes.iter().take(MOST).map(told).collect();
    if changes.len() > MOST {
        told.push(format!("and {} more", show_count((changes.len() - MOST) as u64)));
    }
    told
}

fn of_the_plan(factor: f64) -> String {
    format!("{} of the plan", show_percent(factor))
}

/// A factor in percent: whole ones, but for the smallest.
fn show_percent(factor: f64) -> String {
    let percent = factor * 100.0;
    if percent < 10.0 {
        show_share((factor * 1e6).round() as u64, 1_000_000)
    } else {
        format!("{} %", show_count(percent.round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::fixture;

    fn at(seconds: u64, what: LoadChanged) -> LoadChange {
        LoadChange { at: Duration::from_secs(seconds), what }
    }

    #[test]
    fn the_state_is_told_where_it_is_not_the_plan_s() {
        let stopped = [at(3, LoadChanged::Stopped)];
        let told = |paused, factor, changes| {
            let mut snapshot = fixture::snapshot(&[]);
            (snapshot.paused, snapshot.factor, snapshot.changes) = (paused, factor, changes);
            now(&snapshot).join(", ")
        };
        assert_eq!(told(false, 1.0, &[]), "");
        assert_eq!(told(true, 1.0, &[]), "paused");
        assert_eq!(told(false, 1.2, &[]), "load at 120 % of the plan");
        assert_eq!(told(true, 0.025, &[]), "paused, load at 2.50 % of the plan");
        assert_eq!(told(true, 12.0, &stopped), "stopping");
    }

    #[test]
    fn changes_are_told_in_order_and_not_all_of_many() {
        use LoadChanged::{Factor, Paused, Resumed, Stopped};
        let all = [at(12, Factor(1.1)), at(20, Paused), at(31, Resumed), at(75, Stopped)];
        let expected = ["110 % of the plan at 00:12", "paused at 00:20", "resumed at 00:31", "stopped at 01:15"];
        assert_eq!(changes(&all), expected);
        let told = changes(&[all[1]; MOST + 2]);
        assert_eq!((told.len(), told.last().map(String::as_str)), (MOST + 1, Some("and 2 more")));
        assert_eq!(changes(&[]), [""; 0]);
    }
}
