//! `wasmload check`: a scenario tried once, with an exit code that says whether all was well, and with its exchanges for
//! whoever wants to see them.

use std::net::TcpListener;

use crate::support::figures::{count, failures, rows};
use crate::support::nginx::Nginx;
use crate::support::program::{Ran, Wasmload, counts, guest, named};
use crate::support::running::Running;
use crate::support::server::Server;

/// `wasmload check GUEST`, with its summary written as JSON.
fn check(name: &str) -> Wasmload {
    Wasmload::new(["check".as_ref(), guest(name).as_os_str(), "--json".as_ref(), "summary.json".as_ref()])
}

/// The lines of an exchange, without the notes, which have times and ports in them.
fn exchanged(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter(|line| !line.starts_with('*')).map(str::trim_end).collect()
}

/// The notes of an exchange.
fn notes(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter_map(|line| line.strip_prefix("* ")).collect()
}

#[test]
fn one_iteration_is_run_by_one_virtual_user() {
    let server = Server::start();
    let ran = check("status_only").against(&server).output().expect(0);
    assert_eq!(server.paths(), ["/"]);
    assert!(ran.stdout.contains("1 request") && ran.stdout.contains("1 VU"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "", "there is no progress to show");
    let summary = ran.summary();
    assert_eq!(counts(&summary["iterations"][0]), (1, 0));
    assert_eq!(count(&summary, "/vus/started"), 1);
}

#[test]
fn more_iterations_are_run_where_they_are_asked_for() {
    let server = Server::start();
    check("status_only").against(&server).with("-i 3").output().expect(0);
    assert_eq!(server.paths(), ["/"; 3]);
}

/// Whatever their weights and their waits.
#[test]
fn each_task_is_run_once_in_its_order() {
    for (flags, expected) in [
        ("", &["/start", "/browse", "/search", "/buy"][..]),
        ("--seed 7 --var wait=constant:3600", &["/start", "/browse", "/search", "/buy"]),
        ("--exclude-tags slow", &["/start", "/browse", "/buy"]),
        ("--task buy", &["/start", "/buy"]),
        ("-i 4", &["/start", "/browse", "/search", "/buy", "/browse"]),
    ] {
        let server = Server::start();
        let summary = check("tasks").against(&server).with(flags).output().expect(0).summary();
        assert_eq!(server.paths(), expected, "{flags}");
        let tasks: u64 = rows(&summary, "tasks").iter().map(|task| count(task, "/count")).sum();
        assert_eq!(tasks, expected.len() as u64 - 1, "{flags}");
    }
}

#[test]
fn all_hooks_are_run() {
    let server = Server::start();
    check("lifecycle").against(&server).output().expect(0);
    assert_eq!(server.paths(), ["/setup", "/start", "/iteration", "/stop", "/teardown"]);
}

#[test]
fn whatever_fails_ends_a_check_with_107() {
    let server = Server::start();
    for (guest, scope, kind) in [
        ("iteration_fails", "iteration", "marked"),
        ("traps", "iteration", "trap"),
        ("setup_fails", "lifecycle", "marked"),
        ("start_fails --var failing=1", "lifecycle", "marked"),
    ] {
        let (name, flags) = guest.split_once(' ').unwrap_or((guest, ""));
        let summary = check(name).against(&server).with(flags).output().expect(107).summary();
        let kinds: Vec<_> = failures(&summary, scope).into_iter().map(|(kind, _, _)| kind).collect();
        assert_eq!(kinds, [kind], "{guest}");
    }
    // A run is one whatever its checks and requests come to, and says so by another code.
    let ran = check("check_fails").against(&server).output().expect(107);
    let summary = ran.summary();
    assert_eq!(summary["failures"].as_array().map(Vec::len), Some(0), "{:#}", summary["failures"]);
    assert_eq!(named(&summary["checks"], "is a teapot")["failed"], 1);
    assert!(ran.stdout.contains("is a teapot"), "{}", ran.stdout);
    Wasmload::run("check_fails").against(&server).with("-i 1").output().expect(0);
}

#[test]
fn a_request_that_fails_ends_a_check_with_107() {
    let server = Server::with_status(500);
    let summary = check("status_only").against(&server).output().expect(107).summary();
    assert_eq!(failures(&summary, "request"), [("status", "500", 1)]);
    assert_eq!(counts(&summary["iterations"][0]), (1, 0), "the scenario saw nothing wrong with it");
}

#[test]
fn a_check_that_is_interrupted_ends_with_105() {
    let server = Server::start();
    let running = Running::start(check("sleeper").against(&server).with("--var sleep=86400"));
    server.wait_for(1);
    running.interrupt();
    running.finish().expect(105);
}

#[test]
fn what_cannot_be_used_is_refused() {
    let ran = check("tasks").with("--task walk").output().expect(104);
    assert!(ran.stderr.contains("--task") && ran.stderr.contains("browse (read)"), "{}", ran.stderr);
    // One virtual user is what a check is.
    let ran = check("status_only").with("--users 2").output().expect(104);
    assert!(ran.stderr.contains("--users"), "{}", ran.stderr);
}

#[test]
fn a_dead_port_is_told_and_nothing_was_sent() {
    // Nobody listens on a port that was bound and given back.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free loopback port");
    let ran = check("status_only").with(&format!("-v -H http://{address}")).output().expect(107);
    let notes = notes(&ran);
    assert_eq!(notes[0], format!("GET http://{address}/ was not sent"));
    assert_eq!(notes[1], format!("failed: no connection: {address}: connection refused"));
    assert!(notes[2].starts_with("connect ") && notes[2].ends_with("; 0 bytes out, 0 bytes in"), "{notes:?}");
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert_eq!(exchanged(&ran), [] as [&str; 0]);
}

#[test]
fn verbose_shows_what_was_sent_and_what_came() {
    let server = Server::start();
    let ran = check("request_shapes").against(&server).with("-v --var case=json").output().expect(0);
    let agent = concat!("> user-agent: wasmload/", env!("CARGO_PKG_VERSION"));
    let host = format!("> host: {}", server.authority());
    let expected = [
        "> POST /echo HTTP/1.1",
        host.as_str(),
        "> content-type: application/json",
        "> accept-encoding: gzip, deflate, br, zstd",
        agent,
        "> content-length: 23",
        ">",
        r#"> {"name":"Ann","age":41}"#,
        "< HTTP/1.1 200 Whatever",
        "< content-length: 23",
        "<",
        r#"< {"name":"Ann","age":41}"#,
    ];
    assert_eq!(exchanged(&ran), expected);
    let notes = notes(&ran);
    assert!(notes[0].starts_with(&format!("connected to {} from 127.0.0.1:", server.authority())), "{notes:?}");
    let bytes = format!("; {} bytes out, {} bytes in", server.bytes_read(), server.bytes_written());
    assert!(notes[1].starts_with("connect ") && notes[1].ends_with(&bytes), "{notes:?}");
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn verbose_shows_each_hop_of_a_redirect() {
    let server = Server::start();
    let ran = check("request_shapes").against(&server).with("-v --var case=redirects").output().expect(0);
    let lines = exchanged(&ran);
    let starts = |mark| lines.iter().filter(move |line| line.starts_with(mark) && line.contains("HTTP/1.1"));
    let requests: Vec<_> = starts('>').copied().collect();
    assert_eq!(requests, ["> GET /redirect HTTP/1.1", "> GET /landing?from=redirect HTTP/1.1"]);
    let responses: Vec<_> = starts('<').copied().collect();
    assert_eq!(responses, ["< HTTP/1.1 302 Whatever", "< HTTP/1.1 200 Whatever"]);
    let notes = notes(&ran);
    assert_eq!(notes[2], "following the redirect");
    assert_eq!(notes[3], format!("re-using connection #1 to {}", server.authority()));
}

#[test]
fn verbose_shows_tls_and_the_version_that_was_chosen() {
    for (flags, protocol, name, request, response) in [
        ("", "TLSv1.3", "ALPN h2", "> GET / HTTP/2", "< HTTP/2 200"),
        ("--http1-only --tls-max 1.2", "TLSv1.2", "ALPN http/1.1", "> GET / HTTP/1.1", "< HTTP/1.1 200 OK"),
    ] {
        let nginx = Nginx::secure("location / { return 200 ok; }");
        let ran = check("status_only").against_nginx(&nginx).with("-v").with(flags).output().expect(0);
        let lines = exchanged(&ran);
        assert_eq!(lines[0], request, "{flags}");
        assert!(lines.contains(&response) && lines.contains(&"< ok"), "{lines:?}");
        let notes = notes(&ran);
        let tls: Vec<_> = notes[1].split(", ").collect();
        let [version, _, alpn, session] = tls[..] else { panic!("{notes:?}") };
        assert_eq!((version, alpn, session), (protocol, name, "new session"), "{flags}");
        assert!(notes[2].contains(", tls "), "{notes:?}");
    }
}

#[test]
fn secrets_are_hidden_in_what_verbose_shows() {
    // In the body, in both directions; in the URL and its query; in headers.
    for (case, secret) in [("json", "Ann"), ("name", "items"), ("query", "a b"), ("headers", "X-First")] {
        let server = Server::start();
        let program = check("request_shapes").against(&server).with("-v --har exchanges.har --var");
        let ran = program.arg(format!("case={case}")).arg("--secret").arg(format!("key={secret}")).output().expect(0);
        assert!(ran.stderr.contains("***"), "{case}: {}", ran.stderr);
        // As it is, and as it crosses the wire.
        for secret in [secret, &secret.replace(' ', "+"), &secret.replace(' ', "%20")] {
            assert!(!ran.everything().contains(secret), "{case}: {}", ran.everything());
        }
    }
}
