//! Proxies: what they are asked, and what gets through them.

mod environment;
mod http;
mod server;
mod socks;

use serde_json::Value;

use crate::support::figures::{count, failures};
use crate::support::program::Wasmload;
use crate::support::scripted::Scripted;
use server::{Proxy, Seen};

/// A server in cleartext at which nothing goes wrong.
fn target() -> Scripted {
    Scripted::start(|mut peer| peer.serve(|_, _| Ok(())))
}

/// Three requests of one virtual user to that URL. No proxy is in the environment.
fn visits(url: &str) -> Wasmload {
    let mut program = Wasmload::run("status_only").with("-q -i 3 --host").arg(url);
    for variable in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
        program.command.env_remove(variable);
    }
    program
}

#[track_caller]
fn passed(program: Wasmload) -> Value {
    let ran = program.output().expect(0);
    let summary = ran.summary();
    assert_eq!((count(&summary, "/total/count"), count(&summary, "/total/failures")), (3, 0), "{}", ran.stderr);
    summary
}

/// All three requests failed to get a connection, for that reason.
#[track_caller]
fn assert_no_connection(program: Wasmload, reason: &str) {
    let ran = program.output().expect(0);
    assert_eq!(failures(&ran.summary(), "request"), [("connect", &*format!("no connection: {reason}"), 3)]);
}
