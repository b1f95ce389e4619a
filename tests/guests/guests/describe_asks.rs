//! A task that is called what became of the requests that its description made: to an address of this machine, to a name,
//! and to the target.

use wasmload_sdk::HttpError;
use wasmload_sdk::prelude::*;

struct Visitor;

impl TaskScenario for Visitor {
    fn tasks() -> Vec<Task<Self>> {
        let outcome = |url: &str| match get(url).send().error() {
            Some(HttpError::Denied(_)) => "denied",
            Some(_) => "failed",
            None => "answered",
        };
        let outcomes = ["http://127.0.0.1:9/", "http://localhost:9/", "/"].map(outcome);
        vec![Task::new(outcomes.join(", ").leak(), |_| Ok(()))]
    }

    fn start(_setup_data: &str) -> Outcome<Self> {
        Ok(Self)
    }
}

tasks!(Visitor);
