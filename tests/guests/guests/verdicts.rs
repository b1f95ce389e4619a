//! Says of responses whether they were right: often, late, early or never. `--var case=` chooses.

use wasmload_sdk::prelude::*;

struct Judge {
    kept: Vec<Response>,
}

impl Scenario for Judge {
    fn start(_setup_data: &str) -> Outcome<Self> {
        Ok(Self { kept: Vec::new() })
    }

    fn iteration(&mut self) -> Outcome {
        match guests::case()?.as_str() {
            "failure-then-success" => {
                let response = get("/").send();
                response.mark_failure("a first thought");
                response.mark_success();
            }
            "success-then-failure" => {
                let response = get("/").send();
                response.mark_success();
                response.mark_failure("a second thought");
            }
            "two-failures" => {
                let response = get("/").send();
                response.mark_failure("first reason");
                response.mark_failure("second reason");
            }
            "expected-404" => get("/missing").send().expect_status(404)?,
            "unexpected-404" => drop(get("/missing").send()),
            "dropped-before-the-next" => {
                get("/first").send().mark_failure("first was wrong");
                drop(get("/second").send());
            }
            "dropped-in-reverse" => drop_in_reverse(),
            "several" => {
                let responses = batch(["/a", "/b", "/c"].map(get));
                responses[1].mark_failure("b was wrong");
            }
            "kept" => {
                let response = get("/").send();
                response.mark_failure("kept, and wrong");
                self.kept.push(response);
            }
            "forgotten" => std::mem::forget(get("/").send()),
            other => return guests::unknown_case(other),
        }
        Ok(())
    }
}

fn drop_in_reverse() {
    let first = get("/first").send();
    let second = get("/second").send();
    drop(second);
    first.mark_failure("first was wrong");
    drop(first);
}

scenario!(Judge);
