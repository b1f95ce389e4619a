//! What kind of scenario a component is, by what it exports of the contract.

use super::{CONTRACT, ComponentError, Shape, told};

/// What an iteration of a scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call of `iteration`'s `run`.
    Iteration,
    /// Likewise, and an async function.
    AsyncIteration,
    /// One of the tasks that `tasks` describes.
    Tasks,
    /// Likewise, and an async function.
    AsyncTasks,
}

impl Kind {
    /// All kinds.
    const ALL: [Kind; 4] = [Kind::Iteration, Kind::AsyncIteration, Kind::Tasks, Kind::AsyncTasks];

    /// The name of the interface that such a scenario exports.
    pub fn interface(self) -> &'static str {
        match self {
            Kind::Iteration => "iteration",
            Kind::AsyncIteration => "async-iteration",
            Kind::Tasks => "tasks",
            Kind::AsyncTasks => "async-tasks",
        }
    }

    /// Whether it is made of tasks.
    pub fn has_tasks(self) -> bool {
        matches!(self, Kind::Tasks | Kind::AsyncTasks)
    }

    /// Whether its functions are async.
    pub fn is_async(self) -> bool {
        matches!(self, Kind::AsyncIteration | Kind::AsyncTasks)
    }
}

/// What a run calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The interface's full name, for example `wasmload:scenario/iteration@0.1.0`.
    pub interface: String,
}

impl Shape {
    /// The full name of the export of the contract's interface of that name, for example `iteration`.
    pub fn contract_export(&self, interface: &str) -> Option<&str> {
        let prefix = format!("{CONTRACT}{interface}@0.1.");
        self.exports.kept.iter().map(String::as_str).find(|name| name.starts_with(&prefix))
    }

    /// What a run would call.
    ///
    /// # Errors
    /// There is nothing to run, or more than one thing.
    pub fn entry(&self) -> Result<Entry, ComponentError> {
        let mut found: Option<Entry> = None;
        for kind in Kind::ALL {
            let Some(name) = self.contract_export(kind.interface()) else { continue };
            if let Some(earlier) = found {
                return Err(ComponentError::SeveralEntries(earlier.kind.interface(), kind.interface()));
            }
            found = Some(Entry { kind, interface: name.to_owned() });
        }
        found.ok_or_else(|| ComponentError::NoEntry { found: self.told_exports() })
    }

    fn told_exports(&self) -> String {
        if self.exports.is_empty() {
            return "no interface".to_owned();
        }
        told(self.exports.kept.iter().map(String::as_str), self.exports.more, ", ")
    }

    /// Whether it has `setup`, `start`, `stop` and `teardown`.
    pub fn has_lifecycle(&self) -> bool {
        self.contract_export("lifecycle").is_some()
    }

    /// The world of the contract that it fits; none for a world of its own, which is as good.
    pub fn world(&self) -> Option<&'static str> {
        let kind = self.entry().ok()?.kind;
        let imports_async = self.imports.kept.iter().any(|name| name.starts_with("wasmload:scenario/async-"));
        match (kind, self.has_lifecycle()) {
            (Kind::Iteration | Kind::Tasks, _) if imports_async => None,
            (Kind::Iteration, false) => Some("scenario"),
            (Kind::Iteration, true) => Some("scenario-with-lifecycle"),
            (Kind::Tasks, true) => Some("task-scenario"),
            (Kind::AsyncIteration, false) => Some("async-scenario"),
            (Kind::AsyncIteration, true) => Some("async-scenario-with-lifecycle"),
            (Kind::AsyncTasks, true) => Some("async-task-scenario"),
            (Kind::Tasks | Kind::AsyncTasks, false) => None,
        }
    }

    /// The versions of the contract that its imports and exports name, each once; usually one.
    pub fn contract_versions(&self) -> Vec<&str> {
        let names = self.imports.kept.iter().chain(&self.exports.kept);
        let mut versions: Vec<&str> =
            names.filter_map(|name| Some(name.strip_prefix(CONTRACT)?.split_once('@')?.1)).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }
}
