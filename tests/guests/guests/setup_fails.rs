//! `setup` fails: no virtual user may start, and no request may be made.

use wasmload_sdk::prelude::*;

struct Member;

impl Scenario for Member {
    fn setup() -> Outcome<String> {
        fail!("the database is not empty")
    }

    fn start(_setup_data: &str) -> Outcome<Self> {
        Ok(Self)
    }

    fn iteration(&mut self) -> Outcome {
        get("/").send().expect_status(200)
    }
}

scenario!(Member);
