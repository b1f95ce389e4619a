//! The example `cities` against a real FastAPI application under uvicorn: `tests/servers/cities.py`.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::figures::{MISMATCH, count, failures, request, rows};
use crate::support::processes::ServerProcess;
use crate::support::program::{Ran, Wasmload, root};

/// The example's requests, by method and name.
const REQUESTS: [(&str, &str); 4] =
    [("POST", "/auth/register"), ("POST", "/auth/token"), ("POST", "/cities"), ("GET", "/cities/{id}")];

/// The Python with what the application needs.
fn python() -> PathBuf {
    let environment = std::env::var_os("WASMLOAD_TEST_VENV").map_or_else(|| root().join("target/venv"), PathBuf::from);
    let python = environment.join("bin/python");
    assert!(python.exists(), "{} is missing; run the tests by `cargo xtask test`", python.display());
    python
}

/// Starts the application, with that mistake in it; an empty name is for none.
fn application(bug: &str) -> ServerProcess {
    ServerProcess::start("/", "an application to try a scenario against", |address, _| {
        let mut uvicorn = Command::new(python());
        uvicorn
            .args(["-m", "uvicorn", "cities:app", "--log-level", "warning", "--no-access-log"])
            .args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()])
            .current_dir(root().join("tests/servers"))
            // The repository is no place for compiled code.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("CITIES_BUG", bug);
        uvicorn
    })
}

fn run(application: &ServerProcess, load: &str) -> Ran {
    Wasmload::run("cities").with(load).arg("-H").arg(application.url()).output().expect(0)
}

/// How many requests there were of each name, in the order of [`REQUESTS`].
fn counts(summary: &Value) -> [u64; 4] {
    assert_eq!(rows(summary, "requests").len(), REQUESTS.len(), "{:#}", summary["requests"]);
    REQUESTS.map(|(method, name)| count(request(summary, method, name), "/count"))
}

#[test]
fn everyone_gets_the_city_that_they_added() {
    let summary = run(&application(""), "-u 20 -i 400").summary();
    assert_eq!(counts(&summary), [20, 20, 400, 400]);
    assert_eq!(count(&summary, "/total/count"), 840);
    assert_eq!(count(&summary, "/total/failures"), 0);
    assert_eq!(count(&summary, "/iterations/0/count"), 400);
    assert_eq!(count(&summary, "/iterations/0/failures"), 0);
    assert_eq!(count(&summary, "/vus/started"), 20);
    assert_eq!(count(&summary, "/vus/failed"), 0);
    assert_eq!(rows(&summary, "failures"), [] as [Value; 0]);
}

#[test]
fn shared_state_is_found_by_many_virtual_users() {
    let summary = run(&application("shared-user"), "-u 20 -i 400").summary();
    assert_eq!(counts(&summary), [20, 20, 400, 400]);
    // The city went to somebody else: who added it is told that it is not there.
    let found = failures(&summary, "request");
    let [("marked", MISMATCH, mismatches)] = found[..] else { panic!("{found:?}") };
    assert!(mismatches > 0);
    assert_eq!(count(request(&summary, "GET", "/cities/{id}"), "/failures"), mismatches);
    assert_eq!(failures(&summary, "iteration"), found);
    assert_eq!(count(&summary, "/total/failures"), mismatches);
}

#[test]
fn shared_state_is_not_found_by_one_virtual_user() {
    let summary = run(&application("shared-user"), "-u 1 -i 100").summary();
    assert_eq!(counts(&summary), [1, 1, 100, 100]);
    assert_eq!(rows(&summary, "failures"), [] as [Value; 0]);
    assert_eq!(count(&summary, "/total/failures"), 0);
}
