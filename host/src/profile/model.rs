//! Either of the load models, for those who need only what both have.

use std::time::Duration;

use super::{Change, ClosedModel, Frame, OpenModel, Quantity, describe, digest, picture};

/// How load is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// By a number of virtual users, each starting its next iteration when the last one ended.
    Closed(ClosedModel),
    /// By a rate at which iterations start, whether or not earlier ones ended.
    Open(OpenModel),
}

impl Model {
    /// How long iterations are started; none for no bound.
    pub fn length(&self) -> Option<Duration> {
        match self {
            Model::Closed(model) => model.length(),
            Model::Open(model) => model.length(),
        }
    }

    /// The most virtual users of its own at one time.
    pub fn max_vus(&self) -> u32 {
        match self {
            Model::Closed(model) => model.max_users(),
            Model::Open(model) => model.max_vus,
        }
    }

    /// How many iterations of its own it amounts to; none where it does not bound them.
    pub fn planned_iterations(&self) -> Option<u64> {
        match self {
            Model::Closed(model) => model.planned_iterations(),
            Model::Open(model) => model.planned_iterations(),
        }
    }

    /// This model after changes: as many times the load from each of them on.
    pub fn changed(&self, changes: &[Change]) -> Model {
        match self {
            Model::Closed(model) => Model::Closed(model.changed(changes)),
            Model::Open(model) => Model::Open(model.changed(changes)),
        }
    }

    /// Draws its own load from the start to `until`: how many virtual users there may be by the curve and the spawn
    /// rate, or the rate of iterations. Some lines of text, each with a line break.
    pub fn picture(&self, until: Duration, frame: Frame) -> String {
        match self {
            Model::Closed(model) => {
                picture::draw(|from, until| model.greatest_between(from, until).into(), Quantity::Users, until, frame)
            }
            Model::Open(model) => {
                picture::draw(|from, until| model.greatest_between(from, until), Quantity::Rate, until, frame)
            }
        }
    }

    /// The load in one line for people: `100 virtual users for 5m, started at 10/s`.
    pub fn describe(&self) -> String {
        match self {
            Model::Closed(model) => describe::closed(model),
            Model::Open(model) => describe::open(model),
        }
    }

    /// What tells this load from others, in every version of the program: 16 hexadecimal digits made of all that
    /// defines it, also of what [`Model::describe`] leaves out. The same load may be written in several ways, for
    /// example as one stage or two, and these differ. Virtual users that are made ahead are no part of it.
    pub fn digest(&self) -> String {
        match self {
            Model::Closed(model) => digest::closed(model),
            Model::Open(model) => digest::open(model),
        }
    }
}
