//! Load maths without a clock: how many virtual users at an instant, and when an iteration is due. It can't drift, and
//! it is tested without sleeping.
//!
//! A load is a [`Curve`] over time. The [`ClosedModel`] reads it as a number of virtual users, the [`OpenModel`] as
//! iterations a second. Several scenarios may share one load by weight: each has its own [`Deal`] of the numbers. A
//! [`Change`] is what a person asks of a load that goes on. A [`Shape`] is how people write a load;
//! [`Model::picture`] and [`Model::describe`] show one to them.
//!
//! This module knows nothing of threads, instances or requests, and reads no files.

mod area;
mod arrivals;
mod closed;
mod curve;
mod deal;
mod describe;
mod digest;
mod model;
mod open;
mod parse;
mod picture;
mod replay;
#[cfg(test)]
mod testing;
mod wave;

pub use area::Area;
pub use arrivals::{Arrivals, DueTimes, Seed};
pub use closed::{ClosedModel, Wait};
pub use curve::{After, Change, Curve, CurveError, Spell, Stage};
pub use deal::{Deal, DealError};
pub use model::Model;
pub use open::OpenModel;
pub use parse::{ProfileError, Quantity, Shape};
pub use picture::Frame;
