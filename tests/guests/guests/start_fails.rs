//! `start` fails for the virtual users whose ids stand in `--var failing=ID,ID`; the others ask for `/`.

use wasmload_sdk::prelude::*;

struct Member;

impl Scenario for Member {
    fn start(_setup_data: &str) -> Outcome<Self> {
        let failing = variable("failing").unwrap_or_default();
        let own = identify().id.to_string();
        if failing.split(',').any(|id| id == own) {
            fail!("no account left");
        }
        Ok(Self)
    }

    fn iteration(&mut self) -> Outcome {
        get("/").send().expect_status(200)
    }
}

scenario!(Member);
