//! Which seconds of a run are compared.

use super::input::{Second, Summary};
use super::load;

/// Seconds with that share of the greatest number of VUs are the steady part of a closed model's run.
const STEADY_SHARE: f64 = 0.9;

/// Seconds at the end of an open model's run with less than that share of the average second's requests are its
/// graceful stop.
const REST_SHARE: f64 = 0.1;

/// Which rows of a run's series are compared.
pub(super) struct Chosen {
    /// Of each row.
    pub(super) rows: Vec<bool>,
    pub(super) choice: Choice,
}

/// How seconds were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Those without ramps.
    Steady,
    /// All, since the number of VUs changed for most of the run.
    Unsteady,
    /// Those of the whole load, ramps too, as in the open model.
    Load,
}

/// Chooses the seconds of a run that are compared. Left out are rows of less than half a second, those in which the run
/// was paused, and the first and the last one of those that would be chosen.
///
/// An open model's are not chosen by what was going on in them: the target has a part in that, and seconds in which it
/// stood still would be left out.
pub(super) fn choose(run: &Summary) -> Chosen {
    let usable = usable(run);
    let (mut rows, choice) =
        if run.open_model { (load_part(&run.series, usable), Choice::Load) } else { steady_part(&run.series, usable) };
    for end in [rows.iter().position(|is_chosen| *is_chosen), rows.iter().rposition(|is_chosen| *is_chosen)] {
        end.into_iter().for_each(|place| rows[place] = false);
    }
    Chosen { rows, choice }
}

/// Rows of half a second or more in which the run was not paused.
fn usable(run: &Summary) -> Vec<bool> {
    let pauses = load::pauses(run);
    let mut begin = 0.0;
    let is_usable = |second: &Second| {
        let end = begin + second.length_seconds;
        let is_paused = pauses.iter().any(|(from, until)| *from < end && begin < *until);
        begin = end;
        second.length_seconds >= 0.5 && !is_paused
    };
    run.series.iter().map(is_usable).collect()
}

/// The rows in which nine tenths of the greatest number of VUs or more were there, so that ramps are left out. Where
/// these are less than half of the run, no number of VUs is the run's own, and all usable rows are chosen.
fn steady_part(series: &[Second], usable: Vec<bool>) -> (Vec<bool>, Choice) {
    let vus = series.iter().zip(&usable).filter(|(_, is_usable)| **is_usable).map(|(second, _)| second.vus);
    let least = vus.max().unwrap_or_default() as f64 * STEADY_SHARE;
    let steady = series.iter().zip(&usable).map(|(second, is_usable)| *is_usable && second.vus as f64 >= least);
    let steady: Vec<bool> = steady.collect();
    let count = |rows: &[bool]| rows.iter().filter(|is_chosen| **is_chosen).count();
    if count(&steady) * 2 >= count(&usable) { (steady, Choice::Steady) } else { (usable, Choice::Unsteady) }
}

/// The rows up to the end of the load: behind it there are only iterations that end late, whose few requests would
/// weigh as much in averages of percentiles as all those of another second.
fn load_part(series: &[Second], mut usable: Vec<bool>) -> Vec<bool> {
    let chosen = || series.iter().zip(&usable).filter(|(_, is_usable)| **is_usable).map(|(second, _)| second.requests);
    let average = chosen().sum::<u64>() as f64 / chosen().count().max(1) as f64;
    let is_loaded = |second: &Second| second.dropped_iterations > 0 || second.requests as f64 >= average * REST_SHARE;
    let is_last = |(second, is_usable): (&Second, &bool)| *is_usable && is_loaded(second);
    let end = series.iter().zip(&usable).rposition(is_last).map_or(0, |last| last + 1);
    usable[end..].fill(false);
    usable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::{changed, even, summary};

    /// The places of the seconds that are chosen.
    fn chosen(run: &Summary) -> (Vec<usize>, Choice) {
        let Chosen { rows, choice } = choose(run);
        ((0..rows.len()).filter(|place| rows[*place]).collect(), choice)
    }

    /// A closed model's run with so many VUs in each second.
    fn closed(vus: &[u64]) -> Summary {
        let second = even(1, 100, 0, 0.1)[0];
        summary(vus.iter().map(|&vus| Second { vus, ..second }).collect())
    }

    /// An open model's run with so many requests in each second.
    fn open(requests: &[u64]) -> Summary {
        let series = requests.iter().map(|&requests| even(1, requests, 0, 0.1)[0]).collect();
        Summary { open_model: true, ..summary(series) }
    }

    #[test]
    fn ramps_are_left_out_where_there_is_a_steady_part() {
        let run = closed(&[10, 50, 100, 95, 100, 100, 90, 100, 40]);
        assert_eq!(chosen(&run), (vec![3, 4, 5, 6], Choice::Steady));
        assert_eq!(chosen(&closed(&[10, 20, 30, 40, 50, 60])), (vec![1, 2, 3, 4], Choice::Unsteady));
        let mut ends_short = closed(&[100; 4]);
        ends_short.series[3].length_seconds = 0.4;
        assert_eq!(chosen(&ends_short).0, [1]);
        assert_eq!(chosen(&closed(&[])).0, [0; 0]);
    }

    #[test]
    fn an_open_model_s_seconds_are_compared_whatever_was_going_on_in_them() {
        let mut run = open(&[10, 50, 100, 0, 0, 300, 100, 100]);
        run.series.iter_mut().zip([1, 2, 3, 90, 400, 400, 10, 10]).for_each(|(second, vus)| second.vus = vus);
        assert_eq!(chosen(&run), (vec![1, 2, 3, 4, 5, 6], Choice::Load));
        assert_eq!(chosen(&open(&[])), (vec![], Choice::Load));
    }

    #[test]
    fn an_open_model_s_graceful_stop_is_left_out() {
        let mut run = open(&[100, 100, 100, 100, 100, 3, 0, 0, 1]);
        assert_eq!(chosen(&run).0, [1, 2, 3]);
        // Iterations that are due and dropped are load.
        run.series[7].dropped_iterations = 1;
        assert_eq!(chosen(&run).0, [1, 2, 3, 4, 5, 6]);
        // What a target held back until the end is not.
        assert_eq!(chosen(&open(&[100, 100, 0, 0, 0, 200])).0, [1, 2, 3, 4]);
    }

    #[test]
    fn seconds_with_a_part_in_a_pause_are_left_out() {
        let pause = |mut run: Summary, from, until: Option<f64>| {
            run.changes.push(changed(from, "paused", None));
            run.changes.extend(until.map(|until| changed(until, "resumed", None)));
            chosen(&run)
        };
        let steady = Choice::Steady;
        assert_eq!(pause(closed(&[20; 9]), 2.5, Some(4.2)), (vec![1, 5, 6, 7], steady));
        assert_eq!(pause(open(&[20; 9]), 2.0, Some(4.0)).0, [1, 4, 5, 6, 7]);
        assert_eq!(pause(open(&[20; 9]), 5.5, None).0, [1, 2, 3]);
        // VUs may go on in a pause: their number is not the run's own.
        assert_eq!(pause(closed(&[20, 20, 90, 90, 20, 20, 20, 20]), 2.0, Some(4.0)), (vec![1, 4, 5, 6], steady));
    }
}
