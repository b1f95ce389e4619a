//! What thresholds are about: requests of some scenarios, names, methods, statuses and tags.

use super::{outcome, with_rules};
use crate::support::program::Wasmload;
use crate::support::server::Server;

/// Asserts that this program, run to its end, judged each rule over so many.
#[track_caller]
fn assert_counts(program: Wasmload, expected: &[(&str, u64)]) {
    let rules: Vec<String> = expected.iter().map(|(what, count)| format!("{what}: count == {count}")).collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let summary = with_rules(program, &rules).with("-q").output().expect(0).summary();
    for rule in rules {
        assert_eq!(outcome(&summary, rule)["passed"], true, "{rule}");
    }
}

#[test]
fn names_methods_and_statuses_choose_requests() {
    let server = Server::start();
    let program = Wasmload::run("asks").against(&server).with("-i 3 --var method=POST --var url=/missing --var then=/");
    let expected = [
        ("requests", 6),
        ("requests{name=/missing}", 3),
        ("requests{name=\"/mis*\"}", 3),
        ("requests{name=*}", 6),
        ("requests{method=POST}", 3),
        ("requests{method=POST, name=/missing, status=404}", 3),
        ("requests{status=404}", 3),
        ("requests{status=4xx}", 3),
        ("requests{status=2xx}", 3),
        ("requests{status=5xx}", 0),
        ("requests{name=/, status=200}", 3),
        ("requests{name=/, status=404}", 0),
    ];
    assert_counts(program, &expected);
}

#[test]
fn requests_without_a_response_have_the_status_0() {
    let server = Server::start();
    let program = Wasmload::run("asks").against(&server).with("-i 2 --var url=/never --var timeout=30 --var then=/");
    assert_counts(program, &[("requests{status=0}", 2), ("requests{status=200}", 2)]);
}

#[test]
fn tags_of_requests_choose_them() {
    let server = Server::start();
    let program = Wasmload::run("request_shapes").against(&server).with("-i 2 --var case=tags");
    assert_counts(program, &[("requests{tag.page=home}", 2), ("requests{tag.page=\"ho*\"}", 2)]);
}

#[test]
fn scenarios_and_their_tags_choose_requests() {
    let plan = r#"
        tag = { run = "nightly" }
        [[scenario]]
        name = "front"
        component = "guests/request_shapes.wasm"
        iterations-per-user = 2
        users = 1
        var = { case = "tags" }
        tag = { team = "web", page = "any" }
        [[scenario]]
        name = "back"
        component = "guests/status_only.wasm"
        iterations-per-user = 3
        users = 1
        tag = { team = "shop" }
    "#;
    let server = Server::start();
    let expected = [
        ("requests{scenario=front}", 2),
        ("requests{scenario=back}", 3),
        ("requests{scenario=\"*\"}", 5),
        ("requests{tag.run=nightly}", 5),
        ("requests{tag.team=web}", 2),
        ("requests{tag.team=shop}", 3),
        ("requests{tag.team=shop, scenario=back, name=/}", 3),
        // The request's own tag wins over its scenario's.
        ("requests{tag.page=home}", 2),
        ("iterations{scenario=front}", 2),
        ("iterations{scenario=back}", 3),
        ("iterations", 5),
    ];
    assert_counts(Wasmload::run_plan(plan).against(&server), &expected);
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn tags_can_be_given_by_a_flag() {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("-i 3 --tag team=web --tag kind=page");
    assert_counts(program, &[("requests{tag.team=web}", 3), ("requests{tag.team=web, tag.kind=page}", 3)]);
}
