//! Describes its tasks only where `--var shop=` says which shop they are for, and traps elsewhere.

use wasmload_sdk::prelude::*;

struct Visitor;

impl TaskScenario for Visitor {
    fn tasks() -> Vec<Task<Self>> {
        let shop = variable("shop").expect("a shop is needed");
        vec![Task::new(format!("visit {shop}").leak(), |_| Ok(()))]
    }

    fn start(_setup_data: &str) -> Outcome<Self> {
        Ok(Self)
    }
}

tasks!(Visitor);
