//! `setup` and `teardown` of several scenarios: once each, the last one that was set up torn down first.

use serde_json::json;

use crate::support::figures::failures;
use crate::support::program::{Ran, Wasmload};
use crate::support::server::Server;

/// A run of scenarios of those names and guests, two virtual users and four iterations each. They ask one server for hosts
/// of their names, so that its log tells whose hook was called.
fn run(server: &Server, scenarios: &[(&str, &str)]) -> Ran {
    let mut plan = "iterations-per-user = 2\n".to_owned();
    plan.push_str(&format!("users = {}\n", 2 * scenarios.len()));
    let to = |name| format!("\"{name}.test:80:{}\"", server.authority());
    let connect_to: Vec<_> = scenarios.iter().map(|(name, _)| to(name)).collect();
    plan.push_str(&format!("connect-to = [{}]\n", connect_to.join(", ")));
    for (name, guest) in scenarios {
        let host = format!("http://{name}.test");
        plan.push_str(&format!(
            "[[scenario]]\nname = \"{name}\"\ncomponent = \"guests/{guest}.wasm\"\nhost = \"{host}\"\n"
        ));
    }
    Wasmload::run_plan(&plan).with("-q --threads 2").output()
}

/// Who asked for `/setup` and `/teardown`, in order; and how often anybody asked for what lies between.
fn hooks(server: &Server) -> (Vec<String>, usize) {
    let name = |request: &crate::support::server::Request| {
        let host = request.header("host").expect("a client sends it");
        format!("{} {}", request.path, host.trim_end_matches(".test"))
    };
    let (around, between): (Vec<_>, Vec<_>) =
        server.requests().into_iter().partition(|request| matches!(&*request.path, "/setup" | "/teardown"));
    (around.iter().map(name).collect(), between.len())
}

#[test]
fn setups_come_in_order_and_teardowns_in_reverse() {
    let server = Server::start();
    run(&server, &[("one", "lifecycle"), ("two", "lifecycle"), ("three", "lifecycle")]).expect(0);
    let (around, between) = hooks(&server);
    let expected = ["/setup one", "/setup two", "/setup three", "/teardown three", "/teardown two", "/teardown one"];
    assert_eq!(around, expected);
    // A start, a stop and two iterations of each of six virtual users.
    assert_eq!(between, 24);
    let paths = server.paths();
    assert!(paths[..3].iter().all(|path| path == "/setup"), "the load is made when all are set up: {paths:?}");
    assert!(paths[paths.len() - 3..].iter().all(|path| path == "/teardown"), "{paths:?}");
}

#[test]
fn what_setup_returned_reaches_its_own_scenario() {
    let server = Server::start();
    run(&server, &[("one", "lifecycle"), ("none", "status_only"), ("two", "lifecycle")]).expect(0);
    for request in server.requests().iter().filter(|request| request.path != "/") {
        let expected = if request.path == "/setup" { "none yet" } else { "made in setup" };
        assert_eq!(request.header("x-setup-data"), Some(expected), "{}", request.path);
    }
    assert_eq!(hooks(&server).0, ["/setup one", "/setup two", "/teardown two", "/teardown one"]);
}

#[test]
fn a_setup_that_fails_ends_the_run_before_any_load_and_tears_down_those_before() {
    let server = Server::start();
    let ran = run(&server, &[("one", "lifecycle"), ("bad", "setup_fails"), ("two", "lifecycle")]).expect(107);
    assert_eq!(hooks(&server), (vec!["/setup one".to_owned(), "/teardown one".to_owned()], 0));
    let summary = ran.summary();
    assert_eq!(summary["end"], json!({"reason": "setup-failed", "message": "bad: the database is not empty"}));
    assert_eq!(summary["vus"]["started"], 0);
    assert_eq!(failures(&summary, "lifecycle"), [("marked", "the database is not empty", 1)]);
}
