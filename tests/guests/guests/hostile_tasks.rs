//! Describes its tasks in a way that no host can do anything with. `--var case=` chooses.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "task-scenario",
        with: {
            "wasmload:scenario/http@0.1.0": wasmload_sdk::bindings::http,
            "wasmload:scenario/user@0.1.0": wasmload_sdk::bindings::user,
            "wasmload:scenario/metrics@0.1.0": wasmload_sdk::bindings::metrics,
            "wasmload:scenario/data@0.1.0": wasmload_sdk::bindings::data,
        },
        generate_all,
    });
}

use std::hint::black_box;

use bindings::exports::wasmload::scenario::{lifecycle, tasks};
use bindings::wasmload::scenario::task_types::{Description, Task, WaitTime};
use wasmload_sdk::prelude::*;

struct Liar;

impl lifecycle::Guest for Liar {
    fn setup() -> Result<String, String> {
        Ok(String::new())
    }

    fn start(_setup_data: String) -> Result<(), String> {
        Ok(())
    }

    fn stop() {}

    fn teardown(_setup_data: String) {}
}

impl tasks::Guest for Liar {
    fn describe() -> Description {
        match variable("case").as_deref() {
            Some("spin") => spin(),
            Some("abort") => std::process::abort(),
            Some("odd") => describe((0..3).map(|_| task("odd", u32::MAX)), WaitTime::Between((f64::NAN, -1.0))),
            Some("endless-wait") => describe([task("waits", 1)], WaitTime::Constant(f64::INFINITY)),
            Some("many") => describe((0..100_000).map(|number| task(&number.to_string(), 1)), WaitTime::NoWait),
            Some("long") => describe([task(&"t".repeat(8 << 20), 1)], WaitTime::NoWait),
            _ => describe([], WaitTime::NoWait),
        }
    }

    fn run_task(_index: u32) -> Result<(), String> {
        get("/task").send().expect_status(200).map_err(Failure::into_reason)
    }
}

fn describe(tasks: impl IntoIterator<Item = Task>, wait: WaitTime) -> Description {
    Description { tasks: tasks.into_iter().collect(), wait, sequential: false }
}

fn task(name: &str, weight: u32) -> Task {
    Task { name: name.to_owned(), weight, tags: Vec::new() }
}

fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

bindings::export!(Liar with_types_in bindings);
