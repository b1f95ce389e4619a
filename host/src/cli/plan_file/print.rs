//! A plan as a plan file, with pictures of its load in comments.

use std::fmt::Write;
use std::time::Duration;

use super::Loaded;
use super::keys::{Form, Keys, form, hides, is_fraction, is_number};
use super::settings::{Setting, Settings};
use crate::plan::{Plan, ScenarioPlan};
use crate::profile::{After, Arrivals, ClosedModel, Curve, Deal, Frame, Model, OpenModel, Stage};
use crate::terminal::is_harmful;
use crate::units;

/// How much of a load is drawn that time does not bound.
const DRAWN: Duration = Duration::from_secs(60);

/// Steps of a picture of several loads; more than it has columns.
const STEPS: u32 = 240;

/// The plan as a plan file: what is set as keys, what follows from it as comments.
pub(in crate::cli) fn print(loaded: &Loaded) -> String {
    let Loaded { plan, document, .. } = loaded;
    let mut text = String::new();
    settings(&mut text, &document.top, &Keys::of_plan());
    for (key, value) in [("threads", plan.threads.to_string()), ("seed", plan.seed.to_string())] {
        if !document.top.has(key) {
            line(&mut text, &format!("# {key} = {value}"));
        }
    }
    if document.scenarios.is_empty() {
        plan.scenarios.iter().for_each(|scenario| resolved(&mut text, scenario, &document.top, &document.top));
    }
    for (entry, scenario) in document.scenarios.iter().zip(&plan.scenarios) {
        text.push_str("\n[[scenario]]\n");
        settings(&mut text, &entry.settings, &Keys::of_scenario());
        resolved(&mut text, scenario, &entry.settings, &document.top);
    }
    for scenario in &plan.scenarios {
        pictured(&mut text, scenario);
    }
    if plan.scenarios.len() > 1 {
        whole(&mut text, plan);
    }
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Each key that is set, in the order of the flags.
fn settings(text: &mut String, settings: &Settings, keys: &Keys) {
    for (key, arg) in keys.all() {
        let Some(setting) = settings.get(key) else { continue };
        let value = |text: &str| {
            // Numbers look like numbers only where TOML reads them back as the same text.
            let plain = is_number(arg)
                && (text.parse::<u64>().is_ok_and(|n| i64::try_from(n).is_ok() && n.to_string() == text)
                    || is_fraction(arg)
                        && text.parse::<f64>().is_ok_and(|n| n.is_finite() && format!("{n:?}") == text));
            if plain { text.to_owned() } else { quoted(text) }
        };
        let (shown, hidden) = texts(setting, |text| hides(arg, text));
        match form(arg) {
            Form::Switch => shown.iter().for_each(|text_| line(text, &format!("{key} = {text_}"))),
            Form::One | Form::List => shown.iter().for_each(|one| line(text, &format!("{key} = {}", value(one)))),
            Form::Many => {
                line(text, &format!("{key} = [{}]", shown.iter().map(|one| value(one)).collect::<Vec<_>>().join(", ")))
            }
            Form::Named => {
                for (name, one) in shown.iter().filter_map(|named| named.split_once('=')) {
                    line(text, &format!("{key}.{} = {}", bare_or_quoted(name), quoted(one)));
                }
            }
        }
        for name in hidden {
            line(text, &format!("# {key}{name} is set, and not printed"));
        }
    }
}

/// The texts of a setting, and how those are called that are better not shown.
fn texts(setting: &Setting, hides: impl Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
    let (mut shown, mut hidden) = (Vec::new(), Vec::new());
    for text in &setting.values {
        let text = text.to_string_lossy();
        if hides(&text) {
            // A control character would end the comment.
            hidden
                .push(text.split_once('=').map_or_else(String::new, |(name, _)| format!(".{}", bare_or_quoted(name))));
        } else {
            shown.push(text.into_owned());
        }
    }
    (shown, hidden)
}

/// A text as TOML has it in quotes.
fn quoted(text: &str) -> String {
    // JSON's escapes are TOML's.
    let mut quoted = String::new();
    for c in serde_json::Value::from(text).to_string().chars() {
        match u32::from(c) {
            // All of these have four digits at the most, and TOML wants DEL escaped too.
            number if is_harmful(c) => quoted.push_str(&format!("\\u{number:04X}")),
            _ => quoted.push(c),
        }
    }
    quoted
}

fn bare_or_quoted(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// What nobody said and the run has all the same: how long a scenario goes on that ends with the others, and the virtual
/// users for a rate.
fn resolved(text: &mut String, scenario: &ScenarioPlan, settings: &Settings, top: &Settings) {
    let (Model::Closed(ClosedModel { run_time, .. }) | Model::Open(OpenModel { run_time, .. })) = &scenario.model;
    if let Some(time) = run_time.filter(|_| !settings.has("run-time") && !top.has("run-time")) {
        line(text, &format!("# run-time = {}", quoted(&units::exact_duration(time))));
    }
    let Model::Open(model) = &scenario.model else { return };
    for (key, count) in [("max-vus", model.max_vus), ("preallocated-vus", model.preallocated_vus)] {
        if !settings.has(key) {
            line(text, &format!("# {key} = {count}"));
        }
    }
}

/// A scenario's load in words and as a picture.
fn pictured(text: &mut String, scenario: &ScenarioPlan) {
    let start = match scenario.start {
        Duration::ZERO => String::new(),
        start => format!(", from {} on", units::exact_duration(start)),
    };
    let until = scenario.model.length().unwrap_or(DRAWN);
    let title = format!("{}: {}{start}", scenario.name, scenario.model.describe());
    comment(text, &title, &scenario.model.picture(until, frame()));
}

fn frame() -> Frame {
    Frame { width: 100, height: 6, ..Frame::default() }
}

/// A picture below its title, as comments.
fn comment(text: &mut String, title: &str, picture: &str) {
    // What steers a terminal must not stand in a comment, nor a line's end.
    let title: String = title.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect();
    line(text, "");
    line(text, &format!("# {title}"));
    for drawn in picture.lines() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", format!("# {drawn}").trim_end());
    }
}

/// The loads of all scenarios together: virtual users, and rates.
fn whole(text: &mut String, plan: &Plan) {
    let ends = plan.scenarios.iter().map(|scenario| scenario.end().unwrap_or(scenario.start.saturating_add(DRAWN)));
    let until = ends.max().unwrap_or(DRAWN);
    for (is_open, title) in [(false, "all virtual users by number"), (true, "all rates together")] {
        let of_it = |scenario: &&ScenarioPlan| matches!(scenario.model, Model::Open(_)) == is_open;
        let scenarios: Vec<&ScenarioPlan> = plan.scenarios.iter().filter(of_it).collect();
        if scenarios.len() < 2 {
            continue;
        }
        if let Some(curve) = together(&scenarios, until) {
            let model = if is_open { open(curve) } else { closed(curve) };
            comment(text, title, &model.picture(until, frame()));
        }
    }
}

/// A load of virtual users, for its picture.
fn closed(users: Curve) -> Model {
    Model::Closed(ClosedModel { users, ..ClosedModel::constant(0) })
}

/// A load by rate, for its picture.
fn open(rate: Curve) -> Model {
    Model::Open(OpenModel {
        rate,
        arrivals: Arrivals::default(),
        max_vus: 0,
        preallocated_vus: 0,
        run_time: None,
        iterations: None,
        deal: Deal::default(),
    })
}

/// The sum of loads in steps, each with the sum of what they have in its middle.
fn together(scenarios: &[&ScenarioPlan], until: Duration) -> Option<Curve> {
    let step = until / STEPS;
    let sum = |at: Duration| scenarios.iter().map(|scenario| load_at(scenario, at)).sum::<f64>();
    let stages = (0..STEPS).flat_map(|number| {
        let value = sum(step * number + step / 2);
        [Stage { length: Duration::ZERO, target: value }, Stage { length: step, target: value }]
    });
    Curve::new(0.0, &stages.collect::<Vec<_>>(), After::Ends).ok()
}

/// A scenario's own load at a time of the run.
fn load_at(scenario: &ScenarioPlan, at: Duration) -> f64 {
    /// A number so large that a part of it is a weight's share to many digits.
    const MANY: u64 = 1 << 40;
    let Some(at) = at.checked_sub(scenario.start) else { return 0.0 };
    match &scenario.model {
        Model::Closed(model) => model.users_at(at).into(),
        Model::Open(model) if model.length().is_some_and(|end| at >= end) => 0.0,
        Model::Open(model) => model.rate.value_at(at) * (model.deal.count_below(MANY) as f64 / MANY as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(quoted("a\"b\u{202e}\u{9b}31m\u{7f}\u{1b}é"), r#""a\"b\u202E\u009B31m\u007F\u001bé""#);
        let read: toml::Table =
            format!("key = {}", quoted("\u{202e}\u{200b}\u{9b}\u{7f}")).parse().expect("it is TOML");
        assert_eq!(read["key"].as_str(), Some("\u{202e}\u{200b}\u{9b}\u{7f}"));
        let mut text = String::new();
        comment(&mut text, "a\u{202e}b\nc", "");
        assert_eq!(text, "\n# a b c\n");
    }
}
