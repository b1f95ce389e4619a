//! Requests: what the guest asked for is what the server read, and what it read is what the summary counts.

use serde_json::Value;

use crate::support::figures::failures;
use crate::support::program::{Ran, Wasmload, counts, named};
use crate::support::server::{Gate, Request, Server};

/// Runs one iteration of `request_shapes`.
fn run(case: &str, server: &Server, arguments: &str) -> Ran {
    let program = Wasmload::run("request_shapes").against(server).with("-q -i 1 --var").arg(format!("case={case}"));
    program.with(arguments).output().expect(0)
}

/// Plays a case that must go well, and makes a single request.
#[track_caller]
fn play(case: &str) -> (Request, Value) {
    let server = Server::start();
    let summary = passed(&run(case, &server, ""));
    assert_eq!(counts(&summary["total"]), (1, 0));
    (server.only_request(), summary)
}

/// The summary of a run whose guest saw what it should have.
#[track_caller]
fn passed(ran: &Ran) -> Value {
    let summary = ran.summary();
    let iterations = named(&summary["iterations"], "request_shapes");
    assert_eq!(counts(iterations), (1, 0), "{:#}", summary["failures"]);
    summary
}

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn headers_keep_their_order_and_case_and_the_host_adds_its_own() {
    let server = Server::start();
    passed(&run("headers", &server, ""));
    let agent = concat!("wasmload/", env!("CARGO_PKG_VERSION"));
    let expected = [
        ("host", server.authority().as_str()),
        ("X-First", "1"),
        ("x-second", "2"),
        ("x-first", "3"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("user-agent", agent),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(server.only_request().headers, expected);
}

#[test]
fn bodies_arrive_byte_by_byte_with_their_length() {
    for (case, method, body) in [
        ("body", "POST", "text ü".as_bytes()),
        ("body-bytes", "POST", &[0, 255, 13, 10]),
        ("json", "POST", br#"{"name":"Ann","age":41}"#),
        ("form", "PUT", b"a+b=c%26d"),
    ] {
        let (request, summary) = play(case);
        assert_eq!((request.method.as_str(), request.path.as_str()), (method, "/echo"), "{case}");
        assert_eq!(request.body, body, "{case}");
        assert_eq!(request.header("content-length"), Some(body.len().to_string().as_str()), "{case}");
        assert_eq!(named(&summary["requests"], "/echo")["method"], method, "{case}");
    }
}

#[test]
fn bodies_carry_the_type_that_the_guest_gave() {
    assert_eq!(play("json").0.header("content-type"), Some("application/json"));
    assert_eq!(play("form").0.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(play("body").0.header("content-type"), None);
}

#[test]
fn a_request_is_counted_under_its_name_or_its_path_without_the_query() {
    let (request, summary) = play("name");
    assert_eq!((request.path.as_str(), request.query.as_deref()), ("/items/7", Some("full=1")));
    assert_eq!(named(&summary["requests"], "/items/{id}")["count"], 1);

    let (request, summary) = play("query");
    assert_eq!((request.path.as_str(), request.query.as_deref()), ("/echo", Some("q=a+b")));
    assert_eq!(named(&summary["requests"], "/echo")["count"], 1);
}

#[test]
fn tags_stay_with_the_sample_and_off_the_wire() {
    let (request, summary) = play("tags");
    assert_eq!(named(&summary["requests"], "/echo")["count"], 1);
    assert!(request.headers.iter().all(|(name, value)| !name.contains("page") && value != "home"), "{request:?}");
}

#[test]
fn what_cannot_be_sent_is_a_failure_and_reaches_no_server() {
    for (case, reason) in [("broken-header", "x-a"), ("both-bodies", "body-bytes")] {
        let server = Server::start();
        let summary = passed(&run(case, &server, ""));
        assert_eq!(server.connections(), 0, "{case}");
        assert_eq!(counts(&summary["total"]), (1, 1), "{case}");
        let failure = &summary["failures"][0];
        assert_eq!((&failure["scope"], &failure["kind"]), (&"request".into(), &"invalid-request".into()), "{case}");
        assert!(failure["reason"].as_str().is_some_and(|text| text.contains(reason)), "{failure:#}");
    }
}

#[test]
fn a_request_that_outlasts_its_bound_fails_as_a_timeout() {
    let server = Server::start();
    let summary = passed(&run("timeout", &server, ""));
    // Where connecting took all of the time, the server saw nothing.
    assert!(server.paths().iter().all(|path| path == "/never"), "{:?}", server.paths());
    let failure = named(&summary["failures"], "/never");
    assert_eq!((&failure["kind"], &failure["count"]), (&"timeout".into(), &1.into()));
    // The guest asked for 50 ms; it can't have taken less.
    let least = named(&summary["requests"], "/never")["service_time_seconds"]["min"].as_f64();
    assert!(least.is_some_and(|seconds| seconds >= 0.05), "{least:?}");
}

#[test]
fn the_bound_of_the_run_holds_where_a_request_has_none() {
    // The gate waits for a second request, which never comes.
    let server = Server::gated(Gate::of(2));
    let program = Wasmload::run("status_only").against(&server).with("-q -i 1 --timeout 50ms");
    let summary = program.output().expect(0).summary();
    assert_eq!(counts(&summary["total"]), (1, 1));
    assert_eq!(failures(&summary, "request")[0].0, "timeout");
    // The guest sees that there is no response.
    assert_eq!(failures(&summary, "iteration"), [("marked", "no response", 1)]);
}

#[test]
fn a_body_beyond_its_bound_is_a_failure() {
    let server = Server::start();
    let body = "text ü".len();
    passed(&run("body", &server, &format!("--max-body-size {body}B")));
    let summary = run("body", &server, &format!("--max-body-size {}B", body - 1)).summary();
    assert_eq!(server.count("/echo"), 2);
    assert_eq!(counts(&summary["total"]), (1, 1));
    assert_eq!(failures(&summary, "request")[0].0, "body-too-large");
    assert_eq!(failures(&summary, "iteration"), [("marked", "no response: body too large", 1)]);
}

#[test]
fn redirects_are_followed_and_count_as_one_request() {
    let server = Server::start();
    let summary = passed(&run("redirects", &server, ""));
    assert_eq!(server.paths(), ["/redirect", "/landing"]);
    assert_eq!(server.requests()[1].query.as_deref(), Some("from=redirect"));
    assert_eq!(counts(&summary["total"]), (1, 0));
    assert_eq!(named(&summary["requests"], "/redirect")["count"], 1);
}

#[test]
fn redirects_are_handed_over_where_none_may_be_followed() {
    let (request, _) = play("max-redirects");
    assert_eq!(request.path, "/redirect");

    // The same by the flag: the guest of `redirects`, which wants the landing page, sees the redirect itself.
    let server = Server::start();
    let summary = run("redirects", &server, "--max-redirects 0").summary();
    assert_eq!(server.paths(), ["/redirect"]);
    assert_eq!(named(&summary["failures"], "/redirect")["reason"], "expected status 200, got 302");
}

#[test]
fn a_discarded_body_is_counted_and_not_kept() {
    let server = Server::start();
    let summary = passed(&run("discard-body", &server, ""));
    assert_eq!(server.only_request().path, "/echo");
    assert_eq!(summary["total"]["bytes_received"], server.bytes_written());
}

#[test]
fn a_batch_keeps_its_order_and_bounds_what_is_under_way() {
    for (arguments, at_once, holds) in [
        ("--max-concurrent-requests 10 --max-connections-per-host 10", 10, 10),
        ("--max-concurrent-requests 5", 5, 10),
        // The default; of ten, the first six wait for each other.
        ("", 6, 6),
        ("--max-concurrent-requests 1", 1, 10),
    ] {
        let server = Server::gated(Gate { holds, ..Gate::of(at_once) });
        let summary = passed(&run("batch", &server, arguments));
        assert_eq!(summary["total"]["count"], 10);
        let mut paths = server.paths();
        paths.sort();
        assert_eq!(paths, (0..10).map(|place| format!("/item/{place}")).collect::<Vec<_>>());
        // The gate saw that so many were under way; requests at one time need connections of their own, so there were
        // never more.
        assert_eq!(server.connections(), at_once, "{arguments}");
        assert_eq!(summary["total"]["phases"]["connect"]["requests"], at_once, "{arguments}");
    }
}

#[test]
fn cookies_come_from_guest_and_server_until_they_are_cleared() {
    let server = Server::start();
    let ran = run("cookies", &server, "");
    passed(&ran);
    let sent: Vec<_> = server.requests().iter().map(|request| request.header("cookie").map(sorted)).collect();
    let both = vec!["session=s1".to_owned(), "theme=dark".to_owned()];
    assert_eq!(server.paths(), ["/set-cookie", "/echo", "/echo"]);
    assert_eq!(sent, [Some(vec!["theme=dark".to_owned()]), Some(both), None]);
    let log = ran.log().join("\n");
    for cookie in [r#"("theme", "dark")"#, r#"("session", "s1")"#] {
        assert!(log.contains(cookie), "{log}");
    }
}

/// The cookies of a header; their order says nothing.
fn sorted(header: &str) -> Vec<String> {
    let mut cookies: Vec<_> = header.split("; ").map(str::to_owned).collect();
    cookies.sort();
    cookies
}

#[test]
fn a_response_tells_all_that_the_server_sent() {
    let server = Server::start();
    let ran = run("response", &server, "");
    passed(&ran);
    let body = r#"{"data":{"id":7,"name":"Malmö"}}"#;
    let headers = pairs(&[
        ("Content-Type", "application/json"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
        ("content-length", &body.len().to_string()),
    ]);
    let expected = [
        "status: 200".to_owned(),
        format!("url: {}/json", server.url()),
        r#"content-type: Some("application/json")"#.to_owned(),
        format!("headers: {headers:?}"),
        format!("size: {0}, bytes: {0}, text: {body}", body.len()),
        r#"string: Some("Malmö")"#.to_owned(),
        r#"number: Some("7")"#.to_owned(),
        "nothing: None".to_owned(),
    ]
    .map(|message| format!("INFO scenario: {message} vu=1"));
    assert_eq!(ran.log(), expected);
}

#[test]
fn bytes_are_those_that_the_server_read_and_wrote() {
    for case in ["headers", "body-bytes", "redirects", "batch", "cookies"] {
        let server = Server::start();
        let total = passed(&run(case, &server, ""))["total"].take();
        assert_eq!(total["bytes_sent"], server.bytes_read(), "{case}");
        assert_eq!(total["bytes_received"], server.bytes_written(), "{case}");
    }
}

#[test]
fn a_misspelt_case_fails() {
    let server = Server::start();
    let summary = run("no-such-case", &server, "").summary();
    assert_eq!(summary["failures"][0]["reason"], "no case named no-such-case");
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_least_scenario_makes_one_request_an_iteration_over_one_connection() {
    let server = Server::start();
    let summary = Wasmload::run("status_only").against(&server).with("-q -i 25").output().expect(0).summary();
    assert_eq!(server.paths(), vec!["/"; 25]);
    assert_eq!(server.connections(), 1);
    assert_eq!(named(&summary["requests"], "/")["count"], 25);
    assert_eq!(summary["total"]["phases"]["connect"]["requests"], 1);
}
