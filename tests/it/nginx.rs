//! What the summary counts, held against nginx's access log, to the last line.

mod gate;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::support::figures::{count, failures};
use crate::support::processes::{self, ServerProcess, wait_until};
use crate::support::program::Wasmload;
use crate::support::running::Running;

use gate::Gate;

/// An nginx that writes down each request, but for those that tests use to look at it.
struct Nginx(ServerProcess);

impl Nginx {
    /// One that does `location` for each path.
    #[track_caller]
    fn start(location: &str) -> Nginx {
        let nginx = processes::find(&["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"]);
        let nginx = nginx.expect("nginx is missing; run the tests by `cargo xtask test`");
        Nginx(ServerProcess::start("/status", "Active connections", |address, directory| {
            let config = directory.join("nginx.conf");
            let text = configuration(&address.to_string(), location);
            std::fs::write(&config, text).expect("a temporary directory can be written to");
            let mut command = Command::new(&nginx);
            command.arg("-p").arg(directory).args(["-e", "stderr", "-c"]).arg(&config);
            command
        }))
    }

    /// How many connections it has open, and how many requests it has got, the ones that ask for this included.
    fn status(&self) -> (u64, u64) {
        let answer = processes::get(self.0.address, "/status").expect("nginx answers");
        let numbers: Vec<u64> = answer
            .split_once("Active connections:")
            .map(|(_, status)| status.split_whitespace().filter_map(|word| word.parse().ok()).collect())
            .unwrap_or_default();
        // Active connections; connections accepted and handled; requests; then what connections are doing.
        let [active, _, _, requests, ..] = numbers[..] else { panic!("{answer}") };
        (active, requests)
    }

    /// Ends it, and reads what it wrote down.
    fn into_log(mut self) -> Vec<Line> {
        self.0.process.signal("QUIT");
        assert!(self.0.process.wait().success(), "{}", self.0.read("stderr"));
        self.0.read("access.log").lines().map(Line::parse).collect()
    }
}

/// Everything in one process: a master's worker would run as another user. The log is buffered, and written out as nginx
/// quits.
fn configuration(address: &str, location: &str) -> String {
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
    log_format test '$status $connection $request';
    access_log access.log test buffer=64k;
    keepalive_requests 1000000;
    keepalive_timeout 1h;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    split_clients $connection-$connection_requests $kind {{ 10% missing; 10% busy; * fine; }}
    server {{
        listen {address} backlog=1024;
        location = /status {{ access_log off; stub_status; }}
        location / {{ {location} }}
    }}
}}
"
    )
}

/// A line of the access log.
#[derive(Debug)]
struct Line {
    status: u16,
    connection: u64,
}

impl Line {
    /// Takes a line apart; all requests of these tests are the same.
    fn parse(line: &str) -> Line {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("a broken line in the access log: {line}"));
        let (status, connection, request) = (word(), word(), word());
        assert_eq!(request, "GET / HTTP/1.1");
        Line { status: status.parse().expect("a status"), connection: connection.parse().expect("a number") }
    }
}

/// How many lines there are of each status.
fn by_status(log: &[Line]) -> BTreeMap<u16, u64> {
    let mut counts = BTreeMap::new();
    for line in log {
        *counts.entry(line.status).or_insert(0) += 1;
    }
    counts
}

/// `wasmload run status_only` with 64 virtual users.
fn load(url: &str, bounds: &str) -> Wasmload {
    Wasmload::run("status_only").with("-u 64").with(bounds).arg("-H").arg(url)
}

#[test]
fn every_request_of_100_000_is_in_the_access_log() {
    let nginx = Nginx::start(
        "if ($kind = missing) { return 404; }
         if ($kind = busy) { return 503; }
         return 200 ok;",
    );
    let summary = load(&nginx.0.url(), "-i 100000").output().expect(0).summary();
    let log = nginx.into_log();
    assert_eq!(log.len(), 100_000);
    assert_eq!(count(&summary, "/total/count"), 100_000);
    assert_eq!(count(&summary, "/interrupted/requests"), 0);

    let mut logged = by_status(&log);
    let fine = logged.remove(&200).expect("four fifths are fine");
    assert_eq!(100_000 - count(&summary, "/total/failures"), fine);
    let told = failures(&summary, "request").into_iter().map(|(kind, reason, count)| {
        assert_eq!(kind, "status");
        (reason.parse().expect("the reason is the status"), count)
    });
    assert_eq!(told.collect::<BTreeMap<u16, u64>>(), logged);
    assert_eq!(logged.into_keys().collect::<Vec<_>>(), [404, 503]);

    let connections: BTreeSet<u64> = log.iter().map(|line| line.connection).collect();
    assert_eq!(connections.len(), 64, "each virtual user keeps its connection");
    assert_eq!(count(&summary, "/total/phases/connect/requests"), 64);
}

#[test]
fn a_run_interrupted_at_full_speed_has_counted_what_was_answered() {
    let nginx = Nginx::start("return 200 ok;");
    let run = Running::start(load(&nginx.0.url(), ""));
    wait_until("there is load", || nginx.status().1 > 5_000);
    run.interrupt();
    let summary = run.finish().expect(105).summary();
    let logged = by_status(&nginx.into_log());
    assert_eq!(logged, BTreeMap::from([(200, count(&summary, "/total/count"))]));
    assert_eq!(count(&summary, "/total/failures"), 0);
    assert_eq!(count(&summary, "/interrupted/requests"), 0);
    assert_eq!(count(&summary, "/interrupted/iterations"), 0);
}

/// Answered at once, before the gate holds what comes.
const AT_ONCE: u64 = 500;

/// A run whose 64 virtual users all wait for an answer, behind nginx at the gate.
fn run_at_the_gate() -> (Gate, Nginx, Running) {
    let gate = Gate::start(AT_ONCE);
    let nginx = Nginx::start(&format!("proxy_pass http://{};", gate.address));
    let run = Running::start(load(&nginx.0.url(), ""));
    wait_until("all virtual users wait", || gate.held() == 64);
    (gate, nginx, run)
}

#[test]
fn an_interrupt_lets_what_is_under_way_end() {
    let (gate, nginx, mut run) = run_at_the_gate();
    run.interrupt();
    run.stderr_line("stopping: iterations under way may end");
    gate.open();
    let summary = run.finish().expect(105).summary();
    assert_eq!(summary["end"]["reason"], "interrupted");
    assert_eq!(summary["end"]["forced"], false);
    assert_eq!(count(&summary, "/total/count"), AT_ONCE + 64);
    assert_eq!(count(&summary, "/total/failures"), 0);
    assert_eq!(count(&summary, "/iterations/0/count"), AT_ONCE + 64);
    assert_eq!(count(&summary, "/interrupted/requests"), 0);
    assert_eq!(count(&summary, "/interrupted/iterations"), 0);
    assert_eq!(by_status(&nginx.into_log()), BTreeMap::from([(200, AT_ONCE + 64)]));
}

/// Lines with status 200 are the summary's requests. Those with 499, nginx's own for a client that closed the connection
/// before it had its answer, are the summary's interrupted requests. There are no others.
#[test]
fn a_second_interrupt_cuts_off_what_is_under_way() {
    let (_gate, nginx, mut run) = run_at_the_gate();
    run.interrupt();
    run.stderr_line("stopping: iterations under way may end");
    run.interrupt();
    let summary = run.finish().expect(105).summary();
    // The connection that asks is open too.
    wait_until("nginx has seen all connections close", || nginx.status().0 == 1);
    assert_eq!(summary["end"]["reason"], "interrupted");
    assert_eq!(summary["end"]["forced"], true);
    assert_eq!(count(&summary, "/total/count"), AT_ONCE);
    assert_eq!(count(&summary, "/total/failures"), 0);
    assert_eq!(count(&summary, "/interrupted/requests"), 64);
    assert_eq!(count(&summary, "/interrupted/iterations"), 64);
    assert_eq!(by_status(&nginx.into_log()), BTreeMap::from([(200, AT_ONCE), (499, 64)]));
}
