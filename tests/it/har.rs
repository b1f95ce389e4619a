//! `--har`: the exchanges of the first virtual users, as a file that browsers read.

use serde_json::{Value, json};

use crate::support::figures::{count, number};
use crate::support::nginx::Nginx;
use crate::support::program::{Ran, Wasmload, guest};
use crate::support::running::Running;
use crate::support::server::{Gate, Server};

/// What a time loses where it is written to the microsecond, for all the parts of an exchange; in milliseconds.
const ROUNDING: f64 = 0.01;

/// `wasmload run GUEST`, with its exchanges written to a file.
fn program(name: &str, flags: &str) -> Wasmload {
    Wasmload::run(name).with("-q --har exchanges.har").with(flags)
}

/// The log in the file that a run left.
#[track_caller]
fn log(ran: &Ran) -> Value {
    let text = std::fs::read_to_string(ran.directory.path().join("exchanges.har")).expect("there is a file");
    let mut file: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
    let log = file["log"].take();
    assert_eq!(log["version"], "1.2");
    assert_eq!(log["creator"], json!({ "name": "wasmload", "version": env!("CARGO_PKG_VERSION") }));
    log
}

#[track_caller]
fn entries(log: &Value) -> &[Value] {
    log["entries"].as_array().unwrap_or_else(|| panic!("no entries in {log:#}"))
}

/// The page and the path of each entry, in order.
#[track_caller]
fn told(log: &Value) -> Vec<String> {
    let told = |entry: &Value| {
        let (page, url) = (entry["pageref"].as_str()?, entry.pointer("/request/url")?.as_str()?);
        let (_, path) = url.strip_prefix("http://")?.split_once('/')?;
        Some(format!("{page} /{path}"))
    };
    entries(log).iter().map(|entry| told(entry).unwrap_or_else(|| panic!("{entry:#}"))).collect()
}

/// The pages that there are.
#[track_caller]
fn pages(log: &Value) -> Vec<&str> {
    let pages = log["pages"].as_array().unwrap_or_else(|| panic!("no pages in {log:#}"));
    pages.iter().map(|page| page["id"].as_str().unwrap_or_else(|| panic!("no id in {page}"))).collect()
}

/// Its timings are its time: all of them but `ssl`, which is a part of `connect`.
#[track_caller]
fn assert_times(entry: &Value) {
    let time = |part: &str| Some(number(&entry["timings"], &format!("/{part}"))).filter(|time| *time >= 0.0);
    let parts = ["blocked", "dns", "connect", "send", "wait", "receive"];
    let sum: f64 = parts.into_iter().filter_map(time).sum();
    assert!((sum - number(entry, "/time")).abs() < ROUNDING, "{entry:#}");
    assert!(time("ssl") <= time("connect"), "{entry:#}");
}

#[test]
fn the_first_virtual_user_is_kept_and_the_others_are_not() {
    let server = Server::start();
    let ran = program("status_only", "-u 2 --iterations-per-user 3").against(&server).output().expect(0);
    let log = log(&ran);
    assert_eq!(told(&log), ["vu_1 /"; 3]);
    assert_eq!(pages(&log), ["vu_1"]);
    // What was not asked for is not missed.
    assert_eq!(log.get("comment"), None);
    assert_eq!(ran.summary()["warnings"], json!([]));
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn as_many_are_kept_as_are_asked_for_and_what_runs_once_too() {
    let server = Server::start();
    let flags = "-u 3 --iterations-per-user 1 --har-users 2";
    let log = log(&program("lifecycle", flags).against(&server).output().expect(0));
    let mut told = told(&log);
    assert_eq!(told.first().map(String::as_str), Some("vu_0 /setup"));
    assert_eq!(told.last().map(String::as_str), Some("vu_0 /teardown"));
    told.sort();
    let of = |vu: u32| ["/iteration", "/start", "/stop"].map(|path| format!("vu_{vu} {path}"));
    assert_eq!(told[2..], [of(1), of(2)].concat());
    assert_eq!(pages(&log), ["vu_0", "vu_1", "vu_2"]);
}

#[test]
fn what_is_over_the_limit_is_left_out_and_said_to_be() {
    let server = Server::start();
    let program = Wasmload::new(["run".as_ref(), guest("status_only").as_os_str()]).against(&server);
    let ran = program.with("-i 5 --har exchanges.har --har-entries 3 --json summary.json").output().expect(0);
    let log = log(&ran);
    assert_eq!(entries(&log).len(), 3);
    assert_eq!(log["comment"], "exchanges left out: 2 over the limit on their number");
    let warning = json!({ "kind": "exchanges-not-kept", "kept": 3, "left_out": 2, "too_fast": 0, "over_size": 0 });
    assert_eq!(ran.summary()["warnings"], json!([warning]));
    assert!(ran.stdout.contains("the HAR file has the first 3 exchanges"), "{}", ran.stdout);
    assert_eq!(server.requests().len(), 5, "the load goes on");
}

#[test]
fn each_hop_of_a_redirect_is_an_entry() {
    let server = Server::start();
    let ran = program("request_shapes", "-i 1 --var case=redirects").against(&server).output().expect(0);
    let log = log(&ran);
    assert_eq!(told(&log), ["vu_1 /redirect", "vu_1 /landing?from=redirect"]);
    let [first, second] = entries(&log) else { panic!("two entries were told of") };
    assert_eq!((&first["response"]["status"], &second["response"]["status"]), (&json!(302), &json!(200)));
    assert_eq!(first["response"]["redirectURL"], "/landing?from=redirect");
    assert_eq!(second["request"]["queryString"], json!([{ "name": "from", "value": "redirect" }]));
    // The second hop goes over the connection that the first one opened.
    assert!(number(first, "/timings/connect") >= 0.0 && number(second, "/timings/connect") < 0.0, "{log:#}");
    assert_eq!(first["connection"], second["connection"]);
    [first, second].into_iter().for_each(assert_times);
    // One request of the summary is both of them.
    let summary = ran.summary();
    assert_eq!(count(&summary, "/total/count"), 1);
    let time = number(&summary, "/total/service_time_seconds/max") * 1000.0;
    assert!((number(first, "/time") + number(second, "/time") - time).abs() < ROUNDING, "{time}: {log:#}");
}

#[test]
fn an_entry_has_what_was_sent_and_what_came() {
    let server = Server::start();
    let log = log(&program("request_shapes", "-i 1 --var case=form").against(&server).output().expect(0));
    let [entry] = entries(&log) else { panic!("{log:#}") };
    let (request, response) = (&entry["request"], &entry["response"]);
    assert_eq!((&request["method"], &request["httpVersion"]), (&json!("PUT"), &json!("HTTP/1.1")));
    assert_eq!(request["url"], format!("{}/echo", server.url()));
    assert_eq!(request["postData"]["mimeType"], "application/x-www-form-urlencoded");
    assert_eq!(request["postData"]["params"], json!([{ "name": "a b", "value": "c&d" }]));
    let sent: Vec<_> = server.only_request().headers;
    let sent: Vec<_> = sent.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    assert_eq!(request["headers"], Value::Array(sent));
    assert_eq!(response["content"]["text"], "a+b=c%26d");
    assert_eq!((&response["status"], &response["statusText"]), (&json!(200), &json!("Whatever")));
    let sizes = |side: &Value| count(side, "/headersSize") + count(side, "/bodySize");
    assert_eq!((sizes(request), sizes(response)), (server.bytes_read(), server.bytes_written()));
    assert_eq!(entry["serverIPAddress"], "127.0.0.1");
    assert_times(entry);
}

#[test]
fn over_tls_an_entry_has_the_handshake_and_the_version() {
    let nginx = Nginx::secure("location / { return 200 ok; }");
    for (flags, version, protocol) in
        [("", "HTTP/2.0", "TLS 1.3"), ("--http1-only --tls-max 1.2", "HTTP/1.1", "TLS 1.2")]
    {
        let log = log(&program("status_only", flags).against_nginx(&nginx).with("-i 3").output().expect(0));
        let [first, others @ ..] = entries(&log) else { panic!("{log:#}") };
        assert_eq!(others.len(), 2);
        assert!(number(first, "/timings/ssl") > 0.0, "{first:#}");
        for entry in entries(&log) {
            assert_eq!(entry["request"]["httpVersion"], version, "{flags}");
            assert_eq!(entry["_securityDetails"]["protocol"], protocol, "{flags}");
            assert_times(entry);
        }
        assert!(others.iter().all(|entry| number(entry, "/timings/ssl") < 0.0), "{log:#}");
    }
}

#[test]
fn an_interrupted_run_leaves_a_whole_file() {
    let server = Server::start();
    let program = program("tasks", "-u 2 --har-users 2 --var wait=constant:3600").against(&server);
    let running = Running::start(program);
    // A start and a task of each; what follows is the wait.
    server.wait_for(4);
    running.interrupt();
    let log = log(&running.finish().expect(105));
    assert_eq!(entries(&log).len(), 4);
    assert_eq!(pages(&log), ["vu_1", "vu_2"]);
}

#[test]
fn a_run_that_is_cut_off_leaves_a_whole_file() {
    // Iterations wait for one more than there are.
    let server = Server::gated(Gate { paths: &["/iteration"], ..Gate::of(3) });
    let mut running = Running::start(program("lifecycle", "-u 2").against(&server));
    // The setup, and two of each.
    server.wait_for(5);
    running.interrupt();
    running.stderr_line("stopping: iterations under way may end");
    running.interrupt();
    let log = log(&running.finish().expect(105));
    assert_eq!(told(&log)[..3], ["vu_0 /setup", "vu_1 /start", "vu_1 /iteration"], "{log:#}");
    let response = &entries(&log)[2]["response"];
    assert_eq!((&response["status"], &response["_error"]), (&json!(0), &json!("cut off")));
}

#[test]
fn failures_are_entries_too() {
    let server = Server::start();
    let log = log(&program("request_shapes", "-i 1 --var case=timeout").against(&server).output().expect(0));
    let [entry] = entries(&log) else { panic!("{log:#}") };
    assert_eq!(entry["response"]["status"], 0);
    assert!(entry["response"]["_error"].as_str().is_some_and(|error| !error.is_empty()), "{entry:#}");
    // The guest gave it 50 ms.
    assert!(number(entry, "/time") >= 50.0, "{entry:#}");
    assert_times(entry);
}

/// In bodies, paths, queries and headers, and whatever code they stand in.
#[test]
fn secrets_are_nowhere_in_the_file() {
    for (case, secret) in
        [("json", "Ann"), ("name", "items"), ("query", "a b"), ("form", "c&d"), ("headers", "X-First")]
    {
        let server = Server::start();
        let program = program("request_shapes", "-i 1 --var").arg(format!("case={case}")).against(&server);
        let ran = program.arg("--secret").arg(format!("key={secret}")).output().expect(0);
        let text = log(&ran).to_string();
        assert!(text.contains("***"), "{case}: {text}");
        for shape in [secret, &secret.replace(' ', "+"), &secret.replace(' ', "%20"), &secret.replace('&', "%26")] {
            assert!(!text.contains(shape), "{case}: {text}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_any_load() {
    let server = Server::start();
    for (flags, words) in [
        ("--har missing/exchanges.har", ["missing/exchanges.har", "No such file or directory"]),
        ("--har .", [".", "Is a directory"]),
        ("--har-users 2", ["--har <FILE>", "required"]),
        ("--har-entries 2", ["--har <FILE>", "required"]),
        ("--har exchanges.har --har-users 0", ["--har-users", "0"]),
    ] {
        let ran = Wasmload::run("status_only").against(&server).with("-i 1").with(flags).output().expect(104);
        for word in words {
            assert!(ran.stderr.contains(word), "{flags}: `{word}` is missing: {}", ran.stderr);
        }
    }
    assert_eq!(server.connections(), 0);
}
