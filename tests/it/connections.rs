//! Connections: how many there are, for how long, where they lead and where they come from, as the servers see it.

mod kept;
mod places;
mod reconnects;
mod refusals;
mod versions;

use serde_json::Value;

use crate::support::figures::count;
use crate::support::program::Wasmload;

/// The summary of a run without a failed request.
#[track_caller]
fn passed(program: Wasmload) -> Value {
    let ran = program.with("-q").output().expect(0);
    let summary = ran.summary();
    assert_eq!(count(&summary, "/total/failures"), 0, "{:#}\n{}", summary["failures"], ran.stderr);
    summary
}

/// How many connections the run opened.
#[track_caller]
fn opened(summary: &Value) -> u64 {
    count(summary, "/total/connections/opened")
}
