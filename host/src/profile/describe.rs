//! A load in words.

use std::time::Duration;

use super::{Arrivals, ClosedModel, Curve, Deal, OpenModel, Wait};
use crate::units::{self, Rate};

/// More lines than that are only counted.
const MOST_LINES: usize = 3;

/// The load of a closed model in one line.
pub(super) fn closed(model: &ClosedModel) -> String {
    let bounded = model.iterations.is_some() || model.iterations_per_user.is_some();
    let noun = |value: f64| if value == 1.0 { " virtual user" } else { " virtual users" };
    let words = Words { show: units::show_number, noun, bounded };
    let mut text = words.load(&model.users, model.length(), &model.deal);
    if let Some(rate) = model.spawn_rate {
        text += &format!(", started at {}", show_rate(rate));
    }
    if let Some(budget) = model.budget() {
        text += &format!(", at most {}", iterations(budget));
    }
    if let Some(each) = model.iterations_per_user {
        text += &format!(", at most {} each", iterations(each));
    }
    if let Some(pacing) = model.pacing {
        text += &format!(", iterations at least {} apart", units::exact_duration(pacing));
    }
    text + &wait(model.wait)
}

/// The load of an open model in one line.
pub(super) fn open(model: &OpenModel) -> String {
    let words = Words { show: show_rate, noun: |_| "", bounded: model.iterations.is_some() };
    let mut text = words.load(&model.rate, model.length(), &model.deal);
    if model.arrivals == Arrivals::Poisson {
        text += ", Poisson arrivals";
    }
    if let Some(count) = model.iterations {
        text += &format!(", at most {}", iterations(model.deal.count_below(count)));
    }
    let users = if model.max_vus == 1 { "user" } else { "users" };
    text + &format!(", at most {} virtual {users}", units::show_count(model.max_vus.into()))
}

/// How a quantity is told.
struct Words {
    show: fn(f64) -> String,
    /// What it counts, as it follows a number.
    noun: fn(f64) -> &'static str,
    /// Whether a number of iterations bounds the load.
    bounded: bool,
}

impl Words {
    /// A curve up to its end, and which part of it is dealt.
    fn load(&self, curve: &Curve, end: Option<Duration>, deal: &Deal) -> String {
        let course = self.course(curve, end);
        let part = match deal.part() {
            (1, 1) => return course,
            (own, all) if (own * 100).is_multiple_of(all) => format!("{} %", own * 100 / all),
            (own, all) => units::show_share(own, all),
        };
        let load = if course.starts_with("from") { " of a load " } else { " of " };
        part + load + &course
    }

    /// The lines of a curve, or how many there are.
    fn course(&self, curve: &Curve, end: Option<Duration>) -> String {
        let lines: Vec<_> = curve.lines(end.unwrap_or(Duration::MAX)).collect();
        let mut parts = Vec::new();
        let timed = lines.iter().filter_map(|line| line.length);
        let count = timed.clone().count();
        if count > MOST_LINES {
            let most = self.counted(curve.greatest_between(Duration::ZERO, end.unwrap_or(Duration::MAX)));
            parts.push(format!("{count} stages over {}, at most {most}", units::exact_duration(timed.sum())));
        }
        let mut last = None;
        for line in lines.iter().filter(|line| count <= MOST_LINES || line.length.is_none()) {
            let show = |value| if parts.is_empty() { self.counted(value) } else { (self.show)(value) };
            let time = line.length.map(units::exact_duration);
            parts.push(match time {
                Some(time) if line.start == line.end => format!("{} for {time}", show(line.end)),
                Some(time) if last == Some(line.start) => format!("to {} over {time}", show(line.end)),
                Some(time) => format!("from {} to {} over {time}", (self.show)(line.start), show(line.end)),
                None if self.bounded => show(line.end),
                None => format!("{} until stopped", show(line.end)),
            });
            last = Some(line.end);
        }
        parts.join(", then ")
    }

    fn counted(&self, value: f64) -> String {
        (self.show)(value) + (self.noun)(value)
    }
}

/// A rate as people write it, or to three digits where that would be a long fraction.
fn show_rate(per_second: f64) -> String {
    let exact = Rate::from_per_second(per_second).map(units::exact_rate);
    exact.filter(|exact| exact.len() <= 10).unwrap_or_else(|| format!("{}/s", units::show_rate(per_second)))
}

fn iterations(count: u64) -> String {
    format!("{} iteration{}", units::show_count(count), if count == 1 { "" } else { "s" })
}

fn wait(wait: Wait) -> String {
    match wait {
        Wait::None => String::new(),
        Wait::Constant(time) => format!(", waits of {}", units::exact_duration(time)),
        Wait::Between(least, most) => {
            format!(", waits of {} to {}", units::exact_duration(least), units::exact_duration(most))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{open, seconds};
    use super::super::{After, Model, Quantity, Shape};
    use super::*;

    /// A closed or an open model of these stages.
    fn staged(text: &str, after: After) -> Model {
        let shape: Shape = text.parse().unwrap();
        let curve = shape.curve(0.0, after).unwrap();
        match shape.quantity {
            Quantity::Users => Model::Closed(ClosedModel { users: curve, ..ClosedModel::constant(0) }),
            Quantity::Rate => Model::Open(open(&curve, Arrivals::Even)),
        }
    }

    #[test]
    fn a_constant_load_is_told_with_its_bounds() {
        let told = |model: ClosedModel| Model::Closed(model).describe();
        let model = ClosedModel::constant(12_345);
        assert_eq!(told(ClosedModel::constant(1)), "1 virtual user until stopped");
        assert_eq!(told(model.clone()), "12,345 virtual users until stopped");
        let model = ClosedModel { run_time: Some(seconds(300)), ..model };
        assert_eq!(told(model.clone()), "12,345 virtual users for 5m");
        let model =
            ClosedModel { spawn_rate: Some(0.5), pacing: Some(seconds(2)), wait: Wait::Constant(seconds(1)), ..model };
        assert_eq!(
            told(model),
            "12,345 virtual users for 5m, started at 30/m, iterations at least 2s apart, waits of 1s"
        );
        let bounded = ClosedModel { iterations: Some(1_000), iterations_per_user: Some(1), ..ClosedModel::constant(5) };
        let bounded = ClosedModel { wait: Wait::Between(seconds(1), seconds(90)), ..bounded };
        assert_eq!(
            told(bounded),
            "5 virtual users, at most 1,000 iterations, at most 1 iteration each, waits of 1s to 1m30s"
        );
    }

    #[test]
    fn stages_are_told_where_they_are_few_and_counted_where_not() {
        let ends = |text| staged(text, After::Ends).describe();
        assert_eq!(
            ends("30s:100,5m:100,30s:0"),
            "from 0 to 100 virtual users over 30s, then 100 for 5m, then to 0 over 30s"
        );
        assert_eq!(
            ends("0s:10/s,1m:10/s,0s:50/s,1m:100/m"),
            "10/s for 1m, then from 50/s to 100/m over 1m, at most 10 virtual users"
        );
        let many = "1m:1/s,1m:500/s,1m:1/s,8m:1/s,1m:0";
        assert_eq!(ends(many), "5 stages over 12m, at most 500/s, at most 10 virtual users");
        let stays = |text| staged(text, After::Stays).describe();
        assert_eq!(stays("30s:100"), "from 0 to 100 virtual users over 30s, then 100 until stopped");
        assert_eq!(stays("1s:9,1s:1,1s:9,1s:1"), "4 stages over 4s, at most 9 virtual users, then 1 until stopped");
    }

    #[test]
    fn a_run_time_cuts_stages_off() {
        let Model::Closed(model) = staged("30s:100,30s:200,5m:0", After::Ends) else { panic!("they are users") };
        let model = Model::Closed(ClosedModel { run_time: Some(seconds(45)), ..model });
        assert_eq!(model.describe(), "from 0 to 100 virtual users over 30s, then to 150 over 15s");
    }

    #[test]
    fn a_part_of_a_load_is_told_as_such() {
        let deal = |weights: &[u32]| Deal::new(weights, 0).unwrap();
        let closed = ClosedModel { run_time: Some(seconds(300)), iterations: Some(1_000), ..ClosedModel::constant(10) };
        let part = Model::Closed(ClosedModel { deal: deal(&[7, 2, 1]), ..closed.clone() });
        assert_eq!(part.describe(), "70 % of 10 virtual users for 5m, at most 700 iterations");
        let part = Model::Closed(ClosedModel { deal: deal(&[1, 2]), iterations: None, ..closed });
        assert_eq!(part.describe(), "33.3 % of 10 virtual users for 5m");
        let Model::Open(model) = staged("30s:40/s", After::Ends) else { panic!("it is a rate") };
        let model =
            OpenModel { arrivals: Arrivals::Poisson, iterations: Some(3), max_vus: 1, deal: deal(&[1, 1]), ..model };
        let expected =
            "50 % of a load from 0/s to 40/s over 30s, Poisson arrivals, at most 2 iterations, at most 1 virtual user";
        assert_eq!(Model::Open(model).describe(), expected);
    }

    #[test]
    fn long_fractions_of_a_rate_are_rounded() {
        assert_eq!([1_000.0, 0.5, 1.0 / 3_600.0, 12.25].map(show_rate), ["1000/s", "30/m", "1/h", "735/m"]);
        assert_eq!([33.333_333_333, 0.000_123_4].map(show_rate), ["33.3/s", "<0.01/s"]);
    }
}
