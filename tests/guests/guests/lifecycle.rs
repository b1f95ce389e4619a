//! All hooks. Each asks for a path of its own, and hands on what `setup` returned in the header `x-setup-data`.

use wasmload_sdk::prelude::*;

struct Member {
    setup_data: String,
}

fn visit(path: &str, setup_data: &str) -> Outcome {
    get(path).header("x-setup-data", setup_data).send().expect_status(200)
}

impl Scenario for Member {
    fn setup() -> Outcome<String> {
        visit("/setup", "none yet")?;
        Ok("made in setup".to_owned())
    }

    fn start(setup_data: &str) -> Outcome<Self> {
        visit("/start", setup_data)?;
        Ok(Self { setup_data: setup_data.to_owned() })
    }

    fn iteration(&mut self) -> Outcome {
        visit("/iteration", &self.setup_data)
    }

    fn stop(&mut self) {
        if let Err(failure) = visit("/stop", &self.setup_data) {
            error!("stop: {failure}");
        }
    }

    fn teardown(setup_data: &str) {
        if let Err(failure) = visit("/teardown", setup_data) {
            error!("teardown: {failure}");
        }
    }
}

scenario!(Member);
