//! A component's bytes, read without running anything: what it imports and exports, what one instance takes, what it was
//! made with, and which hosts its data name.
//!
//! The bytes are anybody's. So nothing here recurses, what is kept of them has a bound, and what they say is cut to
//! one; reading ends with an error and never with a panic. Whether code is valid is the compiler's question. Texts are
//! kept as they are: who shows them cleans them.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod hosts;
mod imports;
mod instances;
mod kind;
mod origin;
mod shape;
mod walk;

use crate::units::show_mib;

pub use hosts::Hosts;
pub use imports::{Purpose, refusal};
pub use kind::{Entry, Kind};
pub use origin::{Origin, Tool};
pub use shape::Shape;

/// The interfaces of the contract; behind it comes an interface's name.
const CONTRACT: &str = "wasmload:scenario/";

/// The most entries of a list that are kept; the rest is counted.
const MAX_ENTRIES: usize = 1_000;

/// The most bytes of a name that are kept.
const MAX_NAME_BYTES: usize = 256;

/// The most bytes of what another crate says of a mistake, which may have names in it.
const MAX_ERROR_BYTES: usize = 1_000;

/// How many names an error tells.
const MAX_TOLD: usize = 20;

/// Why a component can't be a scenario, as far as its outside says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// It is not well-formed.
    #[error("read the component: {0}; was the file cut short, or made by a newer toolchain?")]
    Malformed(String),
    /// It imports what the host does not offer.
    #[error("link the component's imports: {0}")]
    Imports(String),
    /// It exports nothing that can be run.
    #[error(
        "find what to run: the component exports {found}; export one of wasmload:scenario/iteration, tasks, async-iteration or async-tasks (version 0.1)"
    )]
    NoEntry {
        /// What it exports instead.
        found: String,
    },
    /// It exports several things that can be run.
    #[error("tell what to run: the component exports both {0} and {1}; export one of them")]
    SeveralEntries(&'static str, &'static str),
    /// Its memory starts larger than a virtual user may have.
    #[error("give the component its memory: it starts with {}, and --max-memory allows {}; raise that", show_mib(*starts_with_bytes), show_mib(*limit_bytes as u64))]
    Memory {
        /// What it starts with, in bytes.
        starts_with_bytes: u64,
        /// The bound, in bytes.
        limit_bytes: usize,
    },
    /// It has more parts than a virtual user can be given.
    #[error(
        "give the component its parts: it has {count} {what}, and at most {most} are allowed; no toolchain makes so many"
    )]
    TooManyParts {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// The bound.
        most: u32,
    },
}

impl From<wasmparser::Error> for ComponentError {
    fn from(error: wasmparser::Error) -> ComponentError {
        ComponentError::Malformed(cut(&error.to_string(), MAX_ERROR_BYTES))
    }
}

/// What there is to read of a component.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Component {
    /// Its outside.
    pub shape: Shape,
    /// What it was made with.
    pub origin: Origin,
    /// Hosts that its data name.
    pub hosts: Hosts,
}

impl Component {
    /// Reads a component's bytes.
    ///
    /// # Errors
    /// Bytes that are not a well-formed component.
    pub fn read(bytes: &[u8]) -> Result<Component, ComponentError> {
        let mut shape = Shape::default();
        let mut instances = instances::Instances::default();
        let mut origin = origin::Reader::default();
        let mut hosts = hosts::Reader::default();
        walk::walk(bytes, |place, payload| {
            instances.add(payload)?;
            shape.add(place, payload)?;
            origin.add(place, payload);
            hosts.add(payload)
        })?;
        shape.instances = instances.count();
        Ok(Component { shape, origin: origin.finish(), hosts: hosts.finish() })
    }
}

/// Names, as many as are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The first of them.
    pub kept: Vec<String>,
    /// How many more there are.
    pub more: u64,
}

impl Names {
    fn push(&mut self, name: &str) {
        if self.kept.len() < MAX_ENTRIES {
            self.kept.push(cut(name, MAX_NAME_BYTES));
        } else {
            self.more += 1;
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// The text's beginning, with `…` behind it where it is longer than that many bytes.
fn cut(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(max_bytes)])
}

/// The first of these texts, and how many more there are.
fn told<'a>(texts: impl IntoIterator<Item = &'a str>, more: u64, between: &str) -> String {
    let mut texts = texts.into_iter();
    let first: Vec<&str> = texts.by_ref().take(MAX_TOLD).collect();
    let more = more.saturating_add(texts.count() as u64);
    let mut text = first.join(between);
    if more > 0 {
        text.push_str(&format!("{between}and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests;
