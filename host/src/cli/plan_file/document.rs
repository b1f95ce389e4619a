//! A plan as it was written: settings at the top, and those of each scenario.

use super::keys::{Form, Keys, form};
use super::settings::{Place, Setting, Settings, name};
use crate::cli::args::{Given, LoadArgs};
use crate::cli::plan::load::{self, Kind};

/// A plan as it was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    /// What holds for the whole run, and for scenarios that don't say otherwise.
    pub(super) top: Settings,
    /// The scenarios; none where the top is the only one.
    pub(super) scenarios: Vec<Entry>,
}

/// A `[[scenario]]`.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) settings: Settings,
}

impl Document {
    /// What a command line without a plan file amounts to.
    pub(super) fn of_flags(given: &Given) -> Document {
        let mut document = Document { top: settings(given, &Keys::of_plan()), scenarios: Vec::new() };
        for component in given.0.get("scenario").into_iter().flatten() {
            document.top.set("component", component, Place::CommandLine);
        }
        document
    }

    /// Puts the flags of a command line over it: they win everywhere, and what contradicts them goes.
    pub(super) fn apply(&mut self, given: &Given) {
        let (plan, scenario, load) = (Keys::of_plan(), Keys::of_scenario(), Keys::of_load());
        let flags = settings(given, &plan);
        let replaced = Replaced::by(&flags, &plan, &load);
        self.top = self.top.filtered(|key| !replaced.drops(key, &self.top));
        for (key, setting) in &flags.0 {
            let is_named = plan.get(key).is_some_and(|arg| form(arg) == Form::Named);
            set(&mut self.top, key, setting, is_named);
            // A scenario's own load stands: flags give the one that the others share.
            if !scenario.has(key) || load.has(key) {
                continue;
            }
            for entry in &mut self.scenarios {
                take_back(&mut entry.settings, key, setting, is_named);
            }
        }
    }
}

/// The flags of a command line that are keys.
fn settings(given: &Given, keys: &Keys) -> Settings {
    let mut settings = Settings::default();
    for (key, arg) in keys.all() {
        let Some(texts) = given.0.get(arg.get_id().as_str()) else { continue };
        settings.0.insert(key.to_owned(), Setting { place: Place::CommandLine, values: texts.clone() });
    }
    settings
}

/// Sets a key; of named values, those that are given.
fn set(settings: &mut Settings, key: &str, setting: &Setting, is_named: bool) {
    let mut setting = setting.clone();
    if let Some(old) = settings.get(key).filter(|_| is_named) {
        setting.merge(old);
    }
    settings.0.insert(key.to_owned(), setting);
}

/// Removes a key that is set elsewhere; of named values, those of the same names.
fn take_back(settings: &mut Settings, key: &str, by: &Setting, is_named: bool) {
    let Some(own) = settings.0.get_mut(key) else { return };
    if is_named {
        own.values.retain(|text| by.values.iter().all(|other| name(other) != name(text)));
    }
    if !is_named || own.values.is_empty() {
        settings.0.remove(key);
    }
}

/// Which keys of a file flags replace.
struct Replaced<'a> {
    flags: &'a Settings,
    plan: &'a Keys,
    load: &'a Keys,
    kind: Option<Kind>,
}

impl<'a> Replaced<'a> {
    fn by(flags: &'a Settings, plan: &'a Keys, load: &'a Keys) -> Replaced<'a> {
        Replaced { flags, plan, load, kind: kind(flags, load) }
    }

    /// Whether a key goes: what it says contradicts a flag, or is said anew by one.
    fn drops(&self, key: &str, settings: &Settings) -> bool {
        let shape = ["stages", "profile"];
        let any = |keys: &[&str]| keys.iter().any(|key| self.flags.has(key));
        let conflicts = |(flag, _): (&String, _)| {
            // How virtual users pause does not say how much load there is.
            (self.load.has(flag) || !self.load.has(key)) && self.plan.conflict(flag, key)
        };
        let said_anew = match key {
            "stages" | "profile" => any(&["users", "rate"]) || any(&shape),
            "users" | "rate" | "spawn-rate" => any(&shape),
            _ => false,
        };
        let is_of_other_kind = || {
            let own = kind(&settings.filtered(|other| other == key), self.load);
            self.load.has(key) && self.kind.is_some() && own.is_some() && own != self.kind
        };
        said_anew || self.flags.0.iter().any(conflicts) || is_of_other_kind()
    }
}

/// Which model the load keys among these are of. What can't be read is told when the load is made.
fn kind(settings: &Settings, load: &Keys) -> Option<Kind> {
    let own = settings.filtered(|key| load.has(key));
    Keys::of_plan().parse::<LoadArgs>(&own).ok().and_then(|load| load::kind(&load).ok().flatten())
}
