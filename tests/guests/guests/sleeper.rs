//! A virtual user that mostly waits: one request, then `--var sleep=SECONDS` (default 1), with its connection kept open.

use std::time::Duration;

use wasmload_sdk::prelude::*;

fn visit() -> Outcome {
    get("/").send().expect_status(200)?;
    sleep(Duration::from_secs(guests::number("sleep", 1)?.into()));
    Ok(())
}

iteration!(visit);
