//! From a document to a plan: what scenarios inherit, and how they share a load.

use std::time::Duration;

use super::Loads;
use super::contradictions::contradictions;
use super::document::{Document, Entry};
use super::keys::{Form, Keys, form};
use super::mistakes::Mistake;
use super::settings::{Place, Settings};
use crate::cli::args::{LoadArgs, OutputArgs, PlanKeys, ScenarioKeys};
use crate::cli::plan::load::{self, Defaults, Kind, Share};
use crate::cli::plan::{self, FlagError, Part, Whole};
use crate::plan::{Plan, PlanError, ScenarioPlan};
use crate::profile::{ClosedModel, Model};
use crate::source::Source;

/// Makes the plan, and tells where its results go.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn resolve(document: &Document, loads: Loads) -> Result<(Plan, OutputArgs), Vec<Mistake>> {
    let keys = KeySets { plan: Keys::of_plan(), scenario: Keys::of_scenario(), load: Keys::of_load() };
    let mut mistakes = contradictions(&keys.plan, &document.top);
    for entry in &document.scenarios {
        mistakes.extend(contradictions(&keys.scenario, &entry.settings));
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let top: PlanKeys =
        keys.plan.parse(&document.top).map_err(|text| vec![Mistake::new(first(&document.top), text)])?;
    let resolver = Resolver { document, keys, top: &top, loads };
    let scenarios = resolver.scenarios()?;
    let flags = &top.flags;
    let whole = Whole { policy: &flags.policy, http: &flags.http, sandbox: &flags.sandbox };
    let located = |error: FlagError| resolver.located(&error, None);
    let mut plan = whole.plan(scenarios).map_err(|error| vec![located(error)])?;
    if let Loads::Tried(_) = loads {
        // There is too little of everything for rules over a run.
        plan.thresholds.clear();
        plan.threads = 1;
    }
    plan.validate().map_err(|error| vec![resolver.refused(&plan, &error)])?;
    Ok((plan, top.flags.output))
}

/// Where the first of these stands.
fn first(settings: &Settings) -> Place {
    settings.0.values().map(|setting| setting.place).min().unwrap_or(Place::CommandLine)
}

struct KeySets {
    plan: Keys,
    scenario: Keys,
    load: Keys,
}

/// A scenario on its way to its plan.
struct Draft<'a> {
    place: Place,
    /// What it says itself.
    own: &'a Settings,
    source: Source,
    name: String,
    /// That, and what it inherits.
    keys: ScenarioKeys,
    /// Whether its load is its own.
    has_load: bool,
}

struct Resolver<'a> {
    document: &'a Document,
    keys: KeySets,
    top: &'a PlanKeys,
    loads: Loads,
}

impl Resolver<'_> {
    fn scenarios(&self) -> Result<Vec<ScenarioPlan>, Vec<Mistake>> {
        // Without a [[scenario]], the top is the only one.
        let identity = Keys::of_identity();
        let settings = self.document.top.filtered(|key| identity.has(key));
        let only = [Entry { place: first(&settings), settings }];
        let entries = if self.document.scenarios.is_empty() { &only[..] } else { &self.document.scenarios[..] };
        let drafts = collect(entries.iter().map(|entry| self.draft(entry)))?;
        let mistakes: Vec<Mistake> = self.sharing(&drafts).into_iter().chain(same_names(&drafts)).collect();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let sharers: Vec<usize> = (0..drafts.len()).filter(|&place| !drafts[place].has_load).collect();
        let weights: Vec<u32> = sharers.iter().map(|&place| drafts[place].keys.weight.unwrap_or(1)).collect();
        let mut scenarios = collect(drafts.iter().enumerate().map(|(place, draft)| {
            let share = match sharers.iter().position(|&sharer| sharer == place) {
                Some(which) => Share::new(&weights, which),
                None => Ok(Share::all()),
            };
            let plan = share.and_then(|share| self.scenario(draft, &share, weights.len()));
            plan.map_err(|error| self.located(&error, Some(draft)))
        }))?;
        if let Loads::Planned = self.loads {
            end_with_the_others(&mut scenarios, &drafts)?;
        }
        Ok(scenarios)
    }

    /// A scenario with what it inherits.
    fn draft<'a>(&self, entry: &'a Entry) -> Result<Draft<'a>, Mistake> {
        let own = &entry.settings;
        let has_load = own.0.keys().any(|key| self.keys.load.has(key));
        let wrong = |text: String| Mistake::new(entry.place, text);
        let load: LoadArgs = self.keys.scenario.parse(own).map_err(wrong)?;
        // A load that can't be read is told when it is made.
        let is_open = has_load && matches!(load::kind(&load), Ok(Some(Kind::Open)));
        let effective = self.inherit(own, |key| is_open && matches!(key, "pacing" | "wait"));
        let mut keys: ScenarioKeys = self.keys.scenario.parse(&effective).map_err(wrong)?;
        if !own.has("run-time") {
            keys.pace.run_time = self.rest_of_run(&keys, own, entry.place)?;
        }
        let Some(source) = keys.identity.component.take() else {
            return Err(wrong(
                "the scenario has no component; write for example component = \"scenario.wasm\"".to_owned(),
            ));
        };
        match (source.file(), own.place("component")) {
            // Of a command line, what reads the file tells it.
            (Some(path), Some(place @ Place::File(_))) if !path.is_file() => {
                let text = format!("`component`: there is no file {}; build it, or correct the path", path.display());
                Err(Mistake::new(place, text))
            }
            _ => {
                let name = keys.identity.name.take().unwrap_or_else(|| source.scenario_name());
                Ok(Draft { place: entry.place, own, source, name, keys, has_load })
            }
        }
    }

    /// A scenario's own settings, and those at the top that it takes over.
    fn inherit(&self, own: &Settings, is_barred: impl Fn(&str) -> bool) -> Settings {
        let mut effective = own.clone();
        for (key, setting) in &self.document.top.0 {
            let Some(arg) = self.keys.scenario.get(key) else { continue };
            let conflicts = own.0.keys().any(|other| self.keys.scenario.conflict(key, other));
            if self.keys.load.has(key) || conflicts || is_barred(key) {
                continue;
            }
            match effective.0.get_mut(key) {
                Some(own) if form(arg) == Form::Named => own.merge(setting),
                Some(_) => {}
                None => {
                    effective.0.insert(key.clone(), setting.clone());
                }
            }
        }
        effective
    }

    /// How long a scenario goes on that ends with the run.
    fn rest_of_run(&self, keys: &ScenarioKeys, own: &Settings, place: Place) -> Result<Option<Duration>, Mistake> {
        let (Some(run_time), Some(start)) = (keys.pace.run_time, keys.start) else { return Ok(keys.pace.run_time) };
        let rest = run_time.checked_sub(start).filter(|rest| !rest.is_zero());
        rest.map(Some).ok_or_else(|| {
            let text = "`start` is not before the end of the run by `run-time`; start sooner, or run for longer";
            let start = Mistake::new(own.place("start").unwrap_or(place), text);
            self.document.top.place("run-time").map_or(start.clone(), |end| start.beside(end))
        })
    }

    /// What is wrong with who shares the load at the top.
    fn sharing(&self, drafts: &[Draft<'_>]) -> Vec<Mistake> {
        let shared = self.document.top.0.iter().filter(|(key, _)| self.keys.load.has(key));
        let shared = shared.min_by_key(|(_, setting)| setting.place).map(|(key, setting)| (key, setting.place));
        let weight = |draft: &Draft<'_>| {
            let place = draft.own.place("weight")?;
            if draft.has_load {
                let load = draft.own.0.iter().find(|(key, _)| self.keys.load.has(key))?;
                let text = format!(
                    "`weight` is of no use beside `{}`, which makes the load the scenario's own; leave one of them out",
                    load.0
                );
                return Some(Mistake::new(place, text).beside(load.1.place));
            }
            let text =
                "`weight` is of no use without a load to share; write `users` or `rate` above the first [[scenario]]";
            shared.is_none().then(|| Mistake::new(place, text))
        };
        let mut mistakes: Vec<Mistake> = match self.loads {
            Loads::Planned => drafts.iter().filter_map(weight).collect(),
            Loads::Tried(_) => Vec::new(),
        };
        if let (Some((key, place)), true, Loads::Planned) =
            (shared, drafts.iter().all(|draft| draft.has_load), self.loads)
        {
            let text = format!("`{key}` gives a load that no scenario shares: each has one of its own; leave it out");
            mistakes.push(Mistake::new(place, text));
        }
        mistakes
    }

    fn scenario(&self, draft: &Draft<'_>, share: &Share, sharers: usize) -> Result<ScenarioPlan, FlagError> {
        let keys = &draft.keys;
        let model = self.model(draft, share, sharers)?;
        let mut scenario = plan::scenario(Part {
            name: draft.name.clone(),
            source: draft.source.clone(),
            args: &keys.scenario_args,
            limits: &keys.limits,
            http: &self.top.flags.http,
            model,
            start: keys.start.unwrap_or_default(),
        })?;
        if let Loads::Tried(_) = self.loads {
            scenario.start = Duration::ZERO;
            scenario.tasks.each_once = true;
        }
        Ok(scenario)
    }

    fn model(&self, draft: &Draft<'_>, share: &Share, sharers: usize) -> Result<Model, FlagError> {
        let keys = &draft.keys;
        let defaults = |users: usize| Defaults { users: u32::try_from(users).unwrap_or(u32::MAX), run_time: None };
        if let Loads::Tried(iterations) = self.loads {
            return Ok(Model::Closed(ClosedModel { iterations, ..ClosedModel::constant(1) }));
        }
        if draft.has_load {
            return load::model(&keys.load, &keys.pace, &Share::all(), defaults(1));
        }
        let is_shared = self.document.top.0.keys().any(|key| self.keys.load.has(key));
        if is_shared {
            load::model(&self.top.flags.load, &keys.pace, share, defaults(sharers))
        } else {
            load::model(&LoadArgs::default(), &keys.pace, &Share::all(), defaults(1))
        }
    }

    /// The mistake that an error about a flag is: at the key in the scenario, or else at the top.
    fn located(&self, error: &FlagError, draft: Option<&Draft<'_>>) -> Mistake {
        let own = draft.and_then(|draft| draft.own.place(error.flag));
        let place = own.or_else(|| self.document.top.place(error.flag)).or(draft.map(|draft| draft.place));
        Mistake::new(place.unwrap_or(first(&self.document.top)), error.to_string())
    }

    /// The mistake that a plan is which can't be run: at the key that is wrong, or else at its scenario.
    fn refused(&self, plan: &Plan, error: &PlanError) -> Mistake {
        let about = match error {
            // Of two with one name, the later one.
            PlanError::In { scenario, .. } | PlanError::SameName(scenario) => {
                plan.scenarios.iter().rposition(|other| other.name == *scenario)
            }
            PlanError::Scenarios(count) => count.checked_sub(1),
            _ => (plan.scenarios.len() == 1).then_some(0),
        };
        let about = about.and_then(|which| self.document.scenarios.get(which));
        let keys = wrong_keys(error);
        let place_in = |settings: &Settings| keys.iter().find_map(|key| settings.place(key));
        let place = about.and_then(|entry| place_in(&entry.settings)).or_else(|| place_in(&self.document.top));
        let place = place.or(about.map(|entry| entry.place)).unwrap_or_else(|| first(&self.document.top));
        Mistake::new(place, error.to_string())
    }
}

/// The keys that may be to blame, the likeliest first.
fn wrong_keys(error: &PlanError) -> Vec<&'static str> {
    match error {
        PlanError::In { error, .. } => wrong_keys(error),
        PlanError::Scenarios(_) => Vec::new(),
        PlanError::SameName(_) => vec!["name"],
        PlanError::NoUsers | PlanError::TooManyUsers(_) => vec!["users", "max-vus", "stages", "profile"],
        PlanError::SpawnRate(_) => vec!["spawn-rate"],
        PlanError::Threshold(_) => vec!["threshold"],
        PlanError::NoRate | PlanError::TooFast(_) => vec!["rate", "stages", "profile"],
        PlanError::Preallocated { .. } => vec!["preallocated-vus"],
        PlanError::NoIterations => vec!["iterations"],
        PlanError::Nothing(flag) => vec![flag.trim_start_matches('-')],
        PlanError::Host(_) => vec!["host"],
    }
}

/// All results, or all mistakes.
fn collect<T>(results: impl Iterator<Item = Result<T, Mistake>>) -> Result<Vec<T>, Vec<Mistake>> {
    let (mut good, mut mistakes) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(good) } else { Err(mistakes) }
}

/// Gives scenarios that have no end of their own that of the last of the others, if they have one.
fn end_with_the_others(scenarios: &mut [ScenarioPlan], drafts: &[Draft<'_>]) -> Result<(), Vec<Mistake>> {
    let Some(end) = scenarios.iter().filter_map(ScenarioPlan::end).max() else { return Ok(()) };
    let endless = |scenario: &ScenarioPlan| scenario.end().is_none() && scenario.model.planned_iterations().is_none();
    let ends = scenarios.iter_mut().zip(drafts).filter(|(scenario, _)| endless(scenario)).map(|(scenario, draft)| {
        let rest = end.checked_sub(scenario.start).filter(|rest| !rest.is_zero());
        let run_time = match &mut scenario.model {
            Model::Closed(model) => &mut model.run_time,
            Model::Open(model) => &mut model.run_time,
        };
        *run_time = rest;
        rest.map(|_| ()).ok_or_else(|| {
            let text = "`start` is not before the end of the other scenarios, with which this one would end; start \
                        sooner, or give it a `run-time`";
            Mistake::new(draft.own.place("start").unwrap_or(draft.place), text)
        })
    });
    collect(ends).map(|_| ())
}

/// Scenarios that reports could not tell apart.
fn same_names(drafts: &[Draft<'_>]) -> Vec<Mistake> {
    let place = |draft: &Draft<'_>| draft.own.place("name").unwrap_or(draft.place);
    let mistake = |(number, draft): (usize, &Draft<'_>)| {
        let earlier = drafts[..number].iter().find(|earlier| earlier.name == draft.name)?;
        let text = format!("two scenarios are called `{}`; give one of them another `name`", draft.name);
        Some(Mistake::new(place(draft), text).beside(place(earlier)))
    };
    drafts.iter().enumerate().filter_map(mistake).collect()
}
