//! Keeps the response of its first iteration, and in the next asks it for `--var call=` (default `text`): `text` must
//! trap, `status` and `error` must not.

use wasmload_sdk::prelude::*;

struct Hoarder {
    kept: Option<Response>,
}

impl Scenario for Hoarder {
    fn start(_setup_data: &str) -> Outcome<Self> {
        Ok(Self { kept: None })
    }

    fn iteration(&mut self) -> Outcome {
        let Some(kept) = &self.kept else {
            self.kept = Some(get("/").send());
            return Ok(());
        };
        match variable("call").as_deref().unwrap_or("text") {
            "text" => info!("text: {}", kept.text()),
            "status" => info!("status: {}", kept.status()),
            "error" => info!("error: {:?}", kept.error()),
            "mark-failure" => kept.mark_failure("too late"),
            other => return guests::unknown_case(other),
        }
        Ok(())
    }
}

scenario!(Hoarder);
