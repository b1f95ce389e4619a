//! Where requests may go: what a scenario, a server or a name asks for leads nowhere that the run does not allow.

use serde_json::Value;

use crate::support::figures::{count, failures, number, rows};
use crate::support::program::{Ran, Wasmload};
use crate::support::server::Server;

/// Asks the server for that URL.
fn asks(server: &Server, url: &str) -> Wasmload {
    Wasmload::run("asks").against(server).with("-q -i 2 --var").arg(format!("url={url}"))
}

/// The warning of that kind.
fn warning<'a>(summary: &'a Value, kind: &str) -> Option<&'a Value> {
    rows(summary, "warnings").iter().find(|warning| warning["kind"] == kind)
}

/// Two requests were denied, for that reason; the scenario saw that, and the report warns.
#[track_caller]
fn assert_denied(program: Wasmload, reason: &str) -> Ran {
    let ran = program.output().expect(0);
    let summary = ran.summary();
    let text = format!("denied: {reason}");
    assert_eq!(failures(&summary, "request"), [("denied", &*text, 2)]);
    assert_eq!(warning(&summary, "requests-denied").map(|warning| count(warning, "/count")), Some(2), "{summary:#}");
    assert!(ran.log().iter().all(|line| line.contains("HttpError::Denied(")), "{:?}", ran.log());
    ran
}

#[test]
fn only_the_target_is_reached_unless_the_run_says_otherwise() {
    let (target, other) = (Server::start(), Server::start());
    let (own, foreign) = (target.authority(), other.authority());
    let reason =
        format!("http://{foreign} is not the run's target, http://{own}; --allow-host {foreign} would allow it");
    assert_denied(asks(&target, &other.url()), &reason);
    assert_eq!((target.connections(), other.connections()), (0, 0));
    for pattern in [&*foreign, "127.0.0.1", "127.0.0.0/8"] {
        asks(&target, &other.url()).with("--allow-host").arg(pattern).output().expect(0);
    }
    assert_eq!(other.requests().len(), 6);
    // What every host is allowed for is public.
    let denied = asks(&target, &other.url()).with("--allow-host *").output().expect(0).summary();
    let [("denied", reason, 2)] = failures(&denied, "request")[..] else { panic!("{:#}", denied["failures"]) };
    assert!(reason.starts_with("denied: 127.0.0.1 is an address of this machine; --allow-host"), "{reason}");
    assert_eq!(other.requests().len(), 6);
}

#[test]
fn another_scheme_port_or_spelling_is_another_host() {
    let target = Server::start();
    let port = target.authority().split_once(':').expect("a port").1.to_owned();
    for url in [
        format!("https://127.0.0.1:{port}/"),
        "http://127.0.0.1:1/".to_owned(),
        format!("http://127.0.0.2:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("//127.0.0.2:{port}/"),
        format!("http:\\\\127.0.0.2:{port}/"),
        format!("http://0x7f000002:{port}/"),
        format!("http://017700000002:{port}/"),
    ] {
        let summary = asks(&target, &url).output().expect(0).summary();
        let failures = failures(&summary, "request");
        assert!(matches!(failures[..], [("denied", _, 2)]), "{url}: {failures:?}");
    }
    assert_eq!(target.connections(), 0);
    // The same address in other words is the target.
    for url in [format!("http://2130706433:{port}/"), format!("HTTP://0x7f.1:{port}/")] {
        assert_eq!(failures(&asks(&target, &url).output().expect(0).summary(), "request"), [], "{url}");
    }
    assert_eq!(target.requests().len(), 4);
}

#[test]
fn a_redirect_leads_no_further_than_a_request() {
    let (target, other) = (Server::start(), Server::start());
    let url = format!("/redirect?{}", other.url());
    let (own, foreign) = (target.authority(), other.authority());
    let reason =
        format!("http://{foreign} is not the run's target, http://{own}; --allow-host {foreign} would allow it");
    let summary = assert_denied(asks(&target, &url), &reason).summary();
    assert_eq!((target.requests().len(), other.connections()), (2, 0));
    assert_eq!(number(&summary, "/total/redirects"), 0.0);
    asks(&target, &url).with("--allow-host").arg(&foreign).output().expect(0);
    assert_eq!((target.requests().len(), other.requests().len()), (4, 2));
}

#[test]
fn a_host_header_names_no_other_site() {
    let target = Server::start();
    let own = target.authority();
    let program = asks(&target, "/").arg("--var").arg("header=Host: evil.test");
    let reason =
        format!("the host header names \"evil.test\" instead of {own}; --allow-host evil.test:80 would allow it");
    assert_denied(program, &reason);
    assert_eq!(target.connections(), 0);
    let program = asks(&target, "/").arg("--var").arg("header=Host: shop.test").with("--allow-host shop.test");
    program.output().expect(0);
    assert_eq!(target.requests().iter().filter(|request| request.header("host") == Some("shop.test")).count(), 2);
}

#[test]
fn without_a_target_nothing_is_reached() {
    let other = Server::start();
    let program = Wasmload::run("asks").with("-q -i 2 --var").arg(format!("url={}", other.url()));
    let foreign = other.authority();
    let reason =
        format!("http://{foreign} is no target of the run, which has none; --allow-host {foreign} would allow it");
    assert_denied(program, &reason);
    assert_eq!(other.connections(), 0);
}

#[test]
fn a_request_is_as_large_as_it_may_be() {
    let target = Server::start();
    let program =
        |size: &str| asks(&target, "/").with("--var method=POST --var body=12345 --max-request-size").arg(size);
    assert_denied(program("4B"), "the request's body has 5 bytes; --max-request-size allows 4");
    assert_eq!(target.connections(), 0);
    program("5B").output().expect(0);
    assert_eq!(target.requests().len(), 2);
}

#[test]
fn a_bound_on_the_rate_holds_requests_back_and_says_so() {
    let target = Server::start();
    for flag in ["--max-rps", "--max-rps-per-host"] {
        let program = Wasmload::run("status_only").against(&target).with("-q -u 7 -i 43 --threads 2").arg(flag);
        let summary = program.arg("1000/s").output().expect(0).summary();
        assert_eq!(count(&summary, "/total/count"), 43);
        // By the arithmetic of the bound, however slow the machine: what came late may follow 3 ms sooner.
        assert!(number(&summary, "/elapsed_seconds") >= 0.038, "{summary:#}");
        let warning = warning(&summary, "requests-held-back").expect("a warning");
        assert!(count(warning, "/count") > 0 && number(warning, "/waited_seconds") > 0.0, "{warning}");
    }
}
