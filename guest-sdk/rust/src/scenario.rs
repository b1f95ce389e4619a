//! What a scenario is made of: a virtual user's state, and what it does.

use std::time::Duration;

use crate::failure::Outcome;

/// A virtual user that does the same thing again and again. Export it with [`scenario!`](crate::scenario).
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// struct Reader {
///     token: String,
/// }
///
/// impl Scenario for Reader {
///     fn start(_setup_data: &str) -> Outcome<Self> {
///         let answer = post("/login").form(&[("name", "ann")]).send();
///         Ok(Self { token: answer.expect_json("/token")? })
///     }
///
///     fn iteration(&mut self) -> Outcome {
///         get("/books").bearer(&self.token).send().expect_status(200)
///     }
/// }
///
/// scenario!(Reader);
/// ```
pub trait Scenario: Sized + 'static {
    /// Once a run, before the first virtual user starts, in an instance of its own. The text that it returns reaches every
    /// [`start`](Self::start) and [`teardown`](Self::teardown). Default: an empty text.
    ///
    /// # Errors
    /// A failure ends the run before any load.
    fn setup() -> Outcome<String> {
        Ok(String::new())
    }

    /// Once a virtual user, before its first iteration: registers, logs in, and makes the state that iterations work on.
    /// A virtual user whose iteration panicked starts anew.
    ///
    /// # Errors
    /// A failure stops this virtual user.
    fn start(setup_data: &str) -> Outcome<Self>;

    /// One pass through what a virtual user does.
    ///
    /// # Errors
    /// A failure fails this iteration; the next one goes on with the same state.
    fn iteration(&mut self) -> Outcome;

    /// Once a virtual user, after its last iteration. Default: nothing.
    fn stop(&mut self) {}

    /// Once a run, after the last virtual user stopped, in an instance of its own. Default: nothing.
    fn teardown(_setup_data: &str) {}
}

/// A virtual user that draws one of several weighted tasks, again and again. Export it with [`tasks!`](crate::tasks).
///
/// ```
/// use std::time::Duration;
/// use wasmload_sdk::prelude::*;
///
/// struct Visitor;
///
/// impl TaskScenario for Visitor {
///     fn tasks() -> Vec<Task<Self>> {
///         vec![Task::new("browse", Self::browse).weight(9), Task::new("buy", Self::buy).tag("write")]
///     }
///
///     fn wait() -> Wait {
///         Wait::Between(Duration::from_secs(1), Duration::from_secs(3))
///     }
///
///     fn start(_setup_data: &str) -> Outcome<Self> {
///         Ok(Self)
///     }
/// }
///
/// impl Visitor {
///     fn browse(&mut self) -> Outcome {
///         get("/").send().expect_status(200)
///     }
///
///     fn buy(&mut self) -> Outcome {
///         post("/orders").json(&object! { "item": 7 }).send().expect_status(201)
///     }
/// }
///
/// tasks!(Visitor);
/// ```
pub trait TaskScenario: Sized + 'static {
    /// The tasks. Called again and again, so it must give the same ones each time.
    fn tasks() -> Vec<Task<Self>>;

    /// The pause between two tasks. Default: none.
    fn wait() -> Wait {
        Wait::None
    }

    /// Whether tasks run in the order given, instead of drawn by weight. Default: drawn by weight.
    fn sequential() -> bool {
        false
    }

    /// As [`Scenario::setup`].
    ///
    /// # Errors
    /// A failure ends the run before any load.
    fn setup() -> Outcome<String> {
        Ok(String::new())
    }

    /// As [`Scenario::start`].
    ///
    /// # Errors
    /// A failure stops this virtual user.
    fn start(setup_data: &str) -> Outcome<Self>;

    /// As [`Scenario::stop`].
    fn stop(&mut self) {}

    /// As [`Scenario::teardown`].
    fn teardown(_setup_data: &str) {}
}

/// A named, weighted iteration of a [`TaskScenario`].
#[derive(Debug)]
pub struct Task<U> {
    pub(crate) name: &'static str,
    pub(crate) weight: u32,
    pub(crate) tags: Vec<&'static str>,
    pub(crate) run: fn(&mut U) -> Outcome,
}

impl<U> Task<U> {
    /// A task of that name, with weight 1 and without tags.
    pub fn new(name: &'static str, run: fn(&mut U) -> Outcome) -> Self {
        Self { name, weight: 1, tags: Vec::new(), run }
    }

    /// Tasks are drawn in proportion to their weights; at least 1.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Adds a tag, for `--tags` and `--exclude-tags` to choose by.
    #[must_use]
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tags.push(tag);
        self
    }
}

/// The pause between two tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The next task starts at once.
    None,
    /// The same each time.
    Constant(Duration),
    /// Drawn evenly between the two.
    Between(Duration, Duration),
    /// Tasks start this far apart, where the task itself takes less.
    Pacing(Duration),
}
