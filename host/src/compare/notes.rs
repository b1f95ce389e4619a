//! What to know before comparing: where the runs did not do the same, or can't be believed in full.

use serde::Serialize;

use super::input::Summary;
use super::seconds::Choice;
use super::{Sides, load};
use crate::report::words::clean;
use crate::units::{show_count, show_seconds};

/// Something that the runs differ in besides what was measured, or that was wrong with one of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Note {
    pub(super) what: Topic,
    #[serde(flatten)]
    pub(super) found: Sides<String>,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Topic {
    Scenarios,
    PlannedLoad,
    ChangedByHand,
    Vus,
    Length,
    End,
    Generator,
    SteadyPart,
    Version,
    Seed,
}

impl Topic {
    pub(super) fn label(self) -> &'static str {
        match self {
            Topic::Scenarios => "scenarios",
            Topic::PlannedLoad => "planned load",
            Topic::ChangedByHand => "changed by hand",
            Topic::Vus => "most VUs",
            Topic::Length => "length",
            Topic::End => "end",
            Topic::Generator => "threads of wasmload",
            Topic::SteadyPart => "number of VUs",
            Topic::Version => "version of wasmload",
            Topic::Seed => "seed",
        }
    }
}

/// All that is to be noted, the weightiest first.
pub(super) fn notes(runs: &Sides<&Summary>, choice: &Sides<Choice>) -> Vec<Note> {
    let saturated = runs.map(|run| run.warnings.iter().any(|warning| warning.kind == "generator-saturated"));
    let generator = saturated.map(|saturated| pick(*saturated, "had no time left", "had time left"));
    // How many VUs a rate takes is up to the target.
    let other_vus = !runs.all(|run| run.open_model) && !alike(runs, |run| &run.vus.max);
    let is_changed = !runs.all(|run| run.changes.is_empty());
    let note = |what, is_noted: bool, found| is_noted.then_some(Note { what, found });
    let text = |of: fn(&Summary) -> &str| runs.map(|run| clean(of(run)));
    let notes = [
        note(Topic::Scenarios, !alike(runs, |run| &run.scenarios), runs.map(|run| clean(&run.scenarios.join(", ")))),
        load::differing(runs).map(|found| Note { what: Topic::PlannedLoad, found }),
        note(Topic::ChangedByHand, is_changed, runs.map(|run| load::by_hand(run))),
        note(Topic::Vus, other_vus, runs.map(|run| show_count(run.vus.max))),
        note(
            Topic::Length,
            !load::near(&runs.map(|run| run.elapsed_seconds)),
            runs.map(|run| show_seconds(run.elapsed_seconds)),
        ),
        note(Topic::End, !runs.all(|run| run.end.reason == "completed"), text(|run| &run.end.reason)),
        note(Topic::Generator, !saturated.all(|saturated| !saturated), generator),
        note(Topic::SteadyPart, !choice.all(|choice| *choice != Choice::Unsteady), choice.map(steadiness)),
        note(Topic::Version, !alike(runs, |run| &run.version), text(|run| &run.version)),
        note(Topic::Seed, !alike(runs, |run| &run.seed), text(|run| &run.seed)),
    ];
    notes.into_iter().flatten().collect()
}

fn steadiness(choice: &Choice) -> String {
    let text = match choice {
        Choice::Steady => "steady",
        Choice::Unsteady => "never steady for half of the run",
        Choice::Load => "up to the target",
    };
    text.to_owned()
}

fn alike<T: PartialEq>(runs: &Sides<&Summary>, of: fn(&Summary) -> &T) -> bool {
    of(runs.before) == of(runs.after)
}

fn pick(first: bool, yes: &str, no: &str) -> String {
    if first { yes } else { no }.to_owned()
}
