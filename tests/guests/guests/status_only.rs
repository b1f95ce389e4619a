//! The least that a scenario can do: one request, and a look at its status.

use wasmload_sdk::bindings::http;
use wasmload_sdk::prelude::*;

// The plain call: the benchmark measures the host, not the request builder.
fn visit() -> Outcome {
    match http::get("/").status() {
        0 => Err(Failure::new("no response")),
        _ => Ok(()),
    }
}

iteration!(visit);
